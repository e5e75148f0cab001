"""Promises about how films move: paths, easing, equal change, beats, ready motions."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from examples import make_diffusion, make_stylegan2, make_vae
from hands import Program, seed_scene
from scipy.io import wavfile

from explorer.animation import (
    Film,
    Keyframe,
    Sound,
    duration,
    ease,
    frame_count,
    scene_at,
    scenes,
    starts,
    through,
    ways,
)
from explorer.animation.beats import RATE, find_beats, read_sound
from explorer.animation.editing import (
    added,
    duplicated,
    eased,
    inserted,
    matched,
    moved_to,
    on_beats,
    pathed,
    remeasured,
    removed,
    reordered,
    stretched,
)
from explorer.animation.presets import PRESETS, Stage
from explorer.animation.speed import speed_curve
from explorer.errors import SoundError
from explorer.evening import features, measure
from explorer.points import locate
from explorer.render import render_many
from explorer.scene import Direction, Latent, Scene, Seed, from_json, moved, to_json

A, B, C, D = (seed_scene(number) for number in range(4))
AXIS, OTHER = Direction("axis", 0), Direction("axis", 1)
Floats = npt.NDArray[np.float32]


def clicks(tempo: float, seconds: float = 12.0, first: float = 0.3, noise: float = 0.01) -> Floats:
    """Short decaying tones at a tempo, in noise."""
    samples = np.random.default_rng(0).normal(0, noise, int(seconds * RATE)).astype(np.float32)
    click = (np.sin(np.arange(1200) * 0.3) * np.exp(-np.arange(1200) / 200)).astype(np.float32)
    for beat in np.arange(first, seconds - 0.1, 60.0 / tempo):
        place = int(beat * RATE)
        samples[place : place + len(click)] += click
    return samples


# Paths


def test_a_spline_goes_through_its_keyframes_without_a_corner() -> None:
    generator = make_vae()
    film = replace(through((A, B, C, D), seconds=1.0, easing="linear"), path="spline", loop=True)
    step = 1e-3
    for keyframe, t in zip(film.keyframes, starts(film), strict=False):
        assert scene_at(film, t) == keyframe.scene
        wrapped = (t - step) % duration(film)
        before, here, after = (locate(generator, scene_at(film, s).latent) for s in (wrapped, t, t + step))
        speeds = (here - before).norm() / step, (after - here).norm() / step
        assert float((after - here - (here - before)).norm()) < 0.05 * step * float(sum(speeds))


def test_a_spline_between_unevenly_spaced_keyframes_has_no_jump_of_speed() -> None:
    places = [(0.0, 1.0), (1.0, 0.5), (3.0, 2.0), (2.0, 1.0)]
    keyframes = tuple(Keyframe(moved(A, AXIS, x), seconds, "linear") for x, seconds in places)
    film = Film(keyframes, path="spline")
    amount = [scene_at(film, t).latent.amount(AXIS) for t in np.arange(0, duration(film), 1e-3)]
    speeds = np.diff(amount) / 1e-3
    assert np.abs(np.diff(speeds)).max() < 0.05


def test_lerp_is_straight_and_slerp_keeps_the_norm() -> None:
    generator = make_vae()
    first, last = (locate(generator, scene.latent).flatten() for scene in (A, B))
    film = through((A, B), seconds=1.0, easing="linear")
    straight = locate(generator, scene_at(replace(film, path="lerp"), 0.3).latent).flatten()
    assert torch.allclose(straight, 0.7 * first + 0.3 * last, atol=1e-5)
    arc = locate(generator, scene_at(replace(film, path="slerp"), 0.5).latent).flatten()
    assert float(arc.norm()) == pytest.approx(float((first.norm() + last.norm()) / 2), rel=1e-4)
    middle = locate(generator, scene_at(replace(film, path="lerp"), 0.5).latent)
    assert float(middle.norm()) < float(arc.norm())


def test_a_slerp_of_a_style_based_model_is_an_arc_through_z() -> None:
    generator = make_stylegan2()
    between = scene_at(replace(through((A, B), seconds=1.0, easing="linear"), path="slerp"), 0.5)
    first, last = (generator.draw(number).double() for number in (0, 1))
    angle = torch.arccos((first @ last) / first.norm() / last.norm())
    unit = torch.sin(angle / 2) / torch.sin(angle) * (first / first.norm() + last / last.norm())
    z = (unit * (first.norm() + last.norm()) / 2).float()
    expected = generator.styles(z[None], None)[0]
    assert torch.allclose(locate(generator, between.latent), expected, atol=1e-4)


def test_scenes_of_every_path_come_back_from_json() -> None:
    for path in ("natural", "lerp", "slerp", "spline"):
        scene = scene_at(replace(through((A, B, C)), path=path, loop=True), 0.7)
        assert from_json(to_json(scene)) == scene


def test_a_loop_of_any_path_repeats_without_a_stutter() -> None:
    film = replace(through((A, B, C), seconds=1.0, easing="linear"), loop=True, path="spline")
    frames = list(scenes(film))
    assert (len(frames), frames[0], len(set(frames))) == (frame_count(film), A, len(frames))


def test_a_part_of_a_film_starts_and_ends_where_it_says() -> None:
    film = through((A, B, C), seconds=1.0, easing="linear")
    part = list(scenes(film, (0.5, 1.5)))
    assert len(part) == 30
    assert (part[0], part[-1]) == (scene_at(film, 0.5), scene_at(film, 1.5))


# Easing


def test_a_curve_of_ones_own_is_the_bezier_it_says() -> None:
    x1, y1, x2, y2 = 0.3, 0.1, 0.4, 0.9
    for s in np.linspace(0, 1, 21):
        x, y = (3 * (1 - s) ** 2 * s * a + 3 * (1 - s) * s**2 * b + s**3 for a, b in ((x1, x2), (y1, y2)))
        assert ease((x1, y1, x2, y2), float(x)) == pytest.approx(y, abs=1e-6)


# Editing


def test_edits_leave_alone_what_they_have_nothing_to_do_with() -> None:
    film = through((A, B, C, D), seconds=2.0)
    assert starts(moved_to(film, 1, 1.5)) == (0.0, 1.5, 4.0, 6.0)
    assert starts(moved_to(film, 1, 1.5, ripple=True)) == (0.0, 1.5, 3.5, 5.5)
    assert starts(removed(film, [1])) == (0.0, 4.0, 6.0)
    assert inserted(film, 3.0, A).scenes == (A, B, A, C, D)
    assert starts(inserted(film, 3.0, A)) == (0.0, 2.0, 3.0, 4.0, 6.0)
    assert scene_at(inserted(film, 3.0), 3.0) == scene_at(film, 3.0)
    assert reordered(film, 3, 0).scenes == (D, A, B, C)
    assert duplicated(film, [1]).scenes == (A, B, B, C, D)
    assert starts(stretched(film, 3.0)) == pytest.approx((0.0, 1.0, 2.0, 3.0))
    assert [k.easing for k in eased(film, [2], "hold").keyframes] == ["ease", "ease", "hold", "ease"]
    assert added(film, [A]).scenes == (A, B, C, D, A)


def test_a_keyframe_can_be_pressed_against_its_neighbour_anywhere() -> None:
    film = through((A, B, C), seconds=0.1)
    for shift in np.linspace(0.0, 50.0, 501):
        pressed = moved_to(moved_to(film, 1, 0.1 + float(shift), ripple=True), 2, 0.0)
        assert pressed.keyframes[1].seconds == pytest.approx(0.02)


def test_what_was_measured_stays_only_with_ways_that_are_the_same() -> None:
    film = through((A, B, C, D))
    film = replace(film, keyframes=tuple(replace(k, changes=(0.0, float(i))) for i, k in enumerate(film.keyframes, 1)))
    assert [bool(k.changes) for k in removed(film, [1]).keyframes] == [False, True, True]
    assert [bool(k.changes) for k in pathed(film, "spline").keyframes] == [False] * 4
    assert remeasured(through((A, B, D)), film).keyframes[0].changes == (0.0, 1.0)
    assert starts(matched(film)) == pytest.approx((0.0, 1.0, 3.0, 6.0))


def test_keyframes_lie_on_every_so_many_beats() -> None:
    film = replace(through((A, B, C)), sound=Sound("a.wav", beats=(0.5, 1.0, 1.5, 2.0)))
    assert starts(on_beats(film)) == (0.0, 0.5, 1.0)
    assert starts(on_beats(film, 2)) == (0.0, 0.5, 1.5)


# Equal change


def test_features_see_what_eyes_see() -> None:
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:48, 0:48]
    disc = (((rows - 24) ** 2 + (columns - 24) ** 2 < 200) * 200).astype(np.uint8)[..., None]

    def change(other: npt.NDArray[np.uint8]) -> float:
        return float(np.abs(features(other) - features(disc)).mean())

    noisy = np.clip(disc.astype(np.int64) + random.integers(-2, 3, disc.shape), 0, 255).astype(np.uint8)
    shifts = [change(np.roll(disc, shift, 1)) for shift in (1, 3, 8)]
    assert change(disc) == 0.0
    assert shifts == sorted(shifts)
    assert change(noisy) < 0.5 * shifts[0]


@pytest.mark.slow
def test_equal_change_evens_out_a_real_model() -> None:
    from explorer.files import checkpoints_folder
    from explorer.generators import open_generator

    generator = open_generator(checkpoints_folder() / "fashion-vae.safetensors", "cpu")
    film = measure(generator, through((A, B, C, D), Film(frames_per_second=15), 2.0, "linear"))

    def unevenness(of: Film) -> float:
        seen = [features(picture.pixels) for picture in render_many(generator, scenes(of), 8)]
        steps = np.array([np.abs(after - before).mean() for before, after in pairwise(seen)])
        return float(steps.std() / steps.mean())

    assert unevenness(matched(replace(film, even=True))) < 0.5 * unevenness(film)


def test_the_speed_curve_is_the_change_per_second() -> None:
    film = through((A, B), seconds=4.0, easing="linear")
    film = replace(film, keyframes=(replace(film.keyframes[0], changes=(0.0, 1.0, 4.0)), film.keyframes[1]))
    times, speeds = speed_curve(film, 4)
    assert times.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert speeds.tolist() == pytest.approx([0.5, 0.5, 1.5, 1.5])
    assert speed_curve(replace(film, even=True), 4)[1].tolist() == pytest.approx([1.0] * 4)


# Sound


@pytest.mark.parametrize("tempo", [90.0, 120.0, 137.0])
def test_the_beats_of_a_click_track_are_where_its_clicks_are(tempo: float) -> None:
    beats = find_beats(clicks(tempo))
    truth = np.arange(0.3, 11.9, 60.0 / tempo)
    nearest = np.abs(beats[:, None] - truth).min(axis=1)
    assert len(beats) >= 0.8 * len(truth)
    assert nearest.max() < 0.03


def test_noise_without_a_beginning_and_silence_have_no_say(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "silence.wav", RATE, np.zeros(RATE, np.int16))
    with pytest.raises(SoundError, match="silent"):
        read_sound(tmp_path / "silence.wav")
    (tmp_path / "text.wav").write_text("no sound")
    for name in ("text.wav", "missing.wav"):
        with pytest.raises(SoundError, match=name):
            read_sound(tmp_path / name)


def test_a_sound_file_is_read_with_its_beats_and_waveform(tmp_path: Path) -> None:
    samples = clicks(120.0, seconds=8.0)
    wavfile.write(tmp_path / "clicks.wav", RATE, (samples / np.abs(samples).max() * 30_000).astype(np.int16))
    sound, peaks = read_sound(tmp_path / "clicks.wav")
    assert sound.seconds == pytest.approx(8.0, abs=0.05)
    assert np.diff(sound.beats) == pytest.approx(0.5, abs=0.03)
    assert (peaks.shape, float(peaks.max())) == ((2000,), 1.0)


# Ready motions


def stage(**has: object) -> Stage:
    return replace(Stage(A, AXIS, OTHER), **has)  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_ready_motion_is_a_film_that_loops(preset: object) -> None:
    from explorer.animation.presets import Preset

    assert isinstance(preset, Preset)
    full = stage(layers=8, classes=4, can_guide=True, guidance=3.0, starts_from_picture=True)
    assert preset.fits(full)
    film = preset.make(full)
    assert film.loop
    assert ways(film) == len(film.keyframes) >= 2
    assert scene_at(film, 0.0) == film.keyframes[0].scene
    assert scene_at(film, duration(film)) == film.keyframes[0].scene


def test_a_circle_is_round() -> None:
    film = next(preset for preset in PRESETS if preset.name == "Circle in a plane").make(stage())
    for scene in scenes(film):
        x, y = scene.latent.amount(AXIS), scene.latent.amount(OTHER)
        assert math.hypot(x, y) == pytest.approx(1.5, abs=0.01)


def test_motions_that_a_model_cannot_do_are_not_offered() -> None:
    names = {preset.name for preset in PRESETS if preset.fits(stage())}
    assert names == {"Circle in a plane", "Along a direction", "Breathing truncation", "Walk of seeds"}


@pytest.mark.parametrize("make", [make_vae, make_stylegan2, lambda: make_diffusion(classes=3)])
def test_ready_motions_render(make: object) -> None:
    assert callable(make)
    generator = make()
    layers = 4 if hasattr(generator, "styles") else 0
    fitting = stage(layers=layers, classes=generator.classes, across=Direction("axis", 0), up=Direction("axis", 1))
    if not hasattr(generator, "levels") or layers:
        fitting = replace(fitting, scene=Scene(Latent(((Seed(3), 1.0),))))
    for preset in PRESETS:
        if preset.fits(fitting) and preset.name in ("Breathing truncation", "Walk of seeds", "Style sweep"):
            film = preset.make(fitting)
            pictures = list(render_many(generator, (scene_at(film, t) for t in (0.0, duration(film) / 3)), 2))
            assert len(pictures) == 2


# In the window


def test_equal_change_measures_in_the_background_and_is_one_step_of_undo(opened: Program) -> None:
    session = opened.session
    session.change_film(through((A, B)), "Film")
    opened.actions.filming.set_even(True)
    opened.wait(lambda: bool(session.film.keyframes[0].changes))
    assert session.film.even
    session.undo()
    assert session.film == through((A, B))


def test_a_way_added_later_is_measured_too(opened: Program) -> None:
    opened.session.change_film(replace(through((A, B)), even=True), "Film")
    opened.wait(lambda: bool(opened.session.film.keyframes[0].changes))
    opened.session.change_film(added(opened.session.film, [C]), "Add")
    opened.wait(lambda: all(k.changes for k in opened.session.film.keyframes[:2]))


def test_a_sound_comes_with_its_waveform_and_a_bad_one_with_a_sentence(opened: Program, tmp_path: Path) -> None:
    samples = clicks(120.0, seconds=6.0)
    wavfile.write(tmp_path / "clicks.wav", RATE, (samples / np.abs(samples).max() * 30_000).astype(np.int16))
    opened.session.change_film(through((A, B)), "Film")
    opened.actions.filming.load_sound(tmp_path / "clicks.wav")
    opened.wait(lambda: opened.session.film.sound is not None)
    assert opened.actions.filming.waveform() is not None
    opened.actions.filming.on_beats(2)
    assert duration(opened.session.film) == pytest.approx(0.3, abs=0.05)
    opened.actions.filming.drop_sound()
    (tmp_path / "text.wav").write_text("no sound")
    opened.actions.filming.load_sound(tmp_path / "text.wav")
    opened.wait_message("text.wav is not a sound file")


def test_a_ready_motion_is_one_click_and_one_step_of_undo(opened: Program) -> None:
    names = [preset.name for preset in opened.actions.filming.presets()]
    assert "Circle in a plane" in names
    assert "Guidance sweep" not in names
    opened.actions.filming.add_preset("Walk of seeds")
    assert len(opened.session.film.keyframes) == 6
    opened.session.undo()
    assert not opened.session.film.keyframes
