"""The similarity explorer's page: its numbers and colours, its cursor, its looks."""

import numpy as np
import pytest

from vidlab.widgets import SimilarityExplorer
from vidlab.widgets.base import DIVERGING, SEQUENTIAL, decode_array

pytestmark = pytest.mark.browser

NAMES = ["blank", "HELLO", "RAIN", "TOMORROW", "NORTH-WIND-STRONG"]
METHODS = ("CTC", "WS", "WS + GSBA")


def make(samples=2, steps=24, methods=METHODS, names=NAMES, seed=0, **changes):
    """Features that follow the truth, and frames with a block that wanders."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(len(names), 12))
    lengths = [steps + 8 * i for i in range(samples)]
    truth = [np.arange(s) // 4 % len(names) for s in lengths]
    first, second = {}, {}
    for m, method in enumerate(methods):
        near = [centres[t] + 0.6 * random.normal(size=(len(t), 12)) for t in truth]
        first[method] = near
        second[method] = [0.6 * m * x + random.normal(size=x.shape) for x in near]
    frames = [np.zeros((4 * s, 48, 64, 3), np.uint8) for s in lengths]
    for clip in frames:
        clip[...] = (40, 60, 90)
        for t, frame in enumerate(clip):
            frame[14:30, 2 * t % 50 : 2 * t % 50 + 12] = (240, 190, 120)
    values = {
        "frames": frames,
        "steps": [4 * np.arange(s) + 1 for s in lengths],
        "truth": truth,
        "class_names": names,
    }
    return SimilarityExplorer(first, second, **{**values, **changes})


def cells(one):
    """The table's numbers, row by row."""
    one.settle()
    rows = one.page.locator(".vl-table tbody tr").all()
    return [
        [
            float(words.strip("× ").replace("−", "-"))
            for words in row.locator("td").all_inner_texts()
        ]
        for row in rows
    ]


def place(one, m, count, row, column):
    """Where an entry lies on a canvas, in CSS pixels (as similarity_plot.js lays it out)."""
    box = one.page.locator(f".vl-matrix-{m}").bounding_box()
    left, top = (44 + 9, 26 + 9)
    cell = (box["width"] - left - 4) / count
    return left + (column + 0.5) * cell, top + (row + 0.5) * cell


def colour(one, m, x, y):
    return one.pixel(f".vl-matrix-{m}", x, y)


def rgb(text):
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


def test_the_table_has_pythons_numbers(visit):
    explorer = make()
    explorer.method, explorer.sample, explorer.row, explorer.column = "WS", 1, 5, 18
    one = visit(explorer.html())
    sample = explorer._samples[1]
    for band in (2, 3):
        for m, (cosine, mass, flat, ratio) in enumerate(cells(one)):
            assert cosine == pytest.approx(sample.matrices["WS"][m, 5, 18], abs=0.0101)
            assert mass == pytest.approx(sample.mass["WS"][m, band], abs=5.1e-4)
            assert flat == pytest.approx(sample.flat[band], abs=5.1e-4)
            expected = sample.mass["WS"][m, band] / sample.flat[band]
            assert ratio == pytest.approx(expected, abs=5.1e-3)
        one.page.get_by_role("slider", name="band").focus()
        one.press("ArrowRight")


def test_rows_are_first_and_columns_second_in_every_matrix(visit):
    first, second = np.eye(6)[:5], np.eye(6)[[2, 2, 5, 5, 1]]
    explorer = SimilarityExplorer([first], [second], truth=[[0, 0, 1, 1, 2]], band=20)
    one = visit(explorer.html())
    one.page.locator("canvas").first.wait_for()
    third = first @ second.T
    assert not np.array_equal(third, third.T)
    ends = {1: rgb(DIVERGING["light"][-1]), 0: rgb(DIVERGING["light"][3])}
    for m, expected in enumerate([first @ first.T, second @ second.T, third]):
        for i in range(1, 5):  # the cursor stands in row 0 and column 0
            for j in range(1, 5):
                x, y = place(one, m, 5, i, j)
                assert colour(one, m, x + 4, y + 2) == pytest.approx(
                    ends[int(expected[i, j])], abs=4
                )


def test_the_scale_from_zero_uses_the_other_colours(visit):
    first = np.array([[1.0, 0], [1, 0], [-1, 0]])
    explorer = SimilarityExplorer([first], [first], truth=[[1, 1, 1]], band=20)
    one = visit(explorer.html(), expose=True)
    low, high = place(one, 0, 3, 1, 2), place(one, 0, 3, 1, 1)
    assert colour(one, 0, *low) == pytest.approx(rgb(DIVERGING["light"][0]), abs=4)
    one.page.get_by_role("combobox", name="colours over").select_option("positive")
    assert one.traits("signed") == [False]
    assert colour(one, 0, *low) == pytest.approx(rgb(SEQUENTIAL["light"][0]), abs=4)
    assert colour(one, 0, *high) == pytest.approx(rgb(SEQUENTIAL["light"][-1]), abs=4)


def test_keys_move_one_cursor_over_all_three(visit):
    one = visit(make().html(), expose=True)
    before = [one.picture(f".vl-matrix-{m}") for m in range(3)]
    one.page.locator(".vl-matrices").focus()
    one.press("ArrowDown", "ArrowDown", "ArrowRight")
    assert one.traits("row", "column") == [2, 1]
    assert all(one.picture(f".vl-matrix-{m}") != before[m] for m in range(3))
    one.press("PageDown", "End")
    assert one.traits("row", "column") == [12, 23]
    one.press("ArrowRight", "PageDown", "PageDown", "ArrowLeft")
    assert one.traits("row", "column") == [23, 22]
    one.press("PageUp", "Home", "ArrowUp", "ArrowLeft")
    assert one.traits("row", "column") == [12, 0]


def test_the_mouse_moves_the_cursor_on_any_matrix(visit):
    one = visit(make().html(), expose=True)
    for m, (row, column) in enumerate([(3, 20), (0, 23), (17, 5)]):
        x, y = place(one, m, 24, row, column)
        one.page.locator(f".vl-matrix-{m}").hover(position={"x": x, "y": y})
        assert one.traits("row", "column") == [row, column]
        one.page.locator(f".vl-matrix-{m}").click(position={"x": x, "y": y})
    one.press("ArrowUp")  # a click leaves the keys to the matrices
    assert one.traits("row", "column") == [16, 5]
    one.page.locator(".vl-matrix-1").hover(position={"x": 10, "y": 10})
    assert one.traits("row", "column") == [16, 5]


def test_frames_numbers_and_classes_follow_the_cursor(visit):
    explorer = make()
    one = visit(explorer.html(), expose=True)
    pictures = {one.picture(".vl-thumb-row")}
    start = one.picture(".vl-thumb-column")
    one.page.locator(".vl-matrices").focus()
    one.press(*["ArrowDown"] * 9)
    pictures.add(one.picture(".vl-thumb-row"))
    assert len(pictures) == 2
    assert one.picture(".vl-thumb-column") == start
    text = one.page.locator(".vl-seen").first.inner_text()
    assert "i = 9" in text
    assert f"frame {4 * 9 + 1}" in text
    assert one.page.locator("[data-fact=class-row]").inner_text() == "RAIN"
    assert one.page.locator("[data-fact=class-column]").inner_text() == "blank"


def test_the_frame_shown_is_the_one_of_the_step(visit):
    frames = np.zeros((1, 3, 8, 8, 3), np.uint8)
    frames[0, 0], frames[0, 1], frames[0, 2] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    explorer = SimilarityExplorer(
        [np.eye(3)[:2]], [np.eye(3)[:2]], frames=list(frames), steps=[[2, 1]]
    )
    explorer.column = 1
    one = visit(explorer.html())
    for axis, expected in (("row", [0, 0, 250]), ("column", [0, 250, 0])):
        for _ in range(50):  # the sheet of frames may still be decoding
            if any(one.pixel(f".vl-thumb-{axis}", 40, 40)):
                break
            one.page.wait_for_timeout(100)
        assert one.pixel(f".vl-thumb-{axis}", 40, 40) == expected


def test_method_and_sample_are_switched_and_the_cursor_stays_inside(visit):
    explorer = make()
    explorer.sample, explorer.row, explorer.column = 1, 31, 30
    one = visit(explorer.html(), expose=True)
    one.page.get_by_role("button", name="next method").click()
    assert one.traits("method") == ["WS"]
    third = cells(one)[2][0]
    shown = decode_array(explorer._data["samples"][1]["matrices"][1])[2, 31, 30]
    assert third == pytest.approx(shown, abs=5.1e-3)
    one.page.get_by_role("combobox", name="method").select_option(label="CTC")
    assert one.traits("method") == ["CTC"]
    before = one.picture(".vl-matrix-0")
    one.page.get_by_role("button", name="next sample").click()
    assert one.traits("sample", "row", "column") == [0, 23, 23]
    assert one.picture(".vl-matrix-0") != before


def test_the_kernels_values_are_shown(visit):
    one = visit(make().html(), expose=True)
    before = one.picture(".vl-matrix-2")
    one.page.evaluate("traits.set('row', 7); traits.set('band', 5); traits.set('method', 'WS')")
    assert one.picture(".vl-matrix-2") != before
    assert one.page.locator(".vl-slider output").inner_text() == "±5"
    assert one.page.get_by_role("combobox", name="method").input_value() == "1"
    assert "i = 7" in one.page.locator(".vl-seen").first.inner_text()


def test_without_frames_truth_and_methods_nothing_empty_is_shown(visit):
    random = np.random.default_rng(0)
    one = visit(SimilarityExplorer([random.normal(size=(9, 4))], [np.zeros((9, 4))]).html())
    assert one.page.get_by_role("combobox", name="method").count() == 0
    assert not one.page.locator(".vl-thumb-row").is_visible()
    assert cells(one)[1][:2] == [0, 0]  # features of zeros resemble nothing


def test_one_step_is_enough(visit):
    one = visit(SimilarityExplorer([[[1.0]]], [[[2.0]]]).html())
    assert cells(one) == [[1, 1, 1, 1]] * 3


def test_hostile_names_stay_text(visit):
    bad = "<img src=x onerror=window.hacked=1>"
    worse = "</script><script>window.hacked=1</script>"
    explorer = make(methods=(bad, worse), names=[bad, worse], title=worse)
    one = visit(explorer.html())
    one.page.locator(".vl-matrices").focus()
    one.press(*["ArrowDown"] * 5)
    one.page.wait_for_timeout(200)
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("img").count() == 0
    assert one.page.locator("h3").inner_text() == worse
    assert one.page.locator("[data-fact=class-row]").inner_text() == worse
    methods = one.page.get_by_role("combobox", name="method").locator("option")
    assert methods.all_inner_texts() == [bad, worse]


def test_every_control_is_reached_by_tab_and_every_picture_has_words(visit):
    one = visit(make().html())
    assert one.tab(9) == [
        "previous method", "method", "next method", "previous sample", "sample", "next sample",
        "cursor over the matrices", "band ±n", "colours over",
    ]  # fmt: skip
    labels = [c.get_attribute("aria-label") for c in one.page.locator("canvas").all()]
    assert len(labels) == 6
    assert all(labels)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 700, 1000])
def test_nothing_is_cut_off(visit, scheme, width):
    one = visit(make().html(), width=width, scheme=scheme)
    assert one.theme() == scheme
    assert not one.cut_off("canvas, .vl-slider, .vl-button, .vl-select, .vl-seen")
    one.shoot(f"similarity-{scheme}-{width}")


def test_the_layout_stays_while_the_cursor_moves(visit):
    one = visit(make().html())
    one.page.locator(".vl-matrices").focus()
    heights = set()
    for _ in range(6):
        one.press(*["ArrowDown"] * 3, *["ArrowRight"] * 4)
        heights.add(one.page.locator(".vl-explorer").bounding_box()["height"])
    assert len(heights) == 1
