"""Pictures of the built book for the README: python book/images/make_screenshots.py [BOOK]

BOOK is the folder of the pages (default: book/_build/html, where `make book` puts them). Needs
Playwright and Chromium.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
BOOK = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent / "_build" / "html").resolve()
# name, page, what must be in view, theme
SHOTS = [
    ("book-lab", "labs/smkd.html", ".vl-similarity", "light"),
    ("book-scoreboard", "scoreboard.html", ".vidlab-board", "light"),
    ("book-attention", "labs/attention-on-video.html", ".vl-attention", "dark"),
]

with sync_playwright() as driver:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    browser = driver.chromium.launch(
        executable_path=program, args=["--headless", "--no-sandbox", "--disable-gpu"]
    )
    for name, page_name, selector, theme in SHOTS:
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme=theme)
        page.goto((BOOK / page_name).as_uri())
        page.wait_for_timeout(1500)
        page.locator(selector).first.evaluate("(e) => e.scrollIntoView()")
        page.evaluate("window.scrollBy(0, -150)")
        page.wait_for_timeout(500)
        page.screenshot(path=HERE / f"{name}.png")
        print(HERE / f"{name}.png")
    browser.close()
