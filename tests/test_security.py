"""The promises of SECURITY.md that belong to no single module, and that all of them have tests."""

import ast
import builtins
import importlib.util
import json
import re
import secrets
import shlex
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from fnmatch import fnmatchcase
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from zlib import crc32

import psutil
import pytest

from vidlab import widgets
from vidlab.batch.sweep import SweepError, read_sweep
from vidlab.datasets.base import DataError
from vidlab.datasets.frame_folders import read_frame
from vidlab.datasets.scene_text import Word, read_crop
from vidlab.labs import cards
from vidlab.labs.record import new_record
from vidlab.labs.yamltext import read_yaml

ROOT = Path(__file__).parents[1]
SECURITY = ROOT / "SECURITY.md"
HOSTILE = "</script><script>alert('vidlab')</script><img src=x onerror=alert(1)>"
# Full names (as patterns) that no code of ours may even mention.
DENIED = {
    "unpickles": "*pickle *pickle.* *.read_pickle dill* joblib* shelve* marshal* *.read_hdf "
    "*.HDFStore torch.jit.load torch.hub* torch.package* torch.serialization*",
    "runs text or files as Python": "eval exec compile __builtins__* builtins* code code.* codeop* "
    "runpy* imp imp.* *.SourceFileLoader *.spec_from_file_location pandas.eval *.run_cell* "
    "*.run_line_magic timeit*",
    "makes objects of text": "yaml.*unsafe_* yaml.*full_load* yaml.*Unsafe* yaml.*Full* "
    "yaml.Loader yaml.CLoader ruamel* jsonpickle*",
    "starts a shell": "os.system os.popen* posix posix.* nt nt.* pty* commands* *.getoutput "
    "*.getstatusoutput *subprocess_shell os.exec* os.spawn* os.posix_spawn*",
    "reads pictures with any decoder": "*.imread* *.imdecode*",
    "unpacks an archive": "*.extract *.extractall *.unpack_archive tarfile* py7zr* rarfile* "
    "libarchive* patoolib*",
    "imports nobody knows what": "<computed>* *.[*]",
}
# Keywords that may be given with this value only, whatever is called.
KEYWORDS = {"allow_pickle": False, "weights_only": True, "shell": False}
# What may only be called, in place, and with this keyword.
WANTED = {
    "numpy.load": "allow_pickle",
    "numpy.lib.npyio.load": "allow_pickle",
    "numpy.lib.format.read_array": "allow_pickle",
    "numpy.lib.format.open_memmap": "allow_pickle",
    "torch.load": "weights_only",
    "yaml.load": "Loader",
    "yaml.load_all": "Loader",
    "PIL.Image.open": "formats",
}
LOADERS = {f"yaml.{c}{kind}Loader" for c in ("", "C") for kind in ("Base", "Safe")}
IMPORTERS = ("__import__", "importlib.import_module", "importlib.__import__")
RUNNERS = ("subprocess.", "asyncio.create_subprocess_exec")
SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "csh", "fish", "cmd", "cmd.exe", "powershell", "pwsh"}
UNPACKERS = {"tar", "bsdtar", "unzip", "7z", "7za", "unrar", "cpio"}
# (where, line): why this one line may do what no other may.
ALLOWED = {
    (
        "vidlab/course/guard.py",
        'exec(compile(code, name, "exec"), space)',
    ): "what students hand in is a program; it is run in the sandbox",
    (
        "benchmarks/video_corruption.py",
        '[sys.executable, "-c", REFERENCE, str(path), how, json.dumps(numbers)],',
    ): "REFERENCE is a text of that module",
}


def sources():
    """(where, source) of all code that runs: the repository's modules and the cells of the labs."""
    for folder in ("vidlab", "book", "data", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "_build" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_text("utf-8")
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        yield path.name, "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


def constant(node):
    return node.value if isinstance(node, ast.Constant) else None


def imports(tree):
    """({name in the source: full name of what was imported}, [(that full name, node)])."""
    known, every = {}, []

    def add(here, name):  # a name of two things is a name of nothing that can be judged
        known[here] = name if known.get(here, name) == name else "<computed>"

    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                first = one.name.split(".")[0]  # `import a.b` makes an `a`
                add(one.asname or first, one.name if one.asname else first)
                every.append((one.name, node))
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            for one in node.names:
                name = f"{'.' * node.level}{node.module or ''}.{one.name}"
                add(one.asname or one.name, name)
                every.append((name, node))
    return known, every


def full_name(node, known):
    """`numpy.load` for np.load, for getattr(np, "load") and for __import__("numpy").load."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id if hasattr(builtins, node.id) or "__" in node.id else "?")
    if isinstance(node, ast.Attribute):
        return f"{full_name(node.value, known)}.{node.attr}"
    if isinstance(node, ast.Call):
        called = full_name(node.func, known)
        if called == "getattr" and constant(node.args[1]):
            return f"{full_name(node.args[0], known)}.{constant(node.args[1])}"
        if called in IMPORTERS:
            text = node.args[0] if node.args else None
            if isinstance(text, ast.JoinedStr):  # f"vidlab.{name}" stays at home
                start = str(constant(text.values[0]))
                return start if start.startswith("vidlab.") else "<computed>"
            return constant(text) or "<computed>"
    return "?"


@cache
def denied(name):
    """Why no code may mention this full name: a list, empty if it may."""
    return [
        why for why, those in DENIED.items() if any(fnmatchcase(name, p) for p in those.split())
    ]


def faults(source):
    """(line number, what a source does that no source may do)."""
    tree = ast.parse(source)
    known, imported = imports(tree)
    called = set()  # functions that are called in place, with the keyword that they need
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            yield from shell_words(node.elts)
        if isinstance(node, ast.Call):
            yield from call_faults(node, known)
            name, given = full_name(node.func, known), {k.arg for k in node.keywords}
            if name in IMPORTERS or WANTED.get(name) in given:
                called.add(node.func)
    names = [(full_name(n, known), n) for n in ast.walk(tree) if isinstance(n, ast.expr)]
    for name, node in names + imported:
        for why in denied(name):
            yield node.lineno, f"{why}: {name}"
        if name in (*WANTED, *IMPORTERS) and node not in called and isinstance(node, ast.expr):
            yield node.lineno, f"{name} not called in place, with {WANTED.get(name, 'a name')}"


def call_faults(node, known):
    name = full_name(node.func, known)
    given = {k.arg: k.value for k in node.keywords}
    for key, value in KEYWORDS.items():
        if key in given and constant(given[key]) is not value:
            yield node.lineno, f"{name} with {key}= that is not {value}"
    if name in WANTED and "Loader" in given and full_name(given["Loader"], known) not in LOADERS:
        yield node.lineno, f"{name} with a loader that makes objects"
    if name.startswith(RUNNERS):
        yield from shell_words(node.args)
        if {None, "executable"} & {*given} or (len(node.args) > 1 and name.startswith("sub")):
            yield node.lineno, f"{name} with **, executable= or its options by position"


def shell_words(nodes):
    words = [str(constant(node)) for node in nodes]
    program = words[0].rsplit("/")[-1].lower() if words else ""
    if program in SHELLS or "-c" in words:
        yield nodes[0].lineno, f"runs a shell, or text: {words}"
    if program in UNPACKERS:
        yield nodes[0].lineno, f"unpacks an archive: {words}"


EVASIONS = """\
import pickle
import pickle as p
from joblib import load
import _pickle
__import__('pickle')
import importlib; importlib.import_module('pickle')
from importlib import import_module as bring; bring('pickle')
import importlib; importlib.import_module(name)
import importlib; importlib.import_module(f'{name}.x')
import importlib; bring = importlib.import_module
from numpy import load; load(path); from json import load
import pandas; pandas.read_pickle(path)
import pandas as pd; read = pd.read_pickle
import numpy as np; np.load(path)
import numpy as np; np.load(path, None, True)
import numpy as np; read = np.load
import numpy as np; np.load(path, **options)
import numpy as np; getattr(np, 'load')(path)
from numpy import load; load(p, allow_pickle=True)
from numpy import *; load(p)
import numpy as np; np.lib.format.read_array(file, allow_pickle=True)
import numpy as np; np.lib.format.read_array(file)
import functools, numpy; functools.partial(numpy.load, allow_pickle=True)
import torch; torch.load(path)
import torch; torch.load(path, weights_only=False)
from torch import load; load(path, weights_only=False)
import torch; torch.jit.load(path)
eval('1')
import builtins; builtins.eval('1')
__builtins__['eval']('1')
list(map(exec, texts))
import runpy; runpy.run_path(path)
import yaml; yaml.load(text, Loader=yaml.Loader)
import yaml; yaml.load(text, yaml.SafeLoader)
from yaml import unsafe_load; unsafe_load(text)
import subprocess; subprocess.run('ls', shell=True)
import subprocess; subprocess.run(cmd, **{'shell': True})
import subprocess; subprocess.run(cmd, -1, None, None, None, None, None, True, True)
import subprocess; subprocess.run(['sh', '-c', cmd])
import subprocess; command = ('/bin/bash', script); subprocess.run(command)
import subprocess; subprocess.run(['env', 'sh', '-c', cmd])
import subprocess; subprocess.run(cmd, executable='/bin/sh')
import subprocess, sys; subprocess.run([sys.executable, '-c', text])
import subprocess; subprocess.getoutput(cmd)
from subprocess import Popen as start; start(cmd, shell=yes)
import asyncio; asyncio.create_subprocess_shell(cmd)
import asyncio; asyncio.create_subprocess_exec('sh', '-c', cmd)
from PIL import Image; Image.open(path)
import cv2; cv2.imread(path)
import zipfile as z; z.ZipFile(path).extractall(folder)
import shutil; shutil.unpack_archive(path)
import tarfile
import subprocess; subprocess.run(['tar', '-xf', path])
import os; os.system(cmd)
from os import popen as ask; ask(cmd)
import os; os.execlp('sh', 'sh', '-c', cmd)""".splitlines()

HARMLESS = """\
network.eval()
import re; re.compile('a')
import numpy as np; np.load(path, allow_pickle=False)
from numpy import load as read; read(path, allow_pickle=False)
import torch; torch.load(path, map_location='cpu', weights_only=True)
import yaml; yaml.load(text, Loader=yaml.BaseLoader); yaml.safe_load(text)
import subprocess, sys; subprocess.run([sys.executable, '-m', 'sphinx'], check=True)
import os; os.unlink(path); os.environ.get('HOME')
from importlib import import_module; import_module(f'vidlab.{name}')
from __future__ import annotations; from .commands import code; from . import annotations
import ast, json; ast.literal_eval(text); json.load(file)
load(path); code = 1; animals = ['cat', 'fish']""".splitlines()


@pytest.mark.parametrize("source", EVASIONS)
def test_the_search_finds_every_evasion(source):
    assert list(faults(source))


@pytest.mark.parametrize("source", HARMLESS)
def test_the_search_lets_harmless_lines_be(source):
    assert not list(faults(source))


@cache
def found():
    """Every fault of all code: [(where, the whole line, what)]."""
    return [
        (where, text.splitlines()[number - 1].strip(), fault)
        for where, text in sources()
        for number, fault in faults(text)
    ]


def test_nothing_unpickles_or_evaluates():
    assert not [fault for fault in found() if fault[:2] not in ALLOWED]
    assert {fault[:2] for fault in found()} == {*ALLOWED}, "what is allowed is no longer there"


def test_no_yaml_makes_objects(tmp_path):
    """A text that calls `open`, where a loader does what it says: as a sweep, and as a value."""
    mark = tmp_path / "made"
    calls = f"[!!python/object/apply:builtins.open [{mark}, w]]"
    path = tmp_path / "sweep.yaml"
    path.write_text(f"runs: {calls}")
    with pytest.raises(SweepError):
        read_sweep(path)
    assert read_yaml(calls) == [[str(mark), "w"]]
    assert not mark.exists()


def test_no_archive_is_unpacked():
    assert not [fault for fault in found() if fault[2].startswith("unpacks")]


def huge_picture(path, side):
    """A small file that says that it is a picture of so many pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b""))
    return path


def test_no_picture_is_read_beyond_a_size(tmp_path):
    # Of both sizes Pillow would begin to read the picture; of the second it warns.
    with pytest.raises(DataError, match="9000 × 9000 pixels are too many"):
        read_frame(huge_picture(tmp_path / "a.png", 9000), 8)
    with pytest.raises(DataError, match="144000000 pixels"):
        read_crop(Word(huge_picture(tmp_path / "b.png", 12_000), "text", None, "list, line 1"))


def test_every_promise_names_tests_that_exist():
    table = re.findall(r"^\| (?!promise|---)(.*)\|(.*)\|$", SECURITY.read_text("utf-8"), re.M)
    assert len(table) > 10
    for promise, kept_by in table:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", kept_by)
        assert len(named) == kept_by.count("::") > 0, promise
        for path, name in named:
            assert name.startswith("test_"), f"{name} is no test"
            assert re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.M), name


def helpers(name):
    """The module that tests an explorer: it knows how to make a small one."""
    path = ROOT / "tests" / "widgets" / f"test_{name}_explorer.py"
    spec = importlib.util.spec_from_file_location(f"of_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hostile_explorers():
    """Every explorer, with hostile words wherever it takes words."""
    bad, names = HOSTILE, [f"{k} {HOSTILE}" for k in range(9)]
    attention, layer = helpers("attention"), helpers("binarization").view
    gloss, order, proposal = helpers("gloss_alignment"), helpers("order"), helpers("proposal")
    outputs = {kind: {bad: gloss.make()[kind]["x"]} for kind in ("visual", "contextual")}
    view = attention.AttentionView(
        attention.rows_of_one(1, 2, 2), attention.Tokens((bad,), (bad,)), name=bad
    )
    return [
        helpers("alignment").build(class_names=names[:4]),
        widgets.AttentionExplorer([view], head_names=[bad], layer_names=[bad]),
        widgets.BinarizationExplorer([layer(names[0]), layer(names[1])]),
        helpers("confusion").build(
            predictions={bad: [0] * 8}, class_names=names[:4], clip_names=names[:8]
        ),
        gloss.build(
            **outputs, hypotheses={bad: [(1,), (4,)]}, segments=None, class_names=names[:9]
        ),
        order.make(logits={bad: order.logits_of()["TRN"]}, class_names=names[:5]),
        proposal.make(neighbours={bad: proposal.nearest(proposal.alike())}),
        helpers("similarity").build(methods=(bad,), names=(bad, bad), class_names=names[:3]),
        helpers("sphere").build(class_names=names[:3]),
        helpers("tag").build(windows=[[bad, bad], [bad]], truth=None, names=names[:2]),
    ]


class Elements(HTMLParser):
    """The elements of a page, each with the names of its attributes, and the text after each."""

    def __init__(self, page):
        super().__init__()
        self.found, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, *sorted(name for name, _ in attrs)))
        self.texts.append("")

    def handle_data(self, data):
        self.texts[-1] += data


def test_every_explorer_takes_hostile_titles_as_text():
    explorers = hostile_explorers()
    every = {name for name in widgets.__all__ if name.endswith("Explorer")} - {"Explorer"}
    assert {type(explorer).__name__ for explorer in explorers} == every
    for explorer in explorers:
        explorer.title = explorer.alt = HOSTILE
        page = Elements(explorer.html())
        assert page.found == [
            ("div", "id"), ("p",), ("style",), ("script", "id", "type"), ("script", "type")
        ], type(explorer)  # fmt: skip
        assert page.texts[1].strip() == HOSTILE  # instead of the picture
        assert not {*"<>"} & {*page.texts[3]}, "a script may end, or a comment begin"
        state = json.loads(page.texts[3])
        assert state["title"] == state["alt"] == HOSTILE
        assert HOSTILE in json.dumps(state["_data"]), f"{type(explorer)} got no hostile names"


def test_every_word_of_a_record_is_text():
    bad, path = HOSTILE, Path(HOSTILE)
    split = {"how": bad, "leaky": True, "shared_groups": 1, "sizes": {bad: 1}}
    claim = {"id": bad, "statement": bad, "paper": bad, "observed": {bad: bad}, "note": bad}
    parameters = {"profile": bad, "seed": 0, "device": bad, bad: bad}
    record = new_record("1", lab=bad, title=bad, paper=bad, parameters=parameters)
    record |= {"device": {"name": bad, "type": bad}, "claims": [claim | {"holds": True}]}
    record["data"] = {"name": bad, "source": bad, "sha256": None, "split": split}
    page = Elements(
        cards.header_html(record, path)
        + cards.claims_html(record, [(bad, path)])
        + cards.figure_html(bytes(20), bad, dpi=96)
    )
    assert "".join(page.texts).count(HOSTILE) >= 14
    tags = [tag for tag, *_ in page.found]
    assert tags.count("img") == 1  # of the figure
    assert "script" not in tags
    assert not [name for _, *names in page.found for name in names if name.startswith("on")]


def test_no_script_of_ours_makes_elements_of_text():
    writes = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|srcdoc"
        r"|setHTML|DOMParser|(?<![.\w])eval\(|new Function"
    )
    paths = [
        path for path in (ROOT / "vidlab").rglob("*.*") if path.suffix in (".js", ".html", ".py")
    ]
    assert not [path.name for path in paths if writes.search(path.read_text("utf-8"))]


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
