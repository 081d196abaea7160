"""One training loop for all labs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

from vidlab.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from vidlab.train.progress import Progress


class NonFiniteLossError(RuntimeError):
    """The loss became NaN or infinite; the message names the step and the samples."""


@dataclass(frozen=True)
class FitConfig:
    """How to train; none of it depends on the method.

    Attributes:
        epochs: passes over the data, >= 1.
        batch_size: sequences a step, >= 1.
        seed: decides the order of the data, together with the epoch's number.
        clip_norm: gradients are scaled down to this norm; None: left as they are.
        bf16: run the forward pass under bfloat16 autocast; None: on a GPU that can.
        workers: processes that load data, 0: none.
    """

    epochs: int
    batch_size: int
    seed: int = 0
    clip_norm: float | None = 5.0
    bf16: bool | None = None
    workers: int = 0

    def __post_init__(self):
        for name, low in (("epochs", 1), ("batch_size", 1), ("workers", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < low:
                raise ValueError(f"{name} is {value}; allowed: whole numbers from {low} on")
        if not 0 <= self.seed < 1 << 31:
            raise ValueError(f"seed is {self.seed}; allowed: 0 .. {(1 << 31) - 1}")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm is {self.clip_norm}; allowed: more than 0, or None")


def fit(
    model: nn.Module,
    dataset: Dataset,
    loss: Callable[[nn.Module, object], dict[str, Tensor]],
    optimizer: Optimizer,
    config: FitConfig,
    *,
    collate: Callable,
    device: torch.device | str = "cpu",
    schedule: LRScheduler | None = None,
    checkpoint: Path | None = None,
    label: str = "train",
    measure: Callable[[], dict[str, float]] | None = None,
    before_epoch: Callable[[int], None] | None = None,
) -> list[dict[str, float]]:
    """Train a model; go on from its checkpoint if there is one.

    Args:
        model: trained in place; moved to ``device`` before the optimizer was made.
        dataset: items that ``collate`` turns into a batch with ``.to`` (and ``.pin_memory`` for
            a GPU); a batch that has an ``index`` ``(N,)`` can be named when a loss goes wrong.
            A data set that draws anew in each epoch has ``set_epoch(epoch)``.
        loss: ``loss(model, batch)`` returns scalars; the entry ``"loss"`` is minimised, all are
            logged.
        optimizer: over the model's parameters.
        config: see :class:`FitConfig`.
        collate: list of items to batch.
        device: where batches go.
        schedule: stepped once an epoch.
        checkpoint: file written after every epoch and read at the start. A run that continues
            ends with exactly the weights of one that was never interrupted: the order of the
            data depends on (seed, epoch) alone, and the random state is restored.
        label: shown with the progress.
        measure: called at the end of each epoch, before the checkpoint is written; its numbers
            join the epoch's means.
        before_epoch: called with the epoch (from 0) before it begins: for a loss with stages.

    Returns:
        The mean of each scalar, and what was measured, for each epoch.

    Raises:
        NonFiniteLossError: naming epoch, step and samples; the last checkpoint is kept.
        CheckpointError: the checkpoint is damaged, or was made with other settings.
    """
    if not len(dataset):
        raise ValueError(f"{label}: the data set is empty")
    device = torch.device(device)
    history: list[dict[str, float]] = []
    # How data are loaded does not change the result, nor does a longer training begin otherwise.
    settings = {k: v for k, v in asdict(config).items() if k not in ("epochs", "workers")}
    if checkpoint is not None and checkpoint.exists():
        history = _restore(checkpoint, settings, model, optimizer, schedule)[: config.epochs]
    cuda = device.type == "cuda"
    bf16 = config.bf16 if config.bf16 is not None else cuda and torch.cuda.is_bf16_supported()
    steps = math.ceil(len(dataset) / config.batch_size)

    with Progress(steps * config.epochs, label, start=steps * len(history)) as progress:
        for epoch in range(len(history), config.epochs):
            if before_epoch is not None:
                before_epoch(epoch)
            model.train()
            sums: dict[str, float] = {}
            seen = 0
            if hasattr(dataset, "set_epoch"):
                dataset.set_epoch(epoch)
            loader = _loader(dataset, config, epoch, collate, cuda)
            for step, batch in enumerate(loader):
                batch = batch.to(device, non_blocking=cuda)
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                    parts = loss(model, batch)
                values = {name: float(part.detach()) for name, part in parts.items()}
                if not math.isfinite(values["loss"]):
                    raise NonFiniteLossError(_where(label, epoch, step, steps, values, batch))
                parts["loss"].backward()
                if config.clip_norm is not None:
                    nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
                optimizer.step()
                size = min(config.batch_size, len(dataset) - step * config.batch_size)
                seen += size
                for name, value in values.items():
                    sums[name] = sums.get(name, 0.0) + value * size
                progress.update(
                    text=f"epoch {epoch + 1}/{config.epochs}  loss {sums['loss'] / seen:.3f}"
                )
            if schedule is not None:
                schedule.step()
            means = {name: total / seen for name, total in sums.items()}
            if measure is not None:
                means |= measure()
            history.append(means)
            if checkpoint is not None:
                _save(checkpoint, settings, history, model, optimizer, schedule)
    return history


def _loader(dataset: Dataset, config: FitConfig, epoch: int, collate: Callable, pin: bool):
    order = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
    sampler = BatchSampler(
        RandomSampler(dataset, generator=order), config.batch_size, drop_last=False
    )
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        collate_fn=collate,
        num_workers=config.workers,
        pin_memory=pin,
        # Without a generator of its own the loader would draw from the global one.
        generator=torch.Generator().manual_seed(config.seed),
    )


def _where(label: str, epoch: int, step: int, steps: int, values: dict, batch: object) -> str:
    index = getattr(batch, "index", None)
    samples = f"; samples of the batch: {index.tolist()}" if index is not None else ""
    parts = ", ".join(f"{name} = {value:g}" for name, value in values.items())
    return (
        f"{label}: the loss is not finite at epoch {epoch + 1}, step {step + 1} of {steps} "
        f"({parts}){samples}"
    )


def _save(path, settings, history, model, optimizer, schedule) -> None:
    random = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        random["cuda"] = torch.cuda.get_rng_state()
    save_checkpoint(
        path,
        {
            "settings": settings,
            "history": history,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict() if schedule is not None else None,
            "random": random,
        },
    )


def _restore(path, settings, model, optimizer, schedule) -> list[dict[str, float]]:
    state = load_checkpoint(path)
    try:
        if state["settings"] != settings:
            raise CheckpointError(
                f"{path} was made with {state['settings']}, this run has {settings}; "
                "delete it to start afresh"
            )
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if schedule is not None:
            schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["random"]["cpu"])
        if torch.cuda.is_available() and "cuda" in state["random"]:
            torch.cuda.set_rng_state(state["random"]["cuda"])
        return state["history"]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} does not fit this model: {error}") from error
    except RuntimeError as error:  # load_state_dict lists every mismatch over many lines
        if isinstance(error, CheckpointError):
            raise
        first = str(error).split("\n")[0]
        raise CheckpointError(f"{path} does not fit this model: {first}") from error
