"""The synthetic corpus has the faults it is asked for; bounds behave as bounds must."""

from dataclasses import replace

import numpy as np
import pytest

from vidlab.datasets.mentions.baselines import (
    ShapeRegex,
    fit_gazetteer,
    fit_position,
    looks_like_name,
)
from vidlab.datasets.mentions.leakage import leakage
from vidlab.datasets.mentions.names import NameList
from vidlab.datasets.mentions.silver import silver
from vidlab.datasets.mentions.splits import components, random_split, split_a, split_b
from vidlab.datasets.mentions.synthetic import SyntheticConfig, synthetic
from vidlab.datasets.mentions.windows import Window, mention, normal_form, retokenise, spans
from vidlab.metrics.spans import span_scores_of

NONE = SyntheticConfig(
    windows=800,
    duplicates=False,
    single_target=False,
    tiled=False,
    pieces=False,
    position_leak=False,
    glued=False,
)


def scores(test, predicted):
    return span_scores_of([spans(window.tags) for window in test], predicted)


def test_without_faults_the_labels_are_the_truth():
    made = synthetic(NONE, seed=0)
    assert made.corpus.windows == made.truth
    assert all(spans(window.tags) for window in made.truth)


def test_same_seed_same_corpus():
    config = SyntheticConfig(windows=300)
    assert synthetic(config, seed=4) == synthetic(config, seed=4)
    assert synthetic(config, seed=4).corpus != synthetic(config, seed=5).corpus


def test_single_target():
    made = synthetic(replace(NONE, single_target=True), seed=0)
    assert all(len(spans(w.tags)) == 1 for w in made.corpus.windows)
    missing = [
        len(spans(gold.tags)) > 1
        for window, gold in zip(made.corpus.windows, made.truth, strict=True)
    ]
    assert 0.2 < np.mean(missing) < 0.8
    for window, gold in zip(made.corpus.windows, made.truth, strict=True):
        assert set(spans(window.tags)) <= set(spans(gold.tags))


def test_duplicates():
    def verbatim(config):
        windows = synthetic(config, seed=1).corpus.windows
        fold = random_split(len(windows), seed=0)
        return leakage([windows[k] for k in fold.train], [windows[k] for k in fold.test]).verbatim

    assert verbatim(replace(NONE, duplicates=True)) > 0.4
    assert verbatim(NONE) < 0.1


def test_position_leak():
    def prior(config):
        windows = synthetic(config, seed=1).corpus.windows
        train, test = windows[:600], windows[600:]
        return scores(test, fit_position(train).predict(test)).f1

    base = replace(NONE, single_target=True)
    assert prior(replace(base, position_leak=True)) > prior(base) + 0.2


def test_tiled():
    made = synthetic(replace(NONE, tiled=True, windows=1500), seed=0)
    starts = np.array([spans(w.tags) == [(0, 1)] for w in made.corpus.windows])
    five = np.array([len(w.tokens) == 5 for w in made.corpus.windows])
    assert 0.25 < (starts & five).mean() < 0.75
    rows = zip(starts & five, made.corpus.windows, made.truth, strict=True)
    false = [w.tags != gold.tags for tile, w, gold in rows if tile]
    assert np.mean(false) > 0.8  # the tagged word is hardly ever a name


def test_pieces():
    made = synthetic(replace(NONE, pieces=True), seed=0)
    forms = [normal_form(mention(w, s)) for w in made.corpus.windows for s in spans(w.tags)[:1]]
    assert {"in", "to", ""} <= set(forms)


def test_glued():
    def glued(config):
        windows = synthetic(config, seed=0).truth
        surfaces = [mention(w, s) for w in windows for s in spans(w.tags)]
        return np.mean([not s[0].isalnum() or not s[-1].isalnum() for s in surfaces])

    assert glued(replace(NONE, glued=True)) > glued(NONE) + 0.05


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"windows": 0}, "windows is 0"),
        ({"families": 2}, "families is 2"),
        ({"tiled": 1}, "tiled is 1; allowed: True, False"),
    ],
)
def test_wrong_settings(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        SyntheticConfig(**change)


def test_the_list_covers_the_truth(made):
    assert isinstance(made.names, NameList)
    for window in map(retokenise, made.truth[:400]):
        for span in spans(window.tags):
            assert normal_form(mention(window, span)) in made.names.by_normal


def test_position_prior_looks_at_no_word(made):
    """Permuting the words among windows of one length changes nothing."""
    windows = list(made.corpus.windows[:800])
    prior = fit_position(windows)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(windows))
    by_length = {}
    for k in order:
        by_length.setdefault(len(windows[k].tokens), []).append(windows[k].tokens)
    mixed = [replace(w, tokens=by_length[len(w.tokens)].pop()) for w in windows]
    assert mixed != windows
    assert fit_position(mixed) == prior
    assert prior.predict(mixed) == prior.predict(windows)


def test_position_prior_takes_the_most_frequent_span():
    train = [Window(tuple("abc"), tags) for tags in [(0, 1, 2), (0, 1, 2), (1, 0, 0)]]
    prior = fit_position(train)
    other = [Window(tuple("xyz"), (0, 0, 0)), Window(("x",), (0,)), Window(tuple("wxyz"), (0,) * 4)]
    assert prior.predict(other) == [[(1, 3)], [(0, 1)], [(1, 3)]]
    assert fit_position([]).predict(other) == [[], [], []]


def test_gazetteer_knows_only_what_it_saw(made, made_clean):
    """On unseen families its recall is exactly nought, and it never exceeds the share of seen."""
    fine = [retokenise(window) for window in made_clean]
    fold = split_b(made_clean, components(made_clean), made.names, seed=0)[0]
    train, test = ([fine[k] for k in part] for part in (fold.train, fold.test))
    assert scores(test, fit_gazetteer(train).predict(test)).recall == 0
    fold = split_a(components(made_clean), seed=0)[0]
    train, test = [fine[k] for k in fold.train], [fine[k] for k in fold.test]
    found = scores(test, fit_gazetteer(train).predict(test))
    assert 0.8 < found.recall <= leakage(train, test).seen


def test_gazetteer_is_circular_on_silver_labels(made, made_clean):
    better = [silver(window, made.names) for window in made_clean]
    fold = split_a(components(made_clean), seed=0)[0]
    train, test = [better[k] for k in fold.train], [better[k] for k in fold.test]
    assert scores(test, fit_gazetteer(train).predict(test)).f1 > 0.98


@pytest.mark.parametrize(
    "word",
    ["UCF101", "FB15k-237", "HICO-DET", "ActivityNet", "KITTI", "IJB-A", "Something-Something",
     "Sports-1M", "HMDB-51", "YAGO3-10", "bAbI", "300W", "iPinYou", "CINIC-10"],
)  # fmt: skip
def test_shapes_of_names(word):
    assert looks_like_name(word)


@pytest.mark.parametrize(
    "word", ["dataset", "Results", "we", "A", "In", "12", "3.5", "[", "state-of-the-art", "50k", ""]
)
def test_shapes_of_other_words(word):
    assert not looks_like_name(word)


def test_trigger_words():
    windows = [Window(("on", "KITTI"), (0, 1)), Window(("the", "LSTM"), (0, 0))]
    assert ShapeRegex().predict(windows) == [[(1, 2)], [(1, 2)]]
    assert ShapeRegex(trigger=True).predict(windows) == [[(1, 2)], []]
    far = [Window(("on", "a", "b", "c", "KITTI"), (0,) * 5)]
    assert ShapeRegex(trigger=True).predict(far) == [[]]


def test_the_real_bounds(real, real_clean):
    """F1 in per cent beside the specification's; folds are dealt differently, so near is right."""
    _, once = real_clean
    fine = [retokenise(window) for window in once]
    rows = {"position": [], "regex": [], "gazetteer": []}
    for fold in split_a(components(once), seed=0):
        train, test = [fine[k] for k in fold.train], [fine[k] for k in fold.test]
        for name, predict in (
            ("position", fit_position(train).predict),
            ("regex", ShapeRegex().predict),
            ("gazetteer", fit_gazetteer(train).predict),
        ):
            rows[name].append(100 * scores(test, predict(test)).f1)
    assert np.mean(rows["position"]) == pytest.approx(48.41, abs=1)
    assert np.mean(rows["regex"]) == pytest.approx(60.2, abs=1)
    assert np.mean(rows["gazetteer"]) == pytest.approx(83.9, abs=0.5)
    fold = random_split(len(real.windows), seed=0)
    train, test = ([real.windows[k] for k in part] for part in (fold.train, fold.test))
    assert 100 * scores(test, fit_position(train).predict(test)).f1 == pytest.approx(79.35, abs=1)
    assert 100 * scores(test, fit_gazetteer(train).predict(test)).f1 == pytest.approx(29.4, abs=1)
