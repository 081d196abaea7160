"""The alignment explorer's Python side: checks at the border, payload, figure."""

import json

import numpy as np
import pytest
import traitlets

from vidlab.widgets import AlignmentExplorer
from vidlab.widgets.base import MAX_BYTES, decode_array, script_json

NAMES = ["blank", "a", "b", "c"]


def make(seed=0, steps=12, classes=4, **changes):
    """Arguments of a valid explorer with one sequence, some of them changed."""
    random = np.random.default_rng(seed)
    values = {
        "frames": random.integers(0, 256, (steps, 8, 6), dtype=np.uint8),
        "angles": random.uniform(0.2, 2.5, (steps, classes)),
        "targets": [1, 2, 2],
        "scale": 16.0,
        "class_names": NAMES[:classes],
    }
    return {**values, **changes}


def build(**changes):
    return AlignmentExplorer(**make(**changes))


def test_one_sequence_and_a_list_of_one_are_the_same():
    one = make(truth=np.ones(12, int))
    many = {
        name: [one[name]] if name in ("frames", "angles", "targets", "truth") else one[name]
        for name in one
    }
    assert AlignmentExplorer(**one)._data == AlignmentExplorer(**many)._data


def test_angles_survive_to_a_twentieth_of_a_milliradian():
    values = make()
    packed = AlignmentExplorer(**values)._data["sequences"][0]
    assert np.abs(decode_array(packed["angles"]) - values["angles"]).max() < 5e-5
    assert packed["names"] == NAMES
    assert packed["target"] == [1, 2, 2]


def test_rows_start_with_the_blank_wherever_it_is():
    values = make(blank=2, targets=[0, 3], truth=[2] * 6 + [3] * 6)
    packed = AlignmentExplorer(**values)._data["sequences"][0]
    assert packed["names"] == ["b", "blank", "a", "c"]
    assert packed["target"] == [1, 3]
    assert packed["truth"] == [0] * 6 + [3] * 6
    assert packed["colours"][1:] == [0, 1, 2]
    expected = values["angles"][:, [2, 0, 1, 3]]
    assert np.abs(decode_array(packed["angles"]) - expected).max() < 5e-5


def test_many_classes_keep_the_softmax_exact():
    random = np.random.default_rng(3)
    angles = random.uniform(0.8, 2.0, (10, 60))
    values = make(
        angles=angles,
        frames=random.integers(0, 256, (10, 8, 8), dtype=np.uint8),
        targets=[59, 7],
        class_names=[f"class {k}" for k in range(60)],
        max_classes=12,
    )
    packed = AlignmentExplorer(**values)._data["sequences"][0]
    assert len(packed["names"]) == 12
    assert {"class 59", "class 7", "class 0"} <= set(packed["names"])
    shown = 16.0 * np.cos(decode_array(packed["angles"]))
    total = np.logaddexp(np.logaddexp.reduce(shown, axis=1), decode_array(packed["rest"]))
    np.testing.assert_allclose(total, np.logaddexp.reduce(16.0 * np.cos(angles), axis=1), atol=2e-3)


def test_a_usual_explorer_stays_far_below_the_limit():
    random = np.random.default_rng(4)
    count, steps = 8, 41
    explorer = AlignmentExplorer(
        [random.integers(0, 256, (steps, 28, 28), dtype=np.uint8) for _ in range(count)],
        [random.uniform(0, 3, (steps, 11)) for _ in range(count)],
        [[1, 2, 3, 4]] * count,
        16,
        class_names=["blank", *map(str, range(10))],
    )
    assert len(explorer.html()) < MAX_BYTES / 2


def test_big_colour_frames_are_made_small():
    frames = np.random.default_rng(5).integers(0, 256, (60, 112, 112, 3), dtype=np.uint8)
    explorer = build(steps=60, frames=frames)
    assert len(script_json(explorer._data)) < MAX_BYTES


def test_hostile_names_are_escaped_in_the_page():
    page = build(class_names=["</script><b>", "<!--", "<img src=x onerror=alert(1)>", "&"]).html()
    assert "<img" not in page
    assert "<!--" not in page
    assert page.count("</script>") == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"frames": np.zeros((12, 8), np.uint8)}, r"frames of sequence 0 must be .*\(12, 8\)"),
        ({"frames": np.zeros((12, 8, 6))}, "frames of sequence 0 must be uint8"),
        ({"frames": np.zeros((11, 8, 6), np.uint8)}, "hold 11 frames; angles have 12"),
        ({"angles": np.zeros((12, 3))}, r"must be \(T, C=4\).*got shape \(12, 3\)"),
        ({"angles": np.full((12, 4), 4.0)}, "they are radians in 0 .. pi"),
        ({"angles": np.full((12, 4), np.nan)}, r"holds nan at index \(0, 0\); all must be finite"),
        ({"targets": [1, 4]}, "targets of sequence 0 must be integers in 0 .. 3"),
        ({"targets": [1.5]}, "targets of sequence 0 must be integers in 0 .. 3"),
        ({"targets": [[1]]}, "must be one-dimensional"),
        ({"targets": [1, 0]}, r"hold the blank \(0\): \[1, 0\]"),
        ({"targets": [1] * 7}, "need at least 13 frames .* it has 12"),
        ({"truth": [0] * 11}, "truth of sequence 0 have 11 frames; angles 12"),
        ({"truth": [9] * 12}, "truth of sequence 0 must be integers in 0 .. 3"),
        ({"paths": [-1] * 12}, "paths of sequence 0 must be integers in 0 .. 3"),
        ({"pseudo": np.zeros((12, 3))}, r"pseudo of sequence 0 must be \(T, C\)=\(12, 4\)"),
        ({"scale": 0}, "scale is 0; it must be a finite number above 0"),
        ({"eta": 1.2}, "eta is 1.2; allowed: 0 .. 1"),
        ({"blank": 4}, "blank is 4; allowed: 0 .. 3"),
        ({"max_classes": 1}, "max_classes is 1; at least 2"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        build(**changes)
    assert "\n" not in str(caught.value)


def test_the_sequence_at_fault_is_named():
    good, bad = make(), make(seed=1, targets=[5])
    with pytest.raises(ValueError, match="targets of sequence 1"):
        AlignmentExplorer(
            [good["frames"], bad["frames"]],
            [good["angles"], bad["angles"]],
            [good["targets"], bad["targets"]],
            16,
            class_names=NAMES,
        )
    with pytest.raises(ValueError, match="targets has 1 sequences; angles has 2"):
        AlignmentExplorer([good["frames"]] * 2, [good["angles"]] * 2, [[1]], 16, class_names=NAMES)


def test_a_sequence_without_labels_is_allowed():
    assert build(targets=[])._data["sequences"][0]["target"] == []


@pytest.mark.parametrize(("trait", "value"), [("eta", 1.5), ("sequence", 1), ("cursor", 12)])
def test_traits_refuse_what_the_page_could_not_show(trait, value):
    explorer = build()
    with pytest.raises(traitlets.TraitError):
        setattr(explorer, trait, value)


def test_page_state_follows_the_traits():
    explorer = build()
    explorer.eta, explorer.cursor = 0.75, 3
    state = json.loads(explorer.html().split('-state">')[1].split("</script>")[0])
    assert (state["eta"], state["cursor"], state["sequence"]) == (0.75, 3, 0)


def test_figure_has_a_band_for_everything_given():
    plain = build().figure()
    assert [axes.get_title(loc="left") for axes in plain.axes if axes.get_title(loc="left")] == [
        "Frames",
        "Predictions y = softmax(s cos θ)",
    ]
    values = make(truth=[0] * 4 + [1] * 4 + [2] * 4, title="costs $5 & $6")
    pseudo = np.full((12, 4), 0.25)
    figure = AlignmentExplorer(**values, paths=[1] * 12, pseudo=pseudo).figure()
    titled = {axes.get_title(loc="left"): axes for axes in figure.axes}
    assert {"Frames", "Truth", "Pseudo labels (the rest of a column is blank)"} <= set(titled)
    heat = titled["Predictions y = softmax(s cos θ)"]
    assert [label.get_text() for label in heat.get_yticklabels()] == NAMES
    logits = 16 * np.cos(values["angles"])
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(heat.images[0].get_array(), expected.T)
    assert heat.lines[0].get_ydata().tolist() == [1] * 12
    figure.canvas.draw()  # a title with dollar signs is no formula


def test_figure_shows_the_sequence_that_is_chosen():
    first, second = make(), make(seed=1, steps=15)
    explorer = AlignmentExplorer(
        [first["frames"], second["frames"]],
        [first["angles"], second["angles"]],
        [[1], [2]],
        16,
        class_names=NAMES,
    )
    explorer.sequence = 1
    assert explorer.figure().axes[1].get_xlim() == (-0.5, 14.5)
