"""`vidlab.Lab` in this process; the tests of `run` use it in real kernels."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import vidlab
from vidlab.labs.catalogue import CatalogueError
from vidlab.labs.parameters import ParameterError
from vidlab.labs.record import read_record

PROFILES = {"quick": {"epochs": 2}, "full": {"epochs": 9}}


@pytest.fixture
def values(lab_folder, write_lab, tmp_path):
    """What a notebook's globals() would hold, other things included."""
    write_lab(lab_folder, [])
    return {
        "profile": "quick",
        "seed": 3,
        "device": "cpu",
        "output_dir": str(tmp_path / "runs"),
        "data_dir": None,
        "eta": 0.4,
        "epochs": None,
        "etas": [0.0, 0.2],
        "np": np,
    }


@pytest.fixture
def lab(values):
    return vidlab.Lab("tiny", values, profiles=PROFILES)


def record_of(lab):
    return read_record(lab.run_dir / "record.json")


def test_what_a_lab_offers(lab, tmp_path):
    assert (lab.profile, lab.seed, lab.data_dir) == ("quick", 3, None)
    assert lab.device == torch.device("cpu")
    assert lab.run_dir.parent == tmp_path / "runs" / "tiny"
    assert lab.figures_dir.is_dir()
    assert lab.checkpoint_dir.is_dir()
    assert (lab.settings.eta, lab.settings.epochs, lab.settings.etas) == (0.4, 2, [0.0, 0.2])
    assert not hasattr(lab.settings, "seed")
    with pytest.raises(AttributeError):
        lab.settings.eta = 0.5
    record = record_of(lab)
    assert record["status"] == "running"
    assert record["pid"] == os.getpid()
    assert record["parameters"]["epochs"] == 2
    assert record["device"]["type"] == "cpu"
    assert record["device"]["name"]
    assert record["versions"]["torch"] == torch.__version__
    assert record["title"] == "A tiny lab"


@pytest.mark.parametrize(("given", "profile", "epochs"), [(None, "full", 9), (5, "full", 5)])
def test_a_given_value_beats_the_profile(values, given, profile, epochs):
    lab = vidlab.Lab("tiny", values | {"epochs": given, "profile": profile}, profiles=PROFILES)
    assert lab.settings.epochs == epochs


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"eta": 1.7}, "parameter eta: got 1.7; allowed: a number in 0 .. 1."),
        ({"seed": "0"}, "parameter seed: got '0'"),
        ({"data_dir": "/no/such/folder"}, "data_dir: got '/no/such/folder', which is not a folder"),
        ({"profile": "huge"}, "parameter profile: got 'huge'; allowed: quick | full."),
    ],
)
def test_bad_values_stop_before_anything_is_made(values, tmp_path, changes, sentence):
    with pytest.raises(ParameterError) as caught:
        vidlab.Lab("tiny", values | changes, profiles=PROFILES)
    assert sentence in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_a_parameter_without_a_value(values):
    del values["etas"]
    with pytest.raises(ParameterError, match="parameter etas is declared but has no value"):
        vidlab.Lab("tiny", values, profiles=PROFILES)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none(values):
    with pytest.raises(ParameterError) as caught:
        vidlab.Lab("tiny", values | {"device": "cuda"}, profiles=PROFILES)
    assert str(caught.value) == (
        "device: cuda was asked for but torch finds no CUDA device; use --device cpu or auto."
    )
    auto = vidlab.Lab("tiny", values | {"device": "auto"}, profiles=PROFILES)
    assert auto.device.type == "cpu"


@pytest.mark.parametrize(
    ("profiles", "sentence"),
    [
        ({"quick": {}}, "profiles: got ['quick']; allowed: quick and full, both."),
        ({"quick": {"epochs": 1}, "full": {}}, "profiles: epochs is in only one"),
        ({"quick": {"x": 1}, "full": {"x": 1}}, "profile quick: x is not a declared parameter"),
        ({"quick": {"seed": 1}, "full": {"seed": 1}}, "profile quick: seed belongs to every lab"),
        ({"quick": {"eta": 0.1}, "full": {"eta": 0.1}}, "profile quick: eta is never None"),
        ({"quick": {"epochs": 2}, "full": {"epochs": 900}}, "profile full, parameter epochs: got"),
    ],
)
def test_profiles_are_checked_both(values, profiles, sentence):
    with pytest.raises(ParameterError) as caught:
        vidlab.Lab("tiny", values, profiles=profiles)
    assert sentence in str(caught.value)


def test_which_notebook_it_is(values, lab_folder, write_lab, tmp_path, monkeypatch):
    write_lab(lab_folder, [], id="other")
    copy = write_lab(tmp_path / "copies", [], title="My copy")
    monkeypatch.setenv("JPY_SESSION_NAME", str(copy))
    assert record_of(vidlab.Lab("tiny", values, profiles=PROFILES))["title"] == "My copy"
    assert record_of(vidlab.Lab("other", values, profiles=PROFILES))["title"] == "A tiny lab"
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "gone.ipynb"))
    assert record_of(vidlab.Lab("tiny", values, profiles=PROFILES))["title"] == "A tiny lab"
    monkeypatch.setenv("VIDLAB_NOTEBOOK", str(copy))
    assert record_of(vidlab.Lab("tiny", values, profiles=PROFILES))["title"] == "My copy"
    with pytest.raises(CatalogueError, match="called with 'other', but the metadata of .* 'tiny'"):
        vidlab.Lab("other", values, profiles=PROFILES)


def draws(seed, values):
    lab = vidlab.Lab("tiny", values | {"seed": seed}, profiles=PROFILES)
    streams = [torch.rand(3, generator=lab.generator(s)).tolist() for s in ("data", "model")]
    return random.random(), np.random.rand(), torch.rand(2).tolist(), *streams


def test_chance_is_fixed_by_the_seed(values):
    assert draws(3, values) == draws(3, values)
    for one, other in zip(draws(3, values), draws(4, values), strict=True):
        assert one != other


def test_streams_differ_and_stay_the_same_for_ever(lab):
    data, model = lab.generator("data"), lab.generator("model")
    assert data.initial_seed() != model.initial_seed()
    # Fixed by SHA-256 of "3/data": another number would change every published result.
    assert data.initial_seed() == 4070596949261473789


@pytest.mark.parametrize(
    "value", [1, 0.5, np.float32(0.5), np.array(2), torch.tensor(0.25), np.int64(7)]
)
def test_metrics_are_plain_numbers(lab, value):
    lab.metric("accuracy/ctc", value)
    stored = record_of(lab)["metrics"]["accuracy/ctc"]
    assert stored == float(value)
    assert type(stored) in (int, float)


@pytest.mark.parametrize(
    "value", [True, "1", None, [1], np.ones(1), np.bool_(True), torch.ones(2), 1 + 2j]
)
def test_other_things_are_no_metrics(lab, value):
    with pytest.raises(TypeError, match="metric a/b: got"):
        lab.metric("a/b", value)
    assert record_of(lab)["metrics"] == {}


def test_bad_metrics(lab):
    for value in (float("nan"), float("inf"), torch.tensor(float("nan"))):
        with pytest.raises(ValueError, match="metric a/b: got (nan|inf); allowed: a finite"):
            lab.metric("a/b", value)
    for name in ("accuracy", "a/b/c", "a b/c", "/b", "a/", ""):
        with pytest.raises(ValueError, match="a name reads metric/variant"):
            lab.metric(name, 1)
    lab.metric("a/b", 1)
    assert record_of(lab)["metrics"] == {"a/b": 1}


@pytest.mark.parametrize(
    ("holds", "stored"),
    [(True, True), (np.bool_(False), False), (torch.tensor(True), True), (None, None)],
)
def test_claims(lab, holds, stored):
    observed = {"ctc": np.float32(0.5), "norm": [torch.tensor(1), "x", None]}
    lab.claim("peaky", "CTC is peaky", paper=0.3, observed=observed, holds=holds, note="n")
    assert record_of(lab)["claims"] == [
        {
            "id": "peaky",
            "statement": "CTC is peaky",
            "paper": 0.3,
            "observed": {"ctc": 0.5, "norm": [1, "x", None]},
            "holds": stored,
            "note": "n",
        }
    ]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"holds": 1}, TypeError, "claim a: holds: got 1; allowed: True, False or None"),
        ({"holds": "yes"}, TypeError, "claim a: holds"),
        ({"observed": float("nan")}, ValueError, "claim a: observed: got nan"),
        ({"observed": {"x": np.inf}}, ValueError, "claim a: observed"),
        ({"observed": object()}, TypeError, "claim a: observed: got object"),
        ({"observed": np.ones(3)}, TypeError, "claim a: observed: got ndarray"),
        ({"observed": list(range(5000))}, ValueError, "record a summary"),
        ({"statement": " "}, ValueError, "statement is empty"),
        ({"id": "A b"}, ValueError, "claim 'A b'"),
    ],
)
def test_bad_claims(lab, changes, error, words):
    good = {"id": "a", "statement": "s", "paper": 1, "observed": 2, "holds": True}
    with pytest.raises(error) as caught:
        lab.claim(**(good | changes))
    assert words in str(caught.value)
    assert record_of(lab)["claims"] == []
    lab.claim(**good)
    assert [claim["id"] for claim in record_of(lab)["claims"]] == ["a"]


def test_a_cell_run_again_by_hand_replaces_what_it_recorded(lab):
    for round in (1, 2):
        lab.metric("a/b", round)
        lab.claim("first", "s", paper=1, observed=round, holds=True)
    lab.claim("second", "s", paper=1, observed=0, holds=None)
    lab.claim("first", "s", paper=1, observed=3, holds=False)
    record = record_of(lab)
    assert record["metrics"] == {"a/b": 2}
    assert [(c["id"], c["observed"]) for c in record["claims"]] == [("first", 3), ("second", 0)]
    assert dict(lab.metrics) == {"a/b": 2}


def test_an_unattended_run_records_each_name_once(lab):
    """In a batch the same name twice is a mistake in the lab, and would hide a variant."""
    lab._unattended = True
    lab.metric("a/b", 1)
    lab.claim("first", "s", paper=1, observed=1, holds=True)
    with pytest.raises(ValueError, match="metric a/b was recorded before"):
        lab.metric("a/b", 2)
    with pytest.raises(ValueError, match="claim first was recorded before"):
        lab.claim("first", "s", paper=1, observed=2, holds=True)
    assert record_of(lab)["metrics"] == {"a/b": 1}


def test_sections_add_up_and_survive_errors(lab):
    with lab.section("train"):
        assert record_of(lab)["timings"]["sections"] == {}
    first = record_of(lab)["timings"]["sections"]["train"]

    def fails():
        with lab.section("train"):
            time.sleep(0.05)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    timings = record_of(lab)["timings"]
    assert timings["sections"]["train"] >= first + 0.049  # both are rounded to milliseconds
    assert timings["total_s"] >= timings["sections"]["train"]


def test_data_is_noted(lab):
    lab.data(name="digits", source="shipped", sha256="a" * 64)
    assert record_of(lab)["data"] == {"name": "digits", "source": "shipped", "sha256": "a" * 64}
    lab.data(name="made up", source="generator")
    assert record_of(lab)["data"]["sha256"] is None
    with pytest.raises(ValueError, match="not 64 hexadecimal digits"):
        lab.data(name="digits", source="x", sha256="ABC")


def test_after_the_end_nothing_is_recorded(lab, capsys):
    lab.claim("a", "It <b>holds</b>", paper=1, observed=0.123456, holds=False)
    lab.finish()
    text = capsys.readouterr().out
    assert "✗ does not hold: a: It <b>holds</b> (paper: 1; observed: 0.1235)" in text
    assert str(lab.run_dir / "record.json") in text
    record = record_of(lab)
    assert record["status"] == "finished"
    assert record["finished"] == record["updated"]
    for late in (
        lambda: lab.metric("a/b", 1),
        lambda: lab.claim("b", "s", paper=1, observed=1, holds=True),
        lambda: lab.data(name="d", source="s"),
        lab.finish,
    ):
        with pytest.raises(RuntimeError, match="this run is finished"):
            late()
    assert record_of(lab) == record


def test_figures(lab, capsys):
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(4, 3))
    axes.plot([0, 1])
    lab.figure(axes, "loss", "The <loss> falls")
    assert (lab.figures_dir / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert [file.name for file in lab.figures_dir.iterdir()] == ["loss.png"]
    assert not pyplot.fignum_exists(figure.number)
    assert capsys.readouterr().out == "[figure loss] The <loss> falls\n"
    for name in ("../x", "a b", "", "A"):
        with pytest.raises(ValueError, match="figure "):
            lab.figure(figure, name, "x")


def test_the_card_is_escaped(values, lab_folder, write_lab):
    hostile = "<script>alert(1)</script> & <img src=x onerror=alert(1)>"
    write_lab(lab_folder, [], title=hostile)
    lab = vidlab.Lab("tiny", values, profiles=PROFILES)
    html = lab._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "eta&nbsp;=&nbsp;0.4" in html
    text = repr(lab)
    assert hostile in text
    assert "profile quick" in text
    assert str(lab.run_dir) in text


def test_a_lab_that_is_left_says_so(values):
    code = (
        "import vidlab, json, sys\n"
        "values = json.loads(sys.argv[1])\n"
        "lab = vidlab.Lab('tiny', values, profiles=dict(quick=dict(epochs=2), full=dict(epochs=9)))"
        "\nprint(lab.run_dir)"
    )
    del values["np"]
    argument = json.dumps(values)
    done = subprocess.run(
        [sys.executable, "-c", code, argument], capture_output=True, text=True, check=True
    )
    record = read_record(Path(done.stdout.strip()) / "record.json")
    assert record["status"] == "interrupted"
    assert record["error"]["message"] == "the kernel was shut down before lab.finish()"


def test_a_users_file_counts_from_where_the_lab_was_called(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lab.path("film.mp4") == tmp_path.resolve() / "film.mp4"
    monkeypatch.setenv("VIDLAB_CALLED_FROM", str(tmp_path / "home"))
    assert lab.path("film.mp4") == tmp_path.resolve() / "home" / "film.mp4"
    assert lab.path("/films/film.mp4") == Path("/films/film.mp4")
    assert lab.path("~/film.mp4") == Path.home() / "film.mp4"
