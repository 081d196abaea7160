"""A headless Chromium for the explorers' pages; without one these tests are left out."""

import importlib.util
import os
import re
import shutil
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
ARTEFACTS = Path(__file__).parents[2] / "artefacts"
SHELL = (
    "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>explorers</title></head>"
    "<body style='margin:24px'>{}</body></html>"
)

# The least contrast of any text with its ground (WCAG 2 wants 4.5).
CONTRAST = """(root) => {
    const light = (rgb) => rgb.match(/\\d+(\\.\\d+)?/g).slice(0, 3).map(Number)
        .map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (node) => {
        const colour = getComputedStyle(node).backgroundColor;
        return colour === "rgba(0, 0, 0, 0)" ? ground(node.parentElement) : colour;
    };
    let worst = Infinity;
    for (const node of root.querySelectorAll("*")) {
        const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
        if (!own || node.tagName === "OPTION") continue;
        const [a, b] = [light(getComputedStyle(node).color), light(ground(node))];
        worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
    return worst;
}"""

# Every explorer on show has drawn its first whole picture.
PAINTED = """() => [...document.querySelectorAll(".vl-explorer")]
    .every((root) => root.dataset.painted || !root.checkVisibility())"""

# What of an explorer is wider than its room, or reaches beyond the explorer's edge.
CUT_OFF = """(root, [parts, rooms]) => {
    const edge = root.getBoundingClientRect();
    const shown = [...root.querySelectorAll(parts)].filter((node) => node.checkVisibility());
    const outside = shown.map((node) => [node, node.getBoundingClientRect()])
        .filter(([, box]) => box.left < edge.left || box.right > edge.right);
    const wide = [root, ...(rooms ? root.querySelectorAll(rooms) : [])]
        .filter((node) => node.scrollWidth > node.clientWidth);
    return !shown.length ? ["nothing is shown"]
        : [...wide, ...outside.map(([node]) => node)].map((node) => node.outerHTML.slice(0, 80));
}"""

# A control's name: its own, or that of its label.
NAME = """() => document.activeElement.getAttribute("aria-label")
    ?? document.activeElement.labels[0].firstChild.textContent"""

# Rules of accessibility that the explorers break, and where.
FINDINGS = """async () => (await axe.run(".vl-explorer", { preload: false })).violations
    .map((rule) => [rule.id, rule.nodes.map((node) => node.html.slice(0, 200))])"""

# A colour, read from a copy made for reading (a canvas on screen answers slowly).
PIXEL = """(canvas, [x, y]) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    return [...context.getImageData(Math.round(x), Math.round(y), 1, 1).data.slice(0, 3)];
}"""


def find_chromium() -> str | None:
    """The path of a browser on this machine."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def what_is_missing() -> str | None:
    """Why browser tests cannot run here, in one line."""
    if importlib.util.find_spec("playwright") is None:
        return "browser tests left out: no Playwright found; install vidlab's `dev` extra"
    if find_chromium() is None:
        return (
            "browser tests left out: no Chromium found; install it with `apt install chromium` "
            "or your system's package manager"
        )
    return None


def pytest_collection_modifyitems(config, items):
    """Without a browser one test stands for all of them: it is skipped and says why, once."""
    reason = what_is_missing()
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    if not reason or not here:
        return
    here[0].add_marker(pytest.mark.skip(reason=reason))
    config.hook.pytest_deselected(items=here[1:])
    items[:] = [item for item in items if item not in here[1:]]


@pytest.fixture(scope="session")
def chromium():
    """The browser of the whole session."""
    from playwright.sync_api import sync_playwright  # absent where these tests are left out

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page from a file, and everything it complained about or asked the network for."""

    page: object
    complaints: list = field(default_factory=list)
    requests: list = field(default_factory=list)

    def settle(self) -> None:
        """Wait for two screen refreshes: what was asked for is drawn."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def picture(self, selector: str) -> str:
        """The pixels of a canvas, to compare."""
        self.settle()
        return self.page.locator(selector).first.evaluate("(canvas) => canvas.toDataURL()")

    def contrast(self) -> float:
        """The least contrast between any text of the first explorer and its background."""
        self.settle()
        return self.page.locator(".vl-explorer").first.evaluate(CONTRAST)

    def theme(self) -> str:
        """The theme of the first explorer: light or dark."""
        return self.page.locator(".vl-explorer").first.get_attribute("data-theme")

    def cut_off(self, parts: str, rooms: str = "") -> list[str]:
        """What sticks out of the first explorer: of its parts, or of rooms within it."""
        return self.page.locator(".vl-explorer").first.evaluate(CUT_OFF, [parts, rooms])

    def findings(self) -> list:
        """What axe finds wrong with the explorers' accessibility."""
        axe = resources.files("axe_playwright_python").joinpath("axe.min.js")
        self.page.evaluate(axe.read_text("utf-8"))
        return self.page.evaluate(FINDINGS)

    def tab(self, count: int) -> list[str]:
        """Names of the controls that are reached by pressing Tab so many times."""
        reached = []
        for _ in range(count):
            self.press("Tab")
            reached.append(self.page.evaluate(NAME))
        return reached

    def press(self, *keys: str) -> None:
        """Press keys one after the other, and wait until the page has followed."""
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def traits(self, *names: str) -> list:
        """Values of the in-page model's traits (needs ``visit(..., expose=True)``)."""
        self.settle()
        return self.page.evaluate("(names) => names.map((name) => traits.get(name))", list(names))

    def pixel(self, canvas: object, x: float, y: float) -> list[int]:
        """Red, green and blue at a point of a canvas (a selector or a locator)."""
        self.settle()
        node = self.page.locator(canvas).first if isinstance(canvas, str) else canvas
        return node.evaluate(PIXEL, [x, y])

    def shoot(self, name: str) -> None:
        """A screenshot for people to look at."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.settle()
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)


@pytest.fixture
def visit(chromium, tmp_path):
    """Open fragments of HTML from a file; afterwards nothing may have gone wrong in the page."""
    visits = []

    def open_page(*fragments, width=1000, scheme="light", head="", expose=False):
        path = tmp_path / f"page{len(visits)}.html"
        if expose:  # the page's model, within a test's reach
            found = "render({ model: pageModel(state),"
            assert all(page.count(found) == 1 for page in fragments)
            shown = "render({ model: (window.traits = pageModel(state)),"
            fragments = [page.replace(found, shown) for page in fragments]
        path.write_text(SHELL.format("\n".join(fragments)).replace("<head>", f"<head>{head}"))
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        one = Visit(context.new_page())
        one.page.on("console", lambda message: one.complaints.append(message.text))
        one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
        one.page.on("request", lambda request: one.requests.append(request.url))
        visits.append(one)
        one.page.goto(path.as_uri())
        one.page.wait_for_selector(".vl-explorer canvas:visible")
        one.page.wait_for_function(PAINTED)
        one.settle()
        return one

    yield open_page
    for one in visits:
        outside = [url for url in one.requests if not re.match("(file|data|blob):", url)]
        complaints = list(one.complaints)
        one.page.context.close()
        assert not complaints, f"the page complained: {complaints}"
        assert not outside, f"the page asked the network for {outside}"


@pytest.fixture(scope="session")
def quiet_environment(tmp_path_factory):
    """Environment variables for a Jupyter server that touches no settings of the user."""
    home = tmp_path_factory.mktemp("jupyter")
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = {name: str(home / name.lower()) for name in folders}
    root = str(Path(__file__).parents[2])
    return {
        **os.environ,
        **environment,
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
        "OMP_NUM_THREADS": "1",
    }
