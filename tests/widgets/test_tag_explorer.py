"""The tag explorer's Python side: checks at the border, payload, live tagging, figure."""

import json

import numpy as np
import pytest
import torch
import traitlets
from matplotlib.text import Text

from vidlab.nn import crf
from vidlab.widgets._tagging_trellis import Moves, fill
from vidlab.widgets.base import decode_array
from vidlab.widgets.tagging import MOST_TYPED, TagExplorer, TagView

WINDOWS = [["results", "on", "KITTI"], ["the", "FB15k", "-", "237", "graph"], ["nothing"]]
TRUTH = [[0, 0, 1], [0, 1, 2, 2, 0], [0]]


def chain():
    moves = torch.zeros(3, 3, dtype=torch.bool)
    moves[0, 2] = True
    model = crf.CRF(3, forbidden_moves=moves, forbidden_starts=torch.tensor([False, False, True]))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(7))
    return model.chain()


CHAIN = chain()


def view(tokens, seed=0):
    """A window as a tagger would hand it in."""
    emissions = 2 * torch.randn(
        1, len(tokens), 3, generator=torch.Generator().manual_seed(seed + len(tokens))
    )
    lengths = torch.tensor([len(tokens)])
    path = crf.viterbi(emissions, lengths, CHAIN)[0][0].tolist()
    with torch.no_grad():
        return TagView(tokens, path, crf.marginals(emissions, lengths, CHAIN)[0], emissions[0])


def make(windows=WINDOWS, **changes):
    views = [view(tokens) for tokens in windows]
    values = {
        "sentences": windows,
        "tags": [v.tags for v in views],
        "marginals": [v.marginals for v in views],
        "emissions": [v.emissions for v in views],
        "transitions": CHAIN.transitions.detach(),
        "start": CHAIN.start.detach(),
        "end": CHAIN.end.detach(),
        "truth": TRUTH,
    }
    return {**values, **changes}


def build(**changes):
    return TagExplorer(**make(**changes))


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_the_trellis_is_that_of_the_library(steps):
    one = view(["x"] * steps)
    moves = Moves(*(part.detach().double().numpy() for part in vars(CHAIN).values()))
    filled = fill(one.emissions.double().numpy(), moves)
    emissions, lengths = one.emissions[None], torch.tensor([steps])
    with torch.no_grad():
        expected = crf.forward_backward(emissions, lengths, CHAIN)
    np.testing.assert_allclose(filled.log_alpha, expected.log_alpha[0], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(filled.log_beta, expected.log_beta[0], rtol=1e-4, atol=1e-3)
    assert filled.log_partition == pytest.approx(float(expected.log_partition), abs=1e-3)
    assert filled.path.tolist() == crf.viterbi(emissions, lengths, CHAIN)[0][0].tolist()


def test_what_the_page_gets():
    explorer = build(names=["a", "b", "c"])
    data = explorer._data
    window = data["windows"][1]
    assert window["tokens"] == WINDOWS[1]
    assert window["truth"] == TRUTH[1]
    assert window["name"] == "b"
    one = view(WINDOWS[1])
    np.testing.assert_allclose(decode_array(window["marginals"]), one.marginals, atol=1e-4)
    scores = decode_array(window["trellis"]["scores"])
    np.testing.assert_allclose(scores[0], one.emissions, atol=1e-5)
    meeting = scores[1] + scores[2]
    np.testing.assert_allclose(
        np.logaddexp.reduce(meeting, axis=1), window["trellis"]["logZ"], atol=1e-3
    )
    np.testing.assert_allclose(
        decode_array(data["moves"]["transitions"]), CHAIN.transitions.detach(), rtol=1e-6
    )
    assert data["asks"] is False
    assert len(data["scores"]) == 3
    assert json.dumps(data)
    assert (1 - one.marginals[:, 0]).max() <= 1


def test_the_cursor_starts_at_the_likeliest_name_and_stays_inside():
    explorer = build()
    assert explorer.token == int(view(WINDOWS[0]).marginals[:, 0].argmin())
    explorer.window = 2
    with pytest.raises(traitlets.TraitError, match="window is 3; allowed: 0 .. 2"):
        explorer.window = 3
    with pytest.raises(traitlets.TraitError, match="token is 5; allowed: 0 .. 4"):
        explorer.token = 5


def test_numbers_and_alt_text():
    perfect = build(tags=TRUTH)
    assert perfect._data["scores"] == [1.0, 1.0, 1.0]
    assert "3 windows of words with 2 predicted names; strict F1 1.00" in perfect.alt
    plain = build(truth=None)
    assert plain._data["scores"] is None
    assert "F1" not in plain.alt


def test_without_emissions_there_is_no_trellis():
    explorer = build(emissions=None, transitions=None, start=None, end=None)
    assert explorer._data["windows"][0]["trellis"] is None
    assert explorer._data["moves"] is None
    assert len(explorer.figure().axes) == 1


def test_a_typed_text_is_tagged_and_becomes_the_last_window():
    texts = []

    def tagger(text):
        texts.append(text)
        return view(text.split(), seed=3)

    explorer = build(tagger=tagger)
    explorer.ask("trained on <b>FB15k</b>")
    assert texts == ["trained on <b>FB15k</b>"]
    answer = explorer._answer
    assert (answer["turn"], answer["problem"]) == (1, "")
    assert answer["window"]["tokens"] == ["trained", "on", "<b>FB15k</b>"]
    assert explorer.window == 3
    assert "your text" in figure_text(explorer.figure())
    page = explorer.html()
    assert "<b>FB15k</b>" not in page  # only ever as escaped data
    explorer.ask("trained on <b>FB15k</b>")  # the same once more is asked once more
    assert len(texts) == 2


@pytest.mark.parametrize(
    ("tagger", "text", "problem"),
    [
        (None, "a", "made without a tagger"),
        (view, "   ", "There is no text"),
        (view, "x" * (MOST_TYPED + 1), f"has {MOST_TYPED + 1} characters; at most {MOST_TYPED}"),
        (lambda text: 1 / 0, "a", "The tagger failed: division by zero"),
        (lambda text: [0, 1], "a", "it returned list, not a TagView"),
        (lambda text: TagView([], [], np.zeros((0, 3))), "a", "your text has 0 tokens"),
        (lambda text: TagView(["a"], [0, 0], np.eye(3)[:1]), "a", "has 2 entries; there are 1"),
    ],
)
def test_what_goes_wrong_with_a_typed_text_is_said_in_the_page(tagger, text, problem):
    explorer = build(tagger=tagger)
    explorer.ask(text)
    assert problem in explorer._answer["problem"]
    assert explorer._answer["window"] is None
    assert explorer.window == 0


def figure_text(figure):
    return " ".join(found.get_text() for found in figure.findobj(Text))


def test_figure_has_the_words_and_every_strip():
    explorer = build()
    explorer.window = 1
    figure = explorer.figure()
    assert len(figure.axes) == 4
    shown = figure_text(figure)
    for words in ("FB15k", "log α", "log β", "emissions", "probability", "never", "window 2"):
        assert words in shown
    figure.canvas.draw()
    dollars = build(windows=[["$x$", "a"]], truth=[[0, 0]]).figure()
    dollars.canvas.draw()  # not a formula


def test_long_tokens_are_cut_and_long_windows_are_drawn_around_the_token():
    explorer = build(windows=[["x" * 500, *["y"] * 60]], truth=[[0] * 61])
    assert len(explorer._data["windows"][0]["tokens"][0]) == 60
    explorer.token = 60
    assert len(explorer.figure().axes[0].texts) == 3 * 24


def wrong_sizes():
    half = [np.full((len(w), 3), 0.5) for w in WINDOWS]
    shifted = [np.eye(3)[[0] * len(w)] for w in WINDOWS]
    return [
        ({"sentences": []}, "sentences has 0 windows; allowed: 1 .. 500"),
        ({"tags": [[0, 0, 0]]}, "tags has 1 entries; there are 3 windows"),
        ({"tags": [[0, 0], [0] * 5, [0]]}, "tags of window 0 has 2 entries; there are 3 tokens"),
        ({"tags": [[0, 0, 4], [0] * 5, [0]]}, "tags of window 0 holds 4 at token 2"),
        ({"truth": [[0] * 3, [0] * 5, [0, 0]]}, "truth of window 2 has 2 entries"),
        ({"marginals": half}, "marginals of window 0 are not probabilities"),
        ({"marginals": shifted}, r"marginals of window 0 are up to 0\.\d\d away from those"),
        ({"transitions": None}, "window 0 has emissions; the explorer needs transitions="),
        ({"transitions": np.zeros((2, 2))}, r"transitions must have shape \(3, 3\); got \(2, 2\)"),
        ({"start": [0.0, np.nan, 0.0]}, "start holds nan"),
        ({"emissions": [np.zeros((3, 2))] * 3}, r"emissions of window 0 must be \(3, 3\)"),
        ({"sentences": ["abc", WINDOWS[1], WINDOWS[2]]}, "window 0 has 3 tokens; allowed: a list"),
        ({"names": ["a"]}, "names has 1 entries"),
    ]


@pytest.mark.parametrize(("changes", "sentence"), wrong_sizes())
def test_wrong_input_is_refused_in_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(**changes)
