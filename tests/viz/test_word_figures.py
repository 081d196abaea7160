"""Figures of words show every image, and a letter under each step that says one."""

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

from vidlab.viz import words

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


def test_gallery_shows_every_image():
    images = np.arange(5)[:, None, None] * np.ones((5, 8, 20))
    figure = words.gallery(images, columns=3)
    shown = [axes.images[0].get_array()[0, 0] for axes in figure.axes if axes.images]
    assert shown == [0, 1, 2, 3, 4]
    assert len(figure.axes) == 6


def test_letters_stand_under_their_steps():
    classes = {
        "truth": np.array([[0, 1, 1, 2], [2, 0, 0, 0]]),
        "model": np.array([[0, 2, 0, 0]] * 2),
    }
    figure = words.step_readings(np.zeros((2, 8, 12)), classes, ("blank", "a", "b"))
    left, right = figure.axes
    texts = {(text.get_text(), text.get_position()) for text in left.texts}
    (upper, lower) = sorted({y for name, (x, y) in texts if name in "ab"}, reverse=True)
    assert {t for t in texts if t[0] in "ab"} == {
        ("a", (1, upper)), ("a", (2, upper)), ("b", (3, upper)), ("b", (1, lower)),
    }  # fmt: skip
    assert {name for name, _ in texts} >= {"truth", "model"}  # the bands are named, once a line
    assert [text.get_text() for text in right.texts] == ["b", "b"]
    # The first and the last step are on the edges of the image.
    assert left.images[0].get_extent()[:2] == [0, 3]
    figure.canvas.draw()
