"""What is known of an open model, as plain values: what ``inspect`` prints and the window shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.activations import layer_names
from explorer.denoising import resolved
from explorer.diagnostics import diagnose
from explorer.diffusion import SAMPLERS
from explorer.formats import Checkpoint
from explorer.generators import (
    Denoises,
    Encodes,
    Generator,
    HasCodes,
    HasLevels,
    HasLikelihood,
    HasPosterior,
    HasStyles,
    capabilities,
)
from explorer.imaging import FloatArray
from explorer.latents import Shell
from explorer.scene import Sampling

__all__ = ["DenoisingFacts", "ModelFacts", "describe", "direction_strengths", "inspect"]


@dataclass(frozen=True, slots=True)
class DenoisingFacts:
    """How a diffusion model can be run."""

    sampling: Sampling  # as the checkpoint suggests; sampler, steps and guidance are known
    samplers: tuple[tuple[str, str], ...]  # names and titles
    eta_samplers: tuple[str, ...]  # those that add as much fresh noise as eta says
    stochastic: tuple[str, ...]  # those that add fresh noise
    can_guide: bool
    reads_text: bool
    can_encode: bool
    has_autoencoder: bool


@dataclass(frozen=True, slots=True, eq=False)
class ModelFacts:
    """A loaded generator described without torch."""

    name: str
    family: str
    family_title: str
    image_shape: tuple[int, int, int]
    latent_shape: tuple[int, ...]
    parameters: int
    capabilities: tuple[str, ...]
    device: str
    shell: Shell
    direction_kinds: tuple[str, ...]
    usual_kl: FloatArray | None
    config: Mapping[str, Any]
    class_names: tuple[str, ...] = ()
    style_layers: tuple[tuple[str, int], ...] = ()  # name and resolution of the layer that each style feeds first
    noise_layers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()  # what a person should know of how the checkpoint was read
    layers: tuple[str, ...] = ()  # of the synthesis, whose features can be looked at
    denoising: DenoisingFacts | None = None
    levels: tuple[tuple[str, int], ...] = ()  # name and resolution of the levels of the latent point, coarse first
    code_levels: tuple[tuple[str, int, int, int], ...] = ()  # name, rows, columns and codes of every code map
    diagnosis: str = ""  # how the latents are used, in words; empty where that is not known
    likelihood_kind: str = ""  # exact, lower bound or ODE estimate; empty where there is none

    @property
    def mixable(self) -> tuple[tuple[str, int], ...]:
        """The layers or levels that points can be mixed in, coarse first; empty where there are none."""
        return self.style_layers or self.levels

    @property
    def mixable_word(self) -> str:
        """What these are called."""
        return "layers" if self.style_layers or not self.levels else "levels"

    @property
    def dimensions(self) -> int:
        return self.shell.dimensions


def describe(generator: Generator) -> ModelFacts:
    """The facts of a loaded generator."""
    usual = generator.usual_kl_per_dimension() if isinstance(generator, HasPosterior) else None
    styled = generator if isinstance(generator, HasStyles) else None
    return ModelFacts(
        name=generator.name,
        family=generator.family,
        family_title=generator.family_title,
        image_shape=generator.image_shape,
        latent_shape=generator.latent_shape,
        parameters=generator.parameters,
        capabilities=capabilities(generator),
        device=str(generator.device),
        shell=generator.shell,
        direction_kinds=generator.direction_kinds,
        usual_kl=None if usual is None else usual.float().cpu().numpy(),
        config=dict(generator.config),
        class_names=generator.class_names,
        style_layers=tuple((layer.name, layer.resolution) for layer in styled.style_layers) if styled else (),
        noise_layers=styled.noise_layers if styled else (),
        warnings=generator.warnings,
        layers=layer_names(generator),
        denoising=_denoising(generator),
        diagnosis=_diagnosis(generator),
        levels=_levels(generator),
        code_levels=_code_levels(generator),
        likelihood_kind=generator.likelihood_kind if isinstance(generator, HasLikelihood) else "",
    )


def _diagnosis(generator: Generator) -> str:
    found = diagnose(generator)
    return "" if found is None else found.words


def _levels(generator: Generator) -> tuple[tuple[str, int], ...]:
    levels = generator.levels if isinstance(generator, HasLevels) else ()
    return tuple((level.name, level.resolution) for level in levels)


def _code_levels(generator: Generator) -> tuple[tuple[str, int, int, int], ...]:
    levels = generator.code_levels if isinstance(generator, HasCodes) else ()
    return tuple((level.name, level.rows, level.columns, level.codes) for level in levels)


def _denoising(generator: Generator) -> DenoisingFacts | None:
    if not isinstance(generator, Denoises):
        return None
    known = [SAMPLERS[name] for name in generator.samplers]
    return DenoisingFacts(
        sampling=resolved(generator, Sampling()),
        samplers=tuple((sampler.name, sampler.title) for sampler in known),
        eta_samplers=tuple(sampler.name for sampler in known if sampler.uses_eta),
        stochastic=tuple(sampler.name for sampler in known if sampler.is_stochastic),
        can_guide=generator.can_guide,
        reads_text=generator.reads_text,
        can_encode=isinstance(generator, Encodes),
        has_autoencoder=generator.has_autoencoder,
    )


def direction_strengths(generator: Generator, kind: str) -> FloatArray:
    """How much each direction of a kind changes the picture, (k,); see ``explorer.latents.Directions``."""
    strengths: FloatArray = generator.directions(kind).strengths.numpy()
    return strengths


def inspect(checkpoint: Checkpoint, generator: Generator) -> dict[str, Any]:
    """The JSON object that ``latent-explorer inspect --json`` prints."""
    layers = [
        {"name": name, "shape": list(tensor.shape), "type": str(tensor.dtype).removeprefix("torch.")}
        for name, tensor in checkpoint.weights.items()
    ]
    styled = generator if isinstance(generator, HasStyles) else None
    return {
        "name": generator.name,
        "family": generator.family,
        "format": checkpoint.format,
        "image_shape": list(generator.image_shape),
        "latent_shape": list(generator.latent_shape),
        "classes": generator.classes,
        "class_names": list(generator.class_names),
        "layers": layers,
        "style_layers": [{"name": x.name, "resolution": x.resolution} for x in styled.style_layers] if styled else [],
        "noise_layers": list(styled.noise_layers) if styled else [],
        "levels": [{"name": name, "resolution": side} for name, side in _levels(generator)],
        "code_levels": [
            {"name": name, "rows": rows, "columns": columns, "codes": codes}
            for name, rows, columns, codes in _code_levels(generator)
        ],
        "parameters": generator.parameters,
        "capabilities": list(capabilities(generator)),
        "warnings": list(generator.warnings),
        "diagnosis": _diagnosis(generator),
        "config": dict(checkpoint.config),
    }
