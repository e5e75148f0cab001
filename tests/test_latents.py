"""Points of latent space: blends stay where the prior has its mass, directions are what linear algebra says."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from examples import CPU
from torch import Tensor

from explorer.latents import axis_directions, blend, decoder_metric, draw, principal_directions, typical_shell

# --- draws ---


def test_a_seed_is_always_the_same_point() -> None:
    assert torch.equal(draw(5, (3, 4)), draw(5, (3, 4)))
    assert not torch.equal(draw(5, (3, 4)), draw(6, (3, 4)))


def test_drawing_leaves_the_random_numbers_of_others_alone() -> None:
    before = torch.get_rng_state()
    draw(1, (100,))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_largest_seed_can_be_drawn() -> None:
    assert torch.isfinite(draw((1 << 63) - 1, (10,))).all()


# --- blends ---


@pytest.mark.parametrize("t", [0.01, 0.25, 0.5, 0.7, 0.99])
@pytest.mark.parametrize("dimensions", [2, 64])
def test_a_blend_of_two_is_slerp(t: float, dimensions: int) -> None:
    start, end = draw(1, (dimensions,)).double(), draw(2, (dimensions,)).double()
    torch.testing.assert_close(blended([start, end], [1 - t, t]), slerp(start, end, t), atol=1e-6, rtol=0)


@pytest.mark.parametrize("t", [0.25, 0.5])
def test_a_blend_of_two_of_different_norms_is_slerp(t: float) -> None:
    start, end = draw(1, (16,)).double(), 5 * draw(2, (16,)).double()
    torch.testing.assert_close(blended([start, end], [1 - t, t]), slerp(start, end, t), atol=1e-6, rtol=0)


@pytest.mark.parametrize("count", [2, 3, 5, 20])
def test_a_blend_stays_in_the_shell(count: int) -> None:
    shell = typical_shell(64)
    points = draw(count, (count, 64))
    weights = draw(100 + count, (count,)).abs() + 0.01
    assert abs(shell.distance(float(blend(points, weights, True).norm()))) < 3
    assert shell.distance(float(blend(points, weights, False).norm())) < -2  # which is why


def test_the_norm_of_a_blend_is_the_mean_of_the_norms() -> None:
    points = draw(0, (3, 8)).double() * torch.tensor([[1.0], [2.0], [3.0]])
    weights = torch.tensor([0.2, 0.3, 0.5]).double()
    expected = float(weights @ points.norm(dim=1) / weights.sum())
    assert float(blend(points, weights, True).norm()) == pytest.approx(expected, rel=1e-9)


def test_a_straight_blend_is_the_mean() -> None:
    points, weights = draw(0, (4, 3)).double(), torch.tensor([1.0, 2.0, 3.0, 4.0])
    torch.testing.assert_close(blend(points, weights, False), (weights.double() / 10) @ points)


def test_one_point_is_its_own_blend() -> None:
    point = draw(0, (1, 7))
    assert torch.equal(blend(point, torch.tensor([0.3]), True), point[0])


@pytest.mark.parametrize("spherical", [True, False])
def test_the_scale_of_weights_does_not_matter(spherical: bool) -> None:
    points, weights = draw(0, (3, 16)), torch.tensor([1.0, 2.0, 5.0])
    torch.testing.assert_close(blend(points, weights, spherical), blend(points, 1e6 * weights, spherical))


@pytest.mark.parametrize("spherical", [True, False])
def test_the_order_of_points_does_not_matter(spherical: bool) -> None:
    points, weights, order = draw(0, (3, 16)), torch.tensor([1.0, 2.0, 5.0]), [2, 0, 1]
    torch.testing.assert_close(blend(points, weights, spherical), blend(points[order], weights[order], spherical))


def test_a_blend_turns_with_its_points() -> None:
    points, weights = draw(0, (3, 6)).double(), torch.tensor([1.0, 2.0, 5.0])
    turn = torch.linalg.qr(draw(1, (6, 6)).double()).Q
    torch.testing.assert_close(blend(points @ turn, weights, True), blend(points, weights, True) @ turn)


@pytest.mark.parametrize("t", [0.0001, 0.3, 0.5, 0.7, 0.9999])
def test_opposite_points_can_be_blended(t: float) -> None:
    point = draw(0, (8,))
    assert torch.isfinite(blended([point, -point], [1 - t, t])).all()


def test_equal_points_blend_to_themselves() -> None:
    point = draw(0, (8,))
    torch.testing.assert_close(blended([point, point], [0.4, 0.6]), point)


def test_a_point_without_a_direction_is_averaged_straight() -> None:
    point = draw(0, (8,))
    torch.testing.assert_close(blended([point, torch.zeros(8)], [0.5, 0.5]), point / 2)


def test_a_blend_keeps_shape_and_precision() -> None:
    found = blend(draw(0, (3, 2, 4, 4)), torch.ones(3), True)
    assert found.shape == (2, 4, 4)
    assert found.dtype == torch.float32


def test_a_blend_moves_smoothly_with_its_weights() -> None:
    points = draw(0, (3, 32)).double()
    path = [blend(points, torch.tensor([1 - t / 100, t / 100, 0.5]), True) for t in range(1, 100)]
    steps = torch.stack([(b - a).norm() for a, b in itertools.pairwise(path)])
    assert float(steps.max()) < 3 * float(steps.min())


# --- the shell ---


@pytest.mark.parametrize("dimensions", [1, 2, 10, 64, 512])
def test_the_shell_is_where_draws_are(dimensions: int) -> None:
    count = 20_000 if dimensions < 100 else 4000
    norms = draw(0, (count, dimensions)).double().norm(dim=1)
    shell = typical_shell(dimensions)
    assert shell.mean == pytest.approx(float(norms.mean()), abs=5 * shell.deviation / math.sqrt(count))
    assert shell.deviation == pytest.approx(float(norms.std()), rel=5 / math.sqrt(count))  # kurtosis near normal


def test_the_shell_of_many_dimensions_is_thin() -> None:
    shell = typical_shell(100_000)
    assert shell.mean == pytest.approx(math.sqrt(100_000), rel=1e-4)
    assert shell.deviation == pytest.approx(math.sqrt(0.5), rel=1e-2)


def test_the_distance_from_the_shell_counts_deviations() -> None:
    shell = typical_shell(64)
    assert shell.distance(shell.mean) == 0
    assert shell.distance(shell.mean - 2 * shell.deviation) == pytest.approx(-2)


# --- directions ---


def test_the_metric_of_a_linear_decoder_is_its_square() -> None:
    matrix = draw(0, (40, 3))
    samples = 2048

    def decode(latents: Tensor) -> Tensor:
        return (latents @ matrix.T).view(-1, 1, 5, 8)

    metric = decoder_metric(decode, (3,), CPU, samples)
    expected = (matrix.T @ matrix).double()
    diagonal = expected.diagonal()
    error = torch.sqrt((torch.outer(diagonal, diagonal) + expected**2) / samples)  # of a Wishart matrix
    assert bool(((metric - expected).abs() < 5 * error).all())


def test_the_metric_is_the_same_every_time() -> None:
    def decode(latents: Tensor) -> Tensor:
        return torch.tanh(latents)

    first = decoder_metric(decode, (4,), CPU)
    assert torch.equal(first, decoder_metric(decode, (4,), CPU))
    assert first.dtype == torch.float64
    assert first.shape == (4, 4)


def test_the_metric_can_be_found_where_gradients_are_off() -> None:
    with torch.no_grad():
        metric = decoder_metric(lambda latents: 2 * latents, (2,), CPU)
    assert float(metric.diagonal().min()) > 2


def test_axes_come_in_the_order_of_coordinates() -> None:
    found = axis_directions(torch.diag(torch.tensor([4.0, 9.0, 1.0])).double(), (3,))
    assert torch.equal(found.vectors, torch.eye(3))
    assert found.strengths.tolist() == [2.0, 3.0, 1.0]


def test_principal_directions_are_eigenvectors_largest_first() -> None:
    matrix = symmetric(6)
    vectors = principal_directions(matrix, matrix, (6,), unit=True).vectors.double()
    values = torch.linalg.eigvalsh(matrix).flip(0)
    torch.testing.assert_close(vectors @ matrix, values[:, None] * vectors, atol=1e-4, rtol=0)


def test_the_largest_component_of_a_principal_direction_is_positive() -> None:
    vectors = principal_directions(symmetric(8), symmetric(8), (8,), unit=True).vectors
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    assert bool((largest > 0).all())


def test_unit_directions_have_the_length_one() -> None:
    vectors = principal_directions(symmetric(6), symmetric(6), (6,), unit=True).vectors
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(6))


def test_directions_of_data_have_the_length_of_its_deviation() -> None:
    matrix = symmetric(6)
    vectors = principal_directions(matrix, matrix, (6,), unit=False).vectors
    torch.testing.assert_close(vectors.norm(dim=1), torch.linalg.eigvalsh(matrix).flip(0).sqrt().float())


def test_the_strength_of_a_direction_is_the_length_of_its_change() -> None:
    covariance, metric = symmetric(5), symmetric(5, seed=1)
    found = principal_directions(covariance, metric, (5,), unit=False)
    vectors = found.vectors.double()
    expected = torch.stack([(v @ metric @ v).sqrt() for v in vectors]).float()
    torch.testing.assert_close(found.strengths, expected)


def test_directions_have_the_shape_of_latents() -> None:
    found = principal_directions(symmetric(6), symmetric(6), (1, 2, 3), unit=True)
    assert found.vectors.shape == (6, 1, 2, 3)
    assert found.strengths.shape == (6,)


def test_a_direction_that_changes_nothing_has_no_strength() -> None:
    matrix = torch.diag(torch.tensor([1.0, 0.0, -1e-12])).double()
    found = principal_directions(matrix, matrix, (3,), unit=True)
    assert torch.isfinite(found.vectors).all()
    assert found.strengths.tolist() == [1.0, 0.0, 0.0]


def blended(points: list[Tensor], weights: list[float]) -> Tensor:
    return blend(torch.stack(points), torch.tensor(weights, dtype=torch.float64), True)


def slerp(start: Tensor, end: Tensor, t: float) -> Tensor:
    """Shoemake 1985, with the norms interpolated straight."""
    a, b = start / start.norm(), end / end.norm()
    angle = torch.arccos(a @ b)
    direction = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    found: Tensor = direction * ((1 - t) * start.norm() + t * end.norm())
    return found


def symmetric(size: int, seed: int = 0) -> Tensor:
    """A positive definite matrix."""
    root = draw(seed, (size, size)).double()
    return root @ root.T + 0.1 * torch.eye(size, dtype=torch.float64)
