"""Scores, references, judges, the self-test and explanations, on surveys made up of known distributions."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.atlas.damage import DAMAGES, scar_with_masks, swap_with_masks
from explorer.atlas.densities import fit_mixture, ledoit_wolf, mean_distance
from explorer.atlas.explaining import heat_map, made_normal, nearest_normal, normal_rows, repair, scaled
from explorer.atlas.lenses import Seen
from explorer.atlas.local_errors import blurred_squares, fit_local_errors
from explorer.atlas.references import Reference, split, trimmed
from explorer.atlas.scoring import score
from explorer.atlas.selftest import auroc, examined, self_test, true_positives
from explorer.atlas.values import Survey
from explorer.datasets.arrays import ArrayDataset
from explorer.errors import DatasetError
from explorer.imaging import Preparation

SIDE = 8


def gradients(count: int, seed: int = 0) -> np.ndarray:
    """Pictures uint8 (n, 8, 8, 1) that are bright at the top, dark at the bottom, each a little different."""
    random = np.random.default_rng(seed)
    slope = np.linspace(200, 40, SIDE)[None, :, None, None] + random.normal(0, 12, (count, 1, 1, 1))
    tilt = random.normal(0, 10, (count, 1, 1, 1)) * np.linspace(-1, 1, SIDE)[None, None, :, None]
    return np.rint(slope + tilt + random.normal(0, 2, (count, SIDE, SIDE, 1))).clip(0, 255).astype(np.uint8)


class GradientLens:
    """Knows only pictures that are bright at the top: the code is mean and tilt, the copy the gradient with them."""

    name, digest, image_shape = "Gradients", "gradients", (1, SIDE, SIDE)
    preparation = Preparation()
    statistics = ("reconstruction", "hot", "norm", "laplacian")
    dimensions, reconstructs, can_decode, most = 2, True, True, None

    def look(self, images: torch.Tensor) -> Seen:
        codes = self._codes(images)
        missing = ((images - self.decode(codes)) / 2)[:, 0]
        squares = missing.square().flatten(1)
        steps = (images[:, 0, 1:] - images[:, 0, :-1]).square().flatten(1).mean(1)
        found = {
            "reconstruction": squares.sum(1),
            "hot": squares.amax(1),
            "norm": codes.norm(dim=1),
            "laplacian": steps,
        }
        return Seen(codes.numpy(), {name: value.numpy() for name, value in found.items()}, missing.half().numpy())

    def reconstruct(self, images: torch.Tensor) -> torch.Tensor:
        return self.decode(self._codes(images))

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        slope = torch.linspace(200, 40, SIDE)[:, None] / 127.5 - 1
        tilt = torch.linspace(-1, 1, SIDE)[None, :]
        return (slope - 120 / 127.5 + 1 + codes[:, :1, None] + codes[:, 1:, None] * tilt)[:, None]

    def _codes(self, images: torch.Tensor) -> torch.Tensor:
        tilt = torch.linspace(-1, 1, SIDE)
        return torch.stack([images.mean((1, 2, 3)), (images[:, 0] * tilt).mean((1, 2)) / tilt.square().mean()], dim=1)


def looked(pixels: np.ndarray) -> Seen:
    return GradientLens().look(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1)


def surveyed(pixels: np.ndarray, labels: np.ndarray | None = None) -> Survey:
    seen = looked(pixels)
    dataset = ArrayDataset("gradients", pixels, 1.0, 0.0, "0" * 64, labels=labels, label_names=("a", "b"))
    rows = np.arange(len(pixels))
    return Survey(dataset, "Gradients", "gradients", rows, seen.codes, seen.statistics, seen.residuals, pixels)


def some(count: int, total: int) -> np.ndarray:
    return np.arange(total) < count


@pytest.fixture(scope="module")
def normals() -> Survey:
    return surveyed(gradients(1200))


# --- densities ---


def test_one_component_is_the_normal_distribution_it_was_drawn_from():
    random = np.random.default_rng(0)
    values = random.standard_normal((20_000, 3)).astype(np.float32)

    oddness = fit_mixture(values, 1, ridge=0.0).oddness(np.zeros((1, 3), np.float32))

    assert oddness[0] == pytest.approx(1.5 * np.log(2 * np.pi), abs=0.03)


def test_a_mixture_finds_both_of_two_clusters():
    random = np.random.default_rng(1)
    values = np.concatenate([random.normal(-4, 1, (500, 2)), random.normal(4, 0.5, (500, 2))])

    mixture = fit_mixture(values, 2)

    assert sorted(np.round(mixture.means[:, 0]).tolist()) == [-4, 4]
    middle, near = mixture.oddness(np.array([[0.0, 0.0], [4.0, 4.0]]))
    assert middle > near + 5


def test_the_same_points_and_seed_give_the_same_mixture():
    values = np.random.default_rng(2).standard_normal((600, 4))

    first, second = (fit_mixture(values, 3, seed=5).oddness(values) for _ in range(2))

    assert np.array_equal(first, second)


def test_few_points_in_many_dimensions_are_drawn_towards_a_sphere():
    values = np.random.default_rng(3).standard_normal((12, 40))

    covariance = ledoit_wolf(values - values.mean(0))

    assert np.linalg.eigvalsh(covariance).min() > 0.3
    assert np.trace(covariance) / 40 == pytest.approx(1, abs=0.2)


def test_points_of_the_bank_are_not_their_own_neighbours():
    bank = np.array([[0.0], [1.0], [3.0]], np.float32)

    distances = mean_distance(bank, bank, 1, np.array([True, True, False]))

    assert distances == pytest.approx([1.0, 1.0, 0.0], abs=1e-3)


def test_a_report_that_raises_stops_a_fit():
    def stop(done: float, total: float, note: str = "") -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        fit_mixture(np.random.default_rng(4).standard_normal((100, 2)), 2, report=stop)


# --- local errors ---


def test_errors_count_less_where_pictures_usually_differ():
    random = np.random.default_rng(5)
    residuals = random.normal(0, 0.01, (500, 8, 8))
    residuals[:, :, 4:] = random.normal(0, 0.3, (500, 8, 4))
    errors = fit_local_errors(residuals)
    odd = np.zeros((2, 8, 8))
    odd[0, 2:5, 1:3] = odd[1, 2:5, 5:7] = 0.4

    quiet, loud = errors.top(odd)

    assert quiet > 5 * loud


def test_a_blurred_square_keeps_its_sum():
    residual = np.zeros((1, 15, 15))
    residual[0, 7, 7] = 0.5

    assert blurred_squares(residual).sum() == pytest.approx(0.25, rel=1e-3)


# --- references ---


def test_a_reference_is_split_into_halves_that_share_nothing():
    to_fit, to_count = split(np.arange(10, 110), seed=0)

    assert len(to_fit) == len(to_count) == 50
    assert sorted([*to_fit, *to_count]) == list(range(10, 110))
    assert np.array_equal(split(np.arange(10, 110), seed=0)[0], to_fit)


def test_a_reference_of_nine_pictures_is_refused_in_a_sentence():
    with pytest.raises(DatasetError, match="too few"):
        split(np.arange(9), seed=0)


def test_trimming_takes_the_oddest_twentieth():
    assert trimmed(np.arange(100.0)).tolist() == list(range(95))


# --- scoring ---


def test_damaged_pictures_have_smaller_p_values_than_normal_ones():
    odd = np.ascontiguousarray(gradients(20, 9)[:, ::-1])
    survey = surveyed(np.concatenate([gradients(1000), odd]))

    scores, _ = score(survey, Reference("rows", some(800, 1020)))

    assert scores.is_calibrated
    assert scores.reference_size == 400
    assert (scores.p_value[1000:] <= 0.01).all()
    assert np.median(scores.p_value[800:1000]) > 0.3
    assert scores.names == ("latent", "statistics", "local", "hot")


def test_pictures_that_densities_were_fitted_on_are_not_counted_against(normals):
    scores, judge = score(normals, Reference("rows", some(1000, 1200)))

    assert not (scores.reference & scores.fitted).any()
    assert not judge.recalibrate(np.ones(1200, np.bool_)).reference[scores.fitted].any()


def test_a_normal_picture_is_flagged_as_often_as_the_rate_says():
    rates = []
    for seed in range(6):
        survey = surveyed(gradients(1000, 20 + seed))
        scores, _ = score(survey, Reference("rows", some(600, 1000)), seed=seed)
        rates.append((scores.p_value[600:] <= 0.05).mean())

    assert np.mean(rates) == pytest.approx(0.05, abs=0.025)


def test_the_same_survey_and_seed_give_the_same_digits(normals):
    first, second = (score(normals, Reference("rows", some(600, 1200)))[0] for _ in range(2))

    assert np.array_equal(first.combined, second.combined)
    assert np.array_equal(first.p_value, second.p_value)


def test_a_reference_of_its_own_flags_what_is_not_like_it(normals):
    mixed = surveyed(np.concatenate([gradients(50, 31), np.ascontiguousarray(gradients(10, 32)[:, ::-1])]))

    scores, _ = score(mixed, Reference("survey", None, normals, "clean ones"))

    assert (scores.p_value[50:] < 0.01).all()
    assert not scores.reference.any()
    assert not scores.fitted.any()
    assert scores.reference_size == 600
    assert scores.told == "clean ones"


def test_odd_pictures_among_many_are_found_without_a_reference():
    odd = np.ascontiguousarray(gradients(20, 41)[:, ::-1])
    survey = surveyed(np.concatenate([gradients(980, 40), odd]))

    scores, _ = score(survey, Reference())

    assert not scores.is_calibrated
    assert set(np.argsort(-scores.combined)[:50]) >= set(range(980, 1000))
    assert not scores.fitted[980:].any()  # trimmed away before the second fit


def test_the_ranks_without_a_reference_are_those_of_the_scores(normals):
    scores, _ = score(normals, Reference())

    order = np.argsort(-scores.combined)
    assert (np.diff(scores.p_value[order]) >= 0).all()
    assert scores.p_value.min() == pytest.approx(1 / 1201)


def test_another_picture_is_judged_as_if_it_had_come_to_the_survey(normals):
    more = gradients(40, 50)
    together = surveyed(np.concatenate([gradients(1200), more]))
    scores, _ = score(together, Reference("rows", some(1200, 1240)))
    _, judge = score(normals, Reference("rows", np.ones(1200, np.bool_)))

    judged = judge.judge(looked(more))

    assert judged.p_value == pytest.approx(scores.p_value[1200:])
    assert judged.combined == pytest.approx(scores.combined[1200:], rel=1e-6)


def test_marking_a_picture_odd_takes_it_out_of_the_reference(normals):
    scores, judge = score(normals, Reference("rows", np.ones(1200, np.bool_)))
    reference = scores.reference.copy()
    row = int(np.flatnonzero(reference)[np.argmax(scores.combined[reference])])
    reference[row] = False

    again = judge.recalibrate(reference)

    assert again.reference_size == scores.reference_size - 1
    assert again.p_value[row] == pytest.approx(1 / (again.reference_size + 1))
    back = judge.recalibrate(scores.reference)
    assert np.array_equal(back.p_value, scores.p_value)  # undo gives the same digits


def test_labels_are_counted_apart_where_there_are_enough():
    """Label b is darker, and rare: over all labels its pictures look odd, within the label they do not."""
    dark = (gradients(400, 61).astype(np.int64) - 35).clip(0).astype(np.uint8)
    labels = np.repeat([0, 1], [3000, 400])
    survey = surveyed(np.concatenate([gradients(3000, 60), dark]), labels)
    reference = np.random.default_rng(0).random(3400) < 0.7

    plain, _ = score(survey, Reference("rows", reference))
    apart, _ = score(survey, Reference("rows", reference), labels=labels)

    tried = ~reference & (labels == 1)
    assert (apart.p_value[tried] <= 0.1).mean() == pytest.approx(0.1, abs=0.09)
    assert np.median(apart.p_value[tried]) > np.median(plain.p_value[tried])
    assert "within each label" in apart.told


def test_a_label_with_few_pictures_is_counted_over_all_and_says_so(normals):
    labels = np.where(np.arange(1200) < 40, 1, 0)

    scores, _ = score(normals, Reference("rows", np.ones(1200, np.bool_)), labels=labels)

    assert "1 with fewer than 100" in scores.told


def test_the_reason_is_the_score_with_the_least_p_value(normals):
    scores, _ = score(normals, Reference("rows", some(900, 1200)))

    assert np.array_equal(scores.p[np.arange(1200), scores.reason], scores.p.min(1))


def test_a_lens_without_copies_has_no_scores_of_copies(normals):
    bare = replace(normals, residuals=None, statistics={"norm": normals.statistics["norm"]})

    scores, judge = score(bare, Reference("rows", some(900, 1200)))

    assert scores.names == ("latent", "statistics")
    assert judge.local_map(np.zeros((SIDE, SIDE))) is None


def test_statistics_that_are_the_same_everywhere_are_left_out(normals):
    same = replace(normals, statistics={**normals.statistics, "bytes": np.full(1200, 80, np.float32)})

    _, judge = score(same, Reference("rows", some(900, 1200)))

    assert "bytes" not in judge.scorer.joint_names


@pytest.mark.parametrize("count", [10, 25, 120])
def test_small_references_give_finite_scores(normals, count):
    scores, _ = score(normals, Reference("rows", some(count, 1200)))

    assert np.isfinite(scores.raw).all()
    assert np.isfinite(scores.combined).all()
    assert scores.least == pytest.approx(1 / (count - round(count / 2) + 1))


def test_a_picture_of_which_a_model_makes_no_finite_numbers_is_as_odd_as_can_be(normals):
    _, judge = score(normals, Reference("rows", np.ones(1200, np.bool_)))
    seen = looked(gradients(2, 95))
    codes = seen.codes.copy()
    codes[1] = np.inf

    judged = judge.judge(replace(seen, codes=codes))

    assert judged.p[1, 0] == pytest.approx(judged.least)
    assert np.isfinite(judged.combined).all()


def test_identical_pictures_give_finite_scores():
    scores, _ = score(surveyed(np.repeat(gradients(1), 60, axis=0)), Reference())

    assert np.isfinite(scores.combined).all()


@pytest.mark.slow
def test_a_million_rows_are_calibrated_again_without_sorting_scores():
    from explorer.atlas.calibration import Ranking, calibrate

    random = np.random.default_rng(7)
    rankings = tuple(Ranking(random.standard_normal(1_000_000).astype(np.float32)) for _ in range(2))

    found = calibrate(rankings, some(500_000, 1_000_000))

    assert (found.p_value[500_000:] <= 0.01).mean() == pytest.approx(0.01, abs=0.001)


# --- self-test ---


def test_every_damage_changes_pictures_and_keeps_their_shape():
    pictures = np.random.default_rng(9).integers(0, 256, (5, 28, 28, 1)).astype(np.uint8)
    for kind, damage in DAMAGES.items():
        made = damage(pictures, np.random.default_rng(0))
        assert made.shape == pictures.shape, kind
        assert made.dtype == np.uint8, kind
        assert (made != pictures).any((1, 2, 3)).all(), kind


@pytest.mark.parametrize("damage", [scar_with_masks, swap_with_masks])
def test_damage_stays_within_its_mask(damage):
    pictures = np.random.default_rng(8).integers(0, 256, (6, 28, 28, 3)).astype(np.uint8)

    made, masks = damage(pictures, np.random.default_rng(0))

    assert masks.any((1, 2)).all()
    assert not ((made != pictures).any(-1) & ~masks).any()


def test_the_area_under_the_curve_counts_equals_half():
    assert auroc(np.array([1, 2]), np.array([2, 3])) == pytest.approx((0.5 + 1 + 1 + 1) / 4)


def test_true_positives_are_counted_above_all_but_one_of_a_hundred():
    assert true_positives(np.arange(100), np.array([97, 98, 99, 100])) == pytest.approx(0.5)


def test_the_self_test_sees_what_the_model_can_tell(normals):
    _, judge = score(normals, Reference("rows", np.ones(1200, np.bool_)))

    tests, off = self_test(judge, GradientLens(), gradients(60, 80))

    assert tests["upside down", "combined"][0] > 0.99
    assert tests["upside down", "combined"][1] > 0.9
    assert not off


def test_a_score_that_fails_on_every_damage_is_switched_off(normals):
    """Whatever is shown in the self-test has a smaller "hot" than the reference."""

    class Backwards(GradientLens):
        def look(self, images: torch.Tensor) -> Seen:
            seen = super().look(images)
            return replace(seen, statistics={**seen.statistics, "hot": seen.statistics["hot"] - 10})

    scores, judge = score(normals, Reference("rows", np.ones(1200, np.bool_)), lens=Backwards())

    assert scores.names == ("latent", "statistics", "local")
    assert "worse than chance" in scores.off["hot"]
    assert scores.raw.shape == (1200, 3)
    assert scores.p.shape == (1200, 3)
    assert judge.judge(looked(gradients(3))).raw.shape == (3, 3)


def test_a_lens_that_takes_seconds_for_a_picture_is_not_tested(normals):
    class Slow(GradientLens):
        most = 500

    _, judge = score(normals, Reference("rows", np.ones(1200, np.bool_)))

    assert examined(judge, Slow(), normals, np.arange(100)) is judge


# --- explaining ---


def test_a_heat_map_is_hottest_where_the_picture_differs_from_its_copy():
    copy = np.full((16, 16, 3), 100, np.uint8)
    picture = copy.copy()
    picture[10:13, 3:6] = 200

    heat = heat_map(picture, copy)

    assert np.unravel_index(heat.argmax(), heat.shape) == (11, 4)
    assert heat.max() <= (100 / 255) ** 2


def test_the_heat_map_of_a_large_picture_has_its_size():
    picture = np.zeros((96, 64, 1), np.uint8)

    assert heat_map(picture, picture).shape == (96, 64)


def test_colours_end_at_what_the_reference_hardly_ever_reaches(normals):
    _, judge = score(normals, Reference("rows", np.ones(1200, np.bool_)))
    usual, hot = judge.heat_scale

    assert 0 < usual < hot
    assert scaled(np.array([[0.0, usual, hot, 2 * hot]], np.float32), judge.heat_scale)[0].tolist() == [0, 0, 1, 1]


def test_replacing_the_region_that_is_the_cause_makes_a_picture_normal(normals):
    _, judge = score(normals, Reference("rows", np.ones(1200, np.bool_)))
    picture = gradients(1, 90)[0]
    picture[5, 2] = 160

    found = repair(GradientLens(), judge, picture)

    assert found.before < 0.01 < found.after
    assert found.mask[5, 2]
    assert np.array_equal(found.pixels[~found.mask], picture[~found.mask])


def test_made_normal_is_between_its_nearest_normal_pictures(normals):
    scores, _ = score(normals, Reference("rows", np.ones(1200, np.bool_)))
    far = np.array([0.5, 0.0], np.float32)

    code, picture = made_normal(GradientLens(), normals, far, normal_rows(scores), 5)

    rows, distances = nearest_normal(normals, far, normal_rows(scores), 5)
    assert (np.diff(distances) >= 0).all()
    assert (code >= normals.codes[rows].min(0) - 1e-6).all()
    assert (code <= normals.codes[rows].max(0) + 1e-6).all()
    assert picture.shape == (SIDE, SIDE, 1)


def test_a_picture_is_not_its_own_nearest_normal_one(normals):
    rows, _ = nearest_normal(normals, normals.codes[3], np.ones(1200, np.bool_), 5, row=3)

    assert 3 not in rows


# --- the command line ---


def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A dataset of 800 pictures, the last of which is upside down, and 300 normal ones beside it."""
    mixed = np.concatenate([gradients(799, 100), gradients(1, 101)[:, ::-1]])
    np.save(tmp_path / "mixed.npy", mixed)
    np.save(tmp_path / "clean.npy", gradients(300, 102))
    return tmp_path / "mixed.npy", tmp_path / "clean.npy"


def test_score_writes_the_numbers_that_the_window_gets(tmp_path, capsys):
    from explorer.atlas.chart import add_scores, begin
    from explorer.atlas.choices import ReferenceChoice
    from explorer.atlas.store import QUOTA
    from explorer.cli.score import score as command

    mixed, clean = folders(tmp_path)
    command(Path("pixels"), mixed, tmp_path / "out.csv", reference=clean, device="cpu", as_json=True)

    def report(done: float, total: float, note: str = "") -> None:
        pass

    cache = tmp_path / "cache"
    chart = begin(mixed, None, "", cache, report, lambda part: None, QUOTA)
    scores = add_scores(chart, ReferenceChoice("dataset", path=clean), cache, report).scores
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text("utf-8").splitlines()))
    assert scores is not None
    assert [float(row["score"]) for row in rows] == scores.combined.tolist()
    assert [float(row["p_value"]) for row in rows] == scores.p_value.tolist()
    assert scores.p_value[799] <= 0.02
    summary = json.loads(capsys.readouterr().out)
    assert summary["is_calibrated"]
    assert summary["pictures"] == 800


def test_score_refuses_a_label_that_is_not_there(tmp_path):
    from explorer.cli.score import score as command

    mixed, _ = folders(tmp_path)
    with pytest.raises(DatasetError, match="no labels"):
        command(Path("pixels"), mixed, tmp_path / "out.csv", normal="shoe", device="cpu")
