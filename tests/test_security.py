"""The promises of SECURITY.md that belong to no single module, and that all of them have tests."""

import ast
import json
import re
import secrets
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import psutil
import pytest

ROOT = Path(__file__).parents[1]
HOSTILE = "</script><script>alert('vidlab')</script><img src=x onerror=alert(1)>"
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def sources():
    """(where, source) of all code that runs: the package's modules and the cells of the labs."""
    for path in sorted((ROOT / "vidlab").rglob("*.py")):
        yield str(path.relative_to(ROOT)), path.read_text("utf-8")
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        for number, cell in enumerate(json.loads(path.read_text("utf-8"))["cells"]):
            if cell["cell_type"] == "code":
                yield f"{path.name}[{number}]", "".join(cell["source"])


def dotted(node):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([getattr(node, "id", "?"), *reversed(parts)])


def faults(source):
    """What a source does that no source may do."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
            found = UNPICKLERS.intersection(name.split(".")[0] for name in names)
            if found:
                yield f"imports {found.pop()}"
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        given = {k.arg: k.value for k in node.keywords}
        if name in ("eval", "exec", "compile", "os.system", "os.popen", "pd.read_pickle"):
            yield f"calls {name}"
        if name in ("np.load", "numpy.load"):
            kept = given.get("allow_pickle")
            if not (isinstance(kept, ast.Constant) and kept.value is False):
                yield "np.load without allow_pickle=False"
        if name == "torch.load":
            kept = given.get("weights_only")
            if not (isinstance(kept, ast.Constant) and kept.value is True):
                yield "torch.load without weights_only=True"
        if name in ("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load") and (
            "Loader" not in given or dotted(given["Loader"]) not in ("yaml.BaseLoader",)
        ):
            yield f"{name} with a loader that makes objects"
        if "shell" in given:
            yield f"{name} with shell="


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "np.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text, Loader=yaml.Loader)",
        "subprocess.run('ls', shell=True)",
    ],
)
def test_the_search_finds_what_it_looks_for(source):
    assert list(faults(source))


def test_nothing_unpickles_or_evaluates():
    found = [f"{where}: {fault}" for where, text in sources() for fault in faults(text)]
    assert not found


def test_no_archive_is_unpacked():
    words = re.compile(r"\b(extractall|unpack_archive|tarfile|ZipFile)\b")
    assert not [where for where, text in sources() if words.search(text)]


def test_every_promise_names_tests_that_exist():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text("utf-8"))
    assert len(named) > 12
    for path, name in named:
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.M), (path, name)


def test_every_explorer_takes_hostile_titles_as_text():
    from vidlab.widgets import ConfusionExplorer, SimilarityExplorer

    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 20)
    confused = ConfusionExplorer(truth, truth, [HOSTILE, "b"], title=HOSTILE, alt=HOSTILE)
    alike = SimilarityExplorer(
        random.normal(size=(1, 4, 3)), random.normal(size=(1, 4, 3)), title=HOSTILE, alt=HOSTILE
    )
    for explorer in (confused, alike):
        page = explorer.html()
        assert HOSTILE not in page
        assert "<img src=x" not in page
        assert "</script><script>" not in page.replace("</script>\n<script", "")


@pytest.fixture
def jupyter():
    """The server that `make jupyter` starts, on a free port: (its process, the port)."""
    told = subprocess.run(
        ["make", "-n", "jupyter", f"VENV={Path(sys.prefix)}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    line = next(line for line in told.stdout.splitlines() if "jupyter lab" in line)
    flags = shlex.split(line)[2:]
    assert not [flag for flag in flags if "token" in flag or "password" in flag]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", f"--port={port}", *flags]
    if hasattr(psutil, "LINUX") and psutil.Process().uids().real == 0:
        command.append("--allow-root")
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        yield process, port
    finally:
        process.terminate()
        process.wait(60)


def status(port, token=""):
    request = f"http://127.0.0.1:{port}/api/contents?token={token}"
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def test_jupyter_is_local_and_wants_a_token(jupyter):
    process, port = jupyter
    for _ in range(1200):
        if status(port) is not None:
            break
        assert process.poll() is None, "the server ended"
        time.sleep(0.1)
    assert status(port) == 403
    assert status(port, secrets.token_hex(24)) == 403
    listening = [c for c in psutil.Process(process.pid).net_connections() if c.status == "LISTEN"]
    assert {c.laddr.ip for c in listening if c.laddr.port == port} == {"127.0.0.1"}
