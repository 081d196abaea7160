"""Greedy and prefix-beam decoding against enumeration of every labelling."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from vidlab.nn.decode import beam_decode, collapse, greedy_decode


def labelling_scores(log_probs):
    """log p of every labelling, summed over its paths."""
    frames, classes = log_probs.shape
    totals = {}
    for path in itertools.product(range(classes), repeat=frames):
        score = math.exp(sum(log_probs[t, k].item() for t, k in enumerate(path)))
        key = collapse(path)
        totals[key] = totals.get(key, 0.0) + score
    return {key: math.log(value) for key, value in totals.items()}


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_is_exact(seed):
    generator = torch.Generator().manual_seed(seed)
    log_probs = (1.5 * torch.randn(5, 1, 4, generator=generator)).log_softmax(2)
    truth = labelling_scores(log_probs[:, 0])
    ranked = sorted(truth, key=truth.get, reverse=True)
    found = beam_decode(log_probs, torch.tensor([5]), beam=10_000, n_best=5)[0]
    assert [d.labels for d in found] == ranked[:5]
    for decoded in found:
        assert decoded.score == pytest.approx(truth[decoded.labels], abs=1e-4)
    labels = torch.tensor([found[0].labels])
    loss = F.ctc_loss(
        log_probs, labels, torch.tensor([5]), torch.tensor([labels.shape[1]]), reduction="sum"
    )
    assert found[0].score == pytest.approx(-loss.item(), abs=1e-4)


def test_beam_finds_what_greedy_misses():
    # Three paths of "1" (0.25 + 0.24 + 0.25 ...) beat the single best path, all blank.
    log_probs = torch.tensor([[[0.6, 0.4]], [[0.6, 0.4]]]).log()
    lengths = torch.tensor([2])
    assert greedy_decode(log_probs, lengths)[0].labels == ()
    best = beam_decode(log_probs, lengths)[0][0]
    assert best.labels == (1,)
    assert math.exp(best.score) == pytest.approx(0.64)


def test_greedy_ignores_padding_and_scores_its_path():
    path = torch.tensor([[1, 1, 0, 1, 2, 2], [3, 0, 3, 3, 1, 1]]).T
    log_probs = (4.0 * F.one_hot(path, 4)).log_softmax(2)
    full, cut = greedy_decode(log_probs, torch.tensor([6, 4]))
    assert full.labels == (1, 1, 2)
    assert cut.labels == (3, 3)
    assert cut.score == pytest.approx(4 * log_probs[0, 1, 3].item(), abs=1e-5)


def test_another_blank():
    path = torch.tensor([[2, 0, 2, 0, 1]]).T
    log_probs = (4.0 * F.one_hot(path, 3)).log_softmax(2)
    lengths = torch.tensor([5])
    assert greedy_decode(log_probs, lengths, blank=2)[0].labels == (0, 0, 1)
    assert beam_decode(log_probs, lengths, blank=2)[0][0].labels == (0, 0, 1)


def test_pruning_keeps_the_most_probable_classes():
    log_probs = torch.tensor([[[0.05, 0.05, 0.6, 0.3]]]).log()
    found = beam_decode(log_probs, torch.tensor([1]), top_classes=1, n_best=9)[0]
    assert {d.labels for d in found} == {(), (2,)}


@pytest.mark.parametrize("name", ["beam", "top_classes", "n_best"])
def test_bad_settings(name):
    with pytest.raises(ValueError, match=f"{name} is 0; allowed: 1 or more"):
        beam_decode(torch.zeros(2, 1, 3), torch.tensor([2]), **{name: 0})


def test_bad_shapes():
    with pytest.raises(ValueError, match=r"must be \(T, N, C\)"):
        greedy_decode(torch.zeros(2, 3), torch.tensor([2]))
    with pytest.raises(ValueError, match=r"input_lengths must be \(N=1,\)"):
        greedy_decode(torch.zeros(2, 1, 3), torch.tensor([2, 2]))
    with pytest.raises(ValueError, match=r"allowed: 1 .. 2"):
        beam_decode(torch.zeros(2, 1, 3), torch.tensor([3]))
    with pytest.raises(ValueError, match="blank is 3; allowed: 0 .. 2"):
        greedy_decode(torch.zeros(2, 1, 3), torch.tensor([2]), blank=3)
    scores = torch.zeros(2, 2, 3)
    scores[1] = float("nan")
    assert len(greedy_decode(scores, torch.tensor([1, 1]))) == 2  # NaN in padding only
    with pytest.raises(ValueError, match="the scores of sample 1 hold NaN"):
        beam_decode(scores, torch.tensor([1, 2]))


def test_a_narrow_beam_keeps_that_many_prefixes():
    log_probs = torch.randn(6, 1, 5, generator=torch.Generator().manual_seed(0)).log_softmax(2)
    for beam in (1, 3):
        assert len(beam_decode(log_probs, torch.tensor([6]), beam=beam, n_best=99)[0]) == beam


def test_beam_ignores_padding():
    log_probs = torch.randn(6, 2, 4, generator=torch.Generator().manual_seed(1)).log_softmax(2)
    together = beam_decode(log_probs, torch.tensor([6, 3]), n_best=4)
    alone = beam_decode(log_probs[:3, 1:], torch.tensor([3]), n_best=4)
    assert together[1] == alone[0]
