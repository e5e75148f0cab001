"""The architecture of StyleGAN3 (Karras et al. 2021), as described by a checkpoint or by the paper's parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from explorer.nets.style_mapping import WIDEST, MappingShape, require

__all__ = ["InputShape", "LayerShape", "StyleGAN3Shape"]

LARGEST: Final = 4096  # pixels along a side of a picture
MARGIN: Final = 1024  # pixels around it
MOST_VALUES: Final = 2**30  # features of one layer
MOST_TAPS: Final = 512
FILTER_SIZE: Final = 6  # taps for every step of the higher rate
LRELU_UPSAMPLING: Final = 2  # how far the rate rises for the nonlinearity


@dataclass(frozen=True, slots=True)
class InputShape:
    """Fourier features: ``channels`` waves of up to ``bandwidth`` cycles per picture, ``sampling_rate`` pixels each."""

    channels: int
    size: int
    sampling_rate: float
    bandwidth: float

    def __post_init__(self) -> None:
        require(1 <= self.channels <= WIDEST, f"the input should have from 1 to {WIDEST} channels")
        require(1 <= self.size <= LARGEST, f"the input should have from 1 to {LARGEST} pixels along a side")
        require(0 < self.sampling_rate <= LARGEST, f"the rate of the input should be up to {LARGEST}")
        require(0 < self.bandwidth < self.sampling_rate / 2, "the bandwidth should be below half of the rate")

    @staticmethod
    def from_json(data: dict[str, Any]) -> InputShape:
        rates = (float(data["sampling_rate"]), float(data["bandwidth"]))
        return InputShape(int(data["channels"]), _side(data["size"]), *rates)


@dataclass(frozen=True, slots=True)
class LayerShape:
    """One layer: a convolution, then a nonlinearity at ``up`` times the rate of its input.

    ``padding`` holds x0, x1, y0, y1 at the high rate. ``up_taps`` and ``down_taps`` are the lengths of the filters, 1
    where there is none; ``radial`` says that the second is two-dimensional. ``in_band`` and ``out_band``, cutoff and
    half of the transition band, describe the filters of a new network; those of a checkpoint are in its weights.
    """

    name: str
    in_channels: int
    out_channels: int
    in_size: int
    out_size: int
    kernel: int
    up: int
    down: int
    padding: tuple[int, int, int, int]
    is_torgb: bool
    clamp: float | None
    in_rate: float
    out_rate: float
    up_taps: int
    down_taps: int
    radial: bool = False
    in_band: tuple[float, float] | None = None
    out_band: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        x0, x1, y0, y1 = self.padding
        at = f"layer {self.name[:40]!r}"
        require(re.fullmatch(r"L\d{1,3}_\d{1,5}_\d{1,5}", self.name) is not None, f"{at} should be named L0_36_512")
        channels = (self.in_channels, self.out_channels)
        require(all(1 <= each <= WIDEST for each in channels), f"{at} should have from 1 to {WIDEST} channels")
        sizes = (self.in_size, self.out_size)
        require(all(1 <= each <= LARGEST + 2 * MARGIN for each in sizes), f"{at} should have sides up to {LARGEST}")
        require(self.out_channels * self.out_size**2 <= MOST_VALUES, f"{at} should have up to {MOST_VALUES} features")
        require(self.kernel % 2 == 1 and 1 <= self.kernel <= 15, f"{at} should have an odd kernel up to 15")
        require(1 <= self.up <= 32 and 1 <= self.down <= 32, f"{at} should change the rate up to 32 times")
        require(1 <= self.up_taps <= MOST_TAPS and 1 <= self.down_taps <= MOST_TAPS, f"{at} has impossible filters")
        require((self.up == 1) <= (self.up_taps == 1), f"{at} should have no filter where the rate does not rise")
        require((self.down == 1) <= (self.down_taps == 1), f"{at} should have no filter where the rate does not fall")
        require(self.up_taps >= self.up, f"{at} should filter all that it inserts")
        require(not self.is_torgb or self.up == self.down == 1, f"{at} should not filter, as it makes the picture")
        require(self.clamp is None or 0 < self.clamp < math.inf, f"{at} should have a limit above zero")
        require((x0, x1) == (y0, y1), f"{at} should be square")
        require(x0 < self.up_taps and x1 <= self.up_taps - self.up, f"{at} has too much padding")
        high = (self.in_size + self.kernel - 1) * self.up + x0 + x1 - self.up_taps + 1
        fits = high >= self.down_taps and (high - self.down_taps) // self.down + 1 == self.out_size
        require(fits, f"{at} should make {self.out_size} pixels along a side")
        rates = (self.in_rate, self.out_rate)
        require(all(0 < rate <= 2 * LARGEST for rate in rates), f"{at} should have a rate up to {2 * LARGEST}")
        bands = [band for band in (self.in_band, self.out_band) if band is not None]
        require(all(0 < value < LARGEST for band in bands for value in band), f"{at} has impossible filters")

    @staticmethod
    def from_json(data: dict[str, Any]) -> LayerShape:
        sizes = _side(data["in_size"]), _side(data["out_size"])
        kernel, up, down = int(data["kernel"]), int(data["up"]), int(data["down"])
        x0, x1, y0, y1 = map(int, data["padding"])
        taps = (
            _taps(*sizes, kernel, up, down, x0 + x1) if "up_taps" not in data else (data["up_taps"], data["down_taps"])
        )
        clamp = data.get("clamp")
        return LayerShape(
            str(data["name"]),
            int(data["in_channels"]),
            int(data["out_channels"]),
            *sizes,
            kernel,
            up,
            down,
            (x0, x1, y0, y1),
            bool(data["is_torgb"]),
            None if clamp is None else float(clamp),
            float(data["in_rate"]),
            float(data["out_rate"]),
            int(taps[0]),
            int(taps[1]),
            bool(data.get("radial", False)),
            _band(data.get("in_band")),
            _band(data.get("out_band")),
        )


@dataclass(frozen=True, slots=True)
class StyleGAN3Shape:
    """The architecture of a ``StyleGAN3``; raises ValueError where it is impossible."""

    z: int
    w: int
    classes: int
    image_channels: int
    resolution: int
    mapping: MappingShape
    input: InputShape
    layers: tuple[LayerShape, ...]
    output_scale: float = 0.25

    def __post_init__(self) -> None:
        require(0 <= self.z <= WIDEST and 1 <= self.w <= WIDEST, f"z and w should be up to {WIDEST}")
        require(0 <= self.classes <= 100_000, "classes should be up to 100,000")
        require(self.z + self.classes > 0, "there should be a latent or a class")
        require(1 <= self.image_channels <= 4, "pictures should have from 1 to 4 channels")
        require(4 <= self.resolution <= LARGEST, f"resolution should be from 4 to {LARGEST}")
        require(0 < abs(self.output_scale) < math.inf, "the scale of the output should not be zero")
        require(1 <= len(self.layers) <= 128, "there should be from 1 to 128 layers")
        require(len({layer.name for layer in self.layers}) == len(self.layers), "no two layers should share a name")
        channels, size = self.input.channels, self.input.size
        for layer in self.layers:
            fits = (layer.in_channels, layer.in_size) == (channels, size)
            require(fits, f"layer {layer.name} should fit what comes before it")
            require(layer.is_torgb == (layer is self.layers[-1]), "only the last layer should make the picture")
            channels, size = layer.out_channels, layer.out_size
        makes = (channels, size) == (self.image_channels, self.resolution)
        require(makes, "the last layer should make pictures of the resolution")

    @property
    def num_ws(self) -> int:
        """How many styles a picture takes: one for the input and one for every layer."""
        return len(self.layers) + 1

    @staticmethod
    def of(
        resolution: int,
        image_channels: int = 3,
        z: int = 512,
        classes: int = 0,
        rotation: bool = False,
        channel_base: int = 32_768,
        channel_max: int = 512,
        layers: int = 14,
        critical: int = 2,
        first_cutoff: float = 2.0,
        first_stopband: float = 2.0**2.1,
        last_stopband: float = 2.0**0.3,
        margin: int = 10,
    ) -> StyleGAN3Shape:
        """Configuration T, or R where ``rotation`` is set, of ``layers`` layers before the last (appendix C and F).

        Cutoff and stopband grow geometrically up to the last ``critical`` layers, whose cutoff is half of their rate
        (section 3.2, figure 4c); ``last_stopband`` is relative to the last cutoff.
        """
        base, most = (2 * channel_base, 2 * channel_max) if rotation else (channel_base, channel_max)
        nyquist = resolution / 2
        grades = [min(i / (layers - critical), 1.0) for i in range(layers + 1)]
        cutoffs = [first_cutoff * (nyquist / first_cutoff) ** grade for grade in grades]
        stops = [first_stopband * (nyquist * last_stopband / first_stopband) ** grade for grade in grades]
        rates = [2.0 ** math.ceil(math.log2(min(2 * stop, resolution))) for stop in stops]
        bands = [(fc, max(stop, s / 2) - fc) for fc, stop, s in zip(cutoffs, stops, rates, strict=True)]
        sizes = [int(s) + 2 * margin for s in rates[:-2]] + [resolution, resolution]
        channels = [round(min(base / 2 / fc, most)) for fc in cutoffs[:-1]] + [image_channels]
        described = []
        for i in range(layers + 1):
            before, is_torgb = max(i - 1, 0), i == layers
            rate = max(rates[before], rates[i]) * (1 if is_torgb else LRELU_UPSAMPLING)
            up, down = int(rate / rates[before]), int(rate / rates[i])
            up_taps, down_taps = (FILTER_SIZE * up if up > 1 else 1), (FILTER_SIZE * down if down > 1 else 1)
            kernel = 1 if rotation or is_torgb else 3
            total = (sizes[i] - 1) * down - (sizes[before] + kernel - 1) * up + up_taps + down_taps - 1
            low = (total + up) // 2
            name = f"L{i}_{sizes[i]}_{channels[i]}"
            pads = (low, total - low, low, total - low)
            radial = rotation and down > 1 and i < layers - critical
            described.append(
                LayerShape(
                    name, channels[before], channels[i], sizes[before], sizes[i], kernel, up, down, pads, is_torgb,
                    256.0, rates[before], rates[i], up_taps, down_taps, radial, bands[before], bands[i],
                )
            )  # fmt: skip
        first = InputShape(channels[0], sizes[0], rates[0], cutoffs[0])
        mapping = MappingShape((z, z), z if classes else 0)
        return StyleGAN3Shape(z, z, classes, image_channels, resolution, mapping, first, tuple(described))

    @staticmethod
    def from_json(data: dict[str, Any], sizes: Mapping[str, Sequence[int]] | None = None) -> StyleGAN3Shape:
        """The architecture described; ``sizes`` of the weights by name tell the filters where ``data`` does not."""
        layers = [dict(layer) if sizes is None else _filters(layer, sizes) | layer for layer in data["layers"]]
        return StyleGAN3Shape(
            int(data["z"]),
            int(data["w"]),
            int(data["classes"]),
            int(data["image_channels"]),
            int(data["resolution"]),
            MappingShape.from_json(data["mapping"]),
            InputShape.from_json(data["input"]),
            tuple(map(LayerShape.from_json, layers)),
            float(data.get("output_scale", 0.25)),
        )

    def to_json(self) -> dict[str, Any]:
        layers = [
            {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(layer).items()}
            for layer in self.layers
        ]
        return asdict(self) | {"mapping": self.mapping.to_json(), "layers": layers}


def _side(value: Any) -> int:
    """The side of a square, given as a number or as width and height."""
    if isinstance(value, list | tuple):
        require(len(value) == 2 and value[0] == value[1], "features should be square")
        return int(value[0])
    return int(value)


def _filters(layer: dict[str, Any], sizes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """The filters of a layer as ``LayerShape`` describes them, from the sizes of its weights."""
    up, down = (tuple(sizes.get(f"synthesis.{layer['name']}.{way}_filter", (1,))) for way in ("up", "down"))
    is_square = len(down) == 2 and down[0] == down[1]
    require(len(up) == 1 and (len(down) == 1 or is_square), f"layer {str(layer['name'])[:40]!r} has impossible filters")
    return {"up_taps": up[0], "down_taps": down[0], "radial": is_square}


def _band(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    cutoff, half_width = map(float, value)
    return cutoff, half_width


def _taps(in_size: int, out_size: int, kernel: int, up: int, down: int, padding: int) -> tuple[int, int]:
    """The lengths of the filters that the padding was made for, in proportion to the changes of rate."""
    both = padding - (out_size - 1) * down + (in_size + kernel - 1) * up + 1
    if up == 1 or down == 1:
        return (1 if up == 1 else both - 1), (1 if down == 1 else both - 1)
    require(both % (up + down) == 0, "the padding should fit the filters")
    return both // (up + down) * up, both // (up + down) * down
