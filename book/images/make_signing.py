"""Pictures of the page on signing; ``python book/images/make_signing.py`` writes them."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from vidlab.datasets.signing import (
    BONES,
    JOINTS,
    LEXICON,
    SHAPES,
    SigningConfig,
    minimal_pairs,
    sign,
)
from vidlab.viz.signing import contact_sheet, joints_on_frames, pair_strips, sentence_strip

HERE = Path(__file__).parent
CLEAN = SigningConfig(size=128, noise=0.0)
NAMES = ("blank", *(gloss.name for gloss in LEXICON))


def save(figure, name: str) -> None:
    figure.savefig(HERE / f"signing-{name}.png", dpi=90, bbox_inches="tight")
    plt.close(figure)
    print(f"signing-{name}.png")


def lexicon() -> None:
    """The middle of each gloss, each by another signer."""
    made = [sign([gloss.name], CLEAN, signer=k) for k, gloss in enumerate(LEXICON)]
    frames = [film.frames[film.middles[0]].numpy() for film in made]
    save(contact_sheet(frames, NAMES[1:], columns=9, width=11), "lexicon")


def pairs() -> None:
    """Two minimal pairs of each parameter, by one signer."""
    found = {}
    for i, j, parameter in minimal_pairs():
        found.setdefault(parameter, []).append((i, j))
    chosen = [(*pair, name) for name, some in found.items() for pair in some[:2]]

    def gloss_film(k: int) -> np.ndarray:
        made = sign([LEXICON[k].name], CLEAN, signer=5)
        start, end = made.segments[0]
        return made.frames[start:end].numpy()

    films = [(gloss_film(i), gloss_film(j)) for i, j, _ in chosen]
    names = [(LEXICON[i].name, LEXICON[j].name) for i, j, _ in chosen]
    save(pair_strips(films, names, [name for *_, name in chosen]), "pairs")


def signers() -> None:
    """One moment of one gloss by sixteen signers."""
    made = [sign(["PLAY"], CLEAN, signer=k) for k in range(16)]
    frames = [film.frames[film.middles[0]].numpy() for film in made]
    save(contact_sheet(frames, [f"signer {k}" for k in range(16)], columns=8, width=11), "signers")


def sizes() -> None:
    """Hand shapes at three sizes, enlarged."""
    names = ("HOUSE", "RAIN", "SEE", "TEACHER", "FRIEND", "TOMORROW", "EAT")
    shown = []
    for side in (32, 64, 128):
        for name in names:
            made = sign([name], SigningConfig(size=side), signer=3)
            frame = made.frames[made.middles[0]].numpy()
            shown.append(frame.repeat(128 // side, 1).repeat(128 // side, 2))
    shape = {gloss.name: gloss.shape for gloss in LEXICON}
    titles = [f"{name}: {shape[name]}" for name in names]
    save(contact_sheet(shown, titles + [""] * 14, columns=7, width=10), "sizes")
    assert set(shape.values()) == set(SHAPES)


def sentence() -> None:
    """A sentence as a strip with its glosses."""
    made = sign(["TODAY", "ME", "BIG", "BREAD", "EAT"], CLEAN, signer=4)
    figure = sentence_strip(made.frames.numpy(), made.truth.numpy(), NAMES, shown=14)
    save(figure, "sentence")


def joints() -> None:
    """Where the joints are, and the way of both hands."""
    made = sign(["TOMORROW", "PLAY"], SigningConfig(size=192, noise=0.0), signer=9)
    chosen = np.linspace(4, len(made.frames) - 6, 6).round().astype(int)
    start = chosen[0]
    hands = [JOINTS.index("right hand"), JOINTS.index("left hand")]
    figure = joints_on_frames(made.frames[chosen].numpy(), made.joints[chosen], BONES)
    for axes, k in zip(figure.axes, chosen, strict=True):
        for colour, hand in zip(("#0072B2", "#D55E00"), hands, strict=True):
            axes.plot(*made.joints[start : k + 1, hand].T, color=colour, lw=2)
    save(figure, "joints")


if __name__ == "__main__":
    lexicon()
    pairs()
    signers()
    sizes()
    sentence()
    joints()
