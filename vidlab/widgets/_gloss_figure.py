"""The gloss alignment explorer's matplotlib twin: one sentence in, Figure out."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vidlab.metrics.segmentation import segments as runs_of
from vidlab.widgets._gloss_sentence import GlossSentence, colour_slots
from vidlab.widgets.base import BLANK_COLOUR, CATEGORICAL

MARKS = {"ok": "ok", "sub": "S", "del": "D", "ins": "I"}
MARK_COLOURS = {"ok": "#1c2530", "S": "#9a4a00", "D": "#0b5c99", "I": "#7a3f9d"}
NOTHING = "***"
GREY = "#5a6673"
LETTERS = 130  # capitals of a name that fit the figure's width
MARGIN = 14  # letters that the heads of the lines take
NAME_ROWS = 4  # above the spikes
NAMED_FROM = 0.1  # a line with a lower peak gets no name


def draw(
    sentence: GlossSentence,
    method: str,
    radius: int,
    step: int,
    class_names: list[str],
    title: str,
) -> Figure:
    """The alignment, the spikes of both modules, and the segments over the truth where given."""
    segments = sentence.segments.get(method)
    lines = _lines_of(_columns(sentence, method, class_names))
    bands = {"words": 0.7 * len(lines), "visual": 1.6, "contextual": 1.6}
    if segments is not None:
        bands["segments"] = 0.3
    if sentence.truth is not None:
        bands["truth"] = 0.3
    figure = Figure(
        figsize=(10, sum(bands.values()) + 0.42 * len(bands) + 0.6), layout="constrained"
    )
    axes = figure.subplots(len(bands), 1, squeeze=False, height_ratios=list(bands.values()))[:, 0]
    at = dict(zip(bands, axes, strict=True))
    classes = sentence.shown()
    slots = dict(zip(classes, colour_slots(classes), strict=True))

    _draw_words(at["words"], sentence, method, class_names)
    for module, outputs in (("visual", sentence.visual), ("contextual", sentence.contextual)):
        _title(at[module], f"{module.capitalize()} module, probability of each gloss; grey: blank")
        _draw_spikes(at[module], outputs[method], slots, class_names)
    if segments is not None:
        accuracies = sentence.accuracies(method)
        right = "" if accuracies is None else f", {accuracies[radius]:.1%} of steps right"
        _title(at["segments"], f"GSBA, radius d = {radius}{right}")
        _draw_bar(at["segments"], segments[radius], slots, class_names)
    if sentence.truth is not None:
        _title(at["truth"], "Truth")
        _draw_bar(at["truth"], sentence.truth, slots, class_names)
    for axis in axes[1:]:
        axis.set_xlim(-0.5, sentence.steps - 0.5)
        axis.axvline(step, color=GREY, linewidth=0.8, linestyle=":")
        axis.tick_params(labelbottom=axis is axes[-1])
    axes[-1].set_xlabel("step")
    title = textwrap.fill(_plain(title), 90)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def _plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")


def _cut(text: str, letters: int) -> str:
    """Text of so many letters at most; nothing where not even two would stand before the dots."""
    if len(text) <= letters:
        return text
    return f"{text[: letters - 1]}…" if letters > 2 else ""


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=9, color=GREY)


def _colour(k: int, slots: dict[int, int]) -> str:
    return BLANK_COLOUR if k == 0 else CATEGORICAL[slots[k] % len(CATEGORICAL)]


def _lines_of(columns: list[list[str]]) -> list[list[tuple[float, list[str]]]]:
    """Columns of words with their middles, in as many lines as the figure's width asks for."""
    lines: list[list[tuple[float, list[str]]]] = [[]]
    end = MARGIN
    for texts in columns:
        room = max(map(len, texts)) + 4
        if lines[-1] and end + room > LETTERS:
            lines.append([])
            end = MARGIN
        lines[-1].append((end + room / 2, texts))
        end += room
    return lines


def _columns(sentence: GlossSentence, method: str, names: list[str]) -> list[list[str]]:
    """Reference, hypothesis and mark of each pair."""
    return [
        [NOTHING if k is None else _cut(names[k], 30) for k in (pair.reference, pair.hypothesis)]
        + [MARKS[pair.kind]]
        for pair in sentence.pairs[method]
    ]


def _draw_words(axes: Axes, sentence: GlossSentence, method: str, names: list[str]) -> None:
    errors = sentence.errors(method)
    counts = f"S {errors.substitutions}, D {errors.deletions}, I {errors.insertions}"
    rate = f"{errors.wer:.0%}" if np.isfinite(errors.wer) else "∞"
    _title(axes, f"{_plain(method)}: reference against hypothesis, WER {rate} ({counts})")
    axes.set_axis_off()
    lines = _lines_of(_columns(sentence, method, names))
    axes.set(xlim=(0, LETTERS), ylim=(3.7 * len(lines) - 1, -0.6))
    for i, line in enumerate(lines):
        for row, text in enumerate(("reference", "hypothesis", "error")):
            axes.text(0, 3.7 * i + row, text, va="center", fontsize=8, color=GREY)
        for middle, texts in line:
            for row, text in enumerate(texts):
                axes.text(
                    middle,
                    3.7 * i + row,
                    _plain(text),
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color=MARK_COLOURS[texts[-1]],
                    fontweight="normal" if texts[-1] == "ok" else "bold",
                )


def _draw_spikes(axes: Axes, outputs: np.ndarray, slots: dict[int, int], names: list[str]) -> None:
    time = np.arange(len(outputs))
    ends = [-np.inf] * NAME_ROWS  # where the last name of each row ends
    named = [k for k in slots if k != 0 and outputs[:, k].max() >= NAMED_FROM]
    for k in slots:
        dashed = slots[k] >= len(CATEGORICAL)
        axes.plot(
            time,
            outputs[:, k],
            color=GREY if k == 0 else _colour(k, slots),
            linewidth=0.8 if k == 0 else 1.6,
            alpha=0.7 if k == 0 else 1.0,
            linestyle="--" if dashed else "-",
        )
    for k in sorted(named, key=lambda k: outputs[:, k].argmax()):
        peak = int(outputs[:, k].argmax())
        text = _cut(names[k], 20)
        half = (0.5 * len(text) + 1) / LETTERS * len(outputs)  # of the name's width, in steps
        middle = min(max(peak, half - 0.5), len(outputs) - 0.5 - half)
        row = next((r for r, end in enumerate(ends) if end < middle - half), None)
        if row is None:
            continue
        ends[row] = middle + half
        name = axes.annotate(
            _plain(text),
            (peak, outputs[peak, k]),
            xytext=(middle, 1.1 + 0.2 * row),
            ha="center",
            va="bottom",
            fontsize=7.5,
            arrowprops={"arrowstyle": "-", "color": _colour(k, slots), "linewidth": 0.8},
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )
        name.set_in_layout(False)  # names never make the plot narrower
    axes.set(ylim=(0, 1.15 + 0.2 * NAME_ROWS), yticks=[0, 0.5, 1])
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines["left"].set_bounds(0, 1)


def _draw_bar(axes: Axes, labels: np.ndarray, slots: dict[int, int], names: list[str]) -> None:
    for k, start, end in runs_of(labels):
        axes.axvspan(start - 0.5, end - 0.5, facecolor=_colour(k, slots), edgecolor="white")
        text = _cut(names[k], int((end - start) / len(labels) * LETTERS))
        if k != 0 and text:
            axes.text(
                (start + end - 1) / 2,
                0.5,
                _plain(text),
                ha="center",
                va="center",
                fontsize=7.5,
                clip_on=True,
            )
    axes.set(ylim=(0, 1), yticks=[])
