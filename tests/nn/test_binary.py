import pytest
import torch
import torch.nn.functional as F

from vidlab.nn import binary
from vidlab.nn.binary import BinaryConv3d, BitConv, Shortcut, Sign1, Sign2, sign


def clips(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class TestSign:
    def test_is_plus_one_at_zero_and_exactly_one_everywhere(self):
        x = torch.tensor([-2.0, -1e-30, -0.0, 0.0, 1e-30, 0.3, 5.0])
        for estimator in binary.SLOPES:
            assert sign(x, estimator).tolist() == [-1, -1, 1, 1, 1, 1, 1]

    @pytest.mark.parametrize(
        ("estimator", "expected"),
        [
            ("clip", [0, 1, 1, 1, 1, 1, 0]),
            ("approx", [0, 0, 1, 2, 1, 0, 0]),  # 2 + 2x below 0, 2 - 2x from 0 on
        ],
    )
    def test_gradient_is_the_estimators_formula(self, estimator, expected):
        x = torch.tensor([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5], requires_grad=True)
        (sign(x, estimator) * 3).sum().backward()
        assert x.grad.tolist() == [3.0 * e for e in expected]

    def test_tanh_gradient_is_the_slope_of_a_scaled_tanh(self):
        x = torch.linspace(-3, 3, 61, dtype=torch.float64, requires_grad=True)
        sign(x, "tanh").sum().backward()
        (slope,) = torch.autograd.grad(torch.tanh(binary.TANH_SCALE * x).sum(), x)
        torch.testing.assert_close(x.grad, slope)

    def test_approx_is_the_slope_of_a_smooth_step_from_minus_one_to_one(self):
        """Bi-Real Net's F(x) = 2x + x² below 0, 2x - x² above; its ends are -1 and 1."""
        x = torch.linspace(-1, 1, 201, dtype=torch.float64, requires_grad=True)
        smooth = torch.where(x < 0, 2 * x + x**2, 2 * x - x**2)
        (slope,) = torch.autograd.grad(smooth.sum(), x)
        torch.testing.assert_close(binary.approx_slope(x.detach()), slope)
        assert smooth[0].item() == -1
        assert smooth[-1].item() == 1

    @pytest.mark.parametrize("estimator", ["clip", "approx"])
    def test_nothing_flows_beyond_the_clip(self, estimator):
        x = (clips(1000) * 4).requires_grad_()
        sign(x, estimator).sum().backward()
        assert (x.grad[x.abs() > 1] == 0).all()
        assert (x.grad[x.abs() < 0.99] > 0).all()

    def test_an_unknown_estimator_is_named(self):
        with pytest.raises(ValueError, match="'ste'; allowed: clip, approx, tanh"):
            sign(torch.zeros(1), "ste")
        with pytest.raises(ValueError, match="estimator"):
            Sign1(3, "ste")
        with pytest.raises(ValueError, match="estimator"):
            BinaryConv3d(1, 1, 1, estimator="ste")


class TestQuantisation:
    def test_mean_magnitude_is_the_best_scale(self):
        weight = clips(4, 3, 3, 3, 3)
        alpha = binary.best_scale(weight)
        assert alpha.shape == (4,)

        def error(scale):
            signs = sign(weight) * scale.view(-1, 1, 1, 1, 1)
            return (weight - signs).square().flatten(1).sum(1)

        for nudge in (0.9, 0.99, 1.01, 1.1):
            assert (error(alpha) < error(alpha * nudge)).all()

    def test_error_has_a_closed_form(self):
        weight = clips(5, 4, 3, 3, 3).double()
        closed = 1 - weight.abs().mean() ** 2 / weight.square().mean()
        assert binary.quantisation_error(weight) == pytest.approx(closed.item(), rel=1e-12)

    def test_error_of_signs_is_zero_and_of_a_gaussian_is_known(self):
        assert binary.quantisation_error(sign(clips(1000)) * 0.3) == pytest.approx(0, abs=1e-12)
        # mean|w|² / mean(w²) of a normal distribution is 2/π.
        expected = 1 - 2 / torch.pi
        assert binary.quantisation_error(clips(400_000)) == pytest.approx(expected, abs=3e-3)

    def test_scale_and_threshold_are_those_asked_for(self):
        w = torch.tensor([-1.0, -0.2, 0.4, 2.0])
        signs = torch.tensor([-1.0, 1.0, 1.0, 1.0])  # of w + 0.3
        expected = (w - 0.7 * signs).square().sum() / w.square().sum()
        got = binary.quantisation_error(w, scale=0.7, bias=0.3)
        assert got == pytest.approx(expected.item(), rel=1e-6)
        best = (w * signs).mean().item()
        assert binary.quantisation_error(w, bias=0.3) == pytest.approx(
            binary.quantisation_error(w, scale=best, bias=0.3)
        )


class TestLayers:
    def test_the_bias_of_sign1_moves_the_threshold(self):
        layer = Sign1(2)
        layer.bias.data = torch.tensor([0.5, -1.0])
        x = clips(3, 2, 4, 5, 5)
        expected = torch.where(x + torch.tensor([0.5, -1.0]).view(1, 2, 1, 1, 1) >= 0, 1.0, -1.0)
        assert torch.equal(layer(x), expected)

    def test_stage_one_clips_instead(self):
        layer = Sign1(1)
        layer.binarised = False
        layer.bias.data.fill_(0.25)
        x = torch.tensor([-3.0, -0.5, 0.5, 3.0]).view(1, 1, 1, 1, 4)
        assert layer(x).flatten().tolist() == [-1, -0.25, 0.75, 1]

    def test_sign2_is_bias_prelu_bias(self):
        layer = Sign2(2)
        layer.before.data = torch.tensor([0.5, -0.5])
        layer.prelu.weight.data = torch.tensor([0.1, 0.2])
        layer.after.data = torch.tensor([1.0, 2.0])
        x = torch.tensor([[-2.0, 1.0], [-1.0, 3.0]]).view(1, 2, 1, 1, 2)
        expected = [-1.5 * 0.1 + 1, 1.5 + 1, -1.5 * 0.2 + 2, 2.5 + 2]
        torch.testing.assert_close(layer(x).flatten(), torch.tensor(expected))

    def test_sums_of_signs_are_n_minus_twice_the_differing_bits(self):
        """a·w = n - 2 popcount(a XOR w), the identity behind XNOR convolution."""
        layer = BinaryConv3d(7, 5, 3)
        a = sign(clips(2, 7, 3, 3, 3))
        n = 7 * 27
        differing = (a[:, None] != sign(layer.weight)[None]).flatten(2).sum(2)
        assert torch.equal(layer(a).flatten(1), (n - 2 * differing).float())

    def test_zero_padding_shortens_the_sums_at_the_border(self):
        layer = BinaryConv3d(1, 1, 3, padding=1)
        layer.weight.data.fill_(0.1)
        sums = layer(torch.ones(1, 1, 3, 3, 3))[0, 0]
        assert sums[1, 1, 1] == 27
        assert sums[0, 0, 0] == 8

    def test_scale_multiplies_each_filter_by_its_mean_magnitude(self):
        plain = BinaryConv3d(3, 4, 1)
        scaled = BinaryConv3d(3, 4, 1, scale=True)
        scaled.load_state_dict(plain.state_dict())
        x = sign(clips(2, 3, 2, 2, 2))
        factor = plain.weight.abs().flatten(1).mean(1).view(1, 4, 1, 1, 1)
        torch.testing.assert_close(scaled(x), plain(x) * factor)
        binary.set_binarised(scaled, False)  # in stage one the weights have their own size
        torch.testing.assert_close(scaled(x), F.conv3d(x, plain.weight))

    def test_weights_get_the_straight_through_gradient(self):
        layer = BinaryConv3d(1, 1, 1)
        layer.weight.data.fill_(0.4)
        layer(torch.full((1, 1, 1, 1, 1), 3.0)).sum().backward()
        assert layer.weight.grad.item() == 3
        layer.weight.grad = None
        layer.weight.data.fill_(1.4)
        layer(torch.full((1, 1, 1, 1, 1), 3.0)).sum().backward()
        assert layer.weight.grad.item() == 0


class TestShortcut:
    def test_is_the_identity_where_shapes_allow_it(self):
        x = clips(2, 4, 3, 5, 5)
        assert torch.equal(Shortcut(4, 4)(x), x)

    def test_repeats_and_averages_channels(self):
        x = clips(2, 4, 3, 5, 5)
        wide = Shortcut(4, 12)(x)
        assert all(torch.equal(wide[:, k : k + 4], x) for k in (0, 4, 8))
        torch.testing.assert_close(Shortcut(4, 2)(x)[:, 1], x[:, 2:].mean(1))

    @pytest.mark.parametrize("size", [(4, 6, 6), (5, 7, 9), (1, 2, 3)])
    def test_strides_give_the_size_of_the_convolution(self, size):
        stride = (2, 2, 2)
        x = clips(1, 2, *size)
        conv = BinaryConv3d(2, 2, 3, stride, 1)
        assert Shortcut(2, 2, stride)(x).shape == conv(x).shape

    def test_a_partial_window_is_averaged_over_what_is_there(self):
        x = torch.tensor([1.0, 3.0, 8.0]).view(1, 1, 1, 1, 3)
        assert Shortcut(1, 1, (1, 1, 2))(x).flatten().tolist() == [2, 8]

    def test_channels_that_do_not_fit_are_refused(self):
        with pytest.raises(ValueError, match="from 4 to 6 channels"):
            Shortcut(4, 6)


class TestBitConv:
    def test_is_the_papers_equation(self):
        block = BitConv(4, 8, stride=(1, 2, 2)).eval()
        with torch.no_grad():
            for parameter in block.parameters():
                parameter.copy_(clips(*parameter.shape, seed=parameter.numel()))
            block.norm.running_mean.copy_(clips(8))
            block.norm.running_var.copy_(clips(8).square() + 0.5)
        x = clips(2, 4, 3, 6, 6, seed=9)
        view = (1, -1, 1, 1, 1)
        a = torch.where(x + block.sign1.bias.view(view) >= 0, 1.0, -1.0)
        w = torch.where(block.conv.weight >= 0, 1.0, -1.0)
        u = F.conv3d(a, w, stride=(1, 2, 2), padding=1)
        n = block.norm
        u = (u - n.running_mean.view(view)) / (n.running_var.view(view) + n.eps).sqrt()
        u = u * n.weight.view(view) + n.bias.view(view)
        skip = F.avg_pool3d(x, (1, 2, 2))
        u = u + torch.cat((skip, skip), 1) + block.sign2.before.view(view)
        u = torch.where(u >= 0, u, u * block.sign2.prelu.weight.view(view))
        torch.testing.assert_close(block(x), u + block.sign2.after.view(view))

    def test_ablations_leave_their_part_out(self):
        x = clips(2, 4, 3, 6, 6)
        bare = BitConv(4, 4, shortcut=False, sign2=False).eval()
        assert torch.equal(bare(x), bare.norm(bare.conv(bare.sign1(x))))
        names = {name for name, _ in bare.named_parameters()}
        assert names == {"sign1.bias", "conv.weight", "norm.weight", "norm.bias"}

    def test_both_stages_have_the_same_parameters_and_differ_in_output(self):
        block, x = BitConv(4, 4).eval(), clips(2, 4, 3, 6, 6)
        binary.set_binarised(block, False)
        first = block(x)
        real = F.conv3d(x.clamp(-1, 1), block.conv.weight, padding=1)
        torch.testing.assert_close(block.conv(block.sign1(x)), real)
        binary.set_binarised(block, True)
        assert not torch.allclose(block(x), first)

    def test_every_parameter_learns_in_both_stages(self):
        for binarised in (False, True):
            block = BitConv(4, 8)
            binary.set_binarised(block, binarised)
            block(clips(2, 4, 3, 6, 6)).square().sum().backward()
            for name, parameter in block.named_parameters():
                assert parameter.grad.abs().sum() > 0, name

    def test_even_kernels_are_refused(self):
        with pytest.raises(ValueError, match="allowed: odd"):
            BitConv(2, 2, kernel=(3, 2, 3))
