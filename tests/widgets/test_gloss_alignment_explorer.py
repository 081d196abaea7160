"""The gloss alignment explorer's Python side: checks at the border, payload, figure."""

import json

import numpy as np
import pytest
import traitlets
from matplotlib.text import Text

from vidlab.widgets import GlossAlignmentExplorer
from vidlab.widgets._gloss_sentence import colour_slots
from vidlab.widgets.base import (
    CATEGORICAL,
    MAX_BYTES,
    decode_array,
    encode_frames,
    script_json,
)

NAMES = ["blank", *"abcdefgh"]
CLASSES = len(NAMES)


def softmax(logits):
    weights = np.exp(logits)
    return weights / weights.sum(axis=-1, keepdims=True)


def outputs(random, steps, classes=CLASSES, decoded=(0,)):
    """Probabilities whose most probable class is one of ``decoded`` at every step."""
    logits = random.normal(0, 1, (steps, classes))
    logits[np.arange(steps), random.choice(decoded, steps)] += 9
    return softmax(logits)


def make(**changes):
    """Arguments of a valid explorer with two sentences and two methods, some of them changed."""
    random = np.random.default_rng(0)
    lengths = (6, 9)
    values = {
        "references": [(1, 2, 3), (4,)],
        "hypotheses": {"x": [(1, 3), (4, 4)], "y": [(1, 2, 3), (4,)]},
        "visual": {m: [outputs(random, s) for s in lengths] for m in "xy"},
        "contextual": {m: [outputs(random, s) for s in lengths] for m in "xy"},
        "class_names": NAMES,
        "segments": {
            "x": [np.array([[0, 1, 0, 0, 3, 0], [1, 1, 1, 3, 3, 3]]), np.ones((2, 9), int)]
        },
        "truth": [np.array([1, 1, 2, 2, 3, 3]), np.full(9, 4)],
        "frames": [random.integers(0, 256, (2 * s, 8, 6), dtype=np.uint8) for s in lengths],
        "steps": [2 * np.arange(s) + 1 for s in lengths],
    }
    return {**values, **changes}


def build(**changes):
    return GlossAlignmentExplorer(**make(**changes))


def packed(sentence=0, **changes):
    return build(**changes)._data["sentences"][sentence]


def in_both(value):
    """The same broken arrays for the visual module of both methods' first sentences."""
    good = make()["visual"]
    return {m: [value, good[m][1]] for m in good}


def test_pairs_and_errors_of_each_method_reach_the_page():
    first, second = build()._data["sentences"]
    assert first["names"][:4] == ["blank", "a", "b", "c"]
    x, y = first["methods"]
    assert x["pairs"] == [[1, 1, "ok"], [2, -1, "del"], [3, 3, "ok"]]
    assert x["errors"] == [0, 1, 0]
    assert y["errors"] == [0, 0, 0]
    assert [kind for *_, kind in y["pairs"]] == ["ok"] * 3
    assert second["methods"][0]["errors"] == [0, 0, 1]


def test_probabilities_survive_to_half_a_level():
    values = make()
    data = GlossAlignmentExplorer(**values)._data
    for i, sentence in enumerate(data["sentences"]):
        found = decode_array(sentence["outputs"])
        rows = [NAMES.index(name) for name in sentence["names"]]
        for m, method in enumerate(data["methods"]):
            for module, name in enumerate(("visual", "contextual")):
                expected = values[name][method][i][:, rows]
                np.testing.assert_allclose(found[m, module], expected, atol=0.5 / 255 + 1e-9)


def test_only_the_sentences_classes_and_what_is_decoded_are_kept():
    random = np.random.default_rng(2)
    # Class 7 is decoded by the visual module only; class 8 is in one hypothesis only.
    visual = {m: [outputs(random, 6, decoded=(0, 7)), outputs(random, 9)] for m in "xy"}
    hypotheses = {"x": [(1, 8), (4,)], "y": [(1,), (4,)]}
    found = packed(visual=visual, hypotheses=hypotheses)
    assert found["names"][0] == "blank"
    assert sorted(found["names"][1:]) == ["a", "b", "c", "g", "h"]


def test_many_decoded_classes_are_cut_to_the_most_probable():
    random = np.random.default_rng(3)
    names = ["blank", *(f"g{k}" for k in range(1, 300))]
    wild = {"x": [outputs(random, 200, 300, decoded=range(300))]}
    explorer = GlossAlignmentExplorer([(299, 298)], {"x": [(297,)]}, wild, wild, class_names=names)
    found = explorer._data["sentences"][0]["names"]
    assert len(found) == 40
    assert {"blank", "g299", "g298", "g297"} <= set(found)


def test_no_two_classes_of_a_sentence_share_a_slot():
    palette = len(CATEGORICAL)
    assert colour_slots([0, 1, 13, 2]) == [0, 0, 1, 2]
    many = colour_slots([0, *range(5, 45)])
    assert len(set(many[1:])) == 40
    assert all(slot < palette for slot in many[1 : palette + 1])
    assert all(slot >= palette for slot in many[palette + 1 :])


def test_runs_and_frame_accuracy_count_steps():
    first, second = build()._data["sentences"]
    x, y = first["methods"]
    assert first["truth"] == [[1, 0, 2], [2, 2, 4], [3, 4, 6]]
    assert x["segments"][0] == [[0, 0, 1], [1, 1, 2], [0, 2, 4], [3, 4, 5], [0, 5, 6]]
    assert x["segments"][1] == [[1, 0, 3], [3, 3, 6]]
    assert x["accuracies"] == [round(2 / 6, 5), round(4 / 6, 5)]
    assert second["methods"][0]["accuracies"] == [0.0, 0.0]
    assert y["segments"] is None
    assert y["accuracies"] is None


def test_frames_are_those_at_the_steps():
    values = make()
    found = GlossAlignmentExplorer(**values)._data["sentences"][0]
    assert found["frameOf"] == [1, 3, 5, 7, 9, 11]
    assert found["frames"] == encode_frames(values["frames"][0][1::2], 64)
    whole = packed(steps=None, frames=[frames[::2] for frames in values["frames"]])
    assert whole["frameOf"] == list(range(6))


def test_truth_segments_and_frames_may_be_left_out():
    explorer = build(truth=None, segments=None, frames=None, steps=None)
    found = explorer._data["sentences"][0]
    assert explorer._data["radii"] == 0
    assert found["truth"] is found["frames"] is found["frameOf"] is None
    assert found["methods"][0]["accuracies"] is None
    assert len(explorer.figure().axes) == 3


def test_an_empty_reference_and_an_empty_hypothesis_are_allowed():
    hypotheses = {"x": [(1,), ()], "y": [(), (4,)]}
    explorer = build(references=[(), (4,)], hypotheses=hypotheses)
    assert explorer._data["sentences"][0]["methods"][0]["errors"] == [0, 0, 1]
    for method in "xy":
        explorer.method = method
        explorer.figure().draw_without_rendering()


def test_a_usual_explorer_stays_far_below_the_limit():
    random = np.random.default_rng(4)
    count, steps, classes, methods = 8, 60, 25, "abcde"
    decoded = range(0, classes, 2)
    clip = random.integers(0, 256, (steps, 64, 64, 3), dtype=np.uint8)  # noise does not shrink
    made = {m: [outputs(random, steps, classes, decoded) for _ in range(count)] for m in methods}
    explorer = GlossAlignmentExplorer(
        [tuple(range(1, 9))] * count,
        {m: [tuple(range(2, 9))] * count for m in methods},
        made,
        made,
        class_names=[f"GLOSS-{k}" for k in range(classes)],
        segments={m: [random.integers(0, 9, (8, steps)) for _ in range(count)] for m in methods},
        truth=[random.integers(0, 9, steps) for _ in range(count)],
        frames=[clip] * count,
    )
    assert len(explorer.html()) < MAX_BYTES
    assert len(script_json(explorer._data)) < 0.9 * MAX_BYTES


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class_names": ["blank"]}, "class_names has 1"),
        ({"references": []}, "references is empty"),
        ({"references": [(1,)]}, "has 2 sentences; references has 1"),
        ({"references": [(0,), (1,)]}, "the reference of sentence 0 must .* 1 .. 8"),
        ({"references": [(1.5,), (1,)]}, "the reference of sentence 0"),
        ({"hypotheses": [(1,), (2,)]}, "hypotheses must be a dict"),
        ({"hypotheses": {}}, "hypotheses needs method names"),
        ({"hypotheses": {"x": [(1,), (9,)], "y": [(), ()]}}, "of sentence 1, method 'x'.*9"),
        ({"visual": {"x": make()["visual"]["x"]}}, r"visual has the methods \['x'\]"),
        ({"visual": in_both(np.zeros((6, 9)))}, "sum to 1"),
        ({"visual": in_both(np.full((6, 9), np.nan))}, "finite"),
        ({"visual": in_both(np.full((6, 8), 1 / 8))}, r"\(S, C=9\)"),
        ({"visual": in_both(np.full((5, 9), 1 / 9))}, "has 6 steps; all outputs before it have 5"),
        ({"truth": [np.zeros(5, int), np.zeros(9, int)]}, r"truth of sentence 0 must be \(S=6,\)"),
        ({"truth": [np.full(6, 9), np.zeros(9, int)]}, "0 .. 8"),
        ({"truth": [np.zeros(6, int)]}, "truth has 1 sentences"),
        ({"segments": {"z": [[], []]}}, r"segments has the methods \['z'\]"),
        ({"segments": {"x": [np.zeros(6, int)] * 2}}, r"\(R, S=6\)"),
        (
            {"segments": {"x": [np.zeros((2, 6), int), np.zeros((3, 9), int)]}},
            r"one number of radii R; got \[2, 3\]",
        ),
        ({"steps": None}, "12 frames for 6 steps; hand in `steps`"),
        ({"steps": [np.arange(6) + 7, np.arange(9)]}, "integers in 0 .. 11"),
        ({"frames": None}, "frames is None"),
        ({"frames": [np.zeros((6, 4, 4))] * 2}, "must be uint8"),
    ],
)
def test_bad_input_is_told_in_one_sentence(changes, words):
    with pytest.raises(ValueError, match=words) as caught:
        build(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("trait", "value"), [("method", "z"), ("sample", 2), ("radius", 2), ("step", 9), ("step", -1)]
)
def test_traits_refuse_what_the_page_could_not_show(trait, value):
    explorer = build()
    with pytest.raises(traitlets.TraitError, match="allowed"):
        setattr(explorer, trait, value)


def test_page_state_follows_the_traits():
    explorer = build()
    explorer.method, explorer.sample, explorer.radius, explorer.step = "y", 1, 1, 8
    state = json.loads(explorer.html().split('-state">')[1].split("</script>")[0])
    found = [state[name] for name in ("method", "sample", "radius", "step")]
    assert found == ["y", 1, 1, 8]


def test_alt_and_title_have_defaults_and_can_be_set():
    assert "2 sentences of 6 to 9 steps; methods: x, y" in build().alt
    explorer = build(title="costs $5 & $6", alt="words")
    assert (explorer.title, explorer.alt) == ("costs $5 & $6", "words")
    explorer.figure().draw_without_rendering()  # a title with dollar signs is no formula


def test_figure_has_all_three_parts_of_what_is_chosen():
    values = make()
    explorer = GlossAlignmentExplorer(**values)
    explorer.radius = 1
    words, visual, contextual, segments, truth = explorer.figure().axes
    assert words.get_title(loc="left").endswith("WER 33% (S 0, D 1, I 0)")
    texts = [text.get_text() for text in words.texts]
    assert texts[3:6] == ["a", "a", "ok"]
    assert texts[6:9] == ["b", "***", "D"]
    for axes, name in ((visual, "visual"), (contextual, "contextual")):
        drawn = {tuple(np.round(line.get_ydata(), 9)) for line in axes.lines}
        for k in (0, 1, 2, 3):
            assert tuple(np.round(values[name]["x"][0][:, k], 9)) in drawn
    assert segments.get_title(loc="left") == "GSBA, radius d = 1, 66.7% of steps right"
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in segments.patches]
    assert spans == [(-0.5, 2.5), (2.5, 5.5)]
    assert [patch.get_x() for patch in truth.patches] == [-0.5, 1.5, 3.5]
    assert segments.patches[0].get_facecolor() == truth.patches[0].get_facecolor()
    assert segments.patches[1].get_facecolor() == truth.patches[2].get_facecolor()
    explorer.sample, explorer.method = 1, "y"
    assert len(explorer.figure().axes) == 4  # no segments for this method


def test_names_in_the_figure_do_not_run_over_each_other():
    random = np.random.default_rng(5)
    names = ["blank", *(f"REGEN-UND-WIND-{k}" for k in range(1, 31))]
    reference = tuple(range(1, 21))
    truth = np.repeat(reference, 3)
    spikes = softmax(9 * np.eye(31)[truth] + random.normal(0, 0.5, (60, 31)))
    explorer = GlossAlignmentExplorer(
        [reference],
        {"x": [reference]},
        {"x": [spikes]},
        {"x": [spikes]},
        class_names=names,
        truth=[truth],
    )
    figure = explorer.figure()
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [Text.get_window_extent(text) for text in axes.texts if text.get_text()]
        for i, one in enumerate(boxes):
            assert not any(one.overlaps(other) for other in boxes[:i]), axes.get_title(loc="left")
