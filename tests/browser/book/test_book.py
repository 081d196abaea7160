"""The finished book (`make pages` builds it): offline, accessible, alive, and fit for print."""

import json
import re
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest

from vidlab.labs.catalogue import scan

ARTEFACTS = Path(__file__).parents[3] / "artefacts"
BOOK = ARTEFACTS / "book"
LABS = [entry.id for entry in scan()[0]]
PAGES = sorted(
    path.relative_to(BOOK).as_posix()
    for path in BOOK.rglob("*.html")
    if "_static" not in path.parts
)
pytestmark = pytest.mark.skipif(not PAGES, reason="no book was built; `make pages` builds it")


@pytest.fixture
def look(chromium):
    """Open a page of the book; afterwards nothing may have come from elsewhere or gone wrong."""
    opened = []

    def open_page(name, scheme="light", width=1280):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        page = context.new_page()
        seen = SimpleNamespace(page=page, requests=[], failed=[], complaints=[])
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("requestfailed", lambda request: seen.failed.append((request.failure, request.url)))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        opened.append(seen)
        file, _, query = name.partition("?")
        page.goto((BOOK / file).as_uri() + f"?{query}" * bool(query))
        page.wait_for_timeout(300)
        return page

    yield open_page
    for seen in opened:
        outside = [url for url in seen.requests if not re.match("(file|data|blob):", url)]
        seen.page.context.close()
        assert not outside, f"the page asked the network for {outside}"
        # A test may leave a page before all of it has come.
        lacking = [url for failure, url in seen.failed if "ABORTED" not in failure]
        assert not lacking, f"the page lacks {lacking}"
        assert not seen.complaints, f"the page complained: {seen.complaints}"


def test_every_lab_has_a_page():
    assert {f"labs/{lab}.html" for lab in LABS} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_no_serious_finding_of_accessibility(look, name):
    page = look(name)
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    page.evaluate(axe)
    # The colours of code are the same everywhere and take long to look at: once is enough.
    where = {"exclude": [] if name == "scenes.html" else [["pre"], ["math"]]}
    found = page.evaluate(_FIND, [where, {"resultTypes": ["violations"], "preload": False}])
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_timeout(300)  # the theme fades
    found += page.evaluate(_FIND, [where, {"runOnly": ["color-contrast"], "preload": False}])
    assert not found, json.dumps(found, indent=1)


_FIND = """async ([where, options]) => (await axe.run(where, options)).violations
    .filter((rule) => ["serious", "critical"].includes(rule.impact))
    .map((rule) => [document.documentElement.dataset.theme, rule.id, rule.nodes.length,
        ...rule.nodes.slice(0, 3).map((node) => [node.html.slice(0, 200), node.target,
            node.any[0]?.message])])"""


@pytest.mark.parametrize("name", [f"labs/{lab}.html" for lab in LABS])
def test_no_formula_is_left_as_tex(look, name):
    page = look(name)
    assert page.locator("code.tex").count() == 0
    text = page.locator("article").evaluate(
        "(a) => { const b = a.cloneNode(true); b.querySelectorAll('pre, code, script, style, math')"
        ".forEach((n) => n.remove()); return b.textContent }"
    )
    assert not re.findall(r"\$[^$\n]{1,60}\$", text)


@pytest.mark.parametrize("name", [f"labs/{lab}.html" for lab in LABS])
def test_explorers_are_alive_on_a_lab_page(look, name):
    page = look(name)
    explorers = page.locator(".vl-explorer")
    for i in range(explorers.count()):
        one = explorers.nth(i)
        one.scroll_into_view_if_needed()
        assert one.get_attribute("aria-label")
        assert one.locator("canvas, svg, table").first.is_visible()
    if explorers.count():
        ARTEFACTS.mkdir(exist_ok=True)
        explorers.first.screenshot(path=ARTEFACTS / f"book-{Path(name).stem}-explorer.png")


def test_an_explorer_in_the_book_answers_the_keyboard(look):
    page = look("labs/smkd.html")
    explorer = page.locator(".vl-similarity").first
    canvas = explorer.locator("canvas").first
    before = canvas.evaluate("(c) => c.toDataURL()")
    explorer.locator("[tabindex='0']").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    assert canvas.evaluate("(c) => c.toDataURL()") != before


def test_explorers_follow_the_books_theme(look):
    page = look("labs/smkd.html")
    explorer = page.locator(".vl-explorer").first
    for theme in ("dark", "light"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        page.wait_for_timeout(200)
        assert explorer.get_attribute("data-theme") == theme


def test_no_page_is_wider_than_a_telephone(look):
    for name in [f"labs/{lab}.html" for lab in LABS] + ["scoreboard.html", "index.html"]:
        page = look(name, width=400)
        # Wide tables and code scroll by themselves; the page does not.
        assert page.evaluate("document.documentElement.scrollWidth") <= 410, name


def test_every_picture_has_a_text(look):
    for name in PAGES:
        page = look(name)
        without = page.locator("article img:not([alt]), article img[alt='']")
        assert without.count() == 0, (name, without.first.get_attribute("src")[:80])


def test_search_works_from_a_file(look):
    page = look("search.html?q=blank")
    page.wait_for_selector("#search-results li", timeout=60_000)


def test_print(chromium):
    """A lab as PDF: A4, all of it, no sidebar; kept for people to look at."""
    context = chromium.new_context(color_scheme="light")
    page = context.new_page()
    page.goto((BOOK / "labs/radialctc.html").as_uri())
    page.wait_for_timeout(1000)
    page.emulate_media(media="print")
    assert not page.locator(".bd-sidebar-primary").is_visible()
    path = ARTEFACTS / "book-radialctc.pdf"
    page.pdf(path=path, format="A4", print_background=True)
    context.close()
    data = path.read_bytes()
    assert data.startswith(b"%PDF")
    assert 8 <= len(re.findall(rb"/Type\s*/Page\b", data)) <= 60
