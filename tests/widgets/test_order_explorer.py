"""The order explorer's Python side: orders, checks, packing, traits, figure."""

import json
from itertools import permutations

import numpy as np
import pytest
import traitlets

from vidlab.widgets import OrderExplorer, orders
from vidlab.widgets._order_figure import shown_classes, softmax
from vidlab.widgets.base import MAX_BYTES, decode_array

NAMES = ["left", "right", "up", "down", "still"]


def film(frames=4, size=8, seed=0):
    shape = (frames, size, size, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def logits_of(count=2, rows=24, classes=5, seed=0):
    """A model that sees the order, and one that cannot."""
    source = np.random.default_rng(seed)
    return {
        "TSN": [np.tile(source.normal(size=(1, classes)), (rows, 1)) for _ in range(count)],
        "TRN": [3 * source.normal(size=(rows, classes)) for _ in range(count)],
    }


def make(**changes):
    """2 clips of 4 frames, a card each; 2 models, 5 classes."""
    values = {
        "clips": [film(seed=i) for i in range(2)],
        "logits": logits_of(),
        "class_names": NAMES,
        "truth": [0, 3],
    }
    return OrderExplorer(**{**values, **changes})


def test_orders_are_all_permutations_and_begin_with_the_true_one():
    found = orders(5)
    assert found.shape == (120, 5)
    assert [tuple(row) for row in found] == list(permutations(range(5)))
    assert found[0].tolist() == [0, 1, 2, 3, 4]
    assert found[-1].tolist() == [4, 3, 2, 1, 0]


def test_frames_of_a_card_stay_together_and_in_their_order():
    found = orders(8, cards=(2, 3, 1, 2))
    assert found.shape == (24, 8)
    assert (np.sort(found, axis=1) == np.arange(8)).all()
    assert len({tuple(row) for row in found}) == 24
    for row in found.tolist():
        at = {t: place for place, t in enumerate(row)}
        for a, b in ((0, 1), (2, 3), (3, 4), (6, 7)):
            assert at[b] == at[a] + 1
    assert found[1].tolist() == [0, 1, 2, 3, 4, 6, 7, 5]  # the last two cards change first
    assert found[-1].tolist() == [6, 7, 5, 2, 3, 4, 0, 1]


@pytest.mark.parametrize(
    ("frames", "cards", "sentence"),
    [
        (0, None, "frames is 0; allowed: a whole number, 1 .. 16"),
        (17, (4, 4, 4, 5), "frames is 17"),
        (4.0, None, "frames is 4.0"),
        (8, None, r"8 frames would need 8 cards; at most 6 .*cards=\(2, 2, 2, 2\)"),
        (10, None, r"cards=\(3, 3, 2, 2\)"),
        (8, (2, 2, 2), r"cards \[2, 2, 2\] hold 6 frames; a clip has 8"),
        (8, (2, 0, 6), "each card holds 1 frame or more"),
        (8, (2.0, 6.0), "each card holds 1 frame or more"),
        (7, (1,) * 7, "cards has 7 cards; at most 6"),
        (8, 4, "cards is 4; needed: frames of each card"),
        (8, "2222", "cards is '2222'; needed"),
    ],
)
def test_wrong_orders_are_refused_in_one_sentence(frames, cards, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        orders(frames, cards)
    assert "\n" not in str(caught.value)


def test_softmax_survives_the_packing_and_large_logits():
    given = logits_of()
    given["TRN"][1][3] = [9e8, 9e8 - 2, -9e8, 0, 9e8 - 5]  # float16 would end at 65504
    explorer = make(logits=given)
    for i, packed in enumerate(explorer._data["clips"]):
        for m, model in enumerate(("TSN", "TRN")):
            expected = softmax(given[model][i])
            offsets = decode_array(packed["offsets"][m]).astype(float)
            assert np.isfinite(offsets).all()
            got = softmax(offsets)
            np.testing.assert_allclose(got, expected, atol=5e-4)
            answers = decode_array(packed["answers"][m])
            assert (answers == given[model][i].argmax(1)).all()


def test_answers_are_those_of_the_logits_not_of_their_rounding():
    close = np.zeros((24, 5))
    close[:, 4] = 1e-9  # float16 holds nothing so small
    explorer = make(logits={"m": [close, close]})
    assert (decode_array(explorer._data["clips"][0]["answers"][0]) == 4).all()


def test_kept_is_the_share_of_orders_with_the_true_orders_answer():
    rows = np.zeros((24, 5))
    rows[np.arange(24), np.where(np.arange(24) < 6, 2, 1)] = 1
    explorer = make(logits={"m": [rows, rows[::-1]]})
    np.testing.assert_allclose(explorer.kept("m"), [6 / 24, 18 / 24])
    assert "keep the answer given to the true one: m 50 %" in explorer.alt
    assert make().kept("TSN").tolist() == [1, 1]
    with pytest.raises(ValueError, match="model is 'X'; allowed: TSN, TRN"):
        make().kept("X")


def test_tensors_grey_clips_and_cards_are_taken():
    torch = pytest.importorskip("torch")
    clips = [film(6)[..., 0] for _ in range(2)]
    rows = torch.zeros(6, 5, requires_grad=True)
    explorer = OrderExplorer(
        clips, {"m": [rows, rows]}, NAMES, truth=torch.tensor([1, 2]), cards=(1, 3, 2)
    )
    assert explorer._data["cards"] == [1, 3, 2]
    assert [clip["sheet"]["count"] for clip in explorer._data["clips"]] == [6, 6]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"clips": []}, "clips is empty"),
        ({"clips": [film(), film(5)]}, "clip 1 has 5 frames, clip 0 4"),
        ({"clips": [film(17), film(17)]}, "17 frames; at most 16"),
        ({"clips": [film() / 255, film()]}, "clip 0 must be uint8"),
        ({"clips": [film()[0, 0], film()]}, r"clip 0 must be \(T, H, W\)"),
        ({"class_names": ["one"]}, "class_names has 1 names; allowed: 2 .. 250"),
        ({"logits": [1]}, "logits must be a dict"),
        ({"logits": {}}, r"logits has the models \[\]; allowed: 1 .. 6"),
        ({"logits": {"m": [np.zeros((24, 5))]}}, "logits of 'm' has 1 entries; there are 2 clips"),
        (
            {"logits": {"m": [np.zeros((24, 5)), np.zeros((23, 5))]}},
            r"logits of 'm' for clip 1 have shape \(23, 5\); expected \(P, K\) = \(24, 5\)",
        ),
        (
            {"logits": {"m": [np.full((24, 5), np.nan)] * 2}},
            "logits of 'm' for clip 0 holds nan",
        ),
        ({"truth": [0]}, r"truth has shape \(1,\).*\(2,\)"),
        ({"truth": [0, 5]}, "truth holds 5; allowed: the classes 0 .. 4"),
        ({"truth": [0, 0.5]}, "truth holds 0.5"),
        ({"cards": (2, 1)}, "hold 3 frames; a clip has 4"),
    ],
)
def test_wrong_inputs_are_refused_in_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        make(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("trait", "value"), [("clip", 2), ("clip", -1), ("order", 24)])
def test_traits_refuse_what_the_page_could_not_show(trait, value):
    with pytest.raises(traitlets.TraitError, match=f"{trait} is {value}; allowed: 0 .. "):
        setattr(make(), trait, value)


def test_page_state_follows_the_traits():
    explorer = make()
    explorer.clip, explorer.order = 1, 23
    state = json.loads(explorer.html().split('-state">')[1].split("</script>")[0])
    assert (state["clip"], state["order"]) == (1, 23)


def test_the_largest_usual_explorer_stays_below_the_limit_even_with_noisy_frames():
    count, classes = 6, 12
    explorer = OrderExplorer(
        [film(6, 112, seed=i) for i in range(count)],
        logits_of(count, 720, classes) | {"TSM": logits_of(count, 720, classes, 1)["TRN"]},
        [f"class {k}" for k in range(classes)],
        truth=[0] * count,
    )
    assert len(explorer.html()) < MAX_BYTES


def test_too_much_is_refused():
    rows = np.random.default_rng(0).normal(size=(720, 40))
    with pytest.raises(ValueError, match=r"the order explorer would add .* at most 1.5 MB"):
        OrderExplorer(
            [film(6)] * 30, {"m": [rows] * 30}, [str(k) for k in range(40)], truth=[0] * 30
        )


def test_hostile_names_are_escaped_in_the_page():
    bad = "</script><img src=x onerror=alert(1)><!--"
    explorer = make(logits={bad: logits_of()["TRN"]}, class_names=[bad] * 5, title=bad, alt=bad)
    page = explorer.html()
    assert "<img" not in page
    assert "<!--" not in page
    assert page.count("</script>") == 2


def test_of_many_classes_the_likely_ones_the_truth_and_the_answers_are_shown():
    sure = np.zeros((3, 40))
    sure[:, 5:25] = np.arange(20)
    assert shown_classes([softmax(sure)], [39]) == [*range(12, 25), 39]
    assert shown_classes([softmax(sure)], [39, 0, 24]) == [0, *range(13, 25), 39]
    assert shown_classes([softmax(sure[:, :4])], [2]) == [0, 1, 2, 3]


def test_figure_shows_the_order_the_softmax_and_the_spread():
    given = logits_of()
    explorer = make(logits=given, title="costs $5 & $6", class_names=["$a", *NAMES[1:]])
    explorer.clip, explorer.order = 1, 9
    figure = explorer.figure()
    figure.canvas.draw()
    strip = [one for one in figure.axes if one.images]
    assert [one.get_title() for one in strip] == [str(t) for t in orders(4)[9]]
    for one, t in zip(strip, orders(4)[9], strict=True):
        assert np.array_equal(one.images[0].get_array(), film(seed=1)[t])
    bars = [one for one in figure.axes if one.get_xlabel().startswith("probability (tick")]
    spreads = [one for one in figure.axes if one.get_ylabel() == "orders"]
    for axes, spread, model in zip(bars, spreads, ("TSN", "TRN"), strict=True):
        expected = softmax(given[model][1])
        shown = [bar.get_width() for bar in axes.patches]
        np.testing.assert_allclose(shown, expected[9], atol=5e-4)
        np.testing.assert_allclose(axes.lines[0].get_xdata(), expected[0], atol=5e-4)
        assert spread.lines[0].get_xdata()[0] == pytest.approx(expected[9, 3], abs=5e-4)
        assert sum(bar.get_height() for bar in spread.patches) == 24
        answer = given[model][1][9].argmax()
        verdict = "right" if answer == 3 else "wrong"
        name = ["\\$a", *NAMES[1:]][answer]
        assert axes.get_title(loc="left") == f"{model}: {name} ({verdict})"
