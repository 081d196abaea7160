"""A recogniser survives its file, and reads a film as it reads the frames."""

from dataclasses import replace

import pytest
import torch

from vidlab.datasets.signing import Signing, SigningConfig
from vidlab.nn.decode import greedy_decode
from vidlab.nn.resnet2d import ResNet2D, ResNet2DConfig
from vidlab.papers import radialctc, smkd
from vidlab.recognise import Recogniser, load_recogniser, save_recogniser
from vidlab.train.checkpoint import CheckpointError, save_checkpoint
from vidlab.video import Video, write_video

NAMES = ("blank", "A", "B", "C", "D")


def untrained(config=smkd.WS, size=32) -> Recogniser:
    torch.manual_seed(0)
    encoder = ResNet2D(ResNet2DConfig((4, 6), (1, 1), 3, stem_pool=False, grid=2))
    model = smkd.SMKD(encoder, encoder.dim, len(NAMES), config, stack="C3-P2-C3", channels=8)
    torch.nn.init.normal_(model.lstm.weight_ih_l0, std=3.0)  # else all is one class
    return Recogniser(model.eval(), NAMES, size)


@pytest.fixture
def film():
    return Signing(SigningConfig(size=64), sentences=1, seed=3).sentence(0).frames


@pytest.mark.parametrize(
    "config",
    [smkd.WS_GSBA, smkd.VAC, replace(smkd.WS, scale=3.0), replace(smkd.WS, radial=radialctc.ALL)],
)
def test_there_and_back(tmp_path, film, config):
    reader = untrained(config)
    again = load_recogniser(save_recogniser(tmp_path / "r.safetensors", reader.model, NAMES, 32))
    assert again.model.config == config
    assert (again.class_names, again.size) == (NAMES, 32)
    for name, tensor in reader.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name
    assert reader(film) == again(film)
    assert reader(film)


def test_from_a_video_file(tmp_path, film):
    """Compression and resizing move the logits a little and no more."""
    path = write_video(tmp_path / "sentence.mp4", film, fps=12.5)
    video = Video(path)
    read = video.frames(range(len(video)))
    assert read.shape == film.shape
    assert (read.float() - film.float()).abs().mean() < 10  # the noise that goes is 5 strong
    reader = untrained(size=64)
    assert set(reader(read)) <= set(NAMES[1:])


def test_frames_of_the_right_size_are_not_resized(film):
    reader = untrained(size=64)
    lengths = torch.tensor([len(film)])
    with torch.no_grad():
        output = reader.model(film[None].float() / 255, lengths)
    path = output.contextual_logits.argmax(2)[:, 0]
    kept = [int(c) for c, before in zip(path, [-1, *path[:-1]], strict=True) if c and c != before]
    assert reader(film) == [NAMES[c] for c in kept]


def test_untied_classifiers_stay_apart(tmp_path):
    model = smkd.untied(untrained().model)
    torch.nn.init.normal_(model.visual_classifier.weight)
    path = save_recogniser(tmp_path / "r.safetensors", model, NAMES, 32)
    again = load_recogniser(path).model
    for name in ("visual_classifier", "contextual_classifier"):
        assert torch.equal(getattr(again, name).weight, getattr(model, name).weight)


def test_a_long_film_is_resized_like_a_short_one(film):
    reader = untrained()
    want = torch.nn.functional.interpolate(
        film.float() / 255, (32, 32), mode="bilinear", antialias=True
    )
    with torch.no_grad():
        output = reader.model(want[None], torch.tensor([len(film)]))
    (read,) = greedy_decode(output.contextual_logits.log_softmax(2), output.lengths)
    assert len(film) > 16
    assert reader(film) == [NAMES[label] for label in read.labels]


def test_errors(tmp_path, film):
    reader = untrained()
    with pytest.raises(ValueError, match=r"float32 of shape .* expected uint8 \(T, 3, H, W\)"):
        reader(film.float())
    with pytest.raises(ValueError, match="sample 0 has 3 frames; .* at least 8"):
        reader(film[:3])
    with pytest.raises(ValueError, match="2 class names for 5 classes"):
        save_recogniser(tmp_path / "r", reader.model, NAMES[:2], 32)
    reader.model.encoder = torch.nn.Flatten()
    with pytest.raises(ValueError, match="the encoder is a Flatten; allowed: ResNet2D"):
        save_recogniser(tmp_path / "r", reader.model, NAMES, 32)
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, {"model": {"w": torch.zeros(2)}})
    with pytest.raises(CheckpointError, match="holds no recogniser"):
        load_recogniser(other)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load_recogniser(tmp_path / "text")
