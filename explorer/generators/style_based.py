"""What StyleGAN2 and StyleGAN3 have in common: a mapping, styles for every layer, and directions in W."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor

from explorer.errors import CheckpointError, SceneError
from explorer.formats import Checkpoint
from explorer.generators.base import Generator
from explorer.generators.capabilities import Look, StyleLayerInfo
from explorer.generators.resume import LayerStep, Resume, run_steps
from explorer.latents import Directions, Shell, draw
from explorer.nets.style_mapping import Mapping
from explorer.scene import ALL_LAYERS, Direction

__all__ = ["StyleGenerator", "load_style_net"]

Shape = TypeVar("Shape")
Sizes: TypeAlias = dict[str, tuple[int, ...]]  # of the tensors of a checkpoint, by their names
Net = TypeVar("Net", bound=torch.nn.Module)

DRAWS: Final = 10_000  # of W, for its distribution
SEED: Final = 20_191  # of those draws
AVERAGE: Final = "mapping.w_avg"
LARGEST_OF_NUMPY: Final = 2**32 - 1  # the largest seed of the generator that those tools use
LONGEST_FILTER: Final = 512  # taps


class StyleGenerator(Generator):
    """A mapping network and a synthesis of layers. Blends are straight and directions lie in W, which has no centre
    of symmetry."""

    spherical: ClassVar[bool] = False
    style_layers: tuple[StyleLayerInfo, ...]
    noise_layers: tuple[str, ...] = ()
    has_transform = False
    mapping: Mapping

    @abstractmethod
    def layer_steps(self, look: Look, count: int) -> Sequence[LayerStep]:
        """The layers for ``count`` pictures that look like this, the last one giving the picture."""

    @abstractmethod
    def affine_weights(self, first: int, end: int) -> list[Tensor]:
        """The matrices (channels, w) that turn styles into scales, of the layers in a range of rows."""

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures (n, c, h, w) of points z (n, z), without truncation, with the model's own noise."""
        return self.synthesise(self.styles(latents, condition), Look())

    def draw(self, seed: int) -> Tensor:
        """The point z (z,) of a seed: as NVIDIA's tools draw it, so that people find their pictures again."""
        if seed > LARGEST_OF_NUMPY:
            return super().draw(seed)
        return torch.from_numpy(np.random.RandomState(seed).randn(*self.latent_shape)).float()

    def styles(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Styles (n, layers, w), before truncation, of points z (n, z) and class weights (n, classes)."""
        if self.classes and condition is None:
            condition = torch.zeros(len(latents), self.classes, device=latents.device)
            condition[:, 0] = 1.0
        styles: Tensor = self.mapping(latents, condition).float()
        return styles[:, None].repeat(1, len(self.style_layers), 1)

    def average_style(self) -> Tensor:
        """The mean style (w,) on the CPU."""
        return self.mapping.w_avg.float().cpu()

    def synthesise(self, styles: Tensor, look: Look, resume: Resume | None = None) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of styles (n, layers, w)."""
        *_, (step, state) = run_steps(self.layer_steps(look, len(styles)), styles, resume)
        assert step.sketch is not None, "the last layer should give a picture"
        return step.sketch(state)

    def sketches(self, styles: Tensor, look: Look, resume: Resume | None = None) -> Iterator[tuple[Tensor, bool]]:
        """The picture of styles (n, layers, w) as it grows, at the resolution of each layer that ends with one, and
        whether it is the finished one."""
        steps = self.layer_steps(look, len(styles))
        for step, state in run_steps(steps, styles, resume):
            if step.sketch is not None:
                yield step.sketch(state), step is steps[-1]

    @property
    def direction_kinds(self) -> tuple[str, ...]:
        """Principal components of W, directions of the layers, single coordinates of W."""
        return ("ganspace", "sefa", "axis")

    @property
    def shell(self) -> Shell:
        """How far draws of W lie from their mean."""
        return self.remember("shell", self._measure_shell)

    def direction(self, direction: Direction) -> Tensor:
        """One direction as a vector (w,) on the CPU, one standard deviation of W long.

        Raises:
            SceneError: the model has no such direction.
        """
        known = self.remember(("vectors", direction.kind, *self._range(direction)), lambda: self._find(direction))
        if not 0 <= direction.index < len(known.vectors):
            count = len(known.vectors)
            raise SceneError(f"{self.name} has {count} directions, and none with the number {direction.index}.")
        return known.vectors[direction.index]

    def directions(self, kind: str) -> Directions:
        """All directions of one kind, the strongest first but for coordinates; ``strengths`` are relative."""
        return self.remember(("vectors", kind, 0, len(self.style_layers)), lambda: self._find(Direction(kind, 0)))

    def _range(self, direction: Direction) -> tuple[int, int]:
        """The rows that decide a direction; only those of SeFa follow from layers."""
        everything = (0, len(self.style_layers))
        if direction.kind != "sefa" or direction.end == ALL_LAYERS:
            return everything
        return min(direction.first, everything[1] - 1), min(direction.end, everything[1])

    def _find(self, direction: Direction) -> Directions:
        samples = self.remember("samples", self._draw_styles)
        covariance = torch.cov(samples.double().T).reshape(samples.shape[1], -1)
        match direction.kind:
            case "ganspace":  # principal components of W (Harkonen et al. 2020, section 3.1)
                values, vectors = torch.linalg.eigh(covariance)
                vectors, strengths = vectors.flip(1).T, values.flip(0).clamp(min=0).sqrt()
            case "sefa":  # eigenvectors of A^T A, A the stacked affine weights (Shen and Zhou 2021, eq. 5)
                weights = torch.cat([matrix.double().cpu() for matrix in self.affine_weights(*self._range(direction))])
                weights = weights / weights.norm(dim=1, keepdim=True).clamp(min=1e-12)
                values, vectors = torch.linalg.eigh(weights.T @ weights)
                vectors, strengths = vectors.flip(1).T, values.flip(0).clamp(min=0).sqrt()
            case "axis":
                vectors = torch.eye(len(covariance), dtype=torch.float64)
                strengths = covariance.diagonal().sqrt()
            case _:
                raise SceneError(f"{self.name} has no directions of the kind '{direction.kind}'.")
        deviations = torch.einsum("ki,ij,kj->k", vectors, covariance, vectors).clamp(min=0).sqrt()
        signs = vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
        return Directions((vectors * signs * deviations[:, None]).float(), strengths.float())

    @torch.inference_mode()
    def _draw_styles(self) -> Tensor:
        """Draws of W (10,000, w) on the CPU, classes in turn."""
        latents = draw(SEED, (DRAWS, *self.latent_shape))
        parts = []
        for start in range(0, DRAWS, 1_000):
            condition = None
            if self.classes:
                turns = torch.arange(start, start + 1_000) % self.classes
                condition = torch.nn.functional.one_hot(turns, self.classes).float().to(self.device)
            parts.append(self.mapping(latents[start : start + 1_000].to(self.device), condition).float().cpu())
        return torch.cat(parts).clone()

    def estimate_average(self, checkpoint: Checkpoint) -> None:
        """Fill in the mean style where the checkpoint holds none."""
        if AVERAGE not in checkpoint.weights:
            samples = self.remember("samples", self._draw_styles)
            self.mapping.w_avg = samples.mean(0).to(self.device)

    def _measure_shell(self) -> Shell:
        samples = self.remember("samples", self._draw_styles)
        norms = (samples - self.average_style()).norm(dim=1).double()
        return Shell(samples.shape[1], float(norms.mean()), max(float(norms.std()), 1e-9))


def load_style_net(
    checkpoint: Checkpoint, read: Callable[[Any, Sizes], Shape], make: Callable[[Shape], Net], filters: tuple[str, ...]
) -> Net:
    """The network of a checkpoint, on the CPU, in float32; ``read`` makes a shape of its description and tensors.

    Buffers whose names end with one of ``filters`` take the size they have in the file and may be superfluous there.

    Raises:
        CheckpointError: the architecture is impossible, or weights are missing, superfluous or wrongly shaped.
    """
    where = checkpoint.path.name if checkpoint.path else checkpoint.name
    sizes = {name: tuple(value.shape) for name, value in checkpoint.weights.items()}
    try:
        with torch.device("meta"):
            net = make(read(checkpoint.config["architecture"], sizes))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise CheckpointError(f"{where} describes an impossible network: {error}.") from error
    owners = dict(net.named_modules())
    for name, value in checkpoint.weights.items():
        owner, _, last = name.rpartition(".")
        if last in filters and owner in owners and hasattr(owners[owner], last):
            if not (1 <= value.ndim <= 2 and max(value.shape) <= LONGEST_FILTER and value.numel()):
                raise CheckpointError(f"{where} is damaged: {name} is no filter.")
            owners[owner].register_buffer(last, torch.empty(value.shape, device="meta"))
    weights = dict(checkpoint.weights)
    if AVERAGE not in weights:
        weights[AVERAGE] = torch.zeros(net.get_buffer(AVERAGE).shape)
    net.load_state_dict(_checked(where, weights, net, filters), assign=True)
    return net


def _checked(
    where: str, weights: dict[str, Tensor], net: torch.nn.Module, optional: tuple[str, ...]
) -> dict[str, Tensor]:
    """The weights that ``net`` has, as float32."""
    expected = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    given = {name: value for name, value in weights.items() if name in expected or not name.endswith(optional)}
    for name in sorted(expected.keys() | given.keys()):
        found = tuple(given[name].shape) if name in given else None
        if found != expected.get(name):
            told = [
                "absent" if shape is None else " x ".join(map(str, shape)) or "a single number"
                for shape in (found, expected.get(name))
            ]
            raise CheckpointError(f"{where} does not fit its own description: {name} is {told[0]}, not {told[1]}.")
    return {name: value.float() if value.is_floating_point() else value for name, value in given.items()}
