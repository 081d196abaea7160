"""CRNN: the steps it makes, where they look, and that slices are put together as they were cut."""

import re

import numpy as np
import pytest
import torch

from vidlab.datasets.word_images import STEPS, column_slices
from vidlab.nn.crnn import CRNN, glue
from vidlab.papers import radialctc as radial


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return CRNN(0.125, 16).eval()


def slices_of(images):
    return torch.stack([torch.from_numpy(column_slices(image.numpy())) for image in images])


def test_the_papers_size():
    model = CRNN()
    images = torch.rand(1, 1, 32, 100)
    assert model.layers(images).shape == (1, 512, 1, 26)  # supplement A.3: 512 x 1 x 26
    assert model.features(images).shape == (1, 26, 512)
    count = sum(p.numel() for p in model.parameters())
    # By hand: seven convolutions with biases, two batch norms, two LSTMs, one linear layer.
    pairs = [(1, 64), (64, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    convs = sum(9 * a * b + b for a, b in pairs) + 4 * 512 * 512 + 512 + 2 * 2 * 512
    lstms = 2 * (4 * 256 * (512 + 256 + 2)) + 2 * (4 * 256 * (256 + 256 + 2))
    assert count == convs + lstms + 512 * 256 + 256


def test_images_survive_slicing():
    images = torch.rand(3, 32, 100)
    slices = slices_of(images).flatten(0, 1)[:, None]
    assert torch.equal(glue(slices, STEPS), images[:, None])


def test_a_frame_encoder_that_sees_the_word(small):
    images = torch.rand(2, 32, 100)
    slices = slices_of(images)[:, :, None]
    features = small(slices.flatten(0, 1))
    assert features.shape == (2 * STEPS, small.dim)
    assert torch.equal(features.view(2, STEPS, -1), small.features(images[:, None]))
    model = radial.RadialCTC(small, small.dim, 37, radial.ALL)
    output = model(slices)
    assert output.logits.shape == (STEPS, 2, 37)
    assert torch.allclose(output.features.norm(dim=2), torch.ones(STEPS, 2), atol=1e-5)


def test_words_do_not_influence_each_other(small):
    images = torch.rand(3, 1, 32, 100)
    together = small.features(images)
    alone = torch.cat([small.features(image[None]) for image in images])
    assert torch.allclose(together, alone, atol=1e-5)


def test_each_step_looks_at_its_slice(small):
    """The convolutions' answer at step t hangs most on the pixels around column 4 t."""
    torch.manual_seed(1)
    for step in (5, 12, 20):
        images = torch.rand(8, 1, 32, 100, requires_grad=True)
        small.layers(images)[:, :, 0, step].abs().sum().backward()
        weight = images.grad.abs().sum((0, 1, 2)).double().numpy()
        centre = (weight * (np.arange(100) + 0.5)).sum() / weight.sum()
        assert abs(centre - 4 * step) < 3, step


def test_reading_goes_both_ways(small):
    images = torch.rand(1, 1, 32, 100, requires_grad=True)
    small.features(images)[0, 13].sum().backward()
    columns = images.grad.abs().sum((0, 1, 2))
    assert columns[0] > 0
    assert columns[-1] > 0


def test_the_steps_keep_their_order(small):
    """Untrained LSTMs forget quickly: a step hangs more on its own surroundings than on others'."""
    for step in (4, 21):
        images = torch.rand(4, 1, 32, 100, requires_grad=True)
        small.features(images)[:, step].abs().sum().backward()
        columns = images.grad.abs().sum((0, 1, 2))
        around, mirrored = (slice(4 * t - 10, 4 * t + 10) for t in (step, 25 - step))
        assert columns[around].sum() > 3 * columns[mirrored].sum(), step


def test_width_and_columns():
    assert CRNN(0.25, 8).layers[0].out_channels == 16
    wide = CRNN(0.0625, 8, columns=160)
    assert wide.steps == 41
    assert wide.features(torch.rand(1, 1, 32, 160)).shape == (1, 41, 16)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: CRNN(width=0), "width=0"),
        (lambda: CRNN(columns=98), "columns is 98; allowed: multiples of 4"),
        (
            lambda: CRNN(0.0625, 4).features(torch.rand(2, 1, 28, 100)),
            "images are (2, 1, 28, 100); expected (N, 1, 32, 100)",
        ),
        (lambda: CRNN(0.0625, 4)(torch.rand(27, 1, 32, 4)), "slices are (27, 1, 32, 4)"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        call()
