"""Word images with the truth under every column: rendered from fonts, distorted, never downloaded.

The stand-in for the synthetic words that scene text recognisers are trained on: a made-up word in
some font, slanted, rotated and seen from the side, on an uneven background, blurred and noisy, its
crop resized to 32 x 100 grey pixels whatever its length. The network is told the word. We know
more: which pixel is whose ink.

A *step* is what a CRNN says one class for: T = 26 of them, one every 4 pixels, centred on the
edges x = 0, 4, ..., 100 of the image. As frames of a sequence a word is cut there into 26 slices of
4 columns; the image is extended by 2 columns at both sides for the first and the last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from torch import Tensor
from torch.utils.data import Dataset

from vidlab.datasets.sequences import SequenceSample
from vidlab.datasets.words import ALPHABET

CLASS_NAMES = ("blank", *ALPHABET)  #: class k + 1 is the character ALPHABET[k]; 37 classes
HEIGHT, WIDTH = 32, 100  #: of an image, in pixels
STRIDE = 4  #: columns from one step to the next, and of a slice
STEPS = WIDTH // STRIDE + 1  #: T

CASES = ("lower", "title", "upper")
_FAMILIES = ("DejaVuSans", "DejaVuSansMono", "DejaVuSerif", "STIXGeneral")
_STYLES = ("", "-Bold", "-Oblique", "-BoldOblique", "-Italic", "-BoldItalic")
_STYLES += ("Bol", "Italic", "BolIta")  # STIX has its own abbreviations
_SINGLE = ("cmb10", "cmr10", "cmss10", "cmtt10")
_SIZE = 36  # glyphs are drawn at this size, in pixels, and then warped
_MIN_INK = 2  # pixels; fewer in a slice are the rim of a neighbour


@lru_cache(maxsize=1)
def bundled_fonts() -> tuple[Path, ...]:
    """The text fonts that come with matplotlib (DejaVu, STIX, Computer Modern), sorted.

    They are there on every machine, so the same seed gives the same words in the same faces.
    """
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    names = [*(family + style for family in _FAMILIES for style in _STYLES), *_SINGLE]
    return tuple(sorted(p for name in names if (p := folder / f"{name}.ttf").is_file()))


def installed_fonts() -> tuple[Path, ...]:
    """Fonts of this machine that have glyphs of their own for all 62 letters and digits, sorted.

    Symbol fonts are left out. Which fonts there are differs from machine to machine.
    """
    from matplotlib import font_manager

    found = (Path(name) for name in font_manager.findSystemFonts(fontext="ttf"))
    return tuple(path for path in sorted(found) if _can_write(path))


@dataclass(frozen=True)
class WordImageConfig:
    """How words are rendered.

    Attributes:
        fonts: font files; empty: :func:`bundled_fonts`.
        cases: of "lower", "title" and "upper"; one is drawn for each word. The label is the same.
        strength: 0 .. 1, how far slant, perspective, background, blur and noise may go; 0 is clean
            black on white.
    """

    fonts: tuple[Path, ...] = ()
    cases: tuple[str, ...] = CASES
    strength: float = 1.0

    def __post_init__(self):
        odd = [case for case in self.cases if case not in CASES]
        if odd or not self.cases:
            raise ValueError(f"cases are {self.cases}; allowed: one or more of {', '.join(CASES)}")
        if not 0 <= self.strength <= 1:
            raise ValueError(f"strength is {self.strength}; allowed: 0 .. 1")
        missing = [path for path in self.fonts if not Path(path).is_file()]
        if missing:
            raise ValueError(f"there is no font file {missing[0]}")


def encode(word: str) -> Tensor:
    """Labels ``(U,)`` int64 of a word, upper case like lower case.

    Raises:
        ValueError: a character that is none of 0-9 and a-z.

    >>> encode("Ab0").tolist()
    [11, 12, 1]
    """
    labels = [ALPHABET.find(character) + 1 for character in word.lower()]
    if 0 in labels or not labels:
        raise ValueError(f"the word is {word!r}; allowed: one or more of 0-9, a-z and A-Z")
    return torch.tensor(labels)


def decode(labels: Sequence[int]) -> str:
    """The word of some labels.

    >>> decode((11, 12, 1))
    'ab0'
    """
    return "".join(CLASS_NAMES[k] for k in labels)


def column_slices(image: np.ndarray) -> np.ndarray:
    """The T slices ``(T, 32, 4)`` of an image ``(32, 100)``, its outer columns repeated twice."""
    if image.shape != (HEIGHT, WIDTH):
        raise ValueError(f"the image is {image.shape}; expected ({HEIGHT}, {WIDTH})")
    half = STRIDE // 2
    wide = np.pad(image, ((0, 0), (half, half)), mode="edge")
    return wide.reshape(HEIGHT, STEPS, STRIDE).swapaxes(0, 1)


def step_owners(owner: np.ndarray) -> np.ndarray:
    """Which character of the word each step is on ``(T,)``: 1, 2, ..., 0 where there is no ink.

    The one with most ink in the step's slice, the earlier of two that have as much.

    Args:
        owner: ``(32, 100)``, place in the word of the character whose ink a pixel is; 0: nobody's.
    """
    half = STRIDE // 2
    ink = np.pad(owner, ((0, 0), (half, half))).reshape(HEIGHT, STEPS, STRIDE)
    places = np.arange(1, max(int(owner.max()), 1) + 1)
    counts = (ink[..., None] == places).sum((0, 2))  # (T, U)
    return np.where(counts.max(1) >= _MIN_INK, places[counts.argmax(1)], 0)


def render_word(
    word: str, config: WordImageConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a word.

    Returns:
        the image ``(32, 100)`` uint8, and the owner of each pixel ``(32, 100)`` uint8: 0 for the
        background, u for the ink of the u-th character.
    """
    fonts = config.fonts or bundled_fonts()
    font = str(fonts[rng.integers(len(fonts))])
    case = config.cases[rng.integers(len(config.cases))]
    ink, owner = _typeset(getattr(word, case)(), font, rng.uniform(-0.03, 0.12) * config.strength)
    coefficients = _perspective(_landing(rng, config.strength), _corners(ink.shape))
    size, way = (WIDTH, HEIGHT), Image.Transform.PERSPECTIVE
    warped = Image.fromarray(ink).transform(size, way, coefficients, Image.Resampling.BICUBIC)
    whose = Image.fromarray(owner).transform(size, way, coefficients, Image.Resampling.NEAREST)
    grey = _paint(np.asarray(warped, np.float32) / 255, config.strength, rng)
    return grey, np.asarray(whose)


class WordImages(Dataset):
    """Rendered words; each image depends on its word, the seed and its place alone.

    Args:
        words: what to render, 0-9, a-z.
        config: how.
        seed: decides fonts and distortions.

    Items are :class:`~vidlab.datasets.sequences.SequenceSample` with frames ``(26, 1, 32, 4)`` (the
    slices of :func:`column_slices`); the truth of a step is the class of the character it is on.

    Attributes:
        images: ``(N, 32, 100)`` uint8.
        owners: ``(N, 26)`` int64, :func:`step_owners`: tells equal neighbours apart.
        truth: ``(N, 26)`` int64, the class of each step, 0 between and beside characters.
    """

    def __init__(self, words: Sequence[str], config: WordImageConfig | None = None, *, seed: int):
        if not words:
            raise ValueError("there is no word to render")
        self.words, self.config = tuple(words), config or WordImageConfig()
        self.targets = [encode(word) for word in words]
        images, owners = [], []
        for index, word in enumerate(self.words):
            rng = np.random.default_rng((seed, index))
            image, owner = render_word(word, self.config, rng)
            images.append(image)
            owners.append(torch.from_numpy(step_owners(owner)))
        self.images = np.stack(images)
        self.owners = torch.stack(owners)
        classes = [F.pad(t, (1, 0))[o] for t, o in zip(self.targets, owners, strict=True)]
        self.truth = torch.stack(classes)

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: int) -> SequenceSample:
        frames = torch.from_numpy(column_slices(self.images[index])[:, None] / np.float32(255))
        return SequenceSample(frames, self.targets[index], self.truth[index], int(index))

    @property
    def sha256(self) -> str:
        """Checksum of all images and labels: another version of a font changes it."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images).data)
        digest.update(" ".join(self.words).encode())
        return digest.hexdigest()


@lru_cache(maxsize=8192)
def _glyph(font: str, character: str) -> tuple[np.ndarray, int, int, float]:
    """Coverage uint8 ``(h, w)``, its left and top on a line of height ``2 _SIZE``, the advance."""
    face = _face(font)
    line = Image.new("L", (3 * _SIZE, 2 * _SIZE))
    ImageDraw.Draw(line).text((_SIZE, _SIZE // 2), character, fill=255, font=face)
    left, top, right, bottom = line.getbbox() or (_SIZE, _SIZE, _SIZE + 1, _SIZE + 1)
    pixels = np.asarray(line)[top:bottom, left:right].copy()
    return pixels, left - _SIZE, top, face.getlength(character)


@lru_cache(maxsize=256)
def _face(font: str) -> ImageFont.FreeTypeFont:
    # The basic layout is in every build of Pillow; another would place glyphs elsewhere.
    return ImageFont.truetype(font, _SIZE, layout_engine=ImageFont.Layout.BASIC)


def _can_write(font: Path) -> bool:
    characters = ALPHABET + ALPHABET[10:].upper()
    try:
        shapes = {_glyph(str(font), character)[0].tobytes() for character in characters}
        nothing = _glyph(str(font), "\U0010fffe")[0].tobytes()
    except (OSError, ValueError):
        return False  # a collection or a bitmap font that FreeType does not open
    return len(shapes) >= len(characters) - 3 and nothing not in shapes


def _typeset(text: str, font: str, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Ink uint8 and owner uint8 of a word, cropped to its ink; spacing in units of the size."""
    pen, placed = 0.0, []
    for character in text:
        pixels, left, top, advance = _glyph(font, character)
        placed.append((pixels, round(pen) + left, top))
        pen += advance + spacing * _SIZE
    start = min(x for _, x, _ in placed)
    end = max(x + p.shape[1] for p, x, _ in placed)
    ink = np.zeros((2 * _SIZE, end - start), np.uint8)
    owner = np.zeros_like(ink)
    for place, (pixels, x, y) in enumerate(placed, 1):
        box = np.s_[y : y + pixels.shape[0], x - start : x - start + pixels.shape[1]]
        owner[box][(pixels > ink[box]) & (pixels >= 96)] = place
        np.maximum(ink[box], pixels, out=ink[box])
    rows = np.flatnonzero(ink.any(1))
    rows = slice(rows[0], rows[-1] + 1)
    return ink[rows], owner[rows]


def _corners(shape: tuple[int, int]) -> np.ndarray:
    """``(4, 2)`` x and y of the corners of a picture, clockwise from the left upper one."""
    height, width = shape
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], float)


def _landing(rng: np.random.Generator, strength: float) -> np.ndarray:
    """Where the corners of the word's box come to lie in the image: always inside."""
    corners = _corners((HEIGHT, WIDTH)) + np.array([(2, 3), (-2, 3), (-2, -3), (2, -3)])
    slant = rng.uniform(-4, 4)
    lean = np.array([(slant, 0), (slant, 0), (-slant, 0), (-slant, 0)])
    turn = rng.uniform(-3, 3) * np.array([(0, -1), (0, 1), (0, 1), (0, -1)])
    corners += strength * (lean + turn + rng.uniform(-2, 2, (4, 2)))
    return corners.clip(1, (WIDTH - 1, HEIGHT - 1))


def _perspective(to: np.ndarray, source: np.ndarray) -> tuple[float, ...]:
    """Pillow's eight coefficients of the projection that takes ``to`` (4, 2) to ``source``."""
    (x, y), (u, v) = to.T, source.T
    one, zero = np.ones(4), np.zeros(4)
    rows = np.concatenate(
        (
            np.stack((x, y, one, zero, zero, zero, -u * x, -u * y), 1),
            np.stack((zero, zero, zero, x, y, one, -v * x, -v * y), 1),
        )
    )
    return tuple(np.linalg.solve(rows, np.concatenate((u, v))).tolist())


def _paint(ink: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Colours, background, blur and noise: coverage ``(32, 100)`` in 0 .. 1 to grey uint8."""
    dark = rng.uniform(0, 0.35) * strength
    light = 1 - rng.uniform(0, 0.35) * strength
    paper, pen = (light, dark) if rng.random() >= 0.5 * strength else (dark, light)
    coarse = rng.normal(0, 0.06, (3, 7)).astype(np.float32)  # clouds: a few values, smoothed
    clouds = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    slope = rng.uniform(-0.15, 0.15, 2)
    x, y = np.linspace(-0.5, 0.5, WIDTH), np.linspace(-0.5, 0.5, HEIGHT)
    uneven = np.asarray(clouds) + slope[0] * x + slope[1] * y[:, None]
    grey = paper + strength * uneven
    grey = grey + ink * (pen - grey)
    blurred = Image.fromarray((255 * grey.clip(0, 1)).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(0.9 * strength * rng.random())
    )
    noise = rng.normal(0, 0.05 * strength * rng.random(), ink.shape)
    return (np.asarray(blurred) + 255 * noise).clip(0, 255).round().astype(np.uint8)
