"""What holds for every explorer: when it is painted, neighbours, words on its pictures, focus."""

import importlib.util
from itertools import pairwise
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

# Each explorer's own test module knows how to make one.
MAKERS = {
    "alignment": "digits",
    "attention": "patches",
    "binarization": "make",
    "confusion": "make",
    "gloss_alignment": "explore",
    "order": "make",
    "proposals": "make",
    "similarity": "make",
    "sphere": "build",
    "tagging": "explore",
}

# Frames arrive when the test says so: until then every image stays without its source.
LATE_FRAMES = """<script>
    const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
    const held = [];
    Object.defineProperty(HTMLImageElement.prototype, "src", {
        ...source, set(address) { held.push(() => source.set.call(this, address)); },
    });
    window.release = () => { while (held.length) held.pop()(); };
</script>"""

# The moment an explorer says that it is painted, which of its canvases are blank.
WITNESS = """<script>
    window.blank = {};
    const isBlank = (canvas) => {
        const copy = document.createElement("canvas");
        [copy.width, copy.height] = [canvas.width, canvas.height];
        const context = copy.getContext("2d", { willReadFrequently: true });
        context.drawImage(canvas, 0, 0);
        const { data } = context.getImageData(0, 0, copy.width, copy.height);
        return data.every((byte) => byte === 0);
    };
    new MutationObserver((changes) => {
        for (const { target } of changes) {
            const shown = [...target.querySelectorAll("canvas")]
                .filter((canvas) => canvas.getClientRects().length);
            blank[target.className] = shown.filter(isBlank).map((canvas) => canvas.className);
        }
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-painted"] });
</script>"""

# Every text of a canvas since it was last cleared, with the box of its ink in CSS pixels.
INK = """<script>
    window.inks = new Map();
    const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
        inks.set(this.canvas, []);
        clearRect.apply(this, box);
    };
    CanvasRenderingContext2D.prototype.fillText = function (words, x, y) {
        const m = this.measureText(words);
        const corners = [[x - m.actualBoundingBoxLeft, y - m.actualBoundingBoxAscent],
            [x + m.actualBoundingBoxRight, y + m.actualBoundingBoxDescent]]
            .map(([a, b]) => this.getTransform().transformPoint(new DOMPoint(a, b)));
        const [xs, ys] = [corners.map((p) => p.x), corners.map((p) => p.y)]
            .map((all) => all.map((value) => value / devicePixelRatio));
        if (words.trim()) {
            inks.get(this.canvas).push({ words, left: Math.min(...xs), right: Math.max(...xs),
                top: Math.min(...ys), bottom: Math.max(...ys) });
        }
        fillText.call(this, words, x, y);
    };
</script>"""
FAULTS = """() => [...inks].flatMap(([canvas, texts]) => {
    if (!canvas.isConnected || !canvas.getClientRects().length) return [];
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    return texts.flatMap((a, i) => [
        ...(Math.min(a.left, a.top, width - a.right, height - a.bottom) < -0.5
            ? [`${canvas.className}: "${a.words}" is cut off`] : []),
        ...texts.slice(0, i).filter((b) =>
            Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
            Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
            .map((b) => `${canvas.className}: "${a.words}" lies over "${b.words}"`),
    ]);
})"""

# What an explorer's elements look like and where they lie in it, with all style sheets of the page
# and with its own alone: the elements where that differs.
MOVED = """(root) => {
    const looks = () => {
        const own = root.getBoundingClientRect();
        return [...root.querySelectorAll("*")].map((node) => {
            const { x, y, width, height } = node.getBoundingClientRect();
            if (!width) return ""; // not shown
            const style = getComputedStyle(node);
            return [x - own.x, y - own.y, width, height].map(Math.round).join() +
                [style.margin, style.padding, style.font, style.color, style.borderRadius,
                    style.outlineOffset, style.backgroundColor, style.display].join();
        });
    };
    const sheet = root.parentNode.nextElementSibling.sheet;
    const together = looks();
    for (const other of document.styleSheets) other.disabled = other !== sheet;
    const alone = looks();
    for (const other of document.styleSheets) other.disabled = false;
    return [...root.querySelectorAll("*")].filter((_, i) => together[i] !== alone[i])
        .map((node) => `${node.tagName}.${node.className}`);
}"""


@pytest.fixture(scope="module")
def pages():
    """One page fragment a kind of explorer."""
    found = {}
    for name, maker in MAKERS.items():
        path = Path(__file__).with_name(f"test_{name}_page.py")
        spec = importlib.util.spec_from_file_location(f"{name}_page", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[name] = getattr(module, maker)().html()
    return found


def painted(one):
    """By explorer: what its attribute says, None while it has none."""
    one.settle()
    found = one.page.locator(".vl-explorer").evaluate_all(
        "(roots) => roots.map((root) => root.dataset.painted ?? null)"
    )
    return dict(zip(MAKERS, found, strict=True))


def test_painted_means_that_every_canvas_shows_its_picture(visit, pages):
    one = visit(*pages.values(), head=WITNESS)
    blank = one.page.evaluate("blank")
    assert len(blank) == len(MAKERS)
    assert {name: names for name, names in blank.items() if names} == {}
    now = one.page.evaluate("performance.now()")
    for value in painted(one).values():
        assert 0 < float(value) < now


def test_painted_waits_for_the_frames(chromium, pages, tmp_path):
    """Only the explorers that show frames wait for them."""
    path = tmp_path / "late.html"
    path.write_text(f"<!doctype html>{LATE_FRAMES}{WITNESS}{''.join(pages.values())}", "utf-8")
    page = chromium.new_page(reduced_motion="reduce")
    page.goto(path.as_uri())
    for name in ("binarization", "tagging"):
        page.wait_for_selector(f".vl-{name}[data-painted]")
    for _ in range(5):
        page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    assert page.locator("[data-painted]").count() == 2
    page.evaluate("release()")
    page.wait_for_function(f"document.querySelectorAll('[data-painted]').length === {len(MAKERS)}")
    assert not any(page.evaluate("blank").values())
    page.close()


def test_an_explorer_that_nobody_can_see_is_not_painted(visit, pages):
    folded = f"<details><summary>more</summary>{pages['similarity']}</details>"
    one = visit(pages["sphere"], folded)
    one.settle()
    assert one.page.locator("[data-painted]").count() == 1
    one.page.locator("summary").click()
    one.page.wait_for_selector(".vl-similarity[data-painted]")


def test_neighbours_on_a_page_leave_each_other_alone(visit, pages):
    one = visit(*pages.values())
    roots = one.page.locator(".vl-explorer")
    boxes = [roots.nth(i).bounding_box() for i in range(len(MAKERS))]
    for upper, lower in pairwise(boxes):
        assert lower["y"] - upper["y"] - upper["height"] >= 8
    for i, name in enumerate(pages):
        assert roots.nth(i).evaluate(MOVED) == [], name


@pytest.mark.parametrize("width", [1000, 420])
def test_no_words_of_a_picture_are_cut_or_lie_over_others(visit, pages, width):
    one = visit(*pages.values(), width=width, head=INK)
    assert one.page.evaluate(FAULTS) == []
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_shows_that_it_has_the_focus(visit, pages):
    """With the keyboard from control to control: each has an outline that can be seen."""
    one = visit(*pages.values())
    seen = set()
    for _ in range(400):
        one.page.keyboard.press("Tab")
        kind, where, outline = one.page.evaluate(
            """() => {
                const node = document.activeElement;
                const style = getComputedStyle(node);
                const root = node.closest(".vl-explorer");
                return [root?.classList[1], `${node.tagName}.${node.className}`,
                    [style.outlineStyle, parseFloat(style.outlineWidth)]];
            }"""
        )
        if kind is None:
            break
        seen.add(kind)
        assert outline == ["solid", 2], f"{kind} {where}"
    assert len(seen) == len(MAKERS)
