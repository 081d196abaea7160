"""The order explorer's matplotlib twin: frames, logits and an order in, Figure out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from vidlab.widgets.base import CATEGORICAL

MARK, ACCENT, GREY = "#c23c0a", "#0a64a4", "#8a96a3"
MOST_ROWS = 14  # classes with a bar
BINS = 20


def softmax(offsets: np.ndarray) -> np.ndarray:
    """Probabilities of the last axis; logits may be less their row's largest."""
    powers = np.exp(offsets - offsets.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def shown_classes(probabilities: list[np.ndarray], must: Sequence[int]) -> list[int]:
    """The classes with a bar, ascending: all, or those that must and those that get most.

    Args:
        probabilities: ``(P, K)`` of each model.
        must: classes that are shown in any case: the truth and the answers.
    """
    total = np.sum([p.sum(0) for p in probabilities], axis=0)
    total[list(must)] = np.inf
    return sorted(np.argsort(-total, kind="stable")[:MOST_ROWS].tolist())


def draw(
    frames: np.ndarray,
    offsets: dict[str, np.ndarray],
    answers: dict[str, np.ndarray],
    *,
    order: int,
    cards: Sequence[int],
    card_order: Sequence[int],
    names: Sequence[str],
    truth: int,
    title: str,
) -> Figure:
    """The cards in their order; below, a model a column: its softmax and its spread.

    Args:
        frames: ``(T, H, W[, 3])`` in their true order.
        offsets, answers: by model ``(P, K)`` logits and ``(P,)`` classes.
        order: the row of both that is shown.
        cards: frames of each card; ``card_order`` says which lie first.
        truth: the true class.
    """
    probabilities = {model: softmax(of) for model, of in offsets.items()}
    now = [int(of[order]) for of in answers.values()]
    rows = shown_classes(list(probabilities.values()), [truth, *now])
    heights = [1.5, 0.24 * len(rows) + 0.7, 1.4]
    figure = Figure(
        figsize=(max(7.0, 3.3 * len(offsets)), sum(heights) + 0.4), layout="constrained"
    )
    strip, bars, spread = figure.subfigures(3, 1, height_ratios=heights)
    _draw_strip(strip, frames, cards, card_order)
    for i, axes in enumerate(np.atleast_1d(bars.subplots(1, len(offsets), sharey=True))):
        model = list(offsets)[i]
        _draw_bars(axes, probabilities[model], order, rows, truth)
        answer = answers[model][order]
        verdict = "right" if answer == truth else "wrong"
        axes.set_title(_plain(f"{model}: {names[answer]} ({verdict})"), loc="left", fontsize=9)
        if i == 0:  # the others share its names
            labels = [_plain(_cut(names[k])) for k in rows]
            axes.set_yticks(range(len(rows)), labels, fontsize=8)
            axes.get_yticklabels()[rows.index(truth)].set_fontweight("bold")
    for i, axes in enumerate(np.atleast_1d(spread.subplots(1, len(offsets)))):
        model = list(offsets)[i]
        _draw_spread(axes, probabilities[model][:, truth], order)
        kept = int((answers[model] == answers[model][0]).sum())
        axes.set_title(f"answer kept in {kept} of {len(answers[model])} orders", fontsize=9)
    figure.suptitle(_plain(title), x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def _draw_strip(
    part: SubFigure, frames: np.ndarray, cards: Sequence[int], card_order: Sequence[int]
) -> None:
    first = np.cumsum([0, *cards])
    grid = part.subplots(1, len(frames), squeeze=False)[0]
    at = 0
    for card in card_order:
        for t in range(first[card], first[card + 1]):
            axes = grid[at]
            axes.imshow(frames[t], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.set_title(str(t), fontsize=8)
            for spine in axes.spines.values():  # a card's frames have one colour
                spine.set(color=CATEGORICAL[card], linewidth=2)
            at += 1


def _draw_bars(
    axes: Axes, probabilities: np.ndarray, order: int, rows: list[int], truth: int
) -> None:
    now, before = probabilities[order, rows], probabilities[0, rows]
    at = np.arange(len(rows))
    colours = [ACCENT if k == truth else GREY for k in rows]
    axes.barh(at, now, height=0.66, color=colours)
    axes.plot(before, at, "|", color="black", markersize=9)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("probability (tick: true order)", fontsize=8)
    _bare(axes)


def _draw_spread(axes: Axes, of_truth: np.ndarray, order: int) -> None:
    axes.hist(of_truth, bins=BINS, range=(0, 1), color=GREY)
    axes.axvline(of_truth[order], color=MARK, linewidth=1.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("probability of the true class", fontsize=8)
    axes.set_ylabel("orders", fontsize=8)
    _bare(axes)


def _bare(axes: Axes) -> None:
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _cut(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"


def _plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")
