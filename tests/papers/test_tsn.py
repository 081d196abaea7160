"""TSN: what its consensus functions are, and what none of them can know."""

from itertools import permutations

import pytest
import torch
from torch import nn

from vidlab.nn.frames import SMALL, FrameClassifier, FrameNet
from vidlab.papers import tsn

FREE = {"average": tsn.average, "maximum": tsn.maximum, "top 2": tsn.top(2)}


def vectors(n=3, t=4, d=5):
    return torch.randn(n, t, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("consensus", FREE.values(), ids=FREE)
def test_no_order_of_frames_changes_the_logits(consensus):
    head = tsn.TSN(5, 7, consensus).double()
    frames = vectors()
    logits = head(frames)
    assert logits.shape == (3, 7)
    for order in permutations(range(4)):
        torch.testing.assert_close(head(frames[:, order]), logits, rtol=0, atol=1e-12)


def test_the_whole_network_cannot_tell_a_clip_from_its_reverse():
    torch.manual_seed(0)
    net = FrameNet(SMALL)
    model = FrameClassifier(net, tsn.TSN(net.dim, 4)).double().eval()
    clips = torch.randn(2, 3, 6, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(model(clips.flip(2)), model(clips), rtol=0, atol=1e-10)
    assert not torch.allclose(model(clips)[0], model(clips)[1])  # it does look at them


def test_average_is_the_formula():
    head, frames = tsn.TSN(5, 7).double(), vectors()
    linear = head.classifier[1]
    expected = sum(linear.weight @ frames[1, t] + linear.bias for t in range(4)) / 4
    torch.testing.assert_close(head(frames)[1], expected)


def test_top_k_lies_between_maximum_and_average():
    scores = vectors()
    torch.testing.assert_close(tsn.top(1)(scores), tsn.maximum(scores))
    torch.testing.assert_close(tsn.top(4)(scores), tsn.average(scores))
    by_hand = scores[0, :, 2].sort(descending=True).values[:2].mean()
    torch.testing.assert_close(tsn.top(2)(scores)[0, 2], by_hand)


def test_maximum_is_taken_for_each_class():
    scores = torch.tensor([[[1.0, 9.0], [5.0, 2.0]]])
    assert tsn.maximum(scores).tolist() == [[5.0, 9.0]]


def test_weighted_starts_as_the_average_and_then_knows_order():
    head = tsn.TSN(5, 7, tsn.Weighted(4)).double()
    plain = tsn.TSN(5, 7).double()
    plain.load_state_dict({k: v for k, v in head.state_dict().items() if "consensus" not in k})
    frames = vectors()
    torch.testing.assert_close(head(frames), plain(frames))
    head(frames).square().sum().backward()
    assert head.consensus.weights.grad.abs().min() > 0  # the weights learn
    head.consensus.weights.data = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(head(frames), head.scores(frames)[:, -1])
    assert not torch.allclose(head(frames), head(frames.flip(1)))


def test_dropout_is_for_training_only():
    head = tsn.TSN(5, 7, dropout=0.5).double()
    frames = vectors()
    torch.manual_seed(0)
    assert not torch.equal(head(frames), head(frames))
    head.eval()
    assert torch.equal(head(frames), head(frames))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tsn.TSN(0, 3), "dim is 0"),
        (lambda: tsn.TSN(3, 0), "classes is 0"),
        (lambda: tsn.TSN(3, 3, dropout=1.0), "dropout is 1.0"),
        (lambda: tsn.top(0), "k is 0"),
        (lambda: tsn.top(5)(torch.zeros(1, 4, 2)), "top 5 of 4 frames"),
        (lambda: tsn.Weighted(0), "frames is 0"),
        (lambda: tsn.Weighted(3)(torch.zeros(1, 4, 2)), "4 frames; this consensus has 3"),
        (lambda: tsn.TSN(3, 2)(torch.zeros(4, 3)), r"shape \(4, 3\)"),
        (lambda: tsn.TSN(3, 2)(torch.zeros(1, 4, 5)), r"expected \(N, T, 3\)"),
        (lambda: tsn.TSN(3, 2)(torch.zeros(1, 0, 3)), "T >= 1"),
    ],
)
def test_errors_say_what_is_allowed(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_head_has_no_parameters_but_the_classifier():
    names = [name for name, _ in tsn.TSN(3, 2).named_parameters()]
    assert names == ["classifier.1.weight", "classifier.1.bias"]
    assert isinstance(tsn.TSN(3, 2).classifier[1], nn.Linear)
