"""The inner loops of laying out a neighbourhood graph, compiled. See ``explorer.atlas.umap_run``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from explorer.atlas.compiling import compiled

__all__ = ["densities", "join", "settle", "turn_round"]

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]

NEGATIVES = 5  # points pushed away for each one drawn near
LIMIT = np.float32(4.0)  # the longest step on an axis, before the learning rate
NEAR = np.float32(0.001)
ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)
SHIFTS = np.uint64(12), np.uint64(25), np.uint64(27)
SPREAD = np.uint64(0x2545F4914F6CDD1D)
HIGH = np.uint64(32)


@compiled
def settle(
    first: int,
    last: int,
    epoch: int,
    rate: np.float32,
    positions: Floats,
    fixed: Floats,
    heads: Indices,
    tails: Indices,
    periods: Floats,
    due: Floats,
    a: np.float32,
    b: np.float32,
    state: npt.NDArray[np.uint64],
    moves_tails: bool,
    pulls: Floats,
    weights: Floats,
    sums: Floats,
    spreads: Floats,
) -> None:
    """One epoch of stochastic descent over edges ``first`` to ``last``: McInnes, Healy and Melville 2018, algorithm 5.

    Edge i is taken when ``due[i]`` has come, every ``periods[i]`` epochs: its ends draw near, and the head is pushed
    from ``NEGATIVES`` points taken at random. ``fixed`` is ``positions`` itself where all points move.

    ``pulls`` (edges,) is empty, or how strongly an edge serves the density objective of Narayan, Berger and Cho 2021:
    then ``weights``, ``sums`` and ``spreads`` (m,) are the derivative of the correlation by the radius of a point, and
    its sums of phi and of phi times squared distance.
    """
    x = state[0]
    number = np.uint64(fixed.shape[0])
    dense = pulls.size > 0
    for i in range(first, last):
        if due[i] > epoch:
            continue
        due[i] += periods[i]
        head, tail = heads[i], tails[i]
        across = positions[head, 0] - fixed[tail, 0]
        down = positions[head, 1] - fixed[tail, 1]
        squared = across * across + down * down
        if squared > ZERO:
            power = a * squared**b
            pull = -TWO * b * power / (squared * (ONE + power))
            right, below = _clip(pull * across), _clip(pull * down)
            if dense:
                phi = ONE / (ONE + power)
                slope = -b * power / squared * phi * phi  # of phi, by the squared distance
                rise = weights[head] * ((phi + squared * slope) / spreads[head] - slope / sums[head])
                rise += weights[tail] * ((phi + squared * slope) / spreads[tail] - slope / sums[tail])
                right += _clip(TWO * pulls[i] * rise * across)
                below += _clip(TWO * pulls[i] * rise * down)
            positions[head, 0] += rate * right
            positions[head, 1] += rate * below
            if moves_tails:
                fixed[tail, 0] -= rate * right
                fixed[tail, 1] -= rate * below
        for _ in range(NEGATIVES):
            x ^= x >> SHIFTS[0]  # Vigna 2016, xorshift64*
            x ^= x << SHIFTS[1]
            x ^= x >> SHIFTS[2]
            other = (((x * SPREAD) >> HIGH) * number) >> HIGH
            across = positions[head, 0] - fixed[other, 0]
            down = positions[head, 1] - fixed[other, 1]
            squared = across * across + down * down
            if squared > ZERO:
                push = TWO * b / ((NEAR + squared) * (ONE + a * squared**b))
                positions[head, 0] += rate * _clip(push * across)
                positions[head, 1] += rate * _clip(push * down)
    state[0] = x


@compiled
def densities(
    positions: Floats, heads: Indices, tails: Indices, a: np.float32, b: np.float32, sums: Floats, spreads: Floats
) -> None:
    """Add up phi, and phi times squared distance, over the edges of every point: Narayan et al. 2021, equation 4."""
    for i in range(heads.shape[0]):
        head, tail = heads[i], tails[i]
        across = positions[head, 0] - positions[tail, 0]
        down = positions[head, 1] - positions[tail, 1]
        squared = across * across + down * down
        phi = ONE / (ONE + a * squared**b)
        sums[head] += phi
        sums[tail] += phi
        spreads[head] += phi * squared
        spreads[tail] += phi * squared


@compiled
def _clip(value: np.float32) -> np.float32:
    return min(max(value, -LIMIT), LIMIT)


@compiled
def turn_round(
    first: int,
    last: int,
    indices: Indices,
    weights: Floats,
    free: npt.NDArray[np.int64],
    others: Indices,
    other_weights: Floats,
) -> None:
    """Enter rows ``first`` to ``last`` at those they point to; ``free`` (m,) is where the next entry of each goes."""
    for row in range(first, last):
        for place in range(indices.shape[1]):
            target = indices[row, place]
            others[free[target]] = row
            other_weights[free[target]] = weights[row, place]
            free[target] += 1


@compiled
def join(
    first: int,
    last: int,
    indices: Indices,
    weights: Floats,
    starts: npt.NDArray[np.int64],
    others: Indices,
    other_weights: Floats,
    heads: Indices,
    tails: Indices,
    joined: Floats,
) -> int:
    """Merge what rows point to with what points to them, both in order, by w + v - w v; the number of edges."""
    count = 0
    k = indices.shape[1]
    for row in range(first, last):
        i, j, end = 0, starts[row], starts[row + 1]
        while i < k or j < end:
            ours = i < k and (j == end or indices[row, i] <= others[j])
            theirs = j < end and (i == k or others[j] <= indices[row, i])
            w, v = ZERO, ZERO
            heads[count] = row
            if theirs:
                tails[count], v = others[j], other_weights[j]
                j += 1
            if ours:
                tails[count], w = indices[row, i], weights[row, i]
                i += 1
            joined[count] = w + v - w * v
            count += 1
    return count
