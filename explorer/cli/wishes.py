"""What a command line asks of a picture besides where it lies: put into scenes, and checked against the model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import typer

from explorer.errors import SceneError
from explorer.scene import Condition, Latent, Noise, Sampling, Scene, Transform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer.generators import Generator

__all__ = ["Wishes"]

MOST_GUIDANCE: Final = 100.0  # beyond it there is no picture, only noise or one colour
MOST_NAMES: Final = 20  # that an error lists

Part = TypeVar("Part", Latent, Condition, Noise, Transform, Sampling)


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of ``render`` by name; None where an option was not given.

    A ``label`` is a class's number or name, as it was typed; ``named`` makes it a number.
    """

    truncation: float | None = None
    cutoff: int | None = None
    label: int | str | None = None
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
        if self.guidance is not None and abs(self.guidance) > MOST_GUIDANCE:
            raise typer.BadParameter(
                f"It should be between -{MOST_GUIDANCE:g} and {MOST_GUIDANCE:g}.", param_hint="--guidance"
            )

    def named(self, generator: Generator) -> Wishes:
        """The same with the class by its number; raises SceneError where the model has none of that name."""
        if self.label is None:
            return self
        return replace(self, label=class_number(generator, str(self.label)))

    def dress(self, scene: Scene) -> Scene:
        """The scene with everything that was asked for; a class has to be a number by now."""
        latent = _with(scene.latent, truncation=self.truncation, cutoff=self.cutoff)
        condition = scene.condition
        if self.label is not None:
            condition = replace(condition, classes=((int(self.label), 1.0),))
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

    def check(self, generator: Generator, scenes: Sequence[Scene] = ()) -> None:
        """Refuse what the model, or a sampler of ``scenes``, cannot do and was asked for; raises SceneError."""
        from explorer.diffusion import SAMPLERS
        from explorer.generators import Denoises, HasStyles

        name, styled = generator.name, isinstance(generator, HasStyles)
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
        if self.eta is not None and isinstance(generator, Denoises):
            for scene in scenes or (self.dress(Scene()),):
                sampler = SAMPLERS.get(scene.denoising.sampling.sampler or generator.suggested.sampler)
                if sampler is not None and not sampler.uses_eta:
                    raise SceneError(f"{sampler.title} does not use --eta; leave it out, or add --sampler ddim.")


def class_number(generator: Generator, text: str) -> int:
    """The class of that number, of that name, or the only one whose name begins so; case does not matter.

    Raises SceneError where there is none, or are several.
    """
    if not generator.classes:
        raise SceneError(f"{generator.name} knows no classes; --label {text} cannot be drawn.")
    wanted, names = text.strip().casefold(), [each.casefold() for each in generator.class_names]
    if wanted.isdecimal() and int(wanted) < generator.classes:
        return int(wanted)
    equal = [index for index, each in enumerate(names) if each == wanted]
    found = equal[:1] or [index for index, each in enumerate(names) if wanted and each.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    spelt = [generator.class_names[index] for index in found] or list(generator.class_names)
    listed = ", ".join(spelt[:MOST_NAMES]) + (", …" if len(spelt) > MOST_NAMES else "")
    if found:
        raise SceneError(f"--label {text} is the beginning of several classes of {generator.name}: {listed}.")
    hint = f"They are called {listed}." if any(each and not each.isdecimal() for each in names) else ""
    known = f"{generator.name} has the classes 0 to {generator.classes - 1}"
    raise SceneError(f"{known}; --label {text} cannot be drawn.", hint)


def _with(value: Part, **given: Any) -> Part:
    """The part of a scene with what was given."""
    changes = {name: each for name, each in given.items() if each is not None}
    return replace(value, **changes) if changes else value
