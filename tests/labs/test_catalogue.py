import json

import pytest

from vidlab.labs.catalogue import CatalogueError, find_lab, notebooks_folder, scan


def test_labs_are_sorted_by_part_and_id(lab_folder, write_lab):
    write_lab(lab_folder, [], id="b", part="20-second")
    write_lab(lab_folder, [], id="z", part="10-first")
    write_lab(lab_folder, [], id="a", part="20-second")
    entries, problems = scan()
    assert [(e.part, e.id) for e in entries] == [
        ("10-first", "z"),
        ("20-second", "a"),
        ("20-second", "b"),
    ]
    assert problems == []
    assert entries[0].quick_s == 60
    assert entries[0].paper == "Someone, A Paper, 2022"


def test_lookup_by_id_part_and_path(lab_folder, write_lab, tmp_path):
    path = write_lab(lab_folder, [])
    assert find_lab("tiny").path == path
    assert find_lab("10-test/tiny").path == path
    copy = tmp_path / "my copy.ipynb"
    copy.write_bytes(path.read_bytes())
    assert find_lab(str(copy)).path == copy
    assert find_lab(copy).id == "tiny"


def test_unknown_lab_names_the_others(lab_folder, write_lab):
    write_lab(lab_folder, [], id="radialctc")
    write_lab(lab_folder, [], id="smkd")
    with pytest.raises(CatalogueError) as caught:
        find_lab("radial-ctc")
    assert str(caught.value) == (
        "unknown lab radial-ctc; did you mean radialctc? There are: radialctc, smkd."
    )
    with pytest.raises(CatalogueError, match=r"unknown lab xyz\. There are: radialctc, smkd\."):
        find_lab("xyz")
    with pytest.raises(CatalogueError, match=r"unknown lab other/smkd"):
        find_lab("other/smkd")
    with pytest.raises(CatalogueError, match=r"no such notebook: gone\.ipynb"):
        find_lab("gone.ipynb")


def test_an_empty_catalogue_says_where_it_looked(lab_folder):
    with pytest.raises(CatalogueError, match="there are no labs in .*labs .*VIDLAB_NOTEBOOKS"):
        find_lab("tiny")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"id": "../../etc"}, "id is '../../etc'"),
        ({"id": "Tiny"}, "id is 'Tiny'"),
        ({"id": None}, "id is None"),
        ({"title": ""}, "title is ''"),
        ({"title": "two\nlines"}, "title is"),
        ({"title": "\x1b[31mred"}, "title is"),
        ({"paper": 3}, "paper is 3"),
        ({"part": "a/b"}, "part is 'a/b'"),
        ({"prerequisites": "x"}, "prerequisites is not a list"),
        ({"prerequisites": ["../x"]}, "prerequisites is '../x'"),
        ({"budget": None}, "budget.quick_s is None"),
        ({"budget": {"quick_s": True, "full_s": 1}}, "budget.quick_s is True"),
        ({"budget": {"quick_s": 1, "full_s": -1}}, "budget.full_s is -1"),
        ({"summary": None}, "summary is None"),
    ],
)
def test_bad_metadata_leaves_one_lab_out(lab_folder, write_lab, metadata, reason):
    write_lab(lab_folder, [], id="good")
    path = write_lab(lab_folder, [], id="bad", metadata=metadata)
    entries, problems = scan()
    assert [entry.id for entry in entries] == ["good"]
    assert len(problems) == 1
    assert problems[0].startswith(f"{path}: its vidlab metadata is not valid: {reason}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not json", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "no list of cells"),
        (b'{"cells": [1], "metadata": {}}', "no list of cells"),
        (b'{"cells": []}', "no metadata"),
        (b'{"cells": [], "metadata": {}}', "not a lab (its metadata has no 'vidlab')"),
        (b'{"cells": [], "metadata": {"vidlab": 3}}', "not a lab"),
    ],
)
def test_files_that_are_no_labs(lab_folder, content, reason):
    path = lab_folder / "10-test" / "x.ipynb"
    path.parent.mkdir()
    path.write_bytes(content)
    entries, problems = scan()
    assert entries == []
    assert len(problems) == 1
    assert str(path) in problems[0]
    assert reason in problems[0]


def test_the_second_of_two_equal_ids_is_left_out(lab_folder, write_lab):
    first = write_lab(lab_folder, [], part="10-a")
    second = write_lab(lab_folder, [], part="20-b")
    entries, problems = scan()
    assert [entry.path for entry in entries] == [first]
    assert problems == [f"{second}: the id tiny belongs to {first}."]


def test_hidden_folders_are_no_parts(lab_folder, write_lab):
    path = write_lab(lab_folder, [])
    hidden = lab_folder / ".ipynb_checkpoints"
    hidden.mkdir()
    (hidden / "tiny.ipynb").write_bytes(path.read_bytes())
    assert scan()[1] == []


def test_the_folder_beside_the_package_is_the_default(monkeypatch):
    monkeypatch.delenv("VIDLAB_NOTEBOOKS", raising=False)
    assert notebooks_folder().name in ("notebooks", "_notebooks")


def test_metadata_is_the_only_identity(lab_folder, write_lab):
    path = write_lab(lab_folder, [], id="one", part="10-test")
    notebook = json.loads(path.read_text())
    notebook["metadata"]["vidlab"]["id"] = "two"
    notebook["metadata"]["vidlab"]["part"] = "20-else"
    path.write_text(json.dumps(notebook))
    assert find_lab("20-else/two").path == path
