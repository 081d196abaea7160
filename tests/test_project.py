"""The project's own papers: dependencies named in step, notebooks in the form they are kept in."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from vidlab.labs.refresh import MARK, fault

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))


def requirements(extra=None):
    lines = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_environment_yml_is_in_step_with_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    specs = [line for line in environment["dependencies"] if isinstance(line, str)]
    parsed = {}
    for line in specs:
        spec = rattler.MatchSpec(line, strict=True)
        parsed[spec.name.normalized] = str(spec.version or "")
    for requirement in requirements():
        name = CONDA_NAMES.get(requirement.name, requirement.name)
        assert SpecifierSet(parsed[name]) == requirement.specifier, requirement.name
    assert parsed["python"] == PROJECT["requires-python"]
    extra = set(parsed) - {CONDA_NAMES.get(r.name, r.name) for r in requirements()}
    optional = {"pytest": "dev", "nbval": "dev", "av": "video", "numba": "fast"}
    assert extra == {"python", "pip", *optional}
    for name, group in optional.items():
        wanted = next(r for r in requirements(group) if r.name == name)
        assert parsed[name] == str(wanted.specifier)


@pytest.mark.parametrize("extra", [None, *PROJECT["optional-dependencies"]])
def test_constraints_hold_a_version_in_range_for_every_dependency(extra):
    found = pins()
    for requirement in requirements(extra):
        version = found[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


def test_citation_and_package_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]


def test_readme_names_the_two_commands_and_its_picture_exists():
    readme = (ROOT / "README.md").read_text()
    first_screen = "\n".join(readme.splitlines()[:20])
    assert "make lab" in first_screen
    assert "make test" in first_screen
    for target in re.findall(r"\]\(([^)]+)\)", readme):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_in_its_committed_form(path):
    assert fault(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path) is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_checked_cells_have_outputs(path):
    """A checked cell that was never run would be compared with nothing."""
    for number, cell in enumerate(json.loads(path.read_text())["cells"], 1):
        if "".join(cell["source"]).startswith(MARK):
            assert cell["outputs"], f"{path.name}, cell {number}: `make refresh` runs it"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_figures_have_captions_and_cells_are_short(path):
    notebook = json.loads(path.read_text())
    for number, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", []):
            assert source.count("\n") < 30, f"{path.name}, cell {number}"
