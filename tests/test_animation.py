from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageSequence

from explorer.animation import (
    EASINGS,
    WRITERS,
    Film,
    Output,
    film_from_json,
    frame_count,
    read_film_recipe,
    scene_at,
    scenes,
    through,
    to_json,
    write_film,
)
from explorer.animation.editing import stretched
from explorer.errors import ExportError, SceneError
from explorer.imaging import read_recipe
from explorer.scene import Direction, Latent, Scene, Seed, between, moved
from explorer.scene import to_json as scene_to_json

Pixels = npt.NDArray[np.uint8]

A, B, C = (Scene(Latent(sources=((Seed(number), 1.0),))) for number in range(3))
RECIPE: dict[str, Any] = {
    "keyframes": [scene_to_json(A)] * 20,
    "checkpoint": "Gänse <&\"']]>.safetensors",
    "seconds": 2.5,
}
ANIMATIONS = (".gif", ".webp", ".png")
ALL = (*WRITERS, "")


def made(keyframes: tuple[Scene, ...], seconds: float, rate: int, easing: str = "linear", loop: bool = False) -> Film:
    """A film through scenes, all of its ways alike."""
    return stretched(through(keyframes, Film(frames_per_second=rate, loop=loop), 1.0, easing), seconds)


class StoppedError(Exception):
    """What a cancelled job raises out of its frames."""


def gradients(count: int, height: int = 32, width: int = 32, channels: int = 3) -> Iterator[Pixels]:
    """Smooth pictures that change a little from frame to frame."""
    rows, columns = np.mgrid[0:height, 0:width]
    for index in range(count):
        layers = (rows * 180 // height + index, columns * 180 // width + index, 90 + rows * 0 + index)
        yield np.stack(layers[:channels], axis=-1).astype(np.uint8)


def frames_then(error: BaseException, count: int = 5) -> Iterator[Pixels]:
    yield from gradients(count)
    raise error


def read_back(path: Path) -> tuple[list[Pixels], float]:
    """The frames as RGB, and the length of the film in seconds."""
    if path.suffix in (".mp4", ".webm"):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            decoded = [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in container.decode(video=0)]
            if stream.duration is None:  # WebM says it of the whole file alone, to the millisecond
                assert container.duration is not None
                return decoded, container.duration / 1_000_000
            assert stream.time_base is not None
            return decoded, float(stream.duration * stream.time_base)
    if path.is_dir():
        return [np.asarray(Image.open(name).convert("RGB")) for name in sorted(path.iterdir())], 0.0
    shown, milliseconds = [], 0.0
    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            shown.append(np.asarray(frame.convert("RGB")))
            milliseconds += frame.info["duration"]
    return shown, milliseconds / 1000


def error_between(written: Pixels, read: Pixels) -> float:
    """The mean absolute difference of what both cover, in steps of 255."""
    height, width = written.shape[:2]
    return float(np.abs(read[:height, :width].astype(np.int64) - written).mean())


# Easing and timing


@pytest.mark.parametrize("name", EASINGS)
def test_easings_start_at_0_end_at_1_and_never_fall(name: str) -> None:
    values = [EASINGS[name](step / 100) for step in range(101)]
    assert values[0] == 0.0
    assert values[-1] == 1.0
    assert all(0.0 <= low <= high <= 1.0 for low, high in pairwise(values))


def test_hold_stays_on_a_keyframe_until_the_next() -> None:
    film = list(scenes(made((A, B, C), 1.0, 9, "hold")))
    assert film == [A] * 4 + [B] * 4 + [C]


@pytest.mark.parametrize("easing", EASINGS)
def test_a_film_starts_and_ends_exactly_on_its_keyframes(easing: str) -> None:
    film = list(scenes(made((A, B, C), 1.7, 30, easing)))
    assert (film[0], film[-1], len(film)) == (A, C, 51)


def test_a_film_passes_exactly_through_its_keyframes() -> None:
    film = list(scenes(made((A, B, C), 3.1, 10)))
    assert len(film) == 31
    assert film[15] == B


def test_a_loop_has_no_duplicate_frame() -> None:
    film = list(scenes(made((A, B, C), 3.0, 10, loop=True)))
    assert (len(film), film[0], film[10], film[20]) == (30, A, B, C)
    assert film[-1] == between(C, A, 29 * 3 / 30 - 2)
    assert len(set(film)) == 30


def test_a_loop_that_already_ends_where_it_starts_does_not_pause_there() -> None:
    assert list(scenes(made((A, B, A), 2.0, 10, loop=True))) == list(scenes(made((A, B), 2.0, 10, loop=True)))


def test_a_time_and_its_frame_show_the_same_scene() -> None:
    film = made((A, B, C), 2.0, 16, "ease", loop=True)
    assert [scene_at(film, index / 16) for index in range(32)] == list(scenes(film))


@pytest.mark.parametrize(("t", "scene"), [(-1.0, A), (0.0, A), (1.0, B), (2.0, C), (99.0, C)])
def test_times_outside_the_film_show_its_ends(t: float, scene: Scene) -> None:
    assert scene_at(made((A, B, C), 2.0, 25), t) == scene


def test_scenes_are_made_only_when_asked_for() -> None:
    assert next(scenes(made((A, B), 3600.0, 120))) == A


def test_a_film_lasts_as_long_as_its_frames() -> None:
    assert frame_count(made((A, B), 2.5, 24)) == 60
    assert frame_count(made((A, B), 0.1, 1)) == 2


# Film as JSON


def test_a_film_survives_json() -> None:
    film = made((A, moved(B, Direction("axis", 3), 1.5)), 4.5, 25, "ease-in", loop=True)
    assert film_from_json(json.loads(json.dumps(to_json(film)))) == film


def test_a_plain_list_of_scenes_is_a_film() -> None:
    assert film_from_json([scene_to_json(scene) for scene in (A, B, C)]) == made((A, B, C), 4.0, 30)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"seconds": 0.01}, "seconds"),
        ({"seconds": 3601}, "seconds"),
        ({"seconds": 10**400}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"seconds": "2"}, "seconds"),
        ({"frames_per_second": 0}, "frames per second"),
        ({"frames_per_second": 121}, "frames per second"),
        ({"frames_per_second": 24.5}, "frames_per_second"),
        ({"easing": "bounce"}, "bounce"),
        ({"easing": []}, "easing"),
        ({"loop": "yes"}, "loop"),
        ({"keyframes": [{}] * 10_001}, "keyframes"),
        ({"keyframes": [{}, {}]}, "scene"),
        ({"keyframes": "ab"}, "film"),
    ],
)
def test_an_impossible_film_gets_one_sentence(change: dict[str, Any], word: str) -> None:
    with pytest.raises(SceneError, match=word):
        film_from_json({**to_json(made((A, B), 2.0, 30)), **change})


@pytest.mark.parametrize("data", [None, 3, "film", {}, [1, 2]])
def test_what_is_no_film_gets_one_sentence(data: Any) -> None:
    with pytest.raises(SceneError):
        film_from_json(data)


@pytest.mark.parametrize(
    "make",
    [
        lambda: made((A, B), float("nan"), 30),
        lambda: made((A, B), 1.0, 0),
        lambda: made((A, B), 1.0, 30, "bounce"),
    ],
)
def test_an_impossible_film_cannot_be_made(make: Callable[[], Film]) -> None:
    with pytest.raises(SceneError):
        make()


# Writing


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 45), (1, 1)])
@pytest.mark.parametrize("suffix", ALL)
def test_every_frame_is_in_the_file(tmp_path: Path, suffix: str, height: int, width: int, channels: int) -> None:
    path = tmp_path / f"walk{suffix}"
    assert write_film(path, gradients(12, height, width, channels), 24) == 12
    read, _ = read_back(path)
    even = suffix in (".mp4", ".webm")
    expected = (height + height % 2, width + width % 2, 3) if even else (height, width, 3)
    assert [frame.shape for frame in read] == [expected] * 12
    allowed = {".mp4": 3.0, ".webm": 4.0, ".gif": 3.0}.get(suffix, 0.0) if channels == 3 or even else 0.0
    written = list(gradients(12, height, width, channels))
    assert error_between(written[0], read[0]) <= allowed
    assert error_between(written[-1], read[-1]) <= allowed


@pytest.mark.parametrize("rate", [1, 7, 24, 30, 60, 120])
@pytest.mark.parametrize("suffix", WRITERS)
def test_a_film_lasts_exactly_as_long_as_it_should(tmp_path: Path, suffix: str, rate: int) -> None:
    path, count = tmp_path / f"walk{suffix}", 25
    write_film(path, gradients(count), rate)
    exactness = 0.0051 if suffix == ".gif" else 0.001
    assert read_back(path)[1] == pytest.approx(count / rate, abs=exactness)


def test_mp4_frames_start_at_exact_times(tmp_path: Path) -> None:
    write_film(tmp_path / "walk.mp4", gradients(20), 30)
    with av.open(str(tmp_path / "walk.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([index / 30 for index in range(20)])


def test_an_mp4_can_start_before_it_is_all_there(tmp_path: Path) -> None:
    write_film(tmp_path / "walk.mp4", gradients(5), 30)
    content = (tmp_path / "walk.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_an_mp4_names_its_colours(tmp_path: Path) -> None:
    write_film(tmp_path / "walk.mp4", gradients(5), 30)
    with av.open(str(tmp_path / "walk.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)


@pytest.mark.parametrize("suffix", ANIMATIONS)
def test_animated_pictures_repeat_for_ever(tmp_path: Path, suffix: str) -> None:
    write_film(tmp_path / f"walk{suffix}", gradients(3), 10)
    with Image.open(tmp_path / f"walk{suffix}") as image:
        assert image.info["loop"] == 0


@pytest.mark.parametrize("suffix", ALL)
def test_frames_that_stand_still_stay_frames(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"still{suffix}"
    still = next(gradients(1))
    assert write_film(path, (still for _ in range(6)), 10) == 6
    assert len(read_back(path)[0]) == 6


@pytest.mark.parametrize("suffix", ALL)
def test_one_frame_is_a_film(tmp_path: Path, suffix: str) -> None:
    assert write_film(tmp_path / f"short{suffix}", gradients(1), 10) == 1
    assert len(read_back(tmp_path / f"short{suffix}")[0]) == 1


def test_a_gif_keeps_up_to_256_colours_exactly(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    write_film(tmp_path / "colours.gif", [colours, 255 - colours], 10)
    read, _ = read_back(tmp_path / "colours.gif")
    assert np.array_equal(read[0], colours)
    assert np.array_equal(read[1], 255 - colours)


def test_a_fast_gif_leaves_out_frames_that_browsers_would_slow_down(tmp_path: Path) -> None:
    assert write_film(tmp_path / "fast.gif", gradients(120, channels=1), 120) == 50
    with Image.open(tmp_path / "fast.gif") as image:
        assert min(frame.info["duration"] for frame in ImageSequence.Iterator(image)) >= 20


@pytest.mark.parametrize("suffix", ALL)
def test_enlarging_makes_every_pixel_a_square(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"large{suffix}"
    write_film(path, gradients(3, 5, 7, 1), 10, output=Output(size=20, quality=100))
    read, _ = read_back(path)
    assert read[0].shape == (20, 28, 3)
    squares = read[0].reshape(5, 4, 7, 4, 3)
    assert np.ptp(squares, axis=(1, 3)).max() <= (8 if suffix in (".mp4", ".webm") else 0)


def test_frames_are_written_as_they_come(tmp_path: Path) -> None:
    """A file grows while frames are still being made, so a film may be longer than memory."""
    sizes: dict[str, list[int]] = {}

    def watched(suffix: str) -> Iterator[Pixels]:
        noise = np.random.default_rng(0)
        for _ in range(40):
            yield noise.integers(0, 256, (48, 48, 1)).astype(np.uint8)
            sizes[suffix] = [file.stat().st_size for file in tmp_path.iterdir() if file.suffix == suffix]

    for suffix in ANIMATIONS:
        write_film(tmp_path / f"walk{suffix}", watched(suffix), 30)
    assert all(max(size) > 50_000 for size in sizes.values())
    assert len(sizes) == 3


def test_pictures_of_a_folder_are_numbered_from_1(tmp_path: Path) -> None:
    write_film(tmp_path / "walk", gradients(3), 10)
    names = sorted(file.name for file in (tmp_path / "walk").iterdir())
    assert names == ["frame-00001.png", "frame-00002.png", "frame-00003.png"]


def test_a_shorter_film_leaves_no_pictures_of_the_longer_one(tmp_path: Path) -> None:
    write_film(tmp_path / "walk", gradients(9), 10)
    write_film(tmp_path / "walk", gradients(2), 10)
    assert len(list((tmp_path / "walk").iterdir())) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["walk"]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holidays").mkdir()
    (tmp_path / "holidays" / "beach.jpg").write_bytes(b"sun")
    with pytest.raises(ExportError, match="holidays"):
        write_film(tmp_path / "holidays", gradients(2), 10)
    assert [file.name for file in (tmp_path / "holidays").iterdir()] == ["beach.jpg"]


# Recipes


@pytest.mark.parametrize("suffix", ALL)
def test_the_recipe_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"walk{suffix}"
    write_film(path, gradients(3), 10, RECIPE)
    assert read_film_recipe(path) == RECIPE


def test_other_programs_find_the_recipe(tmp_path: Path) -> None:
    for suffix in (".mp4", ".gif", ".png"):
        write_film(tmp_path / f"walk{suffix}", gradients(3), 10, RECIPE)
    with av.open(str(tmp_path / "walk.mp4")) as container:
        assert json.loads(container.metadata["comment"]) == RECIPE
    with Image.open(tmp_path / "walk.gif") as image:
        assert json.loads(image.info["comment"]) == RECIPE
    assert read_recipe(tmp_path / "walk.png") == RECIPE


@pytest.mark.parametrize("suffix", ALL)
def test_a_film_without_recipe_has_none(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"walk{suffix}"
    write_film(path, gradients(3), 10)
    assert read_film_recipe(path) is None


@pytest.mark.parametrize("suffix", WRITERS)
def test_reading_the_recipe_of_a_damaged_file_never_fails(tmp_path: Path, suffix: str) -> None:
    path, chance = tmp_path / f"walk{suffix}", random.Random(0)
    write_film(path, gradients(2, 8, 8), 10, {"seed": 1})
    whole = path.read_bytes()
    for _ in range(150):
        damaged = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.5 else whole)
        for _ in range(chance.randrange(4)):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        assert isinstance(read_film_recipe(path), dict | None)


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"\0\0\0\x10ftypisom", b"text"]
)
def test_foreign_files_have_no_recipe(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_film_recipe(tmp_path / "file") is None
    assert read_film_recipe(tmp_path / "missing.mp4") is None


@pytest.mark.parametrize("comment", ['"text"', "[1]", "not json", "[" * 100_000])
def test_a_comment_that_is_no_recipe_is_none(tmp_path: Path, comment: str) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "foreign.gif", comment=comment.encode())
    assert read_film_recipe(tmp_path / "foreign.gif") is None


def test_an_absurdly_long_comment_is_not_read(tmp_path: Path) -> None:
    blocks = (b"\xff" + b" " * 255) * 70_000
    (tmp_path / "long.gif").write_bytes(b"GIF89a\1\0\1\0\0\0\0\x21\xfe" + b"\2{}" + blocks + b"\0;")
    assert read_film_recipe(tmp_path / "long.gif") is None


# Failures


@pytest.mark.parametrize("error", [StoppedError(), KeyboardInterrupt(), OSError("a disk"), ValueError("a number")])
@pytest.mark.parametrize("suffix", ALL)
def test_a_stopped_export_leaves_nothing(tmp_path: Path, suffix: str, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        write_film(tmp_path / f"walk{suffix}", frames_then(error), 10, RECIPE)
    assert caught.value is error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ALL)
def test_a_stopped_export_keeps_the_older_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"walk{suffix}"
    write_film(path, gradients(3), 10)
    older = {file: file.read_bytes() for file in tmp_path.rglob("*.*") if file.is_file()}
    with pytest.raises(StoppedError):
        write_film(path, frames_then(StoppedError()), 10)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*.*") if file.is_file()} == older


@pytest.mark.parametrize("suffix", ALL)
def test_a_finished_export_replaces_the_older_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"walk{suffix}"
    write_film(path, gradients(3), 10)
    write_film(path, gradients(5), 10)
    assert len(read_back(path)[0]) == 5
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_suffix_gets_a_sentence_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"walk\.avi.*\.mp4, \.webm, \.gif, \.webp, \.png"):
        write_film(tmp_path / "walk.avi", gradients(2), 10)


def test_capital_suffixes_are_known(tmp_path: Path) -> None:
    assert write_film(tmp_path / "WALK.GIF", gradients(2), 10) == 2


@pytest.mark.parametrize("suffix", ALL)
def test_a_film_without_frames_gets_one_sentence(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ExportError, match="no frames"):
        write_film(tmp_path / f"walk{suffix}", iter(()), 10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ALL)
def test_frames_of_changing_size_get_one_sentence(tmp_path: Path, suffix: str) -> None:
    frames = [*gradients(2, 8, 8), *gradients(1, 8, 9)]
    with pytest.raises(ExportError, match="frame 3 has 9 x 8 instead of 8 x 8 pixels"):
        write_film(tmp_path / f"walk{suffix}", frames, 10)
    assert list(tmp_path.iterdir()) == []


def test_frames_that_lose_their_colour_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="channels"):
        write_film(tmp_path / "walk.gif", [*gradients(1, channels=3), *gradients(1, channels=1)], 10)


@pytest.mark.parametrize("suffix", ALL)
def test_an_unwritable_folder_gets_one_sentence(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "file").write_bytes(b"not a folder")
    with pytest.raises(ExportError, match="could not be written"):
        write_film(tmp_path / "file" / f"walk{suffix}", gradients(2), 10)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_folder_where_the_film_should_be_gets_one_sentence(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"walk{suffix}").mkdir()
    with pytest.raises(ExportError, match="could not be written"):
        write_film(tmp_path / f"walk{suffix}", gradients(2), 10)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp"])
def test_pictures_too_large_for_the_format_get_one_sentence(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ExportError, match="could not be written"):
        write_film(tmp_path / f"walk{suffix}", gradients(1, 1, 70_000, 1), 10)
    assert list(tmp_path.iterdir()) == []


# How films are written


def test_h265_is_what_the_file_holds(tmp_path: Path) -> None:
    write_film(tmp_path / "walk.mp4", gradients(12), 24, output=Output(size=0, codec="h265"))
    with av.open(str(tmp_path / "walk.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "hevc"
        assert len(list(container.decode(video=0))) == 12


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".webp"])
def test_a_lower_quality_makes_a_smaller_file(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3)).astype(np.uint8)
    for quality in (90, 30):
        write_film(tmp_path / f"{quality}{suffix}", noise, 24, output=Output(size=0, quality=quality))
    assert (tmp_path / f"30{suffix}").stat().st_size < 0.7 * (tmp_path / f"90{suffix}").stat().st_size


def test_smooth_enlargement_has_the_size_asked_for_and_no_squares(tmp_path: Path) -> None:
    write_film(tmp_path / "walk.png", gradients(2, 20, 30, 3), 10, output=Output(size=50, scaling="smooth"))
    read, _ = read_back(tmp_path / "walk.png")
    assert read[0].shape == (50, 75, 3)
    steps = np.abs(np.diff(read[0].astype(np.int64)[:, :, 0], axis=0))
    assert steps.max() <= 6  # nine grey levels from row to row before, spread over two and a half rows


def test_frames_are_made_while_others_are_encoded_and_few_wait(tmp_path: Path) -> None:
    threads, made_by = set(), threading.current_thread().name

    def watched() -> Iterator[Pixels]:
        for pixels in gradients(60):
            threads.add(threading.current_thread().name)
            yield pixels

    assert write_film(tmp_path / "walk.gif", watched(), 10) == 60
    assert threads == {made_by}
    assert not [thread for thread in threading.enumerate() if thread.name == "Encoder"]
