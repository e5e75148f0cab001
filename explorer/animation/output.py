"""How a film is written: size, compression and which part, as one small frozen value."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from explorer.errors import SceneError

__all__ = ["CODECS", "SCALINGS", "Output", "output_from_json", "output_to_json"]

LARGEST: Final = 4096  # pixels of the shorter side
SCALINGS: Final = ("pixels", "smooth")
CODECS: Final = ("h264", "h265")


@dataclass(frozen=True, slots=True)
class Output:
    """How the frames of a film become a file.

    ``size`` is the shorter side in pixels: at least so many, by whole-number enlargement, where ``scaling`` is
    "pixels", exactly so many by Lanczos resampling where it is "smooth"; 0 leaves pictures as they are. ``quality``
    (0 to 100) is how little is lost where a format loses anything. ``codec`` is what an MP4 is compressed by.
    ``region`` writes only the part of the film that is played alone.

    Raises:
        SceneError: a value is out of its range.
    """

    size: int = 512
    scaling: str = "pixels"
    quality: int = 90
    codec: str = "h264"
    region: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.size <= LARGEST:
            raise SceneError(f"The shorter side of a film has 0 to {LARGEST} pixels, not {self.size}.")
        if not 0 <= self.quality <= 100:
            raise SceneError(f"The quality of a film is 0 to 100, not {self.quality}.")
        if self.scaling not in SCALINGS:
            raise SceneError(f"Pictures are enlarged by {' or '.join(SCALINGS)}, not by {self.scaling!r}.")
        if self.codec not in CODECS:
            raise SceneError(f"An MP4 is compressed by {' or '.join(CODECS)}, not by {self.codec!r}.")


def output_to_json(output: Output) -> dict[str, Any]:
    """The output as plain JSON values."""
    return asdict(output)


def output_from_json(data: Any) -> Output:
    """Read what ``output_to_json`` wrote; what is missing is as usual. Raises SceneError where it is damaged."""
    usual = Output()
    if not isinstance(data, dict):
        raise SceneError("This is not a way to write a film.")
    values = {field.name: data.get(field.name, getattr(usual, field.name)) for field in fields(Output)}
    if any(type(value) is not type(getattr(usual, name)) for name, value in values.items()):
        raise SceneError("The way this film is written is damaged.")
    return Output(**values)
