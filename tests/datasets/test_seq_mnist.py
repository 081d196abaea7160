"""Seq-MNIST: lengths, weights, truth, each image once, the unbalanced variant."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from vidlab.datasets.digits import Digits, load_digits
from vidlab.datasets.seq_mnist import CLASS_NAMES, SeqMNIST, SeqMNISTConfig, interpolation_weights
from vidlab.datasets.sequences import PAD_TRUTH, collate


def numbered(count, classes=10):
    """Digits whose pixel (0, 0) tells them apart and whose other pixels are their number."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 0] = np.arange(count) % 251
    images[:, 0, 1] = np.arange(count) // 251
    return Digits(images, (np.arange(count) % classes).astype(np.uint8))


def test_the_papers_sequence():
    weights = interpolation_weights(SeqMNISTConfig())
    assert weights.shape == (41, 4)
    assert SeqMNISTConfig().frames == 41
    torch.testing.assert_close(weights[:5, 0], torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9]))
    torch.testing.assert_close(weights[36:, 3], torch.tensor([0.9, 0.7, 0.5, 0.3, 0.1]))
    torch.testing.assert_close(weights[5:36].sum(1), torch.ones(31))
    for digit, frame in enumerate((5, 15, 25, 35)):
        assert weights[frame].argmax() == digit
        assert weights[frame].max() == 1
    torch.testing.assert_close(weights[6:15, 1], torch.arange(1, 10) / 10)
    assert ((weights > 0).sum(1) <= 2).all()


def test_truth_follows_the_largest_weight():
    sample = SeqMNIST(numbered(8), SeqMNISTConfig(), seed=1)[0]
    one, two, three, four = sample.targets.tolist()
    want = [one] * 11 + [two] * 10 + [three] * 10 + [four] * 10  # ties go to the earlier digit
    assert sample.truth.tolist() == want


def test_full_mnist_gives_15000_and_2500_sequences_each_image_once():
    for images, sequences in ((60_000, 15_000), (10_000, 2_500)):
        digits = Digits(
            np.zeros((images, 28, 28), np.uint8), (np.arange(images) % 10).astype(np.uint8)
        )
        data = SeqMNIST(digits, SeqMNISTConfig(image_size=4))
        assert len(data) == sequences
        assert len(np.unique(data.members)) == images


def test_frames_are_the_weighted_sum_of_the_images():
    digits = load_digits().test
    config = SeqMNISTConfig()
    data = SeqMNIST(digits, config, seed=3, limit=5)
    images = digits.images[data.members[2]].astype(np.float64) / 255
    want = np.einsum("td,dhw->thw", interpolation_weights(config).double().numpy(), images)
    np.testing.assert_allclose(data[2].frames[:, 0].numpy(), want, atol=1e-6)
    np.testing.assert_array_equal(data[2].targets.numpy(), digits.labels[data.members[2]] + 1)
    assert CLASS_NAMES[data[2].targets[0]] == str(digits.labels[data.members[2][0]])


def test_smaller_images_are_area_averages():
    digits = load_digits().test
    big = SeqMNIST(digits, SeqMNISTConfig(), seed=3, limit=2)[1].frames
    small = SeqMNIST(digits, SeqMNISTConfig(image_size=14), seed=3, limit=2)[1].frames
    want = big.unflatten(3, (14, 2)).unflatten(2, (14, 2)).mean((3, 5))
    torch.testing.assert_close(small, want)


def test_same_seed_same_sequences():
    digits = numbered(40)
    one, same, other = (SeqMNIST(digits, seed=s).members for s in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    np.testing.assert_array_equal(SeqMNIST(digits, seed=4, limit=3).members, one[:3])


def test_unbalanced_keeps_a_tenth_of_the_lower_classes():
    digits = load_digits().train
    data = SeqMNIST(digits, rare_rate=0.1, seed=0)
    kept = np.bincount(digits.labels[data.members.ravel()], minlength=10)
    whole = np.bincount(digits.labels, minlength=10)
    rate = kept / whole
    # Binomial with n of about 800 and p = 0.1: four standard deviations are 0.043.
    assert np.abs(rate[:5] - 0.1).max() < 0.045
    assert rate[5:].min() > 0.99  # all but the up to three left over


@pytest.mark.parametrize(("between", "fade", "digits"), [(0, 0, 1), (0, 2, 3), (4, 0, 2)])
def test_other_shapes(between, fade, digits):
    config = SeqMNISTConfig(digits, between, fade, 7)
    sample = SeqMNIST(numbered(10), config)[0]
    assert sample.frames.shape == (config.frames, 1, 7, 7)
    assert len(sample.truth) == config.frames == digits + (digits - 1) * between + 2 * fade


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"digits": 0}, "digits is 0; allowed: whole numbers in 1"),
        ({"between": -1}, "between is -1; allowed: whole numbers in 0"),
        ({"fade": -2}, "fade is -2"),
        ({"image_size": 29}, "image_size is 29; allowed: whole numbers in 4 .. 28"),
        ({"fade": 2.5}, "fade is 2.5; allowed: whole numbers"),
    ],
)
def test_bad_shapes(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        SeqMNISTConfig(**settings)


def test_bad_sampling():
    with pytest.raises(ValueError, match="rare_rate is 0; allowed: more than 0, at most 1"):
        SeqMNIST(numbered(8), rare_rate=0)
    with pytest.raises(ValueError, match="seed is -1; allowed: 0 or more"):
        SeqMNIST(numbered(8), seed=-1)
    with pytest.raises(ValueError, match="limit is 0; allowed: 1 or more"):
        SeqMNIST(numbered(8), limit=0)
    with pytest.raises(ValueError, match="3 images are not enough for a sequence of 4 digits"):
        SeqMNIST(numbered(3))


def test_collate_pads_at_the_end():
    long = SeqMNIST(numbered(8), SeqMNISTConfig(3, 1, 1, 7))[0]
    short = SeqMNIST(numbered(8), SeqMNISTConfig(2, 1, 1, 7))[1]
    batch = collate([short, long])
    assert batch.frames.shape == (2, 7, 1, 7, 7)
    assert batch.input_lengths.tolist() == [5, 7]
    assert batch.target_lengths.tolist() == [2, 3]
    assert batch.targets[0].tolist() == [*short.targets.tolist(), 0]
    assert batch.truth[0, 5:].tolist() == [PAD_TRUTH] * 2
    assert batch.index.tolist() == [1, 0]
    assert not batch.frames[0, 5:].any()
    torch.testing.assert_close(batch.frames[0, :5], short.frames)


def test_loads_in_worker_processes():
    data = SeqMNIST(numbered(40), SeqMNISTConfig(2, 0, 0, 7))
    here = list(DataLoader(data, 8, collate_fn=collate))
    there = list(DataLoader(data, 8, collate_fn=collate, num_workers=1))
    for one, two in zip(here, there, strict=True):
        torch.testing.assert_close(one.frames, two.frames)
