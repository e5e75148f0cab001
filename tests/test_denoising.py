"""Runs of a diffusion model: kept, continued, branched, started from pictures, painted into."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toys import MEANS, ToyDiffusion

from explorer.denoising import Runs, decode_steps, dissolve, resolved, run_many, run_noise, run_scene
from explorer.diffusion import Prediction
from explorer.errors import DeviceError, SceneError
from explorer.imaging import write_png
from explorer.render import render, render_many
from explorer.runs import change_condition, change_paint, change_sampling
from explorer.scene import Condition, Denoising, ImageFile, Latent, Sampling, Scene, Seed, Start

WHOLE = Scene(denoising=Denoising(Sampling("ddim", 10, guidance=2.0)))


@pytest.fixture
def toy() -> ToyDiffusion:
    return ToyDiffusion()


def seeded(number: int, scene: Scene = WHOLE) -> Scene:
    return replace(scene, latent=Latent(((Seed(number), 1.0),)))


def in_class(index: int, scene: Scene = WHOLE) -> Scene:
    return replace(scene, condition=Condition(((index, 1.0),)))


# --- whole runs ---


def test_a_run_has_the_steps_asked_for_in_their_order(toy: ToyDiffusion) -> None:
    steps = list(run_scene(toy, WHOLE, Runs()))
    assert [step.index for step in steps] == list(range(10))
    assert {step.total for step in steps} == {10}


def test_noise_falls_along_a_run(toy: ToyDiffusion) -> None:
    sigmas = [step.sigma for step in run_scene(toy, WHOLE, Runs())]
    assert sigmas == sorted(sigmas, reverse=True)


def test_what_a_scene_leaves_open_is_up_to_the_checkpoint(toy: ToyDiffusion) -> None:
    assert resolved(toy, Sampling()) == Sampling("ddim", 10, guidance=2.0)


def test_a_sampler_that_does_not_suit_is_refused(toy: ToyDiffusion) -> None:
    with pytest.raises(SceneError, match="flow_euler"):
        list(run_scene(toy, change_sampling(WHOLE, Sampling("flow_euler"), None), Runs()))


def test_a_run_ends_at_the_mean_of_its_class(toy: ToyDiffusion) -> None:
    plain = change_sampling(WHOLE, Sampling("ddim", 50, guidance=1.0), None)
    pictures = run_many(toy, [in_class(2, seeded(number, plain)) for number in range(40)])
    assert float(pictures.mean()) == pytest.approx(MEANS[2], abs=0.03)


def test_guidance_leads_further_from_nothing(toy: ToyDiffusion) -> None:
    means = []
    for scale in (0.0, 1.0, 3.0):
        scene = change_sampling(WHOLE, Sampling("ddim", 50, guidance=scale), None)
        means.append(float(run_many(toy, [in_class(2, seeded(n, scene)) for n in range(20)]).mean()))
    assert means == sorted(means)
    assert means[0] == pytest.approx(0.0, abs=0.1)


def test_guidance_of_one_needs_one_call_a_step_and_any_other_no_more(toy: ToyDiffusion) -> None:
    for scale in (1.0, 4.0):
        toy.calls = 0
        list(run_scene(toy, change_sampling(WHOLE, Sampling("ddim", 10, guidance=scale), None), Runs()))
        assert toy.calls == 10


def test_equal_scenes_have_equal_pictures_whatever_was_kept(toy: ToyDiffusion) -> None:
    kept = Runs()
    branch = change_sampling(WHOLE, Sampling("dpm++2m", 10, guidance=5.0), 4)
    list(run_scene(toy, WHOLE, kept))
    *_, continued = run_scene(toy, branch, kept)
    *_, afresh = run_scene(toy, branch, Runs())
    assert np.array_equal(continued.clean, afresh.clean)


def test_a_batch_equals_one_by_one(toy: ToyDiffusion) -> None:
    scenes = [in_class(number % 3, seeded(number)) for number in range(5)]
    single = torch.cat([run_many(toy, [scene]) for scene in scenes])
    assert torch.allclose(run_many(toy, scenes), single, atol=1e-6)


def test_pictures_of_mixed_samplings_come_in_their_order(toy: ToyDiffusion) -> None:
    other = change_sampling(WHOLE, Sampling("heun", 5, guidance=1.0), None)
    scenes = [seeded(1), seeded(2, other), seeded(3)]
    pictures = [picture.pixels for picture in render_many(toy, scenes, 3)]
    for scene, pixels in zip(scenes, pictures, strict=True):
        *_, alone = render(toy, scene)
        assert np.abs(alone.pixels.astype(int) - pixels).max() <= 1


def test_a_thumbnail_takes_a_few_steps_unless_the_run_turns(toy: ToyDiffusion) -> None:
    for scene, calls in ((WHOLE, 8), (change_sampling(WHOLE, Sampling(guidance=5.0), 9), 10)):
        toy.calls = 0
        list(render_many(toy, [scene], 1, side=8))
        assert toy.calls == calls


def test_given_noise_is_what_a_seed_draws(toy: ToyDiffusion) -> None:
    assert torch.equal(run_noise(toy, toy.draw(7)[None], [WHOLE]), run_many(toy, [seeded(7)]))


def test_a_stochastic_run_depends_on_its_seed_alone(toy: ToyDiffusion) -> None:
    def picture(seed: int) -> np.ndarray:
        *_, step = run_scene(toy, change_sampling(WHOLE, Sampling("ddpm", 10, seed=seed), None), Runs())
        return step.clean

    assert np.array_equal(picture(1), picture(1))
    assert not np.array_equal(picture(1), picture(2))


def test_fresh_noise_differs_from_seed_to_seed_but_not_in_a_batch(toy: ToyDiffusion) -> None:
    ancestral = change_sampling(WHOLE, Sampling("ddpm", 10, guidance=1.0), None)
    scenes = [seeded(number, ancestral) for number in (1, 2)]
    both = run_many(toy, scenes)
    assert torch.allclose(both, torch.cat([run_many(toy, [scene]) for scene in scenes]), atol=1e-6)
    correlation = torch.corrcoef(both.flatten(1) - both.mean((1, 2, 3))[:, None])[0, 1]
    assert abs(float(correlation)) < 0.5


# --- branches ---


@pytest.mark.parametrize("step", [0, 3, 9])
def test_a_branch_costs_the_steps_from_it_on(toy: ToyDiffusion, step: int) -> None:
    kept = Runs()
    list(run_scene(toy, WHOLE, kept))
    toy.calls = 0
    steps = list(run_scene(toy, change_sampling(WHOLE, Sampling("ddim", 10, guidance=6.0), step), kept))
    assert toy.calls == 10 - step
    assert len(steps) == 10


def test_going_back_to_a_kept_run_costs_nothing(toy: ToyDiffusion) -> None:
    kept = Runs()
    list(run_scene(toy, WHOLE, kept))
    list(run_scene(toy, in_class(1), kept))
    toy.calls = 0
    steps = list(run_scene(toy, WHOLE, kept))
    assert toy.calls == 0
    assert steps[-1].reused == 10


def test_a_branch_into_another_class_ends_elsewhere(toy: ToyDiffusion) -> None:
    *_, before = run_scene(toy, WHOLE, Runs())
    *_, after = run_scene(toy, change_condition(WHOLE, Condition(((2, 1.0),)), 5), Runs())
    assert after.clean.mean() > before.clean.mean() + 30


def test_a_guidance_curve_changed_at_its_end_keeps_the_steps_before(toy: ToyDiffusion) -> None:
    kept = Runs()
    flat = change_sampling(WHOLE, Sampling("ddim", 10, curve=((0.0, 2.0), (0.5, 2.0), (1.0, 2.0))), None)
    bent = change_sampling(WHOLE, Sampling("ddim", 10, curve=((0.0, 2.0), (0.5, 2.0), (1.0, 9.0))), None)
    list(run_scene(toy, flat, kept))
    toy.calls = 0
    list(run_scene(toy, bent, kept))
    assert toy.calls == 5


def test_guidance_acts_inside_its_interval_only(toy: ToyDiffusion) -> None:
    scene = change_sampling(WHOLE, Sampling("ddim", 10, guidance=4.0, interval=(0.3, 0.7)), None)
    scales = [step.guidance for step in run_scene(toy, scene, Runs())]
    assert scales == [1.0, 1.0, 1.0, 4.0, 4.0, 4.0, 4.0, 1.0, 1.0, 1.0]


# --- what is kept ---


def test_kept_steps_stay_within_the_budget(toy: ToyDiffusion) -> None:
    kept = Runs(budget=20_000)
    for number in range(10):
        list(run_scene(toy, seeded(number), kept))
    assert 0 < kept.size <= 20_000


@pytest.mark.parametrize("sampler", ["ddim", "dpm++2m"])
def test_what_is_kept_in_half_precision_changes_no_picture(toy: ToyDiffusion, sampler: str) -> None:
    whole = change_sampling(WHOLE, Sampling(sampler, 10, guidance=2.0), None)
    branch = change_sampling(whole, Sampling(sampler, 10, guidance=5.0), 4)
    size = Runs()
    list(run_scene(toy, whole, size))
    tight = Runs(budget=int(size.size * 0.9))
    list(run_scene(toy, whole, tight))
    toy.calls = 0
    *_, continued = run_scene(toy, branch, tight)
    *_, afresh = run_scene(toy, branch, Runs())
    assert toy.calls == 6 + 10
    assert np.array_equal(continued.clean, afresh.clean)


def test_the_budget_is_told(toy: ToyDiffusion) -> None:
    kept = Runs(budget=1 << 20)
    *_, last = run_scene(toy, WHOLE, kept)
    assert (last.run_bytes, last.budget_bytes) == (kept.size, 1 << 20)


def test_the_difference_of_the_predictions_is_shown_where_there_are_two(toy: ToyDiffusion) -> None:
    guided = next(run_scene(toy, WHOLE, Runs()))
    plain = next(run_scene(toy, change_sampling(WHOLE, Sampling("ddim", 10, guidance=1.0), None), Runs()))
    assert guided.difference is not None
    assert guided.difference.shape == (8, 8)
    assert plain.difference is None


def test_previews_become_real_pictures() -> None:
    toy, kept = ToyDiffusion(autoencoder=True), Runs()
    steps = list(run_scene(toy, WHOLE, kept))
    assert [step.is_decoded for step in steps] == [False] * 9 + [True]
    real = list(decode_steps(toy, WHOLE, kept))
    assert sorted(step.index for step in real) == list(range(10))
    assert all(step.is_decoded and step.conditional is not None for step in run_scene(toy, WHOLE, kept))
    assert list(decode_steps(toy, WHOLE, kept)) == []


# --- pictures to start from ---


@pytest.fixture
def picture(tmp_path: Path) -> ImageFile:
    pixels = np.full((8, 8, 1), 200, np.uint8)
    pixels[:, 4:] = 60
    write_png(tmp_path / "start.png", pixels)
    return ImageFile(str(tmp_path / "start.png"))


def started(picture: ImageFile, strength: float, mask: ImageFile | None = None) -> Scene:
    return replace(WHOLE, denoising=replace(WHOLE.denoising, start=Start(picture, strength, mask)))


@pytest.mark.parametrize(("strength", "steps"), [(1.0, 10), (0.5, 5), (0.1, 1), (0.0, 1)])
def test_a_weaker_start_leaves_fewer_steps(toy: ToyDiffusion, picture: ImageFile, strength: float, steps: int) -> None:
    assert len(list(run_scene(toy, started(picture, strength), Runs()))) == steps


def test_a_weak_start_stays_near_its_picture(toy: ToyDiffusion, picture: ImageFile) -> None:
    *_, weak = run_scene(toy, started(picture, 0.1), Runs())
    *_, strong = run_scene(toy, started(picture, 1.0), Runs())
    original = np.full((8, 8), 200.0)
    original[:, 4:] = 60
    far = [np.abs(step.clean[..., 0] - original).mean() for step in (weak, strong)]
    assert far[0] < far[1] / 2


@pytest.mark.parametrize("autoencoder", [False, True])
def test_outside_of_the_mask_the_picture_is_kept(picture: ImageFile, tmp_path: Path, autoencoder: bool) -> None:
    toy = ToyDiffusion(autoencoder=autoencoder)
    mask = np.zeros((8, 8, 1), np.uint8)
    mask[:, :4] = 255
    write_png(tmp_path / "mask.png", mask)
    *_, last = run_scene(toy, started(picture, 1.0, ImageFile(str(tmp_path / "mask.png"))), Runs())
    assert np.abs(last.clean[:, 4:, 0].astype(int) - 60).max() <= 1
    assert np.abs(last.clean[:, :4, 0].astype(int) - 200).max() > 20


def test_a_masked_run_goes_on_as_it_would_have(toy: ToyDiffusion, picture: ImageFile) -> None:
    masked, kept = started(picture, 1.0, picture), Runs()
    list(run_scene(toy, masked, kept))
    branch = change_sampling(masked, Sampling("ddim", 10, guidance=5.0), 6)
    *_, continued = run_scene(toy, branch, kept)
    *_, afresh = run_scene(toy, branch, Runs())
    assert np.array_equal(continued.clean, afresh.clean)


def test_paint_changes_the_run_from_its_step_on(toy: ToyDiffusion, tmp_path: Path) -> None:
    from PIL import Image

    layer = np.zeros((8, 8, 4), np.uint8)
    layer[:4, :4] = (255, 255, 255, 255)
    Image.fromarray(layer).save(tmp_path / "paint.png")
    kept = Runs()
    before = list(run_scene(toy, WHOLE, kept))
    after = list(run_scene(toy, change_paint(WHOLE, ImageFile(str(tmp_path / "paint.png")), 6), kept))
    assert all(np.array_equal(a.noisy, b.noisy) for a, b in zip(before[:7], after[:7], strict=True))
    assert (after[6].clean[:4, :4] == 255).all()
    assert after[-1].clean[:4, :4].mean() > before[-1].clean[:4, :4].mean() + 20
    assert np.array_equal(after[-1].clean[4:], before[-1].clean[4:])


def test_a_picture_dissolves_into_noise(toy: ToyDiffusion, picture: ImageFile) -> None:
    whole, half, gone = (dissolve(toy, picture.path, fraction) for fraction in (0.0, 0.5, 1.0))
    assert whole.pixels[0, 0, 0] == 200
    assert whole.decibels > half.decibels > gone.decibels


def test_a_picture_that_changed_is_refused(toy: ToyDiffusion, picture: ImageFile) -> None:
    with pytest.raises(SceneError, match="not the picture it was"):
        list(run_scene(toy, started(replace(picture, digest="0" * 64), 0.5), Runs()))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_a_full_memory_is_told_in_a_sentence(
    toy: ToyDiffusion, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> Prediction:
        raise error

    monkeypatch.setattr(toy, "predict", fail)
    with pytest.raises(DeviceError, match="cpu ran out of memory"):
        list(run_scene(toy, WHOLE, Runs()))
