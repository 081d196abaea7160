"""The Dockerfile and Binder's files, checked as far as that goes without an engine."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.fixture(scope="module")
def steps():
    parser = DockerfileParser(path=str(ROOT / "Dockerfile"))
    return [
        (s["instruction"], s["value"]) for s in parser.structure if s["instruction"] != "COMMENT"
    ]


def of(steps, name):
    return [value for instruction, value in steps if instruction == name]


def test_the_base_is_named_with_a_version(steps):
    (base,) = of(steps, "FROM")
    image, _, tag = base.partition(":")
    assert (image, "latest" in tag) == ("python", False)
    arguments = dict(value.split("=", 1) for value in of(steps, "ARG"))
    assert set(re.findall(r"\$\{(\w+)\}", base)) <= set(arguments)
    major, minor = map(int, arguments["PYTHON"].split("."))
    assert (major, minor) >= (3, 11)


def test_every_variable_is_declared(steps):
    names = {value.split("=", 1)[0] for value in of(steps, "ARG")}
    names |= {pair.split("=", 1)[0] for value in of(steps, "ENV") for pair in shlex.split(value)}
    used = {n for _, value in steps for n in re.findall(r"\$\{?(\w+)", value)}
    assert used <= names


def test_what_is_copied_exists_and_is_let_through(steps):
    through = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    for value in of(steps, "COPY"):
        *found, target = [word for word in value.split() if not word.startswith("--")]
        assert target
        for name in found:
            assert (ROOT / name).exists(), name
            assert name in through, f".dockerignore holds {name} back"
    assert not of(steps, "ADD"), "ADD also fetches and unpacks; COPY does what it says"


def test_it_installs_from_the_constraints_and_known_extras(steps):
    installs = [value for value in of(steps, "RUN") if "pip install" in value]
    assert installs
    for value in installs:
        assert "--constraint constraints.txt" in value
        for extra in re.findall(r"\.\[([\w,]+)\]", value):
            assert set(extra.split(",")) <= set(EXTRAS)
    assert "PIP_NO_CACHE_DIR" in " ".join(of(steps, "ENV"))


def test_it_does_not_run_as_root_and_keeps_the_token(steps):
    names = [name for name, _ in steps]
    assert of(steps, "USER") == ["vidlab"]
    assert names.index("USER") > max(k for k, name in enumerate(names) if name == "RUN")
    (command,) = of(steps, "CMD")
    assert command.startswith("["), "the exec form gets signals"
    assert "token" not in command


def test_binder_installs_from_the_constraints():
    folder = ROOT / ".binder"
    lines = [
        line for line in (folder / "requirements.txt").read_text().splitlines() if line[:2] == "--"
    ]
    constraint, editable = (line.split()[1] for line in lines)
    assert (folder / constraint).resolve() == ROOT / "constraints.txt"
    assert set(re.search(r"\[([\w,]+)\]", editable)[1].split(",")) <= set(EXTRAS)
