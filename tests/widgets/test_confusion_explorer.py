"""The confusion explorer's Python side: counts, orders, clips, checks at the border, figure."""

import json
import time

import numpy as np
import pytest
import traitlets

from vidlab.widgets import ConfusionExplorer
from vidlab.widgets._confusion_clips import even_frames, pack_clips
from vidlab.widgets._confusion_order import by_cluster, by_error, by_frequency
from vidlab.widgets.base import MAX_BYTES, decode_array

NAMES = ["nothing", "SUN", "RAIN", "SNOW"]
TRUTH = [1, 1, 1, 2, 2, 3, 0, 1]
CTC = [1, 2, 2, 2, 1, 3, 2, 0]
WS = [1, 1, 2, 2, 2, 3, 0, 1]


def build(**changes):
    values = {
        "truth": TRUTH,
        "predictions": {"CTC": CTC, "WS": WS},
        "class_names": NAMES,
        "clips": None,
        **changes,
    }
    return ConfusionExplorer(**values)


def test_rows_are_the_truth_and_columns_the_predictions():
    assert build().counts("CTC").tolist() == [
        [0, 0, 1, 0],
        [1, 1, 2, 0],
        [0, 1, 1, 0],
        [0, 0, 0, 1],
    ]
    with pytest.raises(ValueError, match="model is 'VAC'; allowed: CTC, WS"):
        build().counts("VAC")


def test_the_cursor_starts_at_the_most_frequent_confusion():
    explorer = build()
    assert (explorer.row, explorer.column) == (1, 2)
    perfect = build(predictions=TRUTH)
    assert (perfect.model, perfect.row, perfect.column) == ("model", 0, 0)


def test_the_page_gets_every_sample():
    explorer = build(clip_names=[f"n{i}" for i in range(8)])
    assert decode_array(explorer._data["truth"]).tolist() == TRUTH
    assert [decode_array(p).tolist() for p in explorer._data["predictions"]] == [CTC, WS]
    assert explorer._data["clipNames"][7] == "n7"


def test_orders_by_frequency_and_error():
    counts = np.array([[5, 5, 0], [0, 20, 0], [3, 0, 0]])
    assert by_frequency(counts).tolist() == [1, 0, 2]
    assert by_error(counts).tolist() == [2, 0, 1]
    assert by_error(np.array([[0, 0], [1, 3]])).tolist() == [1, 0]  # no samples: last


def test_clusters_put_confused_classes_side_by_side():
    random = np.random.default_rng(0)
    classes = 24
    partner = (np.arange(classes) + 12) % classes
    counts = random.integers(0, 2, (classes, classes)) + 60 * np.eye(classes, dtype=int)
    counts[np.arange(classes), partner] += 40
    order = by_cluster(counts)
    assert sorted(order) == list(range(classes))
    place = np.argsort(order)
    assert (np.abs(place - place[partner]) == 1).all()


def test_clusters_leave_classes_never_seen_at_the_end():
    counts = np.zeros((5, 5), int)
    counts[1:4, 1:4] = [[5, 0, 3], [0, 5, 0], [3, 0, 5]]
    order = by_cluster(counts).tolist()
    assert order[3:] == [0, 4]
    assert abs(order.index(1) - order.index(3)) == 1
    assert by_cluster(np.zeros((2, 2), int)).tolist() == [0, 1]


def test_all_orders_of_a_hundred_classes_come_quickly():
    random = np.random.default_rng(1)
    truth, predicted = random.integers(0, 100, (2, 5000))
    start = time.perf_counter()
    explorer = build(truth=truth, predictions=predicted, class_names=[f"c{k}" for k in range(100)])
    assert time.perf_counter() - start < 20
    assert len(explorer.html()) < MAX_BYTES / 5
    for name in ("given", "frequency", "error", "cluster"):
        assert sorted(explorer._data["orders"][name]["model"]) == list(range(100))


def test_kept_frames_are_even_and_around_the_middle():
    assert even_frames(3, 8).tolist() == [0, 1, 2]
    assert even_frames(16, 4).tolist() == [2, 6, 10, 14]
    assert even_frames(100, 2).tolist() == [25, 75]


def test_few_clips_stay_sharp_and_many_fit_the_budget():
    random = np.random.default_rng(2)
    noise = random.integers(0, 256, (12, 72, 60), dtype=np.uint8)
    one = pack_clips([None, noise], 400_000)
    assert one[0] is None
    assert (one[1]["count"], one[1]["height"]) == (8, 64)
    many = pack_clips([noise] * 60, 300_000)
    assert sum(len(sheet["src"]) for sheet in many) <= 300_000
    assert many[0]["height"] < 64
    assert many[0]["count"] >= 2


def test_clips_share_the_limit_with_the_page():
    noise = np.random.default_rng(3).integers(0, 256, (300, 6, 48, 48), dtype=np.uint8)
    random = np.random.default_rng(4)
    truth, predicted = random.integers(0, 4, (2, 300))
    explorer = build(truth=truth, predictions=predicted, clips=list(noise))
    assert len(explorer.html()) < MAX_BYTES
    assert explorer._data["clips"][299]["count"] >= 2


def test_too_many_clips_are_refused():
    noise = np.random.default_rng(5).integers(0, 256, (2, 16, 64, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match="confusion explorer would add .* at most 1.5 MB"):
        build(truth=[0] * 400, predictions=[1] * 400, clips=[noise] * 400)


def test_clips_of_none_are_no_clips():
    assert build(clips=[None] * 8)._data["clips"] is None


def test_hostile_names_are_escaped_in_the_page():
    bad = ["</script><b>", "<!--", "<img src=x onerror=alert(1)>", "&"]
    page = build(class_names=bad, clip_names=bad * 2, predictions={bad[2]: CTC}).html()
    assert "<img" not in page
    assert "<!--" not in page
    assert page.count("</script>") == 2


CLIP = np.zeros((2, 4, 4), np.uint8)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"truth": [0, 4] * 4}, r"truth holds 4; allowed: the classes 0 .. 3, whole numbers"),
        ({"truth": [0.5] * 8}, r"truth holds 0.5; allowed"),
        ({"truth": []}, r"truth must be \(N,\), not empty; got shape \(0,\)"),
        ({"truth": [[1] * 8]}, r"truth must be \(N,\).*got shape \(1, 8\)"),
        (
            {"predictions": {"CTC": CTC, "WS": [1]}},
            "predictions of 'WS' has 1 samples; truth has 8",
        ),
        ({"predictions": [-1] * 8}, "predictions of 'model' holds -1; allowed"),
        ({"predictions": {}}, "predictions has the models ..; at least one is needed"),
        ({"predictions": {"": CTC}}, "each needs a name"),
        ({"class_names": ["c"] * 201}, "class_names has 201 names; allowed: 1 .. 200"),
        ({"clips": [None] * 7}, "clips has 7 entries; truth has 8 samples"),
        ({"clips": [None] * 7 + [CLIP[0]]}, r"clip 7 must be \(T, H, W\).*\(4, 4\)"),
        ({"clips": [CLIP / 2.0] + [None] * 7}, "clip 0 must be uint8"),
        ({"clip_names": ["a"]}, "clip_names has 1 names; truth has 8 samples"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        build(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("trait", "value"),
    [("model", ""), ("compare", "VAC"), ("order", "size"), ("row", 4), ("column", -1)],
)
def test_traits_refuse_what_the_page_could_not_show(trait, value):
    explorer = build()
    with pytest.raises(traitlets.TraitError, match=f"{trait} is .*; allowed:"):
        setattr(explorer, trait, value)


def test_page_state_follows_the_traits():
    explorer = build()
    explorer.compare, explorer.order, explorer.normalised = "WS", "cluster", False
    state = json.loads(explorer.html().split('-state">')[1].split("</script>")[0])
    names = ("model", "compare", "order", "normalised", "row", "column")
    assert [state[name] for name in names] == ["CTC", "WS", "cluster", False, 1, 2]


def test_figure_shows_shares_counts_and_differences_in_order():
    explorer = build(title="costs $5", predictions={"CTC": [*CTC[:-1], 1], "WS": WS})
    explorer.order = "frequency"
    order = [1, 2, 0, 3]  # four, two, one and one true samples
    figure = explorer.figure()
    shown = figure.axes[0]
    assert [label.get_text() for label in shown.get_yticklabels()] == [NAMES[k] for k in order]
    counts = explorer.counts("CTC").astype(float)
    shares = counts / counts.sum(1, keepdims=True)
    np.testing.assert_allclose(shown.images[0].get_array(), shares[np.ix_(order, order)])
    figure.canvas.draw()
    explorer.normalised, explorer.compare = False, "WS"
    figure = explorer.figure()
    difference = (counts - explorer.counts("WS"))[np.ix_(order, order)]
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), difference)
    assert figure.axes[0].get_title(loc="left").endswith("CTC − WS")
    figure.canvas.draw()


def test_figure_of_classes_without_samples_and_equal_models():
    explorer = build(truth=[1] * 8, predictions={"a": [1] * 8, "b": [1] * 8})
    explorer.compare = "b"
    explorer.figure().canvas.draw()
