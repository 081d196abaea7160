"""SMKD: Self-Mutual Distillation Learning for Continuous Sign Language Recognition (ICCV 2021).

A recogniser of sign sentences has two halves. The *visual module* sees about half a second at a
time, the *contextual module* the whole sentence. CTC at the very end trains the second well and
the first badly: the context guesses, and the eyes stay untrained. SMKD lets both halves share one
classifier, so that they teach each other in one space, and then turns CTC's spikes into segments.

In the order of the method, with the names used here:

1. Visual module: a frame network and a temporal stack (default C5-P2-C5) give *local visual
   features* (LVF) ``f_t``; contextual module: a BiLSTM gives *global contextual features* (GCF)
   ``g_t`` (:class:`SMKD`).
2. Weight sharing (WS): one classifier W with unit columns for both;
   ``L = L_ctc(visual) + L_ctc(contextual)`` (:func:`smkd_loss`).
3. VAC, the companion baseline (Min et al., ICCV 2021): two classifiers, and distillation
   ``KL(softmax(contextual / τ) || softmax(visual / τ))`` (:func:`distillation`).
4. Gloss Segment Boundary Assignment turns spikes into segments, which supervise the visual logits
   (:mod:`vidlab.papers.gsba`).
5. The stages: sharing; then also segments, whose radius grows; then classifiers untied
   (:func:`untied`).

Readings where the text at hand leaves a choice (those of GSBA stand there):

- Reductions: CTC is summed over steps and averaged over sequences; the segments' cross-entropy and
  the distillation are averaged over all steps, the latter multiplied by τ². (A cross-entropy that
  is summed like CTC drowns it: in pilot runs the WER doubled.)
- ε and the radii are not printed: parameters. Epochs count from 0; "after epoch 20" is 20 here.
- Stage 3 (untied classifiers) is not in the supplement; it is an option.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidlab.nn import ctc
from vidlab.nn.cosine import UnitCentreClassifier, unit
from vidlab.nn.temporal import Geometry, TemporalStack
from vidlab.papers import gsba, radialctc

BLANK = 0


@dataclass(frozen=True)
class SMKDConfig:
    """Which teacher teaches whom. The defaults are SMKD's two stages, weight sharing and GSBA.

    Attributes:
        share: WS, one classifier for both modules.
        visual: weight >= 0 of the CTC loss on the visual logits.
        distil: weight >= 0 of VAC's distillation (25 in VAC; 0: off).
        temperature: τ > 0 of the distillation.
        segment: weight >= 0 of the cross-entropy against GSBA's segments.
        radii: ``((epoch, d), ...)``: from this epoch on (counted from 0) segments reach d steps to
            either side of a spike; before the first there are no segments.
        epsilon: ε of the label smoothing, 0 <= ε < 1.
        smoothing: "normalised" or as "printed" (Eq. 1).
        scale: logits are this many times ``v·W_k``, > 0. An LSTM's outputs stay within -1 .. 1, so
            features of D numbers are no longer than √D: with few channels, 1 leaves the softmax
            too flat to be sure of anything.
        radial: RadialCTC's loss takes the place of the CTC loss on the visual logits.
    """

    share: bool = True
    visual: float = 1.0
    distil: float = 0.0
    temperature: float = 8.0
    segment: float = 1.0
    radii: tuple[tuple[int, int], ...] = ((20, 1), (30, 2), (40, 3))
    epsilon: float = 0.1
    smoothing: gsba.Smoothing = "normalised"
    scale: float = 1.0
    radial: radialctc.RadialCTCConfig | None = None

    def __post_init__(self):
        for name in ("visual", "distil", "segment"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}; allowed: 0 or more")
        for name in ("temperature", "scale"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}; allowed: more than 0")
        if not 0 <= self.epsilon < 1:
            raise ValueError(f"epsilon is {self.epsilon}; allowed: 0 <= epsilon < 1")
        if self.smoothing not in ("normalised", "printed"):
            raise ValueError(f"smoothing is {self.smoothing!r}; allowed: 'normalised', 'printed'")
        epochs = [epoch for epoch, _ in self.radii]
        if epochs != sorted(set(epochs)) or any(e < 0 or d < 0 for e, d in self.radii):
            raise ValueError(
                f"radii are {self.radii}; allowed: pairs (epoch, d) from 0 on, epochs ascending"
            )
        if self.radial is not None and not (self.radial.normalise and self.visual):
            raise ValueError("radial needs normalise=True and a visual weight above 0")

    def radius(self, epoch: int) -> int | None:
        """d in this epoch; None: no segments yet, or never."""
        reached = [d for start, d in self.radii if start <= epoch]
        return reached[-1] if reached and self.segment else None


#: The recipes that the lab compares, from plain CTC at the end of the network upwards.
CTC_ONLY = SMKDConfig(share=False, visual=0.0, segment=0.0)
VISUAL_CTC = SMKDConfig(share=False, segment=0.0)
VAC = SMKDConfig(share=False, distil=25.0, segment=0.0)
WS = SMKDConfig(segment=0.0)
WS_GSBA = SMKDConfig()


# --- 1. Two modules -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Output:
    """What both modules say of a batch; S steps, zeros in padding.

    Attributes:
        visual: LVF ``f`` ``(S, N, D)``.
        contextual: GCF ``g`` ``(S, N, D)``.
        visual_logits, contextual_logits: ``(S, N, C)``, class 0 the blank.
        lengths: ``(N,)`` steps of each sequence.
    """

    visual: Tensor
    contextual: Tensor
    visual_logits: Tensor
    contextual_logits: Tensor
    lengths: Tensor


class SMKD(nn.Module):
    """Frames to glosses, with a classifier behind the eyes and one behind the context.

    Args:
        encoder: maps frames ``(B, C, H, W)`` to features ``(B, dim)``.
        dim: size of those features.
        classes: C, the blank (class 0) and the glosses.
        config: see :class:`SMKDConfig`.
        stack: the temporal stack, see :mod:`vidlab.nn.temporal`.
        channels: D, even: size of LVF and GCF alike, which share a classifier.
        lstm_layers: of the contextual module.

    ``forward`` takes frames ``(N, T, C, H, W)`` padded at their ends and lengths ``(N,)``, and
    returns an :class:`Output`. Padding never reaches a network: frames beyond a length are left
    out, batch norm counts real steps only, the BiLSTM runs on packed sequences.

    Raises:
        ValueError: a sequence shorter than the receptive field, or a size that is not allowed.
    """

    def __init__(
        self,
        encoder: nn.Module,
        dim: int,
        classes: int,
        config: SMKDConfig,
        *,
        stack: str = "C5-P2-C5",
        channels: int = 1024,
        lstm_layers: int = 2,
    ):
        super().__init__()
        if channels < 2 or channels % 2:
            raise ValueError(f"channels is {channels}; allowed: even numbers from 2")
        if lstm_layers < 1:
            raise ValueError(f"lstm_layers is {lstm_layers}; allowed: 1 or more")
        self.encoder, self.config = encoder, config
        self.stack = TemporalStack(dim, channels, stack)
        if self.stack.dim != channels:
            raise ValueError(f"the stack {stack!r} has no convolution; it needs one or more")
        self.lstm = nn.LSTM(channels, channels // 2, lstm_layers, bidirectional=True)
        self.contextual_classifier = UnitCentreClassifier(channels, classes)
        self.visual_classifier = (
            self.contextual_classifier if config.share else UnitCentreClassifier(channels, classes)
        )

    @property
    def geometry(self) -> Geometry:
        """Which frames each step sees."""
        return self.stack.geometry

    def forward(self, frames: Tensor, lengths: Tensor) -> Output:
        if lengths.shape != frames.shape[:1]:
            raise ValueError(f"lengths must be (N={len(frames)},); got {tuple(lengths.shape)}")
        self.stack.check(lengths)
        if int(lengths.max()) > frames.shape[1]:
            raise ValueError(f"lengths up to {int(lengths.max())} for {frames.shape[1]} frames")
        real = ctc.length_mask(lengths.to(frames.device), frames.shape[1])
        encoded = self.encoder(frames[real])
        padded = encoded.new_zeros(*real.shape, encoded.shape[1])
        padded = padded.masked_scatter(real[:, :, None], encoded)
        visual, steps = self.stack(padded.transpose(0, 1), lengths)
        packed = nn.utils.rnn.pack_padded_sequence(visual, steps.cpu(), enforce_sorted=False)
        contextual, _ = nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], total_length=len(visual)
        )
        with torch.autocast(visual.device.type, enabled=False):
            visual, contextual = ctc.at_least_float32(visual), ctc.at_least_float32(contextual)
            return Output(
                visual,
                contextual,
                self._visual_logits(visual),
                self.config.scale * self.contextual_classifier(contextual),
                steps,
            )

    def _visual_logits(self, visual: Tensor) -> Tensor:
        if self.config.radial is None:
            return self.config.scale * self.visual_classifier(visual)
        return self.config.radial.scale * self.visual_classifier(unit(visual))


def untied(model: SMKD) -> SMKD:
    """Stage 3: a copy in which each module has a classifier of its own, both as they were."""
    model = copy.deepcopy(model)
    model.config = replace(model.config, share=False)
    model.visual_classifier = copy.deepcopy(model.contextual_classifier)
    return model


# --- 3. VAC's distillation ------------------------------------------------------------------------


def distillation(
    contextual_logits: Tensor, visual_logits: Tensor, lengths: Tensor, temperature: float
) -> Tensor:
    """``τ² KL(softmax(contextual/τ) || softmax(visual/τ))``, the mean over real steps.

    The contextual module is the teacher: no gradient flows into it. Logits ``(S, N, C)``.
    """
    teacher = (contextual_logits.detach() / temperature).log_softmax(2)
    student = (visual_logits / temperature).log_softmax(2)
    steps = F.kl_div(student, teacher, reduction="none", log_target=True).sum(2)
    inside = ctc.length_mask(lengths, len(steps)).T
    return temperature**2 * steps[inside].mean()


# --- 4. Segments ----------------------------------------------------------------------------------


def segments(
    model: SMKD, output: Output, targets: Tensor, target_lengths: Tensor, radius: int
) -> tuple[Tensor, Tensor]:
    """GSBA on a batch: labels ``(N, S)``, the blank where no segment is, and spikes ``(N, U)``."""
    lengths, centres = output.lengths, model.contextual_classifier.centres
    spikes = gsba.locate(output.contextual_logits, targets, lengths, target_lengths, BLANK)
    labels = gsba.expand(
        spikes, output.contextual, centres, targets, lengths, target_lengths, radius, BLANK
    )
    return labels, spikes


# --- 2. and 5. The loss ---------------------------------------------------------------------------


def smkd_loss(
    model: SMKD, output: Output, targets: Tensor, target_lengths: Tensor, epoch: int
) -> dict[str, Tensor]:
    """The loss of a batch in an epoch (counted from 0), and its parts; all scalars.

    ``"loss"`` is their weighted sum: ``contextual`` (CTC at the end), ``visual`` (CTC, or
    RadialCTC, on the visual logits), ``distil``, ``segment``; and ``located``, the share of the
    glosses whose spike GSBA has found, where it is at work. Parts that are off are left out.

    Raises:
        ValueError: naming the sample that the steps cannot spell, or that has a bad label.
    """
    config, lengths, device = model.config, output.lengths, output.visual_logits.device
    targets, target_lengths = targets.to(device), target_lengths.to(device)
    ctc.check_ctc_inputs(output.contextual_logits, targets, lengths, target_lengths, BLANK)

    def ctc_loss(logits: Tensor) -> Tensor:
        log_probs = logits.log_softmax(2)
        total = F.ctc_loss(log_probs, targets, lengths, target_lengths, BLANK, "sum")
        return total / logits.shape[1]

    parts = {"contextual": ctc_loss(output.contextual_logits)}
    total = parts["contextual"]
    if config.visual:
        if config.radial is None:
            parts["visual"] = ctc_loss(output.visual_logits)
        else:
            looks = radialctc.Output(unit(output.visual), output.visual_logits)
            centres = model.visual_classifier.centres
            parts["visual"] = radialctc.radial_ctc_loss(
                looks, centres, targets, lengths, target_lengths, config.radial
            ).total
        total = total + config.visual * parts["visual"]
    if config.distil:
        parts["distil"] = distillation(
            output.contextual_logits, output.visual_logits, lengths, config.temperature
        )
        total = total + config.distil * parts["distil"]
    radius = config.radius(epoch)
    if radius is not None:
        labels, spikes = segments(model, output, targets, target_lengths, radius)
        soft = gsba.smooth(labels, output.visual_logits.shape[2], config.epsilon, config.smoothing)
        real = ctc.length_mask(lengths, len(output.visual))
        log_probs = output.visual_logits.log_softmax(2).transpose(0, 1)
        parts["segment"] = -(soft[real] * log_probs[real]).sum(1).mean()
        parts["located"] = (spikes >= 0).sum() / target_lengths.sum().clamp_min(1)
        total = total + config.segment * parts["segment"]
    return {"loss": total, **parts}
