"""The scoreboard in a browser: what the filters show and count, its looks, life without script."""

import re
from pathlib import Path

import pytest

from vidlab.labs.record import new_record, write_record
from vidlab.labs.scoreboard import count_sentence, read_board
from vidlab.labs.scoreboard_html import board_html, board_page

pytestmark = pytest.mark.browser

ARTEFACTS = Path(__file__).parents[2] / "artefacts"
NASTY = "<img src=x onerror=\"document.title='broken'\">"
VERDICTS = {"quick": [True, False, None, True], "full": [False, False, True]}


@pytest.fixture
def board(tmp_path):
    """Two labs; of `one` four claims at quick, three at full, and a run with other settings."""
    found = []
    for n, (lab, profile, scale) in enumerate(
        [("one", "quick", 1), ("one", "full", 1), ("one", "quick", 2), ("two", "quick", 1)]
    ):
        common = {"profile": profile, "seed": 0, "device": "cpu", "scale": scale}
        record = new_record(
            f"run{n}", lab=lab, title=f"Lab {lab}: {NASTY}", paper="A. Author", parameters=common
        )
        record.update(status="finished", finished=f"2026-01-0{n + 1}T00:00:00Z")
        for k, holds in enumerate(VERDICTS[profile]):
            texts = {"statement": f"Claim {k} of {lab} {NASTY}", "note": NASTY, "paper": NASTY}
            claim = {"id": f"c{k}", "observed": {NASTY: 1.5}, "holds": holds, **texts}
            record["claims"].append(claim)
        # Twice, with two seeds, where the settings are the usual ones.
        for seed in range(3 - scale):
            path = tmp_path / lab / f"run{n}-{seed}" / "record.json"
            path.parent.mkdir(parents=True)
            write_record(path, record | {"seed": seed, "run_id": path.parent.name})
            found.append(path)
    return read_board(found, notebooks=tmp_path)


@pytest.fixture
def visit(chromium, tmp_path):
    """Open a page from a file; afterwards it may not have complained or asked the network."""
    pages, complaints = [], []

    def open_page(html, width=1000, **options):
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        viewport = {"width": width, "height": 900}
        page = chromium.new_context(viewport=viewport, **options).new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(path.as_uri())
        complaints.remove(path.as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        assert "broken" not in page.title()
        page.context.close()
    assert not complaints


def claims(page):
    """The lab and id of the rows in sight, in their order."""
    rows = page.locator(".vb-claim").filter(visible=True)
    return [text.replace(" ", "") for text in rows.locator("code").all_inner_texts()]


def box(page, name):
    return page.get_by_role("combobox", name=name, exact=True)


def choose(page, name, value):
    box(page, name).select_option(value)


def count(page):
    return page.get_by_role("status").inner_text()


def test_filters_show_and_count_what_they_say(visit, board):
    page = visit(board_page(board))
    everything = claims(page)
    assert everything == [
        *("one/c0", "one/c0", "one/c1", "one/c1", "one/c2", "one/c2", "one/c3", "one/c3"),
        *("two/c0", "two/c1", "two/c2", "two/c3"),
    ]
    assert count(page) == count_sentence(board)
    assert count(page) == (
        "8 claims: 4 hold, 3 do not hold, 1 not tested; 4 more with other settings"
    )
    choose(page, "verdict", "does not hold")
    assert claims(page) == ["one/c0", "one/c1", "one/c1", "two/c1"]
    assert count(page).startswith("3 of 8 claims: 0 hold, 3 do not hold, 0 not tested; 1 more")
    choose(page, "profile", "quick")  # c0 fails only at full
    assert claims(page) == ["one/c1", "one/c1", "two/c1"]
    choose(page, "profile", "full")
    assert claims(page) == ["one/c0", "one/c1"]
    choose(page, "verdict", "any")
    assert claims(page) == ["one/c0", "one/c1", "one/c2"]  # the others were not run at full
    assert count(page) == "3 of 8 claims: 1 holds, 2 do not hold, 0 not tested"
    choose(page, "lab", "Lab two")
    assert claims(page) == []
    assert count(page) == "0 of 8 claims: 0 hold, 0 do not hold, 0 not tested"
    assert page.locator(".vb-lab").filter(visible=True).count() == 0
    page.get_by_role("button", name="show all").click()
    page.wait_for_function("document.querySelector('.vb-count').textContent.startsWith('8 ')")
    assert claims(page) == everything
    choose(page, "verdict", "contradictory")
    assert claims(page) == ["one/c0"]


def test_search_takes_words_in_any_order_and_any_case(visit, board):
    page = visit(board_page(board))
    page.get_by_role("searchbox", name="search").fill("C2 claim TWO")
    assert claims(page) == ["two/c2"]
    page.keyboard.press("Enter")  # loads nothing anew
    assert claims(page) == ["two/c2"]
    assert page.locator(".vb-lab").filter(visible=True).count() == 1


def test_orders(visit, board):
    page = visit(board_page(board))
    at_start = claims(page)
    choose(page, "order", "failing first")
    bars = page.locator(".vb-claim").evaluate_all("(rows) => rows.map((row) => row.dataset.all)")
    assert bars == ["fails"] * 4 + ["untested"] * 2 + ["holds"] * 6
    assert page.locator(".vb-lab").filter(visible=True).count() == 0
    choose(page, "order", "newest first")
    assert claims(page)[:4] == ["two/c0", "two/c1", "two/c2", "two/c3"]
    choose(page, "order", "as in the course")
    assert claims(page) == at_start
    assert page.locator(".vb-lab").filter(visible=True).count() == 2


def test_the_keyboard_reaches_every_filter(visit, board):
    page = visit(board_page(board))
    names = []
    for _ in range(6):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.name || document.activeElement.type"))
    assert names == ["lab", "verdict", "profile", "order", "search", "reset"]
    box(page, "verdict").focus()
    page.keyboard.press("ArrowDown")
    assert claims(page) == [
        *("one/c0", "one/c2", "one/c3", "one/c3", "two/c0", "two/c3"),
    ]


def test_without_script_everything_is_there(visit, board):
    page = visit(board_page(board), java_script_enabled=False)
    assert page.locator(".vb-claim").filter(visible=True).count() == 12
    assert not page.locator("form").is_visible()
    assert page.locator(".vb-count").inner_text() == count_sentence(board)


def test_two_boards_on_one_page_keep_to_themselves(visit, board):
    page = visit("<!doctype html><title>two</title>" + board_html(board) * 2)
    box(page, "verdict").first.select_option("not tested")
    counts = page.get_by_role("status").all_inner_texts()
    assert [text[:4] for text in counts] == ["1 of", "8 cl"]


CONTRASTS = """() => {
    const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const light = (c) => {
        const [r, g, b] = c.slice(0, 3).map((v) => v / 255)
            .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        if (!element) return [255, 255, 255];
        const own = parse(getComputedStyle(element).backgroundColor);
        const alpha = own.length === 4 ? own[3] : own.length ? 1 : 0;
        if (alpha === 1) return own.slice(0, 3);
        const rest = behind(element.parentElement);
        return rest.map((v, i) => v * (1 - alpha) + (own[i] ?? 0) * alpha);
    };
    const found = [];
    for (const element of document.querySelectorAll(".vidlab-board *")) {
        const words = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
        if (!words || element.closest("style, script")) continue;
        const pair = [light(parse(getComputedStyle(element).color)), light(behind(element))];
        const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        found.push([ratio, element.outerHTML.slice(0, 80)]);
    }
    return found;
}"""


@pytest.mark.parametrize(
    ("name", "scheme", "theme"),
    [
        ("light", "light", ""),
        ("dark", "dark", ""),
        ("book-dark", "light", "dark"),
        ("book-light", "dark", "light"),
    ],
)
def test_it_can_be_read_in_every_theme(visit, board, name, scheme, theme):
    html = board_page(board, lambda row, result: "page.html#claim")
    if theme:  # the book's theme sets the page's colours itself
        ground, ink = ("#14181d", "#e6ebf0") if theme == "dark" else ("#fff", "#1b1f24")
        body = f"<body style='background:{ground};color:{ink}'>"
        html = html.replace("<html", f'<html data-theme="{theme}"').replace("<body>", body)
    page = visit(html, color_scheme=scheme)
    found = page.evaluate(CONTRASTS)
    assert len(found) > 50
    assert min(found)[0] >= 4.5, min(found)
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"scoreboard-{name}.png")


@pytest.mark.parametrize("width", [320, 420, 760, 1200])
def test_no_width_makes_the_page_scroll_sideways(visit, board, width):
    page = visit(board_page(board), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.locator("td[data-head=paper]").first.bounding_box()
    assert paper["width"] > (0.7 if width < 700 else 0.1) * width
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"scoreboard-{width}.png")


def test_a_screen_reader_finds_the_table_on_a_narrow_page(visit, board):
    page = visit(board_page(board), width=400)
    table = page.get_by_role("table", name=re.compile("Every claim"))
    assert table.get_by_role("columnheader").count() == 4
    assert table.get_by_role("rowheader").count() == 2 + 12
    assert table.get_by_role("cell").count() == 3 * 12
