"""Shipped digits and the user's own MNIST, whole and broken."""

import gzip
import hashlib
import zipfile

import numpy as np
import pytest

from vidlab import datasets
from vidlab.datasets import DataError, base, digits
from vidlab.datasets.digits import load_digits

NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (30, 28, 28), dtype=np.uint8),
        "y_train": rng.integers(0, 10, 30, dtype=np.uint8),
        "x_test": rng.integers(0, 256, (10, 28, 28), dtype=np.uint8),
        "y_test": rng.integers(0, 10, 10, dtype=np.uint8),
    }


def idx_bytes(array):
    head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return head + array.tobytes()


def write_idx(folder, arrays, zipped=False):
    folder.mkdir(parents=True, exist_ok=True)
    for key, name in NAMES.items():
        data = idx_bytes(arrays[key])
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)


def test_shipped_digits_are_split_without_overlap_and_hold_every_class():
    sets = load_digits()
    assert (len(sets.train.labels), len(sets.test.labels)) == (8_000, 2_000)
    for part, low in ((sets.train, 650), (sets.test, 150)):
        assert np.bincount(part.labels, minlength=10).min() > low
    train = {image.tobytes() for image in sets.train.images}
    assert not train & {image.tobytes() for image in sets.test.images}
    assert sets.sha256 == digits.SHIPPED_SHA256


def test_shipped_digits_look_like_their_labels():
    """Class means of the training digits classify the test digits far above chance (0.1)."""
    sets = load_digits()
    flat = sets.train.images.reshape(-1, 784).astype(float)
    means = np.stack([flat[sets.train.labels == k].mean(0) for k in range(10)])
    test = sets.test.images.reshape(-1, 784).astype(float)
    nearest = ((test[:, None] - means) ** 2).sum(2).argmin(1)
    assert (nearest == sets.test.labels).mean() > 0.7


@pytest.mark.parametrize("layout", ["npz", "idx", "gz", "torchvision"])
def test_layouts_of_the_full_set(tmp_path, arrays, layout):
    if layout == "npz":
        np.savez(tmp_path / "mnist.npz", **arrays)
    else:
        place = tmp_path / "MNIST" / "raw" if layout == "torchvision" else tmp_path
        write_idx(place, arrays, zipped=layout == "gz")
    sets = load_digits(tmp_path)
    np.testing.assert_array_equal(sets.train.images, arrays["x_train"])
    np.testing.assert_array_equal(sets.test.labels, arrays["y_test"])
    assert sets.name == "MNIST"


def test_checksum_does_not_depend_on_the_layout(tmp_path, arrays):
    write_idx(tmp_path / "a", arrays)
    write_idx(tmp_path / "b", arrays, zipped=True)
    (tmp_path / "c").mkdir()
    np.savez(tmp_path / "c" / "mnist.npz", **arrays)
    sums = {load_digits(tmp_path / name).sha256 for name in "abc"}
    assert len(sums) == 1


def test_a_damaged_shipped_file_is_refused(tmp_path, monkeypatch):
    good = (digits.shipped_data() / "digits.npz").read_bytes()
    monkeypatch.setattr(base, "shipped_data", lambda: tmp_path)
    with pytest.raises(DataError, match="is missing"):
        load_digits()
    (tmp_path / "digits.npz").write_bytes(good[:1000] + bytes([good[1000] ^ 1]) + good[1001:])
    with pytest.raises(DataError, match=r"is damaged: its SHA-256 is .* expected 94e2480bb2d3"):
        load_digits()
    rows = datasets.check()
    assert not rows[0].ok
    assert rows[0].shipped
    assert "install vidlab again" in rows[0].remedy


def corrupt(folder, arrays, how):
    """One way to break a folder; returns what the error must say."""
    write_idx(folder, arrays)
    images, labels = folder / NAMES["x_train"], folder / NAMES["y_train"]
    if how == "missing":
        labels.unlink()
        return "lacks train-labels-idx1-ubyte"
    if how == "cut":
        images.write_bytes(images.read_bytes()[:-5])
        return "promises 23,520 bytes of data; it has 23,515 bytes"
    if how == "long":
        images.write_bytes(images.read_bytes() + b"x")
        return "it has more bytes than that"
    if how == "magic":
        images.write_bytes(b"\x00\x00\x09\x03" + images.read_bytes()[4:])
        return "is not an IDX file of 3-dimensional unsigned bytes"
    if how == "huge":
        images.write_bytes(bytes((0, 0, 8, 3)) + b"\xff" * 12)
        return "promises .* bytes; MNIST has at most"
    if how == "label":
        labels.write_bytes(idx_bytes(np.full(30, 10, np.uint8)))
        return "labels must be integers in 0 .. 9"
    if how == "count":
        labels.write_bytes(idx_bytes(np.zeros(29, np.uint8)))
        return r"30 images but labels of shape \(29,\)"
    if how == "size":
        images.write_bytes(idx_bytes(np.zeros((30, 27, 28), np.uint8)))
        return "expected uint8 28x28"
    if how == "gz":
        images.unlink()
        images.with_name(images.name + ".gz").write_bytes(b"\x1f\x8bnonsense")
        return "cannot be read"
    raise AssertionError(how)


@pytest.mark.parametrize(
    "how", ["missing", "cut", "long", "magic", "huge", "label", "count", "size", "gz"]
)
def test_broken_idx_files(tmp_path, arrays, how):
    sentence = corrupt(tmp_path, arrays, how)
    with pytest.raises(DataError, match=sentence):
        load_digits(tmp_path)
    row = datasets.check(tmp_path)[-1]
    assert not row.ok
    assert row.remedy


@pytest.mark.parametrize("kind", ["text", "npy", "pickle", "lacking", "cut"])
def test_broken_npz_never_unpickles(tmp_path, arrays, kind):
    path = tmp_path / "mnist.npz"
    if kind == "text":
        path.write_text("not a zip")
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, arrays["x_train"])
    elif kind == "pickle":
        np.savez(path, **(arrays | {"x_train": np.array([{"a": 1}], dtype=object)}))
    elif kind == "lacking":
        np.savez(path, x_train=arrays["x_train"])
    else:
        np.savez_compressed(path, **arrays)
        path.write_bytes(path.read_bytes()[:2000])
    sentence = "lacks the arrays y_train" if kind == "lacking" else "is not a readable npz file"
    with pytest.raises(DataError, match=sentence):
        load_digits(tmp_path)


def refused_unread(folder, monkeypatch):
    """The npz is refused, and none of its arrays is unpacked."""
    monkeypatch.setattr(np.lib.npyio.NpzFile, "__getitem__", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(DataError, match=r"x_train promises [\d,]+ bytes; MNIST has at most"):
        load_digits(folder)


def test_a_small_npz_that_unpacks_to_much_is_refused(tmp_path, arrays, monkeypatch):
    many = np.zeros((100_000, 28, 28), np.uint8)
    np.savez_compressed(tmp_path / "mnist.npz", **(arrays | {"x_train": many}))
    assert (tmp_path / "mnist.npz").stat().st_size < 1 << 20
    refused_unread(tmp_path, monkeypatch)


def test_an_npz_whose_head_promises_much_is_refused(tmp_path, arrays, monkeypatch):
    """NumPy makes room for what the head says before it reads the data."""
    np.savez(tmp_path / "good.npz", **arrays)
    with (
        zipfile.ZipFile(tmp_path / "good.npz") as good,
        zipfile.ZipFile(tmp_path / "mnist.npz", "w") as bad,
    ):
        for name in good.namelist():
            data = good.read(name)
            if name == "x_train.npy":
                data = data.replace(b"(30, 28, 28), }" + b" " * 10, b"(3000000000, 28, 28), }  ")
            bad.writestr(name, data)
    refused_unread(tmp_path, monkeypatch)


def test_idx_files_that_unpack_to_much_are_refused(tmp_path, arrays):
    write_idx(tmp_path, arrays, zipped=True)
    head = bytes((0, 0, 8, 3)) + np.array((100_000, 28, 28), ">u4").tobytes()
    path = tmp_path / f"{NAMES['x_train']}.gz"
    path.write_bytes(gzip.compress(head + bytes(1000)))
    with pytest.raises(DataError, match="promises 78,400,000 bytes; MNIST has at most 47 million"):
        load_digits(tmp_path)


def test_a_folder_that_is_none_or_empty(tmp_path):
    with pytest.raises(DataError, match="is not a folder"):
        load_digits(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds neither mnist.npz nor the IDX files"):
        load_digits(tmp_path)


def test_check_says_what_is_there(tmp_path, arrays):
    shipped, full = datasets.check()[:2]
    assert shipped.ok
    assert shipped.shipped
    assert "10,000 digits" in shipped.detail
    assert not full.ok
    assert not full.shipped
    write_idx(tmp_path, arrays)
    full = datasets.check(str(tmp_path))[1]
    assert full.ok
    assert full.detail == "30 training and 10 test digits"


def test_the_split_is_fixed_for_ever():
    """Models trained before must never have seen today's test digits."""
    labels = load_digits().test.labels
    assert hashlib.sha256(labels.tobytes()).hexdigest()[:16] == "3fdd38c5caa4a3e2"


def test_first_classes():
    test = load_digits().test
    few = test.first_classes(3)
    assert sorted(set(few.labels.tolist())) == [0, 1, 2]
    np.testing.assert_array_equal(few.images, test.images[test.labels < 3])
    with pytest.raises(ValueError, match="count is 0; allowed: 1 .. 10"):
        test.first_classes(0)


def test_a_truncated_gz_file(tmp_path, arrays):
    write_idx(tmp_path, arrays, zipped=True)
    path = tmp_path / f"{NAMES['x_train']}.gz"
    whole = path.read_bytes()
    flipped = whole[:200] + bytes([whole[200] ^ 255]) + whole[201:]
    for broken in (whole[: len(whole) // 2], flipped):
        path.write_bytes(broken)
        with pytest.raises(DataError, match="cannot be read|bytes of data"):
            load_digits(tmp_path)
