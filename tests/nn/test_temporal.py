"""Temporal stacks: what a step sees, how many there are, and that padding changes nothing."""

import pytest
import torch
from torch import nn

from vidlab.nn.temporal import Geometry, MaskedBatchNorm, TemporalStack, parse

PAPER = {"C5": 5, "C5-C5": 9, "C5-P2-C5": 14, "C5-P2-C5-P2": 16}  # SMKD, Table 1
OTHERS = {"P3-C2": 6, "C3-P4-C1-P2": 10, "C1": 1}


def stack_of(name: str, dim: int = 3) -> TemporalStack:
    torch.manual_seed(0)
    return TemporalStack(dim, 4, name)


@pytest.mark.parametrize(("name", "field"), (PAPER | OTHERS).items())
def test_receptive_field(name, field):
    assert Geometry.of(name).receptive_field == field


@pytest.mark.parametrize("name", PAPER | OTHERS)
def test_lengths_are_those_of_the_forward_pass(name):
    stack = stack_of(name).eval()
    field = stack.geometry.receptive_field
    for frames in range(field, field + 30):
        lengths = torch.tensor([frames])
        out, steps = stack(torch.randn(frames, 1, 3), lengths)
        assert len(out) == int(steps) == int(stack.geometry.lengths(lengths))
    assert stack.geometry.lengths(torch.tensor([field, field - 1, 0])).tolist() == [1, 0, 0]


@pytest.mark.parametrize("name", PAPER | OTHERS)
def test_a_step_sees_its_frames_and_no_others(name):
    stack = stack_of(name).double().eval()
    geometry, dim = stack.geometry, 3
    for norm in stack.norms:  # a ReLU that is never shut hides nothing
        nn.init.constant_(norm.bias, 50.0)
    frames = geometry.receptive_field + 3 * geometry.stride
    x = torch.randn(frames, 1, dim, dtype=torch.float64)
    out, _ = stack(x, torch.tensor([frames]))
    for step in range(len(out)):
        seen = torch.zeros(frames, dtype=torch.bool)
        for t in range(frames):
            for sign in (-1, 1):  # where one lowers what is pooled, the other raises it
                moved = x.clone()
                moved[t] += sign * torch.tensor([1e3, -1e3, 1e3])
                again, _ = stack(moved, torch.tensor([frames]))
                seen[t] |= not torch.equal(again[step], out[step])
        first = step * geometry.stride
        inside = torch.arange(frames) - first
        assert not seen[(inside < 0) | (inside >= geometry.receptive_field)].any()
        assert seen[first]
        assert seen[first + geometry.receptive_field - 1]
        assert first <= int(geometry.centres(len(out))[step]) < first + geometry.receptive_field


def test_frames_ask_the_nearest_step():
    geometry = Geometry.of("C5-P2-C5")  # steps see 0..13, 2..15, 4..17: centres 6.5, 8.5, 10.5
    labels = geometry.to_frames(torch.tensor([7, 8, 9]), 18).tolist()
    assert labels == [7] * 8 + [8] * 2 + [9] * 8
    fine = Geometry.of("C5")
    assert fine.to_frames(torch.arange(6), 10).tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 5, 5]


@pytest.mark.parametrize("name", PAPER)
def test_padding_changes_nothing(name):
    """Neither what is in the padding nor how long it is reaches a result, a gradient, a mean."""
    lengths = torch.tensor([40, 23, 31])
    results = []
    for extra, junk in ((0, 0.0), (9, 1e6), (4, float("nan"))):
        stack = stack_of(name).double()
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(40, 3, 3, generator=generator, dtype=torch.float64)
        x = torch.cat((x, torch.zeros(extra, 3, 3, dtype=torch.float64)))
        for sample, length in enumerate(lengths):
            x[length:, sample] = junk
        out, steps = stack(x, lengths)
        out = out[: int(steps.max())]
        out.square().sum().backward()
        assert all(not out[step:, n].any() for n, step in enumerate(steps))
        gradient = stack.convolutions[0].weight.grad
        results.append((out.detach(), gradient, stack.norms[0].running_var))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            torch.testing.assert_close(one, two)


def test_masked_batch_norm_is_batch_norm_of_the_real_steps():
    torch.manual_seed(0)
    x = torch.randn(7, 3, 5)
    mask = torch.arange(7)[:, None] < torch.tensor([7, 2, 4])
    masked, plain = MaskedBatchNorm(5), nn.BatchNorm1d(5)
    want = plain(torch.cat([x[:7, 0], x[:2, 1], x[:4, 2]]))
    got = masked(x, mask)
    torch.testing.assert_close(torch.cat([got[:7, 0], got[:2, 1], got[:4, 2]]), want)
    torch.testing.assert_close(masked.running_mean, plain.running_mean)
    assert not got[~mask].any()


def test_one_step_has_no_variance():
    with pytest.raises(ValueError, match=r"1 real step in the batch; training needs 2"):
        MaskedBatchNorm(4)(torch.zeros(3, 1, 4), torch.tensor([[True], [False], [False]]))


def test_too_short():
    with pytest.raises(ValueError, match=r"sample 1 has 13 frames; .* at least 14"):
        stack_of("C5-P2-C5")(torch.randn(20, 2, 3), torch.tensor([20, 13]))


@pytest.mark.parametrize(
    ("stack", "part"), [("C5-X2", "'X2'"), ("", "''"), ("C0", "'C0'"), ("C5,P2", "'C5,P2'")]
)
def test_not_a_stack(stack, part):
    with pytest.raises(ValueError, match=part):
        parse(stack)
