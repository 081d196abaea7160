"""UCF101 and HMDB51: rows, groups, official splits, and lists that are wrong in every way."""

import pytest

from vidlab.datasets.base import DataError
from vidlab.datasets.ucf_hmdb import (
    hmdb51,
    hmdb51_four_to_one,
    hmdb51_split,
    ucf101,
    ucf101_split,
)


@pytest.fixture
def ucf(tiny, tmp_path):
    return tiny.make_ucf101(tmp_path / "ucf101")


@pytest.fixture
def hmdb(tiny, tmp_path):
    return tiny.make_hmdb51(tmp_path / "hmdb51")


def edit(path, change):
    path.write_text(change(path.read_text()))


def test_ucf101_rows_and_groups(ucf, tiny):
    table = ucf101(ucf)
    assert table.class_names == tuple(tiny.ucf_classes)
    assert len(table) == 22
    assert table.problems == ()
    row = [p.name for p in table.paths].index("v_HandStandPushups_g03_c02.avi")
    assert (table.labels[row], table.groups[row]) == (2, "HandstandPushups/g03")
    assert len(set(table.groups)) == 11


@pytest.mark.parametrize("number", [1, 2, 3])
def test_ucf101_official_splits(ucf, number):
    table = ucf101(ucf)
    made = ucf101_split(ucf, table, number)
    tests = {table.paths[row].name for row in made["test"]}
    assert tests == {p.name for p in table.paths if f"_g0{number}_" in p.name}
    assert len(made["train"]) == 16
    assert (made.leaky, made.shared_groups) == (False, 0)
    assert made.how == f"official split {number} of UCF101"


def test_without_a_class_list_the_folders_tell(ucf, tiny):
    (ucf / "ucfTrainTestlist" / "classInd.txt").unlink()
    assert ucf101(ucf).class_names == tuple(sorted(tiny.ucf_classes))


def test_an_official_split_that_shares_a_group_says_so(ucf):
    lists = ucf / "ucfTrainTestlist"
    line = "Archery/v_Archery_g02_c01.avi"
    edit(lists / "trainlist01.txt", lambda text: text.replace(f"{line} 2\n", ""))
    edit(lists / "testlist01.txt", lambda text: text + line + "\n")
    made = ucf101_split(ucf, ucf101(ucf), 1)
    assert (made.leaky, made.shared_groups) == (True, 1)


def test_missing_videos_are_counted_and_named_with_file_and_line(ucf):
    gone = sorted((ucf / "UCF-101" / "Archery").glob("*_g0[12]_*"))
    for path in gone:
        path.unlink()
    table = ucf101(ucf)
    with pytest.raises(DataError) as caught:
        ucf101_split(ucf, table, 1)
    message = str(caught.value)
    assert "official split 1 of UCF101: 4 of 22 listed videos are missing" in message
    assert "trainlist01.txt, line 7: Archery/v_Archery_g02_c01.avi is missing" in message
    assert "and 1 more" in message
    with pytest.warns(UserWarning, match="4 of 22 listed videos are missing.*; left out"):
        made = ucf101_split(ucf, table, 1, missing="skip")
    assert made.sizes == {"train": 14, "test": 4}
    assert all(table.paths[row].is_file() for part in made.parts.values() for row in part)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("Baking/v_Baking_g01_c01.avi 4", "trainlist01.txt, line 17: unknown class 'Baking'"),
        ("v_Archery_g01_c01.avi 2", "line 17: 'v_Archery_g01_c01.avi 2' is not <Class>/<file>"),
        ("Archery/v_Archery_g03_c01.avi x", "line 17: 'Archery/v_Archery_g03_c01.avi x' is not"),
        ("Archery/v_Archery_g03_c01.avi 1", "line 17: Archery has number 2, not 1"),
        (
            "Archery/v_Archery_g03_c01.avi 2",
            r"line 17: Archery/v_Archery_g03_c01.avi is listed before \(trainlist01.txt, line 9\)",
        ),
        (
            "Archery/v_Archery_g01_c01.avi 2",
            r"testlist01.txt, line 3: Archery/v_Archery_g01_c01.avi is listed before \(trainlist01",
        ),
        ("\x00\xff", "line 17: .* is not <Class>/<file>"),
    ],
)
def test_wrong_lines_are_named(ucf, line, sentence):
    edit(ucf / "ucfTrainTestlist" / "trainlist01.txt", lambda text: text + line + "\n")
    with pytest.raises(DataError, match=f"1 wrong lines or files: .*{sentence}"):
        ucf101_split(ucf, ucf101(ucf), 1, missing="skip")


def test_a_missing_list_is_named(ucf):
    (ucf / "ucfTrainTestlist" / "testlist02.txt").unlink()
    with pytest.raises(DataError, match="testlist02.txt: cannot be read"):
        ucf101_split(ucf, ucf101(ucf), 2)
    with pytest.raises(ValueError, match="number is 4; allowed: 1, 2, 3"):
        ucf101_split(ucf, ucf101(ucf), 4)
    with pytest.raises(ValueError, match="missing is 'no'; allowed: error, skip"):
        ucf101_split(ucf, ucf101(ucf), 1, missing="no")


def test_odd_folders_are_problems_and_not_rows(ucf):
    videos = ucf / "UCF-101"
    for path in (videos / "Archery").iterdir():
        path.unlink()
    (videos / "Zorbing").mkdir()
    (videos / "Zorbing" / "v_Zorbing_g01_c01.avi").write_text("x")
    (videos / "readme.txt").write_text("x")
    (videos / ".DS_Store").write_text("x")
    (videos / "ApplyLipstick" / "holiday.avi").write_text("x")
    table = ucf101(ucf)
    assert table.class_names == ("ApplyLipstick", "HandstandPushups")
    assert len(table) == 14
    found = "\n".join(table.problems)
    for sentence in (
        "Archery holds no videos: the class is left out",
        "Archery is missing or empty (a class of classInd.txt)",
        "Zorbing is not a class of classInd.txt: left out",
        "readme.txt is not a class folder: ignored",
        "holiday.avi is not named v_<Class>_gXX_cYY.avi: left out",
    ):
        assert sentence in found
    assert len(table.problems) == 5
    # A class that has no videos is known to the lists all the same.
    with pytest.raises(DataError, match="8 of 22 listed videos are missing"):
        ucf101_split(ucf, table, 1)


def test_a_wrong_class_list(ucf):
    (ucf / "ucfTrainTestlist" / "classInd.txt").write_text("1 Archery\n3 Baking\n")
    with pytest.raises(DataError, match="classInd.txt, line 2: got '3 Baking'; expected 2 Name"):
        ucf101(ucf)


def test_hmdb51_groups_are_films(hmdb, tiny):
    table = hmdb51(hmdb)
    assert table.class_names == tuple(tiny.hmdb_classes)
    assert len(table) == 10
    assert table.problems == ()
    assert set(table.groups) == {"April_09", "Film_A", "Film_B", "Film_(C)_2"}
    films = [g for g, p in zip(table.groups, table.paths, strict=True) if "Film_A" in p.name]
    assert films == ["Film_A"] * 4  # of both classes


def test_hmdb51_official_splits_have_unused_clips_and_may_share_films(hmdb):
    table = hmdb51(hmdb)
    made = hmdb51_split(hmdb, table, 1)
    # Clip 1 of each training film has code 0 in split 1; Film_A tests brush_hair, trains sword.
    assert made.sizes == {"train": 3, "test": 4}
    assert (made.leaky, made.shared_groups) == (True, 1)
    assert hmdb51_split(hmdb, table, 2).sizes == {"train": 6, "test": 4}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("x.avi 3", "sword_test_split1.txt, line 7: 'x.avi 3' is not <file> 0, 1 or 2"),
        ("x.avi", "line 7: 'x.avi' is not"),
        ("Film_B_sword_u_nm_np1_ba_goo_0.avi 1", "goo_0.avi is listed before .*line 3"),
    ],
)
def test_wrong_lines_of_hmdb51(hmdb, line, sentence):
    path = hmdb / "testTrainMulti_7030_splits" / "sword_test_split1.txt"
    edit(path, lambda text: text + line + "\n")
    with pytest.raises(DataError, match=sentence):
        hmdb51_split(hmdb, hmdb51(hmdb), 1)


def test_lists_of_unknown_and_missing_classes(hmdb):
    lists = hmdb / "testTrainMulti_7030_splits"
    (lists / "sword_test_split1.txt").rename(lists / "swim_test_split1.txt")
    with pytest.raises(DataError) as caught:
        hmdb51_split(hmdb, hmdb51(hmdb), 1)
    assert "swim_test_split1.txt: unknown class 'swim'" in str(caught.value)
    assert "sword_test_split1.txt: cannot be read" in str(caught.value)


def test_the_papers_four_to_one_is_leaky_and_ours_is_not(hmdb):
    table = hmdb51(hmdb)
    fair = hmdb51_four_to_one(table, seed=0)
    assert (fair.how, fair.leaky, fair.shared_groups) == ("4:1 by films", False, 0)
    papers = hmdb51_four_to_one(table, seed=0, leaky=True)
    assert papers.sizes == {"train": 8, "test": 2}
    assert (papers.how, papers.leaky) == ("random 4:1", True)
    assert papers.shared_groups >= 1


def test_names_without_attributes_are_groups_of_their_own(hmdb):
    (hmdb / "hmdb51_org" / "sword" / "holiday.avi").write_text("x")
    table = hmdb51(hmdb)
    assert "sword/holiday.avi" in table.groups
    assert "holiday.avi has no attributes in its name" in table.problems[0]


def test_nothing_there(tmp_path):
    with pytest.raises(DataError, match="UCF-101 is not a folder"):
        ucf101(tmp_path)
    (tmp_path / "hmdb51_org" / "wave").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no videos of HMDB51; expected hmdb51_org/<class>"):
        hmdb51(tmp_path)


def test_a_list_may_begin_with_a_byte_order_mark(ucf):
    path = ucf / "ucfTrainTestlist" / "trainlist01.txt"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert ucf101_split(ucf, ucf101(ucf), 1).sizes == {"train": 16, "test": 6}
