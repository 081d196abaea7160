import math

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vidlab.nn.cost import clips_per_second, count


class Twice(nn.Module):
    """One layer, used twice."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x):
        return self.layer(self.layer(x))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(4, 6, 3, stride=2, groups=2), (4, 11)),
        (nn.Conv2d(4, 8, (3, 5), padding=1, dilation=2, bias=False), (4, 12, 13)),
        (nn.Conv3d(6, 6, 3, stride=(1, 2, 2), padding=1, groups=6), (6, 4, 8, 9)),
        (nn.Conv3d(5, 7, 1), (5, 2, 3, 4)),
        (nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2), (6, 5, 4)),
        (nn.Linear(6, 9), (6,)),
        (nn.Linear(6, 9, bias=False), (3, 4, 6)),
    ],
)
def test_multiply_adds_are_half_of_what_torch_counts(layer, shape):
    counter = FlopCounterMode(display=False)
    with counter:
        layer(torch.zeros(1, *shape))
    cost = count(layer, shape)
    assert 2 * cost.multiply_adds == counter.get_total_flops()
    assert cost.parameters == sum(p.numel() for p in layer.parameters())


def test_each_layer_has_its_row_and_batch_norm_has_only_parameters():
    network = nn.Sequential(
        nn.Conv3d(3, 8, 3, (1, 2, 2), 1, bias=False),
        nn.BatchNorm3d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )
    conv, norm, linear = count(network, (3, 4, 6, 8)).layers
    assert (conv.name, conv.kind, conv.output) == ("0", "Conv3d", (8, 4, 3, 4))
    assert conv.multiply_adds == math.prod(conv.output) * 3 * 27
    assert (norm.kind, norm.parameters, norm.multiply_adds) == ("BatchNorm3d", 16, 0)
    assert (linear.parameters, linear.multiply_adds) == (45, 40)


def test_a_layer_that_is_used_twice_works_twice_and_is_stored_once():
    cost = count(Twice(), (6,))
    assert (cost.parameters, cost.multiply_adds) == (42, 72)


def test_shared_parameters_count_once():
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    cost = count(nn.Sequential(first, second), (4,))
    assert (cost.parameters, cost.multiply_adds) == (16 + 4 + 4, 32)


def test_the_network_is_left_as_it_was():
    network = nn.Sequential(nn.Conv1d(2, 2, 1), nn.BatchNorm1d(2), nn.Dropout())
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    count(network, (2, 3))
    clips_per_second(network, (2, 3), repeats=1)
    assert [m.training for m in network] == [True, False, True]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not network[0]._forward_hooks


def test_hooks_go_even_if_the_network_fails():
    network = nn.Linear(3, 3)
    with pytest.raises(RuntimeError):
        count(network, (4,))
    assert not network._forward_hooks


def test_what_is_not_counted_is_named():
    network = nn.ModuleDict({"rnn": nn.GRU(3, 3), "idle": nn.Linear(3, 3), "out": nn.Linear(3, 2)})
    network.forward = lambda x: network["out"](network["rnn"](x)[0])
    cost = count(network, (5, 3))
    assert cost.uncounted == ("rnn", "idle")
    assert cost.multiply_adds == 5 * 3 * 2
    assert cost.parameters == sum(p.numel() for p in network.parameters())


def test_shapes_alone_are_enough():
    with torch.device("meta"):
        network = nn.Conv3d(3, 512, 3)
    assert count(network, (3, 64, 512, 512)).multiply_adds == 512 * 62 * 510 * 510 * 81


@pytest.mark.parametrize("shape", [(), (3, 0, 4), (3, 2.5)])
def test_a_shape_of_nothing_is_refused(shape):
    with pytest.raises(ValueError, match="allowed: whole numbers from 1"):
        count(nn.Linear(3, 3), shape)


def test_clips_per_second_counts_clips():
    """Ten times the work takes longer; a batch of four is four clips."""

    class Slow(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.calls = nn.Parameter(torch.zeros(1)), []

        def forward(self, x):
            self.calls.append(len(x))
            return x

    network = Slow()
    assert clips_per_second(network, (3,), batch=4, repeats=3) > 0
    assert network.calls == [4] * 4
    with pytest.raises(ValueError, match="repeats is 0"):
        clips_per_second(network, (3,), repeats=0)
    with pytest.raises(ValueError, match="batch is 0"):
        clips_per_second(network, (3,), batch=0)
