"""GSBA against hand-worked examples and the algorithm written out in plain loops."""

import pytest
import torch
import torch.nn.functional as F

from vidlab.papers import gsba


def logits_of(*paths):
    """Logits whose most probable classes are the given paths, ``(S, N, 6)``."""
    return F.one_hot(torch.tensor(paths).T, 6).double()


def features_of(*paths):
    """GCF that point at the centres of the given classes (centres are the axes)."""
    return F.one_hot(torch.tensor(paths).T, 6).double() + 0.01


CENTRES = torch.eye(6, dtype=torch.float64)


def locate(path, labels):
    lengths, counts = torch.tensor([len(path)]), torch.tensor([len(labels)])
    return gsba.locate(logits_of(path), torch.tensor([labels]), lengths, counts)[0].tolist()


def expand(spikes, near, labels, radius):
    return gsba.expand(
        torch.tensor([spikes]), features_of(near), CENTRES, torch.tensor([labels]),
        torch.tensor([len(near)]), torch.tensor([len(labels)]), radius,
    )[0].tolist()  # fmt: skip


@pytest.mark.parametrize(
    ("path", "labels", "spikes"),
    [
        ([0, 2, 0, 0, 3, 0], [2, 3], [1, 4]),
        ([0, 2, 2, 2, 3, 3], [2, 3], [1, 4]),  # the first step of a run
        ([0, 2, 2, 0, 2, 0], [2, 2], [1, 4]),  # equal neighbours need something in between ...
        ([0, 2, 2, 5, 2, 0], [2, 2], [1, 4]),  # ... which need not be the blank
        ([0, 2, 2, 2, 2, 0], [2, 2], [1, -1]),
        ([0, 2, 0, 0, 3, 0], [2, 4, 3], [1, -1, 4]),  # one that is missing holds up no other
        ([3, 0, 2, 0, 0, 0], [2, 3], [2, -1]),  # before its turn does not count
        ([2, 3, 2, 3, 2, 3], [3, 2, 3], [1, 2, 3]),
        ([0, 0, 0, 0, 0, 0], [2, 3], [-1, -1]),
        ([0, 0, 0, 0, 0, 2], [2, 2], [5, -1]),
    ],
)
def test_locate(path, labels, spikes):
    assert locate(path, labels) == spikes


def test_expand_by_hand():
    near = [2, 2, 2, 2, 3, 3, 3, 3, 2]
    spikes, labels = [1, 6], [2, 3]
    assert expand(spikes, near, labels, 0) == [0, 2, 0, 0, 0, 0, 3, 0, 0]
    assert expand(spikes, near, labels, 1) == [2, 2, 2, 0, 0, 3, 3, 3, 0]
    assert expand(spikes, near, labels, 2) == [2, 2, 2, 2, 3, 3, 3, 3, 0]
    assert expand(spikes, near, labels, 9) == [2, 2, 2, 2, 3, 3, 3, 3, 0]  # 8 is not next to 1


def test_only_classes_of_the_sentence_compete():
    near = [5, 2, 5, 5, 3]  # 5 is nearest in all, but not in the sentence: 2 comes first of equals
    assert expand([1, 4], near, [2, 3], 2) == [2, 2, 2, 2, 3]


def test_a_labelled_step_is_not_overwritten():
    """Not the spike of another gloss, even where the features say so; nor beyond it."""
    near = [2, 2, 2, 2, 2, 2]
    assert expand([1, 3], near, [2, 3], 4) == [2, 2, 2, 3, 0, 0]


def test_missing_glosses_stay_out():
    assert expand([-1, 3], [2, 2, 3, 3, 3], [2, 3], 1) == [0, 0, 3, 3, 3]


def reference(path, near, labels, radius):
    """Algorithm 1 with the readings of the module, one step at a time."""
    out, pos, spikes = [0] * len(path), 0, []
    for label in labels:
        spike = next((t for t in range(pos, len(path)) if path[t] == label), None)
        spikes.append(spike)
        if spike is not None:
            out[spike] = label
            pos = spike
            while pos < len(path) and path[pos] == label:
                pos += 1
    for label, spike in zip(labels, spikes, strict=True):
        if spike is None:
            continue
        for side in (-1, 1):
            for step in range(1, radius + 1):
                t = spike + side * step
                if not 0 <= t < len(path) or out[t] or near[t] != label:
                    break
                out[t] = label
    return out


def test_a_padded_batch_is_the_plain_algorithm():
    generator = torch.Generator().manual_seed(0)
    count, steps, longest = 200, 14, 5
    lengths = torch.randint(1, steps + 1, (count,), generator=generator)
    counts = torch.minimum(torch.randint(0, longest + 1, (count,), generator=generator), lengths)
    targets = torch.randint(1, 4, (count, longest), generator=generator)
    for row, (length, used) in enumerate(zip(lengths.tolist(), counts.tolist(), strict=True)):
        repeats = int((targets[row, 1:used] == targets[row, : max(used - 1, 0)]).sum())
        counts[row] = used if used + repeats <= length else min(used, 1)
    paths = torch.randint(0, 5, (count, steps), generator=generator)
    features = torch.randn(steps, count, 6, generator=generator, dtype=torch.float64)
    before = torch.zeros_like(paths)
    for radius in range(4):
        spikes = gsba.locate(F.one_hot(paths.T, 6).double(), targets, lengths, counts)
        got = gsba.expand(spikes, features, CENTRES, targets, lengths, counts, radius)
        for n, (length, used) in enumerate(zip(lengths.tolist(), counts.tolist(), strict=True)):
            labels = targets[n, :used].tolist()
            classes = sorted(set(labels)) or [0]
            cosines = F.normalize(features[:, n], dim=1)
            near = [classes[int(cosines[t, classes].argmax())] for t in range(length)]
            want = reference(paths[n, :length].tolist(), near, labels, radius)
            assert got[n, :length].tolist() == want
            assert not got[n, length:].any()
        assert (got[before != 0] == before[before != 0]).all()  # a larger d only adds
        before = got


def test_the_angle_counts_and_not_the_length():
    """EXPAND asks for the smallest angle: long features or centres win nothing."""
    centres = torch.zeros(6, 2, dtype=torch.float64)
    centres[2], centres[3] = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    feature = torch.tensor([[9.0, 1.0], [9.0, 8.0], [0.1, 0.2]], dtype=torch.float64)[:, None]
    got = gsba.expand(torch.tensor([[0, -1]]), feature, centres, torch.tensor([[2, 3]]),
                      torch.tensor([3]), torch.tensor([2]), 2)  # fmt: skip
    assert got.tolist() == [[2, 2, 0]]


def test_smoothing():
    labels = torch.tensor([[0, 2], [3, 3]])
    printed = gsba.smooth(labels, 5, 0.1, "printed")
    assert printed[0, 1].tolist() == pytest.approx([0.02, 0.02, 0.9, 0.02, 0.02])
    torch.testing.assert_close(printed.sum(2), torch.full((2, 2), 1 - 0.1 / 5))
    normalised = gsba.smooth(labels, 5, 0.1)
    assert normalised[0, 1].tolist() == pytest.approx([0.02, 0.02, 0.92, 0.02, 0.02])
    torch.testing.assert_close(normalised.sum(2), torch.ones(2, 2))
    assert torch.equal(gsba.smooth(labels, 5, 0.0), F.one_hot(labels, 5).float())


def test_errors():
    with pytest.raises(ValueError, match="radius is -1"):
        expand([0], [2], [2], -1)
    with pytest.raises(ValueError, match="form is 'soft'; allowed: 'normalised', 'printed'"):
        gsba.smooth(torch.tensor([1]), 4, 0.1, "soft")
    with pytest.raises(ValueError, match=r"sample 0 has a label outside 0 \.\. 5"):
        locate([0, 1, 2], [7])
