"""Which frames: counted by hand, and against the definitions."""

from __future__ import annotations

import pytest
import torch

from vidlab.video import dense, random_clip, segments, uniform


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("frames", "count"), [(12, 4), (10, 3), (7, 7), (3, 8), (1, 1), (1000, 16)]
)
def test_uniform_takes_the_middle_of_each_part(frames, count):
    numbers = uniform(frames, count)
    assert numbers.dtype == torch.int64
    assert numbers.shape == (count,)
    for part, number in enumerate(numbers.tolist()):
        middle = (part + 0.5) * frames / count - 0.5  # the middle of the part's frames
        assert abs(number - middle) <= 0.5 + 1e-9
        assert 0 <= number < frames
    if count <= frames:
        assert len(set(numbers.tolist())) == count


def test_dense():
    assert dense(20, 4, stride=3, start=5).tolist() == [5, 8, 11, 14]
    assert dense(15, 4, stride=3, start=5).tolist() == [5, 8, 11, 14]  # just fits
    with pytest.raises(ValueError, match="frame 5 on need 15 frames; the video has 14"):
        dense(14, 4, stride=3, start=5)
    assert dense(14, 4, stride=3, start=5, short="loop").tolist() == [5, 8, 11, 0]
    assert dense(14, 4, stride=3, start=5, short="last").tolist() == [5, 8, 11, 13]
    assert dense(2, 5, short="loop").tolist() == [0, 1, 0, 1, 0]


def test_segments_draw_evenly_from_each_part():
    assert torch.equal(segments(100, 8), uniform(100, 8))
    draws = torch.stack([segments(10, 3, g) for g in [seeded(1)] for _ in range(3000)])
    edges = [0, 3, 6, 10]
    for part in range(3):
        numbers, counts = draws[:, part].unique(return_counts=True)
        assert numbers.tolist() == list(range(edges[part], edges[part + 1]))
        expected = 3000 / len(numbers)
        assert (counts - expected).abs().max() < 5 * expected**0.5
    assert segments(2, 5, seeded()).tolist() == [0, 0, 0, 1, 1]
    assert torch.equal(segments(50, 5, seeded(3)), segments(50, 5, seeded(3)))


def test_random_clips_start_everywhere():
    draws = torch.stack(
        [random_clip(10, 3, 2, generator=g) for g in [seeded()] for _ in range(900)]
    )
    assert (draws.diff(dim=1) == 2).all()
    starts, counts = draws[:, 0].unique(return_counts=True)
    assert starts.tolist() == [0, 1, 2, 3, 4, 5]  # 5 + 2 * 2 is the last frame
    assert (counts - 150).abs().max() < 5 * 150**0.5
    with pytest.raises(ValueError, match="need 21 frames; the video has 20"):
        random_clip(20, 5, 5, generator=seeded())
    assert random_clip(3, 4, 2, generator=seeded(), short="last").tolist() == [0, 2, 2, 2]
    assert random_clip(3, 4, 2, generator=seeded(), short="loop").tolist() == [0, 2, 1, 0]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: uniform(0, 4), "frames is 0"),
        (lambda: uniform(4, -1), "count is -1"),
        (lambda: dense(4, 2, stride=0), "stride is 0"),
        (lambda: dense(4, 2, start=4), "start is 4; the video has frames 0 to 3"),
        (lambda: dense(4, 2, short="wrap"), "short is 'wrap'; expected one of error, loop, last"),
        (lambda: segments(4, 0, seeded()), "count is 0"),
        (lambda: random_clip(4, True, generator=seeded()), "count is True"),
    ],
)
def test_numbers_that_cannot_be(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_generator_is_required():
    with pytest.raises(TypeError):
        random_clip(10, 3)
