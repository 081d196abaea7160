"""The 2-D backbone."""

from dataclasses import replace

import pytest
import torch

from vidlab.nn.resnet2d import RESNET18, BasicBlock, ResNet2D, ResNet2DConfig


def test_resnet18_has_its_known_size():
    """11,689,512 parameters with a classifier of 1,000 classes, which are 513,000 of them."""
    assert sum(p.numel() for p in ResNet2D().parameters()) == 11_689_512 - 513_000


def test_a_block_is_its_equation():
    torch.manual_seed(0)
    block = BasicBlock(4, 4, 1).eval()
    x = torch.randn(2, 4, 6, 6)
    torch.testing.assert_close(block(x), torch.relu(block.chain(x) + x))
    wide = BasicBlock(4, 8, 2).eval()
    assert wide(x).shape == (2, 8, 3, 3)
    torch.testing.assert_close(wide(x), torch.relu(wide.chain(x) + wide.skip(x)))


@pytest.mark.parametrize(("pool", "size"), [(True, 1), (False, 2)])
def test_sizes(pool, size):
    """224 pixels give 7 places with the stem's pooling, 32 give 1 (2 without)."""
    config = ResNet2DConfig((4, 6, 8, 10), stem_pool=pool)
    model = ResNet2D(config).eval()
    assert model.layers(torch.randn(1, 3, 32, 32)).shape == (1, 10, size, size)
    assert model(torch.randn(3, 3, 32, 40)).shape == (3, model.dim) == (3, 10)
    assert RESNET18.stem_pool


@pytest.mark.parametrize(
    "wrong", [{"widths": (4, 4)}, {"widths": (0, 1, 1, 1)}, {"blocks": (1, 1, 0, 1)},
              {"stem_kernel": 4}, {"grid": 0}]
)  # fmt: skip
def test_errors(wrong):
    with pytest.raises(ValueError, match=r"needed|allowed"):
        ResNet2DConfig(**wrong)


def test_a_grid_keeps_where():
    torch.manual_seed(0)
    config = ResNet2DConfig((2, 3), (1, 1), 3, stem_pool=False)
    mean, places = ResNet2D(config).eval(), ResNet2D(replace(config, grid=2)).eval()
    places.load_state_dict(mean.state_dict())
    x = torch.randn(5, 3, 16, 16)
    assert places(x).shape == (5, places.dim) == (5, 12)
    torch.testing.assert_close(places(x).unflatten(1, (3, 4)).mean(2), mean(x))


def test_frames_of_the_wrong_shape():
    with pytest.raises(ValueError, match=r"\(2, 1, 32, 32\); expected \(B, 3, H, W\)"):
        ResNet2D(ResNet2DConfig((2, 2, 2, 2)))(torch.zeros(2, 1, 32, 32))
