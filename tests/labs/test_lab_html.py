import base64
import re

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from vidlab.labs.html import notebook_to_html

PNG = base64.b64encode(b"\x89PNG not really").decode()


def page(*cells, title="A lab", metadata=None, folder=None):
    return notebook_to_html(new_notebook(cells=list(cells), metadata=metadata or {}), title, folder)


def output(**data):
    return new_output("display_data", {key.replace("_", "/"): value for key, value in data.items()})


def assert_offline(html):
    """Nothing is fetched: no script, style, image, frame or font from anywhere."""
    assert not re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*(?:https?:)?//", html)
    assert not re.findall(r"url\(\s*['\"]?(?:https?:)?//", html)
    assert not re.findall(r"@import|\bimport\(|from ['\"]https?:", html)


def test_the_page_needs_no_network():
    html = page(
        new_markdown_cell("# Title\n\n$x_1$ and $$\\sum_i y_i$$\n\n```mermaid\ngraph TD\n```"),
        new_code_cell("1 + 1", outputs=[output(text_html="<b>two</b>", text_plain="2")]),
        metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}},
    )
    assert_offline(html)
    assert "<script" not in html
    assert "widget-state" not in html
    assert "require" not in html.replace("required", "")
    assert "MathJax" not in html
    assert html.count("<math ") == 2
    assert html.count('<span class="formula"><math ') == 1
    assert "<b>two</b>" in html


def test_the_static_twin_of_a_widget_is_chosen():
    view = {
        "application/vnd.jupyter.widget-view+json": {"model_id": "abc"},
        "text/html": "<div id=twin></div><script>document.title</script>",
        "text/plain": "Explorer()",
    }
    html = page(new_code_cell("x", outputs=[new_output("display_data", view)]))
    assert "<div id=twin" in html or '<div id="twin"' in html
    assert "<script>document.title</script>" in html
    assert "model_id" not in html


def test_hidden_and_removed_cells():
    def cell(tag, source):
        return new_code_cell(
            source,
            outputs=[new_output("stream", name="stdout", text=f"out-{source}")],
            metadata={"tags": [tag]},
        )

    html = page(
        cell("hide-input", "AAA"),
        cell("remove-cell", "BBB"),
        cell("remove-input", "CCC"),
        cell("remove-output", "DDD"),
        cell("hide-output", "EEE"),
        cell("hide-cell", "FFF"),
        cell("other", "GGG"),
    )
    folded = re.findall(r"<details.*?</details>", html, re.DOTALL)
    assert len(folded) == 4
    inside = "".join(folded)
    # In words: highlighting puts the source into spans, the output is plain.
    assert ">AAA<" in inside
    assert "out-AAA" not in inside
    assert "out-AAA" in html
    assert "BBB" not in html
    assert ">CCC<" not in html
    assert "out-CCC" in html
    assert "out-DDD" not in html
    assert "out-EEE" in inside
    assert ">EEE<" not in inside
    assert "out-FFF" in inside
    assert ">FFF<" in inside
    assert "GGG" not in inside


def test_title_and_text_outputs_are_escaped():
    hostile = "</title><script>alert(1)</script>"
    html = page(
        new_code_cell(
            "x",
            outputs=[
                new_output("stream", name="stdout", text=hostile),
                output(text_plain=hostile),
                new_output("error", ename="E", evalue=hostile, traceback=[hostile]),
            ],
        ),
        title=hostile,
    )
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4


def test_images_of_markdown_cells_are_embedded(tmp_path):
    (tmp_path / "dot.png").write_bytes(base64.b64decode(PNG))
    html = page(new_markdown_cell("![a dot](dot.png)"), folder=tmp_path)
    assert 'src="dot.png"' not in html
    assert f"base64,{PNG}" in html
    assert 'alt="a dot"' in html


def test_the_notebook_given_stays_as_it_is():
    notebook = new_notebook(cells=[new_markdown_cell("$x$")])
    notebook_to_html(notebook, "T")
    assert notebook.cells[0].source == "$x$"
    assert "title" not in notebook.metadata
