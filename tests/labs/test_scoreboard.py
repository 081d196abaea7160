"""The scoreboard: what is shown, what is counted, what is never mixed, what is left out."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

from vidlab.labs import cards
from vidlab.labs.catalogue import find_lab, read_notebook, scan
from vidlab.labs.defaults import default_settings
from vidlab.labs.parameters import read_parameters
from vidlab.labs.record import new_record, write_record
from vidlab.labs.scoreboard import BoardError, count_sentence, find_records, read_board, to_frame
from vidlab.labs.scoreboard_html import board_html, board_page
from vidlab.labs.scoreboard_report import board_csv, board_json, links_from, written

NASTY = '<img src=x onerror="alert(1)"></script><script>alert(2)</script>'
DEFAULTS = {"eta": 0.4, "epochs": 2, "etas": [0.0, 0.2]}


def claim(id="a", holds=True, observed=0.5, **changes):
    made = {"id": id, "statement": f"It does {id}", "paper": 1, "observed": observed}
    return {**made, "holds": holds, "note": "", **changes}


def put(folder, *claims, lab="tiny", profile="quick", seed=0, day=1, settings=None, **changes):
    """Write a finished run of a lab; the defaults are those of the notebook in conftest.py."""
    common = {"profile": profile, "seed": seed, "device": "cpu", "output_dir": "o"}
    epochs = {"epochs": 9 if profile == "full" else 2}
    parameters = {**common, "data_dir": None, **DEFAULTS, **epochs, **(settings or {})}
    run_id = f"{len(list(folder.rglob('record.json'))):04d}"
    record = new_record(run_id, lab=lab, title=f"The {lab} lab", paper="P", parameters=parameters)
    finished = f"2026-01-{day:02d}T10:00:00.000Z"
    record.update(claims=list(claims), device={"name": "chip", "type": "cpu"})
    record.update({"status": "finished", "finished": finished, **changes})
    path = folder / lab / run_id / "record.json"
    path.parent.mkdir(parents=True)
    write_record(path, record)
    return path


@pytest.fixture
def runs(lab_folder, write_lab, tmp_path):
    """An empty folder of runs, beside a catalogue with the lab `tiny`."""
    write_lab(lab_folder, ["LAB"])
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def test_rows_say_what_the_record_says(runs):
    path = put(runs, claim("a", True, {"x": 0.51234567}, note="n"), claim("b", False), claim("c"))
    (path.parent / "lab.html").write_text("page")
    board = read_board([runs])
    assert [row.claim for row in board.rows] == ["a", "b", "c"]
    row = board.rows[0]
    assert (row.lab, row.title, row.citation, row.part) == ("tiny", "The tiny lab", "P", "10-test")
    assert (row.statement, row.paper, row.settings, set(row.cells)) == (
        "It does a", "1", "", {"quick"}
    )  # fmt: skip
    cell = row.cells["quick"]
    assert (cell.observed, cell.holds, cell.note) == ("x: 0.5123", True, "n")
    assert (cell.device, cell.date, cell.seed) == ("cpu (chip)", "2026-01-01 10:00:00", 0)
    assert cell.link == f"{path.parent / 'lab.html'}#claim-a"
    assert cell.newest
    assert board.left_out == ()


def test_the_page_of_a_run_has_the_anchor_that_the_board_links_to(runs):
    path = put(runs, claim("eta-raises-map"))
    (path.parent / "lab.html").write_text("page")
    anchor = read_board([runs]).rows[0].cells["quick"].link.partition("#")[2]
    record = json.loads(path.read_text())
    assert f'<tr id="{anchor}"' in cards.claims_html(record, [])


def test_the_newest_run_is_shown_and_seeds_are_counted(runs):
    put(runs, claim(holds=True, observed=0.1), seed=0, day=3)
    put(runs, claim(holds=False, observed=0.2), seed=1, day=9)
    put(runs, claim(holds=True, observed=0.3), seed=2, day=5)
    put(runs, claim(holds=False, observed=0.4), seed=0, day=1)  # replaced by the first
    (row,) = read_board([runs]).rows
    assert (row.cells["quick"].observed, row.cells["quick"].seed) == ("0.2", 1)
    assert row.holds is False
    assert row.seeds("quick") == {0: True, 1: False, 2: True}
    assert row.tally("quick") == "3 seeds: holds with 2, does not hold with 1"
    assert row.differs
    assert [result.observed for result in row.runs] == ["0.2", "0.3", "0.1", "0.4"]


def test_seeds_that_agree_do_not_contradict(runs):
    for seed in range(3):
        put(runs, claim(holds=False), claim("b", None if seed else True), seed=seed, day=seed + 1)
    a, b = read_board([runs]).rows
    assert a.tally("quick") == "does not hold with all 3 seeds"
    assert b.tally("quick") == "3 seeds: holds with 1, not tested with 2"
    assert (a.differs, b.differs) == (False, False)


@pytest.mark.parametrize(
    ("quick", "full", "verdict", "differs"),
    [
        (True, False, False, True),
        (False, True, True, True),
        (False, None, False, False),
        (None, True, True, False),
        (None, None, None, False),
    ],
)
def test_full_outranks_quick_where_it_could_tell(runs, quick, full, verdict, differs):
    put(runs, claim(holds=full), profile="full", day=1)
    put(runs, claim(holds=quick), profile="quick", day=2)
    (row,) = read_board([runs]).rows
    assert list(row.cells) == ["quick", "full"]
    assert (row.holds, row.differs) == (verdict, differs)
    assert row.settings == ""  # 2 and 9 epochs are their profiles' own


def test_other_settings_never_mix_with_the_defaults(runs):
    put(runs, claim(holds=True), seed=0)
    put(runs, claim(holds=False), seed=1, day=9, settings={"eta": 0.41, "epochs": 5})
    put(runs, claim(holds=False), seed=2, day=9, settings={"eta": 0.41 + 1e-9, "epochs": 5})
    data = {"name": "MNIST", "source": "s", "sha256": None}
    put(runs, claim(holds=False), seed=3, day=9, settings={"data_dir": "/home/me"}, data=data)
    board = read_board([runs])
    assert [row.settings for row in board.rows] == [
        "",
        "data_dir given (MNIST)",
        "epochs = 5; eta = 0.41",
        "epochs = 5; eta = 0.410000001",
    ]
    assert [row.holds for row in board.rows] == [True, False, False, False]
    assert board.rows[0].tally("quick") == ""
    assert count_sentence(board) == (
        "1 claims: 1 holds, 0 do not hold, 0 not tested; 3 more with other settings"
    )
    assert "/home/me" not in board_page(board) + board_json(board) + board_csv(board)


def test_a_run_with_other_settings_is_marked_even_where_it_is_the_only_one(runs):
    put(runs, claim(), profile="full", settings={"epochs": 3})
    assert read_board([runs]).rows[0].settings == "epochs = 3"


def test_a_lab_without_a_notebook_takes_its_most_usual_settings_for_defaults(runs):
    put(runs, claim(), lab="gone", day=1)
    put(runs, claim(), lab="gone", day=2, seed=1)
    put(runs, claim(), lab="gone", day=3, settings={"eta": 0.9})
    board = read_board([runs])
    assert [row.settings for row in board.rows] == ["", "eta = 0.9"]
    assert board.rows[0].part == ""
    assert board.left_out == ()
    assert board.notes == ("gone: no lab has this id; its most usual settings count as defaults.",)
    assert board.notes[0] in board_page(board)


def test_defaults_are_read_from_the_notebooks_text(lab_folder, write_lab):
    write_lab(lab_folder, ["%matplotlib inline", "LAB"])
    notebook = read_notebook(find_lab("tiny").path)
    parameters = read_parameters(notebook)
    full = default_settings(notebook, parameters, "full")
    assert (full["eta"], full["epochs"], full["etas"], full["seed"]) == (0.4, 9, [0.0, 0.2], 0)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("epochs=9", "epochs=3 * 3")
    assert "epochs" not in default_settings(notebook, parameters, "full")


def test_every_labs_defaults_can_be_read():
    entries, _ = scan()
    assert entries
    for entry in entries:
        notebook = read_notebook(entry.path)
        parameters = read_parameters(notebook)
        for profile in ("quick", "full"):
            assert set(default_settings(notebook, parameters, profile)) == set(parameters), entry.id


def test_a_claim_that_the_newest_run_no_longer_makes_is_marked(runs):
    put(runs, claim("a"), claim("old", False), day=1)
    put(runs, claim("a"), day=2)
    board = read_board([runs])
    assert [row.claim for row in board.rows] == ["a", "old"]
    assert [row.cells["quick"].newest for row in board.rows] == [True, False]
    assert board_html(board).count("no longer makes this claim") == 1


def test_what_a_profile_says_differently_is_shown(runs):
    put(runs, claim(statement="At full it does", paper=[1, 2]), profile="full", day=1)
    put(runs, claim(statement="At quick it does", paper=3), day=2)
    board = read_board([runs])
    assert (board.rows[0].statement, board.rows[0].paper) == ("At full it does", "1, 2")
    assert board_html(board).count("said there: At quick it does (paper: 3)") == 1


def test_records_are_found_once_and_what_is_odd_is_named(runs):
    put(runs, claim())
    put(runs, claim("b"), status="running")
    put(runs, claim("b"), status="failed")
    put(runs)
    broken = runs / "tiny" / "broken" / "record.json"
    broken.parent.mkdir()
    broken.write_text("{")
    hidden = runs / ".trash" / "record.json"
    hidden.parent.mkdir()
    hidden.write_text("{")
    (runs / "empty").mkdir()
    (runs / "loop").symlink_to(runs)
    good = runs / "tiny" / "0000" / "record.json"
    assert find_records([runs, good, str(good)]) == sorted((runs / "tiny").rglob("record.json"))
    board = read_board([good, runs, runs / "empty"])
    assert [(row.claim, len(row.runs)) for row in board.rows] == [("a", 1)]
    told = "\n".join(board.left_out)
    for words in (
        "0001/record.json: the run is running, not finished.",
        "0002/record.json: the run is failed, not finished.",
        "0003/record.json: the run made no claims.",
        "broken/record.json: not JSON",
        "empty: holds no record.json",
    ):
        assert words in told
    assert len(board.left_out) == 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2026-01-01T10:00:00.000Z", "2026-99-99T99:99:99Z"),
        ('"observed": 0.25', '"observed": ' + "[" * 400 + "]" * 400),
        ('"observed": 0.25', '"observed": 1e999'),
    ],
    ids=["time", "depth", "number"],
)
def test_one_bad_record_is_left_out_and_named(runs, old, new):
    path = put(runs, claim("bad", True, 0.25))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    put(runs, claim("good"))
    board = read_board([runs])
    assert [row.claim for row in board.rows] == ["good"]
    (told,) = board.left_out
    assert told.startswith(str(path))


def test_a_copy_of_a_run_counts_once(runs, tmp_path):
    path = put(runs, claim())
    copy = tmp_path / "kept" / "tiny.json"  # a file that is named may have any name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    (row,) = read_board([runs, copy]).rows
    assert len(row.runs) == 1


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BoardError, match="missing: there is no such file or folder"):
        find_records([tmp_path / "missing"])


def test_a_leak_is_shown_with_the_result(runs):
    split = {"how": "clips", "leaky": True, "shared_groups": 3, "sizes": {"train": 4, "test": 5}}
    data = {"name": "d", "source": "s", "sha256": None, "split": split}
    put(runs, claim(), data=data)
    board = read_board([runs])
    assert board.rows[0].cells["quick"].warning.startswith("LEAKY SPLIT (clips")
    assert "LEAKY SPLIT" in board_html(board)
    assert "LEAKY SPLIT" in " ".join(table_text(board).split())


def test_frame_has_one_line_for_each_claim_profile_and_run(runs):
    put(runs, claim("a", True), claim("b", None), seed=0, day=1)
    put(runs, claim("a", False), claim("b", None), seed=1, day=2)
    put(runs, claim("a", True), profile="full", day=3)
    frame = to_frame(read_board([runs]))
    assert len(frame) == 5
    assert frame["shown"].sum() == 3
    a = frame[(frame["claim"] == "a") & (frame["profile"] == "quick")].set_index("seed")
    assert a["verdict"].to_dict() == {0: "holds", 1: "does not hold"}
    assert a["shown"].to_dict() == {0: False, 1: True}
    assert not frame.isna().any().any()
    assert list(to_frame(read_board([]))) == list(frame)


def table_text(board):
    import rich.console

    return written(board, "table", None, rich.console.Console(file=io.StringIO(), width=200))


def test_table_csv_and_json_say_the_same(runs):
    put(runs, claim("a", True), claim("b", False, -0.8), claim("c", None, [1, 2]))
    board = read_board([runs])
    lines = list(csv.DictReader(io.StringIO(board_csv(board))))
    rows = json.loads(board_json(board))["rows"]
    words = {True: "holds", False: "does not hold", None: "not tested"}
    table = table_text(board)
    for line, row in zip(lines, rows, strict=True):
        cell = row["cells"]["quick"]
        assert (line["claim"], line["observed"]) == (row["claim"], cell["observed"])
        assert line["verdict"] == words[row["holds"]] == words[cell["holds"]]
        assert re.search(rf"^{row['claim']} .*{words[row['holds']]}", table, re.MULTILINE)
    assert [line["observed"] for line in lines] == ["0.5", "-0.8", "1, 2"]
    assert "3 claims: 1 holds, 1 does not hold, 1 not tested" in table


def test_a_spreadsheet_computes_nothing(runs):
    put(runs, claim(statement="=1+1", note="@x", observed="-2+3", paper="-0.8, -3e-05"))
    (line,) = csv.DictReader(io.StringIO(board_csv(read_board([runs]))))
    assert (line["statement"], line["note"], line["observed"]) == ("'=1+1", "'@x", "'-2+3")
    assert line["paper"] == "-0.8, -3e-05"


class Tags(HTMLParser):
    """The tags of a page outside scripts and styles, with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def test_everything_is_escaped_and_kept(runs):
    device = {"name": NASTY, "type": "cpu"}
    data = {"name": NASTY, "source": NASTY, "sha256": None}
    nasty = claim("a", True, {NASTY: NASTY}, statement=NASTY, note=NASTY, paper=[NASTY])
    settings = {NASTY: NASTY, "data_dir": NASTY}
    put(runs, nasty, title=NASTY, paper=NASTY, device=device, data=data, settings=settings)
    board = read_board([runs])
    page = board_page(board, lambda row, result: f'x" onclick="{NASTY}')
    tags = Tags(page).tags
    assert [tag for tag, _ in tags].count("script") == 1
    assert not [tag for tag, attributes in tags if tag == "img" or {"onerror", "onclick"} & {
        *attributes}]  # fmt: skip
    hrefs = {attributes["href"] for tag, attributes in tags if tag == "a"}
    assert hrefs == {f'x" onclick="{NASTY}'}
    assert page.count("&lt;img src=x") > 8


def test_odd_characters_of_a_record_harm_nothing(runs):
    path = put(runs, claim(statement="S", note="N"))
    text = path.read_text().replace('"S"', r'"\ud800 \u202e\u0000 \u001b[31mred"')
    path.write_text(text.replace('"N"', json.dumps("x" * 10_000)))
    board = read_board([path])
    for made in (board_page(board), board_csv(board), board_json(board), table_text(board)):
        made.encode("utf-8")
        assert not {"\u202e", "\0", "\x1b"} & set(made)
        assert len(made) < 60_000


def test_the_fragment_is_a_table_that_tells_its_meaning(runs):
    put(runs, claim("a", True), claim("b", False), claim("c", None))
    board = read_board([runs])
    html = board_html(board)
    tags = Tags(html).tags
    scopes = [attributes.get("scope") for tag, attributes in tags if tag == "th"]
    assert scopes == ["col"] * 4 + ["rowgroup"] + ["row"] * 3
    assert html.count("<caption>") == 1
    assert 'aria-live="polite">3 claims: 1 holds, 1 does not hold, 1 not tested<' in html
    badges = re.findall(r'vb-badge" style="background:(#\w+)"><span [^>]+>(.)</span> ([^<]+)', html)
    assert badges == [(cards.VERDICTS[v][2], *cards.VERDICTS[v][:2]) for v in (True, False, None)]
    assert html.count(">not run<") == 3
    assert "<a " not in html
    assert "\n\n" not in html  # it may stand in Markdown
    names = {attributes["name"] for tag, attributes in tags if tag in ("select", "input")}
    assert names == {"lab", "verdict", "profile", "order", "search"}
    assert ("form", True) in [(tag, "hidden" in attributes) for tag, attributes in tags]


def test_links_lead_from_the_page_to_the_runs(runs, tmp_path):
    path = put(runs, claim(), lab="tiny")
    (path.parent / "lab.html").write_text("page")
    (row,) = read_board([runs]).rows
    link = links_from(tmp_path / "out of the way")
    assert link(row, row.cells["quick"]) == "../runs/tiny/0000/lab.html#claim-a"
    assert f'href="{link(row, row.cells["quick"])}"' in board_html(read_board([runs]), link)


def test_an_empty_board_is_still_a_page():
    board = read_board([])
    assert board.rows == ()
    assert "0 claims: 0 hold, 0 do not hold, 0 not tested" in board_page(board)
