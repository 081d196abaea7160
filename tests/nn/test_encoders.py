"""Cosine classifier and LeNets++."""

import pytest
import torch
import torch.nn.functional as F

from vidlab.nn.cosine import CosineClassifier
from vidlab.nn.lenet import LeNetPP


def test_cosines_equal_pytorchs_and_ignore_length():
    classifier = CosineClassifier(6, 4)
    features = torch.randn(3, 5, 6)
    want = F.cosine_similarity(features[:, :, None], classifier.weight, dim=3)
    torch.testing.assert_close(classifier(features), want)
    torch.testing.assert_close(classifier(7 * features), want)
    torch.testing.assert_close(classifier.centres.norm(dim=1), torch.ones(4))


@pytest.mark.parametrize(("dim", "classes"), [(0, 3), (3, 1)])
def test_cosine_sizes(dim, classes):
    with pytest.raises(ValueError, match="allowed: dim >= 1, classes >= 2"):
        CosineClassifier(dim, classes)


def test_the_papers_lenet_layer_by_layer():
    net = LeNetPP(3)
    convs = [layer for layer in net.layers if isinstance(layer, torch.nn.Conv2d)]
    assert [c.out_channels for c in convs] == [32, 32, 64, 64, 128, 128]
    assert {c.kernel_size for c in convs} == {(5, 5)}
    assert sum(isinstance(layer, torch.nn.PReLU) for layer in net.layers) == 6
    assert not isinstance(net.layers[-1], torch.nn.PReLU)
    weights = 25 * (1 * 32 + 32 * 32 + 32 * 64 + 64 * 64 + 64 * 128 + 128 * 128)
    biases = 2 * (32 + 64 + 128)
    assert sum(p.numel() for p in net.parameters()) == weights + biases + 6 + (1152 * 3 + 3)
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 3)


def test_even_kernel():
    with pytest.raises(ValueError, match="kernel is 4; allowed: odd sizes"):
        LeNetPP(3, kernel=4)


def test_image_too_small_for_its_poolings():
    with pytest.raises(ValueError, match="3 poolings need at least 8 pixels"):
        LeNetPP(3, image_size=7)


def test_pooling_before_the_activation_changes_nothing():
    net = LeNetPP(3, image_size=8, widths=(4,), convs=2)
    first, act, second, pool, act2, flat, full = net.layers
    frames = torch.randn(5, 1, 8, 8)
    late = full(flat(pool(act2(second(act(first(frames)))))))
    torch.testing.assert_close(net(frames), late)


def test_no_convolutions():
    with pytest.raises(ValueError, match="convs is 0; allowed: 1 or more"):
        LeNetPP(3, convs=0)


def test_zero_features_have_tame_gradients():
    classifier = CosineClassifier(3, 4)
    features = torch.zeros(2, 3, requires_grad=True)
    classifier(features).sum().backward()
    assert features.grad.abs().max() < 1e7
