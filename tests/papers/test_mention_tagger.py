"""The mention taggers: encodings, invariances, what they can learn and must not be able to."""

import string
import sys
from itertools import pairwise

import pytest
import torch

from vidlab.metrics.spans import span_scores
from vidlab.papers import mention_batches as mb
from vidlab.papers import mention_features as mf
from vidlab.papers import mention_tagger as mt
from vidlab.train import FitConfig, fit

SMALL = mt.TaggerConfig(word_size=8, char_size=8, filters=8, hidden=12, dropout=0.2)


def corpus(count=120, seed=0, names=("KITTI", "UCF101", "FB15k", "Charades", "HMDB-51")):
    """Invented windows: a name stands where "on" or "the ... corpus" says so."""
    draw = torch.Generator().manual_seed(seed)

    def pick(options):
        return options[int(torch.randint(len(options), (), generator=draw))]

    sentences, tags = [], []
    for _ in range(count):
        name = pick(names)
        form = int(torch.randint(3, (), generator=draw))
        verb = pick(("results", "training", "tests"))
        tokens, marks = (
            ([verb, "on", name], [0, 0, 1]),
            (["the", name, "V2", "corpus", "of", verb], [0, 1, 2, 0, 0, 0]),
            (["we", "compare", verb, "with", "Figure", "3"], [0] * 6),
        )[form]
        sentences.append(tokens)
        tags.append(marks)
    return sentences, tags


def trained(sentences, tags, *, respell=None, epochs=8, allowed=None, loss=mt.full_loss, seed=0):
    torch.manual_seed(seed)
    vocabulary = mb.build_vocabulary(sentences)
    model = mt.MentionTagger(vocabulary, SMALL)
    data = mb.TrainingWindows(
        sentences, tags, vocabulary, seed=seed, respell=respell, allowed=allowed
    )
    history = fit(
        model,
        data,
        loss,
        torch.optim.Adam(model.parameters(), 0.01),
        FitConfig(epochs=epochs, batch_size=16, seed=seed),
        collate=mb.collate,
    )
    return model, vocabulary, history


def predictions(model, vocabulary, sentences):
    return [found.tags for found in mt.tag(model, vocabulary, sentences)]


def test_vocabulary_and_encoding():
    vocabulary = mb.build_vocabulary([["On", "A"], ["on", "B"]])
    assert vocabulary.words == {"on": 2}
    plain = set(string.ascii_letters + string.digits)
    assert set(vocabulary.characters) == plain
    assert set(mb.build_vocabulary([["é-2"]]).characters) == plain | {"é", "-"}
    first, second = mb.encode([["ON", "n?!"], ["-" * 30]], vocabulary, [[0, 1], [1]])
    assert first.words.tolist() == [2, mb.UNKNOWN]
    n = vocabulary.characters["n"]
    assert first.chars[1].tolist() == [n, 1, 1] + [0] * 15
    assert second.chars.tolist() == [[1] * 18]  # longer words are cut
    batch = mb.collate([first, second])
    assert batch.words.shape == (2, 2)
    assert batch.chars.shape == (2, 2, 18)
    assert batch.mask.tolist() == [[True, True], [True, False]]
    assert batch.tags.tolist() == [[0, 1], [1, 0]]
    assert batch.lengths.tolist() == [2, 1]
    assert batch.allowed is None
    assert batch.to("cpu").index.tolist() == [0, 1]


def test_size_of_the_network_is_the_sum_of_its_parts():
    words = {f"word{n}": n + 2 for n in range(1700)}
    characters = {chr(33 + n): n + 2 for n in range(100)}
    model = mt.MentionTagger(mb.Vocabulary(words, characters))
    expected = (
        1702 * 32  # words
        + 102 * 16  # characters
        + (16 * 3 * 24 + 24) + (16 * 5 * 24 + 24)  # filters of widths 3 and 5
        + 2 * (4 * 64 * (80 + 64) + 2 * 4 * 64)  # LSTM, both directions, two biases each
        + (128 * 3 + 3)  # to three tags
        + (9 + 3 + 3)  # the chain
    )  # fmt: skip
    assert sum(p.numel() for p in model.parameters()) == expected
    assert expected == pytest.approx(135_000, rel=0.02)


def test_a_window_does_not_depend_on_its_company():
    sentences, _ = corpus(20)
    vocabulary = mb.build_vocabulary(sentences)
    torch.manual_seed(0)
    model = mt.MentionTagger(vocabulary, SMALL).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    together = mt.tag(model, vocabulary, sentences)
    for sentence, joint in zip(sentences, together, strict=True):
        (alone,) = mt.tag(model, vocabulary, [sentence])
        torch.testing.assert_close(alone.emissions, joint.emissions)
        torch.testing.assert_close(alone.marginals, joint.marginals)
        assert alone.tags == joint.tags
        assert len(joint.tags) == len(sentence)
    torch.testing.assert_close(
        torch.cat([found.marginals.sum(1) for found in together]),
        torch.ones(sum(map(len, sentences))),
    )


def test_filters_look_at_real_characters_only():
    vocabulary = mb.build_vocabulary([["abc", "ab"]], 1)
    torch.manual_seed(0)
    cnn = mt.CharacterCNN(vocabulary.character_count, SMALL)
    with torch.no_grad():
        for conv in cnn.filters:  # were padding counted, its bias would win everywhere
            conv.bias.fill_(5.0)
            conv.weight.copy_(-conv.weight.abs())
    (window,) = mb.encode([["abc"]], vocabulary)
    wide = torch.nn.functional.pad(window.chars, (0, 7))
    torch.testing.assert_close(cnn(window.chars), cnn(wide))
    by_hand = []
    for conv in cnn.filters:
        letters = cnn.table(window.chars[:, :3]).transpose(1, 2)
        by_hand.append(conv(letters).relu().amax(2))
    torch.testing.assert_close(cnn(window.chars), torch.cat(by_hand, 1))


def test_it_learns_and_a_network_never_breaks_iob2():
    sentences, tags = corpus()
    model, vocabulary, history = trained(sentences, tags)
    assert history[-1]["loss"] < 0.2 * history[0]["loss"]
    fresh, truth = corpus(60, seed=1)
    assert span_scores(truth, predictions(model, vocabulary, fresh)).f1 > 0.95
    untrained = mt.MentionTagger(vocabulary, SMALL)
    with torch.no_grad():
        untrained.output.bias.copy_(torch.tensor([0.0, -20.0, 20.0]))  # it would love to say I
    for path in predictions(untrained, vocabulary, fresh):
        assert path[0] != 2
        assert not any(a == 0 and b == 2 for a, b in pairwise(path))


def test_scrambled_names_teach_it_to_find_unseen_ones():
    """Trained on two names it knows them by heart; scrambled, it must look around."""
    sentences, tags = corpus(140, names=("KITTI", "COCO"))
    fresh, truth = corpus(80, seed=1, names=("QZWPL", "RBLM", "XYQ", "WUNDER"))
    recalls = []
    for respell in (None, mt.perturb):
        model, vocabulary, _ = trained(sentences, tags, respell=respell)
        recalls.append(span_scores(truth, predictions(model, vocabulary, fresh)).recall)
    assert recalls[1] > 0.9
    assert recalls[1] >= recalls[0] + 0.2


def test_perturb_keeps_kind_place_and_everything_else():
    tokens, tags = ("on", "FB15k", "+", "é-V2", "data", "UCF"), (0, 1, 2, 2, 0, 1)
    seen = set()
    for seed in range(200):
        new = mt.perturb(tokens, tags, torch.Generator().manual_seed(seed), 1.0)
        assert (new[0], new[2], new[4]) == ("on", "+", "data")
        for before, after in zip(tokens, new, strict=True):
            assert len(before) == len(after)
            for a, b in zip(before, after, strict=True):
                assert (a.isupper(), a.islower(), a.isdigit()) == (
                    b.isupper(), b.islower(), b.isdigit())  # fmt: skip
        assert new[3][0] == "é"
        assert new[3][1] == "-"
        seen.update(new[1])
    assert len(seen & set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) == 26
    assert len(seen & set("0123456789")) == 10
    same = torch.Generator().manual_seed(3)
    assert mt.perturb(tokens, tags, same, 0.0) == tokens
    draw = torch.Generator().manual_seed(0)
    changed = sum(mt.perturb(tokens, tags, draw)[5] != "UCF" for _ in range(400))
    assert 150 < changed < 250  # half of them
    again = [mt.perturb(tokens, tags, torch.Generator().manual_seed(9)) for _ in range(2)]
    assert again[0] == again[1]


def test_partial_labels_keep_the_span_and_open_what_looks_like_a_name():
    allowed = mt.partial_labels([0, 1, 2, 0, 0], [True, False, True, True, False])
    assert allowed.int().tolist() == [
        [1, 1, 1],
        [0, 1, 0],
        [0, 0, 1],
        [1, 1, 0],  # I here would make the labelled span longer
        [1, 0, 0],
    ]
    nothing = mt.partial_labels([0, 1, 0], [False] * 3)
    assert nothing.int().tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    with pytest.raises(ValueError, match="2 tags and 1 marks"):
        mt.partial_labels([0, 1], [True])


def test_partial_loss_without_open_tags_is_the_full_loss():
    sentences, tags = corpus(12)
    vocabulary = mb.build_vocabulary(sentences)
    torch.manual_seed(0)
    model = mt.MentionTagger(vocabulary, SMALL).eval()
    closed = [mt.partial_labels(t, [False] * len(t)) for t in tags]
    batch = mb.collate(mb.encode(sentences, vocabulary, tags, closed))
    torch.testing.assert_close(
        mt.partial_loss(model, batch)["loss"], mt.full_loss(model, batch)["loss"]
    )
    with pytest.raises(ValueError, match="no partial labels"):
        mt.partial_loss(model, mb.collate(mb.encode(sentences, vocabulary, tags)))


def test_partial_labels_recover_mentions_that_nobody_labelled():
    """In half of the windows the second name is tagged O; M5 leaves it open and finds it."""
    sentences, single, truth = [], [], []
    for n in range(120):
        first, second = ("KITTI", "COCO") if n % 2 else ("COCO", "KITTI")
        sentences.append(["on", first, "and", second, "again"])
        truth.append([0, 1, 0, 1, 0])
        single.append([0, 1, 0, 0, 0] if n % 4 < 3 else [0, 0, 0, 1, 0])
    free = [[token in ("KITTI", "COCO") for token in sentence] for sentence in sentences]
    allowed = [mt.partial_labels(t, f) for t, f in zip(single, free, strict=True)]
    plain, vocabulary, _ = trained(sentences, single, epochs=6)
    full = span_scores(truth, predictions(plain, vocabulary, sentences)).recall
    open_model, vocabulary, _ = trained(
        sentences, single, epochs=6, allowed=allowed, loss=mt.partial_loss
    )
    partial = span_scores(truth, predictions(open_model, vocabulary, sentences)).recall
    assert partial > full + 0.2


def test_an_epoch_is_decided_by_seed_and_number_alone():
    sentences, tags = corpus(30)
    vocabulary = mb.build_vocabulary(sentences)

    def make(seed=0):
        return mb.TrainingWindows(sentences, tags, vocabulary, seed=seed, respell=mt.perturb)

    def look(data):
        return [(w.words.tolist(), w.chars.tolist(), w.tags.tolist()) for w in data]

    one, other = make(), make()
    one.set_epoch(1)
    assert look(one) != look(other)
    other.set_epoch(1)
    assert look(one) == look(other)
    assert look(make(1)) != look(make())
    assert [w[2] for w in look(one)] == tags
    words = torch.cat([window.words for window in mb.TrainingWindows(
        sentences * 20, tags * 20, mb.build_vocabulary(sentences, 1), seed=0)])  # fmt: skip
    assert float((words == mb.UNKNOWN).float().mean()) == pytest.approx(0.15, abs=0.03)


def test_spelling_alone_is_possible():
    sentences, _ = corpus(5)
    vocabulary = mb.build_vocabulary(sentences)
    model = mt.MentionTagger(vocabulary, mt.TaggerConfig(word_size=0))
    assert model.words is None
    batch = mb.collate(mb.encode(sentences, vocabulary))
    assert model(batch).shape == (*batch.mask.shape, 3)
    assert model.spelling(batch.chars[batch.mask]).shape == (int(batch.mask.sum()), 48)


def test_features_of_a_token():
    facts = mf.token_features(["on", "FB15k-237", "[12]"], mf.FeatureConfig(position=True))[1]
    assert facts["word"] == "FB15k-237"
    assert facts["shape"] == "X9x-9"
    assert (facts["prefix3"], facts["suffix2"], facts["position"]) == ("FB1", "37", "1")
    assert (facts["digit"], facts["hyphen"], facts["mixed"]) == (True, True, True)
    assert (facts["-1:word"], facts["+1:shape"]) == ("on", "[9]")
    assert facts["-2:start"] is True
    assert facts["+2:end"] is True
    blind = mf.token_features(["on", "KITTI", "data"], mf.FeatureConfig(words=False))
    other = mf.token_features(["in", "COCOX", "sets"], mf.FeatureConfig(words=False))
    assert blind == other  # nothing of the words is left
    assert "position" not in blind[0]


def test_feature_crf_learns():
    pytest.importorskip("sklearn_crfsuite")
    sentences, tags = corpus(60)
    fresh, truth = corpus(30, seed=1)
    model = mf.train_feature_crf(sentences, tags, mf.FeatureConfig(iterations=40))
    paths = mf.feature_crf_tags(model, fresh)
    assert span_scores(truth, paths).f1 > 0.95
    unseen, unseen_truth = corpus(30, seed=1, names=("Zq7w", "Rbl40", "WUNDER"))
    shapes = mf.train_feature_crf(sentences, tags, mf.FeatureConfig(words=False, iterations=40))
    assert span_scores(unseen_truth, mf.feature_crf_tags(shapes, unseen)).recall > 0.5


def test_without_the_library_one_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn_crfsuite", None)
    with pytest.raises(ImportError, match=r"pip install 'vidlab\[text\]'"):
        mf.train_feature_crf([["a"]], [[0]])


def test_wrong_input_is_refused():
    vocabulary = mb.build_vocabulary([["a", "b"]])
    with pytest.raises(ValueError, match="window 1 has no tokens"):
        mb.encode([["a"], []], vocabulary)
    with pytest.raises(ValueError, match=r"window 0 has 2 tokens and the tags \[0\]"):
        mb.encode([["a", "b"]], vocabulary, [[0]])
    with pytest.raises(ValueError, match=r"window 0 has 1 tokens and the tags \[5\]"):
        mb.encode([["a"]], vocabulary, [[5]])
    with pytest.raises(ValueError, match="1 windows and 0 tags"):
        mb.encode([["a"]], vocabulary, [])
    with pytest.raises(ValueError, match=r"allowed of window 0 must be \(1, 3\); got \(2, 3\)"):
        mb.encode([["a"]], vocabulary, [[0]], [torch.ones(2, 3).bool()])
    with pytest.raises(ValueError, match="unknown is 2"):
        mb.TrainingWindows([["a"]], [[0]], vocabulary, seed=0, unknown=2)
    with pytest.raises(ValueError, match="no windows to train on"):
        mb.TrainingWindows([], [], vocabulary, seed=0)
    one, two = mb.encode([["a"], ["b"]], vocabulary, allowed=[torch.ones(1, 3).bool()] * 2)
    with pytest.raises(ValueError, match="some windows have partial labels and some have not"):
        mb.collate([one, mb.encode([["a"]], vocabulary)[0]])
    assert mb.collate([one, two]).allowed.shape == (2, 1, 3)
    for wrong, sentence in (
        ({"widths": (4,)}, "widths is"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"hidden": 0}, "hidden is 0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            mt.TaggerConfig(**wrong)
    with pytest.raises(ValueError, match="c1 is -1"):
        mf.FeatureConfig(c1=-1)
    with pytest.raises(ValueError, match="iterations is 0"):
        mf.FeatureConfig(iterations=0)
    pytest.importorskip("sklearn_crfsuite")
    with pytest.raises(ValueError, match="window 0 has 1 tokens and 2 tags"):
        mf.train_feature_crf([["a"]], [[0, 0]])
