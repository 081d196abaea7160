"""Tag explorer: which words of a window are a name, how sure the tagger is, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import traitlets
from matplotlib.figure import Figure

from vidlab.iob2 import TAGS
from vidlab.metrics.spans import span_scores
from vidlab.widgets import _tagging_figure
from vidlab.widgets._tagging_trellis import (
    TaggedWindow,
    TagView,
    check_moves,
    check_window,
    pack_window,
)
from vidlab.widgets.base import Explorer, check_size, encode_array, module_text, style_text

MOST_WINDOWS = 500
MOST_TYPED = 2000  #: characters of a typed text
TITLE = "Which words are a name?"


class TagExplorer(Explorer):
    """Windows of words with their tags, the tagger's doubts, and the trellis behind a token.

    Strong colour: the tagger thinks that a word belongs to a name. A box: it says so. A line
    below: the truth. Choose a token to see every tag's score there, and how the chain came to it.

    Args:
        sentences: N <= 500 windows, lists of 1 .. 400 tokens; long tokens are cut at 60 characters.
        tags: for each window its predicted tags, 0 (O), 1 (B-DAT), 2 (I-DAT).
        marginals: for each window ``(n, 3)`` probabilities of the tags.
        emissions: for each window ``(n, 3)`` scores before the chain; None: no trellis.
        transitions: ``(3, 3)`` scores of the moves, from row to column; needed with emissions.
        start, end: ``(3,)`` scores; 0 by default.
        truth: for each window its true tags, or None.
        names: N names for the list; "window n" by default.
        tagger: given a typed text of at most 2,000 characters it returns a :class:`TagView`. It
            runs only where a kernel does; the page says so where none is.
        title: heading; a plain one by default.
        alt: one sentence that stands in for the picture; made from the numbers by default.

    Raises:
        ValueError: one sentence that says which window, what was got, what is allowed; also where
            marginals do not belong to the emissions and transitions.

    Traits shared with the page: ``window`` (0-based; N is the typed text) and ``token``.
    """

    _esm = module_text("matrix", "tagging_words", "tagging_plot", "tagging")
    _css = style_text("tagging")

    window = traitlets.Int(0).tag(sync=True)
    token = traitlets.Int(0).tag(sync=True)
    _ask = traitlets.Dict({"turn": 0, "text": ""}).tag(sync=True)
    _answer = traitlets.Dict({"turn": 0, "window": None, "problem": ""}).tag(sync=True)

    def __init__(
        self,
        sentences: Sequence[Sequence[str]],
        tags: Sequence[Sequence[int]],
        *,
        marginals: Sequence,
        emissions: Sequence | None = None,
        transitions: object | None = None,
        start: object | None = None,
        end: object | None = None,
        truth: Sequence[Sequence[int]] | None = None,
        names: Sequence[str] | None = None,
        tagger: Callable[[str], TagView] | None = None,
        title: str = "",
        alt: str = "",
    ) -> None:
        count = len(sentences)
        if not 1 <= count <= MOST_WINDOWS:
            raise ValueError(f"sentences has {count} windows; allowed: 1 .. {MOST_WINDOWS}")
        given = {"tags": tags, "marginals": marginals, "emissions": emissions, "truth": truth}
        for name, values in {**given, "names": names}.items():
            if values is not None and len(values) != count:
                raise ValueError(f"{name} has {len(values)} entries; there are {count} windows")
        self._moves = None if transitions is None else check_moves(transitions, start, end)
        self._tagger = tagger
        self._typed: TaggedWindow | None = None
        self._windows = [
            check_window(
                f"window {n}",
                TagView(
                    sentences[n], tags[n], marginals[n], None if emissions is None else emissions[n]
                ),
                self._moves,
                None if truth is None else truth[n],
                f"window {n + 1}" if names is None else str(names[n]),
            )
            for n in range(count)
        ]
        data = self._pack()
        check_size(data, "the tag explorer")
        first = self._windows[0]
        super().__init__(
            _data=data,
            token=int((1 - first.marginals[:, 0]).argmax()),
            title=str(title) or TITLE,
            alt=str(alt) or self._describe(),
        )

    def ask(self, text: str) -> None:
        """Tag a text as if it had been typed; afterwards it is the last window of the list."""
        self._ask = {"turn": self._ask["turn"] + 1, "text": str(text)}

    def figure(self) -> Figure:
        """The chosen window's words and, where there are emissions, its whole trellis."""
        window = self._at(self.window)
        return _tagging_figure.draw(
            window, min(self.token, len(window.tokens) - 1), f"{self.title} · {window.name}"
        )

    def _at(self, index: int) -> TaggedWindow:
        return self._windows[index] if index < len(self._windows) else self._typed

    def _pack(self) -> dict:
        moves = self._moves
        data = {
            "tags": list(TAGS),
            "windows": [pack_window(window) for window in self._windows],
            "asks": self._tagger is not None,
            "mostTyped": MOST_TYPED,
            "moves": None,
            "scores": None,
        }
        if moves is not None:
            data["moves"] = {
                "transitions": encode_array(moves.transitions, "float32"),
                "start": encode_array(moves.start, "float32"),
                "end": encode_array(moves.end, "float32"),
            }
        if self._windows[0].truth is not None:
            found = self._scores()
            data["scores"] = [found.precision, found.recall, found.f1]
        return data

    def _scores(self):
        return span_scores([w.truth for w in self._windows], [w.tags for w in self._windows])

    def _describe(self) -> str:
        spans = sum(int((window.tags == 1).sum()) for window in self._windows)
        score = "" if self._windows[0].truth is None else f"; strict F1 {self._scores().f1:.2f}"
        count = len(self._windows)
        return (
            f"Tag explorer: {count} window{'s' if count > 1 else ''} of words with {spans} "
            f"predicted name{'' if spans == 1 else 's'}{score}; a token shows each tag's score."
        )

    @traitlets.observe("_ask")
    def _tag_typed(self, change: dict) -> None:
        """Answer a typed text; whatever goes wrong is said in the page, where the reader is."""
        turn, text = change["new"].get("turn", 0), str(change["new"].get("text", ""))
        packed, problem = None, ""
        if self._tagger is None:
            problem = "This explorer was made without a tagger."
        elif not text.strip():
            problem = "There is no text to tag."
        elif len(text) > MOST_TYPED:
            problem = f"The text has {len(text)} characters; at most {MOST_TYPED} are allowed."
        else:
            try:
                view = self._tagger(text)
                if not isinstance(view, TagView):
                    raise TypeError(f"it returned {type(view).__name__}, not a TagView")
                self._typed = check_window("your text", view, self._moves, None, "your text")
                packed = pack_window(self._typed)
            except Exception as error:  # the tagger is the notebook's: anything may go wrong in it
                problem = f"The tagger failed: {error or type(error).__name__}"[:300]
        self._answer = {"turn": turn, "window": packed, "problem": problem}
        if packed is not None:
            self.window = len(self._windows)
            self.token = int((1 - self._typed.marginals[:, 0]).argmax())

    @traitlets.validate("window", "token")
    def _check_index(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        every = [*self._windows, *([self._typed] if self._typed else [])]
        most = len(every) - 1 if name == "window" else max(len(w.tokens) for w in every) - 1
        if not 0 <= value <= most:
            raise traitlets.TraitError(f"{name} is {value}; allowed: 0 .. {most}")
        return value
