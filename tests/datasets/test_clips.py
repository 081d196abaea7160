import pytest
import torch
from torch.utils.data import DataLoader

from vidlab.datasets.clips import ClipSample, collate_clips, to_clips


def sample(index, shape=(4, 3, 6, 8)):
    frames = torch.arange(torch.Size(shape).numel()).add(index).remainder(256).byte()
    return ClipSample(frames.view(shape), label=index % 3, index=index)


def test_frames_become_channels_first_and_centred():
    frames = sample(0).frames
    clips = to_clips(frames)
    assert clips.shape == (3, 4, 6, 8)
    assert clips[2, 1, 3, 5] == frames[1, 2, 3, 5].float() / 127.5 - 1
    assert to_clips(torch.tensor([0, 255]).byte().view(1, 1, 1, 2)).flatten().tolist() == [-1, 1]


def test_a_batch_keeps_order_labels_and_places():
    loader = DataLoader([sample(i) for i in range(5)], batch_size=5, collate_fn=collate_clips)
    (batch,) = loader
    assert batch.clips.shape == (5, 3, 4, 6, 8)
    assert batch.labels.tolist() == [0, 1, 2, 0, 1]
    assert batch.index.tolist() == [0, 1, 2, 3, 4]
    torch.testing.assert_close(batch.clips[3], to_clips(sample(3).frames))
    assert batch.to("meta").clips.device.type == "meta"


def test_clips_of_different_shapes_are_named():
    with pytest.raises(ValueError, match=r"clip 7 has shape \(5, 3, 6, 8\), clip 2 \(4, 3, 6, 8\)"):
        collate_clips([sample(2), sample(7, (5, 3, 6, 8))])


def test_only_bytes_are_frames():
    with pytest.raises(ValueError, match="expected uint8"):
        to_clips(torch.zeros(4, 3, 6, 8))
