"""The tag explorer's page: its words, its trellis, its text box, its looks."""

import pytest
import torch

from vidlab.nn import crf
from vidlab.papers.mention_tagger import iob2_rules
from vidlab.widgets.tagging import TagExplorer, TagView

pytestmark = pytest.mark.browser

EVIL = "<img/src=x/onerror=alert(1)>"
TEXTS = [
    "we report results on Charades and on UCF101 with our model",
    "pre-trained on Something-Something V2 , then tuned on HMDB-51",
    f"{EVIL} on <b>FB15k-237</b> & WN18RR",
    "learning from time",
    "as Table 3 shows , the gain is largest on the long videos of MultiTHUMOS and of MiniKinetics "
    "- 200 , where order matters most",
    "Supercalifragilisticexpialidociouswordthatneverendsandgoeson on X",
]
WINDOWS = [text.split() for text in TEXTS]
NAMES = {"Charades", "UCF101", "Something-Something", "HMDB-51", "<b>FB15k-237</b>", "WN18RR"}
LINE = ".vl-window:nth-child({}) .vl-token"


def chain():
    moves, starts = iob2_rules()
    model = crf.CRF(3, forbidden_moves=moves, forbidden_starts=starts)
    with torch.no_grad():
        model.transitions.copy_(torch.tensor([[1.2, 0.3, 0], [0.4, -1.5, 0.9], [0.6, -2, 0.5]]))
        model.start.copy_(torch.tensor([0.5, -0.2, 0]))
    made = model.chain()
    return crf.Chain(made.transitions.detach(), made.start.detach(), made.end.detach())


CHAIN = chain()


def view(tokens):
    draw = torch.Generator().manual_seed(len(tokens))
    emissions = 0.5 * torch.randn(1, len(tokens), 3, generator=draw)
    for t, token in enumerate(tokens):
        emissions[0, t, 0] += 1.0
        if any(c.isupper() for c in token):
            emissions[0, t, 1] += 3.0
        if token == "V2":
            emissions[0, t, 2] += 4.0
    lengths = torch.tensor([len(tokens)])
    path = crf.viterbi(emissions, lengths, CHAIN)[0][0].tolist()
    return TagView(tokens, path, crf.marginals(emissions, lengths, CHAIN)[0], emissions[0])


def explore(windows=WINDOWS, **changes):
    views = [view(tokens) for tokens in windows]
    truth = [[2 if w == "V2" else int(w in NAMES) for w in tokens] for tokens in windows]
    values = {
        "marginals": [v.marginals for v in views],
        "emissions": [v.emissions for v in views],
        "transitions": CHAIN.transitions,
        "start": CHAIN.start,
        "end": CHAIN.end,
        "truth": truth,
        "tagger": lambda text: view(text.split()),
    }
    return TagExplorer(windows, [v.tags for v in views], **{**values, **changes})


def fact(one, name):
    one.settle()
    return one.page.locator(f'[data-fact="{name}"]').first.inner_text()


def cells(one):
    """The numbers of the chosen token's table, row by row."""
    one.settle()
    rows = one.page.locator(".vl-panel").first.locator("tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("td").all()] for row in rows]


def test_words_spans_and_numbers_are_those_of_python(visit):
    explorer = explore()
    one = visit(explorer.html(), expose=True)
    for n, tokens in enumerate(WINDOWS):
        shown = one.page.locator(LINE.format(n + 1)).all_inner_texts()
        assert shown == tokens
        window = explorer._windows[n]
        boxed = one.page.locator(f".vl-window:nth-child({n + 1}) .vl-predicted .vl-token").count()
        assert boxed == int((window.tags > 0).sum())
        assert one.page.locator(LINE.format(n + 1) + ".vl-true").count() == sum(window.truth > 0)
    assert fact(one, "f1") == f"{100 * explorer._data['scores'][2]:.1f} %"
    one.page.locator(LINE.format(2)).nth(3).click()
    assert one.traits("window", "token") == [1, 3]
    window = explorer._windows[1]
    assert fact(one, "token") == "V2"
    assert fact(one, "predicted") == "Something-Something V2 · HMDB-51"
    assert fact(one, "truth") == "I-DAT"
    trellis = window.trellis
    for k, row in enumerate(cells(one)):
        numbers = [float(text.replace("−", "-")) for text in row]
        expected = [trellis.emissions[3, k], trellis.log_alpha[3, k], trellis.log_beta[3, k]]
        assert numbers[:3] == pytest.approx(expected, abs=0.051)
        assert numbers[3] == pytest.approx(window.marginals[3, k], abs=6e-4)
    assert float(fact(one, "logZ")) == pytest.approx(trellis.log_partition, abs=0.006)


def test_colour_says_how_likely_a_name_is(visit):
    explorer = explore()
    one = visit(explorer.html())
    marginals = explorer._windows[0].marginals
    order = sorted(range(len(marginals)), key=lambda t: marginals[t, 0])

    def lightness(t):
        colour = one.page.locator(LINE.format(1)).nth(t).evaluate(
            "(node) => getComputedStyle(node).backgroundColor"
        )  # fmt: skip
        return sum(map(int, colour[4:-1].split(",")))

    assert lightness(order[0]) < lightness(order[len(order) // 2]) < lightness(order[-1])


def test_keys_walk_through_words_and_windows(visit):
    one = visit(explore().html(), expose=True)
    one.page.locator(LINE.format(1)).nth(1).click()
    one.press("ArrowRight", "ArrowRight")
    assert one.traits("window", "token") == [0, 3]
    one.press("ArrowDown")
    assert one.traits("window", "token") == [1, 3]
    focused = one.page.evaluate("document.activeElement.textContent")
    assert focused == WINDOWS[1][3]
    one.press("End", "ArrowRight")
    assert one.traits("token") == [len(WINDOWS[1]) - 1]
    one.press("PageDown", "Home")
    assert one.traits("window", "token") == [len(WINDOWS) - 1, 0]
    one.press("ArrowLeft", "ArrowUp", "ArrowUp")
    assert one.traits("window", "token") == [len(WINDOWS) - 3, 0]
    tab_stops = one.page.locator(".vl-windows .vl-token[tabindex='0']").count()
    assert tab_stops == 1


def test_the_trellis_follows_and_can_be_clicked(visit):
    one = visit(explore().html(), expose=True)
    first = one.picture("canvas")
    one.page.locator(LINE.format(1)).nth(2).click()
    assert one.picture("canvas") != first
    box = one.page.locator("canvas").bounding_box()
    one.page.mouse.click(box["x"] + 70, box["y"] + 60)  # the first column
    assert one.traits("token") == [0]


def test_order_of_the_list(visit):
    explorer = explore()
    one = visit(explorer.html(), expose=True)
    sort = one.page.get_by_label("order of windows")
    sort.select_option("unsure")
    unsure = [float((1 - w.marginals.max(1)).max()) for w in explorer._windows]
    expected = sorted(range(len(unsure)), key=lambda n: -unsure[n])
    numbers = one.page.locator(".vl-number").all_inner_texts()
    assert [int(n) - 1 for n in numbers] == expected
    sort.select_option("wrong")
    wrong = [
        n
        for n, w in enumerate(explorer._windows)
        if n == explorer.window or list(w.tags) != list(w.truth)
    ]
    assert [int(n) - 1 for n in one.page.locator(".vl-number").all_inner_texts()] == wrong
    one.page.get_by_role("button", name="next window").click()
    assert one.traits("window") == [wrong[1]]


def test_a_saved_page_says_that_it_has_no_kernel(visit):
    one = visit(explore().html())
    assert one.page.locator("textarea").count() == 0
    assert "needs the running notebook" in one.page.locator(".vl-ask").inner_text()
    silent = visit(explore(tagger=None).html())
    assert not silent.page.locator(".vl-ask").is_visible()


def with_kernel(explorer):
    """The page with a model that can send, as a live one; the test carries its messages."""
    page = explorer.html()
    assert page.count("model: pageModel(state)") == 1
    live = "model: (window.traits = Object.assign(pageModel(state), { send() {} }))"
    return page.replace("model: pageModel(state)", live)


def carry(one, explorer):
    """What the comm does: the page's question to Python, Python's answer to the page."""
    (asked,) = one.traits("_ask")
    explorer._ask = asked
    one.page.evaluate(
        "(values) => Object.entries(values).forEach(([k, v]) => traits.set(k, v))",
        {"_answer": explorer._answer, "window": explorer.window, "token": explorer.token},
    )


def test_a_typed_text_reaches_python_and_comes_back_as_text(visit):
    explorer = explore()
    one = visit(with_kernel(explorer))
    area = one.page.get_by_label("Your own text")
    area.fill(f"we use {EVIL} and KITTI")
    one.page.get_by_role("button", name="Tag it").click()
    assert one.page.locator(".vl-ask .vl-note").inner_text() == "Tagging …"
    carry(one, explorer)
    assert one.page.locator(LINE.format(1)).all_inner_texts() == ["we", "use", EVIL, "and", "KITTI"]
    assert one.page.locator(".vl-number").first.inner_text() == "yours"
    assert one.page.locator("img").count() == 0
    assert "your text" in one.page.locator(".vl-facts").first.inner_text()
    assert one.page.locator(".vl-ask .vl-note").inner_text() == ""
    assert one.traits("window") == [len(WINDOWS)]
    area.fill("short")
    area.press("Enter")  # Enter sends
    carry(one, explorer)
    assert one.page.locator(LINE.format(1)).all_inner_texts() == ["short"]
    assert one.page.locator(".vl-window").count() == len(WINDOWS) + 1
    assert int(area.get_attribute("maxlength")) == 2000
    saved = visit(explorer.html())  # what was typed is kept in the saved page
    assert saved.page.locator(LINE.format(1)).all_inner_texts() == ["short"]


def test_a_failure_of_the_tagger_is_said(visit):
    explorer = explore(tagger=lambda text: 1 / 0)
    one = visit(with_kernel(explorer))
    one.page.get_by_label("Your own text").fill("a text")
    one.page.get_by_role("button", name="Tag it").click()
    carry(one, explorer)
    note = one.page.locator(".vl-ask .vl-note").inner_text()
    assert note == "The tagger failed: division by zero"


def test_text_never_becomes_html(visit):
    one = visit(explore(names=[EVIL] * len(WINDOWS), title=EVIL).html())
    for n in range(len(WINDOWS)):
        one.page.locator(LINE.format(n + 1)).first.click()
        one.settle()
    assert one.page.locator("img, b:not([data-fact])").count() == 0


@pytest.mark.parametrize(("scheme", "width"), [("light", 1000), ("dark", 1000), ("dark", 400)])
def test_looks(visit, scheme, width):
    explorer = explore()
    one = visit(with_kernel(explorer), width=width, scheme=scheme)
    one.page.get_by_label("Your own text").fill("we pre-train on Kinetics-400 and AVA v2.2")
    one.page.get_by_role("button", name="Tag it").click()
    carry(one, explorer)
    overflow = one.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0
    assert one.contrast() >= 4.5
    assert one.findings() == []
    one.shoot(f"tagging-{scheme}-{width}")
