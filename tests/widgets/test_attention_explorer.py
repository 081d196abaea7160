"""The attention explorer's Python side: tokens, packing, checks, traits, figure."""

import json

import numpy as np
import pytest
import traitlets

from vidlab.metrics.attention import entropy, rollout
from vidlab.widgets import AttentionExplorer, AttentionView, Tokens
from vidlab.widgets._attention_figure import HEAT, blend
from vidlab.widgets._attention_tokens import check_tokens
from vidlab.widgets.base import MAX_BYTES, SEQUENTIAL, decode_array

WORDS = ("a", "disc", "turns")


def rows_of_one(*shape, seed=0):
    """Random attention weights, some of them sharp."""
    logits = 3 * np.random.default_rng(seed).normal(size=shape)
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def film(frames=4, height=12, width=16, seed=0):
    shape = (frames, height, width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def patches(**changes):
    """Self-attention over CLS and 2 x 3 patches of 4 frames: 25 tokens, 2 layers, 3 heads."""
    values = {
        "weights": rows_of_one(2, 3, 25, 25),
        "keys": Tokens(special=("CLS",), frames=film(), grid=(2, 3)),
    }
    return AttentionView(**{**values, **changes})


def crossed(**changes):
    """3 words that look at 2 x 3 patches of 4 frames."""
    values = {
        "weights": rows_of_one(2, 3, 24),
        "keys": Tokens(frames=film(), grid=(2, 3)),
        "queries": Tokens(words=WORDS),
    }
    return AttentionView(**{**values, **changes})


def unpacked(explorer, sample, layer):
    """(maps, Q, K): the weights as the page decodes them."""
    packed = explorer._data["samples"][sample]["layers"][layer]
    largest = decode_array(packed["largest"])
    return decode_array(packed["codes"]).astype(float) / 255 * largest[..., None]


def test_heads_and_rollout_travel_as_fine_as_promised():
    view = patches()
    explorer = AttentionExplorer([view])
    for layer in range(2):
        expected = np.concatenate([view.weights[layer], rollout(view.weights)[layer][None]])
        got = unpacked(explorer, 0, layer)
        largest = expected.max(-1, keepdims=True)
        assert got.shape == (4, 25, 25)
        assert (np.abs(got - expected) <= largest * (0.5 / 255 + 1e-6)).all()
        assert got.max(-1) == pytest.approx(expected.max(-1))  # the largest is exact
        assert (got.argmax(-1) == expected.argmax(-1)).all()


def test_entropies_are_those_of_the_metric_for_heads_mean_and_rollout():
    view = patches()
    packed = AttentionExplorer([view])._data["samples"][0]
    spread = decode_array(packed["spread"])
    assert spread.shape == (2, 5, 25)
    np.testing.assert_allclose(spread[:, :3], entropy(view.weights), atol=1e-6)
    np.testing.assert_allclose(spread[:, 3], entropy(view.weights.mean(1)), atol=1e-6)
    np.testing.assert_allclose(spread[:, 4], entropy(rollout(view.weights)), atol=1e-6)


def test_three_axes_are_one_layer_and_cross_attention_has_no_rollout():
    explorer = AttentionExplorer([crossed()])
    data = explorer._data
    assert (data["layers"], data["heads"]) == (["layer 1"], ["head 1", "head 2"])
    assert data["rollout"] is False
    assert unpacked(explorer, 0, 0).shape == (2, 3, 24)
    assert data["samples"][0]["queries"]["names"] == list(WORDS)
    assert data["samples"][0]["queries"]["sheet"] is None
    with pytest.raises(traitlets.TraitError, match=r"mode is 'rollout'.*needs self-attention"):
        explorer.mode = "rollout"


def test_tokens_run_over_frames_rows_and_columns():
    axis = check_tokens(Tokens(special=("CLS",), words=WORDS, frames=film(), grid=(2, 3)), "keys")
    assert axis.count == 1 + 3 + 4 * 6
    names = [axis.name(token) for token in (0, 3, 4, 6, 7, 10, 27)]
    assert names == [
        "CLS", "turns", "frame 0, row 0, column 0", "frame 0, row 0, column 2",
        "frame 0, row 1, column 0", "frame 1, row 0, column 0", "frame 3, row 1, column 2",
    ]  # fmt: skip


def test_a_span_shows_the_middle_of_its_frames():
    frames = film(7)
    axis = check_tokens(Tokens(frames=frames, span=3), "keys")
    assert axis.count == 2  # the seventh frame fills no span
    assert np.array_equal(axis.frames, frames[[1, 4]])
    assert axis.name(1) == "frames 3–5"


def test_samples_may_differ_in_tokens():
    small = patches(weights=rows_of_one(2, 3, 2, 2), keys=Tokens(words=("x", "y")), name="pair")
    explorer = AttentionExplorer([patches(name="clip"), small])
    assert [one["name"] for one in explorer._data["samples"]] == ["clip", "pair"]
    explorer.query, explorer.sample = 24, 1
    explorer.figure().canvas.draw()  # the query is brought inside


def test_tensors_and_single_layers_are_taken():
    torch = pytest.importorskip("torch")
    weights = torch.softmax(torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(0)), -1)
    explorer = AttentionExplorer(
        [AttentionView(weights.requires_grad_(), Tokens(words=WORDS))], head_names=("near", "far")
    )
    assert explorer._data["heads"] == ["near", "far"]
    np.testing.assert_allclose(explorer._samples[0].maps[0, :2], weights.detach(), atol=1e-6)


def test_a_usual_explorer_stays_below_the_limit_even_with_noisy_frames():
    clips = [film(8, 224, 224, seed=i) for i in range(2)]
    views = [
        AttentionView(rows_of_one(2, 4, 129, 129, seed=i), Tokens(("CLS",), None, clip, (4, 4)))
        for i, clip in enumerate(clips)
    ]
    explorer = AttentionExplorer(views)
    assert len(explorer.html()) < MAX_BYTES
    assert explorer._data["samples"][0]["keys"]["sheet"]["count"] == 8


def test_too_much_is_refused_and_says_what_to_leave_out():
    weights = np.full((2, 4, 400, 400), 1 / 400, np.float32)
    with pytest.raises(
        ValueError, match=r"would add 2.\d MB .*1.5 MB.*samples \(1\), layers \(2\)"
    ):
        AttentionExplorer([AttentionView(weights, Tokens(words=[str(i) for i in range(400)]))])


def test_hostile_names_are_escaped_in_the_page():
    bad = "</script><img src=x onerror=alert(1)><!--"
    view = AttentionView(rows_of_one(1, 2, 2), Tokens((bad,), (bad,)), name=bad)
    page = AttentionExplorer([view], head_names=[bad], title=bad, alt=bad).html()
    assert "<img" not in page
    assert "<!--" not in page
    assert page.count("</script>") == 2


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: [], "at least one AttentionView"),
        (lambda: patches(), "a list of at least one AttentionView"),
        (lambda: [np.eye(3)], r"sample 0 is ndarray; expected AttentionView"),
        (lambda: [patches(weights=np.eye(25))], r"shape \(25, 25\); expected \(L, H, Q, K\)"),
        (lambda: [patches(), patches(weights=np.ones((2, 3, 25, 25)))], "sample 1: .* sum to 25"),
        (lambda: [patches(weights=np.full((2, 3, 25, 25), np.nan))], "sample 0: .*NaN"),
        (
            lambda: [patches(weights=rows_of_one(2, 3, 24, 24))],
            r"have 24 keys, the keys describe 25: 1 special \+ 4 times x 2 x 3 patches",
        ),
        (
            lambda: [patches(weights=rows_of_one(2, 3, 24, 25))],
            "have 24 queries, the keys describe 25",
        ),
        (
            lambda: [crossed(queries=Tokens(words=("a",)))],
            "have 3 queries, its tokens describe 1: 1 words",
        ),
        (lambda: [crossed(queries=Tokens())], "queries of sample 0 are empty"),
        (lambda: [crossed(queries=("a", "b", "c"))], r"queries of sample 0 are tuple; .*Tokens"),
        (lambda: [crossed(queries=Tokens(words="abc"))], "names 'abc'; a list of names"),
        (lambda: [patches(keys=Tokens(frames=film()[0, 0]))], r"must be \(T, H, W\)"),
        (lambda: [patches(keys=Tokens(frames=film() / 255))], "must be uint8"),
        (lambda: [patches(keys=Tokens(frames=film(), grid=(0, 3)))], r"grid .* is \(0, 3\)"),
        (lambda: [patches(keys=Tokens(frames=film(), grid=7))], r"grid .* is 7; allowed"),
        (lambda: [patches(keys=Tokens(frames=film(), span=0))], "span .* is 0; allowed"),
        (lambda: [patches(keys=Tokens(frames=film(), span=5))], "4 frames; a span of 5 needs more"),
        (
            lambda: [patches(keys=Tokens(words=WORDS, grid=(2, 3)))],
            "a grid or a span but no frames",
        ),
        (lambda: [patches(), crossed()], "sample 1 has queries of its own, sample 0 has not"),
        (
            lambda: [patches(), patches(weights=rows_of_one(2, 4, 25, 25))],
            r"sample 1 has \(layers, heads\) = \(2, 4\), sample 0 \(2, 3\)",
        ),
    ],
)
def test_wrong_samples_are_refused_in_one_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        AttentionExplorer(make())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["layer_names", "head_names"])
@pytest.mark.parametrize("names", [["one"], "ab", []])
def test_names_must_be_as_many(name, names):
    with pytest.raises(ValueError, match=f"{name} is .*; . names are needed"):
        AttentionExplorer([patches()], **{name: names})


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("sample", 1), ("layer", 2), ("head", 3), ("head", -1), ("query", 25), ("overlay", 1.5),
        ("mode", "max"),
    ],
)  # fmt: skip
def test_traits_refuse_what_the_page_could_not_show(trait, value):
    explorer = AttentionExplorer([patches()])
    with pytest.raises(traitlets.TraitError, match=f"{trait} is .*; allowed:"):
        setattr(explorer, trait, value)


def test_page_state_follows_the_traits():
    explorer = AttentionExplorer([patches()])
    explorer.layer, explorer.head, explorer.mode, explorer.query = 1, 2, "rollout", 7
    state = json.loads(explorer.html().split('-state">')[1].split("</script>")[0])
    names = ("layer", "head", "mode", "query", "overlay")
    assert [state[name] for name in names] == [1, 2, "rollout", 7, 0.7]


def test_blending_puts_each_patch_where_it_lies():
    frame = np.zeros((4, 6, 3), np.uint8)
    frame[..., 1] = 200
    weights = np.array([[0.0, 0.5, 1.0], [1.0, 0.0, 0.0]])
    only = blend(frame, weights, 1.0)
    for y in range(4):
        for x in range(6):
            assert only[y, x] == pytest.approx(HEAT(weights[y // 2, x // 2])[:3])
    bare = blend(frame, weights, 0.0)
    assert bare == pytest.approx(np.full((4, 6, 3), 0.587 * 200 / 255))
    assert blend(frame, weights, 0.4) == pytest.approx(0.6 * bare + 0.4 * only)
    assert blend(frame[..., 0], weights, 0.0) == pytest.approx(np.zeros((4, 6, 3)))


def test_colours_grow_brighter_with_weight_on_dark_and_on_bright_frames():
    ramp = np.linspace(0, 1, 9)[None]
    for level in (0, 128, 255):
        shown = blend(np.full((1, 9), level, np.uint8), ramp, 0.7)[0]
        brightness = shown**2.2 @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(brightness) > 0).all()
        assert brightness[-1] - brightness[0] > 0.4
    assert SEQUENTIAL["dark"][0] == "#1e242b"  # the page paints with the same colours


@pytest.mark.parametrize("mode", ["head", "mean", "rollout"])
def test_figure_shows_the_map_the_query_and_the_entropies_chosen(mode):
    view = patches(weights=rows_of_one(2, 3, 25, 25, seed=4))
    explorer = AttentionExplorer([view], title="costs $5 & $6")
    explorer.layer, explorer.head, explorer.mode, explorer.query = 1, 2, mode, 9
    figure = explorer.figure()
    figure.canvas.draw()
    expected = {
        "head": view.weights[1, 2],
        "mean": view.weights[1].mean(0),
        "rollout": rollout(view.weights)[1],
    }[mode]
    axes = {one.get_xlabel(): one for one in figure.findobj(type(figure.axes[0]))}
    shown = axes["key"].images[0].get_array()
    np.testing.assert_allclose(shown, expected / expected.max(1, keepdims=True), atol=1e-6)
    assert axes["key"].patches[0].get_y() == 8.5
    lengths = [bar.get_width() for bar in axes["entropy, share of log K"].patches]
    np.testing.assert_allclose(lengths[:3], entropy(view.weights[1, :, 9]), atol=1e-6)
    pictures = [one for one in figure.axes if one.get_title().startswith("frame ")]
    assert len(pictures) == 4
    share = 100 * expected[9, 1 + 6 : 1 + 12].sum()
    assert pictures[1].get_title() == f"frame 1: {share:.1f} %"
    for frame, picture, part in zip(
        view.keys.frames, pictures, expected[9, 1:].reshape(4, 2, 3), strict=True
    ):  # one scale for all frames: the query's largest weight
        under = blend(frame, part / expected[9].max(), explorer.overlay)
        np.testing.assert_allclose(picture.images[0].get_array(), under, atol=1e-6)
    words = next(one for one in figure.axes if one.get_ylabel() == "weight")
    assert words.patches[0].get_height() == pytest.approx(expected[9, 0])


def test_figures_of_words_alone_and_of_many_frames():
    many = AttentionView(rows_of_one(1, 20, 20), Tokens(frames=film(20)))
    AttentionExplorer([many]).figure().canvas.draw()
    words = [f"${i}" for i in range(40)]
    AttentionExplorer([AttentionView(rows_of_one(1, 40, 40), Tokens(words=words))]).figure()
