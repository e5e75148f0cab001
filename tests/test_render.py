"""A picture is a pure function of generator and scene."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import make_prior_vae, make_vae, noise_pictures

from explorer.errors import ImageError, SceneError
from explorer.files import digest
from explorer.generators import Generator, VAEGenerator
from explorer.imaging import Picture, from_pixels, to_pixels, write_png
from explorer.latents import draw
from explorer.points import locate
from explorer.reading import read_picture
from explorer.render import decode_points, render, render_images, render_many
from explorer.scene import Direction, ImageFile, Latent, Scene, Seed, between, moved


class Mute:
    """A generator that cannot encode: just what rendering needs of one."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.name = "Mute"
        self.image_shape = generator.image_shape
        self.latent_shape = generator.latent_shape
        self.preparation = generator.preparation
        self.device = generator.device
        self.spherical = True
        self.remember = generator.remember


@pytest.fixture(scope="module", params=[make_vae, make_prior_vae])
def model(request: pytest.FixtureRequest) -> VAEGenerator:
    made: VAEGenerator = request.param()
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A picture file of the size of the models."""
    write_png(tmp_path / "photo.png", noise_pictures(1)[0])
    return tmp_path / "photo.png"


def seeds(count: int) -> list[Scene]:
    return [Scene(Latent(((Seed(number), 1.0),))) for number in range(count)]


def picture(model: Generator, scene: Scene) -> Picture:
    (found,) = render(model, scene)
    return found


def image_scene(path: Path, sha256: str = "") -> Scene:
    return Scene(Latent(((ImageFile(str(path), sha256), 1.0),)))


# --- scenes ---


def test_equal_scenes_give_equal_pixels(model: VAEGenerator) -> None:
    first, second = seeds(2)
    scene = moved(between(first, second, 0.3), Direction("decoder", 1), 1.5)
    again = moved(between(first, second, 0.3), Direction("decoder", 1), 1.5)
    assert np.array_equal(picture(model, scene).pixels, picture(model, again).pixels)


def test_a_newly_opened_model_gives_equal_pixels() -> None:
    scene = moved(seeds(1)[0], Direction("decoder", 0), 2.0)
    assert np.array_equal(picture(make_vae(), scene).pixels, picture(make_vae(), scene).pixels)


def test_the_picture_has_the_shape_of_the_model(model: VAEGenerator) -> None:
    found = picture(model, Scene())
    assert found.pixels.shape == (16, 16, 1)
    assert found.pixels.dtype == np.uint8
    assert found.seconds > 0


def test_the_picture_knows_its_point(model: VAEGenerator) -> None:
    assert np.array_equal(picture(model, seeds(4)[3]).latents, draw(3, (5,)).numpy())


def test_the_pixels_are_those_of_the_decoded_point(model: VAEGenerator) -> None:
    images = model.decode(draw(0, (1, 5)))
    assert np.array_equal(picture(model, Scene()).pixels, to_pixels(images.numpy())[0])


def test_many_scenes_render_as_each_alone_does(model: VAEGenerator) -> None:
    # Not to the bit: a network adds up in another order for another batch size, which may tip a value over the edge
    # between two grey levels.
    scenes = seeds(11)
    together = [found.pixels.astype(int) for found in render_many(model, scenes, batch=4)]
    alone = [picture(model, scene).pixels.astype(int) for scene in scenes]
    assert len(together) == 11
    assert max(np.abs(a - b).max() for a, b in zip(together, alone, strict=True)) <= 1


def test_many_scenes_are_rendered_only_as_they_are_asked_for(model: VAEGenerator) -> None:
    asked: list[int] = []

    def endless() -> object:
        while True:
            asked.append(1)
            yield Scene()

    pictures = render_many(model, endless(), batch=4)  # type: ignore[arg-type]  # a generator is iterable
    next(pictures)
    assert len(asked) == 4


def test_no_scenes_give_no_pictures(model: VAEGenerator) -> None:
    assert list(render_many(model, [])) == []


def test_images_are_floats_with_channels_first(model: VAEGenerator) -> None:
    images = render_images(model, seeds(5), batch=2)
    assert images.shape == (5, 1, 16, 16)
    assert images.dtype == np.float32


def test_images_are_not_clipped(model: VAEGenerator) -> None:
    far = [moved(Scene(), Direction("axis", index), 500.0) for index in range(5)]
    assert np.abs(render_images(model, far)).max() > 1


def test_images_and_pictures_show_the_same(model: VAEGenerator) -> None:
    pictures = np.stack([found.pixels for found in render_many(model, seeds(4), 4)])
    assert np.array_equal(to_pixels(render_images(model, seeds(4), 4)), pictures)


# --- points ---


def test_without_truncation_left_the_point_is_the_mean(model: VAEGenerator) -> None:
    assert not locate(model, Latent(((Seed(4), 1.0),), truncation=0.0)).any()


def test_truncation_scales_the_point(model: VAEGenerator) -> None:
    assert torch.equal(locate(model, Latent(truncation=0.5)), 0.5 * draw(0, (5,)))


def test_moves_come_after_truncation(model: VAEGenerator) -> None:
    latent = Latent(moves=((Direction("axis", 2), 1.5),), truncation=0.0)
    assert locate(model, latent).tolist() == [0, 0, 1.5, 0, 0]


def test_a_move_adds_its_amount_along_its_direction(model: VAEGenerator) -> None:
    direction = Direction("data", 1)
    found = locate(model, Latent(moves=((direction, -2.0),)))
    torch.testing.assert_close(found, draw(0, (5,)) - 2.0 * model.direction(direction))


def test_a_source_of_weight_zero_has_no_part(model: VAEGenerator) -> None:
    assert torch.equal(locate(model, Latent(((Seed(1), 1.0), (Seed(2), 0.0)))), draw(1, (5,)))


def test_an_unknown_direction_is_one_sentence(model: VAEGenerator) -> None:
    with pytest.raises(SceneError, match="none with the number 5"):
        picture(model, moved(Scene(), Direction("axis", 5), 1.0))


def test_given_points_are_decoded(model: VAEGenerator) -> None:
    points = draw(0, (3, 5)).numpy()
    images, pixels = decode_points(model, points)
    assert images.shape == (3, 1, 16, 16)
    assert np.array_equal(to_pixels(images), pixels)


@pytest.mark.parametrize("shape", [(5,), (2, 4), (2, 5, 1), ()])
def test_points_of_the_wrong_shape_are_one_sentence(model: VAEGenerator, shape: tuple[int, ...]) -> None:
    with pytest.raises(SceneError, match=r"needs latents of shape \(n, 5\)"):
        decode_points(model, np.zeros(shape, np.float32))


# --- real pictures ---


def test_a_picture_file_becomes_the_point_its_encoder_finds(model: VAEGenerator, file: Path) -> None:
    expected = model.encode(torch.from_numpy(from_pixels(noise_pictures(1))))[0]
    assert torch.equal(locate(model, image_scene(file).latent), expected)


def test_a_picture_file_is_encoded_once(file: Path) -> None:
    model, scene = make_vae(), image_scene(file)
    first = picture(model, scene).pixels
    file.unlink()  # so that reading it again would fail
    assert np.array_equal(picture(model, scene).pixels, first)


def test_a_picture_and_a_seed_can_be_blended(model: VAEGenerator, file: Path) -> None:
    scene = between(image_scene(file), Scene(), 0.5)
    assert np.isfinite(picture(model, scene).latents).all()


def test_a_missing_picture_is_one_sentence(model: VAEGenerator, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.png does not exist\.") as raised:
        picture(model, image_scene(tmp_path / "gone.png"))
    assert raised.value.message.endswith("gone.png does not exist.")


def test_a_picture_that_failed_is_tried_again(tmp_path: Path) -> None:
    model, scene = make_vae(), image_scene(tmp_path / "late.png")
    with pytest.raises(ImageError):
        picture(model, scene)
    write_png(tmp_path / "late.png", noise_pictures(1)[0])
    assert picture(model, scene).pixels.shape == (16, 16, 1)


def test_a_swapped_picture_is_noticed(file: Path) -> None:
    scene = image_scene(file, digest(file))
    assert picture(make_vae(), scene).pixels.shape == (16, 16, 1)
    write_png(file, noise_pictures(1, seed=5)[0])
    with pytest.raises(SceneError, match=r"photo\.png is not the picture it was"):
        picture(make_vae(), scene)


def test_a_model_without_an_encoder_says_so(file: Path) -> None:
    mute: Generator = Mute(make_vae())  # type: ignore[assignment]  # a fake of what is needed
    with pytest.raises(SceneError, match="Mute cannot encode pictures"):
        picture(mute, image_scene(file))
    with pytest.raises(SceneError, match="Mute cannot encode pictures"):
        read_picture(mute, file)


def test_what_a_model_makes_of_a_picture_is_consistent(model: VAEGenerator, file: Path) -> None:
    reading = read_picture(model, file)
    images = torch.from_numpy(from_pixels(noise_pictures(1)))
    rebuilt = model.decode(model.encode(images))
    assert np.array_equal(reading.original.pixels, noise_pictures(1)[0])
    assert np.array_equal(reading.reconstruction.pixels, to_pixels(rebuilt.numpy())[0])
    assert np.array_equal(reading.original.latents, locate(model, image_scene(file).latent).numpy())
    assert reading.log_likelihood == pytest.approx(float(model.log_likelihood(images)[0]))
    assert reading.likelihood_kind == "lower bound"
    assert np.array_equal(reading.kl, model.kl_per_dimension(images)[0].numpy())
    assert reading.error == pytest.approx(float((rebuilt.clamp(-1, 1) - images).square().mean().sqrt()))


def test_bits_per_dimension_are_the_likelihood_in_other_units(model: VAEGenerator, file: Path) -> None:
    reading = replace(read_picture(model, file), log_likelihood=-256 * np.log(2.0))
    assert reading.bits_per_dimension == pytest.approx(1.0)
    assert replace(reading, log_likelihood=None).bits_per_dimension is None


def test_reading_a_missing_picture_is_one_sentence(model: VAEGenerator, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not exist"):
        read_picture(model, tmp_path / "gone.png")
