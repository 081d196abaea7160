"""PHOENIX-2014, PHOENIX-2014-T and CSL-Daily: what the signers say, from the published text files.

::

    phoenix-2014-multisigner/annotations/manual/{train,dev,test}.corpus.csv
    phoenix-2014-multisigner/features/fullFrame-210x260px/{train,dev,test}/<id>/1/*.png
    PHOENIX-2014-T/annotations/manual/PHOENIX-2014-T.{train,dev,test}.corpus.csv
    PHOENIX-2014-T/features/fullFrame-210x260px/{train,dev,test}/<name>/*.png
    CSL-Daily: sentence_label/video_map.txt, sentence_label/split_1.txt
               sentence/frames_512x512/<name>/*.jpg

Columns are separated by ``|``, glosses by blanks. CSL-Daily's ``csl2020ct_v2.pkl`` is never opened:
unpickling runs whatever a file says; the text files beside it tell the same.

**Vocabulary.** Classes are the glosses of the training part, sorted, after the blank (class 0). A
gloss of dev or test that training lacks has no class: it is missing from ``targets``, it stays in
``glosses`` (score against these: it can only be an error), and a sentence in ``unseen`` names it.

O. Koller, J. Forster, H. Ney, *Continuous sign language recognition*, CVIU 2015. N. C. Camgoz et
al., *Neural sign language translation*, CVPR 2018. H. Zhou et al., *Improving sign language
translation with monolingual data by sign back-translation*, CVPR 2021.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidlab.datasets._corpus_lines import read_rows
from vidlab.datasets.base import DataError
from vidlab.datasets.splits import Split, official
from vidlab.datasets.video_folders import few

BLANK = "blank"  #: name of class 0
PARTS = ("train", "dev", "test")
_FRAMES = "features/fullFrame-210x260px"
_CSL_NAME = re.compile(r"S\d+_(P\d+)_T\d+")


@dataclass(frozen=True)
class Sentence:
    """One annotated clip.

    Attributes:
        name: unique within its corpus.
        part: "train", "dev" or "test".
        signer: who signs.
        glosses: the reference, as annotated.
        folder: where its frames lie.
        where: file and line of the annotation.
        translation: the spoken sentence, where the corpus has one.
    """

    name: str
    part: str
    signer: str
    glosses: tuple[str, ...]
    folder: Path
    where: str
    translation: str = ""


@dataclass(frozen=True)
class GlossCorpus:
    """Sentences in the order of their files, training first.

    Attributes:
        name: the corpus.
        root: its folder.
        class_names: the blank, then the glosses of the training part, sorted.
        sentences: one row each.
        unseen: a sentence of text for each gloss (and line) that no class stands for.
        problems: what was wrong and left out.
    """

    name: str
    root: Path
    class_names: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    unseen: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def groups(self) -> tuple[str, ...]:
        """The signer of each sentence."""
        return tuple(sentence.signer for sentence in self.sentences)

    @property
    def targets(self) -> tuple[tuple[int, ...], ...]:
        """The classes of each sentence, without glosses that have none."""
        number = {gloss: k for k, gloss in enumerate(self.class_names) if k}
        return tuple(tuple(number[g] for g in s.glosses if g in number) for s in self.sentences)

    def split(self) -> Split:
        """The official parts. Marked as leaky where a signer is in two of them.

        So it is in all three corpora: they ask whether signs are recognised, not whether a new
        signer is understood.
        """
        parts = {
            part: [k for k, sentence in enumerate(self.sentences) if sentence.part == part]
            for part in PARTS
        }
        return official(parts, self.groups, how=f"official parts of {self.name}")


def phoenix2014(
    root: Path | str, *, wrong: str = "error", class_names: Sequence[str] | None = None
) -> GlossCorpus:
    """RWTH-PHOENIX-Weather 2014, multisigner: 5,672 / 540 / 629 sentences, 1,295 glosses.

    Public code leaves out the training sentence 13April_2011_Wednesday_tagesschau_default-14: it
    has too few frames for its glosses. ``GlossClips`` notices, and needs ``bad="skip"``.

    Args:
        root: the folder that was unpacked, or one above it.
        wrong: what to do with lines that cannot be used: "error", or "skip" to warn and go on.
        class_names: another vocabulary, blank first, e.g. that of a trained model.

    Raises:
        DataError: a file that is missing or has another header; with ``wrong="error"`` any line
            with too few fields, without a gloss, or with a name that is taken; a training sentence
            with a gloss that ``class_names`` lacks. Messages name file and line.
    """
    root = _find(root, ("phoenix2014-release/phoenix-2014-multisigner", "phoenix-2014-multisigner"))
    reader = _Reader(root)
    for part in PARTS:
        path = root / "annotations" / "manual" / f"{part}.corpus.csv"
        for where, row in reader.rows(path, "id|folder|signer|annotation"):
            glosses = tuple(row["annotation"].split())
            folder = root / _FRAMES / part / row["folder"].removesuffix("/*.png")
            reader.add(Sentence(row["id"], part, row["signer"], glosses, folder, where))
    return reader.corpus("PHOENIX-2014", wrong, class_names)


def phoenix2014t(
    root: Path | str, *, wrong: str = "error", class_names: Sequence[str] | None = None
) -> GlossCorpus:
    """RWTH-PHOENIX-Weather 2014-T, with German translations: 7,096 / 519 / 642 sentences.

    Arguments and errors: :func:`phoenix2014`.
    """
    root = _find(root, ("PHOENIX-2014-T-release-v3/PHOENIX-2014-T", "PHOENIX-2014-T"))
    header = "name|video|start|end|speaker|orth|translation"
    reader = _Reader(root)
    for part in PARTS:
        path = root / "annotations" / "manual" / f"PHOENIX-2014-T.{part}.corpus.csv"
        for where, row in reader.rows(path, header):
            name, text = row["name"], row["translation"]
            glosses, folder = tuple(row["orth"].split()), root / _FRAMES / part / row["name"]
            reader.add(Sentence(name, part, row["speaker"], glosses, folder, where, text))
    return reader.corpus("PHOENIX-2014-T", wrong, class_names)


def csl_daily(
    root: Path | str, *, wrong: str = "error", class_names: Sequence[str] | None = None
) -> GlossCorpus:
    """CSL-Daily, with Chinese translations; the signer is the ``P0004`` of ``S000123_P0004_T00``.

    The published split names one sentence that is not annotated, and leaves one out that is: these
    files need ``wrong="skip"``. Arguments and errors: :func:`phoenix2014`.
    """
    root = _find(root, ("CSL-Daily",), inside="sentence_label")
    labels, frames = root / "sentence_label", root / "sentence" / "frames_512x512"
    reader = _Reader(root)
    part_of: dict[str, tuple[str, str]] = {}  # name to part, and where that is said
    for where, row in reader.rows(labels / "split_1.txt", "name|split"):
        name, part = row["name"], row["split"]
        if part not in PARTS:
            reader.problems.append(f"{where}: part {part[:80]!r}; allowed: {', '.join(PARTS)}")
        elif name in part_of:
            reader.problems.append(f"{where}: {name} is listed before ({part_of[name][1]})")
        else:
            part_of[name] = part, where
    annotated = set()
    columns = "index|name|length|gloss|char|word|postag"
    for where, row in reader.rows(labels / "video_map.txt", columns):
        name = row["name"]
        annotated.add(name)
        match = _CSL_NAME.fullmatch(name)
        if match is None:
            reader.problems.append(f"{where}: name {name[:80]!r} is not like S000123_P0004_T00")
        elif name not in part_of:
            reader.problems.append(f"{where}: {name} is in no part of split_1.txt")
        else:
            part, glosses = part_of[name][0], tuple(row["gloss"].split())
            text = row["char"].replace(" ", "")
            reader.add(Sentence(name, part, match[1], glosses, frames / name, where, text))
    for name, (_, where) in part_of.items():
        if name not in annotated:
            reader.problems.append(f"{where}: {name} is not in video_map.txt")
    return reader.corpus("CSL-Daily", wrong, class_names)


class _Reader:
    """Collects sentences, and whatever is wrong, without stopping at the first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sentences: list[Sentence] = []
        self.problems: list[str] = []  # single lines
        self.broken: list[str] = []  # whole files
        self._first: dict[str, str] = {}

    def rows(self, path: Path, header: str) -> list[tuple[str, dict[str, str]]]:
        """(file and line, column to text) of each line that has all of its fields."""
        try:
            rows, problems = read_rows(path, header)
        except DataError as error:
            self.broken.append(str(error))
            return []
        self.problems += problems
        return rows

    def add(self, sentence: Sentence) -> None:
        """Keep a sentence, or say why not."""
        name, where = sentence.name, sentence.where
        if not name or not sentence.signer:
            self.problems.append(f"{where}: the {'signer' if name else 'name'} is empty")
        elif name in self._first:
            self.problems.append(f"{where}: {name} is annotated before ({self._first[name]})")
        elif not sentence.glosses:
            self.problems.append(f"{where}: {name} has an empty annotation; a gloss is needed")
        elif not _stays_below(sentence.folder, self.root):
            shown = str(sentence.folder)[:200]
            self.problems.append(f"{where}: {shown!r} is not a folder of this corpus")
        else:
            self._first[name] = where
            self.sentences.append(sentence)

    def corpus(self, name: str, wrong: str, class_names: Sequence[str] | None) -> GlossCorpus:
        """All of it, or an error that names the first problems and counts the rest."""
        if wrong not in ("error", "skip"):
            raise ValueError(f"wrong is {wrong!r}; allowed: error, skip")
        if self.broken:
            raise DataError(f"{name}: {'; '.join(self.broken)}")
        if self.problems:
            what = f"{name}: {len(self.problems):,} wrong lines: {few(self.problems)}"
            if wrong == "error":
                raise DataError(f'{what}; wrong="skip" goes on without them')
            warnings.warn(f"{what}; left out (all in .problems)", stacklevel=3)
        order = sorted(self.sentences, key=lambda sentence: PARTS.index(sentence.part))
        sizes = Counter(sentence.part for sentence in order)
        if not sizes["train"]:
            raise DataError(f"{name}: {self.root} has no sentence in the part 'train'")
        if class_names is None:
            glosses = {g for s in order if s.part == "train" for g in s.glosses}
            class_names = (BLANK, *sorted(glosses))
        unseen = _unseen(order, class_names)
        training = [text for part, text in unseen if part == "train"]
        if training:
            raise DataError(f"{name}: {len(training):,} unknown glosses: {few(training)}")
        return GlossCorpus(
            name,
            self.root,
            tuple(class_names),
            tuple(order),
            tuple(text for _, text in unseen),
            tuple(self.problems),
        )


def _unseen(sentences: list[Sentence], class_names: Sequence[str]) -> list[tuple[str, str]]:
    known = set(class_names[1:])
    return [
        (s.part, f"{s.where}: gloss {gloss!r} of {s.name} is unknown, no class stands for it")
        for s in sentences
        for gloss in dict.fromkeys(s.glosses)
        if gloss not in known
    ]


def _stays_below(folder: Path, root: Path) -> bool:
    """Names come from files: none may lead out of the corpus."""
    if not folder.is_relative_to(root):
        return False
    below = folder.relative_to(root)
    return ".." not in below.parts and str(below).isprintable()


def _find(root: Path | str, below: tuple[str, ...], inside: str = "annotations") -> Path:
    """The folder that holds ``inside``: the root, or where the published archive puts it."""
    root = Path(root)
    for folder in (root, *(root / name for name in below)):
        if (folder / inside).is_dir():
            return folder
    looked = ", ".join(str(Path(root.name, name)) for name in below)
    raise DataError(f"{root} has no folder {inside!r} (looked in {looked}, too)")
