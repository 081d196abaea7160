import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidlab.nn.binary import BinaryConv3d, BitConv, binary_convolutions, sign
from vidlab.nn.resnet3d import ResNet3DConfig, i3d, slow_only
from vidlab.papers import bitconv3d
from vidlab.papers.bitconv3d import BitConv3DConfig
from vidlab.papers.bitconv3d_memory import TABLE_2, Memory, count_resnet3d, memory, readings

SMALL = {"size": (4, 16, 16), "stages": ((4,), (8,), (8,)), "hidden": (16,), "dropout": 0.0}
TINY = ResNet3DConfig(
    True, (1, 2), ((True,), (False, True)), widths=(4, 8), stem_kernel=(3, 3, 3), stem_pool=False
)


def clips(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class TestNetworks:
    def test_all_convolutions_of_c3d_but_the_first_are_binary(self):
        with torch.device("meta"):
            network = bitconv3d.c3d(101, BitConv3DConfig())
        convolutions = [m for m in network.modules() if isinstance(m, nn.Conv3d)]
        assert [isinstance(m, BinaryConv3d) for m in convolutions] == [False] + [True] * 7
        assert not isinstance(network.features[1], nn.ReLU)

    def test_real_and_binary_c3d_have_the_same_skeleton(self):
        real, binary = bitconv3d.c3d(5, **SMALL), bitconv3d.c3d(5, BitConv3DConfig(), **SMALL)
        shapes = [
            [m.weight.shape for m in n.modules() if isinstance(m, (nn.Conv3d, nn.Linear))]
            for n in (real, binary)
        ]
        assert shapes[0] == shapes[1]
        x = clips(2, 3, 4, 16, 16)
        assert real(x).shape == binary(x).shape == (2, 5)

    @pytest.mark.parametrize("shape", [i3d(18), slow_only(50)])
    def test_a_binary_resnet_has_the_chains_of_the_real_one(self, shape):
        with torch.device("meta"):
            real = bitconv3d.resnet3d(5, shape)
            binary = bitconv3d.resnet3d(5, shape, BitConv3DConfig(widen=True))
        chains = [
            [m.weight.shape for m in n.stages.modules() if isinstance(m, nn.Conv3d)]
            for n in (real, binary)
        ]
        # The real network has its projections besides.
        assert [s for s in chains[1] if s not in chains[0]] == []
        assert len(binary_convolutions(binary)) == len(chains[1])

    def test_only_the_stem_of_a_real_resnet_ends_with_a_relu(self):
        real, binary = (bitconv3d.resnet3d(5, TINY, c).eval() for c in (None, BitConv3DConfig()))
        x = clips(1, 3, 4, 16, 16)
        assert real.stem(x).min() == 0
        assert binary.stem(x).min() < 0

    def test_a_bottleneck_keeps_its_last_convolution_real(self):
        network = bitconv3d.resnet3d(5, TINY, BitConv3DConfig())
        assert len(binary_convolutions(network)) == 2 * 3
        block = network.eval().stages[1][1]
        x = clips(1, 32, 4, 4, 4)
        expected = block.widen(block.inner[1](block.inner[0](x))) + x
        torch.testing.assert_close(block(x), expected)

    def test_configuration_reaches_every_block(self):
        config = BitConv3DConfig(shortcut=False, sign2=False, activation="tanh", scale=True)
        for network in (
            bitconv3d.c3d(5, config, **SMALL),
            bitconv3d.resnet3d(5, TINY, config),
        ):
            blocks = [m for m in network.modules() if isinstance(m, BitConv)]
            assert blocks
            for block in blocks:
                assert block.shortcut is None
                assert isinstance(block.sign2, nn.Identity)
                assert block.sign1.estimator == "tanh"
                assert block.conv.scale

    def test_stages_change_the_face_and_keep_the_parameters(self):
        network = bitconv3d.c3d(5, BitConv3DConfig(), **SMALL).eval()
        x = clips(2, 3, 4, 16, 16)
        before = {n: p.clone() for n, p in network.state_dict().items()}
        binary = network(x)
        bitconv3d.set_stage(network, 1)
        assert not torch.allclose(network(x), binary)
        bitconv3d.set_stage(network, 2)
        assert torch.equal(network(x), binary)
        assert all(torch.equal(before[n], p) for n, p in network.state_dict().items())
        with pytest.raises(ValueError, match="stage is 3"):
            bitconv3d.set_stage(network, 3)

    def test_input_errors_come_through(self):
        network = bitconv3d.resnet3d(5, TINY, BitConv3DConfig())
        with pytest.raises(ValueError, match="1 channels; this network takes 3"):
            network(torch.zeros(1, 1, 4, 16, 16))


class TestMemory:
    def test_c3d_is_table_2(self):
        with torch.device("meta"):
            real = memory(bitconv3d.c3d(101))
            binary = memory(bitconv3d.c3d(101, BitConv3DConfig()))
        assert real == Memory(77_995_776, 0)
        assert real.mwords == pytest.approx(TABLE_2["c3d"][0], abs=5e-4)
        assert binary.mwords == pytest.approx(TABLE_2["c3d"][1], abs=5e-4)
        assert binary.bits == 27_648_000

    def test_does_not_depend_on_the_stage_or_the_classes(self):
        network = bitconv3d.c3d(7, BitConv3DConfig(), **SMALL)
        counted = memory(network)
        bitconv3d.set_stage(network, 1)
        assert memory(network) == counted
        assert memory(bitconv3d.c3d(70, BitConv3DConfig(), **SMALL)) == counted

    @pytest.mark.parametrize("shape", [i3d(18), i3d(50), slow_only(50), TINY])
    def test_arithmetic_equals_the_built_network(self, shape):
        places = (1, 2)
        with torch.device("meta"):
            real = bitconv3d.resnet3d(9, shape)
            binary = bitconv3d.resnet3d(9, shape, BitConv3DConfig())
        assert count_resnet3d(shape) == memory(real)
        assert count_resnet3d(shape, binarised=places, projection=shape.bottleneck) == memory(
            binary
        )
        head = sum(p.numel() for p in real.classifier.parameters())
        assert count_resnet3d(shape, classes=9).real == memory(real).real + head

    def test_the_i3d_row_is_real_depth_18_and_binary_depth_50(self):
        nearest = readings(TABLE_2["i3d-50"][0], binary=False)[0]
        assert (nearest.depth, nearest.where, nearest.stem, nearest.classes) == (
            18, "as usual", 3, 0,
        )  # fmt: skip
        assert nearest.mwords == pytest.approx(33.166272)
        close = [r for r in readings(TABLE_2["i3d-50"][1], binary=True) if r.where == "as usual"]
        assert (close[0].depth, close[0].binarised, close[0].signs) == (50, (1, 2), False)
        assert close[0].mwords == pytest.approx(8.502848)

    def test_readings_are_sorted_and_distinct(self):
        found = readings(30.0, binary=False)
        distances = [abs(r.mwords - 30.0) for r in found]
        assert distances == sorted(distances)
        assert len(set(found)) == len(found)


class TestInspect:
    def test_reports_what_each_layer_sees(self):
        network = bitconv3d.c3d(5, BitConv3DConfig(), **SMALL).train()
        x = clips(2, 3, 4, 16, 16)
        state = {n: p.clone() for n, p in network.state_dict().items()}
        reports = bitconv3d.inspect(network, x)
        assert network.training
        assert all(torch.equal(state[n], p) for n, p in network.state_dict().items())
        blocks = {n: m for n, m in network.named_modules() if isinstance(m, BitConv)}
        assert [r.name for r in reports] == list(blocks)
        network.eval()
        with torch.no_grad():
            entering = network.features[1](network.features[0](x))
        block = blocks[reports[0].name]
        a = entering + block.sign1.bias.view(-1, 1, 1, 1)
        torch.testing.assert_close(reports[0].activation, a)
        real = F.conv3d(a.clamp(-1, 1), block.conv.weight, padding=1).flatten()
        bits = F.conv3d(sign(a), sign(block.conv.weight), padding=1).flatten()
        cosine = (real @ bits / real.norm() / bits.norm()).item()
        assert reports[0].cosine == pytest.approx(cosine, abs=1e-5)

    def test_a_network_made_of_signs_has_cosine_one(self):
        block = BitConv(4, 4)
        block.conv.weight.data = sign(block.conv.weight.data) * 0.1
        x = sign(clips(1, 4, 3, 5, 5))
        (report,) = bitconv3d.inspect(nn.Sequential(block), x)
        assert report.cosine == pytest.approx(1, abs=1e-6)

    def test_hooks_are_gone_even_after_an_error(self):
        network = bitconv3d.c3d(5, BitConv3DConfig(), **SMALL)
        with pytest.raises(ValueError, match="channels"):
            bitconv3d.inspect(network, torch.zeros(1, 1, 4, 16, 16))
        assert not any(m._forward_pre_hooks for m in network.modules())

    def test_flips_count_changed_signs_since_the_beginning(self):
        network = bitconv3d.c3d(5, BitConv3DConfig(), **SMALL)
        first, second = binary_convolutions(network)
        weights = dict(network.named_parameters())
        flips = bitconv3d.SignFlips(network)
        flips.begin()
        with torch.no_grad():
            weights[f"{first}.weight"][0] *= -1
        flips.begin()  # the second call must not forget what has flipped already
        with torch.no_grad():
            weights[f"{second}.weight"][:2] *= -1
        assert flips.measure() == {first: 1 / 8, second: 2 / 8}
        flips.begin()
        assert flips.measure() == {first: 0, second: 0}


class TestTraining:
    def test_a_binary_network_learns_a_motion(self):
        """Which way does a bar move? No frame tells; one in two would be chance."""
        generator = torch.Generator().manual_seed(0)
        start = torch.randint(0, 16, (64,), generator=generator)
        label = torch.arange(64) % 2
        step = torch.where(label == 1, 2, -2)[:, None] * torch.arange(4)
        place = (start[:, None] + step) % 16
        bars = F.one_hot(place, 16).float()[:, None, :, None, :].expand(-1, 3, -1, 16, -1)
        torch.manual_seed(0)
        network = bitconv3d.c3d(2, BitConv3DConfig(), norm=True, **SMALL)
        optimizer = torch.optim.Adam(network.parameters(), 0.01)
        for _ in range(30):
            optimizer.zero_grad()
            F.cross_entropy(network(2 * bars - 1), label).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            accuracy = (network(2 * bars - 1).argmax(1) == label).float().mean()
        assert accuracy > 0.9
