"""What a network costs: parameters, multiply-adds, and clips a second on this machine.

Three different things. Parameters are memory. Multiply-adds (one multiplication and one addition
each) are work, counted while a clip of zeros passes through. Clips a second are time: it depends on
the machine, the library, the threads, and on how well a layer keeps the processor busy. Papers
print the first two because they are the same everywhere.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass(frozen=True)
class LayerCost:
    """One layer's part.

    Attributes:
        name: in the network, as ``named_modules`` has it.
        kind: the layer's class, such as "Conv3d".
        parameters: of the layer itself, without those of layers inside; what two layers share
            counts at the first.
        multiply_adds: of one sample; 0 where nothing is counted.
        output: its output's shape without the batch, ``()`` where nothing is counted.
    """

    name: str
    kind: str
    parameters: int
    multiply_adds: int
    output: tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """A network's cost for one sample.

    Attributes:
        layers: those with parameters, in the network's order.
        uncounted: names of layers with weight matrices whose products were *not* counted: of
            another kind (recurrent layers, embeddings), or never called as a module.
    """

    layers: tuple[LayerCost, ...]
    uncounted: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """All parameters, those of batch norm too, but not its running means."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Those of convolutions and linear layers."""
        return sum(layer.multiply_adds for layer in self.layers)


@torch.no_grad()
def count(network: nn.Module, shape: Sequence[int]) -> Cost:
    """Parameters and multiply-adds of a network, layer by layer.

    One sample of zeros really passes through (in evaluation mode; the network is left as it was),
    so layers that are used twice count twice and layers that are not used count nothing. Counted
    are convolutions and linear layers, biases left out. *Not* counted are normalisation, pooling,
    activations, and products of two activations, such as those of attention.

    Args:
        network: takes ``(1, *shape)``. Where it accepts tensors of the device "meta", a network
            made under ``torch.device("meta")`` is counted without being computed.
        shape: of one sample, such as ``(3, 16, 112, 112)``.

    Raises:
        ValueError: a shape that is empty or not of whole numbers from 1.

    >>> cost = count(nn.Conv3d(3, 8, 3, padding=1), (3, 4, 5, 6))
    >>> cost.parameters, cost.multiply_adds == 8 * 3 * 27 * 4 * 5 * 6
    (656, True)
    """
    sample = _zeros(network, 1, shape)
    work: dict[nn.Module, int] = {}
    outputs: dict[nn.Module, tuple[int, ...]] = {}

    def note(layer: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        work[layer] = work.get(layer, 0) + _multiply_adds(layer, args[0], output)
        outputs[layer] = tuple(output.shape[1:])

    counted = (*CONVOLUTIONS, *TRANSPOSED, nn.Linear)
    hooks = [
        layer.register_forward_hook(note)
        for layer in network.modules()
        if isinstance(layer, counted)
    ]
    training = {module: module.training for module in network.modules()}
    try:
        network.eval()(sample)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in training.items():
            module.training = mode
    return _collect(network, work, outputs)


def _collect(network: nn.Module, work: dict, outputs: dict) -> Cost:
    layers, uncounted, seen = [], [], set()
    for name, module in network.named_modules():
        own = [p for p in module.parameters(recurse=False) if p not in seen]
        seen.update(own)
        if module not in work and any(p.dim() > 1 for p in module.parameters(recurse=False)):
            uncounted.append(name)
        if own or module in work:
            layers.append(
                LayerCost(
                    name,
                    type(module).__name__,
                    sum(p.numel() for p in own),
                    work.get(module, 0),
                    outputs.get(module, ()),
                )
            )
    return Cost(tuple(layers), tuple(uncounted))


def _multiply_adds(layer: nn.Module, given: Tensor, output: Tensor) -> int:
    """Each number that comes out (of a transposed convolution: goes in) is one inner product."""
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    volume = math.prod(layer.kernel_size)
    if isinstance(layer, TRANSPOSED):
        return given.numel() * volume * layer.out_channels // layer.groups
    return output.numel() * volume * layer.in_channels // layer.groups


@torch.no_grad()
def clips_per_second(
    network: nn.Module, shape: Sequence[int], *, batch: int = 1, repeats: int = 5
) -> float:
    """How many samples a second pass through a network in evaluation mode, here and now.

    The median of ``repeats`` passes after one to warm up. Threads are those of
    ``torch.get_num_threads``. With one thread on a CPU the processor's time counts, so that other
    programs on the machine disturb less; else it is the time on the clock.

    Args:
        network: takes ``(batch, *shape)``; it is left as it was.
        shape: of one sample.
        batch: samples a pass, >= 1.
        repeats: passes that are timed, >= 1.

    Raises:
        ValueError: an argument out of range.
    """
    for name, value in (("batch", batch), ("repeats", repeats)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value}; allowed: whole numbers from 1")
    samples = _zeros(network, batch, shape)
    training = {module: module.training for module in network.modules()}
    network.eval()
    alone = samples.device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    times = []
    try:
        for _ in range(repeats + 1):
            began = clock()
            network(samples)
            if samples.is_cuda:
                torch.cuda.synchronize(samples.device)
            times.append(clock() - began)
    finally:
        for module, mode in training.items():
            module.training = mode
    return batch / max(statistics.median(times[1:]), 1e-9)  # clocks have steps


def _zeros(network: nn.Module, batch: int, shape: Sequence[int]) -> Tensor:
    shape = tuple(shape)
    if not shape or not all(isinstance(n, int) and n >= 1 for n in shape):
        raise ValueError(
            f"shape is {shape}; allowed: whole numbers from 1, such as (3, 16, 32, 32)"
        )
    first = next(network.parameters(), torch.zeros(0))
    return torch.zeros((batch, *shape), device=first.device, dtype=first.dtype)
