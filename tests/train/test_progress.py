"""Progress in a log, in a terminal and in a kernel."""

import io

import pytest

from vidlab.train import progress as module
from vidlab.train.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_now_and_then(clock):
    log = io.StringIO()
    with Progress(100, "train", stream=log) as bar:
        for step in range(100):
            clock[0] += 0.5
            bar.update(text=f"loss {step}")
    lines = log.getvalue().splitlines()
    assert lines[0] == "train    0 %  0/100  starting"
    assert lines[1] == "train   20 %  20/100  10.0 s, 40.0 s left  loss 19"
    assert lines[-1] == "train  100 %  100/100  done in 50.0 s  loss 99"
    assert len(lines) == 7


def test_a_terminal_gets_one_line_redrawn(clock):
    terminal = Terminal()
    with Progress(3, "train", stream=terminal) as bar:
        clock[0] += 1
        bar.update()
    text = terminal.getvalue()
    assert text.count("\n") == 1
    assert text.count("\r") == 3
    assert "stopped in 1.0 s" in text


def test_a_resumed_run_estimates_from_its_own_steps(clock):
    bar = Progress(100, "train", start=90, stream=io.StringIO())
    clock[0] += 10
    bar.update(5)
    assert bar.line() == "train   95 %  95/100  10.0 s, 10.0 s left"


def test_long_times_read_well(clock):
    bar = Progress(1000, "train", stream=io.StringIO())
    clock[0] += 75
    bar.update()
    assert "1 min 15 s, 20 h 48 min left" in bar.line()


def test_nothing_to_do():
    log = io.StringIO()
    with Progress(0, "train", stream=log):
        pass
    assert "100 %  0/0  done" in log.getvalue()


def test_a_kernel_updates_one_output_with_escaped_text(monkeypatch, clock):
    shown = []

    class Handle:
        def update(self, bundle, **how):
            shown.append((bundle, how))

    def display(bundle, **how):
        shown.append((bundle, how))
        return Handle()

    monkeypatch.setattr(module, "_in_kernel", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    with Progress(2, "<img src=x>") as bar:
        for _ in range(2):
            clock[0] += 1
            bar.update(text="<b>loss</b>")
    assert len(shown) == 4
    for bundle, how in shown:
        assert how["raw"]
        assert how["metadata"] == {"vidlab": {"progress": True}}
        assert "<img src" not in bundle["text/html"]
        assert "<b>" not in bundle["text/html"]
    assert 'value="2"' in shown[-1][0]["text/html"]
    assert shown[-1][0]["text/plain"].endswith("done in 2.0 s  <b>loss</b>")


@pytest.mark.parametrize(("total", "start"), [(-1, 0), (3, 4), (3, -1)])
def test_bad_counts(total, start):
    with pytest.raises(ValueError, match="allowed: 0 <= start <= total"):
        Progress(total, "x", start=start)
