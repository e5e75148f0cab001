"""Diffusion models of every kind that can be opened, against the networks of diffusers called directly."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pytest
import torch
from diffusion_folders import FOLDERS, TEXT_FOLDERS, own_folder, pixel_folder
from torch import Tensor

from explorer.diffusion import Level, denoise
from explorer.errors import SceneError
from explorer.files import digest
from explorer.formats import write_native
from explorer.generators import Denoises, Encodes, Generator, HasLikelihood, capabilities, open_generator
from explorer.generators.diffusion import DenoisingGenerator
from explorer.latents import draw
from explorer.scene import Condition, Direction

GOLDENS: Final = Path(__file__).parents[2] / "shared" / "goldens"
CLOSE: Final = {"atol": 1e-5, "rtol": 1e-5}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders by their kind, written when they are first asked for."""
    home = tmp_path_factory.mktemp("diffusion")

    class Written(dict[str, Path]):
        def __missing__(self, kind: str) -> Path:
            self[kind] = FOLDERS[kind](home / kind.replace(" ", "-"))
            return self[kind]

    return Written()


@pytest.fixture(scope="session")
def opened(folders: dict[str, Path]) -> dict[str, DenoisingGenerator]:
    class Opened(dict[str, DenoisingGenerator]):
        def __missing__(self, kind: str) -> DenoisingGenerator:
            self[kind] = opened_model(folders[kind])
            return self[kind]

    return Opened()


@pytest.fixture(params=FOLDERS)
def model(request: pytest.FixtureRequest, opened: dict[str, DenoisingGenerator]) -> DenoisingGenerator:
    return opened[request.param]


# --- every kind ---


def test_every_kind_denoises(model: DenoisingGenerator) -> None:
    assert isinstance(model, Denoises)
    assert "denoises" in capabilities(model)
    assert model.suggested.sampler in model.samplers
    assert model.suggested.steps > 0
    assert model.suggested.guidance is not None


def test_every_kind_draws_a_picture_of_its_shape(model: DenoisingGenerator) -> None:
    images = model.decode(draw(0, (2, *model.latent_shape)))
    assert images.shape == (2, *model.image_shape)
    assert torch.isfinite(images).all()


def test_a_prediction_does_not_depend_on_its_batch(model: DenoisingGenerator) -> None:
    noisy, level = draw(3, (3, *model.latent_shape)), middle(model)
    conditions = some_conditions(model)
    together = model.predict(noisy, level, model.embed(conditions))
    alone = [model.predict(noisy[i : i + 1], level, model.embed(conditions[i : i + 1])) for i in range(3)]
    torch.testing.assert_close(together.noise, torch.cat([each.noise for each in alone]), atol=1e-4, rtol=1e-4)


def test_a_clean_picture_and_noise_make_up_what_was_given(model: DenoisingGenerator) -> None:
    if model.schedule.kind != "vp" or model._network.plan.limit:
        pytest.skip("clipping breaks it, and other kinds are tested with their maths")
    noisy, level = draw(3, (2, *model.latent_shape)), middle(model)
    given = model.predict(noisy, level, model.embed([Condition()] * 2))
    torch.testing.assert_close(level.alpha * given.clean + level.sigma * given.noise, noisy, atol=1e-4, rtol=1e-4)


def test_pictures_go_to_latents_and_back_in_their_shapes(model: DenoisingGenerator) -> None:
    images = draw(5, (2, *model.image_shape)).clamp(-1, 1)
    latents = model.from_images(images)
    assert latents.shape == (2, *model.latent_shape)
    assert model.to_images(latents).shape == images.shape


def test_previews_have_the_colours_of_pictures_at_the_size_of_latents(model: DenoisingGenerator) -> None:
    preview = model.preview(draw(0, (2, *model.latent_shape)))
    assert preview.shape == (2, model.image_shape[0], *model.latent_shape[1:])
    assert torch.isfinite(preview).all()


def test_a_model_of_our_own_file_is_the_same(model: DenoisingGenerator, tmp_path: Path) -> None:
    checkpoint = model.checkpoint()
    write_native(tmp_path / "model.safetensors", checkpoint.config, checkpoint.weights)
    again = open_generator(tmp_path / "model.safetensors", "cpu")
    noise = draw(1, (1, *model.latent_shape))
    assert torch.equal(again.decode(noise), model.decode(noise))


def test_nothing_is_fetched_from_the_network(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for kind in ("own", *TEXT_FOLDERS):
        found = opened_model(folders[kind])
        found.embed([Condition(prompts=(("a cat", 1.0),) if found.reads_text else ())])


def test_guidance_can_be_computed_wherever_the_embedding_was_made(model: DenoisingGenerator) -> None:
    with torch.inference_mode():
        embedding = model.embed([Condition()])
    noisy = draw(0, (1, *model.latent_shape)).requires_grad_()
    model.predict(noisy, middle(model), embedding).clean.sum().backward()  # type: ignore[no-untyped-call]  # torch's
    assert noisy.grad is not None


# --- against diffusers ---


@pytest.mark.parametrize("kind", ["pixels", "kl", "vq", "tiny", "flow"])
def test_unconditional_predictions_are_those_of_diffusers(
    kind: str, folders: dict[str, Path], opened: dict[str, DenoisingGenerator]
) -> None:
    from diffusers import UNet2DModel

    model, net = opened[kind], UNet2DModel.from_pretrained(folders[kind] / "unet")
    noisy, level = draw(4, (2, *model.latent_shape)), middle(model)
    with torch.no_grad():
        raw = net(noisy, torch.tensor(level.time)).sample
    given = model.predict(noisy, level, model.embed([Condition()] * 2))
    expected = raw if kind != "flow" else noisy + level.alpha * raw
    torch.testing.assert_close(given.noise, expected, **CLOSE)


def test_a_consistency_model_predicts_what_its_scheduler_computes(
    folders: dict[str, Path], opened: dict[str, DenoisingGenerator]
) -> None:
    from diffusers import CMStochasticIterativeScheduler, UNet2DModel

    model, net = opened["consistency"], UNet2DModel.from_pretrained(folders["consistency"] / "unet")
    scheduler = CMStochasticIterativeScheduler.from_pretrained(folders["consistency"] / "scheduler")
    scheduler.set_timesteps(1)
    time, noise = scheduler.timesteps[0], draw(2, (2, *model.latent_shape))
    noisy = noise * float(scheduler.init_noise_sigma)
    with torch.no_grad():
        raw = net(scheduler.scale_model_input(noisy, time), time).sample
    expected = scheduler.step(raw, time, noisy).prev_sample
    level = model.schedule.levels(1)[0]
    given = model.predict(noise * model.schedule.start_scale, level, model.embed([Condition()] * 2))
    torch.testing.assert_close(given.clean, expected, atol=1e-4, rtol=1e-4)


def test_classes_are_those_of_diffusers(folders: dict[str, Path], opened: dict[str, DenoisingGenerator]) -> None:
    from diffusers import UNet2DModel

    model, net = opened["own"], UNet2DModel.from_pretrained(folders["own"] / "unet")
    noisy, level = draw(4, (4, *model.latent_shape)), middle(model)
    embedding = model.embed([Condition(((k, 1.0),)) for k in range(3)])
    nothing = model.nothing([Condition()])
    both = {name: torch.cat([value, nothing[name]]) for name, value in embedding.items()}
    with torch.no_grad():
        v = net(noisy, level.time, torch.arange(4)).sample
    torch.testing.assert_close(
        model.predict(noisy, level, both).clean, level.alpha * noisy - level.sigma * v, atol=1e-4, rtol=1e-4
    )


def test_weights_of_classes_blend_their_embeddings(opened: dict[str, DenoisingGenerator]) -> None:
    model = opened["own"]
    noisy = draw(4, (1, *model.latent_shape))

    def noise(*classes: tuple[int, float]) -> Tensor:
        return model.predict(noisy, middle(model), model.embed([Condition(classes)])).noise

    near = noise((0, 0.999), (1, 0.001)) - noise((0, 1.0))
    assert 0 < float(near.abs().max()) < 0.01
    assert float((noise((0, 0.5), (1, 0.5)) - noise((0, 1.0))).abs().max()) > float(near.abs().max())


def test_dit_is_that_of_diffusers(folders: dict[str, Path], opened: dict[str, DenoisingGenerator]) -> None:
    from diffusers import DiTTransformer2DModel

    model, net = opened["dit"], DiTTransformer2DModel.from_pretrained(folders["dit"] / "transformer").eval()
    noisy, level = draw(4, (2, *model.latent_shape)), middle(model)
    with torch.no_grad():
        raw = net(noisy, timestep=torch.full((2,), level.time), class_labels=torch.tensor([3, 5])).sample
    embedding = {
        "classes": torch.cat(
            [model.embed([Condition(((3, 1.0),))])["classes"], model.nothing([Condition()])["classes"]]
        )
    }
    torch.testing.assert_close(model.predict(noisy, level, embedding).noise, raw[:, :4], **CLOSE)
    assert model.classes == 5
    assert model.class_names == ("ant", "bee", "cow", "dog", "eel")
    assert model.can_guide


@pytest.mark.parametrize("kind", ["kl", "vq", "tiny", "own", "sd3"])
def test_autoencoders_are_those_of_diffusers(
    kind: str, folders: dict[str, Path], opened: dict[str, DenoisingGenerator]
) -> None:
    import diffusers

    model, name = opened[kind], "vqvae" if kind == "vq" else "vae"
    classes = {"vq": diffusers.VQModel, "tiny": diffusers.AutoencoderTiny}
    net = classes.get(kind, diffusers.AutoencoderKL).from_pretrained(folders[kind] / name).eval()
    config = net.config
    latents, images = draw(6, (2, *model.latent_shape)), draw(7, (2, *model.image_shape)).clamp(-1, 1)
    codes = latents / config.scaling_factor
    if config.get("latents_mean"):
        mean, deviation = (torch.tensor(config[each]).view(1, -1, 1, 1) for each in ("latents_mean", "latents_std"))
        codes = codes * deviation + mean
    codes = codes + (config.get("shift_factor") or 0.0)
    with torch.no_grad():
        torch.testing.assert_close(model.to_images(latents), net.decode(codes).sample, **CLOSE)
        there_and_back = model.from_images(images)
        assert there_and_back.shape == latents.shape
        if kind == "own":
            encoded = net.encode(images).latent_dist.mean
            torch.testing.assert_close(there_and_back * deviation / config.scaling_factor + mean, encoded, **CLOSE)


# --- text ---


@pytest.mark.parametrize("kind", TEXT_FOLDERS)
def test_prompts_are_read_as_the_pipelines_of_diffusers_do(
    kind: str, folders: dict[str, Path], opened: dict[str, DenoisingGenerator]
) -> None:
    model, parts = opened[kind], pipeline_of(folders[kind])
    given = model.embed([Condition(prompts=(("a cat", 1.0),))])
    expected = encoded(kind, parts, "a cat")
    for name, value in expected.items():
        torch.testing.assert_close(given[name], value, **CLOSE)


@pytest.mark.parametrize("kind", TEXT_FOLDERS)
def test_predictions_of_text_models_are_those_of_diffusers(
    kind: str, folders: dict[str, Path], opened: dict[str, DenoisingGenerator]
) -> None:
    model, parts = opened[kind], pipeline_of(folders[kind])
    noisy, level = draw(4, (1, *model.latent_shape)), middle(model)
    text = encoded(kind, parts, "a cat")
    time = torch.tensor([level.time])
    with torch.no_grad():
        if kind == "sd3":
            raw = parts["transformer"](noisy, text["text"], text["text_embeds"], time).sample
        else:
            added = {key: text[key] for key in ("text_embeds", "time_ids") if key in text} or None
            told = model.embed([Condition()]).get("guidance")
            raw = parts["unet"](noisy, time, text["text"], timestep_cond=told, added_cond_kwargs=added).sample
    given = model.predict(noisy, level, model.embed([Condition(prompts=(("a cat", 1.0),))]))
    expected = noisy + level.alpha * raw if kind == "sd3" else raw
    torch.testing.assert_close(given.noise, expected, atol=1e-4, rtol=1e-4)


def test_prompts_are_blended_by_their_weights(opened: dict[str, DenoisingGenerator]) -> None:
    model = opened["sd"]
    cat, other = (model.embed([Condition(prompts=((text, 1.0),))])["text"] for text in ("a cat", "b"))
    both = model.embed([Condition(prompts=(("a cat", 3.0), ("b", 1.0)))])["text"]
    torch.testing.assert_close(both, 0.75 * cat + 0.25 * other, **CLOSE)


def test_without_a_prompt_the_empty_one_is_read(opened: dict[str, DenoisingGenerator]) -> None:
    model = opened["sd"]
    assert torch.equal(model.embed([Condition()])["text"], model.embed([Condition(prompts=(("", 1.0),))])["text"])


def test_guidance_leads_away_from_the_negative_prompt(opened: dict[str, DenoisingGenerator]) -> None:
    model = opened["sd"]
    assert torch.equal(
        model.nothing([Condition(negative="b")])["text"], model.embed([Condition(prompts=(("b", 1.0),))])["text"]
    )


def test_an_empty_negative_prompt_of_xl_is_zero(opened: dict[str, DenoisingGenerator]) -> None:
    nothing = opened["xl"].nothing([Condition()])
    assert not nothing["text"].any()
    assert not nothing["text_embeds"].any()
    assert nothing["time_ids"].any()


def test_a_distilled_model_is_told_its_guidance_as_its_pipeline_does(opened: dict[str, DenoisingGenerator]) -> None:
    from diffusers import LatentConsistencyModelPipeline

    model = opened["lcm"]
    expected = LatentConsistencyModelPipeline.get_guidance_scale_embedding(cast(Any, None), torch.tensor([7.5]), 8)
    torch.testing.assert_close(model.embed([Condition()])["guidance"], expected, atol=1e-4, rtol=1e-4)
    assert not model.can_guide
    assert model.suggested.sampler == "lcm"


def test_without_its_words_a_text_model_says_so(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = TEXT_FOLDERS["sd"](tmp_path / "wordless")
    for file in (folder / "tokenizer").iterdir():
        file.unlink()
    model = opened_model(folder)
    with pytest.raises(SceneError, match="cannot read prompts: the words of its tokenizer are missing"):
        model.embed([Condition()])


# --- what is known of a model ---


def test_our_own_folder_says_everything_about_itself(opened: dict[str, DenoisingGenerator]) -> None:
    model = opened["own"]
    assert model.name == "tiny shoes"
    assert model.class_names == ("boot", "clog", "pump")
    assert model.preparation.content == 6
    assert (model.suggested.sampler, model.suggested.steps, model.suggested.guidance) == ("ddim", 6, 2.5)
    assert model.can_guide
    assert model.image_shape == (1, 16, 16)


def test_classes_of_others_cannot_guide(opened: dict[str, DenoisingGenerator]) -> None:
    model = opened["foreign classes"]
    assert model.classes == 3
    assert not model.can_guide


def test_a_class_beyond_the_last_is_one_sentence(opened: dict[str, DenoisingGenerator]) -> None:
    with pytest.raises(SceneError, match="has 3 classes, and none with the number 3"):
        opened["own"].embed([Condition(((3, 1.0),))])


def test_a_consistency_model_leads_nowhere_back(opened: dict[str, DenoisingGenerator]) -> None:
    assert not isinstance(opened["consistency"], Encodes)
    assert isinstance(opened["own"], Encodes)
    assert opened["consistency"].samplers == ("consistency",)


def test_a_suggestion_that_does_not_fit_is_ignored(tmp_path: Path) -> None:
    model = opened_model(own_folder(tmp_path, sampling={"sampler": "magic", "steps": -3, "guidance": "much"}))
    assert (model.suggested.sampler, model.suggested.steps) == ("ddim", 50)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of diffusers, with NumPy 2
@pytest.mark.parametrize(
    ("scheduler", "sampler"),
    [
        ("DDPMScheduler", "ddim"),
        ("DDIMScheduler", "ddim"),
        ("PNDMScheduler", "dpm++2m"),
        ("EulerDiscreteScheduler", "euler"),
        ("EulerAncestralDiscreteScheduler", "ddpm"),
        ("HeunDiscreteScheduler", "heun"),
        ("DPMSolverMultistepScheduler", "dpm++2m"),
        ("UniPCMultistepScheduler", "dpm++2m"),
        ("LCMScheduler", "lcm"),
        ("FlowMatchEulerDiscreteScheduler", "flow_euler"),
        ("CMStochasticIterativeScheduler", "consistency"),
    ],
)
def test_every_scheduler_of_diffusers_is_understood(scheduler: str, sampler: str) -> None:
    import diffusers

    from explorer.generators.diffusion.schedules import plan_of

    made = getattr(diffusers, scheduler)()
    plan = plan_of("it", {**made.config, "_class_name": scheduler})
    assert plan.suggested.sampler == sampler
    levels = plan.schedule.levels(4)
    assert len(levels) == 5
    if hasattr(made, "alphas_cumprod"):
        expected = made.alphas_cumprod.double().numpy()
        np.testing.assert_allclose(plan.schedule.alphas_cumprod, expected, rtol=1e-4)  # type: ignore[attr-defined]  # a table


# --- directions ---


def test_patterns_are_orthonormal(opened: dict[str, DenoisingGenerator]) -> None:
    for kind in ("own", "pixels"):
        vectors = opened[kind].directions("pattern").vectors.flatten(1).double()
        torch.testing.assert_close(vectors @ vectors.T, torch.eye(len(vectors)).double(), atol=1e-5, rtol=0)


def test_the_slowest_pattern_is_even_and_the_next_one_a_half_wave(opened: dict[str, DenoisingGenerator]) -> None:
    model = opened["own pixels"]
    first, second = (model.direction(Direction("pattern", index))[0] for index in (0, 1))
    assert float(first.std()) < 1e-6
    assert int((second[0].diff().sign() != second[0].diff().sign()[0]).sum()) == 0


def test_strengths_of_patterns_are_finite_and_positive(model: DenoisingGenerator) -> None:
    for kind in model.direction_kinds:
        strengths = model.directions(kind).strengths
        assert torch.isfinite(strengths).all()
        assert bool((strengths >= 0).all())


# --- reference data ---


def test_the_golden_ddpm_is_reproduced() -> None:
    model, expected = golden("diffusers_ddpm_tiny")
    noisy = torch.from_numpy(expected["x"])
    for index, time in enumerate(expected["t"]):
        given = model.predict(noisy[index : index + 1], model.schedule.level(float(time)), model.embed([Condition()]))
        np.testing.assert_allclose(given.noise[0].numpy(), expected["eps"][index], atol=1e-4)
    levels = model.schedule.levels(8)
    assert [level.time for level in levels[:8]] == expected["ddim8_timesteps"].tolist()
    embedding = model.embed([Condition()] * len(noisy))
    *_, last = denoise(lambda x, level: model.predict(x, level, embedding), noisy, levels)
    np.testing.assert_allclose(last.result.numpy(), expected["ddim8_from_x"], atol=1e-3)


def test_the_golden_latent_diffusion_is_reproduced() -> None:
    model, expected = golden("diffusers_ldm_uncond_tiny")
    z = torch.from_numpy(expected["z"])
    scale = 0.18215
    np.testing.assert_allclose(model.to_images(z * scale).numpy(), expected["decode_quantised"], atol=1e-4)
    images = torch.from_numpy(expected["img"])
    np.testing.assert_allclose(model.from_images(images).numpy() / scale, expected["latents"], atol=1e-4)
    given = model.predict(z, model.schedule.level(500.0), model.embed([Condition()] * 2))
    np.testing.assert_allclose(given.noise.numpy(), expected["unet_eps_t500"], atol=1e-4)


# --- the same folder, the same digest ---


def test_the_digest_of_a_folder_is_that_of_what_decides_its_pictures(tmp_path: Path) -> None:
    folder = pixel_folder(tmp_path / "model")
    before = digest(folder)
    (folder / "README.md").write_text("Read me.")
    assert digest(folder) == before
    own = {"name": "other"}
    (folder / "latent-explorer.json").write_text(json.dumps(own))
    assert digest(folder) != before


# --- help ---


def opened_model(folder: Path) -> DenoisingGenerator:
    found: Generator = open_generator(folder, "cpu")
    assert isinstance(found, DenoisingGenerator)
    return found


def middle(model: DenoisingGenerator) -> Level:
    levels = model.schedule.levels(4)
    return levels[2]


def some_conditions(model: DenoisingGenerator) -> list[Condition]:
    if model.reads_text:
        return [Condition(prompts=((text, 1.0),)) for text in ("a cat", "b", "")]
    return [Condition(((k % max(model.classes, 1), 1.0),)) for k in range(3)]


def golden_folder(name: str) -> Path:
    if not (GOLDENS / name).is_dir():
        pytest.skip(f"the reference data {name} is not on this machine")
    return GOLDENS / name


def golden(name: str) -> tuple[DenoisingGenerator, dict[str, Any]]:
    folder = golden_folder(name)
    return opened_model(folder), dict(np.load(folder / "expected.npz"))


def pipeline_of(folder: Path) -> dict[str, Any]:
    """The parts of a text model as the libraries load them."""
    import diffusers
    import transformers

    parts: dict[str, Any] = {}
    index = json.loads((folder / "model_index.json").read_text())
    for name, value in index.items():
        if isinstance(value, list) and value[0] in ("diffusers", "transformers"):
            home: Any = {"diffusers": diffusers, "transformers": transformers}[value[0]]
            parts[name] = getattr(home, value[1]).from_pretrained(folder / name)
            if isinstance(parts[name], torch.nn.Module):
                parts[name].eval()
    return parts


@torch.no_grad()
def encoded(kind: str, parts: dict[str, Any], text: str) -> dict[str, Tensor]:
    """What the pipelines of diffusers make of a prompt, written out from their code."""

    def states(number: str) -> Any:
        ids = parts[f"tokenizer{number}"](
            [text], padding="max_length", max_length=77, truncation=True, return_tensors="pt"
        )
        return parts[f"text_encoder{number}"](ids.input_ids, output_hidden_states=True)

    if kind in ("sd", "lcm"):
        return {"text": states("")[0]}
    first, second = states(""), states("_2")
    joined = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], -1)
    if kind == "xl":
        sizes = torch.tensor([[16.0, 16.0, 0.0, 0.0, 16.0, 16.0]])
        return {"text": joined, "text_embeds": second[0], "time_ids": sizes}
    width = parts["transformer"].config.joint_attention_dim
    padded = torch.nn.functional.pad(joined, (0, width - joined.shape[-1]))
    return {
        "text": torch.cat([padded, torch.zeros(1, 256, width)], 1),
        "text_embeds": torch.cat([first[0], second[0]], -1),
    }


# --- likelihood ---


def test_only_a_model_of_pixels_tells_the_likelihood_of_a_picture(opened: dict[str, DenoisingGenerator]) -> None:
    assert isinstance(opened["own pixels"], HasLikelihood)
    assert not isinstance(opened["own"], HasLikelihood)


def test_the_likelihood_of_a_picture_does_not_depend_on_its_neighbours(opened: dict[str, DenoisingGenerator]) -> None:
    model = opened["own pixels"]
    assert isinstance(model, HasLikelihood)
    images = torch.rand(2, *model.image_shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    nats = model.log_likelihood(images)
    assert nats.shape == (2,)
    assert torch.isfinite(nats).all()
    assert torch.allclose(nats[:1], model.log_likelihood(images[:1]), rtol=1e-2)
