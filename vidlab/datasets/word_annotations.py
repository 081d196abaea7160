"""Annotations of word images, read with suspicion: MATLAB records, XML, and lists of lines.

Each reader yields what it finds in the order of the file: an :data:`Entry`, or a sentence that
says which line is wrong. Nothing is unpickled, XML with a document type is refused (entities hide
there), and no name may lead out of its folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from xml.parsers import expat

import numpy as np

from vidlab.datasets.base import DataError

#: Image file, text as annotated, box (x, y, width, height) or None, and where it stands.
Entry = tuple[Path, str, tuple[float, ...] | None, str]

#: The folder of each data set within ``data_dir``.
FOLDERS = {"iiit5k": "IIIT5K", "svt": "svt1", "ic03": "ic03", "ic13": "ic13"}

_FILE_LIMIT = 1 << 26  # bytes of an annotation; the largest real one has less than 10 MB


def matlab_records(folder: Path, name: str) -> Iterator[Entry | str]:
    """Records ``name`` with ``ImgName`` and ``GroundTruth`` in the file ``name.mat`` (IIIT5K)."""
    path = folder / f"{name}.mat"
    _readable(path)
    from scipy.io import loadmat  # comes with scikit-learn

    try:
        records = loadmat(path, squeeze_me=True, variable_names=[name])[name]
        images, texts = (np.atleast_1d(records[field]) for field in ("ImgName", "GroundTruth"))
    except NotImplementedError as error:
        raise DataError(f"{path} is a MATLAB 7.3 file; expected version 5") from error
    # On files that are broken or no MATLAB files the reader raises whatever it runs into.
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise DataError(f"{path} is not a MATLAB 5 file with records {name} ({what})") from error
    for number, (image, text) in enumerate(zip(images, texts, strict=True), 1):
        image, text = (str(value) if np.size(value) else "" for value in (image, text))
        yield _entry(folder, image, text, None, f"{path.name}, record {number}")


def listed(folder: Path, name: str) -> Iterator[Entry | str]:
    """Lines ``word_1.png, "Text"`` (IC13); quotes and backslashes in a text are escaped."""
    path = folder / name
    _readable(path)
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        match = re.fullmatch(r'([^,"]+),\s*"(.*)"', line.strip())
        if match:
            word = match[2].replace('\\"', '"').replace("\\\\", "\\")
            yield _entry(folder, match[1], word, None, f"{name}, line {number}")
        elif line.strip():
            yield f'{path}, line {number}: {line[:80]!r} is not <file>, "<text>"'


def cropped(folder: Path, name: str) -> Iterator[Entry | str]:
    """``<image file="word/1/1.jpg" tag="self"/>``."""
    for element, _, line in _elements(folder / name, {"image"}):
        where = f"{name}, line {line}"
        if "file" in element and "tag" in element:
            yield _entry(folder, element["file"], element["tag"], None, where)
        else:
            yield f"{folder / name}, line {line}: an image without file or tag"


def tagged(folder: Path, name: str) -> Iterator[Entry | str]:
    """``<imageName>`` and then ``<taggedRectangle x y width height><tag>TEXT</tag>``."""
    image, box = "", None
    for element, text, line in _elements(folder / name, {"imageName", "taggedRectangle", "tag"}):
        where = f"{name}, line {line}"
        if element["element"] == "imageName":
            image = text
        elif element["element"] == "taggedRectangle":
            try:
                box = tuple(float(element[key]) for key in ("x", "y", "width", "height"))
                if not np.isfinite(box).all() or min(box[2:]) <= 0:
                    raise ValueError
            except (KeyError, ValueError):
                box = None
                yield f"{folder / name}, line {line}: a rectangle without x, y, width and height"
        elif box is not None:
            yield _entry(folder, image, text, box, where)
            box = None


def _entry(root: Path, name: str, text: str, box, where: str) -> Entry | str:
    """Nothing outside of its folder is ever opened."""
    name = name.strip().replace("\\", "/")
    pure = PurePosixPath(name)
    if not name or pure.is_absolute() or ".." in pure.parts or ":" in name or "\0" in name:
        return f"{root}, {where}: the name {name[:80]!r} is empty or leads out of the folder"
    return root / pure, text, box, where


def _elements(path: Path, names: set[str]) -> Iterator[tuple[dict[str, str], str, int]]:
    """Attributes (with the element's name), text and line of some elements, in order of opening.

    ``taggedRectangle`` comes before its ``tag``; a document type is refused before it is read.
    """
    _readable(path)
    found: list[list] = []
    open_ones: list[list] = []
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise DataError(
            f"{path}, line {parser.CurrentLineNumber}: a document type; allowed: plain elements"
        )

    def start(name: str, attributes: dict[str, str]) -> None:
        if name in names:
            item = [{**attributes, "element": name}, "", parser.CurrentLineNumber]
            found.append(item)
            open_ones.append(item)

    def end(name: str) -> None:
        if name in names:
            open_ones.pop()

    def text(data: str) -> None:
        if open_ones:
            open_ones[-1][1] += data

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(path.read_bytes(), True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        line = parser.CurrentLineNumber
        raise DataError(f"{path}, line {line}: not XML ({error})") from error
    for attributes, content, line in found:
        yield attributes, content.strip(), line


def _readable(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path} is missing")
    if path.stat().st_size > _FILE_LIMIT:
        raise DataError(f"{path} has more than {_FILE_LIMIT >> 20} MB: this is not an annotation")
