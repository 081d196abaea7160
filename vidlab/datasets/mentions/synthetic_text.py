"""Invented papers: data sets' names from a grammar, and sentences that mention them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidlab.datasets.mentions.names import Name, NameList, name_list
from vidlab.datasets.mentions.windows import normal_form

AREAS = ("video", "speech", "graphs", "faces", "driving")

_ONSETS = ("b", "br", "d", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "pl", "r", "s", "t", "v")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "io")
_CODAS = ("", "", "l", "n", "r", "s", "t", "x", "nd", "st")
_CAPITALS = "ABCDEFGHIKLMNOPQRSTUVW"

# {D} a data set, {M} a method, {X} one or the other (words that tell nothing), {S} a score, {C} a
# citation, {N} a number, {P} a percentage; of a|b one is chosen. A comma sticks to the word before
# it, as in the papers.
_OPENERS = (
    "", "", "", "", "In this|the|our section|appendix|paper", "As shown|seen in Table {N} ,",
    "For a fair|direct|complete comparison ,", "Following {C} ,", "In contrast|addition to {M} ,",
    "To the best of our knowledge ,", "Furthermore|Moreover|Finally|Again|Similarly ,",
    "With {M} as the|its|our backbone|baseline|encoder ,", "Compared to the previous|best work ,",
    "In addition|practice|general|detail|short ,", "Since the|some labels|clips are noisy|rare ,",
    "During|After|Before training|pooling|testing|sampling", "Unlike {M} ,", "Thanks to {M} ,",
)  # fmt: skip
_CLAUSES = (
    "we report|present|give|compare|list results|scores|numbers|errors on|for {D} and {D}",
    "we|they evaluate|train|test|run {M} on the|full {D} dataset|benchmark|data {C}",
    "{D} {C} contains|has|holds|offers {N} videos|clips|samples|items of|from {N} classes|people",
    "{D} is a|the large-scale|popular|hard benchmark|dataset|corpus with {N} clips|hours|pairs",
    "the|our network|model|encoder is pre-trained|initialised on {D} and fine-tuned|tested on {D}",
    "{M} achieves|reaches|gets|yields {P} {S} on|for {D}",
    "our|the model|network|approach improves|raises {S} by {P} on both|even {D} and {D}",
    "experiments|studies|tests on {D} , {D} and {D} show|prove|confirm the|a benefit|value of {M}",
    "the accuracy|error|score on {D} drops|falls|rises|moves from {P} to {P}",
    "we|all follow|use|keep the|its standard|official|usual protocol|split|setting of {D} {C}",
    "the|its {D} training|test set|part|split has|holds|counts {N} samples|videos|sentences",
    "the validation|held-out set|part of {D} is|was used to|when select|choose the learning rate",
    "{M} {C} outperforms|beats|surpasses|trails {M} by|with {P} in|on terms|average of {S}",
    "the|a confusion|similarity matrix of|for {D} is given|shown|drawn in Figure {N}",
    "features|embeddings|filters|weights are|were learned|computed on|from {D} with|by {M}",
    "the|all|most videos|clips|frames in|of {D} are|were trimmed|cut|resized to {N} frames|pixels",
    "we|they compare|match|test against|with {M} , {M} and {M} on|using {D}",
    "the|our proposed|new method is|was based|built on {M} and trained|run with|on {N} GPUs",
    "results|scores|numbers of|for {M} on {D} are|were taken|copied|quoted from {C}",
    "each|every clip|utterance|recording of|in the {D} corpus|collection is sampled at {N} fps|Hz",
    "state-of-the-art|recent|earlier methods|networks on {D} such as {M} use optical|dense flow",
    "the|this loss|objective in Eq. {N} is|was minimised|optimised with|by {M}",
    "domain|label|style shift|gap between {D} and {D} is|seems large|small|clear",
    "{D} dataset|data|videos is|are split|divided|cut into {N} folds|parts|shards",
    "we|they also|then test|try on {D} to|and show|see that|how {M} can|may be applied|moved",
    "in {D} , subjects|actors|people perform|show {N} gestures|actions|signs in|at front|view",
    "{S} and {S} are|were used|taken as metrics|measures in|for all|both experiments|tasks",
    "annotations|labels|transcripts of|for {D} were|are collected|made in|over {N} sessions",
    "learning|dropout rate is|was set|tuned to {N} for|on {D}",
    "{X} {C} and {X} {C} are|were considered|discussed here|next",
    "{X} is|was introduced|proposed|presented by|in {C} and|but later|then extended",
    "{X} , {X} , {X} and {X} {C}", "{X} {P} {P} {X} {P} {P}", "{X} {N} {N} {P}",
    "details|examples|limits of {X} are|were given|shown in|see Section|Figure {N}",
    "this|that is similar|close|due to {X} , which|since has {N} times|percent more|fewer",
    "we|they refer|point to {C} for more|details on|about {X}",
    "{X} and {X} differ in|by the|their size|number of|and images|parameters",
    "the|a code|link for|to {X} is|was made|kept public|available",
    "performance|quality|robustness of {M} on {D} is|was limited|bounded by|through the|few labels",
)  # fmt: skip
_TAILS = (
    "", "", "", "", "in|see the|our supplementary material", "with|using a single|larger model",
    "in|see Table {N}", "without|with extra data|labels|views", "which is|was consistent with {C}",
    "in a zero-shot|few-shot|cross-domain setting", "as|and described|argued in Section {N}",
    "to learn|improve the|its representation|features", "using|with only|just RGB|flow frames",
    "under|in the same|original setting", "{C}", "when|if trained from scratch",
)  # fmt: skip
_SCORES = ("mAP", "F1", "accuracy", "WER", "top-1", "MRR", "recall", "AUC")


@dataclass(frozen=True)
class Sentence:
    """Words, and where names stand: (start, end, place in the list of names)."""

    tokens: tuple[str, ...]
    names: tuple[tuple[int, int, int], ...]


def invent_names(families: int, rng: np.random.Generator) -> NameList:
    """A list of invented data sets; about every third family has a second version.

    Four kinds by turns: acronym and number (``QTB101``), camel case (``RaistNet``), two
    capitalised words with a hyphen (``Bron-Veast``), and one capitalised word that is also an
    ordinary word of the papers (it needs its capital).
    """
    entries: list[Name] = []
    taken: set[str] = set()
    while len({entry.family for entry in entries}) < families:
        kind = len({entry.family for entry in entries}) % 4
        name = _name(kind, rng)
        forms = [name]
        if rng.random() < 0.35:
            forms.append(f"{name}-{rng.integers(2, 90)}" if kind == 0 else f"{name} V2")
        if any(normal_form(form) in taken for form in forms):
            continue
        taken |= {normal_form(form) for form in forms}
        area = AREAS[int(rng.integers(len(AREAS)))]
        entries += [Name(normal_form(f), f, name, area, capital=kind == 3) for f in forms]
    return name_list(entries)


def write_paper(
    names: NameList, count: int, rng: np.random.Generator, glue: float = 0.15
) -> list[Sentence]:
    """Sentences of one paper: it uses two to four families and two or three methods.

    Args:
        names: invented names.
        count: sentences.
        rng: decides everything.
        glue: how often a bracket or comma sticks to a name.
    """
    families = list(names.families)
    weights = 1 / np.arange(1, len(families) + 1) ** 0.5  # some are everywhere, many are rare
    size = min(int(rng.integers(2, 5)), len(families))
    picked = rng.choice(len(families), size, replace=False, p=weights / weights.sum())
    used = {families[k] for k in picked}
    choices = [k for k, entry in enumerate(names.entries) if entry.family in used]
    methods = [_method(rng) for _ in range(3)]
    return [_sentence(names, choices, methods, rng, glue) for _ in range(count)]


def _sentence(
    names: NameList, choices: list[int], methods: list[str], rng: np.random.Generator, glue: float
) -> Sentence:
    parts = [_pick(group, rng) for group in (_OPENERS, _CLAUSES, _TAILS)]
    tokens: list[str] = []
    found: list[tuple[int, int, int]] = []
    left = [int(k) for k in rng.permutation(choices)]
    for slot in " ".join(part for part in parts if part).split():
        if slot == "{X}":
            slot = _pick(("{D}", "{M}"), rng)
        if slot == "{D}":
            place = left.pop() if left else int(rng.choice(choices))
            words = names.entries[place].name.split()
            found.append((len(tokens), len(tokens) + len(words), place))
            if rng.random() < glue:
                words = _glued(words, rng)
            tokens += words
        elif slot == ",":
            tokens[-1] += ","
        elif slot == "{C}":
            tokens.append(f"[{rng.integers(1, 80)}]")
        else:
            tokens.append(_filled(_pick(slot.split("|"), rng), methods, rng))
    tokens[-1] += "."
    return Sentence(tuple(tokens), tuple(found))


def _filled(slot: str, methods: list[str], rng: np.random.Generator) -> str:
    if slot == "{M}":
        return _pick(methods, rng)
    if slot == "{S}":
        return _pick(_SCORES, rng)
    if slot == "{N}":
        return str(int(rng.integers(2, 500)))
    if slot == "{P}":
        return f"{rng.uniform(1, 99):.1f}%"
    return slot


def _glued(words: list[str], rng: np.random.Generator) -> list[str]:
    before, after = _pick((("(", ""), ("(", ")"), ("", ")"), ("", ":")), rng)
    return [*words[:-1], words[-1] + after] if not before else [before + words[0], *words[1:]]


def _name(kind: int, rng: np.random.Generator) -> str:
    if kind == 0:
        letters = "".join(rng.choice(list(_CAPITALS), int(rng.integers(2, 5))))
        return f"{letters}{rng.integers(2, 400)}"
    if kind == 1:
        return _word(rng).capitalize() + _pick(("Net", "Set", "Bank", "Base", "Hub", "QA"), rng)
    if kind == 2:
        return f"{_word(rng).capitalize()}-{_word(rng).capitalize()}"
    return _word(rng, 2).capitalize()


def _method(rng: np.random.Generator) -> str:
    """Methods look like data sets: only the words around tell which is which."""
    kind = int(rng.integers(4))
    if kind < 2:
        return _name(kind, rng)
    letters = "".join(rng.choice(list(_CAPITALS), int(rng.integers(3, 5))))
    return letters if kind == 2 else f"{_word(rng).capitalize()}-{letters}"


def _word(rng: np.random.Generator, syllables: int = 1) -> str:
    parts = [_pick(_ONSETS, rng) + _pick(_VOWELS, rng) for _ in range(syllables)]
    return "".join(parts) + _pick(_CODAS[2:] if syllables == 1 else _CODAS, rng)


def _pick(group, rng: np.random.Generator):
    return group[int(rng.integers(len(group)))]
