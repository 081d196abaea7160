"""Which jobs a sweep means; what it refuses, in one sentence."""

import re
from pathlib import Path

import pytest

from vidlab.batch.sweep import Limits, SweepError, parse_size, read_sweep, seeds_of, sweep_of
from vidlab.cli.batching import batch

pytestmark = pytest.mark.usefixtures("catalogue")


def sweep(tmp_path, text):
    path = tmp_path / "my-sweep.yaml"
    path.write_text(text)
    return read_sweep(path)


def test_every_combination_in_order(tmp_path):
    found = sweep(
        tmp_path,
        """
        runs:
          - lab: tiny
            seeds: 1..2
            set: {mode: fail}
            grid: {eta: [0.1, 5e-1], etas: [[0, 1], [0.5]]}
        limits: {timeout: 9, memory: 1.5G}
        """,
    )
    assert found.name == "my-sweep"
    assert found.limits == Limits(9.0, 3 << 29)
    chosen = [(j.values["seed"], j.values["eta"], j.values["etas"]) for j in found.jobs]
    assert chosen == [
        (seed, eta, etas) for seed in (1, 2) for eta in (0.1, 0.5) for etas in ([0.0, 1.0], [0.5])
    ]
    assert {job.values["mode"] for job in found.jobs} == {"fail"}
    assert len({job.key for job in found.jobs}) == 8


def test_a_job_named_twice_runs_once_and_keeps_its_key(tmp_path):
    one = sweep(tmp_path, "runs: [{lab: tiny, seeds: 3}]")
    two = sweep(tmp_path, "runs: [{lab: 10-test/tiny, seeds: [4, 3]}, {lab: tiny, seeds: 3..4}]")
    assert len(two.jobs) == 2
    assert one.jobs[0].key in {job.key for job in two.jobs}


def test_flags_mean_the_same_as_a_file(tmp_path):
    flags = sweep_of(["tiny"], name="a", seeds="0..1", grid={"eta": "0.1,0.2", "etas": "[0],[1]"})
    file = sweep(
        tmp_path,
        "runs: [{lab: tiny, seeds: 0..1, grid: {eta: [0.1, 0.2], etas: [[0], [1]]}}]",
    )
    assert [job.key for job in flags.jobs] == [job.key for job in file.jobs]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runs: []", "a list of at least one lab"),
        ("- 1", "expected names with values"),
        ("runs: [{lab: tiny, grid: {eta: [2]}}]", "parameter eta: got 2.0; allowed"),
        ("runs: [{lab: tiny, grid: {eta: 2}}]", "grid, eta: expected a list"),
        ("runs: [{lab: tiny, set: {ete: 1}}]", "did you mean eta"),
        ("runs: [{lab: nope}]", "nope"),
        ("runs: [{lab: tiny, speed: 1}]", "unknown name 'speed'; allowed: lab, profile"),
        ("runs: [{lab: tiny, seeds: 3..1}]", "expected FIRST..LAST"),
        ("runs: [{lab: tiny, seeds: 0..9999999}]", "expected FIRST..LAST"),
        ("runs: [{lab: tiny, set: {eta: 0.1}, grid: {eta: [0.2]}}]", "eta is given twice"),
        ("runs: [{lab: tiny, set: {output_dir: x}}]", "not with output_dir"),
        (
            "runs: [{lab: tiny, seeds: 0..999, grid: {eta: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7,"
            " 0.8, 0.9, 1]}}]",
            "more than 10,000 runs",
        ),
        ("name: ../up\nruns: [{lab: tiny}]", "name: got '../up'; allowed: letters"),
        ("runs: &a [*a]", "aliases"),
        ("runs: [!!python/object/apply:os.system [ls]]", "expected names with values"),
        ("runs: [", "not YAML"),
        ("limits: {memory: much}\nruns: [{lab: tiny}]", "memory: got 'much'"),
        ("limits: {timeout: -1}\nruns: [{lab: tiny}]", "timeout: got -1"),
    ],
)
def test_a_bad_sweep_is_refused(tmp_path, text, message):
    with pytest.raises(SweepError, match=message) as caught:
        sweep(tmp_path, text)
    assert "\n" not in str(caught.value)


def bomb(levels=40):
    """A few lines of YAML that stand for 2**levels texts."""
    return ", ".join(f"&a{n} [{f'*a{n - 1}, *a{n - 1}' if n else 'x, x'}]" for n in range(levels))


def deep(text):
    return "[" * 5000 + text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"runs: [{{lab: tiny, grid: {{etas: ['[{bomb()}]']}}}}]", "parameter etas: got "),
        (f"runs: [{{lab: tiny, set: {{etas: '[{bomb()}]'}}}}]", "parameter etas: got "),
        (f"runs: [{{lab: tiny, seeds: '{bomb()}'}}]", "aliases"),
        (f"runs: {deep('')}", "lists in lists deeper than 8 levels"),
        (f"runs: [{{lab: tiny, seeds: '{deep('1')}'}}]", "seeds: got .*deeper than 8 levels"),
        (f"runs: [{{lab: tiny, set: {{etas: '{deep('1')}'}}}}]", "parameter etas: got "),
        ("limits: {memory: " + "9" * 400 + "}\nruns: [{lab: tiny}]", "memory: got '999"),
        ("limits: {memory: " + "9" * 400 + "G}\nruns: [{lab: tiny}]", "memory: got '999"),
        ("limits: {timeout: " + "9" * 400 + "}\nruns: [{lab: tiny}]", "timeout: got inf"),
        ("limits: {timeout: " + "x" * 400 + "}\nruns: [{lab: tiny}]", "timeout: got 'xxx"),
        (
            "runs: [{lab: tiny, seeds: 0..5999}, {lab: tiny, seeds: 6000..11999}]",
            "run 2: more than 10,000 runs",
        ),
    ],
)
def test_a_hostile_sweep_ends_with_a_short_sentence(tmp_path, text, message, monkeypatch):
    made = []
    monkeypatch.setattr("vidlab.batch.sweep.new_sweep", lambda *given: made.append(given))
    with pytest.raises(SweepError, match=message) as caught:
        sweep(tmp_path, text)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)
    assert not made


def test_the_runs_of_a_sweep_are_counted_before_any_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr("vidlab.batch.sweep.checked_job", lambda *_: pytest.fail("made"))
    with pytest.raises(SweepError, match="more than 10,000 runs"):
        sweep(tmp_path, "runs: [{lab: tiny}, {lab: tiny, seeds: 0..9999}]")
    with pytest.raises(SweepError, match="tiny: more than 10,000 runs"):
        sweep_of(["tiny", "10-test/tiny"], name="a", seeds="0..5999")


@pytest.mark.parametrize("seeds", [bomb(), deep("1"), "1," * 40_000])
def test_hostile_seeds_of_the_command_line(seeds):
    with pytest.raises(SweepError, match="seeds: got ") as caught:
        seeds_of(seeds)
    assert len(str(caught.value)) < 400


def test_two_labs_of_one_id_are_refused(tmp_path, catalogue):
    """Their runs would lie in one folder: only one of them would run."""
    other = tmp_path / "copies" / "tiny.ipynb"
    other.parent.mkdir()
    other.write_bytes((catalogue / "10-test" / "tiny.ipynb").read_bytes())
    with pytest.raises(SweepError, match="tiny is the id of two notebooks") as caught:
        sweep_of(["tiny", str(other)], name="a")
    assert str(other) in str(caught.value)
    with pytest.raises(SweepError, match="two notebooks"):
        sweep(tmp_path, f"runs: [{{lab: tiny}}, {{lab: {other}, seeds: 1}}]")
    assert len(sweep_of([str(other)], name="a").jobs) == 1


def test_files_that_are_no_sweeps(tmp_path):
    with pytest.raises(SweepError, match="cannot be read"):
        read_sweep(tmp_path / "none.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * (2 << 20))
    with pytest.raises(SweepError, match="more than 64 KB"):
        read_sweep(tmp_path / "big.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SweepError, match="not YAML"):
        read_sweep(tmp_path / "bytes.yaml")


def test_sizes():
    assert parse_size("500M") == 500 << 20
    assert parse_size("2 GiB") == 2 << 30
    with pytest.raises(SweepError, match="as in 4G"):
        parse_size("4 apples")


def test_the_examples_of_page_and_help_are_sweeps(tmp_path, monkeypatch):
    monkeypatch.delenv("VIDLAB_NOTEBOOKS")
    page = (Path(__file__).parents[2] / "book" / "batch.md").read_text("utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.S)
    path = tmp_path / "scale.yaml"
    path.write_text(block)
    told = re.findall(r"--lab (\w+) --seeds (\S+) -p (\w+)=(\S+) --name (\w+)", page)
    ((lab, seeds, parameter, values, name),) = told
    flags = sweep_of([lab], name=name, seeds=seeds, grid={parameter: values})
    assert len(flags.jobs) == len(read_sweep(path).jobs) == 10
    assert told == re.findall(r"--lab (\w+) --seeds (\S+) -p (\w+)=(\S+) --name (\w+)", batch.help)
    (tmp_path / "help.yaml").write_text(batch.help.partition("A sweep file:\n")[2])
    assert len(read_sweep(tmp_path / "help.yaml").jobs) == 10
