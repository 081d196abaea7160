"""The Dockerfile and Binder's files, checked as far as that goes without an engine."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
LOCK = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if "==" in line and not line.startswith("#")
)


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


def test_what_a_run_leaves_stays_outside():
    lines = (ROOT / ".dockerignore").read_text().split()
    through = max(k for k, line in enumerate(lines) if line.startswith("!"))
    for made in ("book/_build", "**/runs", "**/batches", "**/__pycache__"):
        assert made in lines[through:], "the last line that fits decides"


def test_the_commands_are_shell(steps):
    for value in of(steps, "RUN"):
        checked = subprocess.run(["sh", "-n", "-c", value], capture_output=True, text=True)
        assert checked.returncode == 0, f"{value}: {checked.stderr}"


def test_it_installs_from_the_constraints_and_known_extras(steps):
    installs = [value for value in of(steps, "RUN") if "pip install" in value]
    assert installs
    for value in installs:
        assert "--constraint constraints.txt" in value
        for extra in re.findall(r"\.\[([\w,]+)\]", value):
            assert set(extra.split(",")) <= set(EXTRAS)
    assert "PIP_NO_CACHE_DIR" in " ".join(of(steps, "ENV"))


def test_another_index_gives_torch_and_nothing_else(steps):
    # PyTorch's indexes lack the tested versions of what torch needs: asked for them, pip gives up.
    (value,) = [value for value in of(steps, "RUN") if "--index-url" in value]
    assert "--no-deps" in value
    assert re.search(r'--index-url "\$\{TORCH_INDEX\}" torch;', value)


def test_a_change_of_code_installs_nothing_again(steps):
    last = max(k for k, (name, value) in enumerate(steps) if name == "RUN")
    assert "--editable" in steps[last][1]
    before = " ".join(value for name, value in steps[:last] if name == "COPY").split()
    assert "pyproject.toml" in before
    assert not {"vidlab", "notebooks", "book", "data"} & set(before)
    # The build asks for these; empty ones do, since an editable install points at the folder.
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    made = re.search(r"mkdir ([\w ]+)", steps[last][1])[1].split()
    assert {*wheel["packages"], *wheel["force-include"]} == set(made)
    after = " ".join(value for name, value in steps[last:] if name == "COPY").split()
    assert set(made) <= set(after)


def test_it_does_not_run_as_root_and_keeps_the_token(steps):
    names = [name for name, _ in steps]
    (user,) = of(steps, "USER")
    (number,) = re.findall(r"useradd .*--uid (\d+)", " ".join(of(steps, "RUN")))
    assert user == number, "orchestrators check for numbers other than 0"
    assert names.index("USER") > max(k for k, name in enumerate(names) if name == "RUN")
    (command,) = of(steps, "CMD")
    assert command.startswith("["), "the exec form gets signals"
    assert "token" not in command


def test_other_users_have_a_home_too(steps):
    # `docker run --user` with a number that the image has no name for: HOME would be /, and
    # getpass.getuser(), which PyTorch asks for the name of its cache, fails without USER.
    env = dict(pair.split("=", 1) for value in of(steps, "ENV") for pair in shlex.split(value))
    made = next(value for value in of(steps, "RUN") if "useradd" in value)
    opened = re.search(r"install -d -m 777 .*", made)[0].split()
    (work,) = of(steps, "WORKDIR")
    assert {env["HOME"], work, f"{work}/runs"} <= set(opened)
    assert env["USER"]


def test_binder_installs_from_the_constraints():
    folder = ROOT / ".binder"
    lines = [
        line for line in (folder / "requirements.txt").read_text().splitlines() if line[:2] == "--"
    ]
    constraint, editable = (line.split()[1] for line in lines)
    assert (folder / constraint).resolve() == ROOT / "constraints.txt"
    assert set(re.search(r"\[([\w,]+)\]", editable)[1].split(",")) <= set(EXTRAS)


def test_binder_gets_the_python_of_the_container(steps):
    # repo2docker reads runtime.txt beside requirements.txt and else takes a Python of its own
    # choice, which has been too old for vidlab.
    (line,) = (ROOT / ".binder" / "runtime.txt").read_text().splitlines()
    arguments = dict(value.split("=", 1) for value in of(steps, "ARG"))
    assert line == f"python-{arguments['PYTHON']}"


def test_binder_gets_a_notebook_that_fits_the_tested_jupyterlab():
    text = (ROOT / ".binder" / "requirements.txt").read_text()
    (minor,) = re.findall(r"^notebook==7\.(\d+)\.\d+$", text, re.MULTILINE)
    assert LOCK["jupyterlab"].split(".")[:2] == ["4", minor]
