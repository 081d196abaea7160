"""The chain against brute force over every path, autograd, softmax, and CRFsuite."""

import itertools
import math

import pytest
import torch

from vidlab.nn import crf
from vidlab.nn.crf import CRF, Chain

LENGTHS = (5, 3, 1, 4)


def problem(seed=0, lengths=LENGTHS, labels=3, dtype=torch.float64, scale=2.0):
    """Random emissions with nonsense in the padding, lengths, a chain and tags."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return scale * torch.randn(*shape, generator=draw, dtype=torch.float64).to(dtype)

    steps, batch = max(lengths), len(lengths)
    emissions = normal(batch, steps, labels)
    tags = torch.randint(labels, (batch, steps), generator=draw)
    for n, length in enumerate(lengths):
        emissions[n, length:] = float("nan")
        tags[n, length:] = -7
    chain = Chain(normal(labels, labels), normal(labels), normal(labels))
    return emissions, torch.tensor(lengths), chain, tags


def brute_force(emissions, chain, allowed=None):
    """Score of every path over one sequence ``(T, K)``, straight from the formula."""
    steps, labels = emissions.shape
    scores = {}
    for path in itertools.product(range(labels), repeat=steps):
        if allowed is not None and not all(allowed[t, k] for t, k in enumerate(path)):
            continue
        score = float(chain.start[path[0]] + chain.end[path[-1]])
        score += sum(float(emissions[t, k]) for t, k in enumerate(path))
        score += sum(float(chain.transitions[i, j]) for i, j in itertools.pairwise(path))
        scores[path] = score
    return scores


def log_sum(values):
    top = max(values)
    return top + math.log(sum(math.exp(v - top) for v in values))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("labels", [2, 3, 4])
def test_everything_equals_enumerating_all_paths(seed, labels):
    emissions, lengths, chain, tags = problem(seed, labels=labels)
    log_z = crf.log_partition(emissions, lengths, chain)
    given = crf.path_score(emissions, lengths, chain, tags)
    probability = crf.marginals(emissions, lengths, chain)
    paths, best = crf.viterbi(emissions, lengths, chain)
    for n, length in enumerate(LENGTHS):
        scores = brute_force(emissions[n, :length], chain)
        total = log_sum(scores.values())
        assert float(log_z[n]) == pytest.approx(total, rel=1e-12)
        assert float(given[n]) == pytest.approx(scores[tuple(tags[n, :length].tolist())])
        expected = torch.zeros(length, labels, dtype=torch.float64)
        for path, score in scores.items():
            for t, k in enumerate(path):
                expected[t, k] += math.exp(score - total)
        torch.testing.assert_close(probability[n, :length], expected)
        assert (probability[n, length:] == 0).all()
        top = max(scores, key=scores.get)
        assert tuple(paths[n, :length].tolist()) == top
        assert (paths[n, length:] == -1).all()
        assert float(best[n]) == pytest.approx(scores[top])
        assert float(best[n]) <= total


def test_marginals_are_the_gradient_of_the_partition_function():
    emissions, lengths, chain, _ = problem(3)
    clean = emissions.nan_to_num(0.0).requires_grad_()
    (gradient,) = torch.autograd.grad(crf.log_partition(clean, lengths, chain).sum(), clean)
    torch.testing.assert_close(gradient, crf.marginals(emissions, lengths, chain))


def test_alpha_and_beta_meet_at_every_step():
    emissions, lengths, chain, _ = problem(4)
    trellis = crf.forward_backward(emissions, lengths, chain)
    met = torch.logsumexp(trellis.log_alpha + trellis.log_beta, dim=2)
    expected = trellis.log_partition[:, None].expand_as(met)
    torch.testing.assert_close(met[trellis.inside], expected[trellis.inside])
    torch.testing.assert_close(trellis.log_beta[0, -1], chain.end)
    torch.testing.assert_close(trellis.log_alpha[0, 0], chain.start + emissions[0, 0])


def test_without_moves_it_is_softmax_at_every_step():
    emissions, lengths, _, tags = problem(5)
    model = CRF(3)  # all weights start at zero
    inside = torch.arange(5) < lengths[:, None]
    probability = crf.marginals(emissions, lengths, model.chain())
    torch.testing.assert_close(probability[inside], emissions[inside].softmax(1))
    paths, _ = crf.viterbi(emissions, lengths, model.chain())
    assert (paths[inside] == emissions[inside].argmax(1)).all()
    log_probs = emissions.nan_to_num(0.0).log_softmax(2)
    picked = log_probs.gather(2, tags.clamp_min(0)[:, :, None])[:, :, 0]
    torch.testing.assert_close(model(emissions, lengths, tags), -(picked * inside).sum(1))


def test_a_constant_on_one_step_changes_nothing():
    emissions, lengths, chain, tags = problem(6)
    lifted = emissions.clone()
    lifted[:, 0] += 7.5
    torch.testing.assert_close(
        crf.negative_log_likelihood(lifted, lengths, chain, tags),
        crf.negative_log_likelihood(emissions, lengths, chain, tags),
    )
    torch.testing.assert_close(
        crf.marginals(lifted, lengths, chain), crf.marginals(emissions, lengths, chain)
    )


def test_a_padded_batch_equals_one_by_one_gradients_included():
    emissions, lengths, chain, tags = problem(7)
    joint = emissions.clone().requires_grad_()
    losses = crf.negative_log_likelihood(joint, lengths, chain, tags)
    losses.sum().backward()
    assert joint.grad.isfinite().all()
    for n, length in enumerate(LENGTHS):
        alone = emissions[n : n + 1, :length].clone().requires_grad_()
        single = torch.tensor([length])
        loss = crf.negative_log_likelihood(alone, single, chain, tags[n : n + 1, :length])
        loss.sum().backward()
        torch.testing.assert_close(loss[0], losses[n])
        torch.testing.assert_close(alone.grad[0], joint.grad[n, :length])
        assert (joint.grad[n, length:] == 0).all()


def test_partial_loss_between_its_limits_and_equal_to_brute_force():
    emissions, lengths, chain, tags = problem(8)
    one = torch.nn.functional.one_hot(tags.clamp_min(0), 3).bool()
    everything = torch.ones_like(one)
    draw = torch.Generator().manual_seed(0)
    some = one | (torch.rand(one.shape, generator=draw) < 0.4)

    def loss(allowed):
        return crf.partial_likelihood_loss(emissions, lengths, chain, allowed)

    full = crf.negative_log_likelihood(emissions, lengths, chain, tags)
    torch.testing.assert_close(loss(one), full)
    torch.testing.assert_close(loss(everything), torch.zeros_like(full))
    assert (loss(some) >= 0).all()
    assert (loss(some) <= full + 1e-9).all()
    for n, length in enumerate(LENGTHS):
        every = log_sum(brute_force(emissions[n, :length], chain).values())
        kept = log_sum(brute_force(emissions[n, :length], chain, some[n]).values())
        assert float(loss(some)[n]) == pytest.approx(every - kept)


def test_forbidden_moves_are_never_decoded_and_never_probable():
    moves = torch.zeros(3, 3, dtype=torch.bool)
    moves[0, 2] = True
    starts = torch.tensor([False, False, True])
    model = CRF(3, forbidden_moves=moves, forbidden_starts=starts)
    with torch.no_grad():  # the weights themselves may want it badly
        model.transitions[0, 2] = 50.0
        model.start[2] = 50.0
    emissions, lengths, _, _ = problem(9, lengths=(6, 5, 1, 6, 6, 2), dtype=torch.float32)
    emissions[..., 2] += 5.0
    paths, _ = crf.viterbi(emissions, lengths, model.chain())
    assert (paths[:, 0] != 2).all()
    assert not ((paths[:, :-1] == 0) & (paths[:, 1:] == 2)).any()
    assert (paths == 2).any()  # label 2 itself is allowed
    probability = crf.marginals(emissions, lengths, model.chain())
    assert (probability[:, 0, 2] == 0).all()
    # Two equal ways to say the same: the chain of allowed paths only.
    scores = brute_force(emissions[0].double(), _parts(model))
    allowed = [
        score
        for path, score in scores.items()
        if path[0] != 2 and (0, 2) not in itertools.pairwise(path)
    ]
    log_z = crf.log_partition(emissions, lengths, model.chain()).detach()
    assert float(log_z[0]) == pytest.approx(log_sum(allowed), rel=1e-5)


def _parts(model):
    chain = model.chain()
    return Chain(*(s.detach().double() for s in (chain.transitions, chain.start, chain.end)))


def test_float32_stays_exact_and_finite_on_a_long_video():
    emissions, lengths, chain, tags = problem(10, lengths=(3000, 1200), labels=6)
    short = [part.float() for part in (chain.transitions, chain.start, chain.end)]
    narrow, wide = emissions.float(), crf.marginals(emissions, lengths, chain)
    probability = crf.marginals(narrow, lengths, Chain(*short))
    assert float((probability.double() - wide).abs().max()) < 2e-3
    paths, _ = crf.viterbi(narrow, lengths, Chain(*short))  # near ties may fall either way
    _, best = crf.viterbi(emissions, lengths, chain)
    reached = crf.path_score(emissions, lengths, chain, paths)
    torch.testing.assert_close(reached, best, rtol=0, atol=0.05)
    loss = crf.negative_log_likelihood(narrow, lengths, Chain(*short), tags)
    expected = crf.negative_log_likelihood(emissions, lengths, chain, tags)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-4, atol=1e-2)


def test_half_precision_emissions_are_scored_in_float32():
    emissions, lengths, chain, _ = problem(11, dtype=torch.float32)
    halves = emissions.to(torch.bfloat16)
    log_z = crf.log_partition(halves, lengths, chain)
    assert log_z.dtype == torch.float32
    torch.testing.assert_close(log_z, crf.log_partition(halves.float(), lengths, chain))


def test_it_learns_a_rule_that_only_neighbours_can_tell():
    """Label 1 follows label 0 and so on in a circle, whatever is seen: only A can learn that."""
    draw = torch.Generator().manual_seed(0)
    start = torch.randint(3, (64, 1), generator=draw)
    tags = (start + torch.arange(8)) % 3
    emissions = torch.zeros(64, 8, 3)
    emissions[:, 0] = 4.0 * torch.nn.functional.one_hot(start[:, 0], 3)
    lengths = torch.full((64,), 8)
    model = CRF(3)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.3)
    for _ in range(40):
        optimiser.zero_grad()
        model(emissions, lengths, tags).mean().backward()
        optimiser.step()
    assert (crf.viterbi(emissions, lengths, model.chain())[0] == tags).all()


def test_equals_crfsuite_on_weights_that_it_trained():
    sklearn_crfsuite = pytest.importorskip("sklearn_crfsuite")
    draw = torch.Generator().manual_seed(0)
    words = ["on", "the", "UCF", "101", "data", "set", "of", "KITTI"]
    labels = ["O", "B", "I"]
    sentences, answers = [], []
    for n in range(40):
        length = 1 + n % 7
        picks = torch.randint(len(words), (length,), generator=draw).tolist()
        sentences.append([{"word": words[k], "capital": words[k].isupper()} for k in picks])
        answers.append([labels[int(i)] for i in torch.randint(3, (length,), generator=draw)])
    library = sklearn_crfsuite.CRF(
        algorithm="lbfgs", c1=0.0, c2=0.05, max_iterations=40, all_possible_transitions=True
    ).fit(sentences, answers)

    def weight(attribute, value):
        name, size = (attribute, float(value)) if attribute == "capital" else (
            f"{attribute}:{value}", 1.0)  # fmt: skip
        return torch.tensor(
            [size * library.state_features_.get((name, label), 0.0) for label in labels],
            dtype=torch.float64,
        )

    emissions = torch.zeros(40, 7, 3, dtype=torch.float64)
    for n, sentence in enumerate(sentences):
        for t, features in enumerate(sentence):
            emissions[n, t] = sum(weight(*item) for item in features.items())
    transitions = torch.tensor(
        [[library.transition_features_[i, j] for j in labels] for i in labels], dtype=torch.float64
    )
    none = torch.zeros(3, dtype=torch.float64)  # CRFsuite has no weights for start and end
    chain = Chain(transitions, none, none)
    lengths = torch.tensor([len(sentence) for sentence in sentences])
    ours = crf.marginals(emissions, lengths, chain)
    paths, _ = crf.viterbi(emissions, lengths, chain)
    theirs = library.predict_marginals(sentences)
    decoded = library.predict(sentences)
    assert transitions.abs().max() > 0.1  # there is something to compare
    for n, length in enumerate(lengths.tolist()):
        expected = torch.tensor([[step[label] for label in labels] for step in theirs[n]])
        torch.testing.assert_close(ours[n, :length], expected.double(), rtol=1e-5, atol=1e-6)
        assert [labels[k] for k in paths[n, :length].tolist()] == list(decoded[n])


def test_wrong_input_is_refused_in_one_sentence():
    emissions, lengths, chain, tags = problem(12)
    with pytest.raises(ValueError, match=r"emissions must be \(N, T, K\)"):
        crf.log_partition(emissions[0], lengths, chain)
    with pytest.raises(ValueError, match=r"transitions must have shape \(3, 3\)"):
        crf.log_partition(emissions, lengths, Chain(chain.end, chain.start, chain.end))
    with pytest.raises(ValueError, match="lengths of sample 1 is 0; allowed: 1 .. 5"):
        crf.viterbi(emissions, torch.tensor([5, 0, 1, 4]), chain)
    with pytest.raises(ValueError, match="the emissions of sample 1 are not finite"):
        crf.marginals(emissions, torch.tensor([5, 4, 1, 4]), chain)
    with pytest.raises(ValueError, match="sample 2 has a label outside 0 .. 2"):
        crf.path_score(emissions, lengths, chain, tags.index_fill(0, torch.tensor([2]), 3))
    with pytest.raises(ValueError, match="tags must be torch.int64; got torch.int32"):
        crf.path_score(emissions, lengths, chain, tags.int())
    nothing = torch.zeros(4, 5, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="sample 0 has a step with no allowed label"):
        crf.partial_likelihood_loss(emissions, lengths, chain, nothing)
    with pytest.raises(ValueError, match="labels is 0"):
        CRF(0)
    with pytest.raises(ValueError, match="forbidden_starts must be bool"):
        CRF(3, forbidden_starts=torch.zeros(3))
    moves = torch.zeros(3, 3, dtype=torch.bool)
    moves[0, 2] = True
    strict = CRF(3, forbidden_moves=moves, forbidden_starts=torch.tensor([False, False, True]))
    flat = torch.zeros(1, 3, 3)
    with pytest.raises(ValueError, match="from label 0 to label 2 at step 2, a forbidden move"):
        strict(flat, torch.tensor([3]), torch.tensor([[1, 0, 2]]))
    with pytest.raises(ValueError, match="from the start to label 2 at step 0"):
        strict(flat, torch.tensor([3]), torch.tensor([[2, 0, 0]]))
    assert strict(flat, torch.tensor([2]), torch.tensor([[1, 0, 2]])).shape == (1,)  # padding
