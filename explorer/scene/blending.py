"""Scenes between scenes: moves, blends and walks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeAlias, TypeVar

from explorer.errors import SceneError
from explorer.scene.values import (
    AnyDirection,
    Condition,
    Denoising,
    Direction,
    Latent,
    Noise,
    Scene,
    Source,
    StyleRow,
    Styles,
    Transform,
)

Key = TypeVar("Key", int, str)
Curve: TypeAlias = tuple[tuple[float, float], ...]

__all__ = ["along", "between", "blend", "canonical", "moved", "walk"]


def moved(scene: Scene, direction: AnyDirection, amount: float) -> Scene:
    """The scene with its move along ``direction`` set to ``amount`` standard deviations; 0 takes the move away."""
    moves = dict(scene.latent.moves)
    moves[direction] = amount
    return replace(scene, latent=replace(scene.latent, moves=canonical(moves.items())))


def between(start: Scene, end: Scene, t: float, mixing: str = "") -> Scene:
    """The scene a fraction ``t`` (0 to 1) of the way from ``start`` to ``end``; exactly those at 0 and 1.

    ``mixing`` says how points are blended on the way: "lerp", "slerp", or "" as they are anyway.
    """
    blended = blend(((start, 1.0 - t), (end, t)))
    if not mixing or blended in (start, end):
        return blended
    return replace(blended, latent=replace(blended.latent, mixing=mixing))


def along(points: tuple[Scene, Scene, Scene, Scene], gaps: tuple[float, float, float], t: float) -> Scene:
    """The scene a fraction ``t`` (0 to 1) of the way from the second of four points to the third, on a curve through
    all of them whose speed changes nowhere at once; exactly those two at 0 and 1.

    ``gaps`` are the seconds from point to point; 0 where there is no first or no fourth point. The curve is a cubic
    Hermite spline whose speed at a point is that from its one neighbour to its other (Catmull and Rom 1974, for
    unevenly spaced points). Only the point of latent space and its moves follow it: what must stay within limits, such
    as class weights, truncation or guidance, goes straight.
    """
    straight = between(points[1], points[2], t)
    if t <= 0.0 or t >= 1.0:
        return straight
    weights = _spline_weights(gaps, t)
    sources: dict[Source, float] = {}
    moves: dict[AnyDirection, float] = {}
    for point, weight in zip(points, weights, strict=True):
        own = math.fsum(amount for _, amount in point.latent.sources)
        for source, amount in point.latent.sources:
            sources[source] = sources.get(source, 0.0) + weight * amount / own
        for direction, amount in point.latent.moves:
            moves[direction] = moves.get(direction, 0.0) + weight * amount
    kept = tuple((source, amount) for source, amount in sources.items() if abs(amount) > 1e-12)
    return replace(straight, latent=replace(straight.latent, sources=kept, moves=canonical(moves.items())))


def _spline_weights(gaps: tuple[float, float, float], t: float) -> tuple[float, float, float, float]:
    """How much each of the four points counts; together 1."""
    before, own, after = gaps
    start, end = t * (1 - t) ** 2, t * t * (t - 1)  # of the speeds at the two points, in ways
    first, last = start * own / (before + own), end * own / (own + after)
    reached = t * t * (3 - 2 * t)
    return -first, 1 - reached - last, reached + first, last


def blend(parts: Iterable[tuple[Scene, float]]) -> Scene:
    """The weighted blend of scenes; weights are not negative and are scaled to sum to 1."""
    kept = [(scene, weight) for scene, weight in parts if weight > 0]
    total = math.fsum(weight for _, weight in kept)
    if not kept:
        raise SceneError("A blend of scenes needs at least one weight above zero.")
    if len(kept) == 1 or all(scene == kept[0][0] for scene, _ in kept):
        return kept[0][0]
    shares = [(scene, weight / total) for scene, weight in kept]
    nearest = max(shares, key=lambda part: part[1])[0]
    return Scene(
        _blend_latents([(scene.latent, share) for scene, share in shares]),
        _blend_styles([(scene.styles, share) for scene, share in shares]),
        _blend_conditions([(scene.condition, share) for scene, share in shares]),
        _blend_noise([(scene.noise, share) for scene, share in shares], nearest.noise),
        Transform(*(_mean([(getattr(s.transform, name), w) for s, w in shares]) for name in ("x", "y", "degrees"))),
        _blend_denoising([(scene.denoising, share) for scene, share in shares], nearest.denoising),
        nearest.codes,
    )


def walk(waypoints: tuple[Scene, ...], position: float) -> Scene:
    """A point on the smooth path that starts at the first waypoint and passes near the others.

    ``position`` counts waypoints, 0 to len(waypoints) - 1. The weights are those of a uniform cubic B-spline whose end
    points are tripled: speed and acceleration are continuous, and the path starts and ends at rest exactly on the first
    and last waypoint. Repeat the first waypoint at the end for a loop. Every point is a blend of at most four
    waypoints, so it stays in the typical shell whenever they are in it.
    """
    last = len(waypoints) - 1
    stretched = min(max(position, 0.0), last) * (last + 2) / max(last, 1)  # tripled ends add two spans
    span = min(int(stretched), last + 1)
    u = stretched - span
    weights = ((1 - u) ** 3 / 6, (3 * u**3 - 6 * u**2 + 4) / 6, (-3 * u**3 + 3 * u**2 + 3 * u + 1) / 6, u**3 / 6)
    points = (waypoints[min(max(span - 2 + k, 0), last)] for k in range(4))
    return blend(zip(points, weights, strict=True))


def canonical(moves: Iterable[tuple[AnyDirection, float]]) -> tuple[tuple[AnyDirection, float], ...]:
    return tuple(sorted(((d, amount) for d, amount in moves if amount != 0.0), key=lambda move: _rank(move[0])))


def _rank(direction: AnyDirection) -> tuple[str, int, int, int, str]:
    if isinstance(direction, Direction):
        return direction.kind, direction.index, direction.first, direction.end, ""
    return "examples", 0, direction.first, direction.end, direction.name


def _blend_latents(parts: list[tuple[Latent, float]]) -> Latent:
    if all(latent == parts[0][0] for latent, _ in parts):
        return parts[0][0]
    sources: dict[Source, float] = {}
    moves: dict[AnyDirection, float] = {}
    for latent, share in parts:
        own = math.fsum(amount for _, amount in latent.sources)
        for source, amount in latent.sources:
            sources[source] = sources.get(source, 0.0) + share * amount / own
        for direction, amount in latent.moves:
            moves[direction] = moves.get(direction, 0.0) + share * amount
    truncation = _mean([(latent.truncation, share) for latent, share in parts])
    nearest = max(parts, key=lambda part: part[1])[0]
    return Latent(
        tuple(sources.items()),
        canonical(moves.items()),
        truncation,
        nearest.cutoff,
        nearest.classes,
        _blend_factors([(latent.temperatures, share) for latent, share in parts]),
        nearest.mixing,
    )


def _blend_styles(parts: list[tuple[Styles, float]]) -> Styles:
    if all(styles == parts[0][0] for styles, _ in parts):
        return parts[0][0]
    rows: dict[Latent, list[tuple[tuple[tuple[int, float], ...], float]]] = {}
    for styles, share in parts:
        for row in styles.rows:
            rows.setdefault(row.latent, []).append((row.weights, share))
    return Styles(tuple(StyleRow(latent, _blend_pairs(weights)) for latent, weights in rows.items()))


def _blend_conditions(parts: list[tuple[Condition, float]]) -> Condition:
    if all(condition == parts[0][0] for condition, _ in parts):
        return parts[0][0]
    nearest = max(parts, key=lambda part: part[1])[0]
    texts = [(condition.prompts or (("", 1.0),), share) for condition, share in parts]
    has_texts = any(condition.prompts for condition, _ in parts)
    has_classes = not has_texts or any(condition.classes for condition, _ in parts)
    return Condition(
        _blend_pairs([(condition.classes or ((0, 1.0),), share) for condition, share in parts]) if has_classes else (),
        _blend_pairs(texts) if has_texts else (),
        nearest.negative,
    )


def _blend_denoising(parts: list[tuple[Denoising, float]], nearest: Denoising) -> Denoising:
    """Numbers blend; of two samplers, numbers of steps, pictures or branches there is the nearest one."""
    if all(denoising == parts[0][0] for denoising, _ in parts):
        return parts[0][0]
    samplings = [(denoising.sampling, share) for denoising, share in parts]
    kept, start = nearest.sampling, nearest.start
    guidances = [(sampling.guidance, share) for sampling, share in samplings]
    known = [(value, share) for value, share in guidances if value is not None]
    starts = [(denoising.start, share) for denoising, share in parts]
    same_picture = all(each.picture == start.picture for each, _ in starts)
    return Denoising(
        replace(
            kept,
            eta=_mean([(sampling.eta, share) for sampling, share in samplings]),
            guidance=_mean(known) if len(known) == len(parts) else kept.guidance,
            curve=_blend_curves([(sampling.curve, share) for sampling, share in samplings], kept.curve),
            interval=(
                _mean([(sampling.interval[0], share) for sampling, share in samplings]),
                _mean([(sampling.interval[1], share) for sampling, share in samplings]),
            ),
            rescale=_mean([(sampling.rescale, share) for sampling, share in samplings]),
        ),
        replace(start, strength=_mean([(each.strength, share) for each, share in starts])) if same_picture else start,
        nearest.turns,
    )


def _blend_curves(parts: list[tuple[Curve, float]], nearest: Curve) -> Curve:
    """Curves with points at the same places blend point by point; otherwise there is the nearest one."""
    places = [[place for place, _ in curve] for curve, _ in parts]
    if any(each != places[0] for each in places):
        return nearest
    return tuple(
        (place, _mean([(curve[index][1], share) for curve, share in parts])) for index, place in enumerate(places[0])
    )


def _blend_noise(parts: list[tuple[Noise, float]], nearest: Noise) -> Noise:
    """Strengths blend; of two kinds or seeds of noise there is the nearest one."""
    if all(noise == parts[0][0] for noise, _ in parts):
        return parts[0][0]
    strength = _mean([(0.0 if noise.mode == "none" else noise.strength, share) for noise, share in parts])
    kinds = [noise for noise, _ in parts if noise.mode != "none"]
    kind = nearest if nearest.mode != "none" or not kinds else kinds[0]
    return Noise(kind.mode, kind.seed, strength, _blend_factors([(noise.layers, share) for noise, share in parts]))


def _blend_factors(parts: list[tuple[tuple[tuple[int, float], ...], float]]) -> tuple[tuple[int, float], ...]:
    """Factors by their keys, where a key that is missing has the factor 1."""
    keys = sorted({key for pairs, _ in parts for key, _ in pairs})
    means = ((key, _mean([(dict(pairs).get(key, 1.0), share) for pairs, share in parts])) for key in keys)
    return tuple((key, factor) for key, factor in means if factor != 1.0)


def _blend_pairs(parts: list[tuple[tuple[tuple[Key, float], ...], float]]) -> tuple[tuple[Key, float], ...]:
    if all(pairs == parts[0][0] for pairs, _ in parts) and math.isclose(math.fsum(share for _, share in parts), 1.0):
        return parts[0][0]
    sums: dict[Key, float] = {}
    for pairs, share in parts:
        for key, weight in pairs:
            sums[key] = sums.get(key, 0.0) + share * weight
    return tuple(sorted((key, weight) for key, weight in sums.items() if weight != 0.0))


def _mean(parts: list[tuple[float, float]]) -> float:
    first = parts[0][0]
    return first if all(value == first for value, _ in parts) else math.fsum(value * share for value, share in parts)
