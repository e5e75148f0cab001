"""Training diffusion models: the processes they undo, the recipes, the folders they leave, and the commands."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from examples import toy_pictures

from explorer.cli import main
from explorer.errors import TrainingError
from explorer.training import AutoencoderRecipe, ConsistencyRecipe, DiffusionRecipe, Recipe, Settings, train
from explorer.training.autoencoder import encode_all, picture
from explorer.training.folders import CONFIG_NAME, write_folder
from explorer.training.processes import Flow, Process, VariancePreserving, walk
from explorer.training.teachers import read_autoencoder, read_teacher
from explorer.training.unets import Classes, Space, guided, make_unet, stratified

IMAGES = toy_pictures(40)
HELD_OUT = toy_pictures(16)
CLASSES = Classes(np.arange(40) % 2, 2)
PROCESSES = (VariancePreserving.cosine(), Flow())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "model", images=32, batch=8, learning_rate=2e-3, precision="float32")


def autoencoder() -> AutoencoderRecipe:
    return AutoencoderRecipe((1, 16, 16), (8, 8, 16), about={"name": "tiny"})


def latent(process: Process = PROCESSES[0]) -> DiffusionRecipe:
    """A latent model on an autoencoder that was never trained."""
    taught = autoencoder()
    taught.finish(taught.net.eval(), IMAGES)
    space = Space.of((1, 16, 16), taught.net)
    return DiffusionRecipe(space, space.encode(IMAGES), (32,), CLASSES, process, steps=2)


def pixels(**changes: Any) -> DiffusionRecipe:
    return DiffusionRecipe(Space((1, 16, 16)), None, (16, 32), steps=2, **changes)


def tensors(folder: Path, part: str) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / part / "diffusion_pytorch_model.safetensors")


# --- processes ---


@pytest.mark.parametrize("process", PROCESSES)
def test_the_right_prediction_splits_a_noisy_picture_into_what_it_was_made_of(process: Process) -> None:
    clean, noise = torch.randn(2, 6, 1, 4, 4)
    noisy, time, target = process.noised(clean, noise, torch.linspace(0, 0.99, 6))
    found = process.split(target, noisy, time)
    assert torch.allclose(found[0], clean, atol=1e-4)
    assert torch.allclose(found[1], noise, atol=1e-4)


@pytest.mark.parametrize("process", PROCESSES)
def test_a_walk_with_the_ideal_denoiser_of_a_normal_distribution_ends_in_it(process: Process) -> None:
    """For data N(0, s^2) the ideal clean picture is alpha s^2 / (alpha^2 s^2 + sigma^2) x."""
    s = 0.5
    one = torch.ones(1, 1, 1, 1)

    def ideal(noisy: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        alpha, sigma = process.mixed(one, 0 * one, time[:1]), process.mixed(0 * one, one, time[:1])
        clean = alpha * s**2 / (alpha**2 * s**2 + sigma**2) * noisy
        noise = (noisy - alpha * clean) / sigma
        return noise - clean if isinstance(process, Flow) else alpha * noise - sigma * clean

    noise = torch.randn(4, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    errors = [float((list(walk(process, ideal, noise, n))[-1] - s * noise).abs().max()) for n in (50, 100, 200)]
    assert errors[-1] < 0.02
    assert all(1.6 < one / two < 2.4 for one, two in pairwise(errors))  # first order


@pytest.mark.parametrize("process", PROCESSES)
def test_steps_are_those_of_the_scheduler_of_diffusers(process: Process) -> None:
    scheduler = process.scheduler()
    scheduler.set_timesteps(25)
    mine = torch.tensor(process.times(25)[:-1])
    tolerance = 1.0 if isinstance(process, Flow) else 0.0  # diffusers ends a flow's steps at 1, not at 1000 / steps
    start = slice(0, 1) if tolerance else slice(None)
    assert torch.allclose(scheduler.timesteps.float()[start], mine[start], atol=tolerance)


def test_moments_lie_one_in_every_part() -> None:
    drawn = stratified(8, torch.Generator().manual_seed(0), torch.device("cpu"))
    assert (drawn * 8).floor().tolist() == list(range(8))


def test_guidance_one_is_the_prediction_for_the_class_and_zero_that_for_none() -> None:
    net = make_unet((1, 8, 8), (16, 32), 2).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.05)
        noisy, time, told = torch.randn(3, 1, 8, 8), torch.tensor([1.0, 500.0, 900.0]), torch.tensor([0, 1, 0])
        both = torch.stack([guided(net, noisy, time, told, scale) for scale in (0.0, 1.0)])
        none = torch.full_like(told, 2)
        assert torch.allclose(both[0], net(noisy, time, none).sample, atol=1e-5)
        assert torch.allclose(guided(net, noisy, time, told, 3.0), both[0] + 3 * (both[1] - both[0]), atol=1e-4)


# --- recipes ---


def test_latents_are_normalised_and_decode_to_what_the_autoencoder_makes(settings: Settings) -> None:
    list(train(autoencoder(), IMAGES, HELD_OUT, settings, resume=False))
    net = read_autoencoder(settings.out)
    latents = encode_all(net, IMAGES)
    assert torch.allclose(latents.mean((0, 2, 3)), torch.zeros(4), atol=1e-3)
    assert torch.allclose(latents.std((0, 2, 3)), torch.ones(4), atol=1e-2)
    with torch.no_grad():
        images = torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 127.5 - 1
        whole = net.decode(net.encode(images).latent_dist.mean).sample
    assert torch.allclose(picture(net, latents), whole, atol=1e-4)


@pytest.mark.slow
def test_the_autoencoder_learns(settings: Settings) -> None:
    taught = autoencoder()
    before = taught.measure(taught.net, HELD_OUT)["reconstruction_psnr_db"]
    list(train(taught, IMAGES, HELD_OUT, replace(settings, images=800), resume=False))
    config = json.loads((settings.out / CONFIG_NAME).read_text())
    assert config["training"]["held_out"]["reconstruction_psnr_db"] > before + 5


@pytest.mark.slow
def test_samples_come_closer_to_the_data(settings: Settings) -> None:
    taught = pixels()
    before = taught.measure(taught.net, HELD_OUT)
    list(train(taught, IMAGES, HELD_OUT, replace(settings, images=1_600, average=0.9), resume=False))
    after = json.loads((settings.out / CONFIG_NAME).read_text())["training"]["held_out"]
    assert after["loss_without_class"] < 0.7 * before["loss_without_class"]
    assert after["distance"] < 0.8 * before["distance"]


@pytest.mark.parametrize("make", [autoencoder, latent, pixels])
def test_a_resumed_run_equals_one_that_never_stopped(make: Any, settings: Settings, tmp_path: Path) -> None:
    list(train(make(), IMAGES, HELD_OUT, settings, resume=False))
    stopped = replace(settings, out=tmp_path / "stopped")
    reports = train(make(), IMAGES, HELD_OUT, replace(stopped, save_seconds=0.0), resume=False)
    for report in reports:
        if report.images >= 16:
            break
    reports.close()
    list(train(make(), IMAGES, HELD_OUT, stopped, resume=True))
    part = "vae" if make is autoencoder else "unet"
    whole, pieces = tensors(settings.out, part), tensors(stopped.out, part)
    assert all(torch.equal(whole[name], pieces[name]) for name in whole)


def test_a_student_begins_as_its_teacher_and_everything_of_it_learns(settings: Settings) -> None:
    teacher = latent()
    with torch.no_grad():
        for parameter in teacher.net.parameters():
            parameter.add_(0.01)  # past the zeros at which a network begins
    before = {name: value.clone() for name, value in teacher.net.state_dict().items()}
    student = ConsistencyRecipe(teacher.net, teacher.space, teacher.latents, CLASSES, steps=2)
    assert all(torch.equal(before[name], value) for name, value in student.net.state_dict().items())
    list(train(student, IMAGES, HELD_OUT, settings, resume=False))
    untold = "class_embedding.weight"  # its last row means no class, which a student is never told
    still = {name for name, value in student.net.named_parameters() if torch.equal(before[name], value)}
    assert still == set()
    assert torch.equal(before[untold][2], student.net.get_parameter(untold)[2])
    assert all(torch.equal(before[name], value) for name, value in teacher.net.state_dict().items())


def test_a_consistency_function_leaves_clean_pictures_alone() -> None:
    student = ConsistencyRecipe(make_unet((1, 8, 8), (16, 32), 0), Space((1, 8, 8)), None)
    images = torch.randn(3, 1, 8, 8)
    assert torch.equal(student._consistent(student.net, images, torch.full((3,), -1.0), None), images)


# --- folders ---


@pytest.mark.parametrize(
    ("make", "scheduler"), [(latent, "DDIMScheduler"), (lambda: latent(Flow()), "FlowMatchEulerDiscreteScheduler")]
)
def test_diffusers_opens_every_part(make: Any, scheduler: str, settings: Settings) -> None:
    import diffusers

    list(train(make(), IMAGES, HELD_OUT, settings, resume=False))
    index = json.loads((settings.out / "model_index.json").read_text())
    assert index["scheduler"] == ["diffusers", scheduler]
    for part, name in (("unet", "UNet2DModel"), ("vae", "AutoencoderKL")):
        kind = getattr(diffusers, name)
        net, found = kind.from_pretrained(
            settings.out, subfolder=part, output_loading_info=True, low_cpu_mem_usage=False
        )
        assert not any(found.values())
        assert all(torch.equal(net.state_dict()[key], value) for key, value in tensors(settings.out, part).items())
    getattr(diffusers, scheduler).from_pretrained(settings.out, subfolder="scheduler")


def test_a_folder_of_halves_opens_in_32_bits(settings: Settings) -> None:
    list(train(latent(), IMAGES, HELD_OUT, replace(settings, half=True), resume=False))
    assert tensors(settings.out, "unet")["conv_in.weight"].dtype == torch.float16
    assert {parameter.dtype for parameter in read_teacher(settings.out).parameters()} == {torch.float32}


def test_the_scheduler_of_a_student_takes_its_steps(settings: Settings) -> None:
    from diffusers import LCMScheduler

    teacher = latent()
    student = ConsistencyRecipe(teacher.net, teacher.space, teacher.latents, CLASSES, steps=2)
    list(train(student, IMAGES, HELD_OUT, settings, resume=False))
    scheduler = LCMScheduler.from_pretrained(settings.out, subfolder="scheduler")
    scheduler.set_timesteps(4)
    assert scheduler.timesteps.tolist() == [999, 759, 499, 259]
    assert scheduler.config.prediction_type == "v_prediction"


def test_writing_replaces_a_folder_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "model"
    for name in ("old", "new"):
        write_folder(out, {"name": name}, {"scheduler": Flow().scheduler()}, {}, "DiffusionPipeline")
    assert json.loads((out / CONFIG_NAME).read_text())["name"] == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "model"
    write_folder(out, {"name": "old"}, {}, {}, "DiffusionPipeline")
    with pytest.raises(ValueError, match="JSON"):
        write_folder(out, {"name": float("nan")}, {}, {}, "DiffusionPipeline")
    assert json.loads((out / CONFIG_NAME).read_text())["name"] == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_incomplete_autoencoder_is_refused_by_name(settings: Settings) -> None:
    from safetensors.torch import save_file

    list(train(autoencoder(), IMAGES, HELD_OUT, settings, resume=False))
    kept = tensors(settings.out, "vae")
    kept.pop("quant_conv.weight")
    save_file(kept, settings.out / "vae" / "diffusion_pytorch_model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingError, match="model is incomplete"):
        read_autoencoder(settings.out)


def test_a_flow_cannot_be_a_teacher(settings: Settings) -> None:
    list(train(latent(Flow()), IMAGES, HELD_OUT, settings, resume=False))
    with pytest.raises(TrainingError, match="no model that this program can distil"):
        read_teacher(settings.out)


# --- commands ---


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    np.savez(tmp_path / "toys.npz", images=IMAGES[..., 0], labels=np.arange(40) % 2)
    return tmp_path / "toys.npz"


OPTIONS = ("--images", "32", "--batch", "16", "--device", "cpu", "--precision", "float32", "--threads", "1")


@pytest.mark.slow
def test_the_commands_build_on_each_other(dataset: Path, tmp_path: Path) -> None:
    out = {name: str(tmp_path / name) for name in ("latent", "flow", "student", "pixel")}
    unet = ("--widths", "32", "--steps", "2", "--class-names", "low,high")
    first = ("--autoencoder-images", "32")
    assert main(["train", "latent-diffusion", str(dataset), "-o", out["latent"], *first, *OPTIONS, *unet]) == 0
    shared = ("--autoencoder", out["latent"])
    assert main(["train", "flow-matching", str(dataset), "-o", out["flow"], *shared, *OPTIONS, *unet]) == 0
    assert main(["train", "consistency", out["latent"], str(dataset), "-o", out["student"], *OPTIONS]) == 0
    assert main(["train", "diffusion", str(dataset), "-o", out["pixel"], *OPTIONS, "--steps", "2"]) == 0
    told = {name: json.loads((Path(path) / CONFIG_NAME).read_text()) for name, path in out.items()}
    assert {name: config["sampling"]["sampler"] for name, config in told.items()} == {
        "latent": "ddim",
        "flow": "flow_euler",
        "student": "lcm",
        "pixel": "ddim",
    }
    assert told["latent"]["class_names"] == ["low", "high"]
    assert (tmp_path / "latent-autoencoder" / "vae").exists()
    assert not (tmp_path / "pixel" / "vae").exists()


def test_a_run_stopped_before_its_second_phase_goes_on(dataset: Path, settings: Settings) -> None:
    first = replace(settings, out=settings.out.with_name("model-autoencoder"))
    list(train(autoencoder(), IMAGES, HELD_OUT, first, resume=False))
    more = ("--widths", "32", "--steps", "2", "--resume")
    assert main(["train", "latent-diffusion", str(dataset), "-o", str(settings.out), *more, *OPTIONS]) == 0
    assert (settings.out / "unet").exists()


def test_a_folder_that_is_no_model_is_not_replaced(dataset: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("kept")
    assert main(["train", "diffusion", str(dataset), "-o", str(tmp_path / "mine"), *OPTIONS]) == 2
    assert "exists and is not a model" in " ".join(capsys.readouterr().err.split())
    assert (tmp_path / "mine" / "letter.txt").exists()


def test_an_autoencoder_for_other_pictures_is_refused(dataset: Path, settings: Settings, capsys: Any) -> None:
    list(train(autoencoder(), IMAGES, HELD_OUT, settings, resume=False))
    more = ("--autoencoder", str(settings.out), "--size", "32")
    assert main(["train", "flow-matching", str(dataset), "-o", str(settings.out) + "-flow", *more, *OPTIONS]) == 1
    assert "does not fit: it is for pictures of 16 pixels" in " ".join(capsys.readouterr().err.split())


def test_a_recipe_is_a_recipe() -> None:
    recipes: list[Recipe] = [pixels(), autoencoder()]
    assert all(callable(recipe.write) for recipe in recipes)
