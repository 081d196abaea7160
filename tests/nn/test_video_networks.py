import pytest
import torch
from torch import nn

from vidlab.nn.c3d import C3D, conv_relu
from vidlab.nn.resnet3d import (
    ConvSpec,
    RealResidual,
    ResNet3D,
    ResNet3DConfig,
    block_chain,
    i3d,
    slow_only,
)

SMALL = {"size": (8, 16, 16), "stages": ((4,), (8,), (8, 8)), "hidden": (16,)}


def parameters(network):
    return sum(p.numel() for p in network.parameters())


class TestC3D:
    def test_paper_size_has_the_known_parameters(self):
        """78.41 million with Sports-1M's 487 classes would be 77,995,776 + 487 x 4,097."""
        with torch.device("meta"):
            network = C3D(487)
        assert parameters(network) == 77_995_776 + 487 * 4097
        assert network.head[1].in_features == 8192
        convolutions = [m for m in network.modules() if isinstance(m, nn.Conv3d)]
        assert [m.out_channels for m in convolutions] == [64, 128, 256, 256, 512, 512, 512, 512]
        pools = [m.kernel_size for m in network.modules() if isinstance(m, nn.MaxPool3d)]
        assert pools == [(1, 2, 2)] + [(2, 2, 2)] * 4

    def test_small_one_takes_clips_and_learns(self):
        network = C3D(5, **SMALL)
        logits = network(torch.randn(2, 3, 8, 16, 16))
        assert logits.shape == (2, 5)
        logits.sum().backward()
        assert all(p.grad is not None for p in network.parameters())

    def test_units_are_made_for_all_convolutions_but_the_first(self):
        made = []

        def unit(channels, width):
            made.append((channels, width))
            return conv_relu(channels, width)

        C3D(5, unit, **SMALL)
        assert made == [(4, 8), (8, 8), (8, 8)]

    def test_odd_sizes_round_up_at_the_last_pooling_only(self):
        network = C3D(2, size=(4, 12, 20), stages=((4,), (4,), (4,)), hidden=(8,))
        assert network.head[1].in_features == 4 * 1 * 2 * 3  # 12 -> 6 -> 3 -> 2, 20 -> 10 -> 5 -> 3
        assert network(torch.zeros(1, 3, 4, 12, 20)).shape == (1, 2)

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            ((2, 3, 3, 16, 16), "3 frames; this network's strides need 4 or more"),
            ((2, 1, 8, 16, 16), "1 channels; this network takes 3"),
            ((2, 3, 8, 16), r"expected \(B, C, T, H, W\)"),
            ((2, 3, 8, 16, 24), "was made for"),
        ],
    )
    def test_wrong_clips_are_refused_in_a_sentence(self, shape, message):
        with pytest.raises(ValueError, match=message):
            C3D(5, **SMALL)(torch.zeros(*shape))

    def test_a_clip_that_is_not_finite_is_named(self):
        clips = torch.zeros(3, 3, 8, 16, 16)
        clips[1, 0, 2, 3, 3] = float("nan")
        with pytest.raises(ValueError, match="clip 1 of the batch"):
            C3D(5, **SMALL)(clips)

    def test_sizes_too_small_for_the_poolings_are_refused(self):
        with pytest.raises(ValueError, match="8 frames; 5 poolings need 16"):
            C3D(5, size=(8, 112, 112))
        with pytest.raises(ValueError, match="classes is 1"):
            C3D(1)


class TestResNet3D:
    @pytest.mark.parametrize(
        ("shape", "classes", "expected"),
        [
            (i3d(18), 400, 33_371_472),  # the published count of R3D-18 on Kinetics-400
            (i3d(50), 400, 28_043_472),  # of I3D ResNet-50
            (slow_only(50), 400, 32_454_096),  # of SlowOnly ResNet-50
        ],
    )
    def test_parameters_are_the_published_ones(self, shape, classes, expected):
        with torch.device("meta"):
            assert parameters(ResNet3D(classes, shape)) == expected

    def test_a_bottleneck_is_reduce_look_widen(self):
        chain = block_chain(i3d(50), 1, 0)
        assert chain == [
            ConvSpec(256, 128, (3, 1, 1), (1, 1, 1)),
            ConvSpec(128, 128, (1, 3, 3), (1, 2, 2)),
            ConvSpec(128, 512, (1, 1, 1), (1, 1, 1)),
        ]
        assert block_chain(i3d(50), 1, 1)[0] == ConvSpec(512, 128, (1, 1, 1), (1, 1, 1))

    def test_slow_only_never_strides_in_time(self):
        seen = {}
        network = ResNet3D(3, slow_only(18)).eval()
        network.stages.register_forward_hook(lambda _, __, out: seen.update(shape=out.shape))
        with torch.no_grad():
            network(torch.zeros(1, 3, 4, 64, 64))
        assert seen["shape"] == (1, 512, 4, 2, 2)
        assert all(k.kernel[0] == 1 for k in block_chain(slow_only(18), 1, 0))

    def test_a_real_block_adds_its_input_back(self):
        block = RealResidual(block_chain(i3d(18), 0, 1)).eval()
        nn.init.zeros_(block.chain[-1].weight)
        x = torch.randn(1, 64, 2, 4, 4)
        torch.testing.assert_close(block(x), torch.relu(x))

    def test_a_real_block_has_a_relu_between_its_convolutions(self):
        block = RealResidual(block_chain(i3d(50), 0, 1)).eval()
        kinds = [type(layer) for layer in block.chain]
        assert kinds == [nn.Conv3d, nn.BatchNorm3d, nn.ReLU] * 2 + [nn.Conv3d, nn.BatchNorm3d]

    def test_i3d_halves_the_frames_after_the_first_stage(self):
        network = ResNet3D(3, i3d(18)).eval()
        with torch.no_grad():
            assert network.stages(torch.zeros(1, 64, 6, 8, 8)).shape == (1, 512, 3, 1, 1)

    def test_the_stride_says_the_least_clip(self):
        network = ResNet3D(3, i3d(18)).eval()
        with torch.no_grad():
            assert network(torch.zeros(1, 3, 2, 32, 32)).shape == (1, 3)
        with pytest.raises(ValueError, match="1 frames; this network's strides need 2"):
            network(torch.zeros(1, 3, 1, 32, 32))
        with pytest.raises(ValueError, match="columns; this network's strides need 32"):
            network(torch.zeros(1, 3, 2, 32, 31))

    def test_a_bad_description_is_refused(self):
        with pytest.raises(ValueError, match="allowed: 18 or 50"):
            i3d(34)
        with pytest.raises(ValueError, match="stage 1: 2 blocks, 1 flags"):
            ResNet3DConfig(False, (2,), ((True,),), widths=(8,))
        with pytest.raises(ValueError, match="must agree"):
            ResNet3DConfig(False, (2, 2), ((True, True),), widths=(8,))
