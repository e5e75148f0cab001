"""Surveys: every picture is looked at once, whatever stops the work; only what changed is looked at again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import torch
from examples import make_vae, noise_pictures, toy_pictures
from PIL import Image
from torch import Tensor

from explorer.atlas import store as stores
from explorer.atlas.benching import encoding_ratio, memory_at
from explorer.atlas.decoding import decoded, thumbnail_of, thumbnail_shape
from explorer.atlas.lens_parts import grid_of
from explorer.atlas.lenses import Lens, Seen, lens_for
from explorer.atlas.store import Shape, Store, locked, make_room, used_bytes
from explorer.atlas.surveying import home_of, read_survey, survey
from explorer.atlas.values import Survey
from explorer.datasets import ArrayDataset, Dataset, open_dataset
from explorer.encoding import encode_dataset
from explorer.errors import DatasetError, ExportError, ImageError
from explorer.imaging import Preparation


class Counting:
    """A lens whose code is the brightness of a picture; it counts the pictures it looks at."""

    name = "counting"
    image_shape = (1, 8, 8)
    preparation = Preparation()
    statistics = ("reconstruction",)
    dimensions = 2
    reconstructs = True
    can_decode = False
    most: int | None = None
    at_once: int | None = None
    device = torch.device("cpu")

    def __init__(self, digest: str = "a" * 64) -> None:
        self.digest = digest
        self.looked_at = 0

    def look(self, images: Tensor) -> Seen:
        self.looked_at += len(images)
        brightness = images.flatten(1).mean(1).numpy()
        codes = np.stack([brightness, -brightness], 1)
        return Seen(codes, {"reconstruction": 2 * brightness}, np.zeros((len(images), *grid_of((1, 8, 8))), np.float16))

    def reconstruct(self, images: Tensor) -> Tensor:
        return images

    def decode(self, codes: Tensor) -> Tensor:
        raise NotImplementedError


class Stopped(Exception):
    """What a report raises when a person cancels."""


def write(folder: Path, count: int, size: int = 8) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        write_one(folder / f"{index:03d}.png", index, size)
    return folder


def write_one(path: Path, value: int, size: int = 8) -> None:
    Image.new("L", (size, size), value).save(path)


def array(pixels: np.ndarray) -> ArrayDataset:
    return ArrayDataset("toy", pixels, 1.0, 0.0, "f" * 64)


def brightness(seen: Survey) -> list[int]:
    """What every row says its picture's value is, in the order of the dataset."""
    order = np.argsort(seen.indices)
    return [round(float(code) * 127.5 + 127.5) for code in seen.codes[order, 0]]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "pictures", 20)


def test_every_picture_has_a_row(folder: Path, cache: Path) -> None:
    seen = survey(open_dataset(folder), Counting(), cache, 8)
    assert len(seen) == 20
    assert seen.indices.tolist() == list(range(20))
    assert brightness(seen) == list(range(20))
    np.testing.assert_allclose(seen.statistics["reconstruction"], 2 * seen.codes[:, 0])
    assert seen.thumbnails.shape == (20, 32, 32, 1)
    assert seen.residuals is not None
    assert seen.residuals.shape == (20, 8, 8)


def test_what_is_cheap_to_know_is_among_the_statistics(folder: Path, cache: Path) -> None:
    seen = survey(open_dataset(folder), Counting(), cache)
    assert seen.statistics["width"].tolist() == [8.0] * 20
    assert max(seen.statistics["contrast"]) < 1e-4
    np.testing.assert_allclose(seen.statistics["brightness"], np.arange(20) / 255, atol=1e-6)


def test_a_second_survey_looks_at_nothing(folder: Path, cache: Path) -> None:
    first = survey(open_dataset(folder), Counting(), cache)
    lens = Counting()
    second = survey(open_dataset(folder), lens, cache)
    assert lens.looked_at == 0
    np.testing.assert_array_equal(first.codes, second.codes)
    np.testing.assert_array_equal(first.thumbnails, second.thumbnails)


def test_new_pictures_alone_are_looked_at(folder: Path, cache: Path) -> None:
    survey(open_dataset(folder), Counting(), cache)
    write_one(folder / "0005.png", 200)  # in the middle of the list
    lens = Counting()
    seen = survey(open_dataset(folder), lens, cache)
    assert lens.looked_at == 1
    dataset = open_dataset(folder)
    for index, code in zip(seen.indices, seen.codes, strict=True):
        value = np.asarray(dataset.picture(int(index)))[0, 0]
        assert round(float(code[0]) * 127.5 + 127.5) == value


def test_changed_pictures_are_looked_at_again(folder: Path, cache: Path) -> None:
    survey(open_dataset(folder), Counting(), cache)
    write_one(folder / "003.png", 250)
    os.utime(folder / "003.png", ns=(1, 1))
    lens = Counting()
    seen = survey(open_dataset(folder), lens, cache)
    assert lens.looked_at == 1
    assert brightness(seen) == [0, 1, 2, 250, *range(4, 20)]


def test_removed_pictures_are_left_out(folder: Path, cache: Path) -> None:
    survey(open_dataset(folder), Counting(), cache)
    (folder / "000.png").unlink()
    lens = Counting()
    seen = survey(open_dataset(folder), lens, cache)
    assert lens.looked_at == 0
    assert brightness(seen) == list(range(1, 20))


def test_a_file_listed_twice_has_two_rows(folder: Path, cache: Path) -> None:
    (folder / "list.txt").write_text("path\n001.png\n002.png\n001.png\n")
    seen = survey(open_dataset(folder / "list.txt"), Counting(), cache)
    assert brightness(seen) == [1, 2, 1]
    lens = Counting()
    assert len(survey(open_dataset(folder / "list.txt"), lens, cache)) == 3
    assert lens.looked_at == 0


def test_cancelling_keeps_what_is_done_and_resuming_goes_on(folder: Path, cache: Path) -> None:
    def report(done: float, total: float, note: str = "") -> None:
        if done >= 8:
            raise Stopped

    with pytest.raises(Stopped):
        survey(open_dataset(folder), Counting(), cache, 4, report)
    part = read_survey(open_dataset(folder), Counting(), cache)
    assert part is not None
    assert len(part) == 8
    lens = Counting()
    seen = survey(open_dataset(folder), lens, cache, 4)
    assert lens.looked_at == 12
    assert brightness(seen) == list(range(20))


def test_progress_counts_every_picture_and_tells_the_pace(folder: Path, cache: Path) -> None:
    told: list[tuple[float, float, str]] = []
    survey(open_dataset(folder), Counting(), cache, 5, lambda done, total, note="": told.append((done, total, note)))
    assert [(done, total) for done, total, _ in told] == [(0, 20), (5, 20), (10, 20), (15, 20), (20, 20)]
    assert "pictures/s" in told[1][2]
    assert "left" in told[1][2]


def test_a_crash_costs_only_what_was_not_committed(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(self: Store) -> None:
        raise KeyboardInterrupt

    dataset = open_dataset(folder)
    with monkeypatch.context() as patch:
        commits = iter([Store.commit, Store.commit])  # the empty store, and the first batch
        patch.setattr(stores, "COMMIT_SECONDS", -1.0)
        patch.setattr(Store, "commit", lambda self: next(commits, crash)(self))
        with pytest.raises(KeyboardInterrupt):
            survey(dataset, Counting(), cache, 5)
    part = read_survey(dataset, Counting(), cache)
    assert part is not None
    assert brightness(part) == list(range(5))
    lens = Counting()
    assert brightness(survey(dataset, lens, cache, 5)) == list(range(20))
    assert lens.looked_at == 15


def test_unreadable_pictures_are_listed_and_stop_nothing(folder: Path, cache: Path) -> None:
    (folder / "010.png").write_bytes(b"no picture at all")
    seen = survey(open_dataset(folder), Counting(), cache, 4)
    assert len(seen) == 19
    assert [left_out.index for left_out in seen.unreadable] == [10]
    assert "not a picture" in seen.unreadable[0].reason
    again = survey(open_dataset(folder), Counting(), cache, 4)
    assert again.unreadable == seen.unreadable


def test_a_picture_that_became_readable_is_read(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset(folder)
    with monkeypatch.context() as patch:
        patch.setattr("explorer.datasets.files.read_image", refuse)  # as without permission
        assert len(survey(dataset, Counting(), cache)) == 0
    seen = survey(dataset, Counting(), cache)
    assert len(seen) == 20
    assert seen.unreadable == ()


def refuse(path: Path) -> Image.Image:
    raise ImageError(f"{path.name} cannot be opened.")


def test_pictures_without_finite_codes_are_left_out(folder: Path, cache: Path) -> None:
    class Breaks(Counting):
        def look(self, images: Tensor) -> Seen:
            seen = super().look(images)
            seen.codes[1] = np.nan
            return seen

    seen = survey(open_dataset(folder), Breaks(), cache, 10)
    assert seen.indices.tolist() == [i for i in range(20) if i % 10 != 1]
    assert [left_out.index for left_out in seen.unreadable] == [1, 11]
    assert np.isfinite(seen.codes).all()


def test_lenses_and_datasets_do_not_mix(folder: Path, cache: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "elsewhere" / "pictures", 3)  # of the same name
    survey(open_dataset(folder), Counting(), cache)
    lens = Counting("b" * 64)
    assert read_survey(open_dataset(folder), lens, cache) is None
    survey(open_dataset(folder), lens, cache)
    assert lens.looked_at == 20
    assert len(survey(open_dataset(other), Counting(), cache)) == 3
    assert len(survey(open_dataset(folder), Counting(), cache)) == 20


@pytest.mark.parametrize("damage", ["header", "codes", "version", "statistics"])
def test_a_damaged_store_is_not_trusted(folder: Path, cache: Path, damage: str) -> None:
    dataset = open_dataset(folder)
    survey(dataset, Counting(), cache)
    (home,) = (path for path in home_of(cache).iterdir() if path.is_dir())
    header = json.loads((home / "header.json").read_text())
    if damage == "codes":
        (home / "codes.1").write_bytes(b"short")
    elif damage == "header":
        (home / "header.json").write_text("{")
    else:
        header["shape"][damage] = 0 if damage == "version" else ["other"]
        (home / "header.json").write_text(json.dumps(header))
    assert read_survey(dataset, Counting(), cache) is None
    lens = Counting()
    assert brightness(survey(dataset, lens, cache)) == list(range(20))
    assert lens.looked_at == 20


def test_a_full_disk_is_told_and_keeps_what_is_there(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """A file on a disk that takes two more blocks."""

        left = 2

        def __init__(self, file: IO[bytes]) -> None:
            self._file = file

        def write(self, data: Any) -> int:
            Full.left -= 1
            if Full.left < 0:
                raise OSError(28, "No space left on device")
            return self._file.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    dataset = open_dataset(folder)

    def report(done: float, total: float, note: str = "") -> None:
        if done == 5 and Full.left == 2:
            raise Stopped

    with pytest.raises(Stopped):
        survey(dataset, Counting(), cache, 5, report)
    opened = Path.open

    def opening(self: Path, *arguments: Any, **options: Any) -> Any:
        file = opened(self, *arguments, **options)
        return Full(file) if self.name.startswith("residuals") else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opening)
        with pytest.raises(ExportError, match="No space left"):
            survey(dataset, Counting(), cache, 5)
    part = read_survey(dataset, Counting(), cache)
    assert part is not None
    assert len(part) >= 5
    assert brightness(survey(dataset, Counting(), cache, 5)) == list(range(20))


def test_parts_are_handed_on_while_the_work_goes_on(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.atlas.surveying.FIRST_LOOK", 0.0)
    parts: list[tuple[int, list[int]]] = []
    survey(open_dataset(folder), Counting(), cache, 2, keep=lambda part: parts.append((len(part), brightness(part))))
    assert [count for count, _ in parts] == [2, 4, 8, 16]  # whenever there is twice as much
    assert all(values == list(range(count)) for count, values in parts)


def test_too_many_pictures_for_a_slow_lens_are_refused(folder: Path, cache: Path) -> None:
    lens = Counting()
    lens.most = 10
    with pytest.raises(DatasetError, match="takes seconds for every picture"):
        survey(open_dataset(folder), lens, cache)


def test_a_slow_lens_is_given_few_pictures_at_a_time(folder: Path, cache: Path) -> None:
    sizes: list[int] = []

    class Slow(Counting):
        at_once = 3

        def look(self, images: Tensor) -> Seen:
            sizes.append(len(images))
            return super().look(images)

    survey(open_dataset(folder), Slow(), cache, 64)
    assert max(sizes) == 3


def test_folders_used_longest_ago_make_room(folder: Path, cache: Path, tmp_path: Path) -> None:
    lenses = [Counting(letter * 64) for letter in "abc"]
    for age, lens in enumerate(lenses[:2]):
        survey(open_dataset(folder), lens, cache)
        for path in home_of(cache).glob("*/header.json"):
            if lens.digest in path.read_text():
                os.utime(path, (1000 + age, 1000 + age))
    one = max(used_bytes(path) for path in home_of(cache).iterdir() if path.is_dir())
    survey(open_dataset(folder), lenses[2], cache, quota=int(2.5 * one))
    assert read_survey(open_dataset(folder), lenses[0], cache) is None
    assert read_survey(open_dataset(folder), lenses[1], cache) is not None
    assert read_survey(open_dataset(folder), lenses[2], cache) is not None


def test_a_folder_in_use_is_not_deleted(folder: Path, cache: Path) -> None:
    survey(open_dataset(folder), Counting(), cache)
    (home,) = (path for path in home_of(cache).iterdir() if path.is_dir())
    with locked(home) as is_ours:
        assert is_ours
        make_room(home_of(cache), 0)
        assert home.exists()
    make_room(home_of(cache), 0)
    assert not home.exists()


def test_two_readings_of_one_dataset_take_turns(folder: Path, cache: Path) -> None:
    survey(open_dataset(folder), Counting(), cache)
    (home,) = (path for path in home_of(cache).iterdir() if path.is_dir())

    def report(done: float, total: float, note: str = "") -> None:
        assert "waiting" in note
        raise Stopped

    with locked(home), pytest.raises(Stopped):
        survey(open_dataset(folder), Counting(), cache, report=report)


def test_a_survey_outlives_a_later_one(folder: Path, cache: Path) -> None:
    first = survey(open_dataset(folder), Counting(), cache)
    (folder / "000.png").unlink()
    write_one(folder / "100.png", 100)
    survey(open_dataset(folder), Counting(), cache)
    assert brightness(first) == list(range(20))


def test_codes_are_those_of_the_command_encode(cache: Path) -> None:
    generator, dataset = make_vae(), array(noise_pictures(10))
    seen = survey(dataset, lens_for(generator, "digest"), cache, 4)
    wanted = np.concatenate([part.latents for part in encode_dataset(generator, dataset, 4, [], likelihood=False)])
    np.testing.assert_array_equal(seen.codes, wanted)


def test_a_lens_that_learned_from_a_dataset_is_the_same_next_time(cache: Path, tmp_path: Path) -> None:
    dataset = array(toy_pictures(30))
    first = survey(dataset, lens_for(None), cache)
    again = read_survey(dataset, lens_for(None), cache)
    assert again is not None
    assert again.digest == first.digest
    np.testing.assert_array_equal(again.codes, first.codes)
    other: Lens = lens_for(None)
    survey(dataset, other, cache)
    elsewhere = survey(array(noise_pictures(5)), other, cache)
    assert elsewhere.digest == first.digest  # seen through what was learned from the first dataset
    assert read_survey(array(noise_pictures(6, seed=1)), lens_for(None), tmp_path) is None


def test_labels_follow_the_rows(tmp_path: Path, cache: Path) -> None:
    write(tmp_path / "both" / "cats", 3)
    write(tmp_path / "both" / "dogs", 2)
    (tmp_path / "both" / "cats" / "001.png").write_bytes(b"broken")
    seen = survey(open_dataset(tmp_path / "both"), Counting(), cache)
    labels = seen.labels()
    assert labels is not None
    assert [seen.dataset.label_names[label] for label in labels] == ["cats", "cats", "dogs", "dogs"]


@pytest.mark.parametrize(
    ("size", "mode", "shape"),
    [(8, "L", (32, 32, 1)), (32, "RGB", (32, 32, 3)), (33, "L", (64, 64, 1)), (200, "RGBA", (64, 64, 3))],
)
def test_thumbnails_suit_the_pictures(tmp_path: Path, size: int, mode: str, shape: tuple[int, int, int]) -> None:
    Image.new(mode, (size, size)).save(tmp_path / "one.png")
    assert thumbnail_shape(open_dataset(tmp_path)) == shape


@pytest.mark.parametrize("image_shape", [(1, 16, 16), (3, 24, 24)])
def test_pictures_of_an_array_are_the_same_at_once_and_one_by_one(
    image_shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, preparation = array(noise_pictures(7)), Preparation(16, (9, 9, 200))
    arguments = (image_shape, preparation, (32, 32, 1), np.arange(7), 4)
    together = list(decoded(dataset, *arguments))
    monkeypatch.setattr("explorer.atlas.decoding._are_ready", lambda *_: False)
    for part, wanted in zip(together, decoded(dataset, *arguments), strict=True):
        np.testing.assert_array_equal(part.indices, wanted.indices)
        np.testing.assert_array_equal(part.pixels, wanted.pixels)
        np.testing.assert_array_equal(part.thumbnails, wanted.thumbnails)
        np.testing.assert_allclose(part.quality, wanted.quality, rtol=1e-5)


def test_a_thumbnail_keeps_the_shape_of_its_picture() -> None:
    wide = thumbnail_of(Image.new("RGB", (200, 100), (255, 0, 0)), (64, 64, 3))
    assert wide[16:48, :, 0].min() == 255
    assert not wide[:16].any()
    assert not wide[48:].any()
    small = thumbnail_of(Image.new("L", (4, 4), 9), (32, 32, 1))
    assert small.sum() == 16 * 9  # not enlarged


@pytest.fixture
def shape() -> Shape:
    return Shape("d" * 64, 3, ("one",), (4, 4, 1))


def rows(shape: Shape, count: int, first: int = 0) -> dict[str, np.ndarray]:
    return {
        name: np.full((count, *row), first, kind) + np.arange(count, dtype=kind).reshape(-1, *(1,) * len(row))
        for name, (kind, row) in shape.parts().items()
    }


def test_rows_count_once_committed(tmp_path: Path, shape: Shape) -> None:
    store = Store.start(tmp_path / "store", shape)
    store.append(rows(shape, 3))
    store.commit()
    store.append(rows(shape, 2, 3))
    store.close()
    read = Store.read(tmp_path / "store", shape.digest)
    assert read is not None
    assert read.rows == 3
    read.append(rows(shape, 1, 9))  # in place of what did not count
    read.commit()
    assert read.arrays()["stamps"].tolist() == [0, 1, 2, 9]
    assert read.arrays()["codes"][:, 0].tolist() == [0.0, 1.0, 2.0, 9.0]
    read.close()


def test_stopping_while_rows_are_left_out_changes_nothing(tmp_path: Path, shape: Shape) -> None:
    def report(done: float, total: float, note: str = "") -> None:
        raise Stopped

    store = Store.start(tmp_path / "store", shape)
    store.append(rows(shape, 5))
    store.commit()
    with pytest.raises(Stopped):
        store.keep(np.array([True, False, True, True, True]), report)
    store.close()
    read = Store.read(tmp_path / "store", shape.digest)
    assert read is not None
    assert read.arrays()["stamps"].tolist() == [0, 1, 2, 3, 4]
    read.keep(np.array([True, False, True, True, True]))
    assert read.arrays()["stamps"].tolist() == [0, 2, 3, 4]
    read.append(rows(shape, 1, 7))
    read.commit()
    assert read.arrays()["stamps"].tolist() == [0, 2, 3, 4, 7]
    read.close()


def test_a_row_takes_the_bytes_of_its_parts() -> None:
    assert Shape("", 32, ("a", "b"), (32, 32, 1), (28, 28)).row_bytes() == 8 + 4 * 32 + 4 * 2 + 1024 + 2 * 784


def test_the_folder_of_a_cache_that_cannot_be_made_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    dataset: Dataset = open_dataset(folder)
    with pytest.raises(ExportError, match="cannot be written"):
        survey(dataset, Counting(), tmp_path / "cache")


@pytest.mark.slow
def test_a_survey_is_measured_beside_the_bare_network() -> None:
    told = encoding_ratio(make_vae(), 128, 1)
    assert {"encode_per_bare_encoder", "survey_per_bare_encoder", "survey_per_bare_networks"} < set(told)
    assert all(value > 0 for value in told.values())


@pytest.mark.slow
def test_memory_stays_far_below_what_all_pictures_would_take(tmp_path: Path) -> None:
    told = memory_at(6_000, folder=tmp_path)
    assert told["pictures"] == 6_000
    assert told["mebibytes"] < 200
