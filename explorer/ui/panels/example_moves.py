"""A person's own directions, which are known by their names while their examples come and go, and moves along them."""

from __future__ import annotations

from dataclasses import replace

from explorer.scene import ALL_LAYERS, AnyDirection, Examples, Latent, Scene, moved

__all__ = [
    "HAVING",
    "LACKING",
    "amount_along",
    "example_of",
    "examples_of",
    "exchanged",
    "free_name",
    "is_whole",
    "moved_along",
    "of_scene",
    "renewed",
    "short_name",
    "told",
    "with_example",
    "without_example",
]

HAVING, LACKING = "having", "lacking"  # the sides of a direction
SHORT = 24  # letters of a name in a sentence


def example_of(scene: Scene, has_classes: bool) -> Latent:
    """The point of a scene as an example: with its class, and without moves along directions made of examples.

    An example that were moved along a direction would hold all examples of that direction, and prove only itself.
    """
    moves = tuple(
        (direction, amount) for direction, amount in scene.latent.moves if not isinstance(direction, Examples)
    )
    classes = scene.latent.classes or scene.condition.classes or ((0, 1.0),)
    return replace(scene.latent, moves=moves, classes=classes if has_classes else ())


def examples_of(direction: Examples, side: str) -> tuple[Latent, ...]:
    """The examples of one side."""
    return direction.having if side == HAVING else direction.lacking


def with_example(direction: Examples, side: str, example: Latent) -> Examples:
    """The direction with another example on one side, and on that side only."""
    plain = without_example(direction, example)
    if side == HAVING:
        return replace(plain, having=(*plain.having, example))
    return replace(plain, lacking=(*plain.lacking, example))


def without_example(direction: Examples, example: Latent) -> Examples:
    """The direction without an example."""
    sides = (direction.having, direction.lacking)
    having, lacking = (tuple(each for each in side if each != example) for side in sides)
    return replace(direction, having=having, lacking=lacking)


def is_whole(examples: Examples) -> bool:
    """Whether there are examples on both sides, so that there is a direction."""
    return bool(examples.having and examples.lacking)


def of_scene(scene: Scene) -> tuple[Examples, ...]:
    """The directions made of examples that a scene is moved along, one for each name, as if for all layers."""
    found = {
        direction.name: replace(direction, first=0, end=ALL_LAYERS)
        for direction, _ in scene.latent.moves
        if isinstance(direction, Examples)
    }
    return tuple(found.values())


def amount_along(scene: Scene, name: str, layers: tuple[int, int]) -> float:
    """How far a scene is moved along the direction of that name in these layers."""
    return sum(amount for direction, amount in scene.latent.moves if _is(direction, name, layers))


def moved_along(scene: Scene, examples: Examples, layers: tuple[int, int], amount: float) -> Scene:
    """The scene with its move along these examples set; moves along earlier examples of the name make way."""
    kept = tuple(move for move in scene.latent.moves if not _is(move[0], examples.name, layers))
    plain = replace(scene, latent=replace(scene.latent, moves=kept))
    return moved(plain, replace(examples, first=layers[0], end=layers[1]), amount)


def renewed(scene: Scene, name: str, new: Examples | None) -> Scene:
    """The scene with moves along the direction of that name made along ``new`` instead, or taken away."""
    for direction, amount in scene.latent.moves:
        if isinstance(direction, Examples) and direction.name == name:
            scene = moved(scene, direction, 0.0)
            if new is not None:
                scene = moved_along(scene, new, (direction.first, direction.end), amount)
    return scene


def exchanged(axis: AnyDirection, old: Examples, new: Examples) -> AnyDirection:
    """An axis of the view, made of the new examples where it was made of the old ones."""
    is_old = isinstance(axis, Examples) and axis.name == old.name
    return replace(new, first=axis.first, end=axis.end) if is_old else axis


def told(examples: Examples, accuracy: float | None, layers: str) -> str:
    """What a direction still lacks, or how surely it tells its examples apart, and which layers it moves."""
    if not is_whole(examples):
        missing = [word for word, each in (("with", examples.having), ("without", examples.lacking)) if not each]
        it = "them" if len(missing) > 1 else "it"
        return f"Find a picture {' and one '.join(missing)} “{short_name(examples.name)}”, and add {it}."
    count, where = len(examples.having) + len(examples.lacking), f" Moves {layers}." if layers else ""
    if min(len(examples.having), len(examples.lacking)) < 2:
        return f"From two on each side on it is tested how well they are told apart.{where}"
    if accuracy is None:
        return f"Testing …{where}"
    return f"{100 * accuracy:.0f} % right, cross-validated, {count} pictures.{where}"


def short_name(name: str) -> str:
    """A name that fits into a sentence."""
    return name if len(name) <= SHORT else f"{name[: SHORT - 1]}…"


def free_name(wanted: str, taken: set[str]) -> str:
    """``wanted``, with a number behind it where others have that name."""
    numbers = (f"{wanted} {number}" for number in range(2, len(taken) + 3))
    return wanted if wanted not in taken else next(name for name in numbers if name not in taken)


def _is(direction: AnyDirection, name: str, layers: tuple[int, int]) -> bool:
    is_named = isinstance(direction, Examples) and direction.name == name
    return is_named and (direction.first, direction.end) == layers
