"""What a dataset tells before any score, and what leaves the atlas: quality, duplicates, labels, tables, files."""

from __future__ import annotations

import csv
import errno
import json
import math
import os
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFilter

from explorer.atlas import placing
from explorer.atlas.columns import duplicate_columns, table, with_unreadable
from explorer.atlas.duplicates import duplicates, usual_threshold
from explorer.atlas.mislabels import mislabelled, rivals
from explorer.atlas.placing import copy_pictures, take_back
from explorer.atlas.quality import FLAGS, flags, quality_of
from explorer.atlas.report import Entry, write_report
from explorer.atlas.values import Neighbours, Scores, Survey
from explorer.atlas.writing import STAMP_KEY, stamp_of, stamp_path, write_table
from explorer.datasets import Dataset, Unreadable, open_dataset
from explorer.errors import ExportError

Pixels = npt.NDArray[np.uint8]


class Stopped(Exception):
    """Somebody cancelled."""


def random_pixels(*shape: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def write_picture(path: Path, pixels: Pixels) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def folder_of(root: Path, *pictures: Pixels) -> Dataset:
    for number, pixels in enumerate(pictures):
        write_picture(root / f"{number}.png", pixels)
    return open_dataset(root)


def survey_of(dataset: Dataset, codes: Any = None, unreadable: tuple[Unreadable, ...] = ()) -> Survey:
    """A survey as a lens would give it: thumbnails are the pictures, shrunk to 8 x 8."""
    indices = np.array([i for i in range(len(dataset)) if i not in {each.index for each in unreadable}], np.int64)
    pictures = [dataset.picture(int(index)) for index in indices]
    measured = [quality_of(picture) for picture in pictures]
    thumbnails = np.stack([np.asarray(picture.convert("L").resize((8, 8)))[..., None] for picture in pictures])
    names = ("width", "height", "brightness", "contrast", "sharpness")
    statistics = {name: np.array([getattr(each, name) for each in measured], np.float32) for name in names}
    points = np.arange(len(indices))[:, None] if codes is None else np.reshape(codes, (len(indices), -1))
    return Survey(
        dataset, "a lens", "f" * 64, indices, points.astype(np.float32), statistics, None, thumbnails, unreadable
    )


def neighbours_of(codes: npt.ArrayLike, k: int = 20) -> Neighbours:
    points = np.reshape(np.asarray(codes, np.float64), (len(np.asarray(codes)), -1))
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, 1, kind="stable")[:, : min(k, len(points) - 1)]
    return Neighbours(order.astype(np.int32), np.take_along_axis(distances, order, 1).astype(np.float32))


def scores_of(count: int, calibrated: bool = True) -> Scores:
    ranks = (np.arange(count) + 1) / (count + 1)
    raw = np.column_stack([np.linspace(3, 0, count), np.full(count, 1 / 3)]).astype(np.float32)
    return Scores(
        ("latent", "hot"), ("an unusual whole", "hot pixels"), raw, np.column_stack([ranks, ranks]),
        1 / np.tan(np.pi * ranks / 2), ranks, ranks, np.arange(count) % 2, np.ones(count, np.bool_),
        np.zeros(count, np.bool_), count, calibrated, "the pictures of <here>",
        {"hot": "It finds nothing."}, {("blur", "latent"): (0.9, 0.25)},
    )  # fmt: skip


# --- quality ---


def test_quality_is_that_of_the_formulas() -> None:
    pixels = np.zeros((4, 6), np.uint8)
    pixels[1, 2] = 255
    found = quality_of(Image.fromarray(pixels))
    # Inside the border the Laplacian is 4 at the point and -1 at its two neighbours beside it and the one below.
    assert (found.width, found.height) == (6, 4)
    assert found.brightness == pytest.approx(1 / 24)
    assert found.contrast == pytest.approx(math.sqrt(1 / 24 - 1 / 24**2), rel=1e-5)
    assert found.sharpness == pytest.approx(math.log(1e-4 + (16 + 3) / 8), rel=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (2, 2), (3000, 1), (700, 300)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_every_shape_has_finite_quality(size: tuple[int, int], mode: str) -> None:
    found = quality_of(Image.new(mode, size, 0))
    assert (found.width, found.height) == size
    assert np.isfinite([found.brightness, found.contrast, found.sharpness]).all()


def test_black_and_white_drawings_without_ground_both_show() -> None:
    for ink in (0, 255):
        drawing = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
        drawing.paste((ink, ink, ink, 255), (5, 5, 15, 15))
        assert quality_of(drawing).contrast == pytest.approx(0.5 * math.sqrt(0.25 * 0.75), rel=0.01)


def measured(pictures: list[Image.Image]) -> dict[str, npt.NDArray[Any]]:
    found = [quality_of(picture) for picture in pictures]
    names = ("width", "height", "brightness", "contrast", "sharpness")
    return {name: np.array([getattr(each, name) for each in found], np.float32) for name in names}


def ordinary(count: int = 60) -> list[Image.Image]:
    return [Image.fromarray(random_pixels(32, 32, seed=seed) // 2 + seed) for seed in range(count)]


def test_what_stands_out_is_flagged_and_nothing_else() -> None:
    pictures = ordinary()
    odd = {
        "blank": Image.new("L", (32, 32), 100),
        "dark": Image.fromarray(random_pixels(32, 32) // 20),
        "light": Image.fromarray(255 - random_pixels(32, 32) // 20),
        "blurred": pictures[0].filter(ImageFilter.GaussianBlur(2)),
        "odd_size": Image.fromarray(random_pixels(256, 256) // 2 + 20),
        "odd_aspect": Image.fromarray(random_pixels(8, 128) // 2 + 20),
    }
    found = flags(measured(pictures + list(odd.values())))
    assert tuple(found) == FLAGS == tuple(odd)
    for place, name in enumerate(odd):
        assert found[name][60 + place], name
    assert {name: int(mask[:60].sum()) for name, mask in found.items()} == dict.fromkeys(FLAGS, 0)


def test_what_all_pictures_are_is_not_flagged() -> None:
    pictures = [Image.fromarray(random_pixels(16, 48, seed=seed) // 15) for seed in range(40)]
    assert not any(mask.any() for mask in flags(measured(pictures)).values())


def test_a_handful_of_pictures_has_no_habits_to_break() -> None:
    pictures = [*ordinary(5), Image.new("L", (999, 7), 3)]
    found = flags(measured(pictures))
    assert {name: mask.tolist() for name, mask in found.items() if mask.any()} == {
        name: [False] * 5 + [True] for name in ("blank", "dark")
    }


def test_flags_need_only_the_numbers_that_are_there() -> None:
    assert list(flags({"contrast": np.zeros(3, np.float32), "other": np.ones(3)})) == ["blank"]
    assert flags({}) == {}


# --- duplicates ---


def test_equal_pictures_are_one_group_whatever_their_files_are_called(tmp_path: Path) -> None:
    one, two, three = (random_pixels(8, 8, 3, seed=seed) for seed in range(3))
    write_picture(tmp_path / "copy.bmp", one)
    found = duplicates(survey_of(folder_of(tmp_path, one, two, three, two, one)), None)
    assert [group.tolist() for group in found.groups] == [[0, 4, 5], [1, 3]]
    assert found.is_exact.all()


def test_equal_thumbnails_alone_are_no_duplicates(tmp_path: Path) -> None:
    flat, almost = np.full((64, 64), 90, np.uint8), np.full((64, 64), 90, np.uint8)
    almost[0, 0] = 91
    survey = survey_of(folder_of(tmp_path, flat, almost))
    assert np.array_equal(survey.thumbnails[0], survey.thumbnails[1])
    assert duplicates(survey, None).groups == ()


def test_equal_pixels_of_another_size_or_mode_are_no_duplicates(tmp_path: Path) -> None:
    pictures = (np.zeros((8, 16), np.uint8), np.zeros((16, 8), np.uint8), np.zeros((8, 16, 3), np.uint8))
    assert duplicates(survey_of(folder_of(tmp_path, *pictures)), None).groups == ()


def test_a_picture_that_is_gone_is_in_no_group(tmp_path: Path) -> None:
    picture = random_pixels(8, 8)
    survey = survey_of(folder_of(tmp_path, picture, picture, picture))
    (tmp_path / "1.png").unlink()
    assert [group.tolist() for group in duplicates(survey, None).groups] == [[0, 2]]


def test_duplicates_in_arrays_are_found(tmp_path: Path) -> None:
    array = random_pixels(30, 8, 8)
    array[17] = array[3]
    np.save(tmp_path / "a.npy", array)
    assert [g.tolist() for g in duplicates(survey_of(open_dataset(tmp_path / "a.npy")), None).groups] == [[3, 17]]


def test_near_pictures_form_chains_and_exact_groups_come_first(tmp_path: Path) -> None:
    pictures = [random_pixels(8, 8, seed=seed) for seed in range(7)]
    pictures[6] = pictures[5]
    codes = [0.0, 1.0, 2.0, 50.0, 90.0, 200.0, 200.0]
    found = duplicates(survey_of(folder_of(tmp_path, *pictures), codes), neighbours_of(codes), threshold=1.5)
    assert [group.tolist() for group in found.groups] == [[5, 6], [0, 1, 2]]
    assert found.is_exact.tolist() == [True, False]
    assert found.numbers(7).tolist() == [1, 1, 1, -1, -1, 0, 0]
    assert found.spare(7).tolist() == [False] * 6 + [True]
    assert found.spare(7, exact_only=False).tolist() == [False, True, True, False, False, False, True]


def test_copies_of_a_near_picture_belong_to_its_group(tmp_path: Path) -> None:
    same, other = random_pixels(8, 8), random_pixels(8, 8, seed=1)
    codes = [0.0, 0.0, 1.0, 50.0]
    survey = survey_of(folder_of(tmp_path, same, same, other, random_pixels(8, 8, seed=2)), codes)
    found = duplicates(survey, neighbours_of(codes, 1), threshold=1.0)
    assert [group.tolist() for group in found.groups] == [[0, 1], [0, 1, 2]]


def test_the_usual_threshold_finds_planted_pairs_and_nothing_in_even_data() -> None:
    points = np.random.default_rng(0).normal(size=(500, 8))
    even = neighbours_of(points, 1).distances[:, 0]
    assert usual_threshold(even) == pytest.approx(0.1 * np.median(even))
    assert (even > usual_threshold(even)).all()
    nearest = neighbours_of(np.concatenate([points, points[:40] + 1e-3]), 1).distances[:, 0]
    assert np.flatnonzero(nearest <= usual_threshold(nearest)).tolist() == [*range(40), *range(500, 540)]
    assert usual_threshold(np.zeros(0, np.float32)) == 0


def test_duplicates_tell_how_far_they_are_and_stop_when_asked(tmp_path: Path) -> None:
    survey = survey_of(folder_of(tmp_path, *[random_pixels(8, 8)] * 4))
    told: list[tuple[float, float]] = []
    duplicates(survey, None, report=lambda done, total, note="": told.append((done, total)))
    assert told == [(4, 4), (4, 4)]

    def stop(done: float, total: float, note: str = "") -> None:
        raise Stopped

    with pytest.raises(Stopped):
        duplicates(survey, None, report=stop)


# --- labels ---


def clusters(per_class: int = 40) -> tuple[npt.NDArray[np.int64], Neighbours]:
    labels = np.repeat(np.arange(3), per_class)
    points = np.random.default_rng(0).normal(size=(3 * per_class, 2)) + labels[:, None] * 100
    return labels, neighbours_of(points)


def test_a_wrong_label_among_right_ones_scores_one_and_a_right_one_minus_one() -> None:
    labels, neighbours = clusters()
    labels[5], labels[90] = 2, 0
    scores = mislabelled(labels, neighbours)
    assert scores[[5, 90]].tolist() == [1, 1]
    assert scores[np.setdiff1d(np.arange(120), [5, 90])].max() <= (1 - 19) / 20 + 1e-6
    assert rivals(labels, neighbours)[[5, 90]].tolist() == [0, 2]


def test_the_score_is_the_largest_rival_share_minus_the_own_share() -> None:
    indices = np.array([np.arange(1, 21)] + [[0] * 20] * 20, np.int32)
    labels = np.array([0] + [0] * 5 + [7] * 8 + [2] * 7)
    found = mislabelled(labels, Neighbours(indices, np.zeros(indices.shape, np.float32)))
    assert found[0] == pytest.approx(8 / 20 - 5 / 20)


def test_only_the_twenty_nearest_are_asked() -> None:
    indices = np.tile(np.arange(50, dtype=np.int32), (51, 1))
    labels = np.array([1] * 20 + [0] * 31)
    assert mislabelled(labels, Neighbours(indices, np.zeros(indices.shape, np.float32)))[50] == 1


def test_pictures_without_a_label_are_not_judged_and_accuse_nobody() -> None:
    labels, neighbours = clusters()
    labels[:40] = -1
    assert (mislabelled(labels, neighbours)[:40] == -1).all()
    assert (rivals(labels, neighbours) == -1).all()


@pytest.mark.slow
def test_a_hundred_thousand_labels_of_many_kinds_take_a_moment() -> None:
    random = np.random.default_rng(0)
    indices = random.integers(0, 100_000, (100_000, 20), np.int32)
    found = mislabelled(random.integers(0, 50_000, 100_000), Neighbours(indices, np.zeros(indices.shape, np.float32)))
    assert found.shape == (100_000,)


# --- the table ---


def listed(tmp_path: Path) -> Dataset:
    for number in range(3):
        write_picture(tmp_path / f"{number}.png", random_pixels(8, 8, seed=number))
    (tmp_path / "list.csv").write_text(
        "path,label,weight,Score\n0.png,cat,1,a\n1.png,dog,,b\ngone.png,cat,3,c\n2.png,cat,4,d\n"
    )
    return open_dataset(tmp_path / "list.csv")


def test_columns_come_in_their_order_and_follow_the_rows(tmp_path: Path) -> None:
    survey = survey_of(listed(tmp_path), unreadable=(Unreadable(2, "gone.png does not exist."),))
    columns = table(survey, scores_of(3), {"cluster": np.array([1, 0, 1])})
    assert list(columns) == [
        "id", "index", "label", "score", "p_value", "q_value", "reason", "reference", "fitted",
        "score_latent", "score_hot", "p_latent", "p_hot",
        "width", "height", "brightness", "contrast", "sharpness", *FLAGS, "cluster", "weight", "Score_in_list",
    ]  # fmt: skip
    assert columns["id"].tolist() == ["0.png", "1.png", "2.png"]
    assert columns["index"].tolist() == [0, 1, 3]
    assert columns["label"].tolist() == ["cat", "dog", "cat"]
    assert columns["reason"].tolist() == ["an unusual whole", "hot pixels", "an unusual whole"]
    assert np.array_equal(columns["weight"], [1, np.nan, 4], equal_nan=True)
    assert columns["Score_in_list"].tolist() == ["a", "b", "d"]


def test_the_score_is_the_combined_one_to_the_last_bit(tmp_path: Path) -> None:
    scores = scores_of(2)
    columns = table(survey_of(folder_of(tmp_path, *[random_pixels(4, 4)] * 2)), scores)
    assert columns["score"].tobytes() == scores.combined.tobytes()
    assert columns["score_latent"].dtype == np.float32


def test_unreadable_pictures_come_last_with_their_reason(tmp_path: Path) -> None:
    survey = survey_of(listed(tmp_path), unreadable=(Unreadable(2, "gone.png does not exist."),))
    columns = with_unreadable(table(survey, scores_of(3), duplicate_columns(duplicates(survey, None), 3)), survey)
    assert columns["unreadable"].tolist() == ["", "", "", "gone.png does not exist."]
    last = {name: values[-1] for name, values in columns.items()}
    assert (last["id"], last["index"], last["label"], last["reason"], last["dark"]) == ("gone.png", 2, "cat", "", False)
    assert (last["duplicate_group"], last["duplicate"]) == (-1, "")
    assert math.isnan(last["score"])
    assert {len(values) for values in columns.values()} == {4}


def test_without_unreadable_pictures_the_table_stays_as_it_is(tmp_path: Path) -> None:
    survey = survey_of(folder_of(tmp_path, random_pixels(4, 4)))
    assert list(with_unreadable(table(survey), survey)) == list(table(survey))


# --- writing tables ---


def some_columns() -> dict[str, npt.NDArray[Any]]:
    return {
        "id": np.array(["a, b.png", 'say "cheese"', "bad\udcff.png"], object),
        "n": np.array([1, -1, 2**40]),
        "single": np.array([0.1, 1 / 3, np.nan], np.float32),
        "double": np.array([0.1, 1 / 3, 1e-300]),
        "yes": np.array([True, False, True]),
    }


@pytest.mark.parametrize(("ending", "separator"), [("csv", ","), ("tsv", "\t")])
def test_numbers_are_read_back_from_text_as_they_were(tmp_path: Path, ending: str, separator: str) -> None:
    columns, path = some_columns(), tmp_path / "deep" / f"a.{ending}"
    write_table(path, columns, {"seed": 3})
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter=separator)
    assert header == list(columns)
    found = dict(zip(header, zip(*rows, strict=True), strict=True))
    assert found["id"] == ("a, b.png", 'say "cheese"', "bad\\udcff.png")
    assert [int(text) for text in found["n"]] == columns["n"].tolist()
    assert found["single"] == ("0.1", "0.33333334", "")
    assert [float(text) for text in found["double"]] == columns["double"].tolist()
    assert found["yes"] == ("true", "false", "true")


def test_the_stamp_of_a_text_table_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_table(path, some_columns(), {"seed": 3, "model": "Größe"})
    assert stamp_path(path) == tmp_path / "a.csv.json"
    assert json.loads(stamp_path(path).read_text("utf-8")) == {"seed": 3, "model": "Größe"}


def test_parquet_keeps_types_missing_numbers_and_the_stamp(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(tmp_path / "a.parquet", some_columns(), {"seed": 3})
    found = parquet.read_table(tmp_path / "a.parquet")
    assert [str(kind) for kind in found.schema.types] == ["string", "int64", "float", "double", "bool"]
    assert found.column("single").to_pylist() == [np.float32(0.1), np.float32(1 / 3), None]
    assert json.loads(found.schema.metadata[STAMP_KEY.encode()]) == {"seed": 3}
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExportError, match="pip install pyarrow"):
        write_table(tmp_path / "a.parquet", some_columns(), {})


def test_another_kind_of_table_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"Choose \.csv"):
        write_table(tmp_path / "a.xlsx", some_columns(), {})


def test_stopping_leaves_the_table_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("before")

    def stop(done: float, total: float, note: str = "") -> None:
        raise Stopped

    with pytest.raises(Stopped):
        write_table(path, some_columns(), {}, stop)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.csv", "before")]


def test_the_stamp_names_program_model_seed_and_reference(tmp_path: Path) -> None:
    survey = survey_of(folder_of(tmp_path, random_pixels(4, 4)))
    stamp = stamp_of(survey, scores_of(1), 7, rate=0.01)
    assert stamp["program"].startswith("Latent Explorer ")
    assert (stamp["model_sha256"], stamp["seed"], stamp["reference"]) == ("f" * 64, 7, "the pictures of <here>")
    assert (stamp["dataset_fingerprint"], stamp["rate"]) == (survey.dataset.fingerprint, 0.01)
    assert json.loads(json.dumps(stamp)) == stamp


# --- pictures into folders ---


def names_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number, name in enumerate(("cat/a.png", "dog/a.png", "dog/b.png")):
        write_picture(tmp_path / "pictures" / name, random_pixels(8, 8, seed=number))
    return tmp_path / "pictures"


def test_copies_keep_their_names_folders_content_and_time(pictures: Path, tmp_path: Path) -> None:
    os.utime(pictures / "dog" / "a.png", ns=(10**18, 10**18))
    placed = copy_pictures(open_dataset(pictures), [1, 2], tmp_path / "out")
    assert names_below(tmp_path / "out") == ["dog/a.png", "dog/b.png"]
    assert [target for _, target in placed.pairs] == [tmp_path / "out" / "dog" / name for name in ("a.png", "b.png")]
    copy = tmp_path / "out" / "dog" / "a.png"
    assert copy.read_bytes() == (pictures / "dog" / "a.png").read_bytes()
    assert copy.stat().st_mtime_ns == 10**18
    assert len(names_below(pictures)) == 3


@pytest.mark.parametrize("mode", ["copy", "move", "link"])
def test_nothing_is_overwritten(pictures: Path, tmp_path: Path, mode: placing.Mode) -> None:
    (tmp_path / "out" / "cat").mkdir(parents=True)
    (tmp_path / "out" / "cat" / "a.png").write_text("mine")
    (tmp_path / "out" / "cat" / "a-2.png").write_text("mine too")
    content = (pictures / "cat" / "a.png").read_bytes()
    copy_pictures(open_dataset(pictures), [0], tmp_path / "out", mode)
    assert names_below(tmp_path / "out") == ["cat/a-2.png", "cat/a-3.png", "cat/a.png"]
    assert (tmp_path / "out" / "cat" / "a.png").read_text() == "mine"
    assert (tmp_path / "out" / "cat" / "a-3.png").read_bytes() == content


def test_moved_pictures_are_gone_from_where_they_were_and_can_be_taken_back(pictures: Path, tmp_path: Path) -> None:
    before = names_below(pictures)
    placed = copy_pictures(open_dataset(pictures), [0, 2], tmp_path / "out", "move")
    assert names_below(pictures) == ["dog/a.png"]
    assert names_below(tmp_path / "out") == ["cat/a.png", "dog/b.png"]
    assert take_back(placed) == 2
    assert (names_below(pictures), names_below(tmp_path / "out")) == (before, [])


def test_taking_back_leaves_what_took_the_place_alone(pictures: Path, tmp_path: Path) -> None:
    placed = copy_pictures(open_dataset(pictures), [0], tmp_path / "out", "move")
    (pictures / "cat" / "a.png").write_text("new")
    assert take_back(placed) == 0
    assert (pictures / "cat" / "a.png").read_text() == "new"
    assert names_below(tmp_path / "out") == ["cat/a.png"]


def test_moving_to_where_it_is_changes_nothing(pictures: Path) -> None:
    before = names_below(pictures)
    copy_pictures(open_dataset(pictures), [0, 1, 2], pictures, "move")
    assert names_below(pictures) == before


def test_moving_to_another_disk_copies_first(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def far(source: Path, target: Path) -> None:
        if Path(source).is_relative_to(pictures):
            raise OSError(errno.EXDEV, "another disk")
        link(source, target)

    link = os.link
    monkeypatch.setattr(placing.os, "link", far)
    content = (pictures / "cat" / "a.png").read_bytes()
    copy_pictures(open_dataset(pictures), [0], tmp_path / "out", "move")
    assert names_below(pictures) == ["dog/a.png", "dog/b.png"]
    assert [(name, (tmp_path / "out" / name).read_bytes()) for name in names_below(tmp_path / "out")] == [
        ("cat/a.png", content)
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_lead_to_the_pictures(pictures: Path, tmp_path: Path) -> None:
    copy_pictures(open_dataset(pictures), [0], tmp_path / "out", "link")
    link = tmp_path / "out" / "cat" / "a.png"
    assert link.is_symlink()
    assert link.resolve() == (pictures / "cat" / "a.png").resolve()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_moving_a_link_moves_what_it_shows_and_leaves_the_original(pictures: Path, tmp_path: Path) -> None:
    (pictures / "cat" / "z.png").symlink_to("../dog/b.png")
    dataset = open_dataset(pictures)
    copy_pictures(dataset, [1], tmp_path / "out", "move")
    assert dataset.identity(1) == "cat/z.png"
    assert not (tmp_path / "out" / "cat" / "z.png").is_symlink()
    assert (tmp_path / "out" / "cat" / "z.png").read_bytes() == (pictures / "dog" / "b.png").read_bytes()
    assert names_below(pictures) == ["cat/a.png", "dog/a.png", "dog/b.png"]


def test_groups_are_folders_with_names_that_every_system_allows(pictures: Path, tmp_path: Path) -> None:
    copy_pictures(open_dataset(pictures), [0, 1, 2], tmp_path / "out", groups=["hot: 1/2", "../..", "con"])
    assert names_below(tmp_path / "out") == [
        "_.._/dog/a.png".replace("_.._", "_"),
        "con_/dog/b.png",
        "hot_ 1_2/cat/a.png",
    ]


def test_names_that_lead_elsewhere_keep_only_their_last_part(pictures: Path, tmp_path: Path) -> None:
    (pictures / "lists").mkdir()
    absolute = pictures / "dog" / "b.png"
    (pictures / "lists" / "list.csv").write_text(f"path\n../cat/a.png\n{absolute}\n../dog/a.png\n")
    copy_pictures(open_dataset(pictures / "lists" / "list.csv"), [0, 1, 2], tmp_path / "out")
    assert names_below(tmp_path / "out") == ["a-2.png", "a.png", "b.png"]


def test_pictures_of_an_array_become_png_called_by_their_index(tmp_path: Path) -> None:
    array = random_pixels(101, 6, 5, 3)
    np.save(tmp_path / "a.npy", array)
    dataset = open_dataset(tmp_path / "a.npy")
    copy_pictures(dataset, [7, 100], tmp_path / "out")
    assert names_below(tmp_path / "out") == ["007.png", "100.png"]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "007.png")), array[7])
    with pytest.raises(ExportError, match="Copy them"):
        copy_pictures(dataset, [7], tmp_path / "out", "move")


def test_pictures_that_are_gone_are_left_out_and_told(pictures: Path, tmp_path: Path) -> None:
    dataset = open_dataset(pictures)
    (pictures / "dog" / "a.png").unlink()
    placed = copy_pictures(dataset, [0, 1, 2], tmp_path / "out")
    assert placed.left_out == (Unreadable(1, "dog/a.png does not exist."),)
    assert names_below(tmp_path / "out") == ["cat/a.png", "dog/b.png"]


def test_a_full_disk_is_one_sentence_and_leaves_no_half_picture(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        if Path(source).name == "b.png":
            Path(target).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        Path(target).write_bytes(Path(source).read_bytes())

    monkeypatch.setattr(placing.shutil, "copy2", full)
    with pytest.raises(ExportError, match=r"2 of 3 pictures were copied.*No space left"):
        copy_pictures(open_dataset(pictures), [0, 1, 2], tmp_path / "out")
    assert names_below(tmp_path / "out") == ["cat/a.png", "dog/a.png"]


def test_stopping_keeps_the_pictures_that_are_there(pictures: Path, tmp_path: Path) -> None:
    def stop(done: float, total: float, note: str = "") -> None:
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        copy_pictures(open_dataset(pictures), [0, 1, 2], tmp_path / "out", "move", report=stop)
    assert names_below(tmp_path / "out") == ["cat/a.png", "dog/a.png"]
    assert names_below(pictures) == ["dog/b.png"]


# --- the report ---


class Page(HTMLParser):
    """What is in a page: its text, its pictures, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.sources: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def entries(count: int = 3) -> list[Entry]:
    pixels = random_pixels(28, 28, 3)
    heat = np.linspace(0, 2, 28 * 28, dtype=np.float32).reshape(28, 28)
    return [Entry(f"<b>{n}</b>.png", pixels, pixels, heat, 1.0, "hot & odd", 0.001, 0.02) for n in range(count)]


def written(path: Path, make: Callable[[], list[Entry]] = entries, **rest: Any) -> Page:
    write_report(path, make(), {"dataset": "my <set>", "seed": 3, "off": {}}, **rest)
    page = Page(path.read_text("utf-8"))
    assert page.open == []
    return page


def test_a_report_is_one_file_that_needs_nothing_else(tmp_path: Path) -> None:
    page = written(tmp_path / "a.html", scores=scores_of(200), rate=0.05)
    assert len(page.sources) == 9
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert "script" not in page.tags
    assert not re.search(r"https?://", (tmp_path / "a.html").read_text("utf-8"))


def test_a_report_says_how_many_are_flagged_and_escapes_names(tmp_path: Path) -> None:
    page = written(tmp_path / "a.html", scores=scores_of(199), rate=0.05)
    text = " ".join(page.texts)
    assert "10 of 199 pictures are flagged: 500 false alarms in 10,000 normal pictures are allowed." in text
    assert "1. <b>0</b>.png" in text
    assert "hot & odd" in text
    assert "Odd pictures of my <set>" in page.texts
    assert "Compared with the pictures of <here>." in text
    assert "0.90, 25%" in text


def test_without_a_reference_a_report_promises_no_rate(tmp_path: Path) -> None:
    text = " ".join(written(tmp_path / "a.html", scores=scores_of(50, calibrated=False), rate=0.1).texts)
    assert "a ranking, not a rate of false alarms" in text
    assert "10,000" not in text


def test_a_report_of_nothing_is_still_a_page(tmp_path: Path) -> None:
    assert "None." in written(tmp_path / "a.html", list).texts
    assert written(tmp_path / "b.html", lambda: [Entry("a", random_pixels(9, 900, 1))]).sources


def test_the_histogram_counts_every_picture(tmp_path: Path) -> None:
    page = written(tmp_path / "a.html", list, scores=scores_of(500), rate=0.01)
    assert page.tags.count("svg") == 1
    assert page.tags.count("line") == 1
    assert 20 < page.tags.count("rect") <= 60


def test_a_report_that_is_stopped_is_not_there(tmp_path: Path) -> None:
    def stop(done: float, total: float, note: str = "") -> None:
        raise Stopped

    with pytest.raises(Stopped):
        write_report(tmp_path / "a.html", entries(), {}, report=stop)
    assert list(tmp_path.iterdir()) == []
