"""Autoencoders of diffusers by themselves: AutoencoderKL, AutoencoderTiny and VQModel (Rombach et al. 2022)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self, cast

import torch
from torch import Tensor, nn

from explorer.errors import CheckpointError, SceneError
from explorer.formats import Checkpoint
from explorer.formats.autoencoders import empty_autoencoder
from explorer.formats.diffusers_checks import AUTOENCODERS, check_config
from explorer.formats.diffusers_nets import fill
from explorer.generators.base import Generator
from explorer.generators.capabilities import CodeLevel
from explorer.generators.diffusion.parts import Autoencoder
from explorer.generators.diffusion.patterns import MOST_PATTERNS, patterns
from explorer.latents import Directions, Shell, draw
from explorer.scene import Direction

__all__ = ["AutoencoderGenerator", "CodebookAutoencoder", "PosteriorAutoencoder"]

COLOURS: Final = (1, 3)
LARGEST: Final = 512  # pixels along a side
ASSUMED: Final = 256  # where the file does not say
MOST_POSTERIOR: Final = 4096  # numbers in a latent point that a person can look at one by one
MOST_LATENT: Final = 1 << 20  # numbers in a latent point at all
MOST_TABLE: Final = 1 << 24  # numbers in a table of directions
PROBES: Final = 8
HEAVY: Final = 5e11  # parameters times pixels; beyond, measuring directions takes minutes
NO_PRIOR: Final = (
    "Its latent space has no prior that pictures come from: draws look like nothing, blends of encoded pictures do."
)


class AutoencoderGenerator(Generator):
    """A trained autoencoder. A latent point (c, h, w) is the code of a picture, scaled to about unit deviation."""

    family: ClassVar[str] = "autoencoder"
    family_title: ClassVar[str] = "Autoencoder"
    spherical: ClassVar[bool] = False  # codes of pictures follow no normal: a blend of two lies between them

    def __init__(
        self,
        config: Mapping[str, Any],
        coder: Autoencoder,
        latent_shape: tuple[int, int, int],
        image_shape: tuple[int, int, int],
        warnings: tuple[str, ...],
        device: torch.device,
    ) -> None:
        assert coder.net is not None, "coder should have a network"
        super().__init__(config, coder.net, device)
        self._coder = coder
        self.latent_shape = latent_shape
        self.image_shape = image_shape
        self.warnings = (*warnings, NO_PRIOR)

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """The autoencoder of a checkpoint: with a posterior or with codes, where it has them.

        Raises:
            CheckpointError: it is of an unknown kind, impossible, or its weights are missing or do not fit.
        """
        where = checkpoint.path.name if checkpoint.path else checkpoint.name
        settings = checkpoint.config.get("architecture")
        kind = settings.get("_class_name") if isinstance(settings, Mapping) else None
        if not isinstance(settings, Mapping) or not isinstance(kind, str) or kind not in AUTOENCODERS:
            raise CheckpointError(f"{where} does not describe an autoencoder that is known here.")
        check_config(where, settings)
        net = empty_autoencoder(where, settings)
        coder = Autoencoder(kind, net)
        channels = (coder.config.get("in_channels"), coder.config.get("out_channels"))
        if channels[0] != channels[1] or channels[0] not in COLOURS:
            raise CheckpointError(
                f"{where} is no autoencoder of pictures: it reads {channels[0]} channels and makes {channels[1]}."
            )
        if not coder.is_sound():
            raise CheckpointError(f"{where} has an autoencoder whose settings are impossible.")
        height, width, warnings = _sides(where, settings, coder.factor)
        image_shape = (int(channels[0]), height, width)
        latent_shape = _latent_shape(where, kind, net, image_shape)
        fill(where, net, checkpoint.weights)
        made: type[AutoencoderGenerator] = AutoencoderGenerator
        if kind == "VQModel":
            made = CodebookAutoencoder
        elif kind == "AutoencoderKL" and math.prod(latent_shape) <= MOST_POSTERIOR:
            made = PosteriorAutoencoder
        return cast(Self, made(checkpoint.config, coder, latent_shape, image_shape, warnings, device))

    def checkpoint(self) -> Checkpoint:
        """Configuration and weights, float32."""
        return Checkpoint(self.config, dict(self.net.state_dict()))

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures (n, C, H, W), nominal [-1, 1], of scaled latents (n, c, h, w)."""
        return self._coder.decode(latents)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """The scaled latents (n, c, h, w) of pictures (n, C, H, W) in [-1, 1]: the mean of a posterior."""
        return self._coder.encode(images)

    # --- directions ---

    @property
    def direction_kinds(self) -> tuple[str, ...]:
        """Waves across the map of latents, and single numbers of it where they are few."""
        return ("pattern", "axis") if math.prod(self.latent_shape) <= MOST_PATTERNS else ("pattern",)

    def direction(self, direction: Direction) -> Tensor:
        """One direction as a vector (c, h, w) on the CPU, of length 1.

        Raises:
            SceneError: the model has no such direction.
        """
        if direction.kind == "pattern":
            known = self._patterns()
            if not 0 <= direction.index < len(known):
                raise SceneError(
                    f"{self.name} has {len(known)} directions, and none with the number {direction.index}."
                )
            return known[direction.index]
        return super().direction(direction)

    def _patterns(self) -> Tensor:
        most = min(MOST_PATTERNS, max(MOST_TABLE // math.prod(self.latent_shape), 1))
        return self.remember("patterns", lambda: patterns(self.latent_shape, most))

    def _find_directions(self, kind: str) -> Directions:
        if kind == "pattern":
            vectors = self._patterns()
        elif kind == "axis" and kind in self.direction_kinds:
            count = math.prod(self.latent_shape)
            vectors = torch.eye(count).view(count, *self.latent_shape)
        else:
            raise SceneError(f"{self.name} has no directions of the kind '{kind}'.")
        if self.parameters * math.prod(self.image_shape[1:]) > HEAVY:
            # what the spectrum of pictures suggests: their power falls with frequency
            return Directions(vectors, 1.0 / torch.arange(1, len(vectors) + 1, dtype=torch.float32).sqrt())
        return Directions(vectors, self._measure(vectors))

    def _measure(self, vectors: Tensor) -> Tensor:
        """How much the picture changes along vectors (k, c, h, w): (k,) on the CPU, in the sense of ``Directions``.

        For r ~ N(0, 1), J^T r has covariance J^T J, as in ``explorer.latents.decoder_metric``. A codebook is passed as
        if it kept every code: what it does to one has no slope.
        """
        squares = torch.zeros(len(vectors), dtype=torch.float64)
        flat = vectors.flatten(1).double()
        with torch.inference_mode(False), torch.enable_grad():
            for seed in range(PROBES):
                latents = self.draw(seed)[None].to(self.device).requires_grad_()
                images = self._coder.decode(latents)
                probe = draw(seed, tuple(images.shape)).to(self.device)
                (gradient,) = torch.autograd.grad((images * probe).sum(), latents)
                squares += (flat @ gradient.detach().cpu().double().flatten()).square()
        return (squares / PROBES).sqrt().float()


class PosteriorAutoencoder(AutoencoderGenerator):
    """An AutoencoderKL whose latent points are small enough to look at every number of its posterior."""

    @torch.no_grad()
    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of q(z|x), both (n, d), of the scaled latents, flattened."""
        net: Any = self.net
        found = net.encode(images, return_dict=False)[0]
        scale, shift = self._coder.statistics(found.mean)
        mean, variance = (found.mean - shift) / scale, found.logvar.exp() / scale.square()
        return mean.flatten(1), variance.flatten(1)

    @torch.no_grad()
    def kl_per_dimension(self, images: Tensor) -> Tensor:
        """KL(q(z_i|x) || N(0, 1)) in nats, (n, d), of the scaled latents (Kingma and Welling 2014, appendix B)."""
        mean, variance = self.posterior(images)
        return 0.5 * (mean.square() + variance - 1.0 - variance.log()).clamp(min=0)

    def usual_kl_per_dimension(self) -> Tensor | None:
        """None: such files do not carry it."""
        return None


class CodebookAutoencoder(AutoencoderGenerator):
    """A VQModel: every place of its latent map is one of a book of codes (van den Oord et al. 2017).

    A latent point is the scaled map before it is quantised. Its draws are maps of evenly drawn codes.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        coder: Autoencoder,
        latent_shape: tuple[int, int, int],
        image_shape: tuple[int, int, int],
        warnings: tuple[str, ...],
        device: torch.device,
    ) -> None:
        super().__init__(config, coder, latent_shape, image_shape, warnings, device)
        net: Any = self.net
        book = net.quantize.embedding.weight  # (codes, c)
        _, rows, columns = latent_shape
        self.code_levels = (CodeLevel("codes", rows, columns, len(book)),)
        scale, shift = (value.flatten() for value in coder.statistics(book))
        self._points = ((book - shift) / scale).cpu()  # the codes as points; draws are made on the CPU

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures (n, C, H, W), nominal [-1, 1], of the codes nearest to scaled latents (n, c, h, w)."""
        return self.decode_codes(self.codes(latents))

    @torch.no_grad()
    def codes(self, latents: Tensor) -> tuple[Tensor, ...]:
        """The nearest codes of scaled latents (n, c, h, w): one map, int64 (n, h, w)."""
        net: Any = self.net
        scale, shift = self._coder.statistics(latents)
        found = net.quantize(latents * scale + shift)[2][2]
        return (found.reshape(len(latents), *latents.shape[2:]),)

    def decode_codes(self, codes: Sequence[Tensor]) -> Tensor:
        """Pictures (n, C, H, W), nominal [-1, 1], of one map of codes (n, h, w)."""
        net: Any = self.net
        chosen = net.quantize.embedding(codes[0]).movedim(-1, 1).contiguous()  # (n, c, h, w)
        spatial = chosen if net.config.norm_type == "spatial" else None
        images: Tensor = net.decoder(net.post_quant_conv(chosen), spatial)
        return images

    def code_usage(self) -> tuple[Tensor, ...] | None:
        """None: such files do not carry it."""
        return None

    def draw(self, seed: int) -> Tensor:
        """The point (c, h, w), float32 on the CPU, of a map of codes, each drawn evenly."""
        level = self.code_levels[0]
        generator = torch.Generator().manual_seed(seed)
        codes = torch.randint(level.codes, (level.rows, level.columns), generator=generator)
        point: Tensor = self._points[codes].movedim(-1, 0).contiguous()
        return point

    @property
    def shell(self) -> Shell:
        """How far draws lie from 0: the squared norm is a sum of independent ones, one for every place of the map."""
        level = self.code_levels[0]
        places, squares = level.rows * level.columns, self._points.double().square().sum(1)
        mean = math.sqrt(places * float(squares.mean()))
        deviation = math.sqrt(places * float(squares.var(correction=0))) / max(2 * mean, 1e-12)
        return Shell(math.prod(self.latent_shape), mean, max(deviation, 1e-6))


def _sides(where: str, settings: Mapping[str, Any], factor: int) -> tuple[int, int, tuple[str, ...]]:
    """Height and width of the pictures, and what a person should know of how they were found."""
    told, height, width = settings.get("sample_size"), 0, 0
    match told:
        case [int() as height, int() as width]:
            is_told = True
        case int() if not isinstance(told, bool):
            is_told, height, width = True, told, told
        case _:
            is_told, height, width = False, ASSUMED, ASSUMED
    rows, columns = (min(side, LARGEST) // factor * factor for side in (height, width))
    if min(rows, columns) < 1:
        raise CheckpointError(f"{where} describes an impossible network: its pictures are {width} x {height}.")
    if not is_told:
        return rows, columns, (f"Its file does not say how large its pictures are: {columns} x {rows} was taken.",)
    if (rows, columns) != (height, width):
        return rows, columns, (f"Its pictures of {width} x {height} are made at {columns} x {rows}.",)
    return rows, columns, ()


@torch.no_grad()
def _latent_shape(where: str, kind: str, net: nn.Module, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """(c, h, w) of the code of one picture, found by encoding and decoding without any numbers.

    Raises:
        CheckpointError: what is decoded is no such picture.
    """
    anything: Any = net
    try:
        found = anything.encode(torch.empty(1, *image_shape, device="meta"), return_dict=False)[0]
        codes = found.mode() if kind == "AutoencoderKL" else found
        images = anything.decode(codes, return_dict=False)[0]
    except Exception as error:  # whatever the settings make the library do, nothing but shapes was tried
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{where} describes an impossible network: {first[:200]}") from error
    if images.shape != (1, *image_shape) or codes.ndim != 4:
        raise CheckpointError(f"{where} describes an impossible network: what it encodes it cannot decode.")
    _, channels, height, width = codes.shape
    if codes.numel() > MOST_LATENT:
        raise CheckpointError(f"{where} has codes of {channels} x {height} x {width} numbers, which are too large.")
    return int(channels), int(height), int(width)
