"""STM: CSTM beside a shift and beside convolutions, CMM on films whose motion is known."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F

from vidlab.nn.frames import SMALL, FrameNet
from vidlab.papers import stm, tsm

torch.set_num_threads(1)


def maps(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def look(kernels):
    """A convolution with these kernels (C, 3, 3), one a channel."""
    return partial(F.conv2d, weight=kernels[:, None], padding=1, groups=len(kernels))


def one_hot(dy, dx, channels=1):
    kernels = torch.zeros(channels, 3, 3)
    kernels[:, 1 + dy, 1 + dx] = 1
    return look(kernels)


class TestCSTM:
    def test_starts_as_a_shift_of_a_quarter_each_way(self):
        """Up to the order of channels: TSM moves first what CSTM moves last."""
        x = maps(2, 5, 16, 3, 3)
        order = [*range(12, 16), *range(4), *range(4, 12)]
        start = stm.CSTM(16).mix(x)
        assert torch.equal(start[:, :, order], tsm.shift(x[:, :, order], 1 / 2))

    def test_mix_is_a_depthwise_convolution(self):
        x, kernels = maps(2, 5, 6, 3, 4), maps(6, 3, seed=1)
        lines = x.permute(0, 3, 4, 2, 1).reshape(-1, 6, 5)
        expected = F.conv1d(lines, kernels[:, None], padding=1, groups=6)
        expected = expected.view(2, 3, 4, 6, 5).permute(0, 4, 3, 1, 2)
        torch.testing.assert_close(stm.mix_frames(x, kernels), expected)

    def test_full_is_an_ordinary_convolution_over_time_with_the_same_start(self):
        x, cstm = maps(2, 5, 8, 3, 3), stm.CSTM(8, full=True)
        assert torch.equal(cstm.mix(x), stm.CSTM(8).mix(x))
        with torch.no_grad():
            cstm.dense.weight.copy_(maps(8, 24, seed=1))
        weight = cstm.dense.weight.view(8, 3, 8).transpose(1, 2)[..., None, None]
        expected = F.conv3d(x.transpose(1, 2), weight, padding=(1, 0, 0)).transpose(1, 2)
        torch.testing.assert_close(cstm.mix(x), expected, rtol=1e-4, atol=1e-5)

    def test_learns_its_kernels(self):
        cstm = stm.CSTM(8)
        cstm(maps(1, 3, 8, 4, 4)).square().sum().backward()
        assert cstm.kernels.grad.abs().min() > 0

    @pytest.mark.parametrize("channels", [3, 6, 13])
    def test_quarters_of_any_number(self, channels):
        taps = stm.quarters(channels).argmax(1).tolist()
        quarter = channels // 4
        assert taps == [0] * quarter + [1] * (channels - 2 * quarter) + [2] * quarter


class TestCMM:
    def test_equation(self):
        x, kernels = maps(2, 3, 2, 4, 5), maps(2, 3, 3, seed=1)
        found = stm.motion(x, look(kernels))
        wide = F.pad(x, (1, 1, 1, 1))
        for t, h, w in [(0, 0, 0), (1, 2, 3), (0, 3, 4), (1, 0, 2)]:
            seen = (kernels * wide[:, t + 1, :, h : h + 3, w : w + 3]).sum((2, 3))
            torch.testing.assert_close(found[:, t, :, h, w], seen - x[:, t, :, h, w])

    def test_a_still_clip_has_no_motion(self):
        still = maps(2, 1, 3, 5, 5).expand(2, 4, 3, 5, 5)
        assert not stm.motion(still, one_hot(0, 0, 3)).any()
        cmm = stm.CMM(8, reduce=2)  # as it starts
        assert cmm(maps(1, 1, 8, 5, 5).expand(1, 4, 8, 5, 5)).abs().max() < 1e-6

    @pytest.mark.parametrize(("dy", "dx"), [(0, 1), (1, 0), (-1, 0), (0, -1), (1, -1)])
    def test_a_matching_kernel_cancels_a_translation(self, dy, dx):
        """Zero inside the border, and only for the kernel that looks where things went."""
        first = maps(1, 1, 3, 8, 8)
        film = torch.cat([first.roll((t * dy, t * dx), (-2, -1)) for t in range(4)], 1)
        inside = (..., slice(1, -1), slice(1, -1))
        assert not stm.motion(film, one_hot(dy, dx, 3))[:, :-1][inside].any()
        assert stm.motion(film, one_hot(-dy, -dx, 3))[:, :-1][inside].abs().mean() > 0.5

    def test_the_last_step_is_zero(self):
        found = stm.motion(maps(2, 4, 3, 5, 5), look(maps(3, 3, 3, seed=1)))
        assert not found[:, -1].any()
        assert found[:, -2].abs().min() > 0
        assert not stm.motion(maps(2, 1, 3, 5, 5), look(maps(3, 3, 3))).any()

    def test_a_batch_of_two_is_two_batches_of_one(self):
        x, cmm = maps(2, 4, 8, 5, 5), stm.CMM(8, reduce=2)
        torch.testing.assert_close(cmm(x), torch.cat([cmm(clip) for clip in x.split(1)]))
        x[1] = 1e6  # the last frame of clip 0 must not meet the first of clip 1
        assert torch.equal(cmm.maps(x)[:1], cmm.maps(x[:1]))

    def test_stride_drops_rows_and_columns_of_the_motion(self):
        x, cmm, half = maps(1, 3, 8, 6, 7), stm.CMM(8, reduce=4), stm.CMM(8, 2, reduce=4)
        half.load_state_dict(cmm.state_dict())
        torch.testing.assert_close(half(x), cmm(x)[..., ::2, ::2])

    def test_keeps_one_channel_at_least(self):
        assert stm.CMM(12, reduce=16).look.weight.shape == (1, 1, 3, 3)
        assert stm.CMM(64).look.weight.shape == (4, 1, 3, 3)


class TestBlock:
    @pytest.mark.parametrize(
        "branches",
        [
            (stm.CSTM, stm.CMM),
            (stm.CSTM,),
            (partial(stm.CMM, reduce=4),),
            (stm.Spatial,),
            (partial(stm.CSTM, full=True),),
        ],
    )
    def test_maps_clips_to_maps(self, branches):
        net = FrameNet(SMALL, stm.block(branches, bottleneck=2))
        assert net.maps(maps(2, 3, 4, 32, 32)).shape == (2, 4, 48, 4, 4)
        net(maps(2, 3, 4, 32, 32)).sum().backward()
        assert all(p.grad is not None for p in net.parameters())

    def test_outputs_of_branches_are_added(self):
        torch.manual_seed(0)
        made = stm.block((stm.CSTM, stm.CMM), bottleneck=2)(16, 16, 1, 0).eval()
        x = maps(2, 3, 16, 5, 5).relu()
        narrow = made.reduce(x.flatten(0, 1)).unflatten(0, (2, 3))
        both = made.branches[0](narrow) + made.branches[1](narrow)
        expected = torch.relu(made.expand(both.flatten(0, 1)).unflatten(0, (2, 3)) + x)
        torch.testing.assert_close(made(x), expected)

    def test_parameters_of_the_paper_s_blocks(self):
        """A block of 256 channels: 64 inside, 4 in CMM."""
        made = stm.block()(256, 256, 1, 0)
        cstm = 64 * 3 + 9 * 64 * 64
        cmm = 64 * 4 + 4 * 9 + 4 * 64
        around = 256 * 64 + 2 * 64 + 2 * 64 + 64 * 256 + 2 * 256
        assert sum(p.numel() for p in made.parameters()) == cstm + cmm + around

    @pytest.mark.parametrize(("branches", "differs"), [((stm.Spatial,), False), ((), True)])
    def test_order_counts_with_time_only(self, branches, differs):
        clips = maps(2, 3, 5, 16, 16)
        torch.manual_seed(0)
        net = FrameNet(SMALL, stm.block(branches or (stm.CSTM, stm.CMM), bottleneck=2)).eval()
        apart = (net(clips).mean(1) - net(clips.flip(2)).mean(1)).abs().max()
        assert (apart > 1e-3) == differs

    def test_errors(self):
        with pytest.raises(ValueError, match="0 branches"):
            stm.block(())(8, 8, 1, 0)
        with pytest.raises(ValueError, match="bottleneck is 0"):
            stm.block(bottleneck=0)
        with pytest.raises(ValueError, match="reduce is 0"):
            stm.CMM(8, reduce=0)
        with pytest.raises(ValueError, match=r"expected kernels \(8, 3\)"):
            stm.mix_frames(maps(1, 2, 8, 3, 3), maps(7, 3))
        with pytest.raises(ValueError, match=r"expected \(N, T, C, H, W\)"):
            stm.motion(maps(2, 8, 3, 3), one_hot(0, 0, 8))
