"""Which jobs a sweep means; what it refuses, in one sentence."""

import pytest

from vidlab.batch.sweep import Limits, SweepError, parse_size, read_sweep, sweep_of

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


def test_files_that_are_no_sweeps(tmp_path):
    with pytest.raises(SweepError, match="cannot be read"):
        read_sweep(tmp_path / "none.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * (2 << 20))
    with pytest.raises(SweepError, match="more than 1 MB"):
        read_sweep(tmp_path / "big.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SweepError, match="not YAML"):
        read_sweep(tmp_path / "bytes.yaml")


def test_sizes():
    assert parse_size("500M") == 500 << 20
    assert parse_size("2 GiB") == 2 << 30
    with pytest.raises(SweepError, match="as in 4G"):
        parse_size("4 apples")
