"""Figures of a video show what they are given, in seconds; nothing is cut off."""

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

from vidlab.viz import video

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


def fits(figure):
    """No text reaches beyond the figure."""
    figure.canvas.draw()
    box = figure.get_tightbbox().padded(-0.02)
    size = figure.get_size_inches()
    return box.x0 >= 0 and box.y0 >= 0 and box.x1 <= size[0] and box.y1 <= size[1]


@pytest.mark.parametrize("count", [1, 3, 11])
def test_frames_come_in_order_with_their_times(count):
    frames = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 6), np.uint8)
    figure = video.frames_strip(frames, np.arange(count) / 2, columns=4)
    shown = [axes for axes in figure.axes if axes.images]
    assert [int(axes.images[0].get_array()[0, 0, 0]) for axes in shown] == list(range(count))
    assert [axes.get_title() for axes in shown] == [f"{k / 2:.2f} s" for k in range(count)]
    assert shown[0].images[0].get_array().shape == (4, 6, 3)
    assert fits(figure)


def test_timeline():
    seconds = np.arange(5) / 10
    curves = {"motion": np.array([0, 1, 2, 1, 0.0]), "colour": np.array([0, 0.1, 0.4, 0.1, 0])}
    figure = video.timeline(
        seconds,
        curves,
        thresholds={"colour": np.full(5, 9.0)},
        changes={"colour": [0.2]},
        truth=[0.3],
    )
    first, second = figure.axes
    for axes, values in zip((first, second), curves.values(), strict=True):
        assert axes.lines[0].get_xdata()[0] == 0.3  # the truth
        np.testing.assert_array_equal(axes.lines[1].get_ydata(), values)
        np.testing.assert_array_equal(axes.lines[1].get_xdata(), seconds)
    assert second.lines[3].get_xdata().tolist() == [0.2]
    assert len(first.lines) == 2
    assert second.lines[2].get_ydata().max() <= second.get_ylim()[1]
    assert (first.get_ylabel(), second.get_ylabel()) == ("motion", "colour")
    assert second.get_xlabel() == "time in seconds"
    assert fits(figure)


def test_self_similarity_has_seconds_on_both_axes():
    seconds = np.array([0.0, 0.5, 1.0, 1.5])
    plain, signed = np.full((4, 4), 0.5), np.full((4, 4), -0.5)
    figure = video.self_similarity(
        {"colour": plain, "patches": signed}, seconds, changes={"colour": [1.0]}
    )
    left, right = figure.axes[:2]
    np.testing.assert_array_equal(left.images[0].get_array(), plain)
    # Frame k is a cell from half a frame before its time to half a frame after; time goes down.
    assert left.images[0].get_extent() == [-0.25, 1.75, 1.75, -0.25]
    assert left.get_ylim() == (1.75, -0.25)
    assert left.images[0].get_clim() == (0.5, 1)
    assert right.images[0].get_clim() == (-1, 1)
    assert [line.get_xdata()[0] for line in left.lines] == [1.0]
    assert len(right.lines) == 0
    assert fits(figure)


def test_a_single_frame():
    assert fits(video.self_similarity({"one": np.ones((1, 1))}, np.zeros(1)))
