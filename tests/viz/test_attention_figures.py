"""Attention over frames: what is drawn where."""

import numpy as np
import pytest
from matplotlib import pyplot

from vidlab.viz.attention import attention_strips

FRAMES = np.zeros((3, 8, 12, 3), np.uint8)


def test_patches_share_one_scale_and_sit_where_they_belong():
    low, high = np.zeros((3, 2, 3)), np.zeros((3, 2, 3))
    low[1, 0, 2], high[2, 1, 0] = 0.2, 0.8
    masks = np.zeros((3, 8, 12), bool)
    masks[1, 2:5, 3:7] = True
    figure = attention_strips(FRAMES, {"low": low, "<high>": high}, masks, ["a", "b", "c"])
    axes = np.array(figure.axes).reshape(3, 3)
    heat = np.asarray(axes[1, 1].images[1].get_array())
    assert heat.shape == (8, 12)
    np.testing.assert_allclose(heat[:4, 8:], 0.25)
    assert heat.sum() == pytest.approx(16 * 0.25)
    np.testing.assert_allclose(np.asarray(axes[2, 2].images[1].get_array())[4:, :4], 1)
    assert [a.get_title() for a in axes[0]] == ["a", "b", "c"]
    assert axes[2, 0].get_ylabel() == "<high>"
    outlined = [bool(a.collections) for a in axes[1:].flat]
    assert outlined == [False, True, False] * 2
    pyplot.close(figure)


def test_nothing_looked_at_still_draws():
    figure = attention_strips(FRAMES, {"none": np.zeros((3, 4, 4))})
    assert len(figure.axes) == 6
    pyplot.close(figure)


def test_errors():
    with pytest.raises(ValueError, match=r"the map 'a' has shape \(3, 3, 3\); expected"):
        attention_strips(FRAMES, {"a": np.zeros((3, 3, 3))})
    with pytest.raises(ValueError, match=r"masks have shape \(3, 8, 8\)"):
        attention_strips(FRAMES, {}, np.zeros((3, 8, 8), bool))
