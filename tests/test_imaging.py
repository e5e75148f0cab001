"""Pictures are read, prepared and written without losing anything but what is said."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from examples import noise_pictures
from PIL import Image

from explorer.errors import ExportError, ImageError
from explorer.files import digest, write_atomically, write_text
from explorer.imaging import (
    Picture,
    Preparation,
    contact_sheet,
    enlarge,
    from_pixels,
    prepare,
    read_image,
    read_recipe,
    to_pixels,
    write_png,
)
from explorer.points import to_uint8
from explorer.training.loop import images_to_tensor

EVERY_VALUE = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
RED, BLUE = (255, 0, 0), (0, 0, 255)


# --- numbers and pixels ---


def test_every_8_bit_value_survives_the_way_there_and_back() -> None:
    assert np.array_equal(to_pixels(from_pixels(EVERY_VALUE)), EVERY_VALUE)


def test_the_ends_of_the_range_are_exact() -> None:
    values = from_pixels(EVERY_VALUE)
    assert (values.min(), values.max()) == (-1.0, 1.0)
    assert values.dtype == np.float32


def test_channels_come_first_inside_and_last_outside() -> None:
    pixels = noise_pictures(2, 3)
    inside = from_pixels(pixels)
    assert inside.shape == (2, 3, 16, 16)
    assert inside[1, 2, 3, 4] == np.float32(pixels[1, 3, 4, 2]) / np.float32(127.5) - 1
    assert np.array_equal(to_pixels(inside), pixels)


@pytest.mark.parametrize(
    ("value", "pixel"),
    [(-5.0, 0), (5.0, 255), (np.inf, 255), (-np.inf, 0), (np.nan, 0), (0.0, 128), (-1.0, 0), (0.9999, 255)],
)
def test_what_is_beyond_the_range_is_clipped(value: float, pixel: int) -> None:
    with np.errstate(all="ignore"):
        assert to_pixels(np.full((1, 1, 1), value)).item() == pixel


def test_tensors_become_the_same_pixels_as_arrays() -> None:
    values = np.random.default_rng(0).normal(0, 0.8, (3, 3, 40, 40)).astype(np.float32)
    values[0, 0, 0, :4] = np.nan, np.inf, -np.inf, 0.0
    with np.errstate(all="ignore"):
        assert np.array_equal(to_uint8(torch.from_numpy(values)), to_pixels(values))


def test_training_sees_the_same_numbers_as_encoding() -> None:
    assert np.array_equal(images_to_tensor(EVERY_VALUE).numpy(), from_pixels(EVERY_VALUE))


# --- making a picture fit ---


def test_a_small_picture_is_padded_in_the_middle() -> None:
    image = Image.fromarray(np.full((28, 28), 200, np.uint8))
    pixels = prepare(image, (1, 32, 32), Preparation(content=28))
    assert pixels.shape == (32, 32, 1)
    assert (pixels[2:30, 2:30] == 200).all()
    assert pixels.sum() == 28 * 28 * 200


def test_the_padding_has_the_colour_of_the_background() -> None:
    pixels = prepare(Image.new("RGB", (8, 8), RED), (3, 16, 16), Preparation(8, BLUE))
    assert tuple(pixels[0, 0]) == BLUE
    assert tuple(pixels[8, 8]) == RED


def test_transparency_shows_the_background() -> None:
    pixels = prepare(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), (3, 8, 8), Preparation(background=BLUE))
    assert (pixels == BLUE).all()


def test_half_transparency_is_half_of_each() -> None:
    pixels = prepare(Image.new("RGBA", (8, 8), (255, 255, 255, 128)), (1, 8, 8), Preparation())
    assert (pixels == 128).all()


def test_a_wide_picture_is_cropped_to_its_middle() -> None:
    image = Image.new("RGB", (48, 16), BLUE)
    image.paste(RED, (16, 0, 32, 16))
    assert (prepare(image, (3, 16, 16), Preparation()) == RED).all()


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    pixels = noise_pictures(1, 3)[0]
    assert np.array_equal(prepare(Image.fromarray(pixels), (3, 16, 16), Preparation()), pixels)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (17, 5), (500, 400)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_picture_fits_any_model(size: tuple[int, int], mode: str, channels: int) -> None:
    pixels = prepare(Image.new(mode, size, "white"), (channels, 16, 16), Preparation())
    assert pixels.shape == (16, 16, channels)
    assert pixels.dtype == np.uint8
    assert pixels.flags.writeable
    assert (pixels == 255).all()


def test_grey_is_the_same_in_every_channel() -> None:
    pixels = prepare(Image.fromarray(noise_pictures(1)[0, ..., 0]), (3, 16, 16), Preparation())
    assert (pixels == pixels[..., :1]).all()


def test_a_preparation_comes_back_from_json_as_it_was() -> None:
    preparation = Preparation(28, (1, 2, 255))
    assert Preparation.from_json(json.loads(json.dumps(preparation.to_json()))) == preparation


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        [],
        {},
        {"content": -1},
        {"content": 1 << 40},
        {"content": "28"},
        {"background": 3},
        {"background": [1, 2]},
    ],
)
def test_a_damaged_preparation_falls_back_to_the_usual_one(data: Any) -> None:
    assert Preparation.from_json(data) == Preparation()


# --- reading ---


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tiff", "webp"])
def test_pictures_are_read_from_every_usual_kind_of_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    image = Image.new("L", (6, 4), 77)
    image.save(path, lossless=True)  # asked of WebP; the others have no choice
    assert np.array_equal(np.asarray(read_image(path).convert("L")), np.asarray(image))


def test_a_picture_is_turned_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (6, 4), BLUE)
    image.paste(RED, (0, 0, 3, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    image.save(tmp_path / "a.png", exif=exif)
    upright = read_image(tmp_path / "a.png")
    assert upright.size == (4, 6)
    assert upright.getpixel((0, 0)) == RED
    assert upright.getpixel((0, 5)) == BLUE


def test_16_bit_grey_keeps_its_full_range(tmp_path: Path) -> None:
    values = np.array([[0, 255, 256, 0x7FFF, 0x8000, 0xFFFF]], np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    image = read_image(tmp_path / "deep.png")
    assert image.mode == "L"
    assert np.asarray(image).tolist() == [[0, 0, 1, 127, 128, 255]]


def test_a_palette_with_transparency_keeps_it(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putdata([0, 1])
    image.save(tmp_path / "palette.png", transparency=0)
    read = read_image(tmp_path / "palette.png")
    assert read.mode == "RGBA"
    assert [read.getpixel((0, 0)), read.getpixel((1, 0))] == [(*RED, 0), (*BLUE, 255)]


@pytest.mark.parametrize(
    ("mode", "expected"), [("1", "L"), ("LA", "RGBA"), ("P", "RGB"), ("I;16", "L"), ("RGBA", "RGBA")]
)
def test_every_mode_becomes_a_plain_one(tmp_path: Path, mode: str, expected: str) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").mode == expected


@pytest.mark.parametrize("mode", ["CMYK", "F", "I"])
def test_the_modes_of_printers_and_scientists_become_plain_ones(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / "a.tiff")
    assert read_image(tmp_path / "a.tiff").mode in ("L", "RGB")


def test_a_picture_can_be_read_from_memory() -> None:
    assert read_image(encoded("PNG")).size == (16, 16)


def test_a_truncated_picture_gets_one_sentence(tmp_path: Path) -> None:
    data = encoded("JPEG")
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) * 2 // 3])
    assert "cut.jpg is damaged" in sentence(tmp_path / "cut.jpg")


def test_a_picture_of_absurd_size_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_header(100_000, 100_000))
    assert "more pixels than can be opened" in sentence(tmp_path / "bomb.png")


@pytest.mark.parametrize("content", [b"hello, world\n" * 20, b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_what_only_has_the_name_of_a_picture_gets_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text.png").write_bytes(content)
    assert "text.png" in sentence(tmp_path / "text.png")


def test_a_missing_picture_gets_one_sentence(tmp_path: Path) -> None:
    assert "does not exist" in sentence(tmp_path / "missing.png")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    sentence(tmp_path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow comments on damage
def test_a_picture_with_random_damage_opens_or_gets_one_sentence(kind: str) -> None:
    chance, sound = random.Random(kind), encoded(kind)
    said: list[str] = []
    for _ in range(60):
        place = chance.randrange(min(len(sound), 200) if chance.random() < 0.7 else len(sound))
        data = sound[:place] + chance.randbytes(chance.randint(0, 4)) + sound[place + chance.randint(0, 4) :]
        try:
            read_image(data)
        except ImageError as error:
            said.append(error.message)
    assert said
    assert all(message.startswith("The picture ") and message.endswith(".") for message in said)


# --- writing ---


@pytest.mark.parametrize("channels", [1, 3])
def test_a_written_picture_keeps_every_pixel(tmp_path: Path, channels: int) -> None:
    pixels = noise_pictures(1, channels)[0]
    write_png(tmp_path / "a.png", pixels)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")).reshape(pixels.shape), pixels)


def test_a_recipe_comes_back_from_the_picture(tmp_path: Path) -> None:
    recipe = {"scene": {"seed": 3, "words": "größer → kleiner"}, "list": [1, 2.5, None]}
    write_png(tmp_path / "a.png", noise_pictures(1)[0], recipe)
    assert read_recipe(tmp_path / "a.png") == recipe


def test_a_long_recipe_comes_back_from_the_picture(tmp_path: Path) -> None:
    recipe = {"moves": [[index, 0.123456789] for index in range(4096)]}
    write_png(tmp_path / "a.png", noise_pictures(1)[0], recipe)
    assert read_recipe(tmp_path / "a.png") == recipe


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_a_picture_without_a_recipe_has_none(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(encoded(kind))
    assert read_recipe(tmp_path / "a") is None


def test_what_is_no_picture_has_no_recipe(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    assert read_recipe(tmp_path / "a.png") is None
    assert read_recipe(tmp_path / "missing.png") is None


def test_a_failing_write_keeps_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    write_text(path, "old")
    with pytest.raises(ExportError, match=r"kept\.txt could not be written: No space"):
        half_written(path, OSError(28, "No space left on device"))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["kept.txt"]


def test_a_cancelled_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        half_written(tmp_path / "new.txt", KeyboardInterrupt())
    assert os.listdir(tmp_path) == []


def test_a_temporary_name_keeps_the_suffix_and_the_folder(tmp_path: Path) -> None:
    with write_atomically(tmp_path / "new" / "film.webp") as temporary:
        assert temporary.suffix == ".webp"
        assert temporary.parent == tmp_path / "new"
        temporary.touch()
    assert os.listdir(tmp_path / "new") == ["film.webp"]


def test_writing_below_a_file_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="could not be written"):
        write_png(tmp_path / "file" / "a.png", noise_pictures(1)[0])


def test_a_digest_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert digest(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# --- arranging ---


def test_the_size_of_a_picture_is_width_and_height() -> None:
    assert Picture(np.zeros((4, 7, 3), np.uint8)).size == (7, 4)


def test_every_pixel_becomes_a_square() -> None:
    pixels = noise_pictures(2, 3)
    large = enlarge(pixels, 3)
    assert large.shape == (2, 48, 48, 3)
    assert np.array_equal(large[:, 1::3, 2::3], pixels)
    assert np.array_equal(enlarge(pixels, 1), pixels)


@pytest.mark.parametrize("gap", [0, 2])
def test_a_contact_sheet_shows_every_picture_in_its_place(gap: int) -> None:
    pictures = noise_pictures(5, 3)
    sheet = contact_sheet(pictures, 3, gap)
    assert sheet.shape == (32 + gap, 48 + 2 * gap, 3)
    for index, picture in enumerate(pictures):
        top, left = index // 3 * (16 + gap), index % 3 * (16 + gap)
        assert np.array_equal(sheet[top : top + 16, left : left + 16], picture)
    assert not sheet[16 + gap :, 32 + 2 * gap :].any()


def half_written(path: Path, error: BaseException) -> None:
    """Begin to write a file, then fail."""
    with write_atomically(path) as temporary:
        temporary.write_text("half")
        raise error


def encoded(kind: str) -> bytes:
    """A picture as the bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(noise_pictures(1, 3)[0]).save(file, kind)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG of that size."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\0IDAT"


def sentence(path: Path) -> str:
    with pytest.raises(ImageError) as raised:
        read_image(path)
    assert raised.value.message.endswith(".")
    assert "\n" not in raised.value.message
    return raised.value.message
