"""Attention that shows its weights: equal to PyTorch's, blind to order, deaf to padding."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidlab.nn.attention import (
    Block,
    Encoder,
    MultiHeadAttention,
    VideoTransformer,
    VideoTransformerConfig,
    attend,
)

CONFIG = VideoTransformerConfig(
    size=(4, 8, 6), tubelet=(2, 4, 3), dim=24, layers=2, heads=3, hidden=40
)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def copy_attention(ours: MultiHeadAttention, theirs: nn.MultiheadAttention):
    """Give PyTorch's attention our weights: it stacks Q, K, V in one matrix."""
    parts = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in parts]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in parts]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())


def random_mask(batch, size):
    mask = torch.rand(batch, size) < 0.6
    mask[:, 0] = True
    return mask


def test_attend_by_hand():
    """Scores 0 and √d·log 3 / √d: weights 1/4 and 3/4."""
    q = torch.tensor([[1.0, 0.0]])
    k = torch.tensor([[0.0, 5.0], [math.sqrt(2) * math.log(3), 7.0]])
    v = torch.tensor([[4.0], [8.0]])
    mixed, weights = attend(q, k, v)
    torch.testing.assert_close(weights, torch.tensor([[0.25, 0.75]]))
    torch.testing.assert_close(mixed, torch.tensor([[7.0]]))
    mixed, weights = attend(q, k, v, torch.tensor([[True, False]]))
    assert weights.tolist() == [[1.0, 0.0]]
    assert mixed.item() == 4.0


def test_attend_is_pytorchs():
    q, k, v = torch.randn(2, 3, 5, 8), torch.randn(2, 3, 7, 8), torch.randn(2, 3, 7, 4)
    mask = random_mask(2, 7)[:, None, None]
    for each in (None, mask):
        mixed, weights = attend(q, k, v, each)
        torch.testing.assert_close(mixed, F.scaled_dot_product_attention(q, k, v, each))
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5))


@pytest.mark.parametrize("cross", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_multi_head_attention_is_pytorchs(cross, masked):
    ours = MultiHeadAttention(12, 3)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    copy_attention(ours, theirs)
    x = torch.randn(2, 5, 12)
    keys = torch.randn(2, 7, 12) if cross else x
    mask = random_mask(2, keys.shape[1]) if masked else None
    want, want_weights = theirs(
        x, keys, keys, key_padding_mask=None if mask is None else ~mask, average_attn_weights=False
    )
    got, weights = ours(x, keys if cross else None, mask)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(weights, want_weights)
    fused, nothing = ours(x, keys if cross else None, mask, weights=False)
    torch.testing.assert_close(fused, want)
    assert nothing is None


def test_encoder_is_pytorchs():
    ours = Encoder(2, 12, 3, 20)
    for layer in ours.parameters():
        nn.init.normal_(layer, std=0.3)  # norms too, else a forgotten one would go unseen
    make = nn.TransformerEncoderLayer(
        12, 3, 20, 0.0, F.gelu, batch_first=True, norm_first=True, layer_norm_eps=1e-5
    )
    theirs = nn.TransformerEncoder(make, 2, nn.LayerNorm(12), enable_nested_tensor=False)
    for block, layer in zip(ours.blocks, theirs.layers, strict=True):
        copy_attention(block.attention, layer.self_attn)
        layer.norm1.load_state_dict(block.norm1.state_dict())
        layer.norm2.load_state_dict(block.norm2.state_dict())
        layer.linear1.load_state_dict(block.mlp[0].state_dict())
        layer.linear2.load_state_dict(block.mlp[-1].state_dict())
    theirs.norm.load_state_dict(ours.norm.state_dict())
    x, mask = torch.randn(3, 6, 12), random_mask(3, 6)
    for each in (None, mask):
        want = theirs(x, src_key_padding_mask=None if each is None else ~each)
        real = torch.ones(3, 6, dtype=torch.bool) if each is None else each
        torch.testing.assert_close(ours(x, each)[0][real], want[real], rtol=1e-4, atol=1e-5)


def test_weights_are_those_of_each_layer():
    encoder = Encoder(2, 12, 3, 20)
    x = torch.randn(2, 5, 12)
    tokens, weights = encoder(x)
    assert weights.shape == (2, 2, 3, 5, 5)
    first = encoder.blocks[0]
    torch.testing.assert_close(weights[:, 0], first.attention(first.norm1(x))[1])
    after, _ = first(x)
    second = encoder.blocks[1]
    torch.testing.assert_close(weights[:, 1], second.attention(second.norm1(after))[1])
    same, nothing = encoder(x, weights=False)
    torch.testing.assert_close(same, tokens)
    assert nothing is None


def test_without_positions_order_means_nothing():
    """Permuted tokens give permuted outputs, and the weights move along on both axes."""
    encoder = Encoder(2, 12, 3, 20)
    x, order = torch.randn(2, 7, 12), torch.randperm(7)
    tokens, weights = encoder(x)
    moved, moved_weights = encoder(x[:, order])
    torch.testing.assert_close(moved, tokens[:, order])
    torch.testing.assert_close(moved_weights, weights[..., order, :][..., order])


def test_padding_has_no_weight_and_no_influence():
    encoder = Encoder(2, 12, 3, 20)
    x, mask = torch.randn(2, 7, 12), random_mask(2, 7)
    tokens, weights = encoder(x, mask)
    hidden = ~mask[:, None, None, None].expand_as(weights)
    assert weights[hidden].eq(0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    other = torch.where(mask[..., None], x, 100 * torch.randn_like(x))
    torch.testing.assert_close(encoder(other, mask)[0][mask], tokens[mask])


def test_dropout_only_while_training():
    block = Block(12, 3, 20, dropout=0.5)
    x = torch.randn(1, 4, 12)
    assert not torch.equal(block(x)[0], block(x)[0])
    block.eval()
    assert torch.equal(block(x)[0], block(x)[0])


def test_tubelets_are_numbered_by_frame_row_column():
    """Changing the pixels of tubelet (t, y, x) changes token 1 + (t·h + y)·w + x and no other."""
    model = VideoTransformer(3, CONFIG)
    assert CONFIG.grid == (2, 2, 2)
    clips = torch.randn(1, 3, 4, 8, 6)
    before = model.tokens(clips)
    assert before.shape == (1, 9, 24)
    for t, y, x in [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]:
        other = clips.clone()
        other[:, :, 2 * t : 2 * t + 2, 4 * y : 4 * y + 4, 3 * x : 3 * x + 3] += 1
        changed = (model.tokens(other) != before).any(-1)[0].nonzero().flatten()
        assert changed.tolist() == [1 + (t * 2 + y) * 2 + x]


def test_a_token_is_a_linear_map_of_its_pixels_plus_its_place():
    model = VideoTransformer(3, CONFIG)
    clips = torch.randn(2, 3, 4, 8, 6)
    pixels = clips[:, :, 2:4, 0:4, 3:6].flatten(1)
    want = pixels @ model.embed.weight.flatten(1).T + model.embed.bias + model.positions[0, 6]
    torch.testing.assert_close(model.tokens(clips)[:, 6], want)
    torch.testing.assert_close(model.tokens(clips)[0, 0], model.cls[0, 0] + model.positions[0, 0])


def test_positions_begin_as_sinusoids():
    """A place is most like its neighbours; the class token has none."""
    places = VideoTransformer(2, replace(CONFIG, size=(8, 4, 3), tubelet=(1, 4, 3))).positions[0]
    assert places[0].eq(0).all()
    along = F.cosine_similarity(places[1:2], places[1:]).tolist()
    assert along[0] == pytest.approx(1)
    assert 0.99 > along[1] > max(along[2:])


@pytest.mark.parametrize("positions", [True, False])
def test_a_bag_of_tubelets_does_not_know_the_order_of_time(positions):
    config = replace(CONFIG, tubelet=(1, 4, 3), positions=positions)
    model = VideoTransformer(3, config).double().eval()
    clips = torch.randn(2, 3, 4, 8, 6, dtype=torch.float64)
    shuffled = clips[:, :, [2, 0, 3, 1]]
    blind = torch.allclose(model(clips), model(shuffled), rtol=0, atol=1e-12)
    assert blind is not positions


def test_forward_and_look_agree():
    model = VideoTransformer(3, CONFIG).eval()
    clips, frames = torch.randn(2, 3, 4, 8, 6), torch.tensor([4, 2])
    logits, weights = model.look(clips, frames)
    assert weights.shape == (2, 2, 3, 9, 9)
    torch.testing.assert_close(model(clips, frames), logits)
    assert not torch.allclose(model(clips)[1], logits[1])


@pytest.mark.parametrize("real", [2, 3])
def test_padded_frames_change_nothing(real):
    """Of three real frames, tubelets of two use the first two."""
    model = VideoTransformer(3, CONFIG).eval()
    clips, frames = torch.randn(2, 3, 4, 8, 6), torch.tensor([4, real])
    logits, weights = model.look(clips, frames)
    assert weights[1, ..., 5:].eq(0).all()
    assert weights[0, ..., 5:].gt(0).all()
    assert weights[1, ..., :5].gt(0).all()
    other = clips.clone()
    other[1, :, 2:] = torch.randn(3, 2, 8, 6)
    torch.testing.assert_close(model(other, frames), logits)


def test_gradients_reach_every_parameter():
    model = VideoTransformer(3, CONFIG)
    F.cross_entropy(model(torch.randn(4, 3, 4, 8, 6)), torch.tensor([0, 1, 2, 0])).backward()
    still = {
        name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0
    }
    assert not still


def test_errors_say_what_is_allowed():
    with pytest.raises(ValueError, match="dim is 10, heads 3; allowed"):
        MultiHeadAttention(10, 3)
    with pytest.raises(ValueError, match="layers is 0"):
        Encoder(0, 12, 3, 20)
    with pytest.raises(ValueError, match="tubelets of 3 rows for clips of 8"):
        replace(CONFIG, tubelet=(2, 3, 3))
    with pytest.raises(ValueError, match="classes is 1"):
        VideoTransformer(1, CONFIG)
    attention, x = MultiHeadAttention(12, 3), torch.randn(2, 5, 12)
    with pytest.raises(ValueError, match=r"mask is torch.float32 \(2, 5\); expected bool"):
        attention(x, mask=torch.ones(2, 5))
    with pytest.raises(ValueError, match="sample 1 has no real token"):
        attention(x, mask=torch.tensor([[True] * 5, [False] * 5]))
    model = VideoTransformer(3, CONFIG)
    with pytest.raises(ValueError, match="this network was made for"):
        model(torch.randn(2, 3, 4, 8, 9))
    with pytest.raises(ValueError, match="clip 1 of the batch holds NaN"):
        model(torch.stack([torch.zeros(3, 4, 8, 6), torch.full((3, 4, 8, 6), math.nan)]))
    for frames in ([4, 1], [4, 5]):
        with pytest.raises(ValueError, match="clip 1 has . real frames; allowed: 2 .. 4"):
            model(torch.randn(2, 3, 4, 8, 6), torch.tensor(frames))
