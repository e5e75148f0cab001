"""The contract every family keeps, run over an example of each; a new family adds one line to ``EXAMPLES``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import torch
from examples import (
    CPU,
    make_autoencoder,
    make_consistency,
    make_diffusion,
    make_prior_vae,
    make_stylegan2,
    make_stylegan3,
    make_vae,
    noise_pictures,
)
from flow_examples import make_glow, make_realnvp
from gan_examples import make_biggan, make_dcgan, make_vanilla_vae
from torch import Tensor
from vqvae_examples import make_vqvae, two_level_vqvae

from explorer.errors import CheckpointError, DeviceError, SceneError
from explorer.formats import Checkpoint, read_checkpoint, write_native
from explorer.generators import (
    FAMILIES,
    Encodes,
    Generator,
    HasLikelihood,
    HasPosterior,
    HasStyles,
    VAEGenerator,
    build_generator,
    capabilities,
    families,
    open_generator,
    pick_device,
)
from explorer.generators.base import REMEMBERED
from explorer.imaging import from_pixels
from explorer.latents import draw
from explorer.scene import Direction

EXAMPLES: Final[dict[str, Callable[[], Generator]]] = {
    "vae": make_vae,
    "vae with learned prior": make_prior_vae,
    "stylegan2": make_stylegan2,
    "stylegan2 with classes": lambda: make_stylegan2(3),
    "stylegan2 without noise": lambda: make_stylegan2(noise=False),
    "stylegan3": make_stylegan3,
    "stylegan3 configuration R": lambda: make_stylegan3(rotation=True),
    "diffusion": make_diffusion,
    "diffusion with classes": lambda: make_diffusion(3),
    "consistency": make_consistency,
    "glow": make_glow,
    "additive glow": lambda: make_glow("additive"),
    "realnvp": make_realnvp,
    "vqvae": make_vqvae,
    "vqvae with two maps": two_level_vqvae,
    "autoencoder": lambda: make_autoencoder("AutoencoderKL"),
    "autoencoder without posterior": lambda: make_autoencoder("AutoencoderTiny"),
    "autoencoder with codes": lambda: make_autoencoder("VQModel"),
    "dcgan": make_dcgan,
    "biggan": make_biggan,
    "vanilla vae": make_vanilla_vae,
}


class OtherFamily(VAEGenerator):
    """What another package might offer."""

    family = "other"
    family_title = "Other"


@pytest.fixture(params=EXAMPLES)
def generator(request: pytest.FixtureRequest) -> Generator:
    return EXAMPLES[request.param]()


@pytest.fixture
def other_packages(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """The entry points that installed packages are said to have; the real ones are back afterwards."""
    offered: list[EntryPoint] = []

    def entry_points(group: str) -> list[EntryPoint]:
        return [entry for entry in offered if entry.group == group]

    module = sys.modules["explorer.generators.families"]  # in its package a function of that name hides it
    monkeypatch.setattr(module, "entry_points", entry_points)
    families.cache_clear()
    yield offered
    families.cache_clear()


# --- the contract ---


def test_every_family_has_an_example() -> None:
    assert {family.family for family in FAMILIES} == {make().family for make in EXAMPLES.values()}


def test_every_family_is_known_by_its_own_name() -> None:
    assert [families()[family.family] for family in FAMILIES] == list(FAMILIES)


def test_pictures_have_the_shape_that_is_promised(generator: Generator) -> None:
    assert generator.decode(points(generator, 3)).shape == (3, *generator.image_shape)


def test_pictures_are_single_precision(generator: Generator) -> None:
    assert generator.decode(points(generator, 1)).dtype == torch.float32


def test_pictures_are_finite_and_of_a_sensible_range(generator: Generator) -> None:
    images = generator.decode(points(generator, 16))
    assert torch.isfinite(images).all()
    assert float(images.abs().max()) < 100


def test_the_same_seed_gives_the_same_pixels(generator: Generator) -> None:
    latents = draw(7, (1, *generator.latent_shape))
    assert torch.equal(generator.decode(latents), generator.decode(draw(7, (1, *generator.latent_shape))))


def test_another_seed_gives_other_pixels(generator: Generator) -> None:
    first, second = generator.decode(points(generator, 2))
    assert float((first - second).abs().max()) > 1e-3


def test_a_batch_gives_what_its_latents_give_one_by_one(generator: Generator) -> None:
    latents = points(generator, 5)
    single = torch.cat([generator.decode(latent[None]) for latent in latents])
    torch.testing.assert_close(generator.decode(latents), single, atol=1e-5, rtol=1e-5)


def test_a_saved_model_gives_the_same_bits(generator: Generator, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint = generator.checkpoint()
    write_native(path, checkpoint.config, checkpoint.weights)
    latents = points(generator, 2)
    assert torch.equal(open_generator(path, "cpu").decode(latents), generator.decode(latents))


def test_a_saved_model_knows_the_same_about_its_training_data(generator: Generator, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint = generator.checkpoint()
    write_native(path, checkpoint.config, checkpoint.weights)
    expected, found = generator.data_covariance(), open_generator(path, "cpu").data_covariance()
    assert (expected is None and found is None) or torch.equal(expected, found)  # type: ignore[arg-type]  # both or none


def test_two_threads_at_once_get_what_one_gets(generator: Generator) -> None:
    latents = [draw(seed, (2, *generator.latent_shape)) for seed in range(6)]
    expected = [generator.decode(latent) for latent in latents]
    start = threading.Barrier(2)
    found: dict[int, Tensor] = {}

    def decode(numbers: range) -> None:
        start.wait()
        for number in numbers:
            found[number] = generator.decode(latents[number])

    threads = [threading.Thread(target=decode, args=(range(first, 6, 2),)) for first in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[number], image) for number, image in enumerate(expected))


def test_the_network_is_frozen_and_evaluating(generator: Generator) -> None:
    assert not any(parameter.requires_grad for parameter in generator.net.parameters())
    assert not any(module.training for module in generator.net.modules())


def test_decoding_changes_nothing_in_the_network(generator: Generator) -> None:
    before = {name: value.clone() for name, value in generator.net.state_dict().items()}
    generator.decode(points(generator, 2))
    generator.directions(generator.direction_kinds[0])
    assert all(torch.equal(before[name], value) for name, value in generator.net.state_dict().items())


def test_what_is_remembered_is_bounded(generator: Generator) -> None:
    for key in range(REMEMBERED + 50):
        generator.remember(("test", key), lambda: 1)
    assert len(generator._memory) == REMEMBERED


def test_what_is_remembered_is_made_once(generator: Generator) -> None:
    made: list[int] = []
    for _ in range(3):
        generator.remember("key", lambda: made.append(1))
    assert made == [1]


def test_what_was_used_last_is_remembered_longest(generator: Generator) -> None:
    generator.remember("kept", lambda: "first")
    for key in range(2 * REMEMBERED):
        generator.remember(("test", key), lambda: 1)
        assert generator.remember("kept", lambda: "again") == "first"


def test_an_axis_changes_one_coordinate(generator: Generator) -> None:
    for index in range(size(generator)):
        vector = generator.direction(Direction("axis", index))
        assert vector.shape == generator.latent_shape
        assert vector.flatten().nonzero().flatten().tolist() == [index]
        assert float(vector.flatten()[index]) == 1.0 or isinstance(generator, HasStyles)  # in W: one deviation of it


def test_directions_of_the_decoder_are_orthonormal(generator: Generator) -> None:
    _need_decoder_directions(generator)
    vectors = generator.directions("decoder").vectors.flatten(1).double()
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(len(vectors)).double(), atol=1e-5, rtol=0)


def test_directions_of_the_decoder_come_strongest_first(generator: Generator) -> None:
    _need_decoder_directions(generator)
    strengths = generator.directions("decoder").strengths
    assert bool((strengths[:-1] >= strengths[1:]).all())
    assert float(strengths[0]) > 0


def test_one_direction_is_one_of_all_directions(generator: Generator) -> None:
    for kind in generator.direction_kinds:
        every = generator.directions(kind).vectors
        assert all(torch.equal(generator.direction(Direction(kind, i)), every[i]) for i in range(len(every)))


def test_directions_of_the_data_are_one_deviation_of_the_data_long(generator: Generator) -> None:
    covariance = generator.data_covariance()
    if covariance is None:
        pytest.skip("this family has no aggregate posterior")
    lengths = generator.directions("data").vectors.flatten(1).norm(dim=1)
    expected = torch.linalg.eigvalsh(covariance.double()).flip(0).sqrt().float()
    torch.testing.assert_close(lengths, expected)


def test_an_unknown_kind_of_direction_is_one_sentence(generator: Generator) -> None:
    with pytest.raises(SceneError, match="no directions of the kind 'sideways'"):
        generator.direction(Direction("sideways", 0))


def test_a_direction_beyond_the_last_is_one_sentence(generator: Generator) -> None:
    for kind in generator.direction_kinds:
        for index in (size(generator), -1):
            with pytest.raises(SceneError, match=f"none with the number {index}"):
                generator.direction(Direction(kind, index))


def test_every_generator_decodes_first_of_all(generator: Generator) -> None:
    assert capabilities(generator)[0] == "decodes"


def test_counted_parameters_are_those_of_the_network(generator: Generator) -> None:
    assert generator.parameters == sum(parameter.numel() for parameter in generator.net.parameters()) > 0


# --- what some families can do ---


def test_an_encoded_picture_is_a_latent_point_and_always_the_same(generator: Generator) -> None:
    if not isinstance(generator, Encodes):
        pytest.skip("this family cannot encode")
    images = pictures(generator, 3)
    latents = generator.encode(images)
    assert latents.shape == (3, *generator.latent_shape)
    assert torch.equal(latents, generator.encode(images))


def test_pictures_encoded_together_are_as_if_alone(generator: Generator) -> None:
    if not isinstance(generator, Encodes):
        pytest.skip("this family cannot encode")
    images = pictures(generator, 4)
    alone = torch.cat([generator.encode(image[None]) for image in images])
    torch.testing.assert_close(generator.encode(images), alone, atol=1e-5, rtol=1e-5)


def test_a_decoded_picture_can_be_encoded_and_decoded_again(generator: Generator) -> None:
    if not isinstance(generator, Encodes):
        pytest.skip("this family cannot encode")
    again = generator.decode(generator.encode(generator.decode(points(generator, 2)).clamp(-1, 1)))
    assert again.shape == (2, *generator.image_shape)
    assert torch.isfinite(again).all()


def test_a_posterior_has_a_positive_variance_and_a_kl_that_is_not_negative(generator: Generator) -> None:
    if not isinstance(generator, HasPosterior):
        pytest.skip("this family has no posterior")
    images = pictures(generator, 3)
    mean, variance = generator.posterior(images)
    kl = generator.kl_per_dimension(images)
    assert mean.shape == variance.shape == kl.shape == (3, size(generator))
    assert bool((variance > 0).all())
    assert bool((kl >= 0).all())


def test_the_likelihood_of_a_picture_does_not_depend_on_its_batch(generator: Generator) -> None:
    if not isinstance(generator, HasLikelihood):
        pytest.skip("this family has no likelihood")
    images = pictures(generator, 4)
    alone = torch.cat([generator.log_likelihood(image[None]) for image in images])
    together = generator.log_likelihood(images)
    assert together.shape == (4,)
    torch.testing.assert_close(together, alone, atol=1e-2, rtol=1e-5)


def test_the_kind_of_likelihood_is_said(generator: Generator) -> None:
    if not isinstance(generator, HasLikelihood):
        pytest.skip("this family has no likelihood")
    assert generator.likelihood_kind in ("exact", "lower bound", "ODE estimate")


def test_points_lead_to_codes_and_back_with_a_learned_prior() -> None:
    net = make_prior_vae().net
    assert net.prior is not None
    points = draw(0, (8, 5))
    codes = net.prior.codes(points)
    assert float((codes - points).abs().max()) > 0.01
    torch.testing.assert_close(net.points(codes), points, atol=1e-4, rtol=0)


def test_a_learned_prior_is_the_same_after_loading(tmp_path: Path) -> None:
    model = make_prior_vae()
    write_native(tmp_path / "model.safetensors", model.config, model.checkpoint().weights)
    loaded = open_generator(tmp_path / "model.safetensors", "cpu")
    images = pictures(model, 2)
    assert isinstance(loaded, VAEGenerator)
    assert torch.equal(loaded.encode(images), model.encode(images))


# --- opening ---


def test_another_package_can_add_a_family(other_packages: list[EntryPoint]) -> None:
    other_packages.append(EntryPoint("other", f"{__name__}:OtherFamily", "explorer.families"))
    found = build_generator(renamed("other"), CPU)
    assert type(found).__name__ == "OtherFamily"


def test_another_package_cannot_replace_our_families(other_packages: list[EntryPoint]) -> None:
    other_packages.append(EntryPoint("vae", f"{__name__}:OtherFamily", "explorer.families"))
    assert families()["vae"] is VAEGenerator


def test_entry_points_of_other_groups_are_no_families(other_packages: list[EntryPoint]) -> None:
    other_packages.append(EntryPoint("other", f"{__name__}:OtherFamily", "console_scripts"))
    assert set(families()) == {family.family for family in FAMILIES}


def test_an_unknown_family_is_one_sentence(tmp_path: Path) -> None:
    checkpoint = renamed("telepathy")
    write_native(tmp_path / "odd.safetensors", checkpoint.config, checkpoint.weights)
    with pytest.raises(CheckpointError, match="family 'telepathy', which is not known here") as raised:
        open_generator(tmp_path / "odd.safetensors", "cpu")
    assert "vae" in raised.value.hint


@pytest.mark.parametrize("name", ["abacus", "cuda:99", "meta", "cpu:x", ""])
def test_a_missing_device_is_one_sentence(name: str) -> None:
    with pytest.raises(DeviceError, match=f"no computing device '{name}'"):
        pick_device(name)


def test_a_device_is_chosen_where_none_is_named() -> None:
    assert pick_device("auto").type in ("cuda", "mps", "cpu")


def test_a_missing_device_is_noticed_before_the_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(DeviceError):
        open_generator(tmp_path / "missing.safetensors", "abacus")


def test_a_model_without_a_name_is_called_by_its_family() -> None:
    assert make_vae(name="").name == "VAE"


def test_weights_in_half_precision_are_computed_in_single(tmp_path: Path) -> None:
    checkpoint = make_vae().checkpoint()
    halves = {name: value.half() for name, value in checkpoint.weights.items()}
    write_native(tmp_path / "half.safetensors", checkpoint.config, halves)
    loaded = build_generator(read_checkpoint(tmp_path / "half.safetensors"), CPU)
    assert {parameter.dtype for parameter in loaded.net.parameters()} == {torch.float32}
    assert loaded.decode(points(loaded, 1)).dtype == torch.float32


def points(generator: Generator, count: int) -> Tensor:
    return draw(0, (count, *generator.latent_shape))


def pictures(generator: Generator, count: int) -> Tensor:
    channels, height, _ = generator.image_shape
    return torch.from_numpy(np.array(from_pixels(noise_pictures(count, channels, height))))


def size(generator: Generator) -> int:
    return int(np.prod(generator.latent_shape))


def renamed(family: str) -> Checkpoint:
    checkpoint = make_vae().checkpoint()
    return Checkpoint({**checkpoint.config, "family": family}, checkpoint.weights)


def _need_decoder_directions(generator: Generator) -> None:
    if "decoder" not in generator.direction_kinds:
        pytest.skip("this family has directions of its own")
