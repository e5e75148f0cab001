"""Autoencoders of diffusers by themselves: a folder, a part of a pipeline, its config.json, or one file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from diffusion_folders import autoencoder, ldm_folder
from examples import CPU
from safetensors.torch import load_file, save_file
from single_files import vae_names
from torch import Tensor

from explorer.errors import CheckpointError, SceneError
from explorer.files import checkpoints_in, digest, is_checkpoint, model_home
from explorer.formats import Checkpoint, read_checkpoint, read_config, write_native
from explorer.generators import Encodes, HasCodes, HasLikelihood, HasPosterior, capabilities
from explorer.generators.autoencoder import ASSUMED, LARGEST, AutoencoderGenerator
from explorer.latents import draw
from explorer.scene import Direction

GOLDEN: Final = Path(__file__).parents[2] / "shared" / "goldens" / "diffusers_autoencoderkl_tiny"
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the reference data are not on this machine")
WEIGHTS: Final = "diffusion_pytorch_model.safetensors"
SCALE: Final = 0.18215
KINDS: Final = ("AutoencoderKL", "AutoencoderTiny", "VQModel")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("autoencoders")
    for kind in KINDS:
        autoencoder(kind).save_pretrained(home / kind)
        change(home / kind, sample_size=16)
    return {kind: home / kind for kind in KINDS}


@pytest.fixture
def folder(written: dict[str, Path], tmp_path: Path) -> Path:
    """A sound copy of an AutoencoderKL, to be damaged."""
    return copied(written["AutoencoderKL"], tmp_path / "model")


# --- what it is and does ---


@needs_golden
def test_the_golden_autoencoder_is_reproduced() -> None:
    model = opened(GOLDEN)
    expected = {name: torch.from_numpy(value) for name, value in np.load(GOLDEN / "expected.npz").items()}
    torch.testing.assert_close(model.decode(expected["z"] * SCALE), expected["decode_z"], atol=1e-4, rtol=0)
    torch.testing.assert_close(model.encode(expected["img"]), expected["mean"] * SCALE, atol=1e-4, rtol=0)
    rebuilt = model.decode(model.encode(expected["img"]))
    torch.testing.assert_close(rebuilt, expected["recon_mean"], atol=1e-4, rtol=0)


@needs_golden
def test_the_golden_posterior_is_reproduced() -> None:
    model = opened(GOLDEN)
    expected = {name: torch.from_numpy(value) for name, value in np.load(GOLDEN / "expected.npz").items()}
    assert isinstance(model, HasPosterior)
    mean, variance = model.posterior(expected["img"])
    torch.testing.assert_close(mean, expected["mean"].flatten(1) * SCALE, atol=1e-4, rtol=0)
    torch.testing.assert_close((variance / SCALE**2).log(), expected["logvar"].flatten(1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_those_of_the_network(written: dict[str, Path], kind: str) -> None:
    model = opened(written[kind])
    assert model.family == "autoencoder"
    assert model.image_shape == (3, 16, 16)
    assert model.latent_shape == (4, 8, 8)


@pytest.mark.parametrize(
    ("kind", "able"),
    [
        ("AutoencoderKL", ("decodes", "encodes", "posterior")),
        ("AutoencoderTiny", ("decodes", "encodes")),
        ("VQModel", ("decodes", "encodes", "codes")),
    ],
)
def test_it_can_do_what_its_kind_can(written: dict[str, Path], kind: str, able: tuple[str, ...]) -> None:
    model = opened(written[kind])
    assert capabilities(model) == able
    assert isinstance(model, Encodes)
    assert not isinstance(model, HasLikelihood)


@pytest.mark.parametrize("kind", KINDS)
def test_it_decodes_as_diffusers_does(written: dict[str, Path], kind: str) -> None:
    import diffusers

    net: Any = getattr(diffusers, kind).from_pretrained(written[kind])
    scale = float(net.config.scaling_factor)
    latents = draw(0, (2, 4, 8, 8))
    with torch.no_grad():
        expected = net.decode(latents / scale).sample
    torch.testing.assert_close(opened(written[kind]).decode(latents), expected, atol=1e-5, rtol=0)


def test_shift_and_scale_of_latents_are_undone(folder: Path) -> None:
    plain, images = opened(folder), pictures(2)
    change(folder, scaling_factor=2.0, shift_factor=0.25)
    model = opened(folder)
    torch.testing.assert_close(model.encode(images), (plain.encode(images) / SCALE - 0.25) * 2.0)
    torch.testing.assert_close(model.decode(model.encode(images)), plain.decode(plain.encode(images)))


def test_statistics_per_channel_scale_the_posterior(folder: Path) -> None:
    plain, images = opened(folder), pictures(2)
    change(folder, scaling_factor=1.0, latents_mean=[0.1, 0.2, 0.3, 0.4], latents_std=[1.0, 2.0, 3.0, 4.0])
    model = opened(folder)
    assert isinstance(model, HasPosterior)
    assert isinstance(plain, HasPosterior)
    deviation = torch.tensor([1.0, 2.0, 3.0, 4.0]).repeat_interleave(64)
    torch.testing.assert_close(model.posterior(images)[0], model.encode(images).flatten(1))
    torch.testing.assert_close(model.posterior(images)[1], plain.posterior(images)[1] / SCALE**2 / deviation.square())


def test_the_kl_is_that_of_torch(written: dict[str, Path]) -> None:
    model, images = opened(written["AutoencoderKL"]), pictures(2)
    assert isinstance(model, HasPosterior)
    mean, variance = model.posterior(images)
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, variance.sqrt()), normal(0.0, 1.0))
    torch.testing.assert_close(model.kl_per_dimension(images), expected, atol=1e-4, rtol=1e-4)


def test_a_posterior_of_too_many_numbers_is_not_offered(folder: Path) -> None:
    change(folder, sample_size=128)  # latents of 4 x 64 x 64
    assert not isinstance(opened(folder), HasPosterior)


def test_that_draws_look_like_nothing_is_said(written: dict[str, Path]) -> None:
    assert "has no prior that pictures come from" in opened(written["AutoencoderKL"]).warnings[-1]


def test_a_blend_of_pictures_lies_between_them(written: dict[str, Path]) -> None:
    assert not opened(written["AutoencoderKL"]).spherical


# --- codes ---


def test_codes_lead_to_the_same_picture_as_their_latents(written: dict[str, Path]) -> None:
    model, latents = opened(written["VQModel"]), draw(0, (3, 4, 8, 8))
    assert isinstance(model, HasCodes)
    assert torch.equal(model.decode_codes(model.codes(latents)), model.decode(latents))


def test_codes_are_the_nearest(written: dict[str, Path]) -> None:
    model, latents = opened(written["VQModel"]), draw(0, (2, 4, 8, 8))
    assert isinstance(model, HasCodes)
    book = load_file(written["VQModel"] / WEIGHTS)["quantize.embedding.weight"]
    distances = ((latents / SCALE).movedim(1, -1)[..., None, :] - book).square().sum(-1)
    (found,) = model.codes(latents)
    assert found.dtype == torch.int64
    assert torch.equal(found, distances.argmin(-1))


def test_a_draw_is_a_map_of_codes(written: dict[str, Path]) -> None:
    model = opened(written["VQModel"])
    assert isinstance(model, HasCodes)
    (level,) = model.code_levels
    assert (level.rows, level.columns, level.codes) == (8, 8, 16)
    point = model.draw(3)
    (codes,) = model.codes(point[None])
    book = load_file(written["VQModel"] / WEIGHTS)["quantize.embedding.weight"]
    torch.testing.assert_close(book[codes[0]].movedim(-1, 0) * SCALE, point)
    assert torch.equal(model.draw(3), point)
    assert not torch.equal(model.draw(4), point)


def test_the_shell_of_codes_is_where_draws_lie(written: dict[str, Path]) -> None:
    model = opened(written["VQModel"])
    norms = torch.stack([model.draw(seed).norm() for seed in range(200)])
    assert model.shell.mean == pytest.approx(float(norms.mean()), rel=0.02)
    assert model.shell.deviation == pytest.approx(float(norms.std()), rel=0.3)


# --- directions ---


def test_directions_are_waves_across_the_map(written: dict[str, Path]) -> None:
    model = opened(written["AutoencoderKL"])
    assert model.direction_kinds == ("pattern", "axis")
    vectors = model.directions("pattern").vectors.flatten(1)
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(len(vectors)), atol=1e-5, rtol=0)
    assert torch.equal(model.direction(Direction("pattern", 2)), model.directions("pattern").vectors[2])


def test_strengths_are_those_of_small_steps(written: dict[str, Path]) -> None:
    model = opened(written["AutoencoderKL"])
    found = model.directions("axis")
    steps: list[float] = []
    for index in (0, 37, 200):
        moved = []
        for seed in range(8):
            here = model.draw(seed)[None].double().float()
            change = model.decode(here + 0.01 * found.vectors[index]) - model.decode(here)
            moved.append(float((change / 0.01).square().sum()))
        steps.append(float(np.sqrt(np.mean(moved))))
    np.testing.assert_allclose(found.strengths[[0, 37, 200]].numpy(), steps, rtol=0.9)  # of 8 probes


@pytest.mark.parametrize("direction", [Direction("pattern", 256), Direction("axis", 256), Direction("decoder", 0)])
def test_an_unknown_direction_is_one_sentence(written: dict[str, Path], direction: Direction) -> None:
    with pytest.raises(SceneError, match=r"has 256 directions|no directions of the kind"):
        opened(written["AutoencoderKL"]).direction(direction)


# --- where it lies ---


def test_the_part_of_a_pipeline_is_called_after_it(tmp_path: Path) -> None:
    model = ldm_folder(tmp_path / "clouds", "VQModel")
    (model / "latent-explorer.json").write_text(
        json.dumps({"preparation": {"content": 6}, "licence": "MIT", "classes": 3})
    )
    config = read_config(model / "vqvae")
    assert config["name"] == "clouds (autoencoder)"
    assert config["preparation"] == {"content": 6}
    assert config["licence"] == "MIT"
    assert "classes" not in config
    assert opened(model / "vqvae").family == "autoencoder"


def test_the_part_makes_the_pictures_of_its_pipeline(tmp_path: Path) -> None:
    from explorer.generators import open_generator
    from explorer.generators.diffusion import DenoisingGenerator

    whole = open_generator(ldm_folder(tmp_path / "clouds"), "cpu")
    assert isinstance(whole, DenoisingGenerator)
    part, latents = opened(tmp_path / "clouds" / "vae"), draw(0, (1, 4, 8, 8))
    torch.testing.assert_close(part.decode(latents), whole.to_images(latents))


def test_a_folder_as_our_training_writes_it_is_an_autoencoder(written: dict[str, Path], tmp_path: Path) -> None:
    home = tmp_path / "trained"
    copied(written["AutoencoderKL"], home / "vae")
    (home / "model_index.json").write_text(
        '{"_class_name": "DiffusionPipeline", "vae": ["diffusers", "AutoencoderKL"]}'
    )
    (home / "latent-explorer.json").write_text(json.dumps({"family": "autoencoder", "name": "shoes"}))
    assert read_config(home)["name"] == "shoes"
    assert opened(home).image_shape == (3, 16, 16)


def test_the_file_that_tells_of_a_model_stands_for_its_folder(folder: Path) -> None:
    assert model_home(folder / "config.json") == folder
    assert digest(folder / "config.json") == digest(folder)
    assert is_checkpoint(folder)


def test_a_description_without_weights_is_only_a_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert model_home(tmp_path / "config.json") == tmp_path / "config.json"


def test_autoencoders_are_listed_among_models(folder: Path) -> None:
    (folder.parent / "pictures").mkdir()
    assert checkpoints_in(folder.parent) == (folder,)


def test_the_digest_changes_with_the_settings(folder: Path) -> None:
    before = digest(folder)
    change(folder, scaling_factor=0.5)
    assert digest(folder) != before


def test_the_description_is_that_of_the_whole_checkpoint(folder: Path) -> None:
    assert read_config(folder) == dict(read_checkpoint(folder).config)


def test_a_saved_autoencoder_gives_the_same_bits(written: dict[str, Path], tmp_path: Path) -> None:
    for kind in KINDS:
        model, latents = opened(written[kind]), draw(0, (1, 4, 8, 8))
        made = model.checkpoint()
        write_native(tmp_path / "model.safetensors", made.config, made.weights)
        assert torch.equal(opened(tmp_path / "model.safetensors").decode(latents), model.decode(latents))


# --- the size of pictures ---


@pytest.mark.parametrize("size", [None, "large", [16]])
def test_a_size_that_is_not_told_is_assumed_and_said(folder: Path, size: Any) -> None:
    change(folder, sample_size=size)
    model = opened(folder)
    assert model.image_shape == (3, ASSUMED, ASSUMED)
    assert model.warnings[0] == "Its file does not say how large its pictures are: 256 x 256 was taken."


def test_very_large_pictures_are_made_smaller_and_said(folder: Path) -> None:
    change(folder, sample_size=1024)
    model = opened(folder)
    assert model.image_shape == (3, LARGEST, LARGEST)
    assert model.warnings[0] == "Its pictures of 1024 x 1024 are made at 512 x 512."


def test_pictures_may_be_wider_than_high(folder: Path) -> None:
    change(folder, sample_size=[8, 16])
    model = opened(folder)
    assert model.latent_shape == (4, 4, 8)
    assert model.decode(draw(0, (1, 4, 4, 8))).shape == (1, 3, 8, 16)


# --- one file ---


def test_a_file_with_the_names_of_its_first_authors_is_opened(tmp_path: Path) -> None:
    net = autoencoder("AutoencoderKL", block_out_channels=(32, 64), norm_num_groups=32)
    net.save_pretrained(tmp_path / "folder")
    expected, latents = opened(tmp_path / "folder"), draw(0, (1, 4, 4, 4))
    for prefix in ("first_stage_model.", ""):
        path = one_file(tmp_path / "vae-ft-mse.safetensors", net.state_dict(), prefix)
        model = opened(path)
        torch.testing.assert_close(model.decode(latents), expected.decode(latents))
        assert model.name == "vae-ft-mse"
        assert read_config(path) == dict(read_checkpoint(path).config)
        assert any("that of Stable Diffusion was taken" in each for each in read_checkpoint(path).warnings)


def test_a_file_of_pytorch_with_what_training_left_is_opened(tmp_path: Path) -> None:
    net = autoencoder("AutoencoderKL", block_out_channels=(32, 64), norm_num_groups=32)
    tensors = {name.removeprefix("first_stage_model."): value for name, value in vae_names(net.state_dict(), 2).items()}
    torch.save({"epoch": 3, "state_dict": {**tensors, "loss.logvar": torch.zeros(1)}}, tmp_path / "kl.vae.pt")
    assert opened(tmp_path / "kl.vae.pt").name == "kl"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda found: {**found, "quantize.embedding.weight": torch.zeros(4, 4)}, "with a codebook"),
        (lambda found: {**found, "encoder.down.1.attn.0.q.weight": torch.zeros(4, 4)}, "does not say how it is built"),
        (lambda found: without(found, "encoder.conv_in.weight"), "first or last layer is missing"),
        (lambda found: without(found, "decoder.mid.block_1.norm1.weight"), "is incomplete"),
        (lambda found: {**found, "encoder.down.90000.block.0.conv1.weight": torch.zeros(4)}, "too many layers"),
        (lambda found: {**found, "decoder.conv_out.bias": found["decoder.conv_out.bias"] * torch.nan}, "not numbers"),
    ],
)
def test_a_file_that_cannot_be_opened_is_one_sentence(
    tmp_path: Path, damage: Callable[[dict[str, Tensor]], dict[str, Tensor]], told: str
) -> None:
    net = autoencoder("AutoencoderKL", block_out_channels=(32, 64), norm_num_groups=32)
    path = one_file(tmp_path / "vae.safetensors", net.state_dict(), "", damage)
    with pytest.raises(CheckpointError) as raised:
        opened(path)
    assert told in raised.value.message
    assert "\n" not in raised.value.message


# --- what is wrong with it ---


def damaged_weights(make: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        save_file(make(load_file(folder / WEIGHTS)), folder / WEIGHTS)

    return damage


def settings(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder, **changes)


BIAS: Final = "decoder.conv_in.bias"
DAMAGES: Final[dict[str, tuple[Callable[[Path], None], str]]] = {
    "weights missing": (lambda folder: (folder / WEIGHTS).unlink(), "is incomplete"),
    "one weight missing": (damaged_weights(lambda found: without(found, BIAS)), f"its weights '{BIAS}' are missing"),
    "another shape": (damaged_weights(lambda found: {**found, BIAS: torch.zeros(3)}), f"'{BIAS}' is 3, not 16"),
    "not a number": (damaged_weights(lambda found: {**found, BIAS: found[BIAS] * torch.nan}), "are not numbers"),
    "empty": (lambda folder: (folder / WEIGHTS).write_bytes(b""), "is empty"),
    "layers": (settings(layers_per_block=10**9), "its layers_per_block is 1000000000"),
    "channels": (settings(block_out_channels=[8, 10**6]), "its block_out_channels is 1000000"),
    "many blocks": (settings(block_out_channels=[8] * 100), "block_out_channels is too long"),
    "no blocks": (settings(block_out_channels=[]), "describes an impossible network"),
    "groups": (settings(norm_num_groups=0), "describes an impossible network"),
    "unknown block": (settings(down_block_types=["Evil", "Block"]), "describes an impossible network"),
    "text": (settings(layers_per_block="many"), "describes an impossible network"),
    "side": (settings(sample_size=10**6), "its sample_size is 1000000"),
    "no side": (settings(sample_size=0), "its pictures are 0 x 0"),
    "no deviation": (settings(latents_mean=[0.0] * 4, latents_std=[0.0] * 4), "whose settings are impossible"),
    "code": (settings(auto_map={"AutoModel": "mine.Mine"}), "is code of its own"),
    "another family": (
        lambda folder: void((folder / "latent-explorer.json").write_text('{"family": "vae"}')),
        "of the family 'vae'",
    ),
    "kind of nothing": (settings(_class_name=["AutoencoderKL"]), "cannot be played by itself"),
    "unknown kind": (settings(_class_name="ConsistencyDecoderVAE"), "cannot be played by itself"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_is_wrong_is_one_sentence(folder: Path, kind: str) -> None:
    damage, told = DAMAGES[kind]
    damage(folder)
    with pytest.raises(CheckpointError) as raised:
        opened(folder)
    assert told in str(raised.value)
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("architecture", [None, [], {}, {"_class_name": "os.system"}, {"_class_name": ["VQModel"]}])
def test_a_file_of_ours_that_describes_nothing_is_one_sentence(
    written: dict[str, Path], tmp_path: Path, architecture: Any
) -> None:
    made = opened(written["AutoencoderKL"]).checkpoint()
    write_native(tmp_path / "odd.safetensors", {**made.config, "architecture": architecture}, made.weights)
    with pytest.raises(CheckpointError, match="does not describe an autoencoder"):
        opened(tmp_path / "odd.safetensors")


@pytest.mark.parametrize("channels", [(3, 4), (9, 9), (4, 3)])
def test_what_is_no_autoencoder_of_pictures_is_one_sentence(
    written: dict[str, Path], channels: tuple[int, int]
) -> None:
    made = opened(written["AutoencoderKL"]).checkpoint()
    changed = {**made.config["architecture"], "in_channels": channels[0], "out_channels": channels[1]}
    with pytest.raises(CheckpointError, match=f"reads {channels[0]} channels and makes {channels[1]}"):
        AutoencoderGenerator.build(Checkpoint({**made.config, "architecture": changed}, made.weights), CPU)


def test_an_encoder_and_a_decoder_that_do_not_fit_are_one_sentence(written: dict[str, Path]) -> None:
    made = opened(written["AutoencoderTiny"]).checkpoint()
    changed = {**made.config["architecture"], "upsampling_scaling_factor": 3}
    with pytest.raises(CheckpointError, match="what it encodes it cannot decode"):
        AutoencoderGenerator.build(Checkpoint({**made.config, "architecture": changed}, made.weights), CPU)


@pytest.mark.parametrize("size", [None, 4096, [16, 4096]])
def test_pictures_smaller_than_one_code_are_one_sentence(tmp_path: Path, size: Any) -> None:
    blocks: Any = (8,) * 11  # a code stands for 1024 pixels along a side
    net = autoencoder("AutoencoderTiny", encoder_block_out_channels=blocks, decoder_block_out_channels=blocks,
                      num_encoder_blocks=(1,) * 11, num_decoder_blocks=(1,) * 11)  # fmt: skip
    net.save_pretrained(tmp_path / "deep")
    change(tmp_path / "deep", sample_size=size)
    with pytest.raises(CheckpointError, match="describes an impossible network: its pictures are"):
        opened(tmp_path / "deep")


def test_codes_far_too_large_are_one_sentence(tmp_path: Path) -> None:
    autoencoder("AutoencoderTiny", latent_channels=32, encoder_block_out_channels=(8,), decoder_block_out_channels=(8,),
                num_encoder_blocks=(1,), num_decoder_blocks=(1,)).save_pretrained(tmp_path / "wide")  # fmt: skip
    with pytest.raises(CheckpointError, match="codes of 32 x 256 x 256 numbers, which are too large"):
        opened(tmp_path / "wide")


def test_weights_that_are_not_needed_are_told(folder: Path) -> None:
    damaged_weights(lambda found: {**found, "spare.weight": torch.zeros(2)})(folder)
    assert read_checkpoint(folder).warnings == ("1 weights were ignored, such as 'spare.weight'.",)


def test_half_precision_is_computed_in_single(folder: Path) -> None:
    damaged_weights(lambda found: {name: value.half() for name, value in found.items()})(folder)
    assert {value.dtype for value in opened(folder).net.parameters()} == {torch.float32}


def opened(path: Path) -> AutoencoderGenerator:
    return AutoencoderGenerator.build(read_checkpoint(path), CPU)


def pictures(count: int) -> Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(5)) * 2 - 1


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def change(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def one_file(
    path: Path,
    weights: dict[str, Tensor],
    prefix: str,
    damage: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None,
) -> Path:
    made = {name.removeprefix("first_stage_model."): value for name, value in vae_names(weights, 2).items()}
    made = damage(made) if damage else made
    save_file({prefix + name: value.clone().contiguous() for name, value in made.items()}, path)
    return path


def without(found: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {each: value for each, value in found.items() if each != name}


def void(_: object) -> None:
    """For what gives something that nobody wants."""
