"""A live explorer in JupyterLab: the slider reaches the kernel, the kernel moves the slider."""

import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser

ARTEFACTS = Path(__file__).parents[2] / "artefacts"

BUILD = """
import numpy as np
from vidlab.widgets import AlignmentExplorer
random = np.random.default_rng(0)
frames = random.integers(0, 256, (12, 12, 12), dtype=np.uint8)
angles = random.uniform(0.3, 2.4, (12, 3))
explorer = AlignmentExplorer(frames, angles, [1, 2], 8, class_names=["blank", "a", "b"], eta=0.4)
explorer
"""
ASK = 'print("eta in Python:", round(explorer.eta, 2), "cursor:", explorer.cursor)'
TELL = "explorer.eta = 0.75"

BUILD_BINARY = """
from vidlab.widgets import BinarizationExplorer, LayerView
random = np.random.default_rng(0)
layers = [
    LayerView(name, random.normal(0, width, (4, 2, 3, 3, 3)), random.normal(0, 1, 50))
    for name, width in [("conv2a", 0.1), ("conv3a", 0.02)]
]
binary = BinarizationExplorer(layers)
binary
"""
ASK_BINARY = """
error = binary.error(binary.layer, binary.bias, binary.scale)
print("layer:", binary.layer, f"error: {error:.4f}", "off:", binary.bias > 0)
"""
TELL_BINARY = "binary.layer = 0; binary.bias = 0.04"

BUILD_GLOSS = """
from vidlab.widgets import ConfusionExplorer, GlossAlignmentExplorer, SimilarityExplorer
names = ["blank", "RAIN", "SUN"]
chances = {m: [random.dirichlet([1, 1, 1], 9) for _ in range(2)] for m in ("ctc", "ws")}
gloss = GlossAlignmentExplorer(
    [(1, 2), (2,)], {m: [(1,), (2,)] for m in chances}, chances, chances, class_names=names,
    segments={m: [random.integers(0, 3, (3, 9)) for _ in range(2)] for m in chances})
alike = SimilarityExplorer(random.normal(size=(2, 6, 4)), random.normal(size=(2, 6, 4)))
confused = ConfusionExplorer(random.integers(0, 3, 40), random.integers(0, 3, 40), names)
from IPython.display import display
display(gloss, alike, confused)
"""
ASK_GLOSS = """
print("gloss:", gloss.method, gloss.sample, gloss.radius, "alike:", alike.sample, alike.band,
      "confused:", confused.order, confused.normalised)
"""
TELL_GLOSS = "gloss.radius = 0; alike.band = 5; confused.order = 'error'"

BUILD_ATTENTION = """
from vidlab.widgets import AttentionExplorer, AttentionView, Tokens
weights = random.dirichlet(np.ones(12), (2, 12))
looks = AttentionExplorer([AttentionView(weights, Tokens(frames=frames))])
looks
"""
ASK_ATTENTION = 'print("looks:", looks.query, looks.head, looks.mode)'
TELL_ATTENTION = "looks.query = 11; looks.mode = 'rollout'"
CELLS = (
    BUILD, ASK, TELL, BUILD_BINARY, ASK_BINARY, TELL_BINARY, BUILD_GLOSS, ASK_GLOSS, TELL_GLOSS,
    BUILD_ATTENTION, ASK_ATTENTION, TELL_ATTENTION,
)  # fmt: skip


@pytest.fixture
def lab(tmp_path, quiet_environment):
    """The address of a JupyterLab with the notebook; stopped afterwards."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, tmp_path / "live.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
        "--expose-app-in-browser", f"--IdentityProvider.token={token}", "--allow-root",
        "--LabApp.news_url=None", f"--ServerApp.root_dir={tmp_path}",
    ]  # fmt: skip
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=quiet_environment, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/api?token={token}", server, tmp_path / "server.log")
        yield f"http://127.0.0.1:{port}/lab/tree/live.ipynb?token={token}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(url, server, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-2000:]}")


def run_cell(page, index):
    """Run one cell of the notebook and wait until the kernel has done so."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(index)
    cell.locator(".jp-Editor").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        """(index) => /\\[\\d+\\]/.test(document.querySelectorAll(
            ".jp-Notebook .jp-CodeCell .jp-InputArea-prompt")[index].textContent)""",
        arg=index,
    )


def answer(page, index=1):
    """What the asking cell prints, asked anew."""
    page.evaluate(
        """(index) => document.querySelectorAll(
            ".jp-Notebook .jp-CodeCell .jp-InputArea-prompt")[index].textContent = "" """,
        index,
    )
    run_cell(page, index)
    page.wait_for_timeout(300)
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(index)
    return cell.locator(".jp-OutputArea").inner_text()


def says(page, wanted, index=1):
    """Wait until the asking cell prints this: what the page does reaches the kernel in time."""
    for _ in range(20):
        if wanted in (said := answer(page, index)):
            return
    pytest.fail(f"wanted {wanted!r}, the kernel says {said!r}")


def test_slider_and_kernel_move_each_other(chromium, lab):
    context = chromium.new_context(viewport={"width": 1300, "height": 1400})
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(60_000)
    page.goto(lab)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_selector(".jp-NotebookPanel-toolbar >> text=Python 3")
    page.wait_for_timeout(3000)  # the kernel's connection follows its name
    run_cell(page, 0)
    slider = page.get_by_role("slider", name="radial constraint η")
    slider.wait_for()
    assert page.locator(".vl-explorer").count() == 1, "the page for no kernel is shown, too"
    assert slider.input_value() == "0.4"
    says(page, "eta in Python: 0.4 cursor: 0")

    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    plot = page.locator(".vl-plot")
    plot.focus()
    page.keyboard.press("ArrowRight")
    says(page, "eta in Python: 0.5 cursor: 1")

    run_cell(page, 2)
    page.wait_for_function("document.querySelector('.vl-slider output').textContent === '0.75'")
    assert slider.input_value() == "0.75"
    assert page.locator("[data-fact=kappa]").inner_text() == str(3 + int(10 * 0.75))
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / "jupyterlab.png")
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    page.wait_for_function("document.querySelector('.vl-explorer').dataset.theme === 'dark'")

    run_cell(page, 3)
    card = page.locator(".vl-binarization")
    shown = card.locator("[data-fact=error]")
    shown.wait_for()
    card.get_by_role("combobox", name="layer").focus()
    page.keyboard.press("ArrowRight")
    card.get_by_role("slider", name="bias b").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    says(page, f"layer: 1 error: {shown.inner_text()} off: True", 4)
    run_cell(page, 5)
    page.wait_for_function("document.querySelector('.vl-binarization select').value === '0'")
    error = float(answer(page, 4).split()[3])
    assert error == pytest.approx(float(shown.inner_text()), abs=2e-3)  # 0.04 is between steps

    run_cell(page, 6)
    cards = page.locator(".jp-CodeCell").nth(6).locator(".vl-explorer")
    gloss, alike, confused = (cards.nth(k) for k in range(3))
    gloss.get_by_role("combobox", name="method").select_option("ws")
    gloss.get_by_role("button", name="next sentence").click()
    radius = gloss.get_by_role("slider", name="GSBA radius d")
    radius.focus()
    page.keyboard.press("ArrowRight")
    band = alike.get_by_role("slider")
    band.focus()
    page.keyboard.press("ArrowRight")
    confused.get_by_role("combobox", name="order").select_option("frequency")
    says(page, "gloss: ws 1 1 alike: 0 3 confused: frequency True", 7)
    run_cell(page, 8)
    says(page, "gloss: ws 1 0 alike: 0 5 confused: error True", 7)
    assert (radius.input_value(), band.input_value()) == ("0", "5")
    assert confused.get_by_role("combobox", name="order").input_value() == "error"
    page.screenshot(path=ARTEFACTS / "jupyterlab-gloss.png")

    run_cell(page, 9)
    looks = page.locator(".vl-attention")
    query = looks.locator("[data-fact=query]")
    query.wait_for()
    looks.locator(".vl-ask").focus()
    for key in ("ArrowRight", "ArrowRight", "]"):
        page.keyboard.press(key)
    says(page, "looks: 2 1 head", 10)
    assert query.inner_text() == "frame 2"
    run_cell(page, 11)
    says(page, "looks: 11 1 rollout", 10)
    assert query.inner_text() == "frame 11"
    assert looks.get_by_role("combobox", name="show").input_value() == "rollout"
    page.screenshot(path=ARTEFACTS / "jupyterlab-attention.png")
    context.close()
    assert not errors, f"the page complained: {errors}"
