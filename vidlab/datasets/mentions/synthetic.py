"""A corpus in the same format with the same faults, each switchable, and with the truth kept.

Invented papers are searched for the names of invented data sets, the way the real corpus was
made: every occurrence gives a window of up to five words before and six after, with one tagged
span. What went wrong there goes wrong here, too, where its switch is on.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from vidlab.datasets.mentions.bio import Corpus
from vidlab.datasets.mentions.names import NameList
from vidlab.datasets.mentions.synthetic_text import Sentence, invent_names, write_paper
from vidlab.datasets.mentions.windows import Window, normal_form
from vidlab.iob2 import Span, tags_from

_BEFORE, _AFTER = 5, 6  # words around a mention
_TILE = 5  # words of a tile
_TILED_SHARE = 0.4  # of the windows; real: 0.45
_WHOLE, _SEARCHED = (50, 70), (8, 25)  # sentences of a paper that is tiled, and of others
_EXCERPTS = 0.25  # share of a paper's sentences that a second paper quotes
_PIECE_WINDOWS = 2  # windows kept for each piece searched for in a paper
_LARGEST = 200_000


@dataclass(frozen=True)
class SyntheticConfig:
    """Size and faults.

    Attributes:
        windows: how many, 1 .. 200,000.
        families: families of names, 5 .. 200.
        duplicates: a paper is searched once for each leaderboard that lists it (one to four
            times), and papers quote each other: windows repeat.
        single_target: only the occurrence that was searched for is tagged; other names are O.
        tiled: for some papers the search string was empty: the whole paper is cut into windows of
            five words, and the first word of each is tagged.
        pieces: pieces of names are searched for as well (``QTB``, ``101``, a hyphen), and ordinary
            words (``in``, ``to``).
        position_leak: windows are cut so that the mention begins at index 5 (or earlier, at the
            beginning of a sentence); otherwise cut at random.
        glued: brackets and commas stick to names.
    """

    windows: int = 4000
    families: int = 40
    duplicates: bool = True
    single_target: bool = True
    tiled: bool = True
    pieces: bool = True
    position_leak: bool = True
    glued: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.windows <= _LARGEST:
            raise ValueError(f"windows is {self.windows}; allowed: 1 .. {_LARGEST:,}")
        if not 5 <= self.families <= 200:
            raise ValueError(f"families is {self.families}; allowed: 5 .. 200")
        for field in fields(self)[2:]:
            if not isinstance(getattr(self, field.name), bool):
                raise ValueError(
                    f"{field.name} is {getattr(self, field.name)!r}; allowed: True, False"
                )


@dataclass(frozen=True)
class SyntheticCorpus:
    """A corpus and what it should have been.

    Attributes:
        corpus: as :func:`~vidlab.datasets.mentions.bio.read_bio` would return it.
        truth: the same windows, every name of a data set tagged and nothing else.
        names: the invented names.
    """

    corpus: Corpus
    truth: tuple[Window, ...]
    names: NameList


def synthetic(config: SyntheticConfig | None = None, *, seed: int) -> SyntheticCorpus:
    """Write and search papers until there are enough windows.

    Names, papers and cuts come from ``seed`` alone.

    >>> made = synthetic(SyntheticConfig(windows=50), seed=0)
    >>> len(made.corpus.windows), made.corpus.windows[0].tokens == made.truth[0].tokens
    (50, True)
    """
    config = config or SyntheticConfig()
    rng = np.random.default_rng(seed)
    names = invent_names(config.families, rng)
    windows: list[Window] = []
    truth: list[Window] = []
    before: list[Sentence] = []
    tiles = 0
    while len(windows) < config.windows:
        glue = 0.15 if config.glued else 0.0
        tiled = config.tiled and tiles < _TILED_SHARE * len(windows)
        sentences = int(rng.integers(*(_WHOLE if tiled else _SEARCHED)))
        paper = write_paper(names, sentences, rng, glue)
        if config.duplicates and before:
            count = int(_EXCERPTS * len(paper))
            paper += [before[k] for k in rng.integers(0, len(before), count)]
        before = paper
        found = _tiles(paper) if tiled else _search(paper, names, config, rng)
        times = int(rng.choice([1, 1, 1, 2, 2, 4])) if config.duplicates else 1
        tiles += tiled * times * len(found)
        for window, gold in found * times:
            windows.append(Window(window.tokens, window.tags, len(windows)))
            truth.append(Window(gold.tokens, gold.tags, len(truth)))
    count = config.windows
    return SyntheticCorpus(Corpus(tuple(windows[:count])), tuple(truth[:count]), names)


def _search(
    paper: list[Sentence], names: NameList, config: SyntheticConfig, rng: np.random.Generator
) -> list[tuple[Window, Window]]:
    """All windows that searching a paper gives, each with its truth."""
    found = [
        _cut(sentence, (start, end), config, rng)
        for sentence in paper
        for start, end, _ in sentence.names
    ]
    if config.pieces:
        for piece in _pieces_of(paper, names):
            hits = [
                (sentence, (place, place + 1))
                for sentence in paper
                for place, token in enumerate(sentence.tokens)
                if normal_form(token) == piece and not _inside(place, sentence)
            ]
            picks = rng.permutation(len(hits))[:_PIECE_WINDOWS]
            found += [_cut(*hits[k], config, rng) for k in picks]
            found += _split_names(paper, piece, rng)
    return found


def _tiles(paper: list[Sentence]) -> list[tuple[Window, Window]]:
    """The whole paper, five words at a time, the first one tagged."""
    tokens = [token for sentence in paper for token in sentence.tokens]
    gold: list[Span] = []
    offset = 0
    for sentence in paper:
        gold += [(offset + start, offset + end) for start, end, _ in sentence.names]
        offset += len(sentence.tokens)
    return [
        _window(tokens, gold, (start, min(start + _TILE, len(tokens))), [(start, start + 1)])
        for start in range(0, len(tokens), _TILE)
    ]


def _cut(
    sentence: Sentence, target: Span, config: SyntheticConfig, rng: np.random.Generator
) -> tuple[Window, Window]:
    """The window around an occurrence."""
    start, end = target
    before, after = _BEFORE, _AFTER
    if not config.position_leak:
        before, after = int(rng.integers(0, before + 1)), int(rng.integers(0, after + 1))
    frame = (max(start - before, 0), min(end + after, len(sentence.tokens)))
    gold = [(a, b) for a, b, _ in sentence.names]
    tagged = [target]
    if not config.single_target:
        tagged = sorted({target, *gold})
    return _window(sentence.tokens, gold, frame, tagged)


def _split_names(
    paper: list[Sentence], piece: str, rng: np.random.Generator
) -> list[tuple[Window, Window]]:
    """A name that a line break tore apart: its piece is found and the window ends or begins there.

    The real corpus cuts windows at the mention when its name is split.
    """
    for k in rng.permutation(len(paper)):
        sentence = paper[k]
        for start, end, _ in sentence.names:
            head = sentence.tokens[start]
            if end - start != 1 or "-" not in head or normal_form(head.split("-")[0]) != piece:
                continue
            first, rest = head.split("-", 1)
            tokens = [*sentence.tokens[:start], first, "-", rest, *sentence.tokens[end:]]
            frame = (max(start - _BEFORE, 0), min(start + 3 + _AFTER, len(tokens)))
            gold = [(start, start + 3)]
            shift = 2
            gold += [
                (a, b) if b <= start else (a + shift, b + shift)
                for a, b, _ in sentence.names
                if (a, b) != (start, end)
            ]
            hit = start if rng.random() < 0.5 else start + 1  # the piece, or the bare hyphen
            return [_window(tokens, sorted(gold), frame, [(hit, hit + 1)])]
    return []


def _pieces_of(paper: list[Sentence], names: NameList) -> list[str]:
    """What is searched for besides names: their first pieces, and ordinary words."""
    places = sorted({place for sentence in paper for *_, place in sentence.names})
    heads = [names.entries[place].name.replace("-", " ").split()[0] for place in places]
    return [*sorted({normal_form(head) for head in heads}), "in", "to", "learning"]


def _inside(place: int, sentence: Sentence) -> bool:
    return any(start <= place < end for start, end, _ in sentence.names)


def _window(tokens, gold: list[Span], frame: Span, tagged: list[Span]) -> tuple[Window, Window]:
    """A frame of a text as a window with the tagged spans, and as one with the true spans.

    A name that the frame cuts is no name any more.
    """
    first, last = frame
    words = tuple(tokens[first:last])

    def window(found: list[Span]) -> Window:
        inside = [(a - first, b - first) for a, b in found if first <= a and b <= last]
        return Window(words, tags_from(inside, len(words)))

    return window(tagged), window(gold)
