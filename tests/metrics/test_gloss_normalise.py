"""Rules of the normaliser: their own examples, the sentences that must stay, and the counts."""

import pytest

from vidlab.metrics.gloss_normalise import PHOENIX, PHOENIX_T, count_changes, normalise
from vidlab.metrics.sequence import word_errors

RULES = {"PHOENIX": PHOENIX, "PHOENIX_T": PHOENIX_T}
EACH = [(name, rule) for name, rules in RULES.items() for rule in rules]


@pytest.mark.parametrize(("name", "rule"), EACH, ids=[f"{n}-{r.name}" for n, r in EACH])
def test_every_rule_does_what_its_example_says(name, rule):
    before, after = (tuple(text.split()) for text in rule.example)
    assert rule.change(before) == after
    assert rule.change(after) == after
    assert rule.reason.endswith((".", ".)"))
    # The rest of the set leaves the example's result to stand, or the example would mislead.
    assert normalise(before, RULES[name]) == normalise(after, RULES[name])


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_names_are_unique(rules):
    assert len({rule.name for rule in rules}) == len(rules)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("__ON__ NORD NICHT-VIEL NICHT-VIEL S+H IX __OFF__", None),
        ("WIE-AUSSEHEN ZEIGEN-BILDSCHIRM HEUTE-NACHT RAUM", None),
        ("WIE WIE AUSSEHEN", "WIE WIE-AUSSEHEN"),
        ("AUSSEHEN WIE", None),
        ("loc-NORD NORD", "NORD"),  # equal once the prefix has gone
        ("__EMOTION__", ""),
        ("A B C D E F G H I J", "A+B+C+D+E+F+G+H+I+J"),
        ("A+B C IX D", "A+B+C IX D"),
        ("SCH NN REGEN E", "SCH+NN REGEN E"),
        ("REGEN REGEN REGEN REGEN REGEN REGEN", "REGEN"),
        ("REGEN SONNE REGEN", None),
        ("S0NNE-PLUSPLUS HABEN2", "SONNE HABEN"),
        ("", ""),
    ],
)
def test_sentences_of_phoenix_2014(before, after):
    expected = before if after is None else after
    assert normalise(before.split()) == tuple(expected.split())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("__ON__ __PU__ REGEN __OFF__", "REGEN"),
        ("NICHT-VIEL NICHT-VIEL", "NICHT-VIEL"),
        ("REGEN __EMOTION__ REGEN", "REGEN"),
        ("poss-EUCH lh-BERG", None),  # only 2014 drops these
        ("ZEIGEN S0NNE", None),
        ("loc-ALPENRAUM", "ALPEN"),
    ],
)
def test_sentences_of_phoenix_2014t(before, after):
    expected = before if after is None else after
    assert normalise(before.split(), PHOENIX_T) == tuple(expected.split())


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_doing_it_twice_changes_nothing(rules):
    text = "__ON__ lh-loc-NORD NORD S H REGEN REGEN-PLUSPLUS ALPENRAUM WIE AUSSEHEN ZEIGEN HABEN2"
    once = normalise(text.split(), rules)
    assert normalise(once, rules) == once


def test_counts():
    sentences = [
        ["loc-NORD", "REGEN", "REGEN", "REGEN"],
        ["S", "H", "WIE", "AUSSEHEN", "__PU__", "cl-HABEN2"],
    ]
    counts = count_changes(sentences)
    assert list(counts) == [rule.name for rule in PHOENIX]
    assert {name: n for name, n in counts.items() if n} == {
        "prefixes": 2,
        "variants": 1,
        "markers": 1,
        "wie-aussehen": 2,
        "letters": 2,
        "repetitions": 2,
    }
    assert count_changes([]) == dict.fromkeys(counts, 0)
    assert sum(count_changes([["NORD"]], PHOENIX_T).values()) == 0


def test_it_lowers_the_word_error_rate_of_variants_and_of_nothing_else():
    reference, hypothesis = ["NORD", "SONNE"], ["loc-NORD", "S0NNE", "SONNE", "REGEN"]
    assert word_errors([reference], [hypothesis]).wer == 1.5
    clean = [normalise(words) for words in (reference, hypothesis)]
    assert word_errors(clean[:1], clean[1:]).wer == 0.5


def test_bad_input():
    with pytest.raises(TypeError, match="got the string 'NORD REGEN'; .* split it"):
        normalise("NORD REGEN")
    for bad in ("", "NORD REGEN", "NORD\n", 7):
        with pytest.raises(ValueError, match="gloss 1 is .*; allowed"):
            normalise(["SUED", bad])
    with pytest.raises(ValueError, match="gloss 0"):
        count_changes([["SUED"], [""]])
