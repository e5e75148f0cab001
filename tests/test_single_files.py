"""Stable Diffusion in one file: the same model as the folder it was made of, or one sentence on why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from diffusion_folders import autoencoder, clip, clip_files, made_scheduler, text_unet
from safetensors.torch import save_file
from single_files import clip_names, open_clip_names, unet_names, vae_names
from torch import Tensor, nn

from explorer.errors import CheckpointError, SceneError
from explorer.files import resources_folder
from explorer.formats import read_config, single_file
from explorer.formats.diffusers_nets import build_empty, match_names, sizes_of
from explorer.generators import open_generator
from explorer.generators.diffusion import DenoisingGenerator
from explorer.latents import draw
from explorer.scene import Condition

WIDTHS: Final = {16: "v1", 24: "v2"}


class Tiny:
    """The networks of a version, a folder with their settings, and the tensors of the file."""

    def __init__(self, version: str) -> None:
        self.version = version
        xl = version == "xl"
        width = {"v1": 16, "v2": 24, "xl": 40}[version]
        more = {
            "addition_embed_type": "text_time", "addition_time_embed_dim": 4,
            "projection_class_embeddings_input_dim": 24 + 6 * 4,
        }  # fmt: skip
        unet = text_unet(layers_per_block=2, cross_attention_dim=width, **(more if xl else {}))
        self.parts: dict[str, nn.Module] = {
            "unet": unet,
            "vae": autoencoder("AutoencoderKL"),
            "text_encoder": clip(24 if version == "v2" else 16),
        }
        if xl:
            self.parts["text_encoder_2"] = clip(24, projected=True)
        self.tensors = {
            **unet_names(self.parts["unet"].state_dict(), 2),
            **vae_names(self.parts["vae"].state_dict(), 2),
        }
        text = self.parts["text_encoder"].state_dict()
        if version == "v2":
            self.tensors |= open_clip_names(text)
        elif xl:
            self.tensors |= clip_names(text, "conditioner.embedders.0.transformer.")
            second = self.parts["text_encoder_2"].state_dict()
            self.tensors |= open_clip_names(second, "conditioner.embedders.1.model.")
        else:
            self.tensors |= clip_names(text)

    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, part in self.parts.items():
            config: Any = part.config
            values = config if isinstance(config, dict) else config.to_dict()
            plain = json.loads(json.dumps({key: value for key, value in values.items() if not key.startswith("_")}))
            found[name] = {**plain, "_class_name": type(part).__name__}
            if name.startswith("text"):
                words = name.replace("text_encoder", "tokenizer")
                found[words] = {"_class_name": "CLIPTokenizer", "empty_prompt": [14, 15, 15]}
        scheduler = made_scheduler("PNDMScheduler", steps_offset=1)
        return {**found, "scheduler": {**scheduler.config, "_class_name": "PNDMScheduler"}}


@pytest.fixture(scope="module", params=["v1", "v2", "xl"])
def tiny(request: pytest.FixtureRequest) -> Tiny:
    return Tiny(request.param)


@pytest.fixture(scope="module")
def first() -> Tiny:
    return Tiny("v1")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes the tensors of a version, changed or not, and has the program take tiny settings for real ones."""

    def write(tiny: Tiny, change: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None) -> Path:
        home = tmp_path / "resources" / "stable-diffusion"
        home.mkdir(parents=True, exist_ok=True)
        (home / f"{tiny.version}.json").write_text(json.dumps(tiny.settings()))
        monkeypatch.setattr(single_file, "resources_folder", lambda: tmp_path / "resources")
        monkeypatch.setattr(single_file, "WIDTHS", WIDTHS)
        tensors = {name: value.clone().contiguous() for name, value in tiny.tensors.items()}
        save_file(change(tensors) if change else tensors, tmp_path / "model.safetensors")
        return tmp_path / "model.safetensors"

    return write


def test_every_weight_arrives_where_it_belongs(tiny: Tiny, file: Callable[..., Path]) -> None:
    model = opened(file(tiny))
    found = model.net.state_dict()
    for part, net in tiny.parts.items():
        for name, value in net.state_dict().items():
            assert torch.equal(found[f"{part}.{name}"], value), name


def test_the_empty_prompt_needs_no_words(first: Tiny, file: Callable[..., Path]) -> None:
    path = file(first)
    model = opened(path)
    assert "holds no words" in model.warnings[-1]
    without = model.embed([Condition()])["text"]
    clip_files(path.parent / "tokenizer")
    torch.testing.assert_close(opened(path).embed([Condition()])["text"], without)


def test_prompts_need_words_beside_the_file(first: Tiny, file: Callable[..., Path]) -> None:
    path = file(first)
    prompt = Condition(prompts=(("a cat", 1.0),))
    with pytest.raises(SceneError, match="the words of its tokenizer are missing"):
        opened(path).embed([prompt])
    clip_files(path.parent / "tokenizer")
    model = opened(path)
    assert model.warnings == ()
    assert not torch.equal(model.embed([prompt])["text"], model.embed([Condition()])["text"])


def test_a_picture_comes_out(tiny: Tiny, file: Callable[..., Path]) -> None:
    model = opened(file(tiny))
    noisy = draw(0, (1, *model.latent_shape))
    given = model.predict(noisy, model.schedule.level(500.0), model.embed([Condition()]))
    assert model.to_images(given.clean).shape == (1, *model.image_shape)


def test_a_training_file_of_pytorch_is_the_same(first: Tiny, file: Callable[..., Path], tmp_path: Path) -> None:
    expected = opened(file(first)).net.state_dict()
    torch.save({"state_dict": first.tensors, "global_step": 7}, tmp_path / "model.ckpt")
    found = opened(tmp_path / "model.ckpt").net.state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_the_description_is_read_without_the_weights(first: Tiny, file: Callable[..., Path]) -> None:
    config = read_config(file(first))
    assert (config["family"], config["name"]) == ("diffusion", "model")


def test_v_is_taken_where_version_two_does_not_say(file: Callable[..., Path]) -> None:
    assert any("v was taken" in warning for warning in opened(file(Tiny("v2"))).warnings)


# --- what cannot be played ---


def only(*starts: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda tensors: {name: value for name, value in tensors.items() if name.startswith(starts)}


def widened(channels: int) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    name = "model.diffusion_model.input_blocks.0.0.weight"
    return lambda tensors: {**tensors, name: torch.zeros(8, channels, 3, 3)}


def plus(name: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda tensors: {**tensors, name: torch.zeros(2)}


def instead(name: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda tensors: {name: torch.zeros(2)}


def nan(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    name = next(iter(tensors))
    return {**tensors, name: tensors[name] * float("nan")}


STRANGE: Final = {
    "inpainting": (widened(9), "is made for filling in parts of a picture"),
    "pix2pix": (widened(8), "needs a picture beside the noise"),
    "refiner": (plus("conditioner.embedders.0.model.positional_embedding"), "is the refiner of Stable Diffusion XL"),
    "controlnet": (plus("control_model.time_embed.0.weight"), "is a ControlNet"),
    "sd3": (
        instead("model.diffusion_model.joint_blocks.0.context_block.adaLN_modulation.1.bias"),
        "is Stable Diffusion 3 in one file",
    ),
    "flux": (instead("double_blocks.0.img_attn.norm.key_norm.scale"), "is Flux"),
    "lora": (instead("lora_unet_down_blocks_0.lora_up.weight"), "is a LoRA"),
    "autoencoder alone": (only("first_stage_model."), "is only the autoencoder of a diffusion model"),
    "part of a folder": (instead("down_blocks.0.resnets.0.norm1.weight"), "is one network of a model that is a folder"),
    "no autoencoder": (only("model.", "cond_stage_model."), "its autoencoder is missing"),
    "no text encoder": (only("model.", "first_stage_model."), "its text encoder is missing"),
    "nan": (nan, "contain values that are not numbers"),
    "a layer missing": (
        lambda tensors: {name: value for name, value in tensors.items() if ".middle_block.1.norm" not in name},
        "is incomplete",
    ),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_what_cannot_be_played_is_one_sentence(first: Tiny, file: Callable[..., Path], kind: str) -> None:
    change, told = STRANGE[kind]
    with pytest.raises(CheckpointError) as raised:
        opened(file(first, change))
    assert told in raised.value.message


def test_other_files_of_tensors_are_told_as_before(tmp_path: Path) -> None:
    save_file({"layer.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="is a safetensors file of another program"):
        open_generator(tmp_path / "other.safetensors", "cpu")


# --- the settings that are shipped ---


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v1", "v2", "xl"])
def test_the_shipped_settings_fit_the_names_of_real_files(version: str) -> None:
    settings = json.loads((resources_folder() / "stable-diffusion" / f"{version}.json").read_text())
    nets = {
        name: build_empty(version, part["_class_name"], part)
        for name, part in settings.items()
        if name in single_file.PREFIXES
    }
    for name, net in nets.items():
        weights = net.state_dict()
        if name == "unet":
            tensors = unet_names(weights, 2)
            parameters = {"v1": 859_520_964, "v2": 865_910_724, "xl": 2_567_463_684}[version]  # as published
            assert sum(value.numel() for value in weights.values()) == parameters
        elif name == "vae":
            tensors = vae_names(weights, 4)
            assert sum(value.numel() for value in weights.values()) == 83_653_863
        elif version == "v2":
            tensors = open_clip_names(weights)
        elif name == "text_encoder_2":
            tensors = open_clip_names(weights, "conditioner.embedders.1.model.")
        else:
            tensors = clip_names(
                weights, "cond_stage_model.transformer." if version == "v1" else "conditioner.embedders.0.transformer."
            )
        made = single_file.convert(name, version, settings[name], net, tensors)
        _, left = match_names(name, sizes_of(net), {key: tuple(value.shape) for key, value in made.items()})
        assert not left


def opened(path: Path) -> DenoisingGenerator:
    found = open_generator(path, "cpu")
    assert isinstance(found, DenoisingGenerator)
    return found
