"""The animated GIF, WebP and PNG containers, written frame by frame.

Pillow compresses each frame as a picture of its own; what is here only puts the pieces into the animation. Compared
with handing Pillow all frames at once, memory does not grow with the film, frames that equal their neighbour stay
frames of their own, and times are as exact as each format can say them.
"""

from __future__ import annotations

import html
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from PIL import Image, PngImagePlugin

from explorer.animation.reel import Pixels, Reel
from explorer.imaging import RECIPE_KEY

__all__ = ["write_apng", "write_gif", "write_webp"]

GIF_LARGEST: Final = 65_535  # pixels on a side; sizes are 16-bit numbers
GIF_SHORTEST: Final = 2  # hundredths of a second; browsers slow anything faster down to a tenth of a second
WEBP_LARGEST: Final = 16_383  # pixels on a side
WEBP_LONGEST: Final = (1 << 32) - 2  # bytes in a file
GIF_SAMPLE: Final = 96  # pixels on a side
PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
XMP: Final = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
    '<rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>'
)


def write_gif(path: Path, reel: Reel) -> int:
    """The number of frames written into a GIF that repeats for ever, each frame with its own 256 colours.

    GIF counts hundredths of a second, so neighbouring frames may differ by one; the whole film lasts as long as it
    should. Above 50 frames per second, frames that would be shorter than browsers can show are left out.
    """
    if max(reel.width, reel.height) > GIF_LARGEST:
        raise ValueError(f"a GIF has at most {GIF_LARGEST} pixels on a side")
    written = 0
    with path.open("wb") as file:
        file.write(b"GIF89a" + struct.pack("<HHBBB", reel.width, reel.height, 0x70, 0, 0))
        file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")  # repeat for ever
        if reel.recipe:
            file.write(b"\x21\xfe" + _gif_blocks(reel.recipe.encode("ascii")))
        for pixels, hundredths in _gif_timing(reel):
            file.write(struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 1 << 2, hundredths, 0, 0) + _gif_frame(pixels))
            written += 1
        file.write(b"\x3b")
    return written


def write_webp(path: Path, reel: Reel) -> int:
    """The number of frames written into a lossless animated WebP that repeats for ever, timed to the millisecond."""
    if max(reel.width, reel.height) > WEBP_LARGEST:
        raise ValueError(f"a WebP has at most {WEBP_LARGEST} pixels on a side")
    canvas = _uint24(reel.width - 1) + _uint24(reel.height - 1)
    index = 0
    with path.open("wb") as file:
        file.write(b"RIFF\0\0\0\0WEBP")
        flags = 0x02 | (0x04 if reel.recipe else 0)  # animation, XMP
        file.write(_webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + canvas))
        file.write(_webp_chunk(b"ANIM", struct.pack("<IH", 0, 0)))
        for index, pixels in enumerate(reel.frames, start=1):
            buffer = io.BytesIO()
            how = {"lossless": True} if reel.quality >= 100 else {"quality": reel.quality}
            _image(pixels).save(buffer, format="WEBP", **how)
            duration = reel.ticks(index, 1000) - reel.ticks(index - 1, 1000)
            place = bytes(6) + canvas + _uint24(duration) + b"\x02"  # at the top left, not mixed with the frame before
            file.write(_webp_chunk(b"ANMF", place + buffer.getvalue()[12:]))
        if reel.recipe:
            file.write(_webp_chunk(b"XMP ", XMP.format(html.escape(reel.recipe)).encode("ascii")))
        size = file.tell() - 8
        if size > WEBP_LONGEST:
            raise ValueError("a WebP has at most 4 GiB; MP4 has no such limit")
        file.seek(4)
        file.write(struct.pack("<I", size))
    return index


def write_apng(path: Path, reel: Reel) -> int:
    """The number of frames written into a lossless animated PNG that repeats for ever, timed exactly."""
    info = PngImagePlugin.PngInfo()
    if reel.recipe:
        info.add_itxt(RECIPE_KEY, reel.recipe, zip=True)
    index, sequence, count_place = 0, 0, 0
    with path.open("wb") as file:
        file.write(PNG_SIGNATURE)
        for index, pixels in enumerate(reel.frames, start=1):
            chunks = list(_png_chunks(pixels, info))
            if index == 1:
                _write_png_chunk(file, *chunks[0])  # IHDR
                count_place = file.tell()
                _write_png_chunk(file, b"acTL", bytes(8))
                for name, content in chunks[1:]:
                    if name == b"iTXt":
                        _write_png_chunk(file, name, content)
            timing = struct.pack(">HHBB", 1, reel.frames_per_second, 0, 0)  # one frame's share of a second
            control = struct.pack(">IIIII", sequence, reel.width, reel.height, 0, 0) + timing
            _write_png_chunk(file, b"fcTL", control)
            sequence += 1
            for content in (content for name, content in chunks if name == b"IDAT"):
                if index == 1:
                    _write_png_chunk(file, b"IDAT", content)
                else:
                    _write_png_chunk(file, b"fdAT", struct.pack(">I", sequence) + content)
                    sequence += 1
        _write_png_chunk(file, b"IEND", b"")
        file.seek(count_place)
        _write_png_chunk(file, b"acTL", struct.pack(">II", index, 0))
    return index


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _gif_timing(reel: Reel) -> Iterator[tuple[Pixels, int]]:
    """The frames that can be shown, with how long each is shown, in hundredths of a second."""
    held: list[tuple[Pixels, int]] = []  # at most two frames and their starts: only the end tells whether both fit
    end = 0
    for index, pixels in enumerate(reel.frames):
        start, end = reel.ticks(index, 100), reel.ticks(index + 1, 100)
        if held and start - held[-1][1] < GIF_SHORTEST:
            continue
        if len(held) == 2:
            yield held[0][0], held[1][1] - held[0][1]
            del held[0]
        held.append((pixels, start))
    if len(held) == 2 and end - held[1][1] < GIF_SHORTEST:
        held = [(held[1][0], held[0][1])]
    for (pixels, start), stop in zip(held, [*(start for _, start in held[1:]), end], strict=True):
        yield pixels, max(stop - start, GIF_SHORTEST)


def _gif_frame(pixels: Pixels) -> bytes:
    """The image block of one frame, with its own colour table.

    Pillow writes a GIF of one picture; its global colour table becomes the local one of this block.
    """
    image = _reduced(_image(pixels))
    buffer = io.BytesIO()
    image.save(buffer, format="GIF", interlace=False)
    data = buffer.getvalue()
    size = data[10] & 7  # the table has 2^(size + 1) colours
    table_end = 13 + 3 * (2 << size)
    descriptor = data.index(b"\x2c", table_end)
    header = data[descriptor : descriptor + 9] + bytes([0x80 | size])
    return header + data[13:table_end] + data[descriptor + 10 : -1]


def _reduced(image: Image.Image) -> Image.Image:
    """The picture with at most 256 colours; nothing is lost where it has no more.

    The colours are chosen from a sample, because that takes long in a large picture. There is no dithering: its noise
    would flicker from frame to frame.
    """
    if image.mode == "L" or image.getcolors(256):
        return image.quantize(256) if image.mode == "RGB" else image
    step = -(-max(image.size) // GIF_SAMPLE)
    sample = Image.fromarray(np.ascontiguousarray(np.asarray(image)[step // 2 :: step, step // 2 :: step]))
    palette = sample.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=1)
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def _gif_blocks(content: bytes) -> bytes:
    pieces = (content[start : start + 255] for start in range(0, len(content), 255))
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def _webp_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) & 1)


def _uint24(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _png_chunks(pixels: Pixels, info: PngImagePlugin.PngInfo) -> Iterator[tuple[bytes, bytes]]:
    buffer = io.BytesIO()
    _image(pixels).save(buffer, format="PNG", pnginfo=info)
    data, place = buffer.getvalue(), len(PNG_SIGNATURE)
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += 12 + length


def _write_png_chunk(file: BinaryIO, name: bytes, content: bytes) -> None:
    file.write(struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content)))
