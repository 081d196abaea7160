"""CTC tools against brute force over every path, PyTorch's CTC, and hand-worked cases."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from vidlab.nn import alignment, ctc
from vidlab.nn.decode import collapse


def random_batch(seed=0, frames=9, classes=5, lengths=(9, 7, 6, 4), labels=None):
    """Logits and a padded batch with repeats, an empty labelling and a tight one."""
    generator = torch.Generator().manual_seed(seed)
    labels = labels or [[1, 2, 2, 4], [3, 3], [], [4, 1, 4, 1]]
    logits = 2 * torch.randn(frames, len(labels), classes, generator=generator)
    longest = max(map(len, labels))
    targets = torch.tensor([row + [-7] * (longest - len(row)) for row in labels])
    return logits, targets, torch.tensor(lengths), torch.tensor([len(row) for row in labels])


def brute_force(logits, labelling):
    """All paths (T small) that collapse to the labelling, with their log-probabilities."""
    log_probs = logits.double().log_softmax(1)
    frames, classes = logits.shape
    found = {}
    for path in itertools.product(range(classes), repeat=frames):
        if collapse(path) == tuple(labelling):
            found[path] = sum(float(log_probs[t, k]) for t, k in enumerate(path))
    return found


SMALL = [
    ([1], 3),
    ([1, 2], 4),
    ([2, 2], 3),
    ([2, 2], 5),
    ([1, 3, 1], 5),
    ([], 3),
    ([3], 1),
    ([1, 2, 3], 3),
]


@pytest.mark.parametrize(("labelling", "frames"), SMALL)
def test_likelihood_posteriors_and_best_path_equal_brute_force(labelling, frames):
    logits = torch.randn(frames, 4, generator=torch.Generator().manual_seed(frames))
    paths = brute_force(logits, labelling)
    total = math.log(sum(math.exp(v) for v in paths.values()))
    posterior = torch.zeros(frames, 4, dtype=torch.float64)
    for path, score in paths.items():
        for t, k in enumerate(path):
            posterior[t, k] += math.exp(score - total)
    arguments = (
        torch.tensor([labelling], dtype=torch.long).reshape(1, -1),
        torch.tensor([frames]),
        torch.tensor([len(labelling)]),
    )
    log_probs = logits.log_softmax(1)[:, None]
    fb = ctc.forward_backward(log_probs, *arguments)
    assert fb.log_likelihood.item() == pytest.approx(total, abs=1e-5)
    torch.testing.assert_close(
        ctc.class_posteriors(fb, 4)[:, 0].double(), posterior, atol=1e-5, rtol=0
    )
    path, score = alignment.best_path(log_probs, *arguments)
    best = max(paths, key=paths.get)
    assert tuple(path[0].tolist()) == best
    assert score.item() == pytest.approx(paths[best], abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_likelihood_equals_pytorch_on_padded_batches(seed):
    logits, targets, input_lengths, target_lengths = random_batch(seed)
    log_probs = logits.log_softmax(2)
    fb = ctc.forward_backward(log_probs, targets, input_lengths, target_lengths)
    want = F.ctc_loss(
        log_probs, targets.clamp_min(0), input_lengths, target_lengths, reduction="none"
    )
    torch.testing.assert_close(-fb.log_likelihood, want)
    at_every_frame = torch.logsumexp(fb.log_alpha + fb.log_beta, 2)
    for n, length in enumerate(input_lengths):
        torch.testing.assert_close(at_every_frame[:length, n], -want[n].expand(length))


@pytest.mark.parametrize("seed", range(4))
def test_pseudo_label_identity(seed):
    """y - dL/dlogit is the posterior; rows sum to one; zero outside labels and blank."""
    logits, targets, input_lengths, target_lengths = random_batch(seed)
    leaf = logits.clone().requires_grad_()
    F.ctc_loss(
        leaf.log_softmax(2), targets.clamp_min(0), input_lengths, target_lengths, reduction="sum"
    ).backward()
    pseudo = ctc.pseudo_labels(logits, targets, input_lengths, target_lengths)
    fb = ctc.forward_backward(logits.log_softmax(2), targets, input_lengths, target_lengths)
    own = ctc.class_posteriors(fb, logits.shape[2])
    torch.testing.assert_close(pseudo, own, atol=1e-5, rtol=0)
    inside = ctc.length_mask(input_lengths, len(logits)).T
    identity = (logits.softmax(2) - leaf.grad)[inside]
    torch.testing.assert_close(pseudo[inside], identity, atol=1e-5, rtol=0)
    torch.testing.assert_close(pseudo.sum(2), inside.float(), atol=1e-5, rtol=0)
    for n, length in enumerate(target_lengths):
        allowed = {0, *targets[n, :length].tolist()}
        for k in set(range(logits.shape[2])) - allowed:
            assert pseudo[:, n, k].abs().max() < 1e-6
    assert not pseudo.requires_grad


def test_state_posteriors_visit_states_in_order():
    logits, targets, input_lengths, target_lengths = random_batch()
    fb = ctc.forward_backward(logits.log_softmax(2), targets, input_lengths, target_lengths)
    gamma = ctc.state_posteriors(fb)
    centre = (gamma * torch.arange(gamma.shape[2])).sum(2)
    for n, length in enumerate(input_lengths):
        assert (centre[1:length, n] >= centre[: length - 1, n] - 1e-5).all()


@pytest.mark.parametrize("seed", range(4))
def test_best_path_collapses_and_beats_every_single_frame_change(seed):
    logits, targets, input_lengths, target_lengths = random_batch(seed)
    log_probs = logits.log_softmax(2)
    paths, scores = alignment.best_path(log_probs, targets, input_lengths, target_lengths)
    for n, (frames, labels) in enumerate(zip(input_lengths, target_lengths, strict=True)):
        path = paths[n, :frames].tolist()
        wanted = tuple(targets[n, :labels].tolist())
        assert collapse(path) == wanted
        assert (paths[n, frames:] == alignment.PAD).all()
        score = sum(log_probs[t, n, k].item() for t, k in enumerate(path))
        assert scores[n].item() == pytest.approx(score, abs=1e-4)
        for t, k in itertools.product(range(frames), range(logits.shape[2])):
            other = [*path[:t], k, *path[t + 1 :]]
            if collapse(other) == wanted:
                assert log_probs[t, n, k] <= log_probs[t, n, path[t]] + 1e-6


def test_best_path_agrees_with_torchaudio():
    audio = pytest.importorskip("torchaudio.functional", reason="torchaudio is not installed")
    logits, targets, _, _ = random_batch(labels=[[1, 2, 2, 4]], lengths=(9,))
    log_probs = logits[:, :1].log_softmax(2)
    lengths = torch.tensor([9]), torch.tensor([4])
    ours, score = alignment.best_path(log_probs, targets[:1], *lengths)
    theirs, scores = audio.forced_align(log_probs.transpose(0, 1), targets[:1].int(), *lengths)
    assert ours.tolist() == theirs.tolist()
    assert score.item() == pytest.approx(scores.sum().item(), abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_a_sequence_does_not_depend_on_what_it_is_batched_with(seed):
    logits, targets, input_lengths, target_lengths = random_batch(seed)
    batch = (targets, input_lengths, target_lengths)
    pseudo = ctc.pseudo_labels(logits, *batch)
    paths, scores = alignment.best_path(logits, *batch)
    marks = alignment.keyframes(paths, logits)
    for n, (frames, labels) in enumerate(zip(input_lengths, target_lengths, strict=True)):
        alone = (
            logits[:frames, n : n + 1],
            targets[n : n + 1, :labels],
            frames[None],
            labels[None],
        )
        torch.testing.assert_close(
            ctc.pseudo_labels(*alone)[:, 0], pseudo[:frames, n], atol=1e-6, rtol=0
        )
        path, score = alignment.best_path(*alone)
        assert torch.equal(path[0], paths[n, :frames])
        torch.testing.assert_close(score[0], scores[n])
        assert torch.equal(alignment.keyframes(path, alone[0])[0], marks[n, :frames])


def test_keyframes_one_for_each_run_and_the_earliest_of_equals():
    paths = torch.tensor([[0, 1, 1, 0, 0, 2, 2, 2], [1, 1, 0, 1, -1, -1, -1, -1]])
    scores = torch.zeros(8, 2, 3)
    scores[2, 0, 1] = 1.0  # the second frame of the run of ones
    scores[7, 0, 2] = -1.0
    marks = alignment.keyframes(paths, scores)
    assert marks[0].nonzero().ravel().tolist() == [0, 2, 3, 5]
    assert marks[1].nonzero().ravel().tolist() == [0, 2, 3]


def test_keyframe_holds_the_largest_logit_of_its_run():
    logits, targets, input_lengths, target_lengths = random_batch(3)
    paths, _ = alignment.best_path(logits, targets, input_lengths, target_lengths)
    marks = alignment.keyframes(paths, logits)
    for n, frames in enumerate(input_lengths.tolist()):
        start = 0
        for symbol, run in itertools.groupby(paths[n, :frames].tolist()):
            size = len(list(run))
            window = logits[start : start + size, n, symbol]
            assert marks[n, start : start + size].nonzero().ravel().tolist() == [
                int(window.argmax())
            ]
            start += size


def test_peakiness_hand_worked():
    path = torch.tensor([[0, 1, 1, 2, 0, 2, 0, 0], [1, 0, 1, 1, 9, 9, 9, 9]]).T % 3
    scores = F.one_hot(path, 3).float()
    measured = alignment.peakiness(scores, torch.tensor([8, 4]))
    assert measured.non_blank.tolist() == [0.5, 0.75]
    assert measured.runs.tolist() == [3, 2]
    torch.testing.assert_close(measured.run_length, torch.tensor([4 / 3, 1.5]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits(dtype):
    logits, *batch = random_batch()
    low = ctc.pseudo_labels(logits.to(dtype), *batch)
    high = ctc.pseudo_labels(logits.to(dtype).float(), *batch)
    torch.testing.assert_close(low, high)


def test_extreme_logits_stay_finite():
    logits, *batch = random_batch()
    for scale in (50.0, 500.0):
        fb = ctc.forward_backward((scale * logits).log_softmax(2), *batch)
        assert fb.log_likelihood.isfinite().all()
        assert ctc.class_posteriors(fb, 5).isfinite().all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"logits": torch.zeros(9, 5)}, r"must be \(T, N, C\) of 1 or more; got shape \(9, 5\)"),
        ({"targets": torch.zeros(4, dtype=torch.long)}, r"targets must be \(N=4, U\)"),
        ({"blank": 5}, "blank is 5; allowed: 0 .. 4"),
        ({"input_lengths": torch.tensor([9, 7, 6, 10])}, "input_lengths of sample 3 is 10"),
        ({"input_lengths": torch.tensor([9, 7, 6])}, r"input_lengths must be \(N=4,\)"),
        ({"target_lengths": torch.tensor([4, 2, 0, 5])}, "target_lengths of sample 3 is 5"),
        ({"label": (1, 0, 5)}, r"sample 1 has a label outside 0 .. 4: \[5, 3\]"),
        ({"label": (0, 1, 0)}, r"sample 0 has the blank \(0\) among its labels: \[1, 0, 2, 4\]"),
        (
            {"input_lengths": torch.tensor([4, 7, 6, 4])},
            "sample 0 has 4 labels with 1 repeats, which need at least 5 frames; it has 4",
        ),
        ({"nan": (2, 1)}, "the scores of sample 1 are not finite"),
    ],
)
def test_bad_batches_are_refused_with_the_sample(change, sentence):
    logits, targets, input_lengths, target_lengths = random_batch()
    arguments = {
        "logits": logits,
        "targets": targets,
        "input_lengths": input_lengths,
        "target_lengths": target_lengths,
        "blank": 0,
    }
    if "label" in change:
        n, u, value = change["label"]
        targets[n, u] = value
    elif "nan" in change:
        logits[change["nan"]] = float("nan")
    else:
        arguments.update(change)
    for function in (ctc.forward_backward, ctc.pseudo_labels, alignment.best_path):
        with pytest.raises(ValueError, match=sentence):
            function(*arguments.values())


def test_nan_in_padding_is_nobodys_business():
    logits, *batch = random_batch()
    dirty = logits.clone()
    dirty[7:, 1] = float("nan")  # sample 1 has 7 frames
    torch.testing.assert_close(ctc.pseudo_labels(dirty, *batch), ctc.pseudo_labels(logits, *batch))
    fb = ctc.forward_backward(dirty.log_softmax(2), *batch)
    assert ctc.class_posteriors(fb, 5).isfinite().all()


@pytest.mark.parametrize("seed", range(40))
def test_best_path_of_hard_cases(seed):
    """Distinct labels and contrasty scores: where a wrong back-pointer shows."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(6, 4, generator=generator)
    labelling = torch.randperm(3, generator=generator).add(1)[: 2 + seed % 2].tolist()
    paths = brute_force(logits, labelling)
    path, score = alignment.best_path(
        logits.log_softmax(1)[:, None],
        torch.tensor([labelling]),
        torch.tensor([6]),
        torch.tensor([len(labelling)]),
    )
    assert tuple(path[0].tolist()) == max(paths, key=paths.get)
    assert score.item() == pytest.approx(max(paths.values()), abs=1e-4)


def test_int32_targets_and_lengths_are_as_good():
    logits, *batch = random_batch()
    small = [tensor.int() for tensor in batch]
    assert torch.equal(
        alignment.best_path(logits, *small)[0], alignment.best_path(logits, *batch)[0]
    )
    torch.testing.assert_close(ctc.pseudo_labels(logits, *small), ctc.pseudo_labels(logits, *batch))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_other_types_are_refused(which):
    logits, *batch = random_batch()
    batch[which] = batch[which].float()
    name = ("targets", "input_lengths", "target_lengths")[which]
    with pytest.raises(
        ValueError, match=f"{name} must be a tensor of int64 or int32; got torch.fl"
    ):
        ctc.pseudo_labels(logits, *batch)
    batch[which] = [1]
    with pytest.raises(ValueError, match=f"{name} must be .*; got list"):
        ctc.pseudo_labels(logits, *batch)


def test_lengths_of_zero_or_less():
    logits, targets, input_lengths, target_lengths = random_batch()
    input_lengths[2] = 0
    with pytest.raises(ValueError, match="input_lengths of sample 2 is 0; allowed: 1 .. 9"):
        ctc.pseudo_labels(logits, targets, input_lengths, target_lengths)
    input_lengths[2], target_lengths[2] = 7, -1
    with pytest.raises(ValueError, match="target_lengths of sample 2 is -1; allowed: 0 .. 4"):
        ctc.pseudo_labels(logits, targets, input_lengths, target_lengths)


def test_an_empty_batch_is_refused():
    nothing = torch.zeros(0, dtype=torch.long)
    with pytest.raises(ValueError, match="of 1 or more"):
        ctc.pseudo_labels(torch.zeros(4, 0, 3), nothing.reshape(0, 2), nothing, nothing)


def test_peakiness_counts_no_padding():
    scores = torch.zeros(5, 1, 2)
    scores[2:, 0, 1] = 1.0
    measured = alignment.peakiness(scores, torch.tensor([3]))
    assert measured.non_blank.item() == pytest.approx(1 / 3)
    assert measured.runs.item() == 1


def test_padding_of_labels_is_never_looked_at():
    logits, count, frames = torch.zeros(2, 1, 4), torch.tensor([2]), torch.tensor([2])
    wanted = ctc.pseudo_labels(logits, torch.tensor([[1, 2]]), frames, count)
    for padding in ([0, 0, 0], [-7, -7, -7], [2, 2, 9]):
        targets = torch.tensor([[1, 2, *padding]])
        assert torch.equal(ctc.pseudo_labels(logits, targets, frames, count), wanted)


def test_a_negative_label_is_refused():
    task = torch.tensor([[1, -1]]), torch.tensor([2]), torch.tensor([2])
    with pytest.raises(ValueError, match="sample 0 has a label outside 0 .. 3: \\[1, -1\\]"):
        ctc.pseudo_labels(torch.zeros(2, 1, 4), *task)
