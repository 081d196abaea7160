"""The binarization explorer's Python side: error, packing, checks at the border, figure."""

import numpy as np
import pytest
import torch
import traitlets

from vidlab.widgets import BinarizationExplorer, LayerView
from vidlab.widgets._binarization_layer import HALF, KERNELS, histogram, kernels_kept
from vidlab.widgets.base import MAX_BYTES, decode_array


def view(name="conv2a", shape=(8, 4, 3, 3, 3), seed=0, **changes):
    random = np.random.default_rng(seed)
    values = {
        "name": name,
        "weight": random.normal(0.01, 0.1, shape),
        "activation": random.normal(0.3, 1, (5, 40)),
        "flips": random.uniform(0, 0.1, 6),
        "cosine": 0.8,
    }
    return LayerView(**{**values, **changes})


def build(count=2, **changes):
    return BinarizationExplorer([view(f"conv{i}", seed=i) for i in range(count)], **changes)


def brute_error(weight, bias, scale):
    """The definition, weight by weight."""
    weight = np.asarray(weight, np.float32).astype(float).ravel()
    lost = sum((w - scale * (1 if w + bias >= 0 else -1)) ** 2 for w in weight)
    return lost / sum(w * w for w in weight)


@pytest.mark.parametrize(("bias", "scale"), [(0, 0.08), (0.05, 0.1), (-0.2, 0.03), (0.1, 0)])
def test_error_is_the_definition(bias, scale):
    layer = view()
    found = BinarizationExplorer([layer]).error(0, bias, scale)
    assert found == pytest.approx(brute_error(layer.weight, bias, scale), rel=1e-9)


def test_the_best_scale_is_mean_of_the_absolute_weights_and_the_closed_form_its_error():
    explorer = build()
    weight = view(seed=0).weight.astype(np.float32).astype(float)
    best = explorer.best_scale(0)
    assert best == pytest.approx(np.abs(weight).mean(), rel=1e-12)
    closed = 1 - np.abs(weight).mean() ** 2 / (weight**2).mean()
    assert explorer.error(0, 0, best) == pytest.approx(closed, rel=1e-9)
    assert explorer.scale == pytest.approx(best)


@pytest.mark.parametrize("bias", [0, 0.04, -0.1])
def test_no_scale_beats_the_best_one(bias):
    explorer = build()
    best = explorer.best_scale(1, bias)
    least = explorer.error(1, bias, best)
    for step in (1e-4, 1e-2):
        assert explorer.error(1, bias, best + step) > least
        assert explorer.error(1, bias, best - step) > least


def test_a_zero_weight_is_a_plus():
    layer = view(weight=np.array([0.0, 0.0, 0.0, -1.0]).reshape(4, 1, 1, 1, 1))
    explorer = BinarizationExplorer([layer])
    # Signs +, +, +, -: three times (0 - 0.5)² and once (-1 + 0.5)².
    assert explorer.error(0, 0, 0.5) == pytest.approx(1.0)
    counts = decode_array(explorer._data["layers"][0]["weights"]["counts"])
    assert counts[:HALF].sum() == 1
    assert counts[HALF:].sum() == 3


def test_a_weight_on_the_threshold_is_a_plus():
    explorer = BinarizationExplorer([view(weight=np.array([0.5, -1.0]).reshape(2, 1, 1, 1, 1))])
    assert explorer.error(0, -0.5, 0.5) == pytest.approx(0.25 / 1.25)
    assert explorer.best_scale(0, -0.5) == pytest.approx(0.75)


def test_one_scale_a_filter_loses_what_brute_force_says():
    layer = view(weight=np.random.default_rng(1).normal(0, [[0.1], [1.0]], (2, 54)))
    layer = view(weight=np.asarray(layer.weight).reshape(2, 2, 3, 3, 3))
    weight = np.asarray(layer.weight, np.float32).astype(float)
    lost = 0.0
    for one in weight:
        lost += ((one - np.abs(one).mean() * np.where(one >= 0, 1, -1)) ** 2).sum()
    explorer = BinarizationExplorer([layer])
    found = explorer._data["layers"][0]["filterError"]
    assert found == pytest.approx(lost / (weight**2).sum(), rel=1e-9)
    assert found < explorer.error(0, 0, explorer.best_scale(0))


def test_histograms_count_everything_and_cut_at_the_edges():
    values = np.r_[np.random.default_rng(0).normal(0, 1, 5000), -1e-30, 0.0, 60.0, -70.0]
    found = histogram(values)
    assert found.counts.sum() == values.size
    assert found.beyond == (np.abs(values) > found.reach).sum() >= 2
    for k in (0, 37, HALF, 2 * HALF - 31):
        edge = (k - HALF) * found.reach / HALF
        inside = values < edge if k else np.zeros(values.size, bool)
        assert found.counts[:k].sum() == inside.sum()
        assert found.sums[:k].sum() == pytest.approx(values[inside].sum(), abs=1e-9)


def test_histogram_of_zeros_has_an_axis():
    found = histogram(np.zeros(5))
    assert found.reach == 1
    assert found.counts[HALF] == 5


def test_packed_kernels_are_the_first_ones_and_keep_their_signs():
    weight = np.random.default_rng(3).normal(0, 0.1, (70, 40, 3, 3, 3))
    weight[0, 0, 0] = [[0.0, 1e-12, -1e-12]] * 3
    packed = BinarizationExplorer([view(weight=weight)])._data["layers"][0]
    kernels = decode_array(packed["kernels"])
    assert kernels.shape == (KERNELS, KERNELS, 3, 3, 3)
    kept = weight[:KERNELS, :KERNELS].astype(np.float32)
    assert np.abs(kernels - kept).max() < 1e-5
    np.testing.assert_array_equal(kernels >= 0, kept >= 0)
    assert packed["shape"] == [70, 40, 3, 3, 3]


def test_many_layers_share_the_room_for_kernels():
    shapes = [(512, 512, 3, 3, 3)] * 50 + [(64, 3, 3, 7, 7)]
    kept = kernels_kept(shapes)
    values = sum(f * c * np.prod(shape[2:]) for (f, c), shape in zip(kept, shapes, strict=True))
    assert values <= 220_000
    assert min(f * c for f, c in kept) >= 25
    assert kernels_kept([(64, 3, 3, 3, 3)]) == [(KERNELS, 3)]
    assert kernels_kept([(4, 4, 700, 700, 1)]) == [(1, 1)]


def test_a_network_of_fifty_layers_stays_below_the_limit():
    layers = [view(f"layer{i}", (64, 64, 3, 3, 3), i % 3, flips=np.zeros(100)) for i in range(50)]
    assert len(BinarizationExplorer(layers).html()) < MAX_BYTES


def test_the_same_layers_give_the_same_page():
    assert build()._data == build()._data


def test_weights_are_copied():
    weight = torch.full((2, 1, 1, 1, 1), 0.5)
    weight[0] = 1
    explorer = BinarizationExplorer([view(weight=weight)])
    before = explorer.error(0, 0, 0.75)
    weight.mul_(-3)  # as an optimiser would
    assert explorer.error(0, 0, 0.75) == before == pytest.approx(0.125 / 1.25)


def test_flips_and_cosine_may_be_missing():
    packed = BinarizationExplorer([view(flips=None, cosine=None)])._data["layers"][0]
    assert packed["flips"] is None
    assert packed["cosine"] is None


BAD = np.zeros((2, 1, 1, 1, 1))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"weight": np.ones((2, 3, 3, 3))}, r"weight of layer 0 \('conv2a'\) must be \(Cout, Cin"),
        ({"weight": np.ones((0, 1, 1, 1, 1))}, r"not empty; got shape \(0, 1, 1, 1, 1\)"),
        ({"weight": BAD}, "is all zero; its quantisation error is not defined"),
        ({"weight": BAD + np.nan}, r"weight of layer 0 .* holds nan at index \(0, 0, 0, 0, 0\)"),
        ({"weight": BAD + 1j}, "must hold real numbers; got dtype complex128"),
        ({"weight": BAD + 1e39}, "more than float32 can hold"),
        ({"weight": BAD.astype(str)}, "weight of layer 0 .* must hold numbers"),
        ({"activation": []}, "activation of layer 0 .* is empty; at least one value"),
        ({"activation": [1, np.inf]}, r"activation of layer 0 .* holds inf at index \(1,\)"),
        ({"flips": [[0.1]]}, r"flips of layer 0 .* must be \(E,\)"),
        ({"flips": []}, r"flips of layer 0 .* must be \(E,\)"),
        (
            {"flips": [0.1, 1.2]},
            "flips of layer 0 .* go from 0.1 to 1.2; they are shares in 0 .. 1",
        ),
        ({"cosine": 1.5}, "cosine of layer 0 .* must be one number in -1 .. 1; got 1.5"),
        ({"cosine": float("nan")}, "cosine of layer 0 .* got nan"),
        ({"cosine": [0.1, 0.2]}, "cosine of layer 0 .* must be one number"),
    ],
)
def test_wrong_layers_are_refused_in_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        BinarizationExplorer([view(**changes)])
    assert "\n" not in str(caught.value)


def test_wrong_lists_are_refused():
    with pytest.raises(ValueError, match="layers is empty"):
        BinarizationExplorer([])
    with pytest.raises(TypeError, match=r"layers\[1\] is a ndarray; LayerView is needed"):
        BinarizationExplorer([view(), np.ones(3)])
    with pytest.raises(ValueError, match="flips of layer 'b' has 3 epochs; 'conv2a' has 6"):
        BinarizationExplorer([view(), view("b", flips=[0, 0, 0])])


@pytest.mark.parametrize("boundary", [0, 6, 1.5, -1])
def test_a_boundary_lies_inside_the_history(boundary):
    sentence = f"stage_boundary is {boundary}; with 6 epochs .* from 1 to 5"
    with pytest.raises(ValueError, match=sentence):
        build(stage_boundary=boundary)


def test_a_boundary_without_a_history_is_refused():
    with pytest.raises(ValueError, match="no layer has flips to mark"):
        BinarizationExplorer([view(flips=None)], stage_boundary=2)


def test_error_names_a_wrong_argument():
    explorer = build()
    with pytest.raises(ValueError, match="layer is 2; allowed: 0 .. 1"):
        explorer.error(2, 0, 1)
    with pytest.raises(ValueError, match="layer is -1; allowed: 0 .. 1"):
        explorer.best_scale(-1)
    with pytest.raises(ValueError, match="scale is nan; it must be finite"):
        explorer.error(0, 0, float("nan"))


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("layer", 2),
        ("layer", -1),
        ("bias", 5.0),
        ("bias", float("nan")),
        ("scale", -0.1),
        ("scale", 9.0),
        ("kernel", 8),
        ("channel", 4),
        ("channel", -2),
    ],
)
def test_traits_refuse_what_the_page_could_not_show(trait, value):
    explorer = build()
    with pytest.raises(traitlets.TraitError, match=f"{trait} is .*; allowed: "):
        setattr(explorer, trait, value)


def test_a_new_layer_starts_at_its_best_scale():
    explorer = BinarizationExplorer([view(), view("small", (2, 1, 1, 1, 1), 1)])
    explorer.bias, explorer.kernel, explorer.channel = 0.05, 7, 3
    explorer.layer = 1
    assert explorer.bias == 0
    assert explorer.scale == pytest.approx(explorer.best_scale(1))
    assert (explorer.kernel, explorer.channel) == (1, 0)
    explorer.channel = -1
    explorer.layer = 0
    assert explorer.channel == -1


def test_figure_draws_the_layer_shown():
    explorer = BinarizationExplorer([view(), view("$b<", seed=1)], stage_boundary=2)
    explorer.layer, explorer.bias, explorer.channel = 1, 0.03, -1
    figure = explorer.figure()
    figure.canvas.draw()
    weights, error, activations, flips, cosines, *kernels = figure.axes
    assert figure.get_suptitle() == r"What binarization keeps: \$b<"
    for axes, threshold in ((weights, -0.03), (activations, 0.0)):
        low, high = axes.containers[:2]
        assert sum(bar.get_height() * (bar.get_width() > 0) for bar in low) > 0
        ends = [bar.get_x() + bar.get_width() for bar in low if bar.get_width() > 0]
        starts = [bar.get_x() for bar in high if bar.get_width() > 0]
        assert max(ends) == pytest.approx(threshold, abs=1e-9)
        assert min(starts) == pytest.approx(threshold, abs=1e-9)
    (x,), (y,) = error.lines[-1].get_data()
    assert y == pytest.approx(explorer.error(1, 0.03, x), rel=1e-6)
    assert len(flips.lines) == 3
    assert len(cosines.containers[0]) == 2
    assert len(kernels) == 6
    shown = np.stack([axes.images[0].get_array() for axes in kernels[:3]])
    np.testing.assert_allclose(shown, view(seed=1).weight[0].mean(0), atol=1e-7)
    signs = np.stack([axes.images[0].get_array() for axes in kernels[3:]])
    expected = np.where(view(seed=1).weight[0] + 0.03 >= 0, 1, -1).mean(0)
    np.testing.assert_allclose(signs, expected, atol=1e-7)


def test_figure_without_history_and_cosines():
    explorer = BinarizationExplorer([view(flips=None, cosine=None, shape=(2, 1, 1, 1, 1))])
    explorer.figure().canvas.draw()
