"""The training loop: it learns, resumes exactly, and stops with a name at a bad loss."""

import json
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from vidlab.train import CheckpointError, FitConfig, NonFiniteLossError, fit
from vidlab.train.checkpoint import load_checkpoint, save_checkpoint


@dataclass
class Batch:
    x: Tensor
    y: Tensor
    index: Tensor

    def to(self, device, non_blocking=False):
        return Batch(self.x.to(device), self.y.to(device), self.index)


def collate(items):
    x, y, index = zip(*items, strict=True)
    return Batch(torch.stack(x), torch.stack(y), torch.tensor(index))


def line(count=40):
    """y = 3x - 1 with each point's index."""
    x = torch.linspace(-1, 1, count)[:, None]
    return [(x[i], 3 * x[i] - 1, i) for i in range(count)]


class Net(nn.Module):
    """Linear with dropout and batch norm: random state and buffers have to be resumed too."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1)
        )

    def forward(self, x):
        return self.layers(x)


def squared(model, batch):
    error = (model(batch.x) - batch.y).square().mean()
    return {"loss": error, "twice": 2 * error}


def make(kind=torch.optim.Adam, **settings):
    torch.manual_seed(1)
    model = Net()
    optimizer = kind(model.parameters(), lr=0.05, **settings)
    return model, optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)


def run(parts, epochs, **more):
    model, optimizer, schedule = parts
    return fit(
        model,
        line(),
        squared,
        optimizer,
        FitConfig(epochs, 7, seed=3),
        collate=collate,
        schedule=schedule,
        **more,
    )


def test_it_learns_and_reports_means():
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    seen = []
    history = fit(
        model,
        line(),
        squared,
        optimizer,
        FitConfig(30, 8),
        collate=collate,
        before_epoch=seen.append,
    )
    assert model.weight.item() == pytest.approx(3, abs=0.1)
    assert model.bias.item() == pytest.approx(-1, abs=0.1)
    assert history[-1]["loss"] < history[0]["loss"] / 50
    assert history[4]["twice"] == pytest.approx(2 * history[4]["loss"])
    assert seen == list(range(30))


def test_means_weigh_the_last_small_batch_by_its_size():
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    history = fit(model, line(10), squared, optimizer, FitConfig(1, 4), collate=collate)
    x, y, _ = zip(*line(10), strict=True)
    want = (model(torch.stack(x)) - torch.stack(y)).square().mean().item()
    assert history[0]["loss"] == pytest.approx(want)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [(torch.optim.Adam, {}), (torch.optim.Adadelta, {}), (torch.optim.SGD, {"momentum": 0.9})],
)
@pytest.mark.parametrize("cut", [(2, 5), (3, 0)])
def test_resume_equals_an_uninterrupted_run(tmp_path, kind, settings, cut):
    """Interrupted in the middle of an epoch, or right at its start."""
    whole = make(kind, **settings)
    want = run(whole, 4)

    class Stop(Exception):
        pass

    epoch, step = cut
    count = 0

    def failing(model, batch):
        nonlocal count
        if count == 6 * epoch + step:
            raise Stop
        count += 1
        return squared(model, batch)

    path = tmp_path / "net.safetensors"
    broken = make(kind, **settings)
    with pytest.raises(Stop):
        fit(
            broken[0],
            line(),
            failing,
            broken[1],
            FitConfig(4, 7, seed=3),
            collate=collate,
            schedule=broken[2],
            checkpoint=path,
        )
    torch.manual_seed(99)  # another process has another random state
    again = make(kind, **settings)
    torch.rand(7)
    epochs_run = []
    history = run(again, 4, checkpoint=path, before_epoch=epochs_run.append)
    assert epochs_run == list(range(epoch, 4))
    assert history == want
    for name, value in whole[0].state_dict().items():
        assert torch.equal(value, again[0].state_dict()[name]), name
    assert again[2].get_last_lr() == whole[2].get_last_lr()


def test_a_finished_training_is_not_repeated(tmp_path):
    path = tmp_path / "net.safetensors"
    first = make()
    want = run(first, 3, checkpoint=path)
    second = make()
    assert run(second, 3, checkpoint=path, before_epoch=lambda _: pytest.fail("trained")) == want
    for one, two in zip(first[0].parameters(), second[0].parameters(), strict=True):
        assert torch.equal(one, two)


def test_order_depends_on_the_seed_and_the_epoch_alone():
    def orders(seed, noise):
        torch.rand(noise)
        seen = []

        def loss(model, batch):
            seen.append(batch.index.tolist())
            return squared(model, batch)

        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), 0.0)
        fit(model, line(8), loss, optimizer, FitConfig(2, 4, seed), collate=collate)
        return seen

    first = orders(0, 1)
    assert first == orders(0, 50)
    assert first != orders(1, 1)
    assert first[:2] != first[2:]
    assert sorted(first[0] + first[1]) == list(range(8))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_bad_loss_names_its_step_and_samples(tmp_path, bad):
    data = line(12)
    data[5] = (data[5][0], torch.tensor([bad]), 5)
    path = tmp_path / "net.safetensors"
    model = nn.Linear(1, 1)
    optimizer = torch.optim.Adam(model.parameters())
    with pytest.raises(NonFiniteLossError) as caught:
        fit(
            model,
            data,
            squared,
            optimizer,
            FitConfig(2, 3),
            collate=collate,
            checkpoint=path,
            label="line",
        )
    sentence = str(caught.value)
    assert sentence.startswith("line: the loss is not finite at epoch 1, step ")
    samples = json.loads(sentence.split("samples of the batch: ")[1])
    assert 5 in samples
    assert len(samples) == 3
    assert all(p.isfinite().all() for p in model.parameters())
    assert not path.exists()


def test_gradients_are_clipped():
    def huge(model, batch):
        return {"loss": 1e6 * model(batch.x).sum()}

    for clip, low, high in ((1.0, 0.0, 1.0001), (None, 1e5, 1e9)):
        torch.manual_seed(0)
        model = nn.Linear(1, 1)
        before = [p.detach().clone() for p in model.parameters()]
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        config = FitConfig(1, 40, clip_norm=clip)
        fit(model, line(), huge, optimizer, config, collate=collate)
        moved = sum((p - b).square().sum() for p, b in zip(model.parameters(), before, strict=True))
        assert low < moved.sqrt().item() <= high


def test_bfloat16_autocast_reaches_the_model():
    dtypes = []

    def loss(model, batch):
        prediction = model(batch.x)
        dtypes.append(prediction.dtype)
        return {"loss": (prediction.float() - batch.y).square().mean()}

    for bf16 in (True, False, None):
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        fit(model, line(4), loss, optimizer, FitConfig(1, 4, bf16=bf16), collate=collate)
    assert dtypes == [torch.bfloat16, torch.float32, torch.float32]


def test_other_settings_or_another_model_do_not_resume(tmp_path):
    path = tmp_path / "net.safetensors"
    run(make(), 1, checkpoint=path)
    model, optimizer, schedule = make()
    with pytest.raises(CheckpointError, match="this run has .*'batch_size': 8.*delete it"):
        fit(
            model,
            line(),
            squared,
            optimizer,
            FitConfig(1, 8, seed=3),
            collate=collate,
            schedule=schedule,
            checkpoint=path,
        )
    other = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(other.parameters())
    with pytest.raises(CheckpointError, match="does not fit this model"):
        fit(
            other,
            line(),
            squared,
            optimizer,
            FitConfig(1, 7, seed=3),
            collate=collate,
            checkpoint=path,
        )


@pytest.mark.parametrize("content", [b"", b"garbage" * 50, b"\xff" * 8 + b"{}"])
def test_a_damaged_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is not a readable checkpoint"):
        run(make(), 1, checkpoint=path)


@pytest.mark.parametrize("depth", [600, 100_000])
def test_a_checkpoint_nested_without_end_is_refused(tmp_path, depth):
    path = tmp_path / "net.safetensors"
    save_file({"0": torch.zeros(1)}, path, metadata={"vidlab": "[" * depth + "]" * depth})
    with pytest.raises(CheckpointError, match="is not a readable checkpoint: nested too deep"):
        load_checkpoint(path)


def test_checkpoint_round_trip_with_tied_weights(tmp_path):
    tied = torch.arange(6.0).reshape(2, 3)
    state = {"a": tied, "b": tied, "list": [1, 2.5, None, "x", {7: tied.T}], "flag": True}
    path = tmp_path / "deep" / "state.safetensors"
    save_checkpoint(path, state)
    back = load_checkpoint(path)
    assert torch.equal(back["a"], tied)
    assert torch.equal(back["list"][4][7], tied.T)
    assert back["list"][:4] == [1, 2.5, None, "x"]
    assert back["flag"] is True
    assert [p.name for p in path.parent.iterdir()] == ["state.safetensors"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"epochs": 0, "batch_size": 1}, "epochs is 0; allowed: whole numbers from 1 on"),
        ({"epochs": 1, "batch_size": 0}, "batch_size is 0"),
        ({"epochs": 1, "batch_size": 1, "clip_norm": 0}, "clip_norm is 0; allowed: more than 0"),
        ({"epochs": 1, "batch_size": 1, "workers": -1}, "workers is -1"),
        ({"epochs": 1.5, "batch_size": 1}, "epochs is 1.5; allowed: whole numbers"),
        ({"epochs": 1, "batch_size": 1, "seed": 1 << 40}, "seed is .*; allowed: 0 .."),
    ],
)
def test_bad_settings(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        FitConfig(**settings)


def test_an_empty_data_set():
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ValueError, match="line: the data set is empty"):
        fit(model, [], squared, optimizer, FitConfig(1, 4), collate=collate, label="line")


def test_what_may_change_between_a_run_and_its_resumption(tmp_path):
    """More epochs and other workers continue; another seed is another run."""
    path = tmp_path / "net.safetensors"

    def go(epochs, seed=3, workers=0):
        model, optimizer, schedule = make()
        config = FitConfig(epochs, 7, seed, workers=workers)
        return fit(
            model,
            line(),
            squared,
            optimizer,
            config,
            collate=collate,
            schedule=schedule,
            checkpoint=path,
        )

    first = go(2)
    assert go(3, workers=1)[:2] == first
    assert go(1) == first[:1]
    with pytest.raises(CheckpointError, match="'seed': 4"):
        go(3, seed=4)


def test_the_model_trains_in_training_mode_even_if_an_epoch_end_evaluated_it():
    modes = []

    def loss(model, batch):
        modes.append(model.training)
        return squared(model, batch)

    model, optimizer, _ = make()
    fit(
        model.eval(),
        line(4),
        loss,
        optimizer,
        FitConfig(2, 4),
        collate=collate,
        measure=lambda: {"training": float(model.eval().training)},
    )
    assert modes == [True, True]


def test_measurements_join_the_means_and_survive_a_resume(tmp_path):
    """What was measured before an interruption is still in the history after it."""
    path = tmp_path / "net.safetensors"
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)

    def measured(epochs):
        return fit(
            model,
            line(8),
            squared,
            optimizer,
            FitConfig(epochs, 4),
            collate=collate,
            checkpoint=path,
            measure=lambda: {"weight": model.weight.item()},
        )

    first = measured(2)
    assert first[1]["weight"] == model.weight.item()
    assert {"loss", "weight"} <= set(first[0])
    longer = measured(3)
    assert longer[:2] == first
    assert longer[2]["weight"] == model.weight.item() != first[1]["weight"]


def test_a_data_set_is_told_the_epoch_also_after_a_resume(tmp_path):
    told = []

    class Drawn(list):
        def set_epoch(self, epoch):
            told.append(epoch)

    def fitted(epochs):
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        path = tmp_path / "net.safetensors"
        config = FitConfig(epochs, 4)
        fit(model, Drawn(line(8)), squared, optimizer, config, collate=collate, checkpoint=path)

    fitted(2)
    fitted(4)
    assert told == [0, 1, 2, 3]
