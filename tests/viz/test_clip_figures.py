import numpy as np

from vidlab.nn.binary import SLOPES
from vidlab.viz import clips


def test_film_strips_lay_frames_out_in_time():
    film = np.zeros((4, 3, 5, 6), np.uint8)
    film[2, 0] = 200
    figure = clips.film_strips([film, film], ["one", "two"])
    picture = figure.axes[0].images[0].get_array()
    assert picture.shape == (5, 24, 3)
    assert (picture[:, 12:18, 0] == 200).all()
    assert picture.sum() == 200 * 30
    assert [axes.get_ylabel() for axes in figure.axes] == ["one", "two"]


def test_slopes_are_drawn_as_they_are():
    import torch

    tensors = {
        name: lambda x, slope=slope: slope(torch.from_numpy(x)).numpy()
        for name, slope in SLOPES.items()
    }
    _, right = clips.slopes(tensors).axes
    lines = {line.get_label(): line.get_xydata() for line in right.lines}
    assert set(SLOPES) <= set(lines)
    at = dict(lines["approx"])
    assert at[0.0] == 2
    assert at[-2.0] == 0


def test_confusion_pair_draws_both_and_the_difference():
    first, second = np.eye(3), np.full((3, 3), 1 / 3)
    figure = clips.confusion_pair(first, second, ["a", "b", "c"], ("real", "1-bit"))
    panels = [axes.collections[0] for axes in figure.axes]
    np.testing.assert_allclose(panels[2].get_array().ravel(), (second - first).ravel())
    np.testing.assert_allclose(panels[2].get_clim(), (-2 / 3, 2 / 3))
    assert [axes.get_title() for axes in figure.axes] == ["real", "1-bit", "difference"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["a", "b", "c"]
