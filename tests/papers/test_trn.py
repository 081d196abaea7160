"""TRN: which tuples there are, what is made of them, and when chance plays a part."""

import math
from itertools import combinations

import pytest
import torch
from torch import Generator

from vidlab.papers.trn import TRN, Relation, TRNConfig, draw, tuples

T, D, K = 5, 4, 3
ALL = TRNConfig(features=None, hidden=6, tuples=None)


def vectors(n=2, t=T, d=D):
    return torch.randn(n, t, d, generator=Generator().manual_seed(1), dtype=torch.float64)


def head(config=ALL, frames=T):
    torch.manual_seed(0)
    return TRN(D, K, frames, config).double().eval()


# --- Tuples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [2, 5, 8])
def test_every_scale_has_all_its_tuples_once_and_in_order(frames):
    for n in range(1, frames + 1):
        every = tuples(frames, n)
        assert every.shape == (math.comb(frames, n), n)
        assert (every.diff(dim=1) > 0).all()  # strictly ordered: no frame twice
        assert len({tuple(row) for row in every.tolist()}) == len(every)
        assert every.min() >= 0
        assert every.max() < frames


def test_eight_frames_have_247_relations():
    assert sum(len(r.every) for r in TRN(D, K, 8, ALL).relations) == 247 == 2**8 - 8 - 1


def test_drawn_tuples_are_different_and_in_order():
    every = tuples(8, 3)
    seen = set()
    generator = Generator().manual_seed(0)
    for _ in range(60):
        drawn = draw(every, 3, generator).tolist()
        assert len(drawn) == len({tuple(row) for row in drawn}) == 3
        assert all(row == sorted(set(row)) for row in drawn)
        seen |= {tuple(row) for row in drawn}
    assert len(seen) > 50  # of 56: every tuple has its turn
    assert torch.equal(draw(every, 3, Generator().manual_seed(5)),
                       draw(every, 3, Generator().manual_seed(5)))  # fmt: skip
    for count in (None, 56, 99):
        assert torch.equal(draw(every, count), every)


# --- What is made of them -------------------------------------------------------------------------


def test_two_frames_are_one_perceptron_on_the_concatenation():
    model, frames = head(frames=2), vectors(t=2)
    (relation,) = model.relations
    first, last = relation.g[1], relation.h
    pair = torch.cat([frames[:, 0], frames[:, 1]], 1)
    hidden = torch.relu(torch.relu(pair) @ first.weight.T + first.bias)
    torch.testing.assert_close(model(frames), hidden @ last.weight.T + last.bias)


def test_the_logits_are_the_paper_s_sums_tuple_by_tuple():
    config = TRNConfig(features=None, hidden=6, tuples=None, reduce="sum")
    model, frames = head(config), vectors()
    total = 0
    for n, relation in zip(range(2, T + 1), model.relations, strict=True):
        found = 0
        for chosen in combinations(range(T), n):
            found = found + relation.g(torch.cat([frames[:, t] for t in chosen], 1))
        total = total + relation.h(found)
    torch.testing.assert_close(model(frames), total)


def test_summing_hidden_vectors_is_summing_logits_but_for_the_biases():
    config = TRNConfig(features=None, hidden=6, tuples=None, reduce="sum")
    model, frames = head(config), vectors()
    codes = sum(
        r.h(r.g(frames[:, chosen].flatten(1))) for r in model.relations for chosen in r.every
    )
    surplus = sum((len(r.every) - 1) * r.h.bias for r in model.relations)
    assert surplus.abs().min() > 0.1
    torch.testing.assert_close(model(frames), codes - surplus)


def test_scales_add_up():
    model, frames = head(), vectors()
    parts = model.by_scale(frames)
    assert parts.shape == (4, 2, K)
    torch.testing.assert_close(parts.sum(0), model(frames))
    single = head(TRNConfig(features=None, hidden=6, tuples=None, scales=(T,)))
    single.relations[0].load_state_dict(model.relations[-1].state_dict())
    torch.testing.assert_close(single(frames), parts[-1])


def test_order_counts_unless_all_frames_are_the_same():
    model, frames = head(), vectors()
    assert not torch.allclose(model(frames.flip(1)), model(frames), atol=1e-3)
    swapped = frames[:, [1, 0, 2, 3, 4]]
    assert not torch.allclose(model(swapped), model(frames), atol=1e-4)
    still = frames[:, :1].expand(-1, T, -1)
    torch.testing.assert_close(model(still.flip(1)), model(still))
    # Two equal frames may change places.
    twins = frames.clone()
    twins[:, 3] = twins[:, 0]
    torch.testing.assert_close(model(twins[:, [3, 1, 2, 0, 4]]), model(twins))


def test_a_layer_for_the_features_comes_first():
    model = head(TRNConfig(features=7, hidden=6))
    assert model.project[1].weight.shape == (7, D)
    assert [r.g[1].in_features for r in model.relations] == [14, 21, 28, 35]


# --- Chance ---------------------------------------------------------------------------------------


def test_testing_is_deterministic_and_training_is_not():
    model, frames = head(TRNConfig(features=None, hidden=6, tuples=3)), vectors()
    assert torch.equal(model(frames), model(frames))
    model.train()
    torch.manual_seed(3)
    first = model(frames)
    assert not torch.equal(model(frames), first)
    torch.manual_seed(3)
    assert torch.equal(model(frames), first)
    everything = head(ALL)
    assert torch.equal(everything.train()(frames), everything.eval()(frames))


def test_a_clip_gets_the_same_answer_in_any_batch():
    model, frames = head(TRNConfig(features=None, hidden=6, test_tuples=2)), vectors(3)
    torch.testing.assert_close(model(frames[1:2]), model(frames)[1:2])


@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_all_tuples_are_the_mean_over_every_possible_draw(reduce, monkeypatch):
    """T = 4, n = 2: six pairs, twenty choices of three."""
    config = TRNConfig(features=None, hidden=6, scales=(2,), tuples=3, reduce=reduce)
    model, frames = head(config, frames=4), vectors(t=4)
    tested = model(frames)
    model.train()
    logits = []
    for chosen in combinations(range(6), 3):
        rest = [i for i in range(6) if i not in chosen]
        order = torch.tensor([*chosen, *rest])
        monkeypatch.setattr(torch, "randperm", lambda *_, order=order, **__: order)
        logits.append(model(frames))
    assert len(logits) == 20
    assert torch.stack(logits).std(0).min() > 1e-3
    torch.testing.assert_close(torch.stack(logits).mean(0), tested)


def test_sum_is_the_code_s_number_of_tuples_times_the_mean():
    frames = vectors()
    by_mean, by_sum = (
        head(TRNConfig(features=None, hidden=6, tuples=3, reduce=reduce))
        for reduce in ("mean", "sum")
    )
    means, sums = by_mean.by_scale(frames), by_sum.by_scale(frames)
    for r, mean, total, factor in zip(by_mean.relations, means, sums, (3, 3, 3, 1), strict=True):
        torch.testing.assert_close(total - r.h.bias, factor * (mean - r.h.bias))


def test_a_choice_for_testing_is_fixed_by_its_seed():
    def chosen(seed):
        config = TRNConfig(features=None, test_tuples=2, seed=seed)
        return [r.tested.tolist() for r in TRN(D, K, 8, config).relations]

    assert chosen(0) == chosen(0)
    assert chosen(0) != chosen(1)
    assert [len(c) for c in chosen(0)] == [2, 2, 2, 2, 2, 2, 1]


def test_weights_move_between_configurations_of_testing():
    """The choice is not saved with the weights: a checkpoint fits both."""
    fast, slow = head(TRNConfig(features=None, hidden=6, test_tuples=1)), head()
    fast.load_state_dict(slow.state_dict())
    assert not any("every" in name or "tested" in name for name in slow.state_dict())


def test_gradients_reach_every_frame_and_every_weight():
    model = head()
    frames = vectors().abs().requires_grad_()  # negative numbers end at the first ReLU
    model(frames).square().sum().backward()
    assert (frames.grad.abs().sum(2) > 0).all()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


# --- Borders --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tuples(4, 5), "tuples of 5 frames out of 4"),
        (lambda: tuples(4, 0), "tuples of 0"),
        (lambda: tuples(20, 10), "184756 tuples of 10"),
        (lambda: TRN(D, K, 1), "frames is 1"),
        (lambda: TRN(0, K, 4), "dim is 0"),
        (lambda: TRN(D, 0, 4), "classes is 0"),
        (lambda: TRN(D, K, 4, TRNConfig(scales=(3, 2))), r"scales are \(3, 2\)"),
        (lambda: TRN(D, K, 4, TRNConfig(scales=(2, 2))), "ascending"),
        (lambda: TRN(D, K, 4, TRNConfig(scales=(2, 5))), "T = 4"),
        (lambda: TRN(D, K, 4, TRNConfig(scales=())), "scales"),
        (lambda: TRNConfig(hidden=0), "hidden is 0"),
        (lambda: TRNConfig(hidden=None), "hidden is None"),
        (lambda: TRNConfig(tuples=0), "tuples is 0"),
        (lambda: TRNConfig(test_tuples=1.5), "test_tuples is 1.5"),
        (lambda: TRNConfig(reduce="max"), "'mean', 'sum'"),
        (lambda: TRNConfig(dropout=-0.1), "dropout is -0.1"),
        (lambda: TRNConfig(seed=-1), "seed is -1"),
        (lambda: head()(vectors(t=4)), r"expected \(N, 5, 4\)"),
        (lambda: head()(vectors(d=3)), r"shape \(2, 5, 3\)"),
    ],
)
def test_errors_say_what_is_allowed(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_relation_of_one_frame_is_order_free():
    """What is left of TRN without relations: the mean of what each frame says, as in TSN."""
    torch.manual_seed(0)
    one = Relation(D, K, T, 1, ALL).double().eval()
    frames = vectors()
    torch.testing.assert_close(one(frames.flip(1)), one(frames))
