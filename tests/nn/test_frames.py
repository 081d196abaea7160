"""The per-frame backbone: the same numbers as ResNet2D, and no clip sees another."""

import pytest
import torch
from torch import nn

from vidlab.nn.frames import SMALL, FrameBlock, FrameClassifier, FrameNet, per_frame
from vidlab.nn.resnet2d import ResNet2D, ResNet2DConfig


@pytest.fixture
def clips():
    return torch.randn(2, 3, 4, 16, 16, generator=torch.Generator().manual_seed(0))


def copy_of(flat: ResNet2D, net: FrameNet) -> None:
    """Give a FrameNet the weights of a ResNet2D: the same layers in the same order."""
    pairs = zip(flat.state_dict().items(), net.state_dict().items(), strict=True)
    net.load_state_dict({there: value for (_, value), (there, _) in pairs})


@pytest.mark.parametrize("pool", [False, True])
def test_is_resnet2d_on_every_frame(clips, pool):
    torch.manual_seed(0)
    config = ResNet2DConfig((8, 12), (2, 1), stem_kernel=3, stem_pool=pool, grid=2)
    flat, net = ResNet2D(config).eval(), FrameNet(config).eval()
    copy_of(flat, net)
    expected = flat(clips.transpose(1, 2).flatten(0, 1)).unflatten(0, (2, 4))
    assert net.dim == flat.dim == 48
    torch.testing.assert_close(net(clips), expected)


def test_maps_are_averaged_to_vectors(clips):
    torch.manual_seed(0)
    net = FrameNet(SMALL).eval()
    maps = net.maps(clips)
    assert maps.shape == (2, 4, 48, 2, 2)
    torch.testing.assert_close(net(clips), maps.mean((3, 4)))


def test_before_reaches_the_branch_only_and_after_the_sum():
    x = torch.randn(1, 3, 4, 5, 5)

    class Zero(nn.Module):
        def forward(self, x):
            return torch.zeros_like(x)

    class Negative(nn.Module):
        def forward(self, x):
            return -x

    torch.manual_seed(0)
    block = FrameBlock(4, 4, 1, before=Zero()).eval()
    # Without biases and with fresh batch norms the branch of zeros is zero: the skip is left.
    torch.testing.assert_close(block(x), x.relu())
    block = FrameBlock(4, 4, 1, before=Zero(), after=Negative()).eval()
    torch.testing.assert_close(block(x), (-x).relu())


def test_modules_see_clips_and_frames_apart(clips):
    seen = []

    class Watch(nn.Module):
        def forward(self, x):
            seen.append(tuple(x.shape))
            return x

    def block(in_channels, channels, stride, place):
        return FrameBlock(in_channels, channels, stride, before=Watch(), after=Watch())

    FrameNet(ResNet2DConfig((8, 12), (1, 1), 3, False), block).eval()(clips)
    assert seen == [(2, 4, 8, 8, 8), (2, 4, 8, 8, 8), (2, 4, 8, 8, 8), (2, 4, 12, 4, 4)]


def test_blocks_know_their_place():
    places = []

    def block(in_channels, channels, stride, place):
        places.append((in_channels, channels, stride, place))
        return FrameBlock(in_channels, channels, stride)

    FrameNet(ResNet2DConfig((8, 12), (2, 2)), block)
    assert places == [(8, 8, 1, 0), (8, 8, 1, 1), (8, 12, 2, 2), (12, 12, 1, 3)]


def test_one_clip_at_a_time_gives_the_same(clips):
    torch.manual_seed(0)
    net = FrameNet(SMALL).eval()
    alone = torch.cat([net(clip[None]) for clip in clips])
    torch.testing.assert_close(net(clips), alone)


def test_per_frame_keeps_the_order():
    x = torch.arange(24.0).reshape(2, 3, 4, 1, 1)
    torch.testing.assert_close(per_frame(nn.Identity(), x), x)


def test_classifier_is_the_head_on_the_net(clips):
    net, head = FrameNet(SMALL).eval(), nn.Sequential(nn.Flatten(), nn.Linear(4 * 48, 5))
    torch.testing.assert_close(FrameClassifier(net, head)(clips), head(net(clips)))


def test_wrong_clips_are_refused():
    net = FrameNet(SMALL)
    with pytest.raises(ValueError, match="expected \\(B, C, T, H, W\\)"):
        net(torch.zeros(2, 3, 16, 16))
    with pytest.raises(ValueError, match="takes 3"):
        net(torch.zeros(2, 1, 4, 16, 16))
    with pytest.raises(ValueError, match="clip 1 of the batch holds NaN"):
        net(torch.stack([torch.zeros(3, 2, 8, 8), torch.full((3, 2, 8, 8), torch.nan)]))
