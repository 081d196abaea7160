"""MFNet: fixed filters are CMM's with frozen kernels, and are zero where things move by δ."""

import pytest
import torch
from torch import nn

from vidlab.nn.frames import SMALL, FrameNet
from vidlab.papers import mfnet, stm

torch.set_num_threads(1)


def maps(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_are_cmm_with_frozen_one_hot_kernels_and_the_sign_turned():
    x = maps(2, 4, 3, 5, 6)
    filters = mfnet.motion_filters(x).unflatten(2, (5, 3))
    for s, (dy, dx) in enumerate(mfnet.SHIFTS):
        look = nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False).requires_grad_(False)
        look.weight.zero_()[:, 0, 1 + dy, 1 + dx] = 1
        torch.testing.assert_close(filters[:, :, s], -stm.motion(x, look))


def test_are_zero_where_things_move_by_their_shift():
    first = maps(1, 1, 2, 8, 8)
    film = torch.cat([first.roll((0, t), (-2, -1)) for t in range(4)], 1)  # to the right
    filters = mfnet.motion_filters(film).unflatten(2, (5, 2))[:, :-1, ..., 1:-1, 1:-1]
    left = filters.abs().mean((0, 1, 3, 4, 5))
    assert left[mfnet.SHIFTS.index((0, 1))] == 0
    assert (left > 0).sum() == 4


def test_the_last_step_is_zero_and_clips_do_not_meet():
    x = maps(2, 4, 3, 5, 5)
    found = mfnet.motion_filters(x)
    assert not found[:, -1].any()
    assert found[:, -2].abs().min() > 0
    assert torch.equal(found[:1], mfnet.motion_filters(x[:1]))
    assert not mfnet.motion_filters(x[:, :1]).any()


def test_longer_shifts():
    x = maps(1, 2, 1, 6, 6)
    found = mfnet.motion_filters(x, [(2, -3)])[:, 0]
    expected = x[:, 0].clone()
    expected[..., :4, 3:] -= x[:, 1][..., 2:, :3]
    assert torch.equal(found, expected)


@pytest.mark.parametrize("shifts", [(), ((0, 0), (5, 0)), ((0, -7),)])
def test_errors(shifts):
    with pytest.raises(ValueError, match="each inside the picture"):
        mfnet.motion_filters(maps(1, 2, 3, 5, 7), shifts)
    with pytest.raises(ValueError, match="reduce is 0"):
        mfnet.MotionFilters(8, reduce=0)


def test_block_learns_around_filters_that_it_does_not_learn():
    net = FrameNet(SMALL, mfnet.block(bottleneck=2))
    net(maps(2, 3, 4, 32, 32)).square().sum().backward()
    for made in net.blocks:
        filters = made.branches[1]
        assert {name for name, _ in filters.named_parameters()} == {"narrow.weight", "widen.weight"}
        assert filters.widen.weight.grad.abs().max() > 0
        assert filters.narrow.weight.grad.abs().max() > 0


def test_a_branch_keeps_shape_and_takes_a_stride():
    filters = mfnet.MotionFilters(12, 2, reduce=4, shifts=((0, 0), (0, 2)))
    assert filters.maps(maps(2, 3, 12, 6, 8)).shape == (2, 3, 6, 6, 8)
    assert filters(maps(2, 3, 12, 6, 8)).shape == (2, 3, 12, 3, 4)
