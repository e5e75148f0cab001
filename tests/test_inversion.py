"""Promises about finding real pictures: the styles come close, the point is an ordinary one, and cancelling is free."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from examples import CPU, make_stylegan2, make_vae, noise_pictures, save_model
from hands import LEFT, Program
from PIL import Image
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton

from explorer.cli import main
from explorer.errors import ImageError, SceneError
from explorer.formats import Checkpoint
from explorer.generators import Look, StyleGAN2Generator, open_generator
from explorer.imaging import Pixels, read_image
from explorer.inversion import Inversion, invert, keep_point, read_target
from explorer.points import mix
from explorer.recipe import recipe_of
from explorer.render import decode_styles, render_many
from explorer.scene import Condition, Direction, Latent, Noise, Scene, Seed, StoredPoint, from_json, moved, to_json
from explorer.ui.panels.inversion import InversionPanel
from explorer.ui.words import scene_title

SHORT: Final = 12  # steps
OWN: Final = Scene(Latent(((Seed(5), 1.0),)))


@pytest.fixture(scope="module")
def generator() -> StyleGAN2Generator:
    """A StyleGAN2 of 16 x 16 pixels."""
    return make_stylegan2()


@pytest.fixture
def styled(program: Program, tmp_path: Path) -> Program:
    """The window with a StyleGAN2 open, and short searches."""
    program.open(save_model(tmp_path / "styled.safetensors", make_stylegan2()))
    program.actions.set_preferences(replace(program.actions.preferences, find_steps=SHORT))
    return program


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A real picture."""
    return write_picture(tmp_path / "photo.png", noise_pictures(1, 3)[0])


# --- the search ---


@pytest.mark.slow
@pytest.mark.parametrize("classes", [0, 3])
def test_a_picture_of_the_model_is_found_again_in_w(classes: int) -> None:
    generator = make_stylegan2(classes)
    found = last(generator, picture_of(generator, OWN), "w", 200)
    assert found.decibels > 30
    assert (found.styles == found.styles[:1]).all()


@pytest.mark.slow
def test_w_plus_comes_at_least_as_close_as_w(generator: StyleGAN2Generator) -> None:
    pixels = noise_pictures(1, 3)[0]
    seen = list(invert(generator, pixels, "w+", 60))
    in_w = [found for found in seen if found.space == "w"][-1]
    assert seen[-1].residual < in_w.residual
    assert (seen[-1].styles != seen[-1].styles[:1]).any()


@pytest.mark.parametrize("space", ["w", "w+"])
def test_equal_arguments_find_equal_styles(generator: StyleGAN2Generator, space: str) -> None:
    pixels = noise_pictures(1, 3)[0]
    assert np.array_equal(*(last(generator, pixels, space, seed=3).styles for _ in range(2)))


@pytest.mark.gpu
def test_equal_arguments_find_equal_styles_on_a_gpu(tmp_path: Path) -> None:
    generator = open_generator(save_model(tmp_path / "a.safetensors", make_stylegan2()), "cuda")
    pixels = noise_pictures(1, 3)[0]
    assert np.array_equal(*(last(generator, pixels).styles for _ in range(2)))


def test_the_residual_is_that_of_the_picture(generator: StyleGAN2Generator) -> None:
    pixels = noise_pictures(1, 3)[0]
    found = last(generator, pixels)
    made = decode_styles(generator, found.styles[None], Scene())[0][0].clip(-1, 1)
    real = np.moveaxis(pixels, -1, 0) / 127.5 - 1
    assert found.residual == pytest.approx(float(np.sqrt(np.mean((made - real) ** 2))), rel=1e-4)
    assert found.decibels == pytest.approx(20 * np.log10(2 / found.residual))


def test_a_search_never_gets_worse_and_says_how_far_it_is(generator: StyleGAN2Generator) -> None:
    seen = list(invert(generator, noise_pictures(1, 3)[0], "w+", SHORT))
    residuals = [found.residual for found in seen]
    assert residuals == sorted(residuals, reverse=True)
    assert [found.done for found in seen if found.done] == list(range(1, SHORT + 1))
    assert seen[-1].seconds_left == 0
    assert not seen[-1].picture.is_sketch


def test_the_noise_of_the_scene_is_that_of_the_search(generator: StyleGAN2Generator) -> None:
    scene = replace(OWN, noise=Noise("none"))
    found = last(generator, picture_of(generator, scene), look=Look(scene.noise))
    assert np.array_equal(found.picture.pixels, decode_styles(generator, found.styles[None], scene)[1][0])


def test_a_search_works_inside_inference_mode_and_leaves_no_gradients(generator: StyleGAN2Generator) -> None:
    with torch.inference_mode():
        inside = last(generator, noise_pictures(1, 3)[0])
    assert np.array_equal(inside.styles, last(generator, noise_pictures(1, 3)[0]).styles)
    assert all(not parameter.requires_grad and parameter.grad is None for parameter in generator.net.parameters())


def test_a_model_without_a_mean_style_in_its_file_is_searched_too(generator: StyleGAN2Generator) -> None:
    known = generator.checkpoint()
    weights = {name: value for name, value in known.weights.items() if name != "mapping.w_avg"}
    estimated = StyleGAN2Generator.build(Checkpoint(known.config, weights), CPU)
    seen = list(invert(estimated, picture_of(estimated, OWN), "w+", SHORT))
    assert seen[-1].residual < seen[0].residual


def test_a_class_decides_where_the_search_starts() -> None:
    generator, pixels = make_stylegan2(3), noise_pictures(1, 3)[0]
    first, second = (last(generator, pixels, condition=Condition(((k, 1.0),))).styles for k in (0, 2))
    assert not np.array_equal(first, second)


def test_a_model_without_styles_is_refused() -> None:
    with pytest.raises(SceneError, match="has no styles to search"):
        next(invert(make_vae(), noise_pictures(1)[0]))


def test_a_class_that_does_not_exist_gets_a_sentence() -> None:
    with pytest.raises(SceneError, match="has 3 classes, and none with the number 3"):
        next(invert(make_stylegan2(3), noise_pictures(1, 3)[0], condition=Condition(((3, 1.0),))))


def test_a_picture_that_is_gone_gets_a_sentence(generator: StyleGAN2Generator, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not exist"):
        read_target(generator, tmp_path / "gone.png")


# --- the point ---


def test_a_kept_point_is_a_source_of_scenes(generator: StyleGAN2Generator, tmp_path: Path) -> None:
    found = last(generator, noise_pictures(1, 3)[0])
    scene = point_scene(keep_point(tmp_path, "photo", found.styles, "/photo.png"))
    assert np.array_equal(mix(generator, scene).numpy(), found.styles)
    assert np.array_equal(picture_of(generator, scene), found.picture.pixels)
    assert not np.array_equal(picture_of(generator, moved(scene, Direction("ganspace", 0), 2.0)), found.picture.pixels)


def test_a_point_keeps_its_picture_in_json(generator: StyleGAN2Generator, tmp_path: Path) -> None:
    for picture in ("", "/photo.png"):
        scene = point_scene(keep_point(tmp_path, "photo", np.zeros((6, 8), np.float32), picture))
        assert from_json(to_json(scene)) == scene


def test_equal_points_share_a_file_and_others_do_not(tmp_path: Path) -> None:
    points = [keep_point(tmp_path, "photo", np.full((6, 8), value, np.float32)) for value in (0, 0, 1)]
    assert points[0] == points[1]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x93NUMPY\x01\x00\xff\xff"])
def test_a_damaged_point_gets_a_sentence(generator: StyleGAN2Generator, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "point.npy").write_bytes(content)
    with pytest.raises(SceneError, match=r"point.npy is damaged and holds no point"):
        mix(generator, point_scene(StoredPoint(str(tmp_path / "point.npy"))))


def test_several_arrays_are_no_point(generator: StyleGAN2Generator, tmp_path: Path) -> None:
    np.savez(tmp_path / "point.npz", a=np.zeros(3))
    with pytest.raises(SceneError, match="holds no point"):
        mix(generator, point_scene(StoredPoint(str(tmp_path / "point.npz"))))


def test_a_point_of_another_model_gets_a_sentence(generator: StyleGAN2Generator, tmp_path: Path) -> None:
    point = keep_point(tmp_path, "photo", np.zeros((6, 9), np.float32))
    with pytest.raises(SceneError, match="is a point of another model"):
        mix(generator, point_scene(point))


def test_a_changed_point_gets_a_sentence(generator: StyleGAN2Generator, tmp_path: Path) -> None:
    point = keep_point(tmp_path, "photo", np.zeros((6, 8), np.float32))
    np.save(point.path, np.ones((6, 8), np.float32))
    with pytest.raises(SceneError, match="is not the point it was"):
        mix(generator, point_scene(point))


# --- the window ---


def test_a_dropped_picture_is_found_and_becomes_the_point(styled: Program, photo: Path) -> None:
    assert styled.drop(photo)
    styled.wait_message("photo.png found in W+: ")
    styled.rest()
    source = styled.session.scene.latent.sources[0][0]
    assert isinstance(source, StoredPoint)
    assert source.picture == str(photo)
    assert Path(source.path).parent == styled.home / "state" / "points"
    assert styled.session.history.entry.label == "Find photo.png"
    assert styled.session.view.mode == "beside"
    assert scene_title(styled.session.scene) == "photo.png"
    styled.actions.undo()
    assert styled.session.scene == Scene()


def test_a_found_point_is_there_again_after_a_restart(styled: Program, photo: Path) -> None:
    styled.drop(photo)
    styled.wait_message("found in W+")
    pixels, saved = styled.pixels(), styled.session.snapshot()
    styled.actions.random_seed()
    styled.session.restore(saved, styled.model())
    assert np.array_equal(styled.pixels(), pixels)


def test_the_best_so_far_is_shown_while_it_is_searched(styled: Program, photo: Path) -> None:
    seen: list[object] = []
    styled.actions.finder.previewed.connect(seen.append)
    begin_long_search(styled, photo)
    styled.wait(lambda: len(seen) > 0)
    assert styled.session.scene == Scene()
    assert styled.session.history.undo() is styled.session.history


def test_a_cancelled_search_leaves_nothing(styled: Program, photo: Path) -> None:
    before = styled.shot()
    begin_long_search(styled, photo)
    styled.wait(lambda: any(button.isVisible() for button in cancels(styled)))
    QTest.mouseClick(next(button for button in cancels(styled) if button.isVisible()), LEFT)
    styled.wait(lambda: not styled.actions.workers.loader.states())
    QApplication.processEvents()
    styled.wait(styled.live.is_idle)
    QApplication.processEvents()
    assert styled.session.scene == Scene()
    assert styled.session.view.mode == "picture"
    assert styled.window.messages.text() == ""
    assert not (styled.home / "state" / "points").exists()
    styled.wait(lambda: styled.shot() == before)


def test_a_hand_that_moves_on_is_not_disturbed(styled: Program, photo: Path) -> None:
    begin_long_search(styled, photo)
    styled.actions.set_seed(7)
    styled.rest()
    seen: list[object] = []
    styled.actions.finder.previewed.connect(seen.append)
    done = styled.actions.workers.loader.states()[0].done
    styled.wait(lambda: styled.actions.workers.loader.states()[0].done > done + 20)
    assert seen == []


def test_opening_something_else_ends_the_search(styled: Program, photo: Path, checkpoints: tuple[Path, Path]) -> None:
    begin_long_search(styled, photo)
    styled.open(checkpoints[0])
    assert styled.model().facts.family == "vae"
    assert not styled.actions.workers.loader.states()


def test_closing_while_it_is_searched_is_clean(styled: Program, photo: Path) -> None:
    begin_long_search(styled, photo)
    styled.close()
    assert not (styled.home / "state" / "points").exists()


def test_a_damaged_picture_gets_a_sentence_in_the_window(styled: Program, photo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:60])
    styled.drop(photo)
    styled.wait_message("photo.png is damaged")
    assert styled.session.scene == Scene()


def test_a_model_with_an_encoder_still_encodes(opened: Program, photo: Path) -> None:
    opened.drop(photo)
    opened.wait(lambda: opened.session.history.entry.label == "Encode photo.png")


def test_the_panel_shows_the_original_and_how_far_it_is(styled: Program, photo: Path) -> None:
    panel = styled.window.panels.panel("Real picture")
    assert isinstance(panel, InversionPanel)
    assert panel.isVisibleTo(styled.window)
    styled.drop(photo)
    styled.wait_message("found in W+: ")
    told = styled.window.messages.text().partition(": ")[2].strip().rstrip(".")
    styled.wait(lambda: any(told in label.text() for label in panel.findChildren(QLabel)))
    styled.actions.set_seed(1)
    styled.rest()
    assert not any("away" in label.text() and label.isVisibleTo(panel) for label in panel.findChildren(QLabel))


def test_the_panel_chooses_the_space(styled: Program, photo: Path) -> None:
    combo = styled.window.panels.panel("Real picture").findChild(QComboBox)
    assert combo is not None
    combo.setCurrentIndex(0)
    combo.activated.emit(0)
    styled.drop(photo)
    styled.wait_message("photo.png found in W: ")


# --- the command line ---


def test_the_command_writes_a_point_and_its_picture(tmp_path: Path, photo: Path, capsys: Any) -> None:
    model, point, made = (
        save_model(tmp_path / "m.safetensors", make_stylegan2()),
        tmp_path / "p.npy",
        tmp_path / "p.png",
    )
    assert main(list(map(str, ("invert", model, photo, "-o", point, "--steps", SHORT, "--picture", made)))) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "photo.png found in W+, " in captured.err
    recipe, generator = recipe_of(made), open_generator(model, "cpu")
    assert recipe is not None
    assert np.array_equal(picture_of(generator, recipe.scene), np.asarray(read_image(made)))
    assert np.load(point).shape == (1, 6, 8)
    drawn = tmp_path / "drawn.png"
    assert main(list(map(str, ("render", model, "--latents", point, "--space", "w", "-o", drawn)))) == 0
    assert np.array_equal(np.asarray(read_image(drawn)), np.asarray(read_image(made)))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("gone.png", "-o", "p.npy"), "gone.png does not exist"),
        (("photo.png", "-o", "p.png"), "should end in .npy"),
        (("photo.png", "-o", "p.npy", "--label", "1"), "knows no classes"),
        (("photo.png", "-o", "p.npy", "--space", "z"), "'z' is not one of"),
    ],
)
def test_bad_arguments_get_a_sentence(
    tmp_path: Path, photo: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], told: str
) -> None:
    model = save_model(tmp_path / "m.safetensors", make_stylegan2())
    monkeypatch.chdir(tmp_path)
    assert main(["invert", str(model), *options]) == 2
    assert told in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not (tmp_path / "p.npy").exists()


def test_the_command_refuses_a_model_without_styles(tmp_path: Path, photo: Path, capsys: Any) -> None:
    assert main(["invert", str(save_model(tmp_path / "m.safetensors")), str(photo), "-o", str(tmp_path / "p.npy")]) == 2
    assert "has no styles to search" in capsys.readouterr().err


def last(generator: Any, pixels: Pixels, space: str = "w+", steps: int = SHORT, **more: Any) -> Inversion:
    *_, found = invert(generator, pixels, space, steps, **more)
    return found


def picture_of(generator: StyleGAN2Generator, scene: Scene) -> Pixels:
    return next(render_many(generator, (scene,))).pixels


def point_scene(point: StoredPoint) -> Scene:
    return Scene(Latent(((point, 1.0),)))


def write_picture(path: Path, pixels: Pixels) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def begin_long_search(program: Program, picture: Path) -> None:
    """Drop a picture, and wait until its search has begun."""
    program.actions.set_preferences(replace(program.actions.preferences, find_steps=10_000))
    program.drop(picture)
    program.wait(lambda: any(state.done for state in program.actions.workers.loader.states()))


def cancels(program: Program) -> Iterator[QPushButton]:
    return (button for button in program.window.status.findChildren(QPushButton) if button.text() == "Cancel")
