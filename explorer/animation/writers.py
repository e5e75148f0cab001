"""Writing a film: one function per kind of file, all of them fed frame by frame.

Frames come from an iterator and go straight into the file, so a film may be longer than memory. A film is written
under a temporary name and renamed at the end: whoever stops half-way, by an exception out of the frames or by killing
the program, leaves any older film of that name as it was.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from explorer.animation.containers import write_apng, write_gif, write_webp
from explorer.animation.output import Output
from explorer.animation.pipeline import encode_beside
from explorer.animation.reel import Pixels, Reel
from explorer.animation.scaling import film_size, scaled
from explorer.errors import ExportError
from explorer.files import write_atomically
from explorer.imaging import write_png

__all__ = ["FIRST_PICTURE", "WRITERS", "Writer", "write_film"]

Writer: TypeAlias = Callable[[Path, Reel], int]  # takes all frames, gives the number written

PICTURE_NAME: Final = "frame-{:05d}.png"
FIRST_PICTURE: Final = PICTURE_NAME.format(1)
BT709: Final = 1  # the number of these colours in H.264 and in PyAV alike
ENCODERS: Final = {
    "h264": ("libx264", {}),
    "h265": ("libx265", {"x265-params": "log-level=none"}),
}  # by the names in ``Output.codec``
STUDIO_RANGE: Final = 1  # luma 16 to 235, which every player expects


def write_film(
    path: Path,
    frames: Iterable[Pixels],
    frames_per_second: int,
    recipe: dict[str, Any] | None = None,
    output: Output | None = None,
) -> int:
    """Write frames as the film that the suffix of ``path`` names, and give the number of frames in it.

    Frames are uint8 (h, w, c) of one shape, c is 1 or 3. ``output`` says how they are enlarged and compressed; without
    it they stay as they are, with nothing lost where the format allows that. A path without a suffix becomes a folder
    of numbered pictures. What ``frames`` raises is passed on unchanged. Runs on any thread, and encodes on another one
    while the next frames are made.

    Raises:
        ExportError: the suffix is unknown, there are no frames, their shapes differ, or the file cannot be written.
    """
    assert 1 <= frames_per_second <= 120, "frames_per_second should be 1 to 120"
    output = output or Output(size=0, quality=100)
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix and suffix not in WRITERS:
        known = ", ".join(WRITERS)
        raise ExportError(f"{path} has no suffix of a film: known are {known}, or none for a folder of pictures.")
    source = _Source(frames)
    first = next(source, None)
    if first is None:
        raise ExportError(f"{path} was not written, because the film has no frames.")
    height, width = film_size(first.shape[0], first.shape[1], output)
    text = "" if recipe is None else json.dumps(recipe)

    def write(writer: Writer, target: Path) -> int:
        def encode(arriving: Iterator[Pixels]) -> int:
            shown = (scaled(pixels, output) for pixels in arriving)
            return writer(target, Reel(shown, width, height, frames_per_second, text, output.quality, output.codec))

        return encode_beside(_alike(itertools.chain([first], source), path), encode)

    try:
        if not suffix:
            return write(_write_folder, path)
        with write_atomically(path) as temporary:
            return write(WRITERS[suffix], temporary)
    except BaseException as error:
        if source.failure is not None and error is not source.failure:
            raise source.failure from source.failure.__cause__
        if isinstance(error, ValueError) and source.failure is None:
            raise ExportError(f"{path} could not be written: {error}.") from error
        raise


class _Source:
    """An iterator that remembers what it failed with, so that it is not taken for a failure of the disk."""

    def __init__(self, frames: Iterable[Pixels]) -> None:
        self._frames = iter(frames)
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[Pixels]:
        return self

    def __next__(self) -> Pixels:
        try:
            return next(self._frames)
        except StopIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise


def _alike(frames: Iterable[Pixels], path: Path) -> Iterator[Pixels]:
    """The frames, as long as they are pictures of one shape."""
    shape: tuple[int, ...] | None = None
    for number, pixels in enumerate(frames, start=1):
        shape = shape or pixels.shape
        assert pixels.dtype == np.uint8, "frames should be uint8"
        assert pixels.ndim == 3, "frames should be (h, w, c)"
        assert pixels.shape[-1] in (1, 3), "frames should have 1 or 3 channels"
        if pixels.shape != shape:
            sizes = f"{pixels.shape[1]} x {pixels.shape[0]} instead of {shape[1]} x {shape[0]} pixels"
            difference = sizes if pixels.shape[:2] != shape[:2] else "another number of colour channels"
            raise ExportError(f"{path} was not written, because frame {number} has {difference}.")
        yield np.ascontiguousarray(pixels)


def _write_mp4(path: Path, reel: Reel) -> int:
    """H.264 or H.265; an odd last row or column is repeated, because these formats need even sizes."""
    encoder, options = ENCODERS[reel.codec]
    return _write_video(path, reel, "mp4", encoder, {**options, "crf": str(_rate_factor(reel.quality))})


def _write_webm(path: Path, reel: Reel) -> int:
    """VP9, whose sizes are even here too, because players expect them so."""
    factor = str(round(15 + (100 - reel.quality) * 0.45))
    options = {"crf": factor, "b:v": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
    return _write_video(path, reel, "webm", "libvpx-vp9", options)


def _rate_factor(quality: int) -> int:
    """The constant rate factor of x264 and x265: 16, hardly visible, at 90."""
    return min(51, round(12 + (100 - quality) * 0.4))


def _write_video(path: Path, reel: Reel, container_format: str, encoder: str, options: dict[str, str]) -> int:
    import av  # takes a fifth of a second, which only a film should cost
    from av.video.reformatter import Interpolation
    from av.video.stream import VideoStream

    accurate = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    flags = {"movflags": "+faststart"} if container_format == "mp4" else {}
    index = 0
    try:
        with av.open(str(path), "w", format=container_format, options=flags) as container:
            if reel.recipe:
                container.metadata["comment"] = reel.recipe
            stream = container.add_stream(encoder, rate=reel.frames_per_second, options=options)
            assert isinstance(stream, VideoStream), "an encoder of pictures should make a stream of pictures"
            stream.width, stream.height = reel.width + reel.width % 2, reel.height + reel.height % 2
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            if encoder == "libx265":
                context.codec_tag = "hvc1"  # the name under which every player finds it
            context.color_range, context.colorspace = STUDIO_RANGE, BT709
            context.color_primaries, context.color_trc = BT709, BT709
            for index, pixels in enumerate(reel.frames, start=1):
                even = np.pad(pixels, ((0, reel.height % 2), (0, reel.width % 2), (0, 0)), "edge")
                colours = np.ascontiguousarray(np.broadcast_to(even, (*even.shape[:2], 3)))
                picture = av.VideoFrame.from_ndarray(colours, format="rgb24")
                frame = picture.reformat(
                    format="yuv420p", dst_colorspace=BT709, dst_color_range=STUDIO_RANGE, interpolation=int(accurate)
                )
                frame.pts, frame.time_base = index - 1, Fraction(1, reel.frames_per_second)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise ValueError(error.strerror or str(error)) from error
    except LookupError as error:
        raise ValueError(f"this machine cannot write {encoder}") from error
    return index


def _write_folder(path: Path, reel: Reel) -> int:
    """Numbered PNG files in a folder that appears when it is complete; the first of them carries the recipe.

    Only an empty folder or one of earlier frames is replaced.
    """
    if path.exists() and not _is_replaceable(path):
        raise ExportError(f"{path} is there already and holds other things.", "Choose another name.")
    temporary, older = (path.with_name(f".{path.name}.{secrets.token_hex(4)}") for _ in range(2))
    index = 0
    try:
        temporary.mkdir(parents=True)
        for index, pixels in enumerate(reel.frames, start=1):
            recipe = json.loads(reel.recipe) if reel.recipe and index == 1 else None
            write_png(temporary / PICTURE_NAME.format(index), pixels, recipe)
        if path.exists():
            os.replace(path, older)
        try:
            os.replace(temporary, path)
        except OSError:
            if older.exists():
                os.replace(older, path)
            raise
        shutil.rmtree(older, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"{path} could not be written: {reason}.", "Choose another folder.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return index


def _is_replaceable(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return all(re.fullmatch(r"frame-\d{5,}\.png", entry.name) for entry in folder.iterdir())
    return False


WRITERS: Final[dict[str, Writer]] = {
    ".mp4": _write_mp4,
    ".webm": _write_webm,
    ".gif": write_gif,
    ".webp": write_webp,
    ".png": write_apng,
}
