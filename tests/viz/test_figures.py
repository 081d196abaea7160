"""Figures show what they are given: shapes, labels, levels; nothing is cut off."""

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

from vidlab.viz import scores, sequences

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


def test_frame_strip_keeps_the_order():
    frames = np.arange(3)[:, None, None] * np.ones((3, 4, 5))
    axes = pyplot.subplots()[1]
    sequences.frame_strip(axes, frames)
    strip = axes.images[0].get_array()
    assert strip.shape == (4, 15)
    assert strip[0].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert axes.images[0].get_extent()[:2] == [-0.5, 2.5]


def test_morphing_sequence():
    weights = np.array([[0.5, 0], [1, 0], [0.4, 0.6], [0, 1]])
    figure = sequences.morphing_sequence(
        np.zeros((4, 3, 3)), weights, ["7", "2"], weights.argmax(1)
    )
    axes = figure.axes[1]
    np.testing.assert_array_equal([line.get_ydata() for line in axes.lines], weights.T)
    assert [text.get_text() for text in axes.texts] == ["7", "2"]
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    assert spans == [(-0.5, 1.5), (1.5, 3.5)]
    assert axes.get_xlabel() == "frame t"
    assert fits(figure)


def test_lattice_posteriors():
    posteriors = np.random.default_rng(0).random((9, 5))
    figure = sequences.lattice_posteriors(posteriors, ["b", "3", "b", "7", "b"])
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), posteriors.T)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["b", "3", "b", "7", "b"]
    assert fits(figure)


def test_alignments_draw_every_row_with_the_truth():
    values = np.random.default_rng(0).random((6, 3))
    truth = np.array([1, 1, 1, 2, 2, 2])
    figure = sequences.alignments(
        np.zeros((6, 4, 4)), {"ctc": values, "all": values / 2}, ["blank", "0", "1"], truth
    )
    for axes, title, want in zip(
        figure.axes[1:3], ("ctc", "all"), (values, values / 2), strict=True
    ):
        assert axes.get_title(loc="left") == title
        np.testing.assert_array_equal(axes.images[0].get_array(), want.T)
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), truth)
    assert fits(figure)


def test_frame_shares_colours_the_frames_above_the_level():
    gaps = np.deg2rad([10.0, -30.0, 40.0, 0.0])
    figure = sequences.frame_shares(gaps, shift=np.deg2rad(-5.0), kappa=3)
    axes = figure.axes[0]
    heights = [bar.get_height() for bar in axes.patches]
    np.testing.assert_allclose(heights, [40, 10, 0, -30], atol=1e-9)
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 5.0)
    colours = [bar.get_facecolor() for bar in axes.patches]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    assert fits(figure)


def test_curves_name_their_lines_and_references():
    figure = scores.curves(
        [0.0, 0.4, 0.8],
        {"accuracy": [0.9, 0.8, 0.7], "mAP": [0.2, 0.5, 0.8]},
        xlabel="η",
        ylabel="share",
        references={"mAP": 0.3},
        reference_name="without η",
    )
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["accuracy", "mAP"]
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [line.get_ydata()[0] for line in dashed] == [0.3]
    assert dashed[0].get_color() == axes.texts[1].get_color()
    assert axes.get_title(loc="right") == "dashed: without η"
    assert fits(figure)


def test_precision_recall_curves():
    recall = np.linspace(0, 1, 5)
    figure = scores.precision_recall_curves({"a": (1 - recall, recall), "b": (recall, recall)})
    assert [t.get_text() for t in figure.axes[0].get_legend().texts] == ["a", "b"]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), 1 - recall)
    assert fits(figure)


@pytest.mark.parametrize("rows", [2, 3])
def test_confusion_with_and_without_a_row_for_the_blank(rows):
    matrix = np.full((rows, 3), 1 / 3)
    figure = scores.confusion(matrix, ["blank", "0", "1"], rows="true", columns="predicted")
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels == ["blank", "0", "1"][-rows:]
    assert (figure.axes[0].get_ylabel(), figure.axes[0].get_xlabel()) == ("true", "predicted")
    assert fits(figure)


def test_learning_curves_start_at_epoch_one():
    figure = scores.learning_curves({"ctc": [3.0, 2.0], "all": [4.0, 1.0]}, ylabel="loss")
    axes = figure.axes[0]
    assert axes.lines[0].get_xdata().tolist() == [1, 2]
    assert axes.get_yscale() == "log"
    assert [t.get_text() for t in axes.get_legend().texts] == ["ctc", "all"]
    assert fits(figure)
