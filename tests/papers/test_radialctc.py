"""RadialCTC's equations: identities, limits and hand-worked cases."""

import math

import pytest
import torch
import torch.nn.functional as F

from vidlab.nn import alignment, ctc
from vidlab.nn.lenet import LeNetPP
from vidlab.papers import radialctc as radial


def sphere_batch(seed=0, frames=12, dim=6, classes=6):
    """Random unit features and centres with a padded batch: repeats, empty, tight."""
    generator = torch.Generator().manual_seed(seed)
    labels = [[1, 2, 2], [4], [], [5, 3, 5, 3]]
    lengths = torch.tensor([12, 9, 7, 4])
    double = {"generator": generator, "dtype": torch.float64}
    features = F.normalize(torch.randn(frames, 4, dim, **double), dim=2)
    centres = F.normalize(torch.randn(classes, dim, **double), dim=1)
    targets = torch.tensor([row + [0] * (4 - len(row)) for row in labels])
    return features, centres, targets, lengths, torch.tensor([len(row) for row in labels])


def total_loss(features, centres, batch, config):
    """The loss of features on the sphere, as a function of features and centres."""
    features, centres = F.normalize(features, dim=2), F.normalize(centres, dim=1)
    output = radial.Output(features, config.scale * (features @ centres.T))
    return radial.radial_ctc_loss(output, centres, *batch, config)


def test_unperturbed_fitting_loss_has_ctcs_gradient():
    """With m = 0, cross-entropy against the pseudo labels and CTC pull the same way."""
    features, centres, *batch = sphere_batch()
    logits = (16 * features @ centres.T).requires_grad_()
    pseudo = radial.radial_pseudo_labels(logits.detach() / 16, *batch, eta=None, scale=16)
    fit = ctc.fitting_loss(logits.log_softmax(2), pseudo)
    (ours,) = torch.autograd.grad(fit, logits)
    loss = F.ctc_loss(logits.log_softmax(2), *batch, reduction="sum") / 4
    (theirs,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("eta", [0.0, 0.2, 0.37, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_after_the_shift_kappa_minus_one_frames_leave_the_blank(eta, seed):
    features, centres, targets, lengths, target_lengths = sphere_batch(seed)
    cosines = features @ centres.T
    moved = radial.radial_perturbation(cosines, targets, lengths, target_lengths, eta)
    left = (moved.gap + moved.shift > 0).sum(0)
    for n, (frames, labels) in enumerate(
        zip(lengths.tolist(), target_lengths.tolist(), strict=True)
    ):
        if labels == 0:
            assert moved.kappa[n] == 0
            assert torch.equal(moved.cosines[:, n], cosines[:, n])
            continue
        kappa = min(frames, labels + 1 + math.floor((frames - labels) * eta + 1e-9))
        assert moved.kappa[n] == kappa
        assert left[n] == kappa - 1
        # The same count read off the perturbed cosines: label nearer than blank.
        own = targets[n, :labels]
        nearer = moved.cosines[:frames, n, own].amax(1) > moved.cosines[:frames, n, 0]
        assert nearer.sum() == kappa - 1


def test_perturbation_hand_worked():
    """Two classes on a circle: gaps known in degrees."""
    gaps = torch.tensor([40.0, -10.0, 20.0, -60.0, -30.0])  # θ_b - θ_1
    to_blank = torch.deg2rad(60 + gaps / 2)
    to_label = torch.deg2rad(60 - gaps / 2)
    cosines = torch.stack((to_blank.cos(), to_label.cos()), 1)[:, None]
    batch = (torch.tensor([[1]]), torch.tensor([5]), torch.tensor([1]))
    moved = radial.radial_perturbation(cosines, *batch, eta=0.5)  # κ = 1 + 1 + floor(4·0.5) = 4
    torch.testing.assert_close(torch.rad2deg(moved.gap[:, 0]), gaps, atol=1e-3, rtol=0)
    assert moved.kappa.item() == 4
    # ranked 40, 20, -10, -30, -60: half-way between the third and the fourth
    assert torch.rad2deg(moved.shift).item() == pytest.approx(20.0, abs=1e-3)
    want = torch.cos(to_blank + math.radians(20))
    torch.testing.assert_close(moved.cosines[:, 0, 0], want, atol=1e-5, rtol=0)
    assert torch.equal(moved.cosines[:, :, 1:], cosines[:, :, 1:])


def test_only_labels_of_the_sequence_count_as_near():
    cosines = torch.tensor([[[0.0, 0.9, 0.1]], [[0.0, 0.9, 0.3]], [[0.0, 0.9, 0.2]]])
    batch = (torch.tensor([[2]]), torch.tensor([3]), torch.tensor([1]))
    moved = radial.radial_perturbation(cosines, *batch, eta=0.0)
    want = math.pi / 2 - torch.tensor([0.1, 0.3, 0.2]).acos()
    torch.testing.assert_close(moved.gap[:, 0], want)


def test_a_shift_beyond_the_blank_centre_stops_there():
    """Without the clamp a frame at the blank would come out on its far side."""
    angle = torch.tensor([0.05, 1.5, 1.6, 1.7])
    cosines = torch.stack((angle.cos(), (3.0 - angle).cos()), 1)[:, None]
    batch = (torch.tensor([[1]]), torch.tensor([4]), torch.tensor([1]))
    moved = radial.radial_perturbation(cosines, *batch, eta=0.0)
    assert moved.shift.item() < -0.05
    assert moved.cosines[0, 0, 0].item() == pytest.approx(1.0)


@pytest.mark.parametrize(("frames", "labels"), [(1, 1), (5, 0)])
def test_sequences_too_short_to_perturb_stay(frames, labels):
    cosines = torch.rand(frames, 1, 3) - 0.5
    batch = (
        torch.ones(1, labels, dtype=torch.long),
        torch.tensor([frames]),
        torch.tensor([labels]),
    )
    moved = radial.radial_perturbation(cosines, *batch, eta=0.4)
    assert torch.equal(moved.cosines, cosines)
    assert moved.shift.item() == 0


def test_eta_raises_the_pseudo_labels_off_the_blank():
    features, centres, *batch = sphere_batch(frames=12)
    mass = []
    for eta in (0.0, 0.3, 0.6, 0.9):
        pseudo = radial.radial_pseudo_labels(features @ centres.T, *batch, eta, scale=64)
        mass.append(pseudo[:, 0, 1:].sum().item())  # sample 0: 12 frames, 3 labels
    assert mass == sorted(mass)
    assert mass[-1] > mass[0] + 2


def test_radial_loss_is_crossentropy_on_unperturbed_predictions():
    features, centres, *batch = sphere_batch()
    config = radial.RadialCTCConfig(eta=0.5, lambda_angle=0, lambda_centre=0)
    moved = radial.radial_perturbation(features @ centres.T, *batch, eta=0.5)
    fb = ctc.forward_backward((16 * moved.cosines).log_softmax(2), *batch)
    pseudo = ctc.class_posteriors(fb, 6)
    log_probs = (16 * features @ centres.T).log_softmax(2)
    want = -(pseudo * log_probs).sum((0, 2)).mean()
    torch.testing.assert_close(total_loss(features, centres, batch, config).total, want)


def test_plain_loss_is_ctc_averaged_over_sequences():
    features, centres, *batch = sphere_batch()
    log_probs = (16 * features @ centres.T).log_softmax(2)
    want = F.ctc_loss(log_probs, *batch, reduction="none").mean()
    torch.testing.assert_close(total_loss(features, centres, batch, radial.NORM).total, want)


def test_angle_regularisation_values():
    beta = 0.3 * math.pi
    circle = torch.linspace(0, 2 * math.pi, 8)[:-1]
    ring = torch.stack(
        (
            math.sin(beta) * circle.cos(),
            math.sin(beta) * circle.sin(),
            torch.full_like(circle, math.cos(beta)),
        ),
        1,
    )
    centres = torch.cat((torch.tensor([[0.0, 0.0, 1.0]]), ring))
    assert radial.angle_regularisation(centres, beta).item() == pytest.approx(0, abs=1e-10)
    # All centres at the blank: (1 - cos β)²; the blank itself does not count.
    same = torch.tensor([[1.0, 0.0]] * 3)
    want = (1 - math.cos(beta)) ** 2
    assert radial.angle_regularisation(same, beta).item() == pytest.approx(want)
    assert radial.angle_regularisation(same[[0, 1, 2]], beta, blank=2).item() == pytest.approx(want)


def test_centre_regularisation_is_two_minus_two_cosines_over_keyframes():
    features, centres, *batch = sphere_batch()
    logits = 16 * features @ centres.T
    paths, _ = alignment.best_path(logits.log_softmax(2), *batch)
    marks = alignment.keyframes(paths, logits)
    cosines = (features @ centres.T).permute(1, 0, 2)
    terms = [2 - 2 * cosines[n, t, paths[n, t]] for n, t in marks.nonzero().tolist()]
    ours = radial.centre_regularisation(features, centres, paths, marks)
    torch.testing.assert_close(ours, torch.stack(terms).mean())
    terms = [2 - 2 * cosines[n, t, paths[n, t]] for n, t in marks.nonzero().tolist() if paths[n, t]]
    ours = radial.centre_regularisation(features, centres, paths, marks, include_blank=False)
    torch.testing.assert_close(ours, torch.stack(terms).mean())
    nothing = torch.zeros_like(marks)
    assert radial.centre_regularisation(features, centres, paths, nothing).item() == 0


def test_total_is_the_weighted_sum():
    features, centres, *batch = sphere_batch()
    config = radial.RadialCTCConfig(eta=0.4, lambda_angle=0.7, lambda_centre=0.3)
    loss = total_loss(features, centres, batch, config)
    want = loss.ctc + 0.7 * loss.angle + 0.3 * loss.centre
    torch.testing.assert_close(loss.total, want)
    assert min(loss.ctc, loss.angle, loss.centre) > 0


@pytest.mark.parametrize("config", [radial.ALL, radial.RadialCTCConfig(eta=0.4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_loss_and_gradient_are_finite(config, dtype):
    """Tight, repeated, empty and padded sequences; features exactly on a centre; half precision."""
    features, centres, *batch = sphere_batch()
    features[0] = centres[0]  # cos θ = 1, where acos has no derivative
    features[1] = -centres[0]
    features, centres = features.to(dtype).requires_grad_(), centres.to(dtype).requires_grad_()
    loss = total_loss(features, centres, batch, config).total
    loss.backward()
    assert loss.isfinite()
    assert features.grad.isfinite().all()
    assert centres.grad.isfinite().all()


def test_no_gradient_through_the_pseudo_labels():
    """L_rad's gradient is y - z̃ exactly, as if z̃ were data."""
    features, centres, *batch = sphere_batch()
    config = radial.RadialCTCConfig(eta=0.5, lambda_angle=0, lambda_centre=0)
    logits = (16 * features @ centres.T).requires_grad_()
    radial.radial_ctc_loss(
        radial.Output(features, logits), centres, *batch, config
    ).total.backward()
    pseudo = radial.radial_pseudo_labels(logits.detach() / 16, *batch, eta=0.5, scale=16)
    inside = ctc.length_mask(batch[1], 12).T
    want = torch.where(inside[:, :, None], logits.detach().softmax(2) - pseudo, 0) / 4
    torch.testing.assert_close(logits.grad, want, atol=1e-6, rtol=0)


@pytest.mark.parametrize("config", [radial.PLAIN_CTC, radial.ALL])
def test_model_shapes_and_unit_features(config):
    model = radial.RadialCTC(LeNetPP(5, 8, (4, 4), 1, 3), 5, 6, config)
    output = model(torch.rand(2, 7, 1, 8, 8))
    assert output.features.shape == (7, 2, 5)
    assert output.logits.shape == (7, 2, 6)
    torch.testing.assert_close(model.centres.norm(dim=1), torch.ones(6))
    if config.normalise:
        torch.testing.assert_close(output.features.norm(dim=2), torch.ones(7, 2))
        torch.testing.assert_close(output.logits, 16 * output.features @ model.centres.T)


def test_autocast_leaves_the_cosines_in_float32():
    model = radial.RadialCTC(LeNetPP(5, 8, (4, 4), 1, 3), 5, 6, radial.ALL)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(torch.rand(2, 7, 1, 8, 8))
    assert output.logits.dtype == torch.float32
    torch.testing.assert_close(output.logits, 16 * output.features @ model.centres.T)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"eta": 1.2}, "eta is 1.2; allowed: 0 .. 1"),
        ({"eta": float("nan")}, "eta is nan; allowed: 0 .. 1"),
        ({"lambda_angle": -1}, "lambda_angle is -1; allowed: 0 or more"),
        ({"lambda_centre": float("inf")}, "lambda_centre is inf; allowed: 0 or more"),
        ({"beta": 4}, "beta is 4; allowed: 0 .. pi"),
        ({"scale": 0}, "scale is 0; allowed: more than 0"),
        ({"normalise": False}, "need normalise=True"),
        ({"normalise": False, "eta": 0.2}, "need normalise=True"),
    ],
)
def test_bad_settings(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        radial.RadialCTCConfig(**settings)


def test_bad_batches_name_the_sample():
    features, centres, targets, lengths, target_lengths = sphere_batch()
    config = radial.RadialCTCConfig(eta=0.4)
    short = lengths.clone()
    short[0] = 3
    with pytest.raises(ValueError, match="sample 0 has 3 labels with 1 repeats"):
        total_loss(features, centres, (targets, short, target_lengths), config)
    blank = targets.clone()
    blank[1, 0] = 0
    with pytest.raises(ValueError, match=r"sample 1 has the blank"):
        total_loss(features, centres, (blank, lengths, target_lengths), config)
    features[3, 2] = float("nan")
    for each in (config, radial.ALL, radial.NORM):
        with pytest.raises(ValueError, match="scores of sample 2 are not finite"):
            total_loss(features, centres, (targets, lengths, target_lengths), each)
    with pytest.raises(ValueError, match="eta is 2; allowed: 0 .. 1"):
        radial.radial_perturbation(features @ centres.T, targets, lengths, target_lengths, 2)


def test_every_setting_of_the_config_reaches_the_loss():
    """L_cen by hand for another scale, without blanks; β and the scale change their terms."""
    features, centres, *batch = sphere_batch(2)
    config = radial.RadialCTCConfig(scale=8, centre_blank=False, beta=1.0)
    loss = total_loss(features, centres, batch, config)
    logits = 8 * features @ centres.T
    paths, _ = alignment.best_path(logits.log_softmax(2), *batch)
    marks = alignment.keyframes(paths, logits)
    want = [
        2 - 2 * features[t, n] @ centres[paths[n, t]]
        for n, t in marks.nonzero().tolist()
        if paths[n, t] != 0
    ]
    torch.testing.assert_close(loss.centre, torch.stack(want).mean())
    torch.testing.assert_close(loss.angle, radial.angle_regularisation(centres, 1.0))
    with_blank = total_loss(features, centres, batch, radial.RadialCTCConfig(scale=8))
    assert with_blank.centre != loss.centre
    eta = radial.RadialCTCConfig(scale=8, eta=0.5, lambda_angle=0, lambda_centre=0)
    moved = radial.radial_perturbation(features @ centres.T, *batch, 0.5)
    pseudo = ctc.pseudo_labels(8 * moved.cosines, *batch)
    torch.testing.assert_close(
        total_loss(features, centres, batch, eta).total,
        ctc.fitting_loss(logits.log_softmax(2), pseudo),
    )


def test_defaults_are_the_papers():
    config = radial.RadialCTCConfig()
    assert (config.beta, config.lambda_angle, config.lambda_centre) == (0.2 * math.pi, 1.0, 1.0)
    assert config.eta is None


def test_free_frames_are_counted_as_decimals_are():
    """(102 - 2) x 0.29 is 29, although binary arithmetic makes it 28.999..."""
    cosines = torch.rand(102, 1, 3) - 0.5
    batch = (torch.tensor([[1, 2]]), torch.tensor([102]), torch.tensor([2]))
    assert radial.radial_perturbation(cosines, *batch, eta=0.29).kappa.item() == 2 + 1 + 29


def test_another_blank_and_garbage_in_the_padding():
    features, centres, targets, lengths, target_lengths = sphere_batch()
    cosines = features @ centres.T
    want = radial.radial_perturbation(cosines, targets, lengths, target_lengths, 0.4)
    order = [1, 2, 3, 4, 5, 0]  # the blank moves to the end
    used = ctc.length_mask(target_lengths, targets.shape[1])
    moved = torch.where(used, targets - 1, -9)
    got = radial.radial_perturbation(
        cosines[:, :, order], moved, lengths, target_lengths, 0.4, blank=5
    )
    torch.testing.assert_close(got.cosines, want.cosines[:, :, order])
    torch.testing.assert_close(got.shift, want.shift)
    paths = torch.tensor([[5, 1]])
    marks = torch.tensor([[True, True]])
    centre = radial.centre_regularisation(
        features[:2, :1], centres, paths, marks, include_blank=False, blank=5
    )
    torch.testing.assert_close(centre, 2 - 2 * features[1, 0] @ centres[1])


@pytest.mark.parametrize("config", [radial.ALL, radial.RadialCTCConfig(eta=0.4)])
def test_whatever_is_in_the_padding_no_gradient_meets_it(config):
    features, centres, *batch = sphere_batch()
    centres.requires_grad_()
    want = total_loss(features, centres, batch, config).total
    (gradient,) = torch.autograd.grad(want, centres)
    dirty = features.clone()
    dirty[9:, 1] = float("nan")  # sample 1 has 9 frames
    output = radial.Output(dirty, config.scale * (dirty @ F.normalize(centres, dim=1).T))
    loss = radial.radial_ctc_loss(output, F.normalize(centres, dim=1), *batch, config).total
    torch.testing.assert_close(loss, want)
    output = radial.Output(dirty, config.scale * (features @ F.normalize(centres, dim=1).T))
    loss = radial.radial_ctc_loss(output, F.normalize(centres, dim=1), *batch, config).total
    torch.testing.assert_close(torch.autograd.grad(loss, centres)[0], gradient)
