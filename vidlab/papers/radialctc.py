"""RadialCTC: Deep Radial Embedding for Visual Sequence Learning (Min et al., ECCV 2022).

CTC learns to spell but not to point: its predictions are spikes in a sea of blanks. RadialCTC
puts features ``v_t`` and class centres ``W_k`` on the unit hypersphere, where "how blank is this
frame" becomes an angle, and then turns that angle to decide how many frames may be blank.

In the order of the paper's Sect. 3, with the names used here:

1. CTC as iterative fitting: its gradient is ``y - ỹ`` with the pseudo labels ``ỹ`` held constant
   (:func:`vidlab.nn.ctc.pseudo_labels`), so CTC is cross-entropy against its own posterior.
2. Normalisation: ``y_t = softmax_k(s cos θ_{t,k})`` (:class:`vidlab.nn.cosine.CosineClassifier`).
3. Angle regularisation ``L_ang`` (:func:`angle_regularisation`): equal angles to the blank.
4. Centre regularisation ``L_cen`` (:func:`centre_regularisation`): keyframes to their centres.
5. Radial constraint ``L_rad`` (:func:`radial_perturbation`): the blank's angle is shifted so that
   a share η of the frames beyond the labels leaves the blank, and the pseudo labels follow.
6. ``L = L_rad + λ1 L_ang + λ2 L_cen`` (:func:`radial_ctc_loss`).

Readings where the text at hand leaves a choice:

- ``s`` is not printed. It is a parameter, 16 by default.
- Reduction: CTC terms are summed over frames and averaged over sequences, so that λ1 and λ2 weigh
  the same whatever the labelling's length (PyTorch's "mean" would divide by that length too).
- ``θ_b + m`` may leave [0, π], where the cosine turns back. We clamp it there: a frame pushed
  beyond the blank centre stays at the centre. The order of blank against labels is unaffected.
- Blank runs have keyframes too and are pulled to the blank centre (``centre_blank``).
- A sequence without labels, or with a single frame, has no d_(κ-1), d_(κ): it is not perturbed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidlab.nn import alignment, ctc
from vidlab.nn.cosine import CosineClassifier, unit


@dataclass(frozen=True)
class RadialCTCConfig:
    """Which constraints are on, and how strong. The defaults are the paper's for Seq-MNIST.

    Attributes:
        normalise: features and weights on the hypersphere; off: a linear classifier (plain CTC).
        eta: η in 0 .. 1, the share of frames beyond the labels that leaves the blank; None: the
            pseudo labels are CTC's own.
        lambda_angle: λ1 >= 0.
        lambda_centre: λ2 >= 0.
        beta: β in radians, 0 .. π, the angle between every class centre and the blank's.
        scale: s > 0, the inverse temperature of the cosine softmax.
        centre_blank: also pull keyframes of blank runs to the blank centre.
    """

    normalise: bool = True
    eta: float | None = None
    lambda_angle: float = 1.0
    lambda_centre: float = 1.0
    beta: float = 0.2 * math.pi
    scale: float = 16.0
    centre_blank: bool = True

    def __post_init__(self):
        if self.eta is not None and not 0 <= self.eta <= 1:
            raise ValueError(f"eta is {self.eta}; allowed: 0 .. 1, or None for plain CTC")
        for name in ("lambda_angle", "lambda_centre"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"{name} is {value}; allowed: 0 or more")
        if not 0 <= self.beta <= math.pi:
            raise ValueError(f"beta is {self.beta}; allowed: 0 .. pi (radians)")
        if not (self.scale > 0 and math.isfinite(self.scale)):
            raise ValueError(f"scale is {self.scale}; allowed: more than 0")
        on_the_sphere = self.eta is not None or self.lambda_angle or self.lambda_centre
        if not self.normalise and on_the_sphere:
            raise ValueError(
                "eta, lambda_angle and lambda_centre speak of angles: they need normalise=True "
                "(for plain CTC set eta=None, lambda_angle=0, lambda_centre=0)"
            )


#: Rows of the paper's Table 4, by the constraints they switch on.
PLAIN_CTC = RadialCTCConfig(normalise=False, lambda_angle=0.0, lambda_centre=0.0)
NORM = RadialCTCConfig(lambda_angle=0.0, lambda_centre=0.0)
ALL = RadialCTCConfig()


# --- 2. Normalisation -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Output:
    """What the network says of a batch.

    Attributes:
        features: ``v`` ``(T, N, D)``, of unit length when normalised.
        logits: ``(T, N, C)``: ``s cos θ`` when normalised, else linear.
    """

    features: Tensor
    logits: Tensor

    @property
    def log_probs(self) -> Tensor:
        """``log y`` ``(T, N, C)``."""
        return self.logits.log_softmax(2)


class RadialCTC(nn.Module):
    """A frame encoder with RadialCTC's classifier on top.

    Args:
        encoder: maps frames ``(B, ...)`` to features ``(B, D)``.
        dim: D.
        classes: C, blank (class 0) included.
        config: see :class:`RadialCTCConfig`.

    ``forward`` takes frames ``(N, T, ...)`` and returns an :class:`Output`.
    """

    def __init__(self, encoder: nn.Module, dim: int, classes: int, config: RadialCTCConfig):
        super().__init__()
        self.encoder, self.config = encoder, config
        self.classifier = (
            CosineClassifier(dim, classes) if config.normalise else nn.Linear(dim, classes)
        )

    def forward(self, frames: Tensor) -> Output:
        batch, time = frames.shape[:2]
        features = self.encoder(frames.flatten(0, 1)).unflatten(0, (batch, time)).transpose(0, 1)
        # Cosines in bfloat16 have three digits: too few to rank frames by their angle.
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            if not self.config.normalise:
                return Output(features, self.classifier(features))
            logits = self.config.scale * self.classifier(features)
            return Output(unit(features), logits)

    @property
    def centres(self) -> Tensor:
        """Unit class centres ``W`` ``(C, D)``."""
        return unit(self.classifier.weight)


# --- 3. Angle regularisation ----------------------------------------------------------------------


def angle_regularisation(centres: Tensor, beta: float, blank: int = 0) -> Tensor:
    """``L_ang = (1/K) Σ_{k≠b} (W_b·W_k - cos β)²`` for unit class centres ``(K+1, D)``."""
    cosines = centres @ centres[blank]
    others = torch.arange(len(centres), device=centres.device) != blank
    return (cosines[others] - math.cos(beta)).square().mean()


# --- 4. Centre regularisation ---------------------------------------------------------------------


def centre_regularisation(
    features: Tensor,
    centres: Tensor,
    paths: Tensor,
    keyframes: Tensor,
    *,
    include_blank: bool = True,
    blank: int = 0,
) -> Tensor:
    """``L_cen``: mean of ``|v_t - W_{π*_t}|²`` over the keyframes of the best paths.

    Shapes: features ``(T, N, D)`` and centres ``(C, D)`` of unit length; paths ``(N, T)``;
    keyframes ``(N, T)`` bool. On the sphere the squared distance is ``2 - 2 cos θ``.
    """
    chosen = keyframes if include_blank else keyframes & (paths != blank)
    distance = (features.transpose(0, 1)[chosen] - centres[paths[chosen]]).square().sum(1)
    return distance.sum() / max(len(distance), 1)


# --- 5. Radial constraint -------------------------------------------------------------------------


@dataclass(frozen=True)
class Perturbation:
    """The radial constraint at work on a batch.

    Attributes:
        cosines: ``(T, N, C)``, the blank's column replaced by ``cos(θ_b + m)``.
        gap: ``d`` ``(T, N)``, θ_b minus the smallest angle to a label of the sequence (``-inf``
            in padding): positive where a frame is nearer to one of its labels than to the blank.
        shift: ``m`` ``(N,)`` in radians.
        kappa: ``κ`` ``(N,)``: the perturbed sequence has κ - 1 frames nearer to a label
            (0 where a sequence is left as it is).
    """

    cosines: Tensor
    gap: Tensor
    shift: Tensor
    kappa: Tensor


@torch.no_grad()
def radial_perturbation(
    cosines: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    eta: float,
    blank: int = 0,
) -> Perturbation:
    """Shift the blank's angle so that a share η of the free frames leaves the blank.

    ``κ = U + 1 + floor((T - U) η)`` (at most T), ``m = -½ (d_(κ-1) + d_(κ))`` with ``d_(i)`` the
    i-th largest gap: half-way between two frames, so that exactly κ - 1 have ``d + m > 0``.

    Args:
        cosines: ``cos θ`` ``(T, N, C)``.
        targets, input_lengths, target_lengths: as in :mod:`vidlab.nn.ctc`.
        eta: η in 0 .. 1.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"eta is {eta}; allowed: 0 .. 1")
    ctc.check_ctc_inputs(cosines, targets, input_lengths, target_lengths, blank)
    frames = len(cosines)
    device = cosines.device
    targets, target_lengths = targets.long().to(device), target_lengths.to(device)
    input_lengths = input_lengths.to(device)

    cosines = ctc.at_least_float32(cosines)
    to_blank = cosines[:, :, blank].clamp(-1, 1).acos()
    used = ctc.length_mask(target_lengths, targets.shape[1])
    index = torch.where(used, targets, blank).expand(frames, -1, -1)
    nearest = cosines.gather(2, index).masked_fill(~used, -1.0)  # the largest cosine: ...
    nearest = F.pad(nearest, (0, 1), value=-1.0).amax(2).clamp(-1, 1).acos()  # the smallest angle
    inside = ctc.length_mask(input_lengths, frames).T
    gap = (to_blank - nearest).masked_fill(~inside, -math.inf)

    # A grain above 1/2 ulp keeps floor((T - U) η) where decimal arithmetic puts it.
    free = torch.floor((input_lengths - target_lengths).double() * eta + 1e-9).long()
    kappa = torch.minimum(target_lengths + 1 + free, input_lengths)
    kappa = torch.where((target_lengths > 0) & (kappa >= 2), kappa, 0)
    ranked = gap.sort(0, descending=True).values
    at = torch.stack((kappa - 2, kappa - 1)).clamp_min(0)
    shift = torch.where(kappa > 0, -0.5 * ranked.gather(0, at).sum(0), 0.0)

    turned = (to_blank + shift).clamp(0, math.pi).cos()
    perturbed = cosines.clone()
    perturbed[:, :, blank] = torch.where(kappa > 0, turned, perturbed[:, :, blank])
    return Perturbation(perturbed, gap, shift, kappa)


# --- 6. The loss ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loss:
    """``L`` and its parts, scalars: ``total = ctc + λ1 angle + λ2 centre``.

    ``ctc`` is ``L_rad``, or ``L_ctc`` where η is None.
    """

    total: Tensor
    ctc: Tensor
    angle: Tensor
    centre: Tensor


def radial_pseudo_labels(
    cosines: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    eta: float | None,
    scale: float,
    blank: int = 0,
) -> Tensor:
    """``z̃`` ``(T, N, C)``: CTC's pseudo labels of the perturbed logits (``ỹ`` for η = None)."""
    if eta is not None:
        cosines = radial_perturbation(
            cosines, targets, input_lengths, target_lengths, eta, blank
        ).cosines
    return ctc.pseudo_labels(scale * cosines, targets, input_lengths, target_lengths, blank)


def _without_padding(output: Output, input_lengths: Tensor) -> Output:
    """The same output with zeros beyond each length: whatever is there, no gradient meets it."""
    lengths = input_lengths.to(output.logits.device)
    outside = ~ctc.length_mask(lengths, len(output.logits)).T[:, :, None]
    return Output(output.features.masked_fill(outside, 0), output.logits.masked_fill(outside, 0))


def radial_ctc_loss(
    output: Output,
    centres: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    config: RadialCTCConfig,
    blank: int = 0,
) -> Loss:
    """The paper's total loss for a batch.

    Args:
        output: features ``(T, N, D)`` and logits ``(T, N, C)``.
        centres: unit class centres ``(C, D)``.
        targets, input_lengths, target_lengths: ``(N, U)``, ``(N,)``, ``(N,)``.
        config: which terms count, and how much.

    Raises:
        ValueError: naming the sample that no path can spell, that holds the blank or a class
            out of range, or whose scores are not finite.
    """
    ctc.check_ctc_inputs(output.logits, targets, input_lengths, target_lengths, blank)
    output = _without_padding(output, input_lengths)
    logits = ctc.at_least_float32(output.logits)
    log_probs = logits.log_softmax(2)
    zero = logits.new_zeros(())

    if config.eta is None:
        fit = F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, "sum")
        fit = fit / logits.shape[1]
    else:
        cosines = logits.detach() / config.scale
        pseudo = radial_pseudo_labels(
            cosines, targets, input_lengths, target_lengths, config.eta, config.scale, blank
        )
        fit = ctc.fitting_loss(log_probs, pseudo)

    angle = angle_regularisation(centres, config.beta, blank) if config.lambda_angle else zero
    centre = zero
    if config.lambda_centre:
        paths, _ = alignment.best_path(
            log_probs.detach(), targets, input_lengths, target_lengths, blank
        )
        centre = centre_regularisation(
            ctc.at_least_float32(output.features),
            centres,
            paths,
            alignment.keyframes(paths, logits.detach()),
            include_blank=config.centre_blank,
            blank=blank,
        )
    total = fit + config.lambda_angle * angle + config.lambda_centre * centre
    return Loss(total, fit, angle, centre)
