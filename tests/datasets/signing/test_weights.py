"""The shipped frame network: whole, usable, and as good as its header says."""

import shutil

import pytest
import torch

from vidlab.datasets import base
from vidlab.datasets.base import DataError
from vidlab.datasets.signing import SigningConfig, frame_weights, poses, weights
from vidlab.nn.resnet2d import ResNet2D, ResNet2DConfig
from vidlab.train.checkpoint import load_checkpoint


def test_it_tells_where_hands_are():
    """Its features say where the right hand is, to a linear reader, of people never seen."""
    state = load_checkpoint(frame_weights())
    shape = {k: tuple(v) if isinstance(v, list) else v for k, v in state["config"].items()}
    network = ResNet2D(ResNet2DConfig(**shape)).eval()
    network.load_state_dict(state["model"])
    seen = poses(SigningConfig(), 400, seed=5, signers=range(10))
    with torch.no_grad():
        features = torch.cat((network(seen.frames), torch.ones(400, 1)), 1).double()
    places = seen.right_place.double()
    # Ridge regression on 300 poses, tried on 100.
    gram = features[:300].T @ features[:300] + torch.eye(features.shape[1])
    reader = torch.linalg.solve(gram, features[:300].T @ places[:300])
    error = (features[300:] @ reader - places[300:]).norm(dim=1).mean()
    spread = (places[300:] - places[:300].mean(0)).norm(dim=1).mean()
    assert error < spread / 2
    assert state["made"]["unseen signers"]["right shape"] > 0.9


def test_damage_is_noticed(tmp_path, monkeypatch):
    (found,) = weights.check()
    assert (found.ok, found.shipped) == (True, True)
    copy = tmp_path / weights.NAME
    copy.parent.mkdir()
    shutil.copy(frame_weights(), copy)
    monkeypatch.setattr(base, "shipped_data", lambda: tmp_path)
    data = bytearray(copy.read_bytes())
    data[-1] ^= 1
    copy.write_bytes(data)
    with pytest.raises(DataError, match=r"frames.safetensors is damaged"):
        frame_weights()
    (found,) = weights.check()
    assert not found.ok
    copy.unlink()
    assert "is missing" in weights.check()[0].detail
