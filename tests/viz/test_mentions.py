"""Figures about a corpus of windows: what is drawn is what was given."""

import pytest

from vidlab.viz.mentions import class_bars, clump_sizes, score_dots


def test_class_bars():
    figure = class_bars({"listed": (40, 10), "tiled": (60, 60)})
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["listed", "tiled"]
    assert [bar.get_width() for bar in axes.patches] == [40, 60, 10, 60]
    assert next(text.get_text() for text in axes.texts) == "40 (10 different)"
    with pytest.raises(ValueError, match="empty"):
        class_bars({})


def test_clump_sizes():
    (axes,) = clump_sizes({"five words": {1: 20, 3: 2}, "four": {7: 1}}, xlabel="windows").axes
    assert [list(line.get_xdata()) for line in axes.lines] == [[1, 3], [7]]
    assert [list(line.get_ydata()) for line in axes.lines] == [[20, 2], [1]]
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["five words", "four"]


def test_score_dots_leave_out_what_was_not_measured():
    scores = {"A": {"crf": 80.0, "regex": 60.0}, "B": {"crf": 20.0}}
    (axes,) = score_dots(scores, ["regex", "crf"], xlabel="F1, %").axes
    drawn = [points.get_offsets().tolist() for points in axes.collections]
    assert drawn == [[[60.0, 0.0], [80.0, 1.0]], [[20.0, 1.0]]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["regex", "crf"]
