"""Packed 1-bit inference beside float convolutions of the signs: equal, not close."""

import copy
import functools
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidlab.nn import _packed_layers, packed
from vidlab.nn._packed_layout import from_bits, make_plan, to_bits
from vidlab.nn.binary import BinaryConv3d, BitConv, Sign1, set_binarised
from vidlab.nn.packed import PackedBitConv, PackedConv3d, PackedStem, pack, storage

kernels = pytest.importorskip("vidlab.nn._packed_cpu", reason="packed kernels need numba")
WAYS = ["popcount", "torch"] + ["lookup"] * kernels.HAS_LOOKUP


def use(monkeypatch, way: str) -> None:
    """Make packed layers compute in one way: by table, by popcount, or without numba."""
    if way == "torch":
        monkeypatch.setattr(_packed_layers, "available", lambda: "no numba")
    else:
        run = functools.partial(kernels.run, lookup=way == "lookup")
        monkeypatch.setattr(kernels, "run", run)


def truth(conv: BinaryConv3d, x: torch.Tensor) -> torch.Tensor:
    signs = torch.where(x >= 0, 1.0, -1.0).double()
    weight = torch.where(conv.weight >= 0, 1.0, -1.0).double()
    return F.conv3d(signs, weight, None, conv.stride, conv.padding, conv.dilation, conv.groups)


def check(conv: BinaryConv3d, x: torch.Tensor) -> None:
    sums = PackedConv3d.from_binary(conv)(x)
    assert sums.dtype == torch.float32
    assert torch.equal(sums.double(), truth(conv, x)), (conv, tuple(x.shape))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("way", WAYS)
def test_sums_equal_the_float_convolutions_in_a_campaign(way, monkeypatch):
    use(monkeypatch, way)
    rng = np.random.default_rng(WAYS.index(way))
    done = 0
    while done < 120:
        groups = int(rng.choice([1, 1, 2, 3]))
        channels = groups * int(rng.choice([1, 3, 7, 8, 9, 63, 64, 65, 130]))
        filters = groups * int(rng.choice([1, 2, 5, 33, 64, 65]))
        kernel, stride, padding, dilation = (
            tuple(rng.integers(low, high, 3).tolist())
            for low, high in ((1, 6), (1, 4), (0, 5), (1, 4))
        )
        conv = BinaryConv3d(channels, filters, kernel, stride, padding, dilation, groups)
        size = tuple(rng.integers(1, 8, 3).tolist())
        if min(PackedConv3d.from_binary(conv).shape.out_size(size)) >= 1:
            check(conv, torch.randn(int(rng.integers(1, 3)), channels, *size))
            done += 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("channels", [1, 3, 63, 64, 65, 130])
def test_every_kernel_size_with_and_without_padding(way, channels, monkeypatch):
    use(monkeypatch, way)
    for kernel, padding in product((1, 2, 3, 4, 5), (0, 1, 3)):
        conv = BinaryConv3d(channels, 5, (min(kernel, 3), kernel, kernel), 1, padding)
        check(conv, torch.randn(1, channels, 3, 6, 7))


@pytest.mark.parametrize("way", WAYS)
def test_a_count_longer_than_a_byte(way, monkeypatch):
    use(monkeypatch, way)
    conv = BinaryConv3d(2048, 3, (3, 3, 3), padding=1)
    with torch.no_grad():
        conv.weight.fill_(-1.0)  # all signs differ: the largest count there is, 55,296
    x = torch.ones(1, 2048, 3, 3, 3)
    check(conv, x)
    assert PackedConv3d.from_binary(conv)(x).min() == -27 * 2048


def test_more_terms_than_two_bytes_count_fall_back_to_float():
    conv = BinaryConv3d(2500, 2, 3)
    assert _packed_layers.LARGEST_SUM < 27 * 2500
    with torch.no_grad():
        conv.weight.fill_(-1.0)
    check(conv, torch.ones(1, 2500, 3, 3, 3))


def test_padding_leaves_terms_out():
    conv = BinaryConv3d(64, 1, 3, padding=1)
    with torch.no_grad():
        conv.weight.fill_(1.0)
    sums = PackedConv3d.from_binary(conv)(torch.ones(1, 64, 3, 3, 3))[0, 0] / 64
    inside = torch.tensor([2.0, 3.0, 2.0])  # taps on the clip, along one axis
    assert torch.equal(sums, torch.einsum("i,j,k->ijk", inside, inside, inside))


@pytest.mark.parametrize("way", WAYS)
def test_what_counts_as_positive(way, monkeypatch):
    use(monkeypatch, way)
    conv = BinaryConv3d(8, 1, 1)
    with torch.no_grad():
        conv.weight.fill_(1.0)
    layer = PackedConv3d.from_binary(conv)
    values = torch.tensor([0.0, -0.0, 1e-45, -1e-45, torch.nan, torch.inf, -torch.inf, -1.0])
    assert layer(values.view(1, 8, 1, 1, 1)).item() == 4 - 4
    tiny = torch.full((1, 8, 1, 1, 1), -1e-300, dtype=torch.float64)  # 0 in single precision
    assert layer(tiny).item() == -8
    assert layer(tiny.abs()).item() == 8
    assert layer(torch.full((1, 8, 1, 1, 1), -1.0, dtype=torch.bfloat16)).item() == -8


def test_any_memory_layout_and_an_empty_batch():
    conv = BinaryConv3d(12, 7, 3, padding=1)
    x = torch.randn(2, 12, 4, 5, 6)
    check(conv, x.to(memory_format=torch.channels_last_3d))
    check(conv, x.transpose(3, 4))
    check(conv, x[:, :, ::2, :, 1:])
    assert PackedConv3d.from_binary(conv)(x[:0]).shape == (0, 7, 4, 5, 6)


@pytest.mark.parametrize("way", WAYS)
def test_threads_change_nothing(way, monkeypatch):
    use(monkeypatch, way)
    conv = BinaryConv3d(64, 130, 3, padding=1)
    x = torch.randn(1, 64, 4, 12, 13)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            check(conv, x)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("total", "threads"), [(0, 2), (1, 4), (5, 2), (100, 3), (7, 1)])
def test_work_is_shared_without_gaps_or_overlap(total, threads):
    pieces = []
    kernels.share(lambda start, stop: pieces.append((start, stop)), total, threads)
    assert sorted(n for a, b in pieces for n in range(a, b)) == list(range(total))


def test_an_error_in_a_thread_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        kernels.share(lambda start, stop: 1 // (26 - start), 100, 2)


def test_one_layer_takes_clips_of_several_sizes():
    conv = BinaryConv3d(9, 4, 3, padding=1)
    layer = PackedConv3d.from_binary(conv)
    for size in [(3, 4, 5), (2, 6, 3), (3, 4, 5), *((1, 1, n) for n in range(1, 25))]:
        x = torch.randn(1, 9, *size)
        assert torch.equal(layer(x).double(), truth(conv, x))


def test_other_bits_make_other_sums():
    one, two = (BinaryConv3d(9, 4, 3, padding=1, scale=True) for _ in range(2))
    x = torch.randn(1, 9, 3, 4, 5)
    layer = PackedConv3d.from_binary(one)
    layer(x)
    layer.load_state_dict(PackedConv3d.from_binary(two).state_dict())
    signs = torch.where(x >= 0, 1.0, -1.0)
    torch.testing.assert_close(layer(x), two(signs))
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))


def test_several_threads_may_call_one_layer():
    conv = BinaryConv3d(9, 4, 3, padding=1)
    layer = PackedConv3d.from_binary(conv)
    xs = [torch.randn(1, 9, 2, 3 + n % 20, 4) for n in range(60)]
    with ThreadPoolExecutor(4) as pool:
        for x, sums in zip(xs, pool.map(layer, xs), strict=True):
            assert torch.equal(sums.double(), truth(conv, x))


def test_packing_in_inference_mode():
    conv = BinaryConv3d(9, 4, 3, padding=1)
    x = torch.randn(1, 9, 3, 4, 5)
    with torch.inference_mode():
        layer = pack(conv)
        assert torch.equal(layer(x).double(), truth(conv, x))
    assert torch.equal(layer(x).double(), truth(conv, x))


def blocks(**options):
    yield BitConv(8, 8, **options)
    yield BitConv(3, 66, **options)  # channels repeated, more filters than a vector holds
    yield BitConv(70, 70, (1, 3, 1), **options)
    yield BitConv(128, 256, (1, 1, 3), **options)  # whole vectors of channels, repeated
    yield BitConv(40, 10, (3, 1, 3), **options)  # averaged in groups
    yield BitConv(12, 24, stride=(1, 2, 2), **options)
    yield BitConv(16, 8, (1, 1, 1), (2, 2, 2), **options)


def trained(network: nn.Module) -> nn.Module:
    """Every parameter and statistic somewhere else than where it began."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                tensor.normal_(0, 0.5) if "var" not in name else tensor.uniform_(1, 30)
    return network


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "options", [{}, {"shortcut": False}, {"sign2": False}, {"scale": True}], ids=str
)
def test_blocks_give_what_they_gave(options, way, monkeypatch):
    use(monkeypatch, way)
    for block in blocks(**options):
        trained(block)
        layer = pack(block)
        assert isinstance(layer, PackedBitConv)
        x = torch.randn(2, block.conv.in_channels, 3, 5, 6)
        with torch.no_grad():
            want = block.eval()(x)
            torch.testing.assert_close(layer(x), want, rtol=1e-5, atol=1e-5)
            half = layer(x.double())
        assert half.dtype == torch.float64
        torch.testing.assert_close(half.float(), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 2, 3), (2, 1, 5)])
def test_a_clip_shorter_than_the_stride_of_a_block(size):
    for stride in ((2, 2, 2), (3, 2, 4)):
        block = trained(BitConv(4, 8, stride=stride)).eval()
        x = torch.randn(2, 4, *size)
        with torch.no_grad():
            torch.testing.assert_close(pack(block)(x), block(x), rtol=1e-5, atol=1e-5)


def network() -> nn.Sequential:
    return trained(
        nn.Sequential(
            nn.Conv3d(3, 16, 3, padding=1),
            nn.MaxPool3d((1, 2, 2)),
            nn.Sequential(BitConv(16, 32), BitConv(32, 32)),
            nn.MaxPool3d(2),
            Sign1(32),
            BinaryConv3d(32, 8, (2, 3, 3)),
            nn.Flatten(),
            nn.Linear(32, 5),
        )
    )


def test_a_network_predicts_the_same_and_stays_as_it_was():
    net = network()
    before = copy.deepcopy(net.state_dict())
    fast = pack(net)
    clips = torch.randn(6, 3, 4, 16, 16)
    with torch.no_grad():
        want = copy.deepcopy(net).eval()(clips)
    got = fast(clips)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
    assert torch.equal(got.argmax(1), want.argmax(1))
    assert not got.requires_grad
    assert net.training
    assert all(p.requires_grad for p in net.parameters())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(isinstance(m, (BitConv, BinaryConv3d)) for m in fast.modules())
    fast[0].conv.weight.zero_()
    assert net[0].weight.abs().sum() > 0
    assert not fast.training
    assert "kernel_size=(3, 3, 3)" in repr(fast)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("window", [(1, 1, 1), (1, 2, 2), (2, 3, 2)])
def test_the_stem_is_the_convolution_and_its_pooling(window, bias):
    for sizes in [
        (3, 20, 3, 1, 1, 1),
        (2, 16, (2, 3, 5), (1, 2, 2), (1, 0, 2), (2, 1, 1)),
        (4, 5, (1, 1, 3), (3, 1, 1), (0, 2, 0), 1),
    ]:
        conv, pool = nn.Conv3d(*sizes, bias=bias), nn.MaxPool3d(window)
        x = torch.randn(2, sizes[0], 7, 13, 14)
        x[0, 1, 3, 5, 6] = torch.nan
        got = PackedStem(conv, pool)(x)
        torch.testing.assert_close(got, pool(conv(x)), rtol=1e-5, atol=1e-5, equal_nan=True)
        assert got.isnan().any()


def test_where_a_stem_is_made():
    conv, one = nn.Conv3d(3, 4, 3, padding=1), BitConv(4, 4)
    net = pack(nn.Sequential(conv, nn.MaxPool3d((1, 2, 2)), one))
    assert isinstance(net[0], PackedStem)
    assert isinstance(net[1], nn.Identity)
    for pool in (nn.MaxPool3d(3, 2), nn.MaxPool3d(2, padding=1), nn.MaxPool3d(2, ceil_mode=True)):
        net = nn.Sequential(conv, pool, one)
        fast, x = pack(net), torch.randn(1, 3, 4, 9, 9)
        assert isinstance(fast[1], nn.MaxPool3d)
        torch.testing.assert_close(fast(x), net.eval()(x), rtol=1e-4, atol=1e-4)
    assert type(pack(nn.Sequential(conv, one), stem=False)[0]) is nn.Conv3d
    for other in (
        nn.Conv3d(5, 4, 3),
        nn.Conv3d(4, 4, 3, groups=2),
        nn.Conv3d(3, 4, 1, padding="same"),
    ):
        assert type(pack(nn.Sequential(other, one))[0]) is nn.Conv3d


def test_a_stem_off_its_path_is_the_layers_themselves(monkeypatch):
    layer = PackedStem(nn.Conv3d(3, 4, 3), nn.MaxPool3d(2))
    x = torch.randn(1, 3, 5, 6, 7)
    want = layer.pool(layer.conv(x))
    with pytest.raises(RuntimeError, match="kernel size|Kernel size|too small"):
        layer(x[:, :, :2])
    with pytest.raises(RuntimeError, match="channels"):
        layer(x[:, :2])
    torch.testing.assert_close(layer.double()(x.double()).float(), want)
    use(monkeypatch, "torch")
    assert torch.equal(layer.float()(x), want)


def test_layers_used_twice_stay_one():
    block = BitConv(4, 4)
    fast = pack(nn.Sequential(block, nn.Sequential(block), block))
    assert fast[0] is fast[1][0] is fast[2]
    x = torch.randn(1, 4, 2, 3, 3)
    assert torch.equal(fast(x), fast[0](fast[0](fast[0](x))))


def test_storage_is_a_thirty_second():
    size = storage(pack(nn.Sequential(BitConv(64, 128), BitConv(128, 256))))
    assert size.weights == 27 * (64 * 128 + 128 * 256)
    assert size.bits == size.working_bits == size.weights
    assert size.saving == 32
    odd = PackedConv3d.from_binary(BinaryConv3d(3, 5, 3))
    size = storage(odd)
    assert (size.weights, size.bits) == (5 * 81, 5 * 88)
    assert size.working_bits == 8 * odd.lane_weights().size == 64 * 27 * 8
    assert sum(b.numel() for b in odd.buffers()) == 5 * 11


def test_bits_come_back():
    signs = torch.randn(5, 7, 2, 3, 1).numpy() >= 0
    shape = PackedConv3d.from_binary(BinaryConv3d(7, 5, (2, 3, 1))).shape
    assert (from_bits(to_bits(signs), shape).transpose(0, 4, 1, 2, 3) == signs).all()


def test_base_is_the_sum_where_nothing_differs():
    conv = BinaryConv3d(3, 2, (1, 1, 3), padding=(0, 0, 1))
    with torch.no_grad():
        conv.weight.fill_(1.0)
    layer = PackedConv3d.from_binary(conv)
    plan = make_plan(layer.shape, layer.bits.numpy(), 1, (1, 1, 4))
    left, middle, right = (plan.kinds[2][n] for n in (0, 1, 3))
    base = plan.flat_base[: 2 * len(set(plan.kinds[2]))].reshape(-1, 2)[:, 0]
    assert base[middle] == 9
    # Two taps inside; the three ones of the tap outside will be counted twice over.
    assert base[left] == base[right] == 6 + 2 * 3


def test_layers_in_stage_one_are_named():
    net = network()
    set_binarised(net, False)
    net[2][0].sign1.binarised = True
    with pytest.raises(ValueError, match=r"not binarised: 2\.0\.conv, 2\.1\.sign1, 2\.1\.conv, 4"):
        pack(net)
    with pytest.raises(ValueError, match="not binarised"):
        PackedConv3d.from_binary(net[5])


def test_nothing_to_pack():
    with pytest.raises(ValueError, match="Linear has no binary convolution"):
        pack(nn.Linear(2, 3))
    with pytest.raises(ValueError, match="no packed convolution"):
        storage(nn.Linear(2, 3))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(1, 3, 4, 4, 4), r"\(1, 3, 4, 4, 4\); allowed: \(B, 4, T, H, W\)"),
        (torch.zeros(4, 4, 4, 4), "allowed: "),
        (torch.zeros(1, 4, 4, 4, 4, dtype=torch.int64), "int64; allowed: floating"),
        (torch.zeros(1, 4, 1, 4, 4), "smaller than the kernel"),
    ],
)
def test_wrong_input(x, message):
    for layer in (PackedConv3d.from_binary(BinaryConv3d(4, 4, 3)), pack(BitConv(4, 4, (3, 7, 7)))):
        if "smaller" in message and isinstance(layer, PackedBitConv):
            continue  # a block pads itself
        with pytest.raises(ValueError, match=message):
            layer(x)


def test_padding_by_a_word():
    conv = BinaryConv3d(4, 4, 3, padding=1)
    conv.padding = "same"
    with pytest.raises(ValueError, match="padding is 'same'; packed layers take numbers"):
        PackedConv3d.from_binary(conv)


def test_training_is_refused():
    fast = pack(network())
    with pytest.raises(RuntimeError, match="cannot be trained"):
        fast.train()
    assert not any(m.training for m in fast.modules())
    with pytest.raises(RuntimeError, match="asks for a gradient"):
        fast(torch.randn(1, 3, 4, 16, 16, requires_grad=True))
    with torch.no_grad():
        fast(torch.randn(1, 3, 4, 16, 16, requires_grad=True))


def test_refused_training_changes_nothing():
    """A batch norm before the first packed layer must not begin to learn."""
    net = trained(nn.Sequential(nn.Conv3d(3, 8, 1), nn.BatchNorm3d(8), BitConv(8, 8)))
    fast, x = pack(net), 3 * torch.randn(2, 3, 4, 5, 6) + 1
    want = fast(x)
    for each in (fast, copy.deepcopy(fast)):
        with pytest.raises(RuntimeError, match="cannot be trained"):
            each.train()
        assert torch.equal(each(x), want)
        assert each.eval() is each
    assert torch.equal(pickle.loads(pickle.dumps(fast))(x), want)


def test_without_numba_there_is_a_reason_and_a_result(monkeypatch):
    assert packed.available() is None
    import vidlab.nn

    monkeypatch.delattr(vidlab.nn, "_packed_cpu")
    monkeypatch.setitem(sys.modules, "vidlab.nn._packed_cpu", None)
    assert "pip install 'vidlab[fast]'" in packed.available()
    check(BinaryConv3d(5, 6, 3, padding=1), torch.randn(1, 5, 3, 4, 5))


def test_triton_kernels(monkeypatch):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    pytest.importorskip("triton")
    from vidlab.nn import _packed_triton

    for sizes in [
        (64, 64, 3, 1, 1, 1, 1),
        (3, 5, (1, 2, 3), 2, (0, 3, 1), 1, 1),
        (66, 130, (2, 1, 3), 1, 2, 2, 2),
    ]:
        conv = BinaryConv3d(*sizes)
        layer = PackedConv3d.from_binary(conv)
        x, threshold = torch.randn(2, sizes[0], 3, 4, 5), torch.randn(sizes[0])
        words = torch.from_numpy(_packed_triton.words_of(layer.bits.numpy(), layer.shape))
        sums = _packed_triton.sums(
            layer.shape, words.to(device), x.to(device), threshold.to(device)
        )
        assert torch.equal(sums.cpu().double(), truth(conv, x + threshold.view(-1, 1, 1, 1)))


@pytest.mark.gpu
def test_on_a_gpu():
    net = network()
    fast = pack(net).cuda()
    clips = torch.randn(6, 3, 4, 16, 16)
    want = copy.deepcopy(net).eval()(clips)
    assert torch.equal(fast(clips.cuda()).cpu().argmax(1), want.argmax(1))
