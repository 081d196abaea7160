"""The tag explorer's matplotlib twin: one checked window in, Figure out."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vidlab.iob2 import TAGS
from vidlab.widgets._tagging_trellis import TaggedWindow
from vidlab.widgets.base import SEQUENTIAL

BEHIND = 5.0  #: scores this far behind the best tag of their token are all equally pale
NEVER = -5e3  #: lower scores belong to forbidden moves
MARK, CHOSEN = "#c23c0a", "#0a64a4"  #: of the page in its light theme
BLUES = LinearSegmentedColormap.from_list("probability", SEQUENTIAL["light"])
MOST_DRAWN = 24  #: tokens in one picture; a longer window is cut around the chosen one
LETTERS = 12


def draw(window: TaggedWindow, token: int, title: str) -> Figure:
    """The words over the strips of the trellis: emissions, log α, log β, and the marginals."""
    first = max(0, min(token - MOST_DRAWN // 2, len(window.tokens) - MOST_DRAWN))
    shown = slice(first, first + MOST_DRAWN)
    strips: list[tuple[str, np.ndarray]] = []
    if window.trellis is not None:
        one = window.trellis
        strips = [
            ("emissions P", one.emissions[shown]),
            ("log α (paths up to here)", one.log_alpha[shown]),
            ("log β (paths from here)", one.log_beta[shown]),
        ]
    framed = "" if window.trellis is None else "; framed: the best path"
    strips.append((f"probability of each tag{framed}", window.marginals[shown]))
    tokens = window.tokens[shown]
    width = max(5.0, 1.2 + 0.72 * len(tokens))
    figure = Figure(figsize=(width, 1.1 + 1.25 * len(strips)), layout="constrained")
    axes = figure.subplots(len(strips), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (name, values) in zip(axes, strips, strict=True):
        _draw_strip(axis, name, values, probability=axis is axes[-1])
        _frame(axis, token - first, 1, 3, CHOSEN)
    if window.trellis is not None:
        for t, label in enumerate(window.trellis.path[shown]):
            _frame(axes[-1], t, label, 1, MARK, gap=0.06)
    _write_words(axes[-1], window, first, tokens)
    figure.suptitle(_plain(title), x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def _draw_strip(axis: Axes, name: str, values: np.ndarray, *, probability: bool) -> None:
    level = values if probability else 1 + (values - values.max(1, keepdims=True)) / BEHIND
    axis.imshow(level.clip(0, 1).T, cmap=BLUES, vmin=0, vmax=1, aspect="auto")
    for (t, k), value in np.ndenumerate(values):
        words = f"{value:.2f}" if probability else f"{value:z.1f}".replace("-", "−")
        axis.text(
            t,
            k,
            "never" if value < NEVER else words,
            ha="center",
            va="center",
            fontsize=7.5,
            color="white" if level[t, k] > 0.55 else "#1c2530",
        )
    axis.set_yticks(range(len(TAGS)), TAGS, fontsize=8)
    axis.set_title(name, loc="left", fontsize=9)
    axis.tick_params(length=0)


def _frame(axis: Axes, t: int, label: int, rows: int, colour: str, gap: float = 0.0) -> None:
    """A frame around ``rows`` cells of token t, with this label in the middle."""
    low = label - rows / 2 + gap
    box = Rectangle((t - 0.5 + gap, low), 1 - 2 * gap, rows - 2 * gap, fill=False, edgecolor=colour)
    box.set(linewidth=2, clip_on=False, zorder=3)
    axis.add_patch(box)


def _write_words(axis: Axes, window: TaggedWindow, first: int, tokens: list[str]) -> None:
    """Tokens as labels; predicted names in bold, true ones in the colour of truth."""
    words = [_plain(word if len(word) <= LETTERS else word[: LETTERS - 1] + "…") for word in tokens]
    axis.set_xticks(range(len(words)), words, rotation=35, ha="right", fontsize=9)
    for t, label in enumerate(axis.get_xticklabels(), first):
        if window.tags[t]:
            label.set_fontweight("bold")
        if window.truth is not None and window.truth[t]:
            label.set_color(MARK)
    note = "bold: predicted name"
    axis.set_xlabel(note + ("; red: true name" if window.truth is not None else ""), fontsize=9)


def _plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")
