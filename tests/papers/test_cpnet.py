"""CPNet against its equations written out pair by pair, its invariances and its limits."""

from dataclasses import replace

import pytest
import torch

from vidlab.nn.frames import SMALL, FrameNet
from vidlab.papers import cpnet
from vidlab.papers.cpnet import CorrespondenceProposal, CPConfig, NonLocal
from vidlab.papers.cpnet_proposals import as_points, propose, spoil

GRID = (3, 4, 5)
FRAME = torch.arange(60) // 20


def noise(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def maps(clips=2, channels=8, grid=GRID, seed=0):
    return noise(clips, grid[0], channels, *grid[1:], seed=seed)


def module(channels=8, *, seed=0, training=False, **knobs):
    torch.manual_seed(seed)
    knobs = {"k": 4, "gamma": 1.0} | knobs
    made = CorrespondenceProposal(channels, CPConfig(**knobs)).double().train(training)
    for layer in made.modules():  # statistics that a slip in the order of layers would show
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
    return made


def by_hand(made, x, divisors):
    """f'_i of eval mode, pair by pair, as the equations have it."""
    config, (clips, frames, _, height, width) = made.config, x.shape
    norms = [each for each in made.mlp if isinstance(each, torch.nn.BatchNorm1d)]
    first = torch.cat(
        [made.displacement_first(), made.pairs.own.weight, made.pairs.other.weight], 1
    )
    points, result = as_points(x), as_points(x).clone()
    chosen = propose(x, config.k)
    unit = torch.tensor(divisors, dtype=x.dtype)
    spot = [(t, h, w) for t in range(frames) for h in range(height) for w in range(width)]
    spot = torch.tensor(spot, dtype=x.dtype) / unit
    second = next(each for each in made.mlp if isinstance(each, torch.nn.Linear))

    def norm(layer, v):
        scale = layer.weight / (layer.running_var + layer.eps).sqrt()
        return (v - layer.running_mean) * scale + layer.bias

    for n in range(clips):
        for i in range(len(spot)):
            pairs = []
            for j in chosen[n, i].tolist():
                row = torch.cat([spot[j] - spot[i], points[n, i], points[n, j]])
                hidden = norm(norms[0], first @ row).relu()
                pairs.append(norm(norms[1], second.weight @ hidden).relu())
            pooled = torch.stack(pairs)
            pooled = pooled.max(0).values if config.pool == "max" else pooled.mean(0)
            result[n, i] += norm(made.norm, made.out.weight @ pooled)
    return cpnet.as_maps(result, (frames, height, width))


@pytest.fixture(autouse=True)
def _displacement(monkeypatch):
    """The weights of the displacement; zeros where the module has none."""

    def first(self):
        layer = self.pairs.displacement
        return layer.weight if layer else torch.zeros(len(self.pairs.own.weight), 3).double()

    monkeypatch.setattr(CorrespondenceProposal, "displacement_first", first, raising=False)


@pytest.mark.parametrize(
    ("knobs", "divisors"),
    [
        ({}, GRID),
        ({"cells": True}, (1, 1, 1)),
        ({"position": False}, GRID),
        ({"pool": "mean"}, GRID),
    ],
)
def test_module_is_the_equations(knobs, divisors):
    made, x = module(**knobs), maps()
    torch.testing.assert_close(made(x), by_hand(made, x, divisors))


@pytest.mark.parametrize("k", [1, 7, 40])
def test_proposals_are_masked_cdist_and_topk(k):
    x = maps()
    points = as_points(x)
    distances = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    distances[:, FRAME[:, None] == FRAME] = torch.inf
    expected = distances.topk(k, largest=False).indices
    found = propose(x, k)
    assert torch.equal(found, expected)
    assert (FRAME[found] != FRAME[:, None]).all()
    assert torch.equal(propose(x, k, most=300), found)  # in slices of a few rows


def test_points_are_numbered_by_frame_row_column():
    x = maps()
    assert torch.equal(as_points(x)[1, (2 * 4 + 3) * 5 + 1], x[1, 2, :, 3, 1])
    assert torch.equal(cpnet.as_maps(as_points(x), GRID), x)
    assert cpnet.places(GRID)[(2 * 4 + 3) * 5 + 1].tolist() == pytest.approx([2 / 3, 3 / 4, 1 / 5])


def test_a_moved_patch_finds_itself():
    x = maps(1, 16)
    x[0, 1] = x[0, 0].roll((1, 2), (1, 2)) + 0.01 * noise(16, 4, 5, seed=3)
    here = propose(x[:, :2], 1)[0, :20, 0] - 20
    row, column = torch.arange(20) // 5, torch.arange(20) % 5
    assert torch.equal(here, (row + 1) % 4 * 5 + (column + 2) % 5)


def test_neighbours_do_not_change_when_feature_space_is_rotated_or_moved():
    x = maps()
    turn = torch.linalg.qr(noise(8, 8, seed=1)).Q
    turned = torch.einsum("ntchw,dc->ntdhw", x, turn) + noise(8, 1, 1, seed=2)
    assert torch.equal(propose(turned, 5), propose(x, 5))


@pytest.mark.parametrize("halve", [False, True])
def test_gamma_zero_is_the_identity(halve):
    x = maps(grid=(3, 4, 6)) if halve else maps()
    for training in (False, True):
        made = module(gamma=0.0, halve=halve, training=training)
        made.norm.bias.data.zero_()
        made.norm.running_mean.zero_()
        assert torch.equal(made(x), x)
        assert not torch.equal(module(halve=halve)(x), x)
    assert CPConfig().gamma == 0


def test_permuted_cells_permute_the_output_without_positions():
    x, order = maps(), torch.randperm(20, generator=torch.Generator().manual_seed(0))
    shuffled = x.flatten(3)[..., order].view_as(x)
    blind, sees = module(position=False), module()
    same = lambda made: torch.allclose(  # noqa: E731
        made(shuffled), made(x).flatten(3)[..., order].view_as(x)
    )
    assert same(blind)
    assert not same(sees)
    rival = NonLocal(8, gamma=1.0).double().eval()
    assert same(rival)


def test_reversed_time_is_seen_with_positions_only():
    x = maps()
    sees, blind = module(), module(position=False)
    assert torch.allclose(blind(x.flip(1)), blind(x).flip(1))
    assert not torch.allclose(sees(x.flip(1)), sees(x).flip(1))


@pytest.mark.parametrize("make", [module, lambda: NonLocal(8, gamma=1.0).double().eval()])
def test_batch_of_two_is_two_batches_of_one(make):
    made, x = make(), maps()
    assert torch.allclose(made(x), torch.cat([made(x[:1]), made(x[1:])]))


def test_gradients_reach_both_points_of_a_pair_and_no_other():
    x = maps(1, 32).requires_grad_()
    made = module(32, k=1)
    j = int(propose(x.detach(), 1)[0, 7, 0])
    moved = as_points(made(x) - x)[0, 7].square().sum()
    slope = as_points(torch.autograd.grad(moved, x)[0])[0].abs().sum(1)
    assert slope[7] > 0
    assert slope[j] > 0
    assert set(slope.nonzero().flatten().tolist()) == {7, j}


def test_all_parameters_learn():
    made = module(training=True, bottleneck=2, mlp=(2, 2), halve=True)
    made(maps(grid=(3, 4, 6))).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in made.parameters())


def test_gradients_are_those_of_finite_differences():
    made, x = module(6, k=2, mlp=(2, 2)), maps(1, 6, (2, 2, 2))
    assert torch.autograd.gradcheck(made, x.requires_grad_(), eps=1e-7, atol=1e-5)


def test_halved_form_works_on_half_the_map_and_keeps_the_skip_connection():
    x = maps(grid=(3, 4, 6))
    made = module(halve=True)
    assert made.compared(x).shape == (2, 3, 8, 2, 3)
    torch.testing.assert_close(  # bilinear by one half is the mean of 2 x 2
        made.compared(x)[0, 1, 2, 1, 2], x[0, 1, 2, 2:4, 4:6].mean()
    )
    whole = module()  # the same weights
    small = made.compared(x)
    update = whole(small) - small
    double = torch.nn.functional.interpolate(
        update.flatten(0, 1), scale_factor=2, mode="bilinear", align_corners=False
    )
    torch.testing.assert_close(made(x), x + double.view_as(x))


def test_bottleneck_seeks_in_the_reduced_features():
    made = module(32, bottleneck=8, mlp=(8, 8))
    x = maps(channels=32)
    assert made.compared(x).shape == (2, 3, 4, 4, 5)
    assert made.pairs.own.weight.shape == (4, 4)
    seen = []
    made.choose = lambda features: seen.append(features) or propose(features, 4)
    assert made(x).shape == x.shape
    assert torch.equal(seen[0], made.compared(x))


def test_non_local_block_is_its_equation():
    made, x = NonLocal(8, gamma=1.0).double().eval(), maps()
    points = as_points(x)[1]
    scores = made.theta(points) @ made.phi(points).T / 2  # √4
    update = made.out((scores.exp() / scores.exp().sum(1, keepdim=True)) @ made.g(points))
    update = update / (1 + made.norm.eps) ** 0.5
    torch.testing.assert_close(as_points(made(x))[1], points + update)
    assert torch.equal(NonLocal(8).double()(x), x)


@pytest.mark.parametrize(
    ("shape", "k", "says"),
    [
        ((1, 1, 4, 3, 3), 1, "1 frame"),
        ((1, 2, 4, 3, 3), 10, r"k is 10; allowed: 1 \.\. 9"),
        ((1, 2, 4, 3, 3), 0, r"allowed: 1 \.\. 9"),
        ((2, 4, 3, 3), 1, "expected"),
    ],
)
def test_proposals_refuse(shape, k, says):
    with pytest.raises(ValueError, match=says):
        propose(torch.randn(shape), k)
    if k == 9:
        assert propose(torch.randn(shape), 9).shape == (1, 18, 9)


@pytest.mark.parametrize(
    ("knobs", "says"),
    [
        ({"k": 0}, "k is 0"),
        ({"mlp": ()}, "mlp"),
        ({"mlp": (0,)}, "mlp"),
        ({"bottleneck": 0}, "bottleneck"),
        ({"pool": "sum"}, "'max', 'mean'"),
    ],
)
def test_settings_refuse(knobs, says):
    with pytest.raises(ValueError, match=says):
        CPConfig(**knobs)


def test_modules_refuse():
    with pytest.raises(ValueError, match="channels is 3; allowed: 4 or more"):
        CorrespondenceProposal(3)
    with pytest.raises(ValueError, match="channels is 1"):
        NonLocal(1)
    with pytest.raises(ValueError, match="stem_stride is 4; allowed: 1, 2"):
        cpnet.cpnet34(2, stem_stride=4)
    with pytest.raises(ValueError, match="4 x 5 cannot be halved"):
        module(halve=True)(maps())


def test_spoiled_proposals_are_random_points_of_other_frames():
    x = maps(40)
    true = propose(x, 6)
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(spoil(true, GRID, 0.0, generator), true)
    half = spoil(true, GRID, 0.5, generator)
    # A drawn point is the old one in 1 case of 40.
    assert (half != true).float().mean().item() == pytest.approx(0.5 * 39 / 40, abs=0.02)
    every = spoil(true, GRID, 1.0, generator)
    assert (FRAME[every] != FRAME[:, None]).all()
    counts = torch.bincount(every.flatten(), minlength=60).double()
    assert counts.min() > 0.8 * counts.mean()
    with pytest.raises(ValueError, match="share 2"):
        spoil(true, GRID, 2, generator)
    with pytest.raises(ValueError, match=r"expected \(N, 60, k\)"):
        spoil(true[:, 1:], GRID, 1.0, generator)
    with pytest.raises(ValueError, match=r"0 \.\. 60; allowed: 0 \.\. 59, the points of the grid"):
        spoil(torch.full_like(true, 60).index_fill(2, torch.tensor(0), 0), GRID, 1.0, generator)


def test_look_sees_what_the_modules_used():
    torch.manual_seed(0)
    make = lambda channels, place: CorrespondenceProposal(channels, CPConfig(k=3))  # noqa: E731
    net = FrameNet(SMALL, cpnet.blocks_with(make, (1, 2))).eval()
    used = []
    for place in (1, 2):
        module = net.blocks[place].after
        nearest = module.choose
        module.choose = lambda f, nearest=nearest: used.append(nearest(f)) or used[-1]
    seen = cpnet.look(net, torch.randn(2, 3, 4, 32, 32))
    assert [each.name for each in seen] == ["blocks.1.after", "blocks.2.after"]
    assert [each.features.shape for each in seen] == [(2, 4, 32, 8, 8), (2, 4, 48, 4, 4)]
    assert all(torch.equal(each.neighbours, propose(each.features, 3)) for each in seen)
    assert torch.equal(used[0], seen[0].neighbours)
    count = len(used)
    net(torch.randn(1, 3, 2, 32, 32))  # no hook is left behind
    assert len(used) == count + 2


def test_halving_is_the_mean_of_four_cells():
    made, x = module(halve=True).eval(), maps(grid=(2, 4, 6))
    means = torch.nn.functional.avg_pool2d(x.flatten(0, 1), 2).unflatten(0, x.shape[:2])
    torch.testing.assert_close(made.compared(x), means)


@pytest.mark.parametrize(("stride", "side"), [(1, 28), (2, 14)])  # of Jester's 112 pixels
def test_the_papers_network_has_five_modules_and_is_c2d_at_the_start(stride, side):
    torch.manual_seed(0)
    net = cpnet.cpnet34(27, stem_stride=stride).eval()
    modules = {
        name: module.config.halve
        for name, module in net.named_modules()
        if isinstance(module, CorrespondenceProposal)
    }
    assert modules == {f"net.blocks.{place}.after": place < 7 for place in (5, 6, 10, 11, 12)}
    clips = torch.randn(1, 3, 2, 112, 112)
    seen = {each.name: each.features.shape[3:] for each in cpnet.look(net, clips)}
    assert seen == dict.fromkeys(modules, (side // 2, side // 2))
    with torch.no_grad():
        before = net(clips)
        for place in cpnet.PLACES34:
            net.net.blocks[place].after = torch.nn.Identity()
        assert torch.equal(before, net(clips))
    assert before.shape == (1, 27)


def test_autocast_and_half_clips_of_the_paper_keep_their_shape():
    made = CorrespondenceProposal(16, replace(CPConfig(), k=4)).eval()
    x = torch.randn(1, 2, 16, 3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert made(x).shape == x.shape
