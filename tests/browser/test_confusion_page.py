"""The confusion explorer's page: its numbers, its cursor and clips, its looks."""

import numpy as np
import pytest

from vidlab.widgets import ConfusionExplorer
from vidlab.widgets.base import DIVERGING, SEQUENTIAL

pytestmark = pytest.mark.browser

NAMES = ["nothing", "HELLO", "RAIN", "TOMORROW", "NORTH-WIND-STRONG", "SUN", "SNOW"]


def make(classes=7, count=120, models=("CTC", "WS + GSBA"), clips=True, names=None, **changes):
    """Two models, the second with fewer errors; classes are confused in pairs."""
    random = np.random.default_rng(0)
    names = names or (NAMES + [f"gloss {k}" for k in range(classes)])[:classes]
    truth = np.minimum(random.geometric(min(2.5 / classes, 0.6), count) - 1, classes - 1)
    predictions = {}
    for m, model in enumerate(models):
        wrong = random.random(count) < 0.4 - 0.25 * m
        other = np.where(random.random(count) < 0.7, truth ^ 1, random.integers(0, classes, count))
        predictions[model] = np.where(wrong, np.minimum(other, classes - 1), truth)
    films = None
    if clips:
        films = [None if n % 5 == 4 else film(n, truth[n]) for n in range(count)]
    return ConfusionExplorer(
        truth,
        predictions,
        names,
        **{"clips": films, "clip_names": [f"sentence {n}" for n in range(count)], **changes},
    )


def film(n, k):
    """Eight frames whose colour tells the sample, the class and the time."""
    frames = np.zeros((8, 24, 32, 3), np.uint8)
    frames[..., 0], frames[..., 1] = n % 250, 30 * (k % 8)
    frames[..., 2] = (30 * np.arange(8))[:, None, None]
    return frames


def choose(one, name, value):
    one.page.get_by_role("combobox", name=name, exact=True).select_option(value)
    one.settle()


def fact(one, name):
    one.settle()
    return one.page.locator(f"[data-fact={name}]").inner_text()


def table(one):
    one.settle()
    rows = one.page.locator(".vl-table tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def geometry(one, names):
    """Left, top and an entry's size on the canvas (as confusion_plot.js lays it out)."""
    return one.page.evaluate(
        """([names]) => {
            const canvas = document.querySelector(".vl-plot");
            const context = document.createElement("canvas").getContext("2d");
            const font = getComputedStyle(canvas.closest(".vl-explorer"))
                .getPropertyValue("--vl-font").trim();
            context.font = `600 11px ${font}`;
            const widest = Math.max(...names.map((n) => context.measureText(n).width), 24);
            const width = canvas.clientWidth;
            const left = Math.ceil(Math.min(widest + 10, width * 0.22, 130)) + 20;
            return [left, 8, (width - left - 6) / names.length];
        }""",
        [names],
    )


def place(one, explorer, row, column, order="given"):
    """Where the entry of two classes lies on the canvas, in CSS pixels."""
    left, top, cell = geometry(one, explorer._names)
    order = explorer._orders[order][next(iter(explorer._predictions))]
    return left + (order.index(column) + 0.5) * cell, top + (order.index(row) + 0.5) * cell


def click(one, explorer, row, column, order="given"):
    x, y = place(one, explorer, row, column, order)
    one.page.locator(".vl-plot").click(position={"x": x, "y": y})
    one.settle()


def rgb(text):
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "–"


def test_the_read_out_has_pythons_numbers(visit):
    explorer = make()
    one = visit(explorer.html(), expose=True)
    for model in ("CTC", "WS + GSBA"):
        choose(one, "model", model)
        counts = explorer.counts(model)
        correct = np.trace(counts)
        at = 0 if model == "CTC" else 1
        assert fact(one, f"correct-{at}") == f"{correct} of 120 ({percent(correct, 120)})"
        for row, column in ((0, 1), (3, 2), (6, 6)):
            click(one, explorer, row, column)
            assert one.traits("row", "column") == [row, column]
            assert (fact(one, "true"), fact(one, "taken")) == (NAMES[row], NAMES[column])
            n, total = counts[row, column], counts[row].sum()
            assert fact(one, f"entry-{at}") == f"{n} of {total} ({percent(n, total)})"
            expected = [
                [
                    NAMES[k],
                    percent(counts[k, k], counts[k].sum()),
                    percent(counts[k, k], counts[:, k].sum()),
                    str(counts[k].sum()),
                    str(counts[:, k].sum()),
                ]
                for k in dict.fromkeys([row, column])
            ]
            assert table(one) == expected


def test_the_difference_counts_samples_and_points(visit):
    explorer = make()
    one = visit(explorer.html(), expose=True)
    choose(one, "minus", "WS + GSBA")
    assert one.traits("model", "compare") == ["CTC", "WS + GSBA"]
    a, b = explorer.counts("CTC"), explorer.counts("WS + GSBA")
    for row, column in ((0, 1), (1, 1)):
        click(one, explorer, row, column)
        n = a[row, column] - b[row, column]
        points = 100 * n / a[row].sum()
        shown = fact(one, "difference").replace("−", "-")
        assert shown == f"{n:+d} samples, {points:+.1f} points"
        assert n != 0
    assert [row[1] for row in table(one)] == ["CTC", "WS + GSBA"]


def test_colours_are_the_square_root_of_shares_in_every_order(visit):
    truth, predicted = [0] * 4 + [1] * 4 + [2] * 8, [0, 0, 0, 1] + [1] * 4 + [0] * 8
    explorer = ConfusionExplorer(truth, predicted, ["a", "b", "c"])
    explorer.row, explorer.column = 1, 2
    for order in ("given", "frequency", "error"):
        explorer.order = order
        one = visit(explorer.html())
        stops = np.array([rgb(stop) for stop in SEQUENTIAL["light"]], float)
        for row, column, share in ((0, 0, 0.75), (0, 1, 0.25), (2, 0, 1), (2, 1, 0), (1, 1, 1)):
            x, y = place(one, explorer, row, column, order)
            at = np.sqrt(share) * (len(stops) - 1)
            expected = [np.interp(at, range(len(stops)), stops[:, c]) for c in range(3)]
            found = one.pixel(".vl-plot", x + 20, y + 20)
            assert found == pytest.approx(expected, abs=5), (order, row, column)


def test_a_difference_has_its_own_colours_blue_for_the_first_model(visit):
    explorer = ConfusionExplorer([0, 0, 1, 1], {"A": [0, 0, 1, 1], "B": [1, 1, 1, 1]}, ["a", "b"])
    explorer.compare, explorer.row, explorer.column = "B", 1, 1
    one = visit(explorer.html())
    for row, column, colour in ((0, 0, -1), (0, 1, 0), (1, 0, 3)):
        x, y = place(one, explorer, row, column)
        found = one.pixel(".vl-plot", x + 30, y + 30)
        assert found == pytest.approx(rgb(DIVERGING["light"][colour]), abs=4)


def test_keys_walk_in_the_order_shown(visit):
    explorer = make()
    explorer.order, explorer.row, explorer.column = "frequency", 0, 0
    order = explorer._orders["frequency"]["CTC"]
    assert order != sorted(order)
    one = visit(explorer.html(), expose=True)
    one.page.locator(".vl-plot").focus()
    one.press("PageUp", "Home")
    assert one.traits("row", "column") == [order[0], order[0]]
    one.press("ArrowDown", "ArrowDown", "ArrowRight")
    assert one.traits("row", "column") == [order[2], order[1]]
    one.press("End", "ArrowRight", "PageDown", "ArrowUp")
    assert one.traits("row", "column") == [order[5], order[6]]


def test_a_new_order_moves_the_picture_and_keeps_the_classes(visit):
    explorer = make()
    one = visit(explorer.html(), expose=True)
    click(one, explorer, 2, 3)
    pictures = {one.picture(".vl-plot")}
    for order in ("frequency", "error", "cluster"):
        choose(one, "order", order)
        pictures.add(one.picture(".vl-plot"))
        assert one.traits("order", "row", "column") == [order, 2, 3]
        click(one, explorer, 5, 4, order)
        assert one.traits("row", "column") == [5, 4]
        click(one, explorer, 2, 3, order)
    choose(one, "show", "count")
    assert one.traits("normalised") == [False]
    pictures.add(one.picture(".vl-plot"))
    assert len(pictures) == 5


def test_an_entry_shows_its_clips_and_names(visit):
    explorer = make()
    one = visit(explorer.html(), expose=True)
    click(one, explorer, 0, 1)
    truth, predicted = explorer._truth, explorer._predictions["CTC"]
    inside = np.flatnonzero((truth == 0) & (predicted == 1))
    assert fact(one, "shown") == f"{len(inside)} samples"
    names = one.page.locator(".vl-clip figcaption").all_inner_texts()
    assert names == [f"sentence {n}" for n in inside[:12]]
    with_clip = [n for n in inside[:12] if n % 5 != 4]
    shown = one.page.locator(".vl-clip canvas").all()
    assert len(shown) == len(with_clip)
    assert one.page.locator(".vl-no-clip").count() == len(inside[:12]) - len(with_clip)
    for n, canvas in zip(with_clip, shown, strict=True):
        for _ in range(50):  # the clip may still be decoding
            if any(one.pixel(canvas, 40, 48)):
                break
            one.page.wait_for_timeout(100)
        assert one.pixel(canvas, 40, 48) == [n % 250, 0, 120]  # the frame in the middle
    empty = np.argwhere(explorer.counts("CTC") == 0)[-1].tolist()
    click(one, explorer, *empty)
    assert fact(one, "shown") == "0 samples"
    assert "No sample here" in one.page.locator(".vl-clips").inner_text()


def test_many_clips_come_in_pages(visit):
    explorer = make(classes=2, count=80, models=("m",))
    one = visit(explorer.html(), expose=True)
    click(one, explorer, 0, 0)
    inside = np.flatnonzero((explorer._truth == 0) & (explorer._predictions["m"] == 0))
    assert 24 < len(inside) <= 36
    caption = one.page.locator(".vl-clip figcaption")
    on = one.page.get_by_role("button", name="next clips")
    for start in (0, 12, 24, 0):
        expected = [f"sentence {n}" for n in inside[start : start + 12]]
        assert caption.all_inner_texts() == expected
        on.click()
    one.page.get_by_role("button", name="previous clips").click()
    assert caption.first.inner_text() == f"sentence {inside[0]}"


def test_enter_plays_and_pauses_the_clips(visit):
    explorer = make()
    one = visit(explorer.html(), expose=True)
    click(one, explorer, 0, 1)
    clip = one.page.locator(".vl-clip canvas").first
    play = one.page.get_by_role("button", name="play the clips")
    assert play.inner_text() == "play"  # the visitor's system asks for less motion
    one.page.locator(".vl-plot").focus()
    one.press("Enter")
    seen = set()
    for _ in range(60):
        seen.add(one.pixel(clip, 40, 48)[2])
        if len(seen) > 3:
            break
        one.page.wait_for_timeout(100)
    assert len(seen) > 3
    assert seen <= set(range(0, 240, 30))
    one.press("Enter")
    still = {
        tuple(one.pixel(clip, 40, 48)) for _ in range(3) if one.page.wait_for_timeout(400) is None
    }
    assert len(still) == 1


def test_in_a_difference_clips_say_whose_they_are(visit):
    explorer = make(clips=None)
    one = visit(explorer.html(), expose=True)
    click(one, explorer, 0, 1)
    choose(one, "minus", "WS + GSBA")
    a, b = ((explorer._truth == 0) & (p == 1) for p in explorer._predictions.values())
    tags = one.page.locator(".vl-by").all_inner_texts()
    expected = ["only CTC"] * (a & ~b).sum() + ["only WS + GSBA"] * (b & ~a).sum()
    expected += ["both"] * (a & b).sum()
    assert tags == expected[:48]
    assert len(set(tags)) >= 2
    names = one.page.locator(".vl-clip figcaption").all_inner_texts()
    assert names[0] == f"sentence {np.flatnonzero(a & ~b)[0]}"


def test_the_pointer_tells_an_entry_without_a_click(visit):
    explorer = make()
    one = visit(explorer.html(), expose=True)
    before = one.traits("row", "column")
    x, y = place(one, explorer, 2, 2)
    one.page.locator(".vl-plot").hover(position={"x": x, "y": y})
    counts = explorer.counts("CTC")
    n, total = counts[2, 2], counts[2].sum()
    words = f"RAIN → RAIN: {n} of {total} ({percent(n, total)})"
    assert one.page.locator(".vl-tooltip").inner_text() == words
    assert one.traits("row", "column") == before
    one.page.locator(".vl-plot").hover(position={"x": 5, "y": 5})
    assert not one.page.locator(".vl-tooltip").is_visible()


def test_the_kernels_values_are_shown(visit):
    one = visit(make().html(), expose=True)
    one.page.evaluate("traits.set('row', 4); traits.set('order', 'error')")
    one.page.evaluate("traits.set('compare', 'WS + GSBA'); traits.set('normalised', false)")
    assert fact(one, "true") == NAMES[4]
    values = [box.input_value() for box in one.page.get_by_role("combobox").all()]
    assert values == ["CTC", "WS + GSBA", "error", "count"]


def test_one_model_has_nothing_to_choose_and_empty_rows_no_share(visit):
    explorer = ConfusionExplorer([0, 0, 2], [0, 1, 2], ["a", "b", "c"])
    one = visit(explorer.html(), expose=True)
    assert not one.page.get_by_role("combobox", name="model").is_visible()
    click(one, explorer, 1, 1)
    assert fact(one, "entry-0") == "0 of 0 (–)"
    assert table(one) == [["b", "–", "0.0 %", "0", "1"]]
    assert one.page.locator(".vl-contact button:visible").count() == 0
    click(one, explorer, 0, 1)
    assert one.page.locator("figcaption").inner_text() == "sample 1"


def test_hostile_names_stay_text(visit):
    bad = "<img src=x onerror=window.hacked=1>"
    worse = "</script><script>window.hacked=1</script>"
    explorer = make(
        classes=2, count=9, models=(bad, worse), names=[bad, worse], clip_names=[bad] * 9, title=bad
    )
    explorer.compare, explorer.row, explorer.column = worse, 0, 0
    one = visit(explorer.html(), expose=True)
    x, y = place(one, explorer, 0, 1)
    one.page.locator(".vl-plot").hover(position={"x": x, "y": y})
    click(one, explorer, 0, 0)
    one.page.wait_for_timeout(200)
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("img").count() == 0
    assert one.page.locator("h3").inner_text() == bad
    assert fact(one, "true") == bad
    assert one.page.locator("figcaption").first.inner_text() == bad


def test_every_control_is_reached_by_tab_and_every_picture_has_words(visit):
    explorer = make(classes=2, count=80)
    explorer.row = explorer.column = 0
    one = visit(explorer.html())
    assert one.tab(8) == [
        "model", "minus", "order", "show", "confusion matrix", "previous clips", "next clips",
        "play the clips",
    ]  # fmt: skip
    labels = [c.get_attribute("aria-label") for c in one.page.locator("canvas").all()]
    assert len(labels) > 2
    assert all(labels)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 700, 1000])
def test_nothing_is_cut_off(visit, scheme, width):
    explorer = make(classes=18, count=400)
    explorer.compare, explorer.order = "WS + GSBA", "cluster"
    one = visit(explorer.html(), width=width, scheme=scheme)
    assert one.theme() == scheme
    assert not one.cut_off("canvas, .vl-panel, .vl-select, .vl-clip, .vl-table")
    one.shoot(f"confusion-{scheme}-{width}")


def test_a_hundred_classes_stay_usable(visit):
    explorer = make(classes=100, count=3000, clips=None)
    explorer.order = "frequency"
    one = visit(explorer.html(), expose=True)
    click(one, explorer, 57, 56, "frequency")
    assert one.traits("row", "column") == [57, 56]
    one.shoot("confusion-hundred")
