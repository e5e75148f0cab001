"""What a command line asks of a picture besides where it lies: put into scenes, and checked against the model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from explorer.errors import SceneError
from explorer.scene import Condition, Latent, Noise, Sampling, Scene, Transform

if TYPE_CHECKING:
    from explorer.generators import Generator

__all__ = ["Wishes"]

Part = TypeVar("Part", Latent, Condition, Noise, Transform, Sampling)


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of ``render`` by name; None where an option was not given."""

    truncation: float | None = None
    cutoff: int | None = None
    label: int | None = None
    noise: str | None = None
    translate: tuple[float, float] | None = None
    rotate: float | None = None
    prompt: str | None = None
    negative: str | None = None
    sampler: str | None = None
    steps: int | None = None
    eta: float | None = None
    guidance: float | None = None

    def __post_init__(self) -> None:
        for name in ("truncation", "rotate", "eta", "guidance", "translate"):
            value = getattr(self, name)
            values = value if isinstance(value, tuple) else (value,)
            if not all(each is None or math.isfinite(each) for each in values):
                raise typer.BadParameter("It should be a finite number.", param_hint=f"--{name}")

    def dress(self, scene: Scene) -> Scene:
        """The scene with everything that was asked for."""
        latent = _with(scene.latent, truncation=self.truncation, cutoff=self.cutoff)
        condition = scene.condition
        if self.label is not None:
            condition = replace(condition, classes=((self.label, 1.0),))
        if self.prompt is not None:
            condition = replace(condition, prompts=((self.prompt, 1.0),))
        condition = _with(condition, negative=self.negative)
        x, y = (None, None) if self.translate is None else self.translate
        sampling = _with(
            scene.denoising.sampling, sampler=self.sampler, steps=self.steps, eta=self.eta, guidance=self.guidance
        )
        return replace(
            scene,
            latent=latent,
            condition=condition,
            noise=_with(scene.noise, mode=self.noise),
            transform=_with(scene.transform, x=x, y=y, degrees=self.rotate),
            denoising=replace(scene.denoising, sampling=sampling),
        )

    def check(self, generator: Generator) -> None:
        """Refuse what the model cannot do, where it was asked for in so many words; raises SceneError."""
        from explorer.generators import Denoises, HasStyles

        name, styled = generator.name, isinstance(generator, HasStyles)
        if self.label is not None and self.label >= generator.classes:
            known = f"has the classes 0 to {generator.classes - 1}" if generator.classes else "knows no classes"
            raise SceneError(f"{name} {known}; --label {self.label} cannot be drawn.")
        if self.noise is not None and not styled:
            raise SceneError(f"{name} adds no noise; leave --noise out.")
        can_move = isinstance(generator, HasStyles) and generator.has_transform
        if (self.translate is not None or self.rotate is not None) and not can_move:
            raise SceneError(f"{name} cannot be moved or turned; only StyleGAN3 can.")
        reads = isinstance(generator, Denoises) and generator.reads_text
        if (self.prompt is not None or self.negative is not None) and not reads:
            raise SceneError(f"{name} reads no text; leave --prompt and --negative out.")
        asked = Sampling() != self.dress(Scene()).denoising.sampling
        if asked and not isinstance(generator, Denoises):
            raise SceneError(
                f"{name} does not denoise; --sampler, --steps, --eta and --guidance are for diffusion models."
            )
        if self.guidance not in (None, 1.0) and isinstance(generator, Denoises) and not generator.can_guide:
            raise SceneError(f"{name} cannot be guided: it knows no prediction without a condition.")


def _with(value: Part, **given: Any) -> Part:
    """The part of a scene with what was given."""
    changes = {name: each for name, each in given.items() if each is not None}
    return replace(value, **changes) if changes else value
