"""The same numbers wherever tensors lie: float32 on each device beside float64 on the CPU.

On the CPU these compare precisions; with a GPU they also find a tensor that was left behind.
"""

import pytest
import torch

from vidlab.nn import alignment, crf, ctc
from vidlab.nn.attention import VideoTransformer, VideoTransformerConfig
from vidlab.nn.crnn import CRNN
from vidlab.nn.frames import FrameNet
from vidlab.nn.lenet import LeNetPP
from vidlab.nn.resnet3d import i3d
from vidlab.nn.temporal import TemporalStack
from vidlab.papers import bitconv3d, cpnet, gsba, mfnet, radialctc, stm, trn, tsm, tsn
from vidlab.papers.efficient3d import fire, mobilenet, shufflenet

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
EXACT = torch.device("cpu"), torch.float64


def same(found, wanted, tolerance=1e-4):
    """Equal up to rounding, relative to the largest number of the wanted ones."""
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        if b.dtype.is_floating_point:
            b, top = b.double(), tolerance * b.abs().max().item()
            assert torch.allclose(a.double().cpu(), b, rtol=tolerance, atol=top)
        else:
            assert torch.equal(a.cpu(), b)


def ctc_batch(device, dtype):
    """Scores on the device; labels and lengths stay on the CPU, as a loader gives them."""
    dice = torch.Generator().manual_seed(0)
    cosines = (2 * torch.rand(20, 3, 7, generator=dice) - 1).to(device, dtype)
    return (
        cosines,
        torch.tensor([[1, 2, 2], [3, 1, 0], [5, 0, 0]]),
        torch.tensor([20, 15, 9]),
        (torch.tensor([3, 2, 1])),
    )


def walks(device, dtype):
    cosines, *task = ctc_batch(device, dtype)
    log_probs = (5 * cosines).log_softmax(2)
    found = ctc.forward_backward(log_probs, *task)
    paths, scores = alignment.best_path(log_probs, *task)
    return [
        found.log_likelihood,
        ctc.state_posteriors(found),
        ctc.pseudo_labels(5 * cosines, *task),
        scores,
        paths,
        alignment.keyframes(paths, log_probs),
    ]


def radial_step(device, dtype):
    cosines, *task = ctc_batch(device, dtype)
    cosines.requires_grad_()
    pseudo = radialctc.radial_pseudo_labels(cosines, *task, eta=0.4, scale=5.0)
    loss = ctc.fitting_loss((5 * cosines).log_softmax(2), pseudo)
    loss.backward()
    return [loss.detach(), pseudo, cosines.grad]


def segments(device, dtype):
    cosines, targets, lengths, counts = ctc_batch(device, dtype)
    spikes = gsba.locate(cosines, targets, lengths, counts)
    dice = torch.Generator().manual_seed(1)
    features = torch.randn(20, 3, 4, generator=dice).to(device, dtype)
    centres = torch.nn.functional.normalize(torch.randn(7, 4, generator=dice), dim=1)
    labels = gsba.expand(
        spikes, features, centres.to(device, dtype), targets, lengths, counts, radius=2
    )
    return [spikes, labels, gsba.smooth(labels, 7, 0.1)]


def chain(device, dtype):
    dice = torch.Generator().manual_seed(0)
    emissions = torch.randn(3, 9, 4, generator=dice).to(device, dtype).requires_grad_()
    lengths, tags = torch.tensor([9, 5, 1]), torch.randint(0, 4, (3, 9), generator=dice).to(device)
    forbidden = torch.zeros(4, 4, dtype=torch.bool)
    model = crf.CRF(4, forbidden_starts=forbidden[0], forbidden_moves=forbidden)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=dice))
    model = model.to(device, dtype)
    loss = model(emissions, lengths, tags)
    loss.sum().backward()
    paths, scores = crf.viterbi(emissions, lengths, model.chain())
    posterior = crf.marginals(emissions, lengths, model.chain())
    return [loss, emissions.grad, model.transitions.grad, paths, scores, posterior]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("work", [walks, radial_step, segments, chain], ids=lambda f: f.__name__)
def test_methods(work, device):
    same(work(torch.device(device), torch.float32), work(*EXACT))


CLIP, WIDE = (2, 3, 8, 32, 32), (2, 3, 16, 64, 64)
TRANSFORMER = VideoTransformerConfig((8, 32, 32), dim=24, layers=2, heads=2, hidden=48)
NETWORKS = {
    "tsn": (lambda: tsn.TSN(16, 5), (2, 8, 16)),
    "trn": (lambda: trn.TRN(16, 5, 8), (2, 8, 16)),
    "tsm": (lambda: FrameNet(block=tsm.block()), CLIP),
    "tsm-online": (lambda: FrameNet(block=tsm.block(direction="past")), CLIP),
    "stm": (lambda: FrameNet(block=stm.block()), CLIP),
    "mfnet": (lambda: FrameNet(block=mfnet.block()), CLIP),
    "non-local": (
        lambda: FrameNet(block=cpnet.blocks_with(lambda c, _: cpnet.NonLocal(c, gamma=1.0), (1,))),
        CLIP,
    ),
    "c3d": (lambda: bitconv3d.c3d(5, size=(16, 32, 32)), (2, 3, 16, 32, 32)),
    "resnet3d": (lambda: bitconv3d.resnet3d(5, i3d(18)), WIDE),
    "mobilenet-v1": (lambda: mobilenet.mobilenet_v1(5), WIDE),
    "mobilenet-v2": (lambda: mobilenet.mobilenet_v2(5), WIDE),
    "shufflenet-v1": (lambda: shufflenet.shufflenet_v1(5), WIDE),
    "shufflenet-v2": (lambda: shufflenet.shufflenet_v2(5), WIDE),
    "squeezenet": (lambda: fire.squeezenet(5), WIDE),
    "transformer": (lambda: VideoTransformer(5, TRANSFORMER), CLIP),
    "lenet": (lambda: LeNetPP(64), (4, 1, 28, 28)),
    "crnn": (lambda: CRNN(0.25, 16), (2 * 26, 1, 32, 4)),
    "temporal": (lambda: TemporalStack(6, 8), None),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name, device):
    """Signs and argmax are left out: there, the last bit of rounding decides."""
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    network = make().eval()
    dice = torch.Generator().manual_seed(1)
    inputs = [torch.randn(shape or (20, 2, 6), generator=dice)]
    if shape is None:
        inputs.append(torch.tensor([20, 15]))

    def scores(device, dtype):
        on = network.to(device, dtype)
        with torch.no_grad():
            out = on(*(x.to(device, dtype) if x.is_floating_point() else x for x in inputs))
        return [x.cpu() for x in (out if isinstance(out, tuple) else (out,))]

    wanted = scores(*EXACT)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        same(scores(torch.device(device), torch.float32), wanted, 1e-3)
