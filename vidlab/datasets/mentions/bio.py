"""Reading and writing BIO files: one ``token TAG`` a line, a blank line after each window."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vidlab.datasets.base import DataError, read_bytes
from vidlab.datasets.mentions.windows import Window
from vidlab.iob2 import BEGIN, INSIDE, OUTSIDE, TAGS

FILE_NAME = "dataset_mentions.bio.txt"  #: where ``data_dir`` is searched for the corpus

_LIMIT = 1 << 26  # bytes; the corpus has less than 2 MB
_LONGEST = 2000  # tokens of a window, characters of a token
_BREAK = re.compile(r"\w-$")
_GLUED = re.compile(r"^[^\w\s]+\w|\w[^\w\s]+$")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u00a0\ufeff]")


@dataclass(frozen=True)
class Quirk:
    """Something odd that is no error.

    Attributes:
        line: of the file, from 1.
        kind: a short name of what is odd.
        text: the token it is about.
    """

    line: int
    kind: str
    text: str


@dataclass(frozen=True)
class Corpus:
    """Windows in the order of their file, and what is odd about it."""

    windows: tuple[Window, ...]
    quirks: tuple[Quirk, ...] = ()

    def quirk_counts(self) -> dict[str, int]:
        """How many quirks there are of each kind, the most frequent first."""
        return dict(Counter(quirk.kind for quirk in self.quirks).most_common())


def read_bio(path: Path | str) -> Corpus:
    """Read a BIO file (also CoNLL: the token is the first column, the tag the last).

    Quirks that are reported by line: ``line-break hyphen`` (a token ends in a hyphen),
    ``glued punctuation`` (at a tagged token), ``replacement character`` (U+FFFD),
    ``control or odd space``, ``extra columns``, ``extra blank line``, ``no blank line at the end``,
    ``CRLF line ends`` and ``byte order mark`` (both once).

    Raises:
        DataError: no such file, longer than 64 MB, not UTF-8, a line without a tag, an unknown
            tag, an I-DAT after O or at the start, a token or window of more than 2,000; the
            message names the line.
    """
    path = Path(path)
    text, quirks = _text(path)
    lines = text.split("\n")
    ended = lines[-1] == ""
    if ended:
        lines.pop()  # what follows the last line end is no line
    windows: list[Window] = []
    tokens: list[str] = []
    tags: list[int] = []

    def close() -> None:
        windows.append(Window(tuple(tokens), tuple(tags), len(windows)))
        tokens.clear()
        tags.clear()

    for number, line in enumerate(lines, 1):
        if not line.strip(" \t"):
            if tokens:
                close()
            else:
                quirks.append(Quirk(number, "extra blank line", ""))
            continue
        token, tag = _token_and_tag(path, number, line, tags)
        quirks += _token_quirks(number, line, token, tag)
        tokens.append(token)
        tags.append(tag)
        if len(tokens) > _LONGEST:
            raise DataError(
                f"{path}, line {number}: a window of more than {_LONGEST:,} tokens; "
                "a blank line ends a window"
            )
    if tokens:
        close()
        quirks.append(Quirk(len(lines), "no blank line at the end", ""))
    elif not ended:
        quirks.append(Quirk(len(lines), "no blank line at the end", ""))
    if not windows:
        raise DataError(f"{path}: holds no windows; expected lines of a token, a space and a tag")
    return Corpus(tuple(windows), tuple(quirks))


def write_bio(windows: Iterable[Window], path: Path | str) -> None:
    """Write windows; a file without quirks of its layout comes out byte for byte as it was read.

    Raises:
        ValueError: an empty window, or a token that is empty or holds white space (it would be
            read differently).
    """
    blocks = []
    for window in windows:
        if not window.tokens:
            raise ValueError(f"window {window.index} is empty; it cannot be written")
        for token in window.tokens:
            if not token or set(token) & set(" \t\n\r"):
                raise ValueError(
                    f"window {window.index}: the token {token!r} cannot be written; "
                    "allowed: one or more characters without white space"
                )
        lines = (f"{t} {TAGS[y]}\n" for t, y in zip(window.tokens, window.tags, strict=True))
        blocks.append("".join(lines) + "\n")
    Path(path).write_bytes("".join(blocks).encode())


def _text(path: Path) -> tuple[str, list[Quirk]]:
    """The file's text with LF line ends, and the quirks that concern all of it."""
    data = read_bytes(path, _LIMIT, "no such corpus is so long")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, line {line}: is not UTF-8 text ({error.reason})") from error
    quirks = []
    if text.startswith("\ufeff"):
        text = text[1:]
        quirks.append(Quirk(1, "byte order mark", ""))
    if "\r\n" in text:
        quirks.append(Quirk(text.count("\n", 0, text.index("\r\n")) + 1, "CRLF line ends", ""))
        text = text.replace("\r\n", "\n")
    return text, quirks


def _token_and_tag(path: Path, number: int, line: str, before: list[int]) -> tuple[str, int]:
    """First and last column of a line, checked."""
    columns = line.split(" ")
    # Rare: not worth a regular expression for every line.
    if len(columns) != 2 or not columns[0] or "\t" in line:
        columns = [column for column in re.split(r"[ \t]+", line) if column]
    where = f"{path}, line {number}"
    if len(columns) < 2:
        raise DataError(f"{where}: got {line[:80]!r}; expected a token, a space and a tag")
    token, tag = columns[0], columns[-1]
    if tag not in TAGS:
        raise DataError(f"{where}: the tag is {tag[:80]!r}; allowed: {', '.join(TAGS)}")
    if tag == TAGS[INSIDE] and (not before or before[-1] == OUTSIDE):
        after = "O" if before else "the start of a window"
        raise DataError(f"{where}: I-DAT after {after}; a span begins with B-DAT")
    if len(token) > _LONGEST:
        raise DataError(f"{where}: a token of {len(token):,} characters; allowed: {_LONGEST:,}")
    return token, TAGS.index(tag)


def _token_quirks(number: int, line: str, token: str, tag: int) -> list[Quirk]:
    plain = line == f"{token} {TAGS[tag]}"
    if plain and token.isalnum():
        return []
    kinds = []
    if "\ufffd" in token:
        kinds.append("replacement character")
    if _CONTROL.search(token):
        kinds.append("control or odd space")
    if _BREAK.search(token):
        kinds.append("line-break hyphen")
    elif tag in (BEGIN, INSIDE) and _GLUED.search(token):
        kinds.append("glued punctuation")
    if not plain:
        kinds.append("extra columns")
    return [Quirk(number, kind, token) for kind in kinds]
