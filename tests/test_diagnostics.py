"""Posterior collapse and reconstruction against sampling, on models whose posterior is known in closed form."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import torch
from examples import CPU, make_prior_vae, make_stylegan2, make_vae, noise_pictures, save_model
from torch import Tensor, nn

from explorer.cli import main
from explorer.diagnostics import ACTIVE, diagnose, diagnose_pictures, gaussian_kl
from explorer.errors import SceneError
from explorer.formats import Checkpoint
from explorer.generators import Generator, HasPosterior

NOISE: Final = 0.1  # variance of the observation of the linear VAE, per value
SIDE: Final = 4
SCALES: Final = (1.0, 0.6, 0.3, 0.02)  # loadings: the last latent hardly reaches the picture


class LinearVAE(Generator):
    """Probabilistic PCA as a VAE: x = W z + noise, W with orthogonal columns of lengths ``scales``, and the true
    posterior (Tipping and Bishop 1999): mean M^-1 W^T x, variance noise M^-1, M = W^T W + noise. Pictures are 4 x 4."""

    family = "linear"
    family_title = "Linear"

    def __init__(
        self,
        scales: tuple[float, ...] = SCALES,
        config: Mapping[str, Any] | None = None,
        blind: bool = False,
        broken: float = 0.0,
    ) -> None:
        super().__init__(config or {}, nn.Identity(), CPU)
        d = len(scales)
        self.image_shape, self.latent_shape = (1, SIDE, SIDE), (d,)
        basis = torch.linalg.qr(torch.randn(SIDE**2, SIDE**2, generator=torch.Generator().manual_seed(0)))[0][:, :d]
        self.loadings = basis * torch.tensor(scales)
        self.precision = torch.tensor(scales).square() + NOISE  # the diagonal of M
        self.blind, self.broken = blind, broken

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> LinearVAE:
        raise NotImplementedError

    def checkpoint(self) -> Checkpoint:
        raise NotImplementedError

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return (latents @ self.loadings.T).view(-1, *self.image_shape) / 10  # so that 8 bits do not clip it

    def encode(self, images: Tensor) -> Tensor:
        return self.posterior(images)[0]

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        if self.blind:
            return torch.zeros(len(images), *self.latent_shape), torch.ones(len(images), *self.latent_shape)
        mean = (images.flatten(1) * 10) @ self.loadings / self.precision + self.broken
        return mean, (NOISE / self.precision).expand(len(images), -1)

    def kl_per_dimension(self, images: Tensor) -> Tensor:
        mean, variance = self.posterior(images)
        return 0.5 * (mean.square() + variance - 1 - variance.log())

    def usual_kl_per_dimension(self) -> Tensor | None:
        """In closed form: the means have the variance 1 - s over the data, s being the posterior variance."""
        if self.blind:
            return torch.zeros(self.latent_shape)
        return -0.5 * (NOISE / self.precision).log()

    def data_covariance(self) -> Tensor | None:
        return torch.eye(self.latent_shape[0])

    def data(self, count: int) -> npt.NDArray[np.uint8]:
        """Pictures drawn from the model, noise and all."""
        random = torch.Generator().manual_seed(1)
        z = torch.randn(count, self.latent_shape[0], generator=random)
        x = z @ self.loadings.T + NOISE**0.5 * torch.randn(count, SIDE**2, generator=random)
        pixels = (x / 10 * 127.5 + 127.5).round().clamp(0, 255)
        return pixels.view(-1, SIDE, SIDE, 1).numpy().astype(np.uint8)


# --- what the checkpoint carries ---


def test_the_variance_of_the_means_of_a_linear_vae_is_that_of_theory() -> None:
    model = LinearVAE()
    found = diagnose(model)
    assert found is not None
    expected = 1 - NOISE / model.precision
    np.testing.assert_allclose(found.variance, expected.numpy(), atol=1e-6)


def test_a_latent_whose_mean_does_not_vary_is_collapsed() -> None:
    found = diagnose(LinearVAE())
    assert found is not None
    assert found.collapsed == (3,)  # 1 - 0.1 / (0.0004 + 0.1) = 0.004, below 0.01
    assert found.used == 3


def test_the_kl_in_all_is_that_of_theory() -> None:
    model = LinearVAE()
    found = diagnose(model)
    assert found is not None
    assert found.nats == pytest.approx(float(0.5 * (1 + torch.tensor(SCALES).square() / NOISE).log().sum()), rel=1e-5)


def test_a_collapsed_vae_is_said_to_be_one() -> None:
    found = diagnose(LinearVAE(blind=True))
    assert found is not None
    assert found.used == 0
    assert found.words.startswith("None of the 4 latents is used (0.0 nats in all): the posterior has collapsed")


def test_few_latents_in_use_are_said_to_be_collapse() -> None:
    found = diagnose(LinearVAE((1.0, *([0.001] * 11))))
    assert found is not None
    assert found.words.startswith("Only 1 of 12 latents is used (1.2 nats in all): most of the posterior has collapsed")


def test_all_latents_in_use_are_good_news() -> None:
    found = diagnose(LinearVAE((1.0, 0.5)))
    assert found is not None
    assert found.words.startswith("All 2 latents are used (")


def test_some_collapsed_latents_are_counted() -> None:
    found = diagnose(LinearVAE())
    assert found is not None
    assert "3 of 4 latents are used" in found.words
    assert "; 1 collapsed to the prior." in found.words


@pytest.mark.parametrize(
    ("beta", "told"),
    [
        (4.0, "Trained with beta 4: fewer nats in its latents and softer reconstructions"),
        (0.25, "Trained with beta 0.25: sharper reconstructions"),
        (1, "Trained with beta 1, which is the likelihood bound itself."),
        (0, "Trained with beta 0: nothing drew its latents to the prior"),
    ],
)
def test_the_effect_of_beta_is_said(beta: float, told: str) -> None:
    found = diagnose(LinearVAE(config={"training": {"beta": beta}}))
    assert found is not None
    assert found.beta == beta
    assert told in found.words


def test_a_learned_prior_makes_up_for_a_small_beta() -> None:
    found = diagnose(make_prior_vae(training={"beta": 0.5}))
    assert found is not None
    assert found.words.endswith("than with 1, and latents that a learned prior has to fit.")


@pytest.mark.parametrize("training", [None, {}, {"beta": "four"}, {"beta": True}, {"beta": math.nan}, {"beta": -1}])
def test_an_unknown_beta_is_not_spoken_of(training: Any) -> None:
    found = diagnose(LinearVAE(config={"training": training}))
    assert found is not None
    assert found.beta is None
    assert "beta" not in found.words


def test_our_vae_is_told_by_its_statistics() -> None:
    model = make_vae()
    found = diagnose(model)
    assert found is not None
    kl, v = np.linspace(0, 2, 5), np.linspace(0.5, 1.5, 5)
    np.testing.assert_allclose(found.variance, np.maximum(v - np.exp(v - 1 - 2 * kl), 0), atol=1e-5)
    assert found.gap == pytest.approx(0.5 * float((v - 1 - np.log(v)).sum()), rel=1e-5)


def test_points_of_a_learned_prior_are_not_taken_for_codes() -> None:
    found = diagnose(make_prior_vae())
    assert found is not None
    np.testing.assert_allclose(found.variance, 1 - np.exp(-2 * np.linspace(0, 2, 5)), atol=1e-5)


def test_a_model_without_a_posterior_has_no_diagnosis() -> None:
    assert diagnose(make_stylegan2()) is None


def test_a_checkpoint_that_does_not_tell_has_no_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LinearVAE, "usual_kl_per_dimension", lambda self: None)
    assert diagnose(LinearVAE()) is None


# --- what pictures tell ---


def test_pictures_tell_the_same_as_theory() -> None:
    model = LinearVAE()
    found = diagnose_pictures(model, model.data(4000)).latents
    expected = diagnose(model)
    assert found is not None
    assert expected is not None
    np.testing.assert_allclose(found.variance, expected.variance, atol=0.06)
    assert found.nats == pytest.approx(expected.nats, rel=0.05)
    assert found.collapsed == expected.collapsed


def test_the_codes_of_a_true_model_fit_the_prior() -> None:
    model = LinearVAE()
    found = diagnose_pictures(model, model.data(4000)).latents
    assert found is not None
    assert found.gap is not None
    assert found.gap < 0.02


def test_codes_that_miss_the_prior_are_counted_in_nats() -> None:
    model = LinearVAE(broken=2.0)
    found = diagnose_pictures(model, model.data(1000)).latents
    assert found is not None
    assert found.gap == pytest.approx(4 * 2.0**2 / 2, rel=0.05)  # KL(N(2, 1) || N(0, 1)) for each of 4 latents


def test_draws_of_a_true_model_lie_as_near_as_reconstructions() -> None:
    model = LinearVAE((1.0, 0.6))
    found = diagnose_pictures(model, model.data(1000))
    assert found.ratio == pytest.approx(1.0, abs=0.1)
    assert "its draws lie as near to real pictures" in found.words


def test_draws_far_from_the_data_are_noticed() -> None:
    model = LinearVAE((1.0, 0.6))
    data = model.data(1000).astype(np.float32)
    narrow = ((data - 127.5) / 4 + 127.5).round().astype(np.uint8)  # a part of what the prior covers
    found = diagnose_pictures(model, narrow)
    assert found.ratio > 2
    assert "it rebuilds better than it draws" in found.words


def test_the_reconstruction_error_is_that_of_theory() -> None:
    model = LinearVAE((1.0, 1.0))
    found = diagnose_pictures(model, model.data(4000))
    s = NOISE / (1 + NOISE)
    inside = 2 * (1 + NOISE) * s**2  # what is shrunk away of the two directions of W, and all noise of the other 14
    expected = math.sqrt((inside + (SIDE**2 - 2) * NOISE) / SIDE**2) / 10
    assert found.reconstruction_error == pytest.approx(expected, rel=0.02)


def test_a_blind_encoder_is_noticed_in_pictures() -> None:
    model = LinearVAE(blind=True)
    found = diagnose_pictures(model, model.data(100)).latents
    assert found is not None
    assert found.used == 0
    assert found.gap == pytest.approx(0.0, abs=1e-6)


def test_few_pictures_of_many_latents_are_told_by_variances_alone() -> None:
    model = LinearVAE()
    found = diagnose_pictures(model, model.data(12)).latents
    assert found is not None
    assert found.gap is not None
    assert found.gap <= found.nats


@pytest.mark.parametrize("make", [make_vae, make_prior_vae])
def test_our_vaes_can_be_diagnosed(make: Any) -> None:
    found = diagnose_pictures(make(), noise_pictures(60))
    assert found.latents is not None
    assert found.latents.gap is not None
    assert math.isfinite(found.latents.gap)
    assert found.draws == 60


def test_equal_pictures_give_equal_diagnoses() -> None:
    model, images = make_vae(), noise_pictures(20)
    assert diagnose_pictures(model, images).words == diagnose_pictures(model, images).words


def test_a_model_that_cannot_encode_is_one_sentence() -> None:
    with pytest.raises(SceneError, match="cannot encode pictures"):
        diagnose_pictures(make_stylegan2(), noise_pictures(4, 3))


@pytest.mark.parametrize("images", [noise_pictures(1), noise_pictures(4, 3), noise_pictures(4, size=8)])
def test_pictures_that_do_not_fit_are_one_sentence(images: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(SceneError, match="needs at least two pictures of 16 x 16"):
        diagnose_pictures(make_vae(), images)


def test_the_kl_of_a_gaussian_is_that_of_torch() -> None:
    random = torch.Generator().manual_seed(0)
    root = torch.randn(3, 3, generator=random, dtype=torch.float64)
    mean, covariance = torch.randn(3, generator=random, dtype=torch.float64), root @ root.T + torch.eye(3)
    normal = torch.distributions.MultivariateNormal
    expected = torch.distributions.kl_divergence(normal(mean, covariance), normal(mean * 0, torch.eye(3).double()))
    assert gaussian_kl(mean, covariance) == pytest.approx(float(expected))
    assert gaussian_kl(mean, covariance.diagonal()) <= float(expected)


def test_the_threshold_is_that_of_the_paper() -> None:
    assert ACTIVE == 0.01
    assert isinstance(LinearVAE(), HasPosterior)


def test_inspect_measures_on_pictures_where_it_is_asked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "pictures.npy", noise_pictures(40))
    model = str(save_model(tmp_path / "model.safetensors"))
    assert main(["inspect", model, "--data", str(tmp_path / "pictures.npy"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["on_pictures"]
    assert told["pictures"] == 40
    assert 0 < told["reconstruction_rms"] < 2
    assert "reconstructions" in told["words"]
