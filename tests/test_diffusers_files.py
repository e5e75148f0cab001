"""Folders of diffusers that are damaged, foreign or harmful: each ends in one sentence, and nothing in them is run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from diffusion_folders import (
    consistency_folder,
    ldm_folder,
    made_scheduler,
    own_folder,
    pixel_folder,
    sd_folder,
    write_index,
)
from safetensors.torch import load_file, save_file

from explorer.errors import CheckpointError, ExplorerError
from explorer.files import checkpoints_in, is_checkpoint
from explorer.formats import read_checkpoint, read_config
from explorer.generators import open_generator
from explorer.generators.diffusion import DenoisingGenerator
from explorer.latents import draw
from explorer.scene import Condition

WEIGHTS: Final = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("written")
    return {"ldm": ldm_folder(home / "ldm"), "own": own_folder(home / "own"), "sd": sd_folder(home / "sd")}


@pytest.fixture
def folder(written: dict[str, Path], tmp_path: Path) -> Path:
    """A sound copy, to be damaged."""
    return copied(written["ldm"], tmp_path / "model")


# --- what is good ---


def test_a_sound_folder_is_read_without_a_word(folder: Path) -> None:
    assert read_checkpoint(folder).warnings == ()


def test_the_description_is_that_of_the_whole_checkpoint(folder: Path) -> None:
    assert read_config(folder) == dict(read_checkpoint(folder).config)


def test_a_folder_without_a_name_is_called_by_its_own(folder: Path) -> None:
    assert open_generator(folder, "cpu").name == "model"


@pytest.mark.parametrize("variant", ["fp16", "non_ema"])
def test_weights_of_a_variant_are_found(folder: Path, variant: str) -> None:
    expected = picture_of(folder)
    (folder / WEIGHTS).rename(folder / WEIGHTS.replace(".safe", f".{variant}.safe"))
    assert torch.equal(picture_of(folder), expected)


def test_weights_in_half_precision_are_computed_in_single(folder: Path) -> None:
    change_weights(folder, lambda weights: {name: value.half() for name, value in weights.items()})
    model = open_generator(folder, "cpu")
    assert {value.dtype for value in model.net.parameters()} == {torch.float32}


def test_weights_in_several_files_are_joined(folder: Path) -> None:
    expected = picture_of(folder)
    shard(folder)
    assert torch.equal(picture_of(folder), expected)


def test_weights_of_pytorch_are_read_without_its_loader(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, weights = picture_of(folder), load_file(folder / WEIGHTS)
    torch.save(weights, (folder / WEIGHTS).with_suffix(".bin"))
    (folder / WEIGHTS).unlink()

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("torch.load was called")

    monkeypatch.setattr(torch, "load", refuse)
    assert torch.equal(picture_of(folder), expected)


def test_old_names_of_attention_are_understood(folder: Path) -> None:
    expected = picture_of(folder)
    old = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}

    def renamed(name: str) -> str:
        return next((name.replace(new, before) for new, before in old.items() if new in name), name)

    change_weights(folder, lambda weights: {renamed(name): value for name, value in weights.items()})
    assert torch.equal(picture_of(folder), expected)


def test_weights_that_are_not_needed_are_told(folder: Path) -> None:
    change_weights(folder, lambda weights: {**weights, "spare.weight": torch.zeros(2)})
    assert open_generator(folder, "cpu").warnings == ("1 weights of unet were ignored, such as 'spare.weight'.",)


def test_programs_beside_a_model_are_ignored_and_told(folder: Path) -> None:
    (folder / "pipeline.py").write_text("raise SystemExit")
    assert open_generator(folder, "cpu").warnings == ("The programs (.py) in this folder were ignored.",)


def test_a_single_network_is_opened_with_the_schedule_of_ddpm(tmp_path: Path) -> None:
    model = open_generator(pixel_folder(tmp_path / "model") / "unet", "cpu")
    assert model.warnings == ("This folder holds no noise schedule; that of DDPM was taken.",)
    assert model.image_shape == (3, 8, 8)


def test_links_into_the_cache_of_downloads_are_followed(folder: Path, tmp_path: Path) -> None:
    expected = picture_of(folder)
    blobs, snapshot = tmp_path / "models--x--y" / "blobs", tmp_path / "models--x--y" / "snapshots" / "0123"
    blobs.mkdir(parents=True)
    for index, file in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        shutil.copy(file, blobs / str(index))
        link = snapshot / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blobs / str(index))
    assert torch.equal(picture_of(snapshot), expected)


def test_a_consistency_model_is_a_family_of_its_own(tmp_path: Path) -> None:
    assert read_config(consistency_folder(tmp_path / "jump"))["family"] == "consistency"


def test_folders_and_files_of_models_are_listed_together(written: dict[str, Path], tmp_path: Path) -> None:
    copied(written["own"], tmp_path / "b-folder")
    copied(written["own"], tmp_path / ".hidden")
    (tmp_path / "a.safetensors").touch()
    (tmp_path / "c.training.safetensors").touch()
    (tmp_path / "pictures").mkdir()
    assert [path.name for path in checkpoints_in(tmp_path)] == ["a.safetensors", "b-folder"]
    assert is_checkpoint(tmp_path / "b-folder")
    assert not is_checkpoint(tmp_path / "pictures")


# --- what is not ---


def gone(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()

    return damage


def index(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: write_index(folder, **changes)


def settings(part: str, **changes: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / part / ("scheduler_config.json" if part == "scheduler" else "config.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return damage


def text(name: str, content: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_text(content)

    return damage


def weights(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Callable[[Path], None]:
    return lambda folder: change_weights(folder, change)


def truncated(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) // 2])


def link_out(folder: Path) -> None:
    outside = folder.parent / "outside.safetensors"
    (folder / WEIGHTS).rename(outside)
    (folder / WEIGHTS).symlink_to(outside)


def hostile(folder: Path) -> None:
    import os
    import pickle

    class Harmful:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, ("touch harmed",)

    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).with_suffix(".bin").write_bytes(pickle.dumps({"conv_in.weight": Harmful()}))


def shard_to(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        shard(folder)
        path = folder / "unet/diffusion_pytorch_model.safetensors.index.json"
        found = json.loads(path.read_text())
        found["weight_map"] = dict.fromkeys(found["weight_map"], name)
        path.write_text(json.dumps(found))

    return damage


def nan(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {**weights, "conv_in.bias": weights["conv_in.bias"] * float("nan")}


DAMAGES: Final[dict[str, tuple[Callable[[Path], None], str]]] = {
    "weights missing": (gone(WEIGHTS), "the weights of its unet are missing"),
    "settings missing": (gone("unet/config.json"), "unet/config.json is missing"),
    "schedule missing": (gone("scheduler/scheduler_config.json"), "scheduler_config.json is missing"),
    "part missing": (lambda folder: shutil.rmtree(folder / "vae"), "its part vae is missing"),
    "no network": (index(unet="gone"), "holds no network that removes noise"),
    "one weight missing": (
        weights(lambda found: {name: value for name, value in found.items() if name != "conv_in.bias"}),
        "its weights 'conv_in.bias' are missing",
    ),
    "one weight of another shape": (
        weights(lambda found: {**found, "conv_in.bias": torch.zeros(3)}),
        "'conv_in.bias' is 3, not 8",
    ),
    "not a number": (weights(nan), "its weights conv_in.bias contain values that are not numbers"),
    "truncated": (truncated, "damaged or incomplete"),
    "empty": (text(WEIGHTS, ""), "is empty"),
    "pointer": (text(WEIGHTS, "version https://git-lfs.github.com/spec/v1"), "pointer to a file"),
    "hostile pickle": (hostile, "was not opened, because it asks to run"),
    "link out of the folder": (link_out, "leads to a file outside of the folder"),
    "part outside": (index(**{"../other": ["diffusers", "UNet2DModel"]}), "needs a part that is not known here"),
    "shard outside": (shard_to("../../other.safetensors"), "outside of it"),
    "absolute shard": (shard_to("/etc/passwd"), "outside of it"),
    "shard missing": (shard_to("other.safetensors"), "unet/other.safetensors is missing"),
    "program of its own": (index(_class_name=["my_pipeline", "Mine"]), "it is a program of its own"),
    "network of its own": (index(unet=["my_unet", "Mine"]), "code of its own: 'my_unet'"),
    "code in the settings": (settings("unet", auto_map={"AutoModel": "mine.Mine"}), "is code of its own"),
    "unknown network": (index(unet=["diffusers", "FluxTransformer2DModel"]), "'FluxTransformer2DModel'"),
    "unknown part": (index(controlnet=["diffusers", "ControlNetModel"]), "part that is not known here: 'controlnet'"),
    "contradiction": (settings("unet", _class_name="VQModel"), "contradicts itself"),
    "far too many layers": (settings("unet", layers_per_block=10**9), "its layers_per_block is 1000000000"),
    "many blocks of many layers": (
        settings("unet", layers_per_block=60, block_out_channels=[8] * 60),
        "more than 1024 layers",
    ),
    "far too many channels": (settings("unet", block_out_channels=[8, 10**6]), "its block_out_channels is 1000000"),
    "too many blocks": (settings("unet", block_out_channels=[8] * 100), "its block_out_channels is too long"),
    "nonsense": (settings("unet", norm_num_groups=0), "describes an impossible network"),
    "unknown block": (settings("unet", down_block_types=["Evil", "Block"]), "describes an impossible network"),
    "text for a number": (settings("unet", layers_per_block="many"), "describes an impossible network"),
    "mismatched autoencoder": (settings("unet", in_channels=4), "4 channels, and its autoencoder has 3"),
    "no autoencoder": (index(vae="gone"), "works on codes of 4 channels, and has no autoencoder"),
    "odd side": (settings("unet", sample_size=7), "its pictures are 7 x 7"),
    "no side": (settings("unet", sample_size=0), "its pictures are 0 x 0"),
    "wrong statistics": (
        settings("vae", latents_mean=[0.0, 1.0], latents_std=[1.0, 1.0]),
        "has an autoencoder whose settings are impossible",
    ),
    "no deviation": (
        settings("vae", latents_mean=[0.0] * 4, latents_std=[0.0] * 4),
        "has an autoencoder whose settings are impossible",
    ),
    "unknown schedule": (index(scheduler=["diffusers", "RePaintScheduler"]), "not known here: RePaintScheduler"),
    "impossible schedule": (settings("scheduler", num_train_timesteps=0), "impossible noise schedule"),
    "impossible variances": (settings("scheduler", beta_end=3.0), "variances are not between 0 and 1"),
    "unknown variances": (settings("scheduler", beta_schedule="magic"), "its variances follow 'magic'"),
    "unknown prediction": (settings("scheduler", prediction_type="future"), "its network predicts 'future'"),
    "deep json": (text("model_index.json", "[" * 100_000), "nested far too deeply"),
    "deep settings": (settings("unet", deep=json.loads("[" * 100 + "]" * 100)), "nested far too deeply"),
    "no json": (text("unet/config.json", "{"), "is damaged"),
    "other json": (text("unet/config.json", "[1]"), "it describes nothing"),
    "large json": (text("unet/config.json", " " * (1 << 20) + "{}"), "far too large"),
    "long number": (text("unet/config.json", '{"a": ' + "9" * 5000 + "}"), "too many digits"),
    "infinity": (text("unet/config.json", '{"a": Infinity}'), "contains Infinity"),
    "another family": (text("latent-explorer.json", '{"family": "vae"}'), "of the family 'vae'"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_is_wrong_is_one_sentence(folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    damage, told = DAMAGES[kind]
    if kind == "mismatched autoencoder":
        from diffusion_folders import autoencoder

        autoencoder("AutoencoderKL", latent_channels=3).save_pretrained(folder / "vae")
    damage(folder)
    with pytest.raises(CheckpointError) as raised:
        open_generator(folder, "cpu")
    assert told in str(raised.value)
    assert "\n" not in raised.value.message
    assert not (folder / "harmed").exists()


def test_a_folder_without_a_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is a folder without a model in it"):
        open_generator(tmp_path, "cpu")


def test_a_network_of_another_program_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(CheckpointError, match="holds a single network that cannot be played by itself"):
        open_generator(tmp_path, "cpu")


def test_a_network_for_inpainting_is_one_sentence(tmp_path: Path) -> None:
    folder = sd_folder(tmp_path / "paint", in_channels=9)
    with pytest.raises(CheckpointError, match="is made for filling in parts of a picture"):
        open_generator(folder, "cpu")


def test_a_network_that_changes_pictures_is_one_sentence(tmp_path: Path) -> None:
    folder = sd_folder(tmp_path / "change", in_channels=8)
    with pytest.raises(CheckpointError, match="needs a picture beside the noise"):
        open_generator(folder, "cpu")


def test_a_text_model_without_its_text_encoder_is_one_sentence(written: dict[str, Path], tmp_path: Path) -> None:
    folder = copied(written["sd"], tmp_path / "mute")
    write_index(folder, text_encoder=[None, None])
    with pytest.raises(CheckpointError, match="its text encoder is missing"):
        open_generator(folder, "cpu")


def test_a_schedule_with_thresholding_is_told(folder: Path) -> None:
    made_scheduler("DDPMScheduler", thresholding=True).save_pretrained(folder / "scheduler")
    write_index(folder, scheduler=["diffusers", "DDPMScheduler"])
    assert open_generator(folder, "cpu").warnings == ("Its dynamic thresholding is not done.",)


def test_a_folder_that_cannot_be_read_is_one_sentence(folder: Path) -> None:
    (folder / "unet" / "config.json").unlink()
    (folder / "unet" / "config.json").mkdir()
    with pytest.raises(ExplorerError):
        open_generator(folder, "cpu")


# --- help ---


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


def picture_of(folder: Path) -> torch.Tensor:
    """What the network predicts, decoded."""
    model = open_generator(folder, "cpu")
    assert isinstance(model, DenoisingGenerator)
    noisy = draw(0, (1, *model.latent_shape))
    return model.to_images(model.predict(noisy, model.schedule.level(500.0), model.embed([Condition()])).clean)


def change_weights(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], name: str = WEIGHTS
) -> None:
    found = load_file(folder / name)
    save_file(change(found), folder / name)


def shard(folder: Path) -> None:
    """Spread the weights of the network over two files."""
    found = load_file(folder / WEIGHTS)
    names = sorted(found)
    where = {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file = f"diffusion_pytorch_model-0000{number}-of-00002.safetensors"
        save_file({name: found[name] for name in part}, folder / "unet" / file)
        where.update(dict.fromkeys(part, file))
    (folder / WEIGHTS).unlink()
    told = {"metadata": {}, "weight_map": where}
    (folder / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(told))
