"""How the Compare workspace words what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from explorer.comparing import shared_classes
from explorer.scene import Scene
from explorer.ui.words import source_name

if TYPE_CHECKING:
    from explorer.facts import ModelFacts
    from explorer.imaging import Picture
    from explorer.session import Model

__all__ = [
    "BY",
    "MODES",
    "NO_MODEL",
    "model_words",
    "note_words",
    "scene_words",
    "shared_words",
    "time_words",
]

MODES: Final = (  # of View.compared_mode: words, short words, icon-free tool tip
    ("side", "Side by side", "Side", "All models beside each other (M: the next way)."),
    ("wipe", "Wipe", "Wipe", "Two pictures with a handle between them; drag it, or use Left and Right."),
    ("flicker", "Flicker", "Flicker", "Two pictures in turn, so that whatever differs moves. Hold H to see B."),
    ("difference", "Difference", "Diff.", "How far two pictures are apart at every pixel, made stronger."),
)
BY: Final = (  # of View.compared_by
    ("scene", "One scene", "Scene", "Every model draws from the same seeds, with the same class (D: the other one)."),
    ("picture", "One picture", "Picture", "Every model encodes the same picture and decodes it again."),
)
NO_MODEL: Final = "Open a model on the left; then add others to compare it with."
SCENE_NOTES: Final = (
    "The same seed is not the same picture: each model has its own latent space.",
    "One seed in several latent spaces.",
)
PICTURE_NOTES: Final = (
    "Every model that has an encoder encodes this picture and decodes it again.",
    "Reconstructions",
)
NO_PICTURE_NOTES: Final = (
    "Choose a picture that all models are given: drop one here, open a file, or take a sample.",
    "Choose a picture, or drop one here.",
)


def note_words(by: str, scene: Scene, has_picture: bool, played: str) -> tuple[str, str]:
    """What is true of all pictures at once, and the same in fewer words."""
    if by == "picture":
        return PICTURE_NOTES if has_picture else NO_PICTURE_NOTES
    parts = (("moves", scene.latent.moves), ("mixing", scene.styles.rows), ("painted codes", scene.codes.cells))
    own = [name for name, values in parts if values]
    extra = f" Only {played} has the {' and '.join(own)}." if own else ""
    return SCENE_NOTES[0] + extra, SCENE_NOTES[1]


def scene_words(scene: Scene, facts: ModelFacts) -> str:
    """What a model was given, in one line."""
    parts = [" + ".join(source_name(source) for source, _ in scene.latent.sources[:2])]
    if facts.denoising is None and scene.latent.truncation != 1.0:
        parts.append(f"truncation {scene.latent.truncation:g}")
    classes = scene.condition.classes or (((0, 1.0),) if facts.class_names else ())
    parts += [facts.class_names[k] for k, _ in classes if k < len(facts.class_names)]
    return " · ".join(parts)


def shared_words(scene: Scene, played: Model, other: Model) -> str:
    """Whether the class means the same to both; nothing where it does, or where there is none."""
    if not other.facts.class_names or shared_classes(scene.condition, played.facts, other.facts):
        return ""
    return f"{played.facts.name} has no class of that name: this one is what the checkpoint suggests."


def time_words(seconds: float) -> str:
    """How long a picture took, in a few letters."""
    if seconds <= 0:
        return ""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1e3:.0f} ms" if seconds >= 0.01 else f"{seconds * 1e3:.1f} ms"


def model_words(facts: ModelFacts, picture: Picture | None, apart: Sequence[str] = ()) -> tuple[str, ...]:
    """How far its picture is from the one it was given, how long that took, and its size: the most important first."""
    _, height, width = facts.image_shape
    time = time_words(picture.seconds) if picture is not None else ""
    return tuple(part for part in (*apart, time, f"{width}×{height}") if part)
