import numpy as np
import pytest
from matplotlib import pyplot

from vidlab.viz import signing


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


def film(count=10, side=6):
    """Frame k has red value 10 k."""
    frames = np.zeros((count, 3, side, side), np.uint8)
    frames[:, 0] = 10 * np.arange(count)[:, None, None]
    return frames


def test_contact_sheets_name_every_picture():
    figure = signing.contact_sheet(film(5), list("abcde"), columns=3)
    assert len(figure.axes) == 6
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == list("abcde")
    assert [axes.images[0].get_array()[0, 0, 0] for axes in shown] == [0, 10, 20, 30, 40]
    with pytest.raises(ValueError, match="got 5 pictures and 2 names"):
        signing.contact_sheet(film(5), ["a", "b"])


def test_strips_show_frames_in_time_and_glosses_where_they_are():
    truth = np.array([0, 0, 1, 1, 1, 0, 2, 2, 0, 0])
    figure = signing.sentence_strip(film(), truth, ("blank", "ME", "EAT"), shown=5, title="one")
    strip, bar = figure.axes
    picture = strip.images[0].get_array()
    assert picture.shape == (6, 5 * 6 + 4 * signing.GAP, 3)
    assert picture[0, 0 :: 6 + signing.GAP, 0].tolist() == [10, 30, 50, 70, 90]
    assert strip.get_title(loc="left") == "one"
    boxes = [p for p in bar.patches if p.get_height() == 1]
    assert [(p.get_x(), p.get_width()) for p in boxes] == [(2, 3), (6, 2)]
    assert [t.get_text() for t in bar.texts] == ["ME", "EAT"]
    assert bar.get_xlim() == (0, 10)
    with pytest.raises(ValueError, match="got 10 frames and 9 labels"):
        signing.sentence_strip(film(), truth[:9], ("blank", "ME", "EAT"))


@pytest.mark.parametrize("title", ["", "one"])
@pytest.mark.parametrize("shown", [6, 12])
def test_frames_of_a_sentence_are_not_squashed(shown, title):
    frames = np.zeros((40, 3, 64, 64), np.uint8)
    truth = np.ones(40, int)
    figure = signing.sentence_strip(frames, truth, ("blank", "ME"), shown=shown, title=title)
    figure.draw_without_rendering()
    box, picture = figure.axes[0].get_window_extent(), figure.axes[0].images[0].get_array()
    assert box.width / box.height == pytest.approx(picture.shape[1] / picture.shape[0], rel=0.06)


def test_pairs_stand_side_by_side():
    figure = signing.pair_strips([(film(9), film(5))], [("A", "B")], ["path"], shown=3)
    left, right = figure.axes
    reds = [axes.images[0].get_array()[0, 0 :: 6 + signing.GAP, 0].tolist() for axes in figure.axes]
    assert reds == [[0, 40, 80], [0, 20, 40]]
    assert (left.get_title(loc="left"), right.get_title(loc="left")) == ("A", "B")
    assert right.get_title(loc="right") == "differs in path"


def test_joints_are_drawn_in_pixels():
    joints = np.array([[[1.0, 2.0], [5.0, 4.0]], [[2.0, 2.0], [6.0, 5.0]]])
    figure = signing.joints_on_frames(film(2), joints, [(0, 1)], trails=[1])
    assert len(figure.axes) == 2
    bone, dots, trail = figure.axes[1].lines
    np.testing.assert_array_equal(bone.get_xydata(), joints[1])
    np.testing.assert_array_equal(dots.get_xydata(), joints[1])
    np.testing.assert_array_equal(trail.get_xydata(), [[5, 4], [6, 5]])
    assert figure.axes[0].images[0].get_extent() == [0, 6, 6, 0]
