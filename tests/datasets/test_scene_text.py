"""IIIT5K, SVT, IC03, IC13 in small, in the real layouts, and broken in every way."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from vidlab.datasets import check
from vidlab.datasets.base import DataError
from vidlab.datasets.scene_text import SceneText, found_sets, ic03, ic13, iiit5k, read_crop, svt
from vidlab.datasets.sequences import collate
from vidlab.datasets.word_images import decode


def picture(path, width=40, height=20, boxes=()):
    """A black picture, each box (x, y, w, h, grey) filled."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for x, y, w, h, grey in boxes:
        pixels[y : y + h, x : x + w] = grey
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def records(path, name, rows):
    """A struct array as in the original: ImgName, GroundTruth, two lexica."""
    kind = [(f, object) for f in ("ImgName", "GroundTruth", "smallLexi", "mediumLexi")]
    table = np.empty((1, len(rows)), dtype=kind)
    for k, (image, text) in enumerate(rows):
        lexicon = np.array([text, "OTHER"], dtype=object)
        table[0, k] = (image, text, lexicon, lexicon)
    savemat(path, {name: table})


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    for k, grey in ((1, 90), (2, 200)):
        picture(root / f"IIIT5K/test/10_{k}.png", boxes=[(0, 0, 40, 20, grey)])
    names = [("test/10_1.png", "OK"), ("test/10_2.png", "Private"), ("test/10_2.png", "it's")]
    records(root / "IIIT5K/testdata.mat", "testdata", names)

    boxes = [(10, 5, 20, 10, 255), (40, 30, 30, 12, 120)]
    picture(root / "svt1/img/14_03.jpg", 100, 60, boxes)
    (root / "svt1/test.xml").write_text(SVT)

    for k in (1, 2, 3):
        picture(root / f"ic03/test/word/1/{k}.jpg")
    (root / "ic03/test/word.xml").write_text(IC03, encoding="iso-8859-1")

    for k in range(1, 5):
        picture(root / f"ic13/test/word_{k}.png")
    (root / "ic13/test/gt.txt").write_bytes(IC13.encode("utf-8-sig"))
    return root


SVT = """<?xml version="1.0" encoding="utf-8"?>
<tagset>
  <image>
    <imageName>img/14_03.jpg</imageName>
    <address>341 Southwest 10th Avenue Portland OR</address>
    <lex>LIVING,ROOM,THEATERS</lex>
    <Resolution x="100" y="60"/>
    <taggedRectangles>
      <taggedRectangle height="10" width="20" x="10" y="5"><tag>LIVING</tag></taggedRectangle>
      <taggedRectangle height="12" width="30" x="40" y="30"><tag>ROOM</tag></taggedRectangle>
    </taggedRectangles>
  </image>
</tagset>
"""
IC03 = """<?xml version="1.0" encoding="ISO-8859-1"?>
<imagelist>
  <image file="word/1/1.jpg" tag="self" />
  <image file="word/1/2.jpg" tag="a" />
  <image file="word/1/3.jpg" tag="caf\u00e9" />
</imagelist>
"""
IC13 = """word_1.png, "Tiredness"\r
word_2.png, "kills"\r
word_3.png, "A"\r
word_4.png, "\\"Quote\\""\r
"""
WORDS_XML = """<?xml version="1.0"?>
<tagset><image><imageName>scenes/a.JPG</imageName><resolution x="100" y="60"/><taggedRectangles>
<taggedRectangle x="10.0" y="5.0" width="20.0" height="10.0" offset="0.0" rotation="0.0"
 userName="admin"><tag>Bus</tag><segmentation><xOff>3.0</xOff></segmentation></taggedRectangle>
</taggedRectangles></image></tagset>
"""


def texts(table):
    return [word.text for word in table.words]


def test_iiit5k(data):
    table = iiit5k(data / "IIIT5K")
    assert texts(table) == ["ok", "private"]  # two characters count here
    assert (table.left_out, table.problems) == (1, ())
    assert table.words[1].path == data / "IIIT5K/test/10_2.png"
    assert table.words[1].where == "testdata.mat, record 2"
    assert read_crop(table.words[0]).mean() == pytest.approx(90, abs=1)


def test_svt_crops_its_rectangles(data):
    table = svt(data / "svt1")
    assert texts(table) == ["living", "room"]
    assert table.words[0].box == (10, 5, 30, 15)
    assert table.words[1].where == "test.xml, line 10"
    first, second = (read_crop(word) for word in table.words)
    assert first.shape == (32, 100)
    # One pixel beside the box is black: a box shifted by that would show it.
    assert first[4:-4, 8:-8].min() > 240
    assert abs(second[4:-4, 8:-8].astype(float).mean() - 120) < 6
    assert first[:, 0].mean() > 200
    assert first[0].mean() > 200


def test_ic03_cropped_words(data):
    table = ic03(data / "ic03")
    assert texts(table) == ["self"]
    assert table.left_out == 2  # "a" is too short, "café" has another character


def test_ic03_rectangles_in_scenes(data):
    (data / "ic03/test/word.xml").unlink()
    (data / "ic03/test/words.xml").write_text(WORDS_XML)
    picture(data / "ic03/test/scenes/a.JPG", 100, 60, [(10, 5, 20, 10, 255)])
    table = ic03(data / "ic03")
    assert texts(table) == ["bus"]
    assert table.words[0].box == (10, 5, 30, 15)
    assert read_crop(table.words[0])[4:-4, 8:-8].min() > 240


def test_ic13(data):
    table = ic13(data / "ic13")
    assert texts(table) == ["tiredness", "kills"]
    assert table.left_out == 2  # "A" is too short, the quotes are no letters
    assert table.words[1].where == "gt.txt, line 2"


def test_items_are_sequences(data):
    words = SceneText(svt(data / "svt1"))
    sample = words[1]
    assert sample.frames.shape == (26, 1, 32, 4)
    assert sample.frames.dtype == torch.float32
    assert decode(sample.targets.tolist()) == "room"
    assert not sample.truth.any()
    assert collate([words[0], words[1]]).frames.shape == (2, 26, 1, 32, 4)


def test_found_sets_reads_what_is_there(data):
    tables = found_sets(data)
    assert {name: len(table.words) for name, table in tables.items()} == {
        "iiit5k": 2, "svt": 2, "ic03": 1, "ic13": 2,
    }  # fmt: skip
    assert found_sets(None) == {}
    assert found_sets(data / "svt1") == {}


def test_check_opens_every_word(data):
    rows = {found.name: found for found in check(data)}
    assert [rows[name].ok for name in ("iiit5k", "svt", "ic03", "ic13")] == [True] * 4
    assert rows["ic03"].detail == "1 test words, 2 left out"
    (data / "ic13/test/word_2.png").write_bytes(b"not a picture")
    (data / "svt1/img/14_03.jpg").unlink()
    seen = []
    rows = {
        found.name: found
        for found in check(data, progress=lambda name, done, total: seen.append((name, done)))
    }
    assert not rows["ic13"].ok
    assert "gt.txt, line 2" in rows["ic13"].problems[0]
    assert rows["svt"].problem_count == 2
    assert "there is no such file" in rows["svt"].problems[0]
    assert ("svt", 2) in seen


def test_check_without_data():
    rows = {found.name: found for found in check(None)}
    for name in ("iiit5k", "svt", "ic03", "ic13"):
        assert not rows[name].ok
        assert rows[name].remedy.startswith("optional")


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><tagset>&b;</tagset>'


@pytest.mark.parametrize(
    "text", [ENTITIES, '<!DOCTYPE x SYSTEM "http://example.org/x.dtd"><tagset/>']
)
def test_a_document_type_is_refused(data, text):
    (data / "svt1/test.xml").write_text('<?xml version="1.0"?>\n' + text)
    with pytest.raises(DataError, match="test.xml, line 2: a document type"):
        svt(data / "svt1")


@pytest.mark.parametrize(
    "name", ["../../secret.png", "/etc/hostname", "C:\\x.png", "..\\x.png", ""]
)
def test_names_do_not_lead_out(data, name):
    records(data / "IIIT5K/testdata.mat", "testdata", [("test/10_1.png", "OK"), (name, "BAD")])
    (data / "svt1/test.xml").write_text(SVT.replace("img/14_03.jpg", name))
    tables = iiit5k(data / "IIIT5K"), svt(data / "svt1")
    assert [texts(table) for table in tables] == [["ok"], []]
    assert "record 2: the name" in tables[0].problems[0]
    assert "test.xml, line 9: the name" in tables[1].problems[0]
    with pytest.raises(DataError, match="IIIT5K test: 1 problems"):
        found_sets(data)


def break_line(data):
    path = data / "ic13/test/gt.txt"
    path.write_bytes(path.read_bytes() + b"word_5.png Tiredness\n")
    return ic13(data / "ic13").problems[0]


def break_attribute(data):
    path = data / "ic03/test/word.xml"
    path.write_text(path.read_text(encoding="iso-8859-1").replace('tag="a"', ""), "iso-8859-1")
    return ic03(data / "ic03").problems[0]


def break_rectangle(data):
    (data / "svt1/test.xml").write_text(SVT.replace('width="20"', 'width="-20"'))
    return svt(data / "svt1").problems[0]


def break_length(data):
    (data / "svt1/test.xml").write_text(SVT.replace("LIVING", "oo" * 10))
    return svt(data / "svt1").problems[0]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (break_line, "gt.txt, line 5: 'word_5.png Tiredness' is not <file>"),
        (break_attribute, "word.xml, line 4: an image without file or tag"),
        (break_rectangle, "test.xml, line 9: a rectangle without"),
        (break_length, "line 9: 'oooooooooooooooooooo' needs 39 steps; there are 26"),
    ],
)
def test_a_bad_entry_is_named_and_the_others_stay(data, damage, sentence):
    assert sentence in damage(data)


@pytest.mark.parametrize(
    ("path", "content", "read", "sentence"),
    [
        ("svt1/test.xml", b"<tagset><image></tagset>", svt, "test.xml, line 1: not XML"),
        ("svt1/test.xml", b'<?xml version="1.0" encoding="x-y"?><a/>', svt, "not XML"),
        ("svt1/test.xml", None, svt, "test.xml is missing"),
        ("IIIT5K/testdata.mat", b"MATLAB 5.0 MAT-file" + bytes(200), iiit5k, "not a MATLAB 5 file"),
        ("IIIT5K/testdata.mat", b"", iiit5k, "not a MATLAB 5 file"),
        ("IIIT5K/testdata.mat", None, iiit5k, "testdata.mat is missing"),
        ("ic13/test/gt.txt", None, ic13, "gt.txt is missing"),
    ],
)
def test_a_broken_annotation_is_one_sentence(data, path, content, read, sentence):
    if content is None:
        (data / path).unlink()
    else:
        (data / path).write_bytes(content)
    with pytest.raises(DataError, match=re.escape(sentence)):
        read(data / path.split("/")[0])


def test_a_matlab_file_with_other_records(data):
    savemat(data / "IIIT5K/testdata.mat", {"traindata": np.zeros(3)})
    with pytest.raises(DataError, match="not a MATLAB 5 file with records testdata"):
        iiit5k(data / "IIIT5K")


def test_a_box_outside_of_its_image(data):
    (data / "svt1/test.xml").write_text(SVT.replace('x="40" y="30"', 'x="400" y="30"'))
    outside = svt(data / "svt1").words[1]
    with pytest.raises(DataError, match="line 10: the box .* is outside of 14_03.jpg"):
        read_crop(outside)
    (data / "svt1/test.xml").write_text(SVT.replace('x="40" y="30"', 'x="90" y="30"'))
    assert read_crop(svt(data / "svt1").words[1]).shape == (32, 100)  # half outside: cut there


def test_parts(data):
    with pytest.raises(ValueError, match="part is 'dev'; allowed: train, test"):
        svt(data / "svt1", "dev")
    with pytest.raises(DataError, match="traindata.mat is missing"):
        iiit5k(data / "IIIT5K", "train")
    with pytest.raises(DataError, match="holds no word"):
        SceneText(ic03(write_empty(data)))


def write_empty(data):
    (data / "ic03/test/word.xml").write_text("<imagelist></imagelist>")
    return data / "ic03"
