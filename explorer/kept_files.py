"""Copies of people's own picture files, so that what was made of them outlives the originals."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from typing import Final

from explorer.files import digest, write_atomically
from explorer.scene import ImageFile

__all__ = ["given_name", "keep_file", "keep_png"]

DIGITS: Final = 16  # of the digest, in the name of a copy
LONGEST: Final = 60  # characters of a name and 12 of its suffix: file systems take 255 bytes, up to 4 for a character
COPY: Final = re.compile(rf"[0-9a-f]{{{DIGITS}}}-(?=.)")


def keep_file(folder: Path, path: Path) -> ImageFile:
    """Copy a file into ``folder``, named after its content and then as it was; a file from there stays as it is.

    Raises ExportError where the copy cannot be written.
    """
    path, content = path.absolute(), digest(path)
    if path.parent == folder.absolute():
        return ImageFile(str(path), content)
    name = f"{path.stem[:LONGEST]}{path.suffix[:12]}"
    copy = folder.absolute() / f"{content[:DIGITS]}-{name}"
    if not copy.exists():
        with write_atomically(copy) as temporary:
            shutil.copyfile(path, temporary)
    return ImageFile(str(copy), content)


def given_name(path: str | Path) -> str:
    """The name that the person gave a file, whether or not it is a copy of ours."""
    return COPY.sub("", Path(path).name, count=1)


def keep_png(folder: Path, png: bytes) -> ImageFile:
    """Write an encoded picture into ``folder``, named after its content, so that equal pictures are one file.

    Raises ExportError where the file cannot be written.
    """
    digest = hashlib.sha256(png).hexdigest()
    path = folder / f"{digest[:32]}.png"
    if not path.exists():
        with write_atomically(path) as temporary:
            temporary.write_bytes(png)
    return ImageFile(str(path), digest)
