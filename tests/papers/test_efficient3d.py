import re
from functools import partial

import pytest
import torch
from torch import nn

from vidlab.nn.cost import count
from vidlab.papers.efficient3d import (
    PAPER,
    SMALL,
    Fire,
    GroupedUnit,
    InvertedResidual,
    SplitUnit,
    Steps,
    as_dense,
    channel_shuffle,
    dense,
    mobilenet_v1,
    mobilenet_v2,
    separable,
    separable_ratio,
    shufflenet_v1,
    shufflenet_v2,
    squeezenet,
)
from vidlab.papers.efficient3d.table import ROWS

CLIP = (3, 16, 112, 112)
# Parameters with 600 classes, and millions of multiply-adds, recomputed from the authors' networks.
EXACT = {
    "MobileNetV1 0.5x": (1_171_896, 94.0),
    "MobileNetV1 1.0x": (3_912_984, 233.0),
    "MobileNetV1 2.0x": (14_104_536, 646.0),
    "MobileNetV2 0.2x": (964_110, 54.9),
    "MobileNetV2 1.0x": (3_122_648, 519.0),
    "ShuffleNetV1 0.5x": (545_772, 72.0),
    "ShuffleNetV1 1.0x": (1_521_504, 187.7),
    "ShuffleNetV1 2.0x": (4_758_888, 514.5),
    "ShuffleNetV2 0.25x": (829_656, 110.5),
    "ShuffleNetV2 1.0x": (1_914_180, 186.5),
    "ShuffleNetV2 2.0x": (6_639_816, 424.9),
    "SqueezeNet": (2_145_560, 902.6),
}
FAMILIES = {
    "mobilenet_v1": partial(mobilenet_v1, width=0.125),
    "mobilenet_v2": partial(mobilenet_v2, width=0.125),
    "shufflenet_v1": partial(shufflenet_v1, width=0.25),
    "shufflenet_v2": partial(shufflenet_v2, width=0.25),
    "squeezenet": partial(squeezenet, width=0.125),
}


@pytest.fixture(autouse=True)
def _same_weights():
    torch.manual_seed(0)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def random_norms(module, seed=0):
    """Batch norms that do something in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm3d):
            for values in (norm.weight.data, norm.running_mean):
                values.normal_(generator=generator)
            norm.bias.data.uniform_(1, 2, generator=generator)  # few units end below zero
            norm.running_var.uniform_(0.5, 2, generator=generator)
    return module.eval()


class TestNumbers:
    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
    def test_parameters_and_multiply_adds_are_the_papers(self, row):
        with torch.device("meta"):
            network = row.make(600)
        cost = count(network, CLIP)
        assert round(cost.parameters / 1e6, 2) == row.parameters
        if row.name in EXACT:
            assert (cost.parameters, round(cost.multiply_adds / 1e6, 1)) == EXACT[row.name]
        # The printed numbers count batch norm and pooling too.
        assert 0.8 * row.mflops < cost.multiply_adds / 1e6 < row.mflops
        assert cost.uncounted == ()

    def test_every_exact_number_belongs_to_a_row(self):
        assert EXACT.keys() <= {row.name for row in ROWS}

    @pytest.mark.parametrize("channels", [1, 7, 64])
    def test_what_a_separable_block_saves(self, channels):
        shape, ratio = (12, 4, 6, 6), separable_ratio(channels)
        cheap, full = (
            count(block(12, channels, (1, 1, 1)), shape).multiply_adds
            for block in (separable, dense)
        )
        assert cheap / full == pytest.approx(ratio, rel=1e-12)
        assert separable_ratio(channels, 9) > ratio


class TestGroups:
    @pytest.mark.parametrize(("channels", "groups"), [(6, 2), (6, 3), (12, 4), (5, 1), (5, 5)])
    def test_shuffling_back(self, channels, groups):
        x = noise(2, channels, 2, 3, 4)
        there = channel_shuffle(x, groups)
        assert torch.equal(channel_shuffle(there, channels // groups), x)
        assert torch.equal(there, x) == (groups in (1, channels))

    def test_after_a_shuffle_each_group_has_one_of_every_group(self):
        x = torch.arange(12).view(1, 12)
        groups = channel_shuffle(x, 3).view(3, 4) // 4
        assert (groups[:, :3].sort(1).values == torch.arange(3)).all()

    def test_groups_that_do_not_divide_are_refused(self):
        with pytest.raises(ValueError, match="8 channels; 3 groups do not divide them"):
            channel_shuffle(noise(1, 8, 1, 1, 1), 3)

    @pytest.mark.parametrize("groups", [1, 2, 3, 6])
    @pytest.mark.parametrize("bias", [True, False])
    def test_a_grouped_convolution_is_a_dense_one_with_zeros(self, groups, bias):
        grouped = nn.Conv3d(6, 12, 3, (1, 2, 2), 1, groups=groups, bias=bias)
        full = as_dense(grouped)
        x = noise(2, 6, 4, 5, 6)
        torch.testing.assert_close(full(x), grouped(x))
        # Another weight where the mask is zero would make a difference.
        mask = torch.kron(torch.eye(groups), torch.ones(12 // groups, 6 // groups)) > 0
        assert (full.weight[~mask] == 0).all()
        assert (full.weight[mask] != 0).all()

    def test_a_separable_block_is_two_steps(self):
        block = random_norms(separable(4, 6, (1, 1, 1)))
        depthwise, pointwise = block
        assert (depthwise[0].groups, pointwise[0].kernel_size) == (4, (1, 1, 1))
        x = noise(1, 4, 3, 5, 5)
        moved = x.clone()
        moved[:, 1] += 1
        middle = depthwise(moved) - depthwise(x)
        assert middle[:, 1].abs().max() > 0
        assert middle[:, [0, 2, 3]].abs().max() == 0
        assert ((block(moved) - block(x)).flatten(2).abs().amax(2) > 0).sum() > 1


class TestBlocks:
    def test_an_inverted_residual_adds_its_input_and_ends_linear(self):
        block = random_norms(InvertedResidual(4, 4, 6, (1, 1, 1)))
        x = noise(2, 4, 3, 4, 4)
        torch.testing.assert_close(block(x) - x, block.chain(x))
        block.chain[-1][1].bias.data.zero_()
        assert block.chain(x).min() < 0
        assert block.chain[0][0].out_channels == 24
        assert not InvertedResidual(4, 4, 6, (2, 2, 2)).residual
        assert not InvertedResidual(4, 5, 6, (1, 1, 1)).residual
        assert len(InvertedResidual(4, 4, 1, (1, 1, 1)).chain) == 2

    def test_a_fire_module_sees_through_few_channels(self):
        fire = random_norms(Fire(16, 2, 8))
        x = noise(1, 16, 3, 4, 4)
        assert fire.squeeze(x).shape[1] == 2
        few = fire.squeeze(x)
        expected = torch.relu(torch.cat([fire.one(few), fire.three(few)], 1) + x)
        torch.testing.assert_close(fire(x), expected)
        assert not Fire(12, 2, 8).bypass

    def test_a_split_unit_lets_half_of_the_channels_by(self):
        unit = random_norms(SplitUnit(8, 8, None))
        x = noise(2, 8, 3, 4, 4)
        assert torch.equal(unit(x)[:, ::2], x[:, :4])
        torch.testing.assert_close(unit(x)[:, 1::2], unit.branch(x[:, 4:]))

    def test_a_grouped_unit_adds_or_concatenates(self):
        x = noise(2, 12, 4, 6, 6)
        unit = random_norms(GroupedUnit(12, 12, 3, None))
        silent = unit.expand[1]
        silent.weight.data.zero_(), silent.bias.data.zero_()
        assert torch.equal(unit(x), torch.relu(x))
        first = random_norms(GroupedUnit(12, 36, 3, (2, 2, 2)))
        y = first(x)
        assert y.shape == (2, 36, 2, 3, 3)
        pooled = nn.functional.avg_pool3d(x, (2, 3, 3), 2, (0, 1, 1))
        torch.testing.assert_close(y[:, 24:], torch.relu(pooled))

    def test_the_shuffle_joins_the_groups_of_a_unit(self):
        """Without it, the first output would depend on the first group's inputs alone."""
        unit = random_norms(GroupedUnit(12, 36, 3, None))
        unit.squeeze[1].bias.data += 9  # nothing ends below zero
        x = noise(1, 12, 1, 1, 1).requires_grad_()
        branch = unit.expand(unit.look(channel_shuffle(unit.squeeze(x), 3)))
        (gradient,) = torch.autograd.grad(branch[0, :12].square().sum(), x)
        assert all(part.abs().max() > 0 for part in gradient.flatten().split(4))

    def test_v1_leaves_the_first_pointwise_ungrouped_at_width_one_only(self):
        def groups(width):
            units = [m for m in shufflenet_v1(2, width).modules() if isinstance(m, GroupedUnit)]
            return [unit.squeeze[0].groups for unit in units]

        with torch.device("meta"):
            assert groups(1.0) == [1] + [3] * 15
            assert groups(0.5) == [3] * 16


class TestNetworks:
    @pytest.mark.parametrize("name", FAMILIES)
    @pytest.mark.parametrize(
        ("steps", "size", "left"),
        [
            (PAPER, (16, 48, 64), (1, 2, 2)),
            (PAPER, (16, 16, 32), (1, 1, 1)),
            (SMALL, (8, 32, 24), (2, 4, 3)),
            (SMALL, (4, 4, 4), (1, 1, 1)),
        ],
        ids=["paper", "paper, least", "small", "small, least"],
    )
    def test_maps_shrink_by_the_steps(self, name, steps, size, left):
        network = FAMILIES[name](5, steps=steps).eval()
        x = noise(2, 3, *size)
        with torch.no_grad():
            assert network.features(x).shape[2:] == left
            assert network(x).shape == (2, 5)

    @pytest.mark.parametrize("name", FAMILIES)
    def test_the_paper_halves_five_times(self, name):
        network = FAMILIES[name](5)
        assert network.steps.stride == (16, 32, 32)
        with torch.no_grad():
            features = network.eval().features(noise(1, 3, 16, 112, 112))
        assert features.shape[2:] == (1, 4, 4)

    @pytest.mark.parametrize("name", FAMILIES)
    def test_every_parameter_learns_and_clips_do_not_mix(self, name):
        network = FAMILIES[name](5, steps=SMALL, dropout=0.0)
        x = noise(3, 3, 4, 16, 16)
        network(x).square().sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
        network.eval()
        with torch.no_grad():
            torch.testing.assert_close(network(x)[1:2], network(x[1:2]), atol=1e-5, rtol=1e-4)

    def test_the_dense_twin_has_the_same_maps(self):
        cheap, full = (mobilenet_v1(5, 0.25, block=b, steps=SMALL) for b in (separable, dense))
        x = noise(1, 3, 4, 16, 16)
        for one, other in zip(cheap.features, full.features, strict=True):
            assert one(x).shape == other(x).shape
            x = one(x)

    def test_the_last_convolution_of_v2_grows_only_above_one(self):
        with torch.device("meta"):
            assert [mobilenet_v2(2, w).head[-1].in_features for w in (0.5, 1, 2)] == [
                1280, 1280, 2560,
            ]  # fmt: skip

    def test_a_squeezenet_need_not_rectify_its_logits(self):
        x = noise(4, 3, 4, 16, 16)
        logits = [
            squeezenet(9, 0.25, steps=SMALL, rectify=r).eval()(x).min().item()
            for r in (True, False)
        ]
        assert logits[0] >= 0 > logits[1]


class TestErrors:
    @pytest.mark.parametrize("name", FAMILIES)
    def test_one_class_is_refused(self, name):
        with pytest.raises(ValueError, match="classes is 1; allowed: 2 or more"):
            FAMILIES[name](1)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: shufflenet_v2(5, 0.75), "width is 0.75; allowed: 0.25, 0.5, 1.0, 1.5, 2.0"),
            (lambda: mobilenet_v1(5, 0.02), "width 0.02 leaves none of 32 channels"),
            (lambda: mobilenet_v2(5, -1), "width is -1; allowed: more than 0"),
            (lambda: squeezenet(5, float("nan")), "width is nan"),
            (lambda: shufflenet_v1(5, groups=5), "groups is 5; allowed: 1, 2, 3, 4, 8"),
            (lambda: shufflenet_v1(5, 0.7), "3 groups need a multiple"),
            (lambda: shufflenet_v1(5, units=(4, 8)), r"units are \(4, 8\)"),
            (lambda: shufflenet_v2(5, units=(4, 0, 4)), r"units are \(4, 0, 4\)"),
            (lambda: mobilenet_v1(5, stages=((64, 1),)), "allowed: five"),
            (lambda: mobilenet_v2(5, stages=((1, 16, 1, True),)), "allowed: four that halve"),
            (lambda: Steps((1, 2, 3)), r"stride \(1, 2, 3\); allowed: three of 1 or 2"),
            (lambda: Steps(later=((2, 2, 2),)), "later has 1 strides; allowed: 4"),
            (lambda: separable_ratio(0), "channels 0"),
        ],
    )
    def test_arguments(self, make, message):
        with pytest.raises(ValueError, match=message), torch.device("meta"):
            make()

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            ((1, 3, 16, 112), "expected (B, C, T, H, W)"),
            ((1, 1, 16, 32, 32), "clips have 1 channels; this network takes 3"),
            ((1, 3, 8, 32, 32), "clips have 8 frames; this network's strides need 16 or more"),
            ((1, 3, 24, 32, 32), "clips have 24 frames; allowed: a multiple of 16"),
            ((1, 3, 16, 40, 32), "clips have 40 rows; allowed: a multiple of 16"),
            ((1, 3, 16, 32, 100), "clips have 100 columns; allowed: a multiple of 16"),
        ],
    )
    def test_clips_that_do_not_fit(self, shape, message):
        network = mobilenet_v1(5, 0.125)
        with pytest.raises(ValueError, match=re.escape(message)):
            network(torch.zeros(shape))

    def test_a_clip_that_is_not_finite_is_named(self):
        clips = torch.zeros(3, 3, 4, 16, 16)
        clips[1, 0, 0, 0, 0] = torch.nan
        with pytest.raises(ValueError, match="clip 1 of the batch"):
            mobilenet_v1(5, 0.125, steps=SMALL)(clips)
