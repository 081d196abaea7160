"""SMKD: one classifier for two modules, the losses one by one, and what padding must not do."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidlab.nn import ctc
from vidlab.nn.cosine import UnitCentreClassifier, unit
from vidlab.nn.decode import greedy_decode
from vidlab.nn.resnet2d import ResNet2D, ResNet2DConfig
from vidlab.papers import gsba, radialctc, smkd

CLASSES = 6


def make(config=smkd.WS, stack="C5-P2-C5", **settings):
    torch.manual_seed(0)
    encoder = ResNet2D(ResNet2DConfig((2, 3, 4, 5), (1, 1, 1, 1)))
    settings = {"channels": 8} | settings
    return smkd.SMKD(encoder, encoder.dim, CLASSES, config, stack=stack, **settings)


def batch(extra=0, junk=0.0):
    """Two sequences of 40 and 29 frames, ``extra`` frames more of padding."""
    generator = torch.Generator().manual_seed(1)
    frames = torch.rand(2, 40, 3, 16, 16, generator=generator)
    frames = torch.cat((frames, torch.zeros(2, extra, 3, 16, 16)), 1)
    lengths = torch.tensor([40, 29])
    for n, length in enumerate(lengths):
        frames[n, length:] = junk
    targets, counts = torch.tensor([[1, 2, 2], [3, 5, 0]]), torch.tensor([3, 2])
    return frames, lengths, targets, counts


def losses(config, epoch=0, model=None):
    model = model or make(config)
    frames, lengths, targets, counts = batch()
    output = model(frames, lengths)
    return model, output, smkd.smkd_loss(model, output, targets, counts, epoch)


def test_sharing_is_one_parameter_that_both_modules_teach():
    model, output, _ = losses(smkd.WS)
    weight = model.visual_classifier.weight
    assert weight is model.contextual_classifier.weight
    assert sum(p is weight for p in model.parameters()) == 1
    for logits in (output.visual_logits, output.contextual_logits):
        (gradient,) = torch.autograd.grad(logits.square().sum(), weight, retain_graph=True)
        assert gradient.abs().sum() > 0
    apart = make(smkd.VISUAL_CTC)
    assert apart.visual_classifier.weight is not apart.contextual_classifier.weight


@pytest.mark.parametrize("config", [smkd.WS, smkd.VAC])
def test_state_round_trip(config):
    model, other = make(config).eval(), make(config).eval()
    nn.init.normal_(other.contextual_classifier.weight)
    other.load_state_dict(model.state_dict())
    frames, lengths, *_ = batch()
    with torch.no_grad():
        one, two = model(frames, lengths), other(frames, lengths)
    assert torch.equal(one.visual_logits, two.visual_logits)
    assert torch.equal(one.contextual_logits, two.contextual_logits)
    shared = other.visual_classifier.weight is other.contextual_classifier.weight
    assert shared == config.share


def test_untied_is_the_same_function_with_two_classifiers():
    model = make(smkd.WS).eval()
    apart = smkd.untied(model)
    frames, lengths, *_ = batch()
    assert torch.equal(model(frames, lengths).visual_logits, apart(frames, lengths).visual_logits)
    nn.init.zeros_(apart.visual_classifier.weight)
    assert apart.contextual_classifier.weight.abs().sum() > 0
    assert model.visual_classifier.weight.abs().sum() > 0
    assert model.config.share
    assert not apart.config.share


@pytest.mark.parametrize("stack", ["C5", "C5-C5", "C5-P2-C5", "C5-P2-C5-P2"])
@pytest.mark.parametrize("train", [True, False])
def test_padding_changes_nothing(stack, train):
    outputs = []
    for extra, junk in ((0, 0.0), (7, 1e4), (13, float("nan"))):
        model = make(smkd.WS, stack).train(train)
        frames, lengths, *_ = batch(extra, junk)
        outputs.append(model(frames, lengths))
    for other in outputs[1:]:
        assert other.lengths.tolist() == outputs[0].lengths.tolist()
        steps = int(other.lengths.max())
        for name in ("visual", "contextual", "visual_logits", "contextual_logits"):
            one, two = getattr(outputs[0], name), getattr(other, name)
            torch.testing.assert_close(one[:steps], two[:steps], rtol=1e-4, atol=1e-5)


def test_a_sequence_does_not_depend_on_its_company():
    model = make().eval()
    frames, lengths, *_ = batch()
    with torch.no_grad():
        both, alone = model(frames, lengths), model(frames[1:, :29], lengths[1:])
    steps = int(alone.lengths)
    for name in ("visual_logits", "contextual_logits"):
        one, two = getattr(both, name)[:steps, 1], getattr(alone, name)[:, 0]
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
    assert not both.contextual_logits[steps:, 1].any()


def test_logits_are_products_with_unit_centres():
    classifier = UnitCentreClassifier(3, 4)
    features = torch.randn(5, 3)
    want = features @ (classifier.weight / classifier.weight.norm(dim=1, keepdim=True)).T
    torch.testing.assert_close(classifier(features), want)
    torch.testing.assert_close(classifier(2 * features), 2 * want)


def test_scale():
    frames, lengths, *_ = batch()
    plain = make().eval()(frames, lengths)
    scaled = make(replace(smkd.WS, scale=3.0)).eval()(frames, lengths)
    torch.testing.assert_close(scaled.visual_logits, 3 * plain.visual_logits)
    torch.testing.assert_close(scaled.contextual_logits, 3 * plain.contextual_logits)


def ctc_by_hand(logits, output):
    _, _, targets, counts = batch()
    forward = ctc.forward_backward(logits.detach().double().log_softmax(2), targets,
                                   output.lengths, counts)  # fmt: skip
    return -forward.log_likelihood.mean().item()


def test_the_sum_of_two_ctc_losses():
    _, output, parts = losses(smkd.WS)
    assert set(parts) == {"loss", "contextual", "visual"}
    for name, logits in (
        ("visual", output.visual_logits),
        ("contextual", output.contextual_logits),
    ):
        assert parts[name].item() == pytest.approx(ctc_by_hand(logits, output), rel=1e-5)
    assert parts["loss"].item() == pytest.approx(sum(parts[n].item() for n in parts) / 2, rel=1e-6)
    _, _, heavy = losses(replace(smkd.WS, visual=3.0))
    want = heavy["contextual"] + 3 * heavy["visual"]
    assert heavy["loss"].item() == pytest.approx(want.item(), rel=1e-6)


def test_plain_ctc_teaches_the_visual_classifier_nothing():
    model, _, parts = losses(smkd.CTC_ONLY)
    assert set(parts) == {"loss", "contextual"}
    parts["loss"].backward()
    assert model.visual_classifier.weight.grad is None
    assert model.encoder.layers[0].weight.grad.abs().sum() > 0


def test_distillation_by_hand():
    teacher = torch.tensor([[[2.0, 0.0]], [[0.0, 4.0]], [[9.0, -9.0]]])
    student = torch.tensor([[[0.0, 0.0]], [[1.0, 1.0]], [[0.0, 0.0]]])
    want = 0.0
    for step in range(2):  # the third is padding
        p = F.softmax(teacher[step, 0].double() / 8, 0)
        q = F.softmax(student[step, 0].double() / 8, 0)
        want += (p * (p / q).log()).sum().item() / 2
    got = smkd.distillation(teacher, student, torch.tensor([2]), 8.0)
    assert got.item() == pytest.approx(64 * want, rel=1e-4)
    assert smkd.distillation(teacher, teacher, torch.tensor([2]), 8.0).item() == pytest.approx(0)


def test_distillation_teaches_the_visual_module_only():
    _model, output, parts = losses(smkd.VAC)
    contextual, visual = torch.autograd.grad(
        parts["distil"], (output.contextual_logits, output.visual_logits),
        retain_graph=True, allow_unused=True,
    )  # fmt: skip
    assert contextual is None
    assert visual.abs().sum() > 0
    want = parts["contextual"] + parts["visual"] + 25 * parts["distil"]
    assert parts["loss"].item() == pytest.approx(want.item(), rel=1e-6)


def test_the_radius_grows_in_stages():
    config = replace(smkd.WS_GSBA, radii=((2, 1), (5, 3)))
    assert [config.radius(e) for e in range(7)] == [None, None, 1, 1, 1, 3, 3]
    assert replace(config, segment=0.0).radius(6) is None
    assert replace(config, radii=()).radius(6) is None
    assert smkd.WS_GSBA.radius(19) is None
    assert smkd.WS_GSBA.radius(20) == 1


def test_segments_join_the_loss():
    config = replace(smkd.WS_GSBA, radii=((0, 1),), segment=2.0)
    model = make(config)
    frames, lengths, targets, counts = batch()
    output = model(frames, lengths)
    with torch.no_grad():  # spikes in a sea of blanks
        output.contextual_logits[:, :, 0] += 50
        for n, spikes in enumerate([{2: 1, 5: 2, 9: 2}, {1: 3, 6: 5}]):
            for step, label in spikes.items():
                output.contextual_logits[step, n, label] += 100
    parts = smkd.smkd_loss(model, output, targets, counts, 0)
    assert parts["located"].item() == 1.0
    labels, found = smkd.segments(model, output, targets, counts, 1)
    assert found.tolist() == [[2, 5, 9], [1, 6, -1]]
    soft = gsba.smooth(labels, CLASSES, 0.1)
    log_probs = output.visual_logits.log_softmax(2).transpose(0, 1)
    want = sum(
        -(soft[n, :steps] * log_probs[n, :steps]).sum().item()
        for n, steps in enumerate(output.lengths)
    )
    assert parts["segment"].item() == pytest.approx(want / int(output.lengths.sum()), rel=1e-5)
    total = parts["contextual"] + parts["visual"] + 2 * parts["segment"]
    assert parts["loss"].item() == pytest.approx(total.item(), rel=1e-6)
    assert "segment" not in smkd.smkd_loss(make(smkd.WS_GSBA), output, targets, counts, 19)


def test_without_labels_or_with_one_step():
    """An empty sentence, and 14 frames, the fewest there can be."""
    frames, _, targets, _ = batch()
    lengths, counts = torch.tensor([40, 14]), torch.tensor([0, 1])
    config = replace(smkd.WS_GSBA, radii=((0, 2),), distil=25.0)
    for radial in (None, replace(radialctc.ALL, eta=0.4)):
        model = make(replace(config, radial=radial))
        output = model(frames, lengths)
        assert output.lengths.tolist() == [14, 1]
        smkd.smkd_loss(model, output, targets, counts, 0)["loss"].backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
        labels, spikes = smkd.segments(model, output, targets, counts, 2)
        assert not labels[0].any()
        assert (spikes[0] == -1).all()


def test_int32_and_half_precision():
    frames, lengths, targets, counts = batch()
    config = replace(smkd.WS_GSBA, radii=((0, 2),), distil=25.0)
    model = make(config, channels=64)
    want = smkd.smkd_loss(model, model(frames, lengths), targets, counts, 0)
    output = model(frames, lengths.int())
    small = smkd.smkd_loss(model, output, targets.int(), counts.int(), 0)
    assert small["loss"].item() == pytest.approx(want["loss"].item(), rel=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = smkd.smkd_loss(model, model(frames, lengths), targets, counts, 0)
    assert half["contextual"].dtype == torch.float32
    assert half["contextual"].item() == pytest.approx(want["contextual"].item(), rel=0.05)
    output = model.double()(frames.double(), lengths)
    assert output.visual_logits.dtype == torch.float64


@pytest.mark.gpu
def test_lengths_and_labels_may_lie_elsewhere():
    frames, lengths, targets, counts = batch()
    model = make(replace(smkd.WS_GSBA, radii=((0, 2),), distil=25.0)).cuda()
    parts = [
        smkd.smkd_loss(model, model(frames.cuda(), lengths), targets, counts, 0),
        smkd.smkd_loss(
            model, model(frames.cuda(), lengths.cuda()), targets.cuda(), counts.cuda(), 0
        ),
    ]
    assert parts[0]["loss"].item() == pytest.approx(parts[1]["loss"].item(), rel=1e-3)


def test_radialctc_as_the_intermediate_loss():
    radial = replace(radialctc.ALL, eta=0.4)
    model, output, parts = losses(replace(smkd.WS, radial=radial))
    cosines = unit(output.visual) @ unit(model.contextual_classifier.weight).T
    torch.testing.assert_close(output.visual_logits, radial.scale * cosines)
    _, _, targets, counts = batch()
    want = radialctc.radial_ctc_loss(
        radialctc.Output(unit(output.visual), output.visual_logits),
        model.visual_classifier.centres, targets, output.lengths, counts, radial,
    )  # fmt: skip
    assert parts["visual"].item() == pytest.approx(want.total.item(), rel=1e-6)
    parts["loss"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_it_learns_to_read():
    """Five kinds of bright bars: both modules spell the two sentences they are shown."""
    frames, lengths, targets, counts = batch()
    targets = torch.tensor([[1, 2, 4], [3, 5, 0]])
    frames = 0.1 * frames
    for n, labels in enumerate(([1, 2, 4], [3, 5])):
        for k, label in enumerate(labels):
            start = 2 + 12 * k
            frames[n, start : start + 8, label % 3, :, 2 * label : 2 * label + 3] += 1
    config = replace(smkd.WS_GSBA, radii=((160, 1), (180, 2)))
    model = make(config, channels=64)
    optimizer = torch.optim.Adam(model.parameters(), 0.005)
    for epoch in range(200):
        output = model(frames, lengths)
        parts = smkd.smkd_loss(model, output, targets, counts, epoch)
        optimizer.zero_grad()
        parts["loss"].backward()
        optimizer.step()
    for logits in (output.visual_logits, output.contextual_logits):
        read = greedy_decode(logits.log_softmax(2), output.lengths)
        assert [d.labels for d in read] == [(1, 2, 4), (3, 5)]
    assert parts["located"].item() == 1.0
    assert math.isfinite(parts["loss"].item())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"visual": -1.0}, "visual is -1.0"),
        ({"distil": float("nan")}, "distil is nan"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"scale": 0.0}, "scale is 0.0"),
        ({"epsilon": 1.0}, "epsilon is 1.0"),
        ({"smoothing": "soft"}, "smoothing is 'soft'"),
        ({"radii": ((5, 1), (3, 2))}, "epochs ascending"),
        ({"radii": ((5, -1),)}, "from 0 on"),
        ({"radial": radialctc.PLAIN_CTC}, "radial needs normalise=True"),
        ({"radial": radialctc.ALL, "visual": 0.0}, "a visual weight above 0"),
    ],
)
def test_config_errors(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        smkd.SMKDConfig(**wrong)


def test_errors():
    model = make()
    frames, lengths, _targets, counts = batch()
    with pytest.raises(ValueError, match="sample 1 has 13 frames; .* at least 14"):
        model(frames, torch.tensor([40, 13]))
    with pytest.raises(ValueError, match="lengths up to 41 for 40 frames"):
        model(frames, torch.tensor([41, 20]))
    with pytest.raises(ValueError, match=r"lengths must be \(N=2,\); got \(3,\)"):
        model(frames, torch.tensor([40, 20, 20]))
    output = model(frames, lengths)
    with pytest.raises(ValueError, match=r"sample 1 has a label outside 0 \.\. 5"):
        smkd.smkd_loss(model, output, torch.tensor([[1, 2, 2], [3, 6, 0]]), counts, 0)
    many = torch.tensor([[1, 2] * 6, [3, 5] * 6])
    with pytest.raises(ValueError, match="sample 1 has 12 labels"):
        smkd.smkd_loss(model, output, many, torch.tensor([3, 12]), 0)
    with pytest.raises(ValueError, match="channels is 7"):
        make(channels=7)
    with pytest.raises(ValueError, match="'P2' has no convolution"):
        make(stack="P2", channels=8)
