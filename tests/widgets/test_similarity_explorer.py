"""The similarity explorer's Python side: cosines, diagonal mass, packing, checks, figure."""

import json

import numpy as np
import pytest
import traitlets

from vidlab.metrics.similarity import diagonal_mass
from vidlab.widgets import SimilarityExplorer
from vidlab.widgets.base import MAX_BYTES, decode_array

METHODS = ("CTC", "WS")


def make(samples=2, count=7, features=5, methods=METHODS, seed=0, **changes):
    """Arguments of a valid explorer, some of them changed."""
    random = np.random.default_rng(seed)
    lengths = [count + i for i in range(samples)]
    values = {
        kind: {m: [random.normal(size=(s, features)) for s in lengths] for m in methods}
        for kind in ("first", "second")
    }
    values |= {
        "frames": [random.integers(0, 256, (4 * s, 10, 8), dtype=np.uint8) for s in lengths],
        "steps": [4 * np.arange(s) + 2 for s in lengths],
        "truth": [np.repeat([0, 2, 1], [2, 3, s - 5]) for s in lengths],
        "class_names": ["blank", "SUN", "RAIN"],
    }
    return {**values, **changes}


def build(**changes):
    return SimilarityExplorer(**make(**changes))


def brute_cosine(a, b):
    return [[x @ y / (np.sqrt(x @ x) * np.sqrt(y @ y)) for y in b] for x in a]


@pytest.mark.parametrize(("sample", "m"), [(0, 0), (1, 1)])
def test_the_page_gets_the_three_matrices_of_cosines(sample, m):
    values = make()
    packed = SimilarityExplorer(**values)._data["samples"][sample]["matrices"][m]
    a, b = (values[kind][METHODS[m]][sample] for kind in ("first", "second"))
    expected = np.array([brute_cosine(a, a), brute_cosine(b, b), brute_cosine(a, b)])
    assert np.abs(decode_array(packed) - expected).max() <= 0.5 / 127 + 1e-6


def test_minus_one_zero_and_one_are_exact():
    packed = SimilarityExplorer([np.array([[3.0, 0], [0, 2], [-1, 0]])], [np.zeros((3, 2))])
    three = decode_array(packed._data["samples"][0]["matrices"][0])
    np.testing.assert_allclose(three[0], [[1, 0, -1], [0, 1, 0], [-1, 0, 1]], atol=1e-12)
    assert np.abs(three[1:]).max() < 1e-12  # a row of zeros has no direction


def test_the_mass_is_that_of_the_metric_for_every_band():
    values = make(count=30)
    packed = SimilarityExplorer(**values)._data["samples"][1]
    a, b = values["first"]["WS"][1], values["second"]["WS"][1]
    mass = decode_array(packed["mass"][1])
    for band in (0, 1, 2, 7, 20):
        for row, pair in zip(mass, [(a, a), (b, b), (a, b)], strict=True):
            expected = diagonal_mass(np.array(brute_cosine(*pair)), band)
            assert row[band] == pytest.approx(expected, abs=1e-6)
        steps = np.arange(31)
        flat = np.mean(np.abs(steps[:, None] - steps) <= band)
        assert packed["flat"][band] == pytest.approx(flat)


def test_only_the_frames_at_the_steps_are_kept():
    values = make()
    explorer = SimilarityExplorer(**values)
    kept = explorer._samples[1].frames
    assert np.array_equal(kept, values["frames"][1][2::4])
    packed = explorer._data["samples"][1]
    assert packed["frames"]["count"] == 8
    assert packed["steps"] == [2, 6, 10, 14, 18, 22, 26, 30]


def test_one_frame_a_step_needs_no_steps_and_lists_need_no_method():
    values = make(samples=1, methods=("",))
    frames = [clip[:7] for clip in values["frames"]]
    explorer = SimilarityExplorer(values["first"][""], values["second"][""], frames=frames)
    assert explorer.method == ""
    assert explorer._data["samples"][0]["steps"] == list(range(7))
    assert explorer._data["samples"][0]["truth"] is None
    explorer.figure().canvas.draw()


def test_a_usual_explorer_stays_below_the_limit():
    noise = np.random.default_rng(3).integers(0, 256, (8, 60, 64, 64, 3), dtype=np.uint8)
    methods = ("CTC", "VAC", "WS", "WS + GSBA")
    values = make(samples=8, count=60, methods=methods)
    values["frames"] = [clip[np.arange(60 + i) % 60] for i, clip in enumerate(noise)]
    explorer = SimilarityExplorer(**{**values, "steps": None})
    assert len(explorer.html()) < MAX_BYTES


def test_hostile_names_are_escaped_in_the_page():
    page = build(class_names=["</script><b>", "<img src=x onerror=alert(1)>", "<!--"]).html()
    assert "<img" not in page
    assert "<!--" not in page
    assert page.count("</script>") == 2


def swapped(kind, method, sample, array):
    """Arguments with one array of features exchanged."""
    values = make()
    values[kind][method][sample] = array
    return values


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            swapped("first", "WS", 1, np.zeros(8)),
            r"first of sample 1, method 'WS' must be \(S, D\)",
        ),
        (swapped("second", "WS", 1, np.zeros((8, 4))), r"shape \(8, 5\), second \(8, 4\)"),
        (swapped("first", "CTC", 0, np.full((7, 5), np.nan)), r"sample 0, method 'CTC' holds nan"),
        (make(first={"CTC": []}), "first has the methods .'CTC'., second .'CTC', 'WS'."),
        (make(first={}, second={}), "one at least"),
        (make(truth=[[0] * 7]), "truth has 1 samples; expected 2"),
        (make(truth=[[0] * 7, [0] * 7]), r"truth of sample 1 has shape \(7,\).* 8 steps"),
        (make(truth=[[0] * 7, [3] * 8]), "truth of sample 1 must be whole numbers, 0 .. 2"),
        (make(truth=[[0] * 7, [0.5] * 8]), "truth of sample 1 must be whole numbers"),
        (make(steps=[range(7), [28] + [32] * 7]), "steps of sample 1 must be .* 0 .. 31"),
        (
            make(steps=None),
            "frames of sample 0 hold 28 frames, the features 7 steps: hand in steps",
        ),
        (make(frames=[np.zeros((28, 9))] * 2), r"frames of sample 0 must be .*\(28, 9\)"),
        (make(band=21), "band is 21; allowed: 0 .. 20"),
        (make(names="LVF"), "names is 'LVF'; two are needed"),
        (make(samples=0), "first is empty; at least one sample is needed"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(values, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        SimilarityExplorer(**values)
    assert "\n" not in str(caught.value)


def test_methods_of_different_lengths_are_refused():
    values = make(samples=1)
    for kind in ("first", "second"):
        values[kind]["WS"] = [np.ones((6, 5))]
    with pytest.raises(ValueError, match="method 'WS' has 6 steps; other methods have 7"):
        SimilarityExplorer(**values)


@pytest.mark.parametrize(
    ("trait", "value"), [("method", "VAC"), ("sample", 2), ("row", 8), ("column", -1), ("band", 21)]
)
def test_traits_refuse_what_the_page_could_not_show(trait, value):
    explorer = build()
    with pytest.raises(traitlets.TraitError, match=f"{trait} is .*; allowed:"):
        setattr(explorer, trait, value)


def test_page_state_follows_the_traits():
    explorer = build(band=3)
    explorer.method, explorer.row, explorer.column, explorer.sample = "WS", 3, 5, 1
    state = json.loads(explorer.html().split('-state">')[1].split("</script>")[0])
    names = ("method", "row", "column", "sample", "band", "signed")
    assert [state[name] for name in names] == ["WS", 3, 5, 1, 3, True]


def test_figure_shows_the_matrices_the_mass_and_the_frames_chosen():
    values = make(title="costs $5 & $6", band=1)
    explorer = SimilarityExplorer(**values)
    explorer.method, explorer.sample, explorer.row, explorer.column = "WS", 1, 2, 6
    figure = explorer.figure()
    a, b = values["first"]["WS"][1], values["second"]["WS"][1]
    third = figure.axes[2]
    cosines = np.array(brute_cosine(a, b))
    np.testing.assert_allclose(third.images[0].get_array(), cosines, atol=1e-6)
    assert f"{diagonal_mass(cosines, 1):.3f} within ±1" in third.get_title(loc="left")
    assert third.images[0].get_clim() == (-1, 1)
    pictures = [axes for axes in figure.axes if axes.get_title().startswith("step ")]
    assert [axes.get_title() for axes in pictures] == ["step i = 2", "step j = 6"]
    assert np.array_equal(pictures[1].images[0].get_array(), values["frames"][1][26])
    figure.canvas.draw()
    explorer.signed = False
    assert explorer.figure().axes[0].images[0].get_clim() == (0, 1)
