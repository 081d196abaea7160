"""TSM: the shift against convolutions, where it is put, and a film that comes frame by frame."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidlab.nn.frames import SMALL, FrameBlock, FrameNet, plain_block
from vidlab.papers import stm, tsm

torch.set_num_threads(1)


def maps(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def one_hot_convolution(x, taps):
    """Depthwise conv1d over time with zero padding; ``taps`` (C,) in -1, 0, 1."""
    n, _, c, h, w = x.shape
    kernels = F.one_hot(torch.tensor(taps) + 1, 3).float()[:, None]
    lines = x.permute(0, 3, 4, 2, 1).reshape(n * h * w, c, -1)
    out = F.conv1d(lines, kernels, padding=1, groups=c)
    return out.view(n, h, w, c, -1).permute(0, 4, 3, 1, 2)


def count(network):
    return sum(p.numel() for p in network.parameters())


class TestShift:
    def test_equation(self):
        """Y by the three cases of the specification, element by element."""
        x, c_s = maps(2, 4, 16, 3, 2), 2
        y = tsm.shift(x, 1 / 4)
        for t in range(4):
            for c in range(16):
                source = t + 1 if c < c_s else t - 1 if c < 2 * c_s else t
                expected = x[:, source, c] if 0 <= source < 4 else torch.zeros(2, 3, 2)
                assert torch.equal(y[:, t, c], expected), (t, c)

    @pytest.mark.parametrize("share", [1 / 8, 1 / 4, 1 / 2, 1.0])
    def test_is_a_depthwise_convolution_with_one_hot_kernels(self, share):
        x, each = maps(2, 5, 16, 3, 4), round(8 * share)
        both = [1] * each + [-1] * each + [0] * (16 - 2 * each)
        assert torch.equal(tsm.shift(x, share), one_hot_convolution(x, both))
        past = [-1] * 2 * each + [0] * (16 - 2 * each)
        assert torch.equal(tsm.shift(x, share, "past"), one_hot_convolution(x, past))

    def test_share_zero_is_the_identity(self):
        x = maps(2, 3, 8, 4, 4)
        assert torch.equal(tsm.shift(x, 0), x)
        assert torch.equal(tsm.shift(x, 0, "past"), x)

    def test_one_frame_leaves_zeros_in_the_shifted_channels(self):
        x = maps(2, 1, 16, 3, 3)
        y = tsm.shift(x, 1 / 2)
        assert not y[:, :, :8].any()
        assert torch.equal(y[:, :, 8:], x[:, :, 8:])

    def test_clips_do_not_meet(self):
        x = maps(2, 4, 8, 3, 3)
        alone = torch.cat([tsm.shift(clip, 1.0) for clip in x.split(1)])
        assert torch.equal(tsm.shift(x, 1.0), alone)

    def test_gradient_is_the_shift_back(self):
        x = maps(1, 4, 8, 2, 2).double().requires_grad_()
        assert torch.autograd.gradcheck(lambda x: tsm.shift(x, 1 / 2), x)

    def test_keeps_the_layout_that_convolutions_prefer(self):
        flat = maps(6, 16, 4, 4).contiguous(memory_format=torch.channels_last)
        y = tsm.shift(flat.unflatten(0, (2, 3)), 1 / 4).flatten(0, 1)
        assert y.is_contiguous(memory_format=torch.channels_last)

    @pytest.mark.parametrize(
        ("x", "share", "direction", "message"),
        [
            ((3, 8, 4, 4), 1 / 4, "both", r"shape \(3, 8, 4, 4\); expected \(N, T, C, H, W\)"),
            ((2, 0, 8, 4, 4), 1 / 4, "both", "T >= 1"),
            ((2, 3, 8, 4, 4), 1.5, "both", "share is 1.5; allowed: 0 .. 1"),
            ((2, 3, 8, 4, 4), -0.1, "past", "share is -0.1"),
            ((2, 3, 8, 4, 4), 1 / 8, "both", "moves none of 8 channels; allowed: 0, or 0.25"),
            ((2, 3, 8, 4, 4), 1 / 4, "future", "direction is 'future'"),
        ],
    )
    def test_errors(self, x, share, direction, message):
        with pytest.raises(ValueError, match=message):
            tsm.shift(torch.zeros(x), share, direction)

    def test_a_share_is_not_rounded_down_by_floating_point(self):
        assert tsm.moved_channels(48, 1 / 3, "past") == (0, 16)
        assert tsm.moved_channels(100, 0.29, "past") == (0, 29)  # 100 * 0.29 < 29


class TestInANetwork:
    def test_parameters_and_start_are_those_of_tsn(self):
        networks = []
        for make in (plain_block, tsm.block(), tsm.block(residual=False)):
            torch.manual_seed(0)
            networks.append(FrameNet(SMALL, make))
        weights = [list(net.parameters()) for net in networks]
        assert count(networks[0]) == count(networks[1]) == count(networks[2])
        for other in weights[1:]:
            assert all(torch.equal(a, b) for a, b in zip(weights[0], other, strict=True))

    def test_the_skip_connection_keeps_the_frame_only_in_the_residual_branch(self):
        """With a branch of zeros a block's output is its skip: the frame, or the shifted frame."""
        x = maps(1, 4, 16, 5, 5).relu()
        for residual, expected in ((True, x), (False, tsm.shift(x, 1 / 2))):
            made = tsm.block(1 / 2, residual=residual)(16, 16, 1, 0)
            inner = made if residual else made[1]
            nn.init.zeros_(inner.frame.chain[-1].weight)
            assert torch.equal(made.eval()(x), expected)

    def test_works_on_other_blocks_with_a_slot(self):
        make = tsm.block(1 / 2, inner=stm.block([stm.Spatial], bottleneck=2))
        made = make(8, 12, 2, 0)
        assert isinstance(made, stm.Bottleneck)
        assert made(maps(2, 3, 8, 6, 6)).shape == (2, 3, 12, 3, 3)

    def test_order_counts_with_a_shift_only(self):
        clips = maps(2, 3, 5, 16, 16)
        for make, differs in ((plain_block, False), (tsm.block(), True)):
            torch.manual_seed(0)
            net = FrameNet(SMALL, make).eval()
            apart = (net(clips).mean(1) - net(clips.flip(2)).mean(1)).abs().max()
            assert (apart > 1e-3) == differs

    def test_receptive_field_is_one_frame_a_block(self):
        """Three blocks see three frames before and after, and nothing further away."""
        torch.manual_seed(0)
        net = FrameNet(SMALL, tsm.block()).double().eval()
        clips = maps(1, 3, 9, 16, 16).double().requires_grad_()
        net(clips)[0, 4].sum().backward()
        seen = clips.grad.abs().amax((0, 1, 3, 4)) > 0
        assert seen.tolist() == [1 <= t <= 7 for t in range(9)]


class TestStream:
    @pytest.mark.parametrize("pieces", [[1] * 8, [3, 1, 4], [8]])
    @pytest.mark.parametrize("residual", [True, False])
    def test_piece_by_piece_is_the_whole_film(self, pieces, residual):
        torch.manual_seed(0)
        net = FrameNet(SMALL, tsm.block(1 / 8, "past", residual=residual)).double().eval()
        clips = maps(2, 3, 8, 16, 16).double()
        whole = net(clips)
        with tsm.stream(net):
            parts = torch.cat([net(piece) for piece in clips.split(pieces, dim=2)], 1)
        torch.testing.assert_close(parts, whole)
        torch.testing.assert_close(net(clips), whole)  # afterwards it is an ordinary network

    def test_a_new_stream_remembers_nothing(self):
        layer, film = tsm.Shift(1 / 2, "past").eval(), maps(1, 3, 4, 2, 2)
        for _ in range(2):
            with tsm.stream(layer):
                first = layer(film[:, :1])
            assert not first[:, :, :2].any()
        assert layer.cache is None

    def test_the_cache_holds_the_moved_channels_and_no_more(self):
        torch.manual_seed(0)
        net = FrameNet(SMALL, tsm.block(1 / 8, "past")).eval()
        with tsm.stream(net):
            net(maps(1, 3, 2, 32, 32))
            caches = [m.cache.shape[1:] for m in net.modules() if isinstance(m, tsm.Shift)]
        assert caches == [(1, 2, 16, 16), (1, 2, 16, 16), (1, 4, 8, 8)]

    def test_errors(self):
        with pytest.raises(ValueError, match="'both'.*needs"), tsm.stream(tsm.Shift().eval()):
            pass
        with pytest.raises(ValueError, match="at least one"), tsm.stream(plain_block(4, 4, 1, 0)):
            pass
        with pytest.raises(ValueError, match="training"), tsm.stream(tsm.Shift(1 / 2, "past")):
            pass
        layer = tsm.Shift(1 / 2, "past").eval()
        with tsm.stream(layer):
            layer(maps(1, 2, 4, 3, 3))
            with pytest.raises(ValueError, match="another film"):
                layer(maps(2, 2, 4, 3, 3))


def test_block_is_a_frame_block_and_shift_checks_its_settings_early():
    assert isinstance(tsm.block()(16, 16, 1, 0), FrameBlock)
    with pytest.raises(ValueError, match="share is 2"):
        tsm.Shift(2)
