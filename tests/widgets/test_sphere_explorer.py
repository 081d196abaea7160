"""The sphere explorer's Python side: checks at the border, payload, geometry, figure."""

import numpy as np
import pytest
import traitlets

from vidlab.widgets import SphereExplorer
from vidlab.widgets.base import MAX_BYTES, decode_array
from vidlab.widgets.sphere import first_view, rotation_matrix

NAMES = ["blank", "a", "b"]


def unit(array):
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def make(count=50, **changes):
    random = np.random.default_rng(0)
    values = {
        "features": unit(random.normal(size=(count, 3))),
        "labels": random.integers(0, 3, count),
        "centres": np.eye(3),
        "class_names": NAMES,
        "trajectory": unit(random.normal(size=(7, 3))),
        "frames": random.integers(0, 256, (7, 8, 8), dtype=np.uint8),
    }
    return {**values, **changes}


def build(**changes):
    return SphereExplorer(**make(**changes))


def test_points_survive_and_stay_with_their_labels():
    values = make()
    data = SphereExplorer(**values)._data
    assert np.abs(decode_array(data["points"]) - values["features"]).max() < 2e-5
    assert decode_array(data["labels"]).tolist() == values["labels"].tolist()
    assert np.abs(decode_array(data["centres"]) - np.eye(3)).max() < 2e-5


def test_too_many_points_are_thinned_the_same_way_each_time():
    values = make(count=9000, max_points=1000)
    one, two = SphereExplorer(**values), SphereExplorer(**values)
    assert one._data["points"] == two._data["points"]
    points = decode_array(one._data["points"])
    assert len(points) == 1000
    for row, label in zip(points[::97], decode_array(one._data["labels"])[::97], strict=True):
        nearest = np.argmax(values["features"] @ row)
        assert values["labels"][nearest] == label


def test_a_full_explorer_stays_far_below_the_limit():
    assert len(build(count=20_000).html()) < MAX_BYTES / 4


def test_one_trajectory_and_a_list_of_one_are_the_same():
    values = make()
    listed = make(trajectory=[values["trajectory"]], frames=[values["frames"]])
    assert SphereExplorer(**values)._data == SphereExplorer(**listed)._data


def test_trajectories_and_frames_are_optional():
    assert build(trajectory=None, frames=None)._data["trajectories"] == []
    assert build(frames=None)._data["trajectories"][0]["frames"] is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"features": np.ones((50, 2))}, r"features must be \(N, 3\).*got shape \(50, 2\)"),
        ({"features": np.ones((0, 3))}, "with at least one row"),
        (
            {"features": np.full((50, 3), 2.0)},
            "features must be unit vectors; row 0 has length 3.4",
        ),
        ({"features": np.full((50, 3), np.inf)}, r"features holds inf at index \(0, 0\)"),
        ({"centres": np.zeros((3, 3))}, "centres must be unit vectors; row 0 has length 0.000"),
        ({"centres": np.eye(3)[:2]}, "centres has 2 rows; class_names has 3 names"),
        ({"labels": np.zeros(49, int)}, r"labels must be \(N=50,\); got shape \(49,\)"),
        ({"labels": np.full(50, 3)}, "labels must be integers in 0 .. 2; got int64 from 3 to 3"),
        ({"labels": np.full(50, 0.5)}, "labels must be integers in 0 .. 2; got float64"),
        ({"trajectory": np.ones((7, 3))}, "trajectory 0 must be unit vectors"),
        ({"frames": np.zeros((6, 8, 8), np.uint8)}, "trajectory 0 hold 6 frames; it has 7"),
        ({"frames": np.zeros((7, 8, 8))}, "frames of trajectory 0 must be uint8"),
        ({"trajectory": None}, "frames has 7 sequences; trajectory has 0"),
        ({"max_points": 0}, "max_points is 0; it must be at least 1"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        build(**changes)
    assert "\n" not in str(caught.value)


def test_half_precision_features_are_unit_enough():
    build(features=make()["features"].astype(np.float16))


def test_rotation_is_kept_a_unit_quaternion():
    explorer = build()
    explorer.rotation = [2.0, 0.0, 0.0, 0.0]
    assert explorer.rotation == [1.0, 0.0, 0.0, 0.0]
    with pytest.raises(traitlets.TraitError, match="a quaternion is not zero"):
        explorer.rotation = [0.0] * 4


@pytest.mark.parametrize(
    ("trait", "value"), [("hidden", [3]), ("cursor", 7), ("sequence", 1), ("cursor", -1)]
)
def test_traits_refuse_what_the_page_could_not_show(trait, value):
    explorer = build()
    with pytest.raises(traitlets.TraitError):
        setattr(explorer, trait, value)


def test_rotation_matrix_turns_about_the_axis_of_its_quaternion():
    quarter = rotation_matrix(np.array([np.sqrt(0.5), 0, 0, np.sqrt(0.5)]))  # 90 degrees about z
    np.testing.assert_allclose(quarter @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(quarter @ [0, 0, 1], [0, 0, 1], atol=1e-12)


@pytest.mark.parametrize("blank", [[0, 0, 1.0], [0, 0, -1.0], [1.0, 0, 0], [0.25, 0.3, -0.92]])
def test_the_first_view_has_the_blank_in_front(blank):
    centres = unit(np.array([blank, [0, 1.0, 0]]))
    x, y, z = rotation_matrix(first_view(centres)) @ centres[0]
    assert z > 0.9
    assert x < 0
    assert y < 0


def test_figure_shows_both_sides_with_every_class():
    figure = build(class_names=["blank", "$a", "<b>"], title="$").figure()
    assert [axes.get_title() for axes in figure.axes] == ["front", "back"]
    assert len(figure.legends[0].get_texts()) == 3
    figure.canvas.draw()
    for axes in figure.axes:
        offsets = np.concatenate([c.get_offsets() for c in axes.collections])
        assert len(offsets) == 50
        assert (np.linalg.norm(offsets, axis=1) <= 1 + 1e-6).all()


def test_figure_leaves_hidden_classes_out():
    explorer = build()
    explorer.hidden = [1]
    points = sum(len(c.get_offsets()) for c in explorer.figure().axes[0].collections)
    assert points == int((make()["labels"] != 1).sum())
