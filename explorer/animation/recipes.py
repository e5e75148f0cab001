"""Getting the recipe back out of a film file, without decoding a single picture.

Each container is walked piece by piece: lengths are checked before anything is read, so that a damaged or hostile file
costs neither time nor memory.
"""

from __future__ import annotations

import html
import json
import os
import re
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Final

from explorer.animation.writers import FIRST_PICTURE
from explorer.imaging import RECIPE_KEY

__all__ = ["read_film_recipe"]

LONGEST_RECIPE: Final = 1 << 24  # bytes
COMMENT_BOXES: Final = (b"moov", b"udta", b"meta", b"ilst", b"\xa9cmt", b"data")
XMP_DESCRIPTION: Final = re.compile(rb"<dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">([^<]*)<")


def read_film_recipe(path: Path) -> dict[str, Any] | None:
    """The recipe that ``write_film`` put into a film or folder, or None where there is none; it never raises."""
    try:
        with (path / FIRST_PICTURE if path.is_dir() else path).open("rb") as file:
            text = _read_comment(file, file.read(12))
        recipe = json.loads(text) if text else None
    except (OSError, ValueError, RecursionError, struct.error, zlib.error):
        return None
    return recipe if isinstance(recipe, dict) else None


def _read_comment(file: BinaryIO, head: bytes) -> str:
    """The text of the comment, empty where there is none."""
    if head.startswith(b"GIF8"):
        return _gif_comment(file)
    if head.startswith(b"RIFF") and head.endswith(b"WEBP"):
        return _webp_description(file)
    if head.startswith(b"\x89PNG"):
        return _png_text(file)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _matroska_comment(file)
    return _mp4_comment(file) if head[4:8] == b"ftyp" else ""


def _gif_comment(file: BinaryIO) -> str:
    """The comment that stands before the first frame."""
    file.seek(10)
    (flags,) = struct.unpack("<B2x", file.read(3))
    file.seek(3 * (2 << (flags & 7)) if flags & 0x80 else 0, os.SEEK_CUR)
    while (start := file.read(2))[:1] == b"\x21":
        kind, content = start[1:], bytearray()
        while (length := file.read(1)) and length[0]:
            block = file.read(length[0])
            if kind == b"\xfe":
                content += block
            if len(content) > LONGEST_RECIPE:
                return ""
        if kind == b"\xfe":
            return content.decode("utf-8")
    return ""


def _webp_description(file: BinaryIO) -> str:
    """The description in the XMP chunk."""
    while len(header := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", header)
        if name == b"XMP ":
            found = XMP_DESCRIPTION.search(file.read(length)) if length <= LONGEST_RECIPE else None
            return html.unescape(found[1].decode("utf-8")) if found else ""
        file.seek(length + (length & 1), os.SEEK_CUR)
    return ""


def _png_text(file: BinaryIO) -> str:
    """The text chunk with our name that stands before the pixels."""
    key = RECIPE_KEY.encode("ascii") + b"\0"
    file.seek(8)
    while len(header := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", header)
        following = file.tell() + length + 4
        if name == b"IDAT":
            return ""
        if name == b"iTXt" and length <= LONGEST_RECIPE and (content := file.read(length)).startswith(key):
            is_compressed = content[len(key) : len(key) + 1] == b"\1"
            _language, _translated, text = content[len(key) + 2 :].split(b"\0", 2)
            return (zlib.decompressobj().decompress(text, LONGEST_RECIPE) if is_compressed else text).decode("utf-8")
        file.seek(following)
    return ""


def _matroska_comment(file: BinaryIO) -> str:
    """The comment among the tags of a WebM file; its first and last pieces are read, not its pictures."""
    import av

    file.seek(0)
    try:
        with av.open(file, format="matroska") as container:
            return container.metadata.get("COMMENT") or container.metadata.get("comment") or ""
    except av.FFmpegError:
        return ""


def _mp4_comment(file: BinaryIO) -> str:
    """The comment among the metadata of the whole film."""
    start, end = 0, file.seek(0, os.SEEK_END)
    for name in COMMENT_BOXES:
        inside = _find_box(file, start, end, name)
        if inside is None:
            return ""
        start, end = inside
        if name == b"meta":
            start += 4  # version and flags
    start += 8  # kind of text and language
    if not 0 < end - start <= LONGEST_RECIPE:
        return ""
    file.seek(start)
    return file.read(end - start).decode("utf-8")


def _find_box(file: BinaryIO, start: int, end: int, wanted: bytes) -> tuple[int, int] | None:
    """Where the content of the first box called ``wanted`` between ``start`` and ``end`` begins and ends."""
    while start + 8 <= end:
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            (size,), header = struct.unpack(">Q", file.read(8)), 16
        elif size == 0:
            size = end - start
        if size < header or start + size > end:
            return None
        if name == wanted:
            return start + header, start + size
        start += size
    return None
