"""Gloss alignment explorer: from the spikes of two modules to a sentence and its segments.

Symbols follow SMKD (ICCV 2021): glosses l_1 .. l_N, the visual and the contextual module with one
probability a class and step each, and GSBA, which turns spikes into segments by expanding each
spike by up to d steps (the radius).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vidlab.metrics.segmentation import segments as runs_of
from vidlab.widgets import _gloss_figure
from vidlab.widgets._gloss_sentence import GlossSentence, check_sentence, colour_slots
from vidlab.widgets.base import (
    Explorer,
    check_size,
    encode_array,
    encode_frame_lists,
    module_text,
    style_text,
)

FRAME_BUDGET = 900_000  # bytes; what is left of MAX_BYTES holds the probabilities
TITLE = "From spikes to glosses"


class GlossAlignmentExplorer(Explorer):
    """Aligned sentences, spikes of both modules and GSBA's segments on one time axis.

    C classes, class 0 the blank; N sentences; S_i steps of sentence i, the same for all methods.

    Args:
        references: N sequences of classes 1 .. C-1; may be empty sequences.
        hypotheses: by method, N sequences of classes 1 .. C-1.
        visual, contextual: by method, N arrays ``(S_i, C)`` of probabilities.
        class_names: C names, the blank's included.
        segments: by method, N arrays ``(R, S_i)``: the labels of GSBA for the radii 0 .. R-1, with
            one R for all. Methods may be left out; None: no segments at all.
        truth: N arrays ``(S_i,)``, the true class of each step (0: none), or None.
        frames: N arrays ``(T_i, H, W)`` or ``(T_i, H, W, 3)``, uint8, or None. Only the frames at
            the steps' centres are kept, as sharp as 900 kB allow.
        steps: N arrays ``(S_i,)``, the frame at the centre of each step; not needed where there is
            one frame a step.
        title: heading; a plain one by default.
        alt: one sentence that stands in for the picture; made from the numbers by default.

    Raises:
        ValueError: one sentence that says which sentence and method, what was got, what is allowed.

    Traits shared with the page: ``method`` (its name), ``sample`` (0-based sentence), ``radius``
    and ``step`` (0-based).
    """

    _esm = module_text("gloss_alignment_words", "gloss_alignment_plot", "gloss_alignment")
    _css = style_text("gloss_alignment")

    method = traitlets.Unicode("").tag(sync=True)
    sample = traitlets.Int(0).tag(sync=True)
    radius = traitlets.Int(0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        references: Sequence,
        hypotheses: Mapping[str, Sequence],
        visual: Mapping[str, Sequence],
        contextual: Mapping[str, Sequence],
        *,
        class_names: Sequence[str],
        segments: Mapping[str, Sequence] | None = None,
        truth: Sequence | None = None,
        frames: Sequence | None = None,
        steps: Sequence | None = None,
        title: str = "",
        alt: str = "",
    ) -> None:
        self._names = [str(name) for name in class_names]
        if len(self._names) < 2:
            raise ValueError(f"class_names has {len(self._names)}; needed: the blank and a gloss")
        by_method = {
            "hypotheses": hypotheses,
            "visual": visual,
            "contextual": contextual,
            "segments": {} if segments is None else segments,
        }
        optional = {"truth": truth, "frames": frames, "steps": steps}
        self._methods = _check_lists(by_method, {"references": references, **optional})
        self._sentences = [
            check_sentence(
                i,
                {name: {m: v[i] for m, v in of.items()} for name, of in by_method.items()}
                | {"reference": references[i]}
                | {name: None if of is None else of[i] for name, of in optional.items()},
                len(self._names),
            )
            for i in range(len(references))
        ]
        self._radii = _count_radii(self._sentences)
        data = _pack(self._sentences, self._methods, self._names, self._radii)
        check_size(data, "the gloss alignment explorer")
        count, lengths = len(self._sentences), [sentence.steps for sentence in self._sentences]
        super().__init__(
            _data=data,
            method=self._methods[0],
            title=str(title) or TITLE,
            alt=str(alt)
            or (
                f"Gloss alignment explorer: references against hypotheses, spikes of the visual "
                f"and the contextual module and segments along time, for {count} "
                f"sentence{'s' if count > 1 else ''} of {min(lengths)} to {max(lengths)} steps; "
                f"methods: {', '.join(self._methods)}."
            ),
        )

    @traitlets.validate("method")
    def _check_method(self, proposal: dict) -> str:
        if proposal["value"] not in self._methods:
            raise traitlets.TraitError(
                f"method is {proposal['value']!r}; allowed: {', '.join(self._methods)}"
            )
        return proposal["value"]

    @traitlets.validate("sample", "radius", "step")
    def _check_number(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        most = {
            "sample": len(self._sentences) - 1,
            "radius": max(self._radii - 1, 0),
            "step": max(sentence.steps for sentence in self._sentences) - 1,
        }[name]
        if not 0 <= value <= most:
            raise traitlets.TraitError(f"{name} is {value}; allowed: 0 .. {most}")
        return value

    def figure(self) -> Figure:
        """Alignment, spikes of both modules and segments over the truth, as they are chosen."""
        sentence = self._sentences[self.sample]
        return _gloss_figure.draw(
            sentence,
            method=self.method,
            radius=self.radius,
            step=min(self.step, sentence.steps - 1),
            class_names=self._names,
            title=self.title,
        )


def _check_lists(by_method: dict, lists: dict) -> list[str]:
    """The methods' names; all lists are as long as ``references``."""
    for name, given in by_method.items():
        if not isinstance(given, Mapping):
            raise ValueError(f"{name} must be a dict {{method: list}}; got {type(given).__name__}")
    methods = list(by_method["hypotheses"])
    if not methods or not all(isinstance(method, str) for method in methods):
        raise ValueError(f"hypotheses needs method names that are text; got {methods}")
    for name, given in by_method.items():
        if name != "segments" and set(given) != set(methods):
            raise ValueError(f"{name} has the methods {list(given)}; hypotheses has {methods}")
        if not set(given) <= set(methods):
            raise ValueError(f"{name} has the methods {list(given)}; allowed: {methods}")
    count = len(lists["references"])
    if count == 0:
        raise ValueError("references is empty; at least one sentence is needed")
    sized = {name: given for name, given in lists.items() if given is not None}
    sized |= {f"{name}[{m!r}]": v for name, of in by_method.items() for m, v in of.items()}
    for name, given in sized.items():
        if len(given) != count:
            raise ValueError(f"{name} has {len(given)} sentences; references has {count}")
    if lists["steps"] is not None and lists["frames"] is None:
        raise ValueError("steps says which frames to show, but frames is None")
    return methods


def _count_radii(sentences: list[GlossSentence]) -> int:
    """R, the same for all sentences and methods; 0 without segments."""
    found = {len(labels) for sentence in sentences for labels in sentence.segments.values()}
    if len(found) > 1:
        raise ValueError(f"segments must have one number of radii R; got {sorted(found)}")
    return found.pop() if found else 0


def _pack(
    sentences: list[GlossSentence], methods: list[str], class_names: list[str], radii: int
) -> dict:
    """What the page draws from. Within a sentence classes are numbered by row, blank first."""
    sheets: list = [None] * len(sentences)
    if all(sentence.frames is not None for sentence in sentences):
        sheets = encode_frame_lists([sentence.frames for sentence in sentences], FRAME_BUDGET)
    packed = []
    for sentence, sheet in zip(sentences, sheets, strict=True):
        classes = sentence.shown()
        row_of = {k: row for row, k in enumerate(classes)}
        outputs = [[sentence.visual[m][:, classes], sentence.contextual[m][:, classes]]
                   for m in methods]  # fmt: skip
        packed.append(
            {
                "names": [class_names[k] for k in classes],
                "colours": colour_slots(classes),
                "reference": [row_of[k] for k in sentence.reference],
                # (methods, modules, S, rows); a 255th is finer than a plot's pixels.
                "outputs": encode_array(np.array(outputs), "uint8", (0.0, 1.0)),
                "methods": [_pack_method(sentence, m, row_of) for m in methods],
                "truth": None if sentence.truth is None else _pack_runs(sentence.truth, row_of),
                "frames": sheet,
                "frameOf": None if sheet is None else sentence.frame_of.tolist(),
            }
        )
    return {"methods": methods, "radii": radii, "sentences": packed}


def _pack_method(sentence: GlossSentence, method: str, row_of: dict[int, int]) -> dict:
    errors = sentence.errors(method)
    accuracies = sentence.accuracies(method)
    segments = sentence.segments.get(method)
    return {
        "pairs": [
            [row_of.get(pair.reference, -1), row_of.get(pair.hypothesis, -1), pair.kind]
            for pair in sentence.pairs[method]
        ],
        "errors": [errors.substitutions, errors.deletions, errors.insertions],
        "segments": None if segments is None else [_pack_runs(row, row_of) for row in segments],
        "accuracies": None if accuracies is None else [round(float(a), 5) for a in accuracies],
    }


def _pack_runs(labels: np.ndarray, row_of: dict[int, int]) -> list[list[int]]:
    return [[row_of[k], start, end] for k, start, end in runs_of(labels)]
