"""The mathematics of the VAE, against theory: likelihood, KL, learned prior and the bound they make."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from examples import fill, noise_pictures, tiny_vae
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from explorer.imaging import from_pixels
from explorer.nets.prior import CouplingPrior
from explorer.nets.vae import VAE, VAEShape, discretised_logistic, kl_to_standard_normal

VALUES = torch.linspace(-1, 1, 256, dtype=torch.float64)
CENTRES = [-3.0, -1.0, -0.3, 0.0, 0.501, 0.99, 1.0, 40.0]
LOG_SCALES = [-7.0, -4.0, -2.0, 0.0, 2.0]


# --- the likelihood ---


@pytest.mark.parametrize("centre", CENTRES)
@pytest.mark.parametrize("log_scale", LOG_SCALES)
def test_the_probabilities_of_all_values_sum_to_one(centre: float, log_scale: float) -> None:
    assert float(logistic(centre, log_scale).exp().sum()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("centre", "log_scale"), [(0.0, -2.0), (0.7, -3.0), (-1.0, -1.0), (1.4, 0.5)])
def test_the_probability_of_a_value_is_the_integral_over_its_bin(centre: float, log_scale: float) -> None:
    scale = math.exp(log_scale)
    grid = np.linspace(-1 / 255, 1 / 255, 401)
    for index in (1, 40, 128, 200, 254):  # those in the middle; the outermost reach to infinity
        x = (float(VALUES[index]) + grid - centre) / scale
        density = np.exp(-np.abs(x)) / (scale * (1 + np.exp(-np.abs(x))) ** 2)
        integral = float(np.trapezoid(density, grid))
        assert float(logistic(centre, log_scale)[index].exp()) == pytest.approx(integral, rel=1e-5)


@pytest.mark.parametrize(("centre", "log_scale"), [(0.0, -2.0), (0.7, -3.0), (-1.0, -1.0)])
def test_the_outermost_values_take_what_lies_beyond_them(centre: float, log_scale: float) -> None:
    def below(x: float) -> float:
        return 1 / (1 + math.exp(-(x - centre) / math.exp(log_scale)))

    probabilities = logistic(centre, log_scale).exp()
    assert float(probabilities[0]) == pytest.approx(below(-1 + 1 / 255), rel=1e-9)
    assert float(probabilities[255]) == pytest.approx(1 - below(1 - 1 / 255), rel=1e-9)


def test_the_likelihood_is_finite_and_has_gradients_far_from_the_picture() -> None:
    centre = torch.tensor([-1000.0, 0.0, 1000.0], requires_grad=True)
    values = discretised_logistic(torch.tensor([0.5]), centre, torch.tensor([-7.0]))
    values.sum().backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
    assert torch.isfinite(values).all()
    assert centre.grad is not None
    assert torch.isfinite(centre.grad).all()


def test_every_8_bit_value_of_a_picture_falls_into_its_own_bin() -> None:
    pixels = torch.from_numpy(from_pixels(np.arange(256, dtype=np.uint8).reshape(16, 16, 1))).double().flatten()
    for centre in (-0.9, 0.1):
        torch.testing.assert_close(
            discretised_logistic(pixels, *constants(centre, -1.0)), logistic(centre, -1.0), atol=1e-4, rtol=0
        )


# --- the divergence ---


def test_the_divergence_is_that_of_the_textbook() -> None:
    mean = torch.linspace(-3, 3, 20, dtype=torch.float64)
    log_variance = torch.linspace(-5, 3, 20, dtype=torch.float64)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), expected)


def test_the_prior_itself_has_no_divergence() -> None:
    assert float(kl_to_standard_normal(torch.zeros(1), torch.zeros(1))) == 0.0


# --- the learned prior ---


@pytest.mark.parametrize("dimensions", [2, 5, 8])
@torch.no_grad()
def test_codes_lead_to_points_and_back(dimensions: int) -> None:
    prior = flow(dimensions)
    codes = torch.randn(50, dimensions, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    points, _ = prior.points(codes)
    assert float((points - codes).abs().max()) > 0.1
    torch.testing.assert_close(prior.codes(points), codes, atol=1e-5, rtol=0)
    torch.testing.assert_close(prior.points(prior.codes(codes))[0], codes, atol=1e-5, rtol=0)


def test_the_determinant_of_the_learned_prior_is_that_of_its_jacobian() -> None:
    prior = flow(5)
    for code in torch.randn(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)):
        jacobian = torch.autograd.functional.jacobian(lambda z: prior.points(z[None])[0][0], code)  # type: ignore[no-untyped-call]  # torch does not annotate it
        expected = torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(prior.points(code[None])[1][0], expected, atol=1e-9, rtol=1e-9)


@torch.no_grad()
def test_the_learned_density_integrates_to_one() -> None:
    prior = flow(2)
    edge = torch.linspace(-12, 12, 801, dtype=torch.float64)
    grid = torch.cartesian_prod(edge, edge)
    mass = float(prior.log_density(grid).exp().sum()) * float(edge[1] - edge[0]) ** 2
    assert mass == pytest.approx(1.0, abs=1e-4)


def test_a_fresh_learned_prior_is_the_standard_normal() -> None:
    prior = CouplingPrior(5, 3, 16).double()
    codes = torch.randn(10, 5, dtype=torch.float64)
    points, log_determinant = prior.points(codes)
    assert torch.equal(points, codes)
    assert not log_determinant.any()
    torch.testing.assert_close(prior.log_density(codes), log_normal(codes, 0.0, 1.0).sum(1))


def test_a_learned_prior_can_be_fitted_to_codes_that_are_not_normal() -> None:
    generator = torch.Generator().manual_seed(0)
    side = torch.randn(256, 2, generator=generator)
    codes = torch.stack([side[:, 0], side[:, 0] ** 2 + 0.3 * side[:, 1]], 1)  # a banana
    prior = CouplingPrior(2, 4, 16)
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    losses = []
    for _ in range(100):
        loss = -prior.log_density(codes).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        optimizer.step()
        losses.append(float(loss.detach()))
    gaussian = 0.5 * float(torch.logdet(2 * math.pi * math.e * torch.cov(codes.T)))  # the best a normal density can do
    assert losses[-1] < gaussian - 0.1


# --- the bound ---


@pytest.mark.parametrize("couplings", [0, 2])
@torch.no_grad()
def test_the_elbo_lies_below_a_bound_of_many_samples(couplings: int) -> None:
    net = tiny_vae(couplings=couplings).double()
    images = pictures(4)
    elbos, weights = [], []
    for seed in range(100):
        noise = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        likelihood, kl = net.elbo_terms(images, noise)
        elbos.append(likelihood - kl)
        weights.append(log_weight(net, images, noise))
    elbo = torch.stack(elbos).mean(0)
    log_weights = torch.stack(weights)
    few = log_weights.view(20, 5, -1).logsumexp(1).mean(0) - math.log(5)
    many = log_weights.logsumexp(0) - math.log(100)  # Burda, Grosse and Salakhutdinov 2016, theorem 1
    error = torch.stack(elbos).std(0) / math.sqrt(100)
    assert bool((elbo <= few + 5 * error).all())
    assert bool((few <= many).all())  # for these very samples, by Jensen's inequality
    assert bool((elbo < many).all())


@pytest.mark.parametrize("couplings", [0, 2])
@torch.no_grad()
def test_the_terms_of_the_elbo_agree_on_average_with_their_definition(couplings: int) -> None:
    net = tiny_vae(couplings=couplings).double()
    images = pictures(1).expand(500, -1, -1, -1)
    noise = torch.randn(500, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    likelihood, kl = net.elbo_terms(images, noise)
    gap = likelihood - kl - log_weight(net, images, noise)
    assert abs(float(gap.mean())) <= 5 * float(gap.std()) / math.sqrt(500) + 1e-9


@torch.no_grad()
def test_the_sampled_divergence_to_a_learned_prior_converges_to_the_exact_one() -> None:
    plain, learned = tiny_vae().double(), VAE(VAEShape(16, 1, 5, (8, 8), 2, prior_width=16)).double()
    learned.load_state_dict(plain.state_dict(), strict=False)  # its prior is fresh, which is N(0, 1)
    images = pictures(1).expand(1000, -1, -1, -1)
    noise = torch.randn(1000, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    exact = plain.elbo_terms(images[:1], noise[:1])[1]
    sampled = learned.elbo_terms(images, noise)[1]
    assert abs(float(sampled.mean() - exact)) < 5 * float(sampled.std()) / math.sqrt(1000)


@torch.no_grad()
def test_the_likelihood_of_a_picture_is_the_sum_over_its_values() -> None:
    net = tiny_vae(channels=3).double()
    net.log_scale.copy_(torch.tensor([-3.0, -2.0, -1.0]))
    images, decoded = pictures(2, 3), torch.zeros(2, 3, 16, 16, dtype=torch.float64)
    channels = [discretised_logistic(images[:, c], decoded[:, c], net.log_scale[c]).sum((1, 2)) for c in range(3)]
    torch.testing.assert_close(net.log_likelihood(images, decoded), torch.stack(channels).sum(0))


@pytest.mark.parametrize("couplings", [0, 2])
@torch.no_grad()
def test_the_bound_of_a_picture_does_not_depend_on_its_batch(couplings: int) -> None:
    net = tiny_vae(couplings=couplings).double()
    images, noise = pictures(5), torch.randn(5, 5, dtype=torch.float64)
    together = torch.stack(net.elbo_terms(images, noise))
    alone = torch.cat([torch.stack(net.elbo_terms(images[i : i + 1], noise[i : i + 1])) for i in range(5)], 1)
    torch.testing.assert_close(together, alone)


# --- the network ---


@pytest.mark.parametrize("size", [16, 32, 64, 128, 256])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_of_picture_has_a_network_of_its_own_shape(size: int, channels: int) -> None:
    with torch.device("meta"):
        net = VAE(VAEShape.of(size, channels, 7, width=8))
        images = torch.empty(2, channels, size, size)
        mean, log_variance = net.posterior(images)
        assert mean.shape == log_variance.shape == (2, 7)
        assert net.picture(mean).shape == images.shape


def test_an_architecture_comes_back_from_json_as_it_was() -> None:
    shape = VAEShape.of(32, 3, 64, couplings=4)
    assert VAEShape.from_json(shape.to_json()) == shape


def test_every_parameter_is_reached_by_the_bound() -> None:
    net = tiny_vae(couplings=2)
    likelihood, kl = net.elbo_terms(pictures(2).float(), torch.randn(2, 5))
    (kl - likelihood).sum().backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
    assert [name for name, value in net.named_parameters() if value.grad is None or not value.grad.any()] == []


def flow(dimensions: int) -> CouplingPrior:
    """A learned prior in double precision that bends its space."""
    prior = CouplingPrior(dimensions, 3, 8).double()
    fill(prior, 2)
    return prior


def logistic(centre: float, log_scale: float) -> Tensor:
    """The log-probabilities of all 256 values."""
    return discretised_logistic(VALUES, *constants(centre, log_scale))


def constants(*values: float) -> list[Tensor]:
    return [torch.tensor(value, dtype=torch.float64) for value in values]


def pictures(count: int, channels: int = 1) -> Tensor:
    return torch.from_numpy(from_pixels(noise_pictures(count, channels))).double()


def log_weight(net: VAE, images: Tensor, noise: Tensor) -> Tensor:
    """log p(x|z) + log p(z) - log q(z|x), written out from the densities."""
    mean, log_variance = net.posterior(images)
    deviation = (0.5 * log_variance).exp()
    codes = mean + noise * deviation
    points, log_determinant = (codes, torch.zeros(len(codes))) if net.prior is None else net.prior.points(codes)
    prior = log_normal(points, 0.0, 1.0).sum(1) + log_determinant
    return net.log_likelihood(images, net.picture(codes)) + prior - log_normal(codes, mean, deviation).sum(1)


def log_normal(values: Tensor, mean: Tensor | float, deviation: Tensor | float) -> Tensor:
    density: Tensor = Normal(mean, deviation).log_prob(values)  # type: ignore[no-untyped-call]  # torch does not annotate it
    return density
