import numpy as np
import pytest

from vidlab.labs.parameters import ParameterError, from_text, read_parameters, validate

COMMON = """\
profile: str = "quick"  # quick | full · how much
seed: int = 0  # 0 .. 2147483647 · chance
device: str = "auto"  # auto | cpu | cuda · where
output_dir: str = "runs"  # · runs
data_dir: str | None = None  # · data
"""


def notebook(source, tags=("parameters",), cell_type="code"):
    return {"cells": [{"cell_type": cell_type, "metadata": {"tags": list(tags)}, "source": source}]}


def declared(extra=""):
    return read_parameters(notebook(COMMON + extra), "lab.ipynb")


def test_declarations_are_read():
    parameters = declared(
        "eta: float = 0.4  # 0 .. 1 · share of frames; κ = U + 1 · or so\n"
        "epochs: int | None = None  # 1 .. 500 · None = the profile's number\n"
        "etas: list[float] = [0, 0.2]  # 0 .. 1 · each value\n"
        "shuffle: bool = True  # · mix the data\n"
        "width: int = 8  # 4 | 8 | 16 · channels\n"
        "lr: float = 1e-3  # 1e-6 .. · step size\n"
    )
    eta = parameters["eta"]
    assert (eta.type, eta.default, eta.low, eta.high) == ("float", 0.4, 0, 1)
    assert eta.help == "share of frames; κ = U + 1 · or so"
    assert parameters["epochs"].optional
    assert parameters["epochs"].default is None
    assert parameters["etas"].default == [0.0, 0.2]
    assert all(type(value) is float for value in parameters["etas"].default)
    assert parameters["width"].choices == (4, 8, 16)
    assert parameters["profile"].choices == ("quick", "full")
    assert (parameters["lr"].low, parameters["lr"].high) == (1e-6, None)
    assert list(parameters)[-1] == "lr"


def test_source_may_be_a_list_of_lines():
    lines = COMMON.splitlines(keepends=True)
    assert list(read_parameters(notebook(lines))) == [line.split(":")[0] for line in lines]


def test_nothing_is_executed(tmp_path):
    target = tmp_path / "made"
    with pytest.raises(ParameterError, match="must be a literal"):
        declared(f"x: str = open({str(target)!r}, 'w').name  # · bad\n")
    assert not target.exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x = 1  # · no type", "name: type = default"),
        ("x: int  # · no default", "name: type = default"),
        ("import os  # · no", "name: type = default"),
        ("x: int = 1", "needs a comment"),
        ("x: int = 1  # some help", "needs a comment"),
        ("x: dict = {}  # · type", "the type dict is not one of"),
        ("x: int | str = 1  # · type", "the type int | str is not one of"),
        ("x: list[list[int]] = []  # · type", "is not one of"),
        ("x: int = 1.5  # · default", "the default of x is 1.5"),
        ("x: int = True  # · default", "the default of x is True"),
        ("x: int = None  # · default", "the default of x is None"),
        ("x: int = 9  # 1 .. 5 · default", "allows: a whole number in 1 .. 5"),
        ("x: str = 'c'  # a | b · default", "allows: a | b"),
        ("x: int = 1  # 5 .. 1 · range", "is empty"),
        ("x: int = 1  # 0 .. big · range", "not made of numbers"),
        ("x: float = 1  # nan .. 2 · range", "not made of numbers"),
        ("x: str = 'a'  # 0 .. 1 · range", "cannot read '0 .. 1'"),
        ("x: bool = True  # yes | no · range", "cannot read 'yes | no'"),
        ("x: str = 'a'  # a | · choices", "cannot read"),
        ("x: int = 1  # about five · limits", "cannot read 'about five'"),
        ("seed: int = 1  # 0 .. 9 · twice", "seed is declared twice"),
    ],
)
def test_malformed_lines_are_named(line, words):
    with pytest.raises(ParameterError, match="lab.ipynb, parameters cell, line 6: ") as caught:
        declared(line + "\n")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["x: int = (", "%matplotlib inline", "x: int = 'abc", "\0"])
def test_source_that_is_not_python(source):
    with pytest.raises(ParameterError, match="line 1: this is not plain Python"):
        read_parameters(notebook(source), "lab.ipynb")


@pytest.mark.parametrize("cell", [{"tags": ()}, {"cell_type": "markdown"}])
def test_missing_cell(cell):
    with pytest.raises(ParameterError, match="lab.ipynb: no code cell is tagged 'parameters'"):
        read_parameters(notebook(COMMON, **cell), "lab.ipynb")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("data_dir: str | None", "other: str | None", "does not declare data_dir: str | None"),
        ("seed: int = 0", "seed: float = 0", "seed is declared as float, not int"),
        ("quick | full ·", "quick | full | huge ·", "profile must allow full | quick"),
        ("0 .. 2147483647", "", "seed must have a range"),
    ],
)
def test_every_lab_declares_the_common_ones(old, new, words):
    with pytest.raises(ParameterError) as caught:
        read_parameters(notebook(COMMON.replace(old, new)), "lab.ipynb")
    assert words in str(caught.value)


KNOBS = (
    "eta: float = 0.4  # 0 .. 1 · a\n"
    "n: int = 3  # 1 .. 9 · b\n"
    "maybe: int | None = None  # 1 .. 9 · c\n"
    "flag: bool = False  # · d\n"
    "etas: list[float] = []  # 0 .. 1 · e\n"
    "mode: str = 'a'  # a | b · f\n"
    "names: list[str] = []  # · g\n"
)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("eta", 1, 1.0),
        ("eta", 0, 0.0),
        ("eta", np.float64(0.5), 0.5),
        ("n", 9, 9),
        ("maybe", None, None),
        ("maybe", 2, 2),
        ("flag", True, True),
        ("etas", (0, 1), [0.0, 1.0]),
        ("mode", "b", "b"),
    ],
)
def test_good_values(name, value, expected):
    got = validate(declared(KNOBS), {name: value})
    assert got[name] == expected
    assert type(got[name]) is type(expected)
    assert got["n"] == 3 or name == "n"
    assert list(got) == list(declared(KNOBS))


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("eta", 1.7, "a number in 0 .. 1."),
        ("eta", -1e-9, "a number in 0 .. 1."),
        ("eta", float("nan"), "a number in 0 .. 1."),
        ("eta", float("inf"), "a number in 0 .. 1."),
        ("eta", True, "a number in 0 .. 1."),
        ("eta", "0.4", "a number in 0 .. 1."),
        ("eta", None, "a number in 0 .. 1."),
        ("n", 2.0, "a whole number in 1 .. 9."),
        ("n", True, "a whole number in 1 .. 9."),
        ("n", 10, "a whole number in 1 .. 9."),
        ("maybe", 0, "a whole number in 1 .. 9, or None."),
        ("flag", 1, "true or false."),
        ("etas", 0.5, "a list of numbers in 0 .. 1."),
        ("etas", [0.5, 2], "a list of numbers in 0 .. 1."),
        ("etas", "ab", "a list of numbers in 0 .. 1."),
        ("mode", "c", "a | b."),
    ],
)
def test_bad_values(name, value, allowed):
    with pytest.raises(ParameterError) as caught:
        validate(declared(KNOBS), {name: value})
    assert str(caught.value) == f"parameter {name}: got {value!r}; allowed: {allowed}"


def test_unknown_names_are_guessed():
    with pytest.raises(
        ParameterError, match="unknown parameter etaa of lab radialctc; did you"
    ) as e:
        validate(declared(KNOBS), {"etaa": 1}, "radialctc")
    assert "did you mean eta? It has: profile, seed," in str(e.value)
    with pytest.raises(ParameterError, match=r"unknown parameter zzz\. It has:"):
        validate(declared(KNOBS), {"zzz": 1})


def test_defaults_are_not_shared():
    first = validate(declared(KNOBS), {})
    first["etas"].append(1.0)
    parameters = declared(KNOBS)
    validate(parameters, {})["etas"].append(0.5)
    assert validate(parameters, {})["etas"] == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("eta", "1e-3", 0.001),  # YAML alone would see a text
        ("eta", "abc", "abc"),
        ("n", "010", 10),  # YAML alone would see 8
        ("n", "2.0", "2.0"),
        ("n", "1:30", "1:30"),  # YAML alone would see 90
        ("maybe", "none", None),
        ("maybe", "4", 4),
        ("flag", "True", True),
        ("flag", "yes", "yes"),
        ("etas", "[0, 1e-1]", [0.0, 0.1]),
        ("etas", "[]", []),
        ("etas", "[[0]]", [["0"]]),
        ("etas", "0.2", [0.2]),
        ("etas", "0.2, 0.4", [0.2, 0.4]),
        ("etas", "", ""),
        ("etas", "[0,", "[0,"),
        ("etas", "!!python/object/apply:os.system [x]", [["x"]]),
        ("mode", "010", "010"),
        ("names", "['a, b', no]", ["a, b", "no"]),
        ("names", "left,right", ["left", "right"]),
        ("data_dir", "None", None),
        ("output_dir", "None", "None"),
    ],
)
def test_words_of_the_command_line(name, text, expected):
    got = from_text(declared(KNOBS)[name], text)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        ", ".join(f"&a{n} [{f'*a{n - 1}, *a{n - 1}' if n else 'x, x'}]" for n in range(40)),
        "[" * 5000,
        "1, " * 40_000,
    ],
)
def test_a_text_that_stands_for_too_much_is_refused_unread(text):
    etas = declared("etas: list[float] = [0, 0.2]  # 0 .. 9 · each value\n")
    given = from_text(etas["etas"], text)
    assert given == text
    with pytest.raises(ParameterError, match="parameter etas: got '.*allowed: a list") as caught:
        validate(etas, {"etas": given})
    assert len(str(caught.value)) < 200


def test_a_number_beyond_floats_is_refused():
    with pytest.raises(ParameterError, match="parameter eta: got 1000.*allowed: a number"):
        validate(declared("eta: float = 0.4  # · share\n"), {"eta": 10**400})
