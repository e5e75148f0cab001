"""Datasets: what is recognised, what is refused and in which words, and how pictures become batches."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import sys
import threading
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from explorer.datasets import ArrayDataset, Dataset, Unreadable, batches, load_all, open_dataset, split
from explorer.datasets.dataset import natural_key
from explorer.datasets.files import extensions
from explorer.errors import DatasetError, ImageError
from explorer.imaging import Preparation, prepare

Pixels = npt.NDArray[np.uint8]


def random_pixels(*shape: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def write_picture(path: Path, value: int = 0, size: int = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), (value, value, value)).save(path)
    return path


def idx_bytes(array: Pixels) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def identities(dataset: Dataset) -> list[str]:
    return [dataset.identity(index) for index in range(len(dataset))]


def refused(path: Path, labels: Path | None = None) -> DatasetError:
    """The error for a bad dataset, after checking the promises every such error keeps."""
    with pytest.raises(DatasetError) as caught:
        open_dataset(path, labels)
    message = caught.value.message
    assert (labels or path).name in message
    assert message.endswith(".")
    assert "\n" not in message
    return caught.value


# --- folders ---


def test_a_folder_is_read_at_any_depth_in_natural_order(tmp_path: Path) -> None:
    for name in ("p10.png", "p2.png", "P1.JPG", "deep/er/x.webp"):
        write_picture(tmp_path / name)
    assert identities(open_dataset(tmp_path)) == ["P1.JPG", "p2.png", "p10.png", "deep/er/x.webp"]


def test_hidden_and_other_files_are_skipped(tmp_path: Path) -> None:
    for name in ("a.png", ".b.png", ".cache/c.png"):
        write_picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    assert identities(open_dataset(tmp_path)) == ["a.png"]


def test_first_level_subfolders_are_labels(tmp_path: Path) -> None:
    for name in ("dog/1.png", "cat/deeper/1.png", "cat/2.png"):
        write_picture(tmp_path / name)
    dataset = open_dataset(tmp_path)
    assert dataset.labels is not None
    assert dataset.label_names == ("cat", "dog")
    assert [(dataset.identity(i), dataset.label_names[dataset.labels[i]]) for i in range(3)] == [
        ("cat/2.png", "cat"),
        ("cat/deeper/1.png", "cat"),
        ("dog/1.png", "dog"),
    ]


def test_numbered_subfolders_keep_their_numbers(tmp_path: Path) -> None:
    for name in ("3/a.png", "10/a.png"):
        write_picture(tmp_path / name)
    labels = open_dataset(tmp_path).labels
    assert labels is not None
    assert labels.tolist() == [3, 10]


@pytest.mark.parametrize("names", [("a/1.png", "b/1.png", "loose.png"), ("only/1.png", "only/2.png")])
def test_there_are_no_labels_where_subfolders_do_not_tell_pictures_apart(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        write_picture(tmp_path / name)
    dataset = open_dataset(tmp_path)
    assert dataset.labels is None
    assert dataset.label_names == ()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_that_lead_back_or_nowhere_do_no_harm(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    assert identities(open_dataset(tmp_path)) == ["a.png"]


def test_the_fingerprint_follows_content_and_not_place(tmp_path: Path) -> None:
    for place in ("one", "two"):
        os.utime(write_picture(tmp_path / place / "a.png"), ns=(10**18, 10**18))
    before = open_dataset(tmp_path / "one").fingerprint
    assert before == open_dataset(tmp_path / "two").fingerprint
    os.utime(tmp_path / "two" / "a.png", ns=(10**18, 2 * 10**18))
    assert before != open_dataset(tmp_path / "two").fingerprint


def test_a_damaged_picture_is_only_discovered_when_decoded(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"nothing like a picture")
    dataset = open_dataset(tmp_path)
    with pytest.raises(ImageError, match=r"bad\.png"):
        dataset.picture(0)


def test_pictures_are_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lying on its side
    Image.new("RGB", (8, 4)).save(tmp_path / "a.jpg", exif=exif)
    assert open_dataset(tmp_path).picture(0).size == (4, 8)


def test_a_folder_without_pictures_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no pictures" in refused(tmp_path / "empty").message
    (tmp_path / "empty" / "notes.txt").write_text("x")
    assert "no pictures" in refused(tmp_path / "empty").message


def test_a_missing_path_gets_one_sentence(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "gone.npy").message


def test_a_file_of_another_kind_is_refused_with_a_hint(tmp_path: Path) -> None:
    assert ".npz" in refused(write_picture(tmp_path / "single.png")).hint


@pytest.mark.parametrize("ending", ["tga", "ppm", "jp2", "ico", "pcx", "sgi", "dds", "qoi", "avif", "apng", "jfif"])
def test_folders_take_every_picture_that_pillow_reads(tmp_path: Path, ending: str) -> None:
    kind = {"apng": "PNG", "jfif": "JPEG"}.get(ending)
    if kind is None and Image.registered_extensions().get(f".{ending}") not in Image.SAVE:
        pytest.skip("this Pillow cannot write it")
    Image.new("RGB", (16, 16), (200, 30, 60)).save(tmp_path / f"a.{ending}", kind)
    dataset = open_dataset(tmp_path)
    assert identities(dataset) == [f"a.{ending}"]
    assert dataset.picture(0).size == (16, 16)


@pytest.mark.parametrize("name", ["a.eps", "a.pdf", "a.h5", "a.mpg", "a.wmf", "a.grib", "a.txt"])
def test_what_takes_another_program_to_open_is_no_picture(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    assert "no pictures" in refused(tmp_path).message
    (tmp_path / "dressed up.png").write_bytes((tmp_path / name).read_bytes())
    with pytest.raises(ImageError, match=r"dressed up\.png is not a picture"):
        open_dataset(tmp_path).picture(0)


@pytest.mark.parametrize(
    "ending", ["bmp", "gif", "ico", "jpg", "jp2", "pcx", "png", "ppm", "sgi", "tga", "tif", "webp"]
)
def test_a_damaged_file_of_any_kind_is_read_or_refused_in_a_sentence(tmp_path: Path, ending: str) -> None:
    random = np.random.default_rng(0)
    path = tmp_path / f"a.{ending}"
    Image.fromarray(random_pixels(16, 16, 3)).save(path)
    whole = path.read_bytes()
    dataset, messages = open_dataset(tmp_path), []
    for number in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole) if number % 2 else min(len(whole), 80), 4):
            damaged[place] = random.integers(0, 256)
        path.write_bytes(bytes(damaged[: len(whole) - number * number % len(whole)]))
        try:
            with warnings.catch_warnings(action="ignore"):
                dataset.picture(0)
        except ImageError as error:
            messages.append(error.message)
    assert all(message.endswith(".") and path.name in message for message in messages)


def test_a_picture_with_more_pixels_than_can_be_opened_is_told(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    content = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"bomb\.png has more pixels than can be opened"):
        open_dataset(tmp_path).picture(0)


def test_a_picture_whose_orientation_cannot_be_read_is_shown_as_it_lies(tmp_path: Path) -> None:
    Image.new("RGB", (8, 4)).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x03garbage")
    with warnings.catch_warnings(action="ignore"):
        assert open_dataset(tmp_path).picture(0).size == (8, 4)


# --- stamps and files ---


def test_only_the_stamp_of_a_changed_file_changes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        os.utime(write_picture(tmp_path / name), ns=(10**18, 10**18))
    before = open_dataset(tmp_path).stamps
    os.utime(tmp_path / "b.png", ns=(10**18, 2 * 10**18))
    (tmp_path / "c.png").rename(tmp_path / "d.png")
    after = open_dataset(tmp_path).stamps
    assert before.dtype == np.uint64
    assert (before == after).tolist() == [True, False, False]


def test_the_stamp_of_a_picture_does_not_depend_on_others(tmp_path: Path) -> None:
    os.utime(write_picture(tmp_path / "b.png"), ns=(10**18, 10**18))
    (alone,) = open_dataset(tmp_path).stamps
    write_picture(tmp_path / "a.png")
    assert open_dataset(tmp_path).stamps[1] == alone


def test_stamps_of_an_array_are_different_and_follow_its_file_but_not_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, random_pixels(500, 2, 2))
    (tmp_path / "marks.txt").write_text("0\n" * 500)
    before = open_dataset(path).stamps
    assert (len(set(before.tolist())), before.dtype) == (500, np.uint64)
    assert np.array_equal(open_dataset(path, tmp_path / "marks.txt").stamps, before)
    os.utime(path, ns=(10**18, 10**18))
    assert not np.isin(open_dataset(path).stamps, before).any()


def test_a_picture_knows_its_file_where_it_has_one(tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "deep" / "a.png")
    (tmp_path / "list.csv").write_text("path\ndeep/a.png\n")
    np.save(tmp_path / "a.npy", random_pixels(1, 2, 2))
    assert open_dataset(tmp_path).path(0) == open_dataset(tmp_path / "list.csv").path(0) == picture
    assert open_dataset(tmp_path / "a.npy").path(0) is None


# --- IDX ---


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape", [(3, 5, 4), (3, 5, 4, 3), (3, 3, 5, 4)], ids=["grey", "last", "first"])
def test_idx_files_give_their_pictures(tmp_path: Path, pack: Callable[[bytes], bytes], shape: tuple[int, ...]) -> None:
    stored = random_pixels(*shape)
    path = tmp_path / f"images-idx{len(shape)}-ubyte"
    path.write_bytes(pack(idx_bytes(stored)))
    expected = stored if shape[-1] in (3, 4) and shape[1] == 5 else np.moveaxis(stored, 1, -1)
    dataset = open_dataset(path)
    assert dataset.picture(2).size == (4, 5)
    assert np.array_equal(np.asarray(dataset.picture(2)), expected[2])
    assert identities(dataset) == ["0", "1", "2"]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_labels_beside_an_idx_file_are_found(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(random_pixels(3, 2, 2)))
    content = idx_bytes(np.array([2, 0, 2], np.uint8))
    (tmp_path / f"t10k-labels-idx1-ubyte{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    dataset = open_dataset(tmp_path / "t10k-images-idx3-ubyte")
    assert dataset.labels is not None
    assert dataset.labels.dtype == np.int64
    assert dataset.labels.tolist() == [2, 0, 2]
    assert dataset.label_names == ("0", "1", "2")
    (tmp_path / "label-names.txt").write_text("bag\nboot\nshirt\n", encoding="utf-8")
    assert open_dataset(tmp_path / "t10k-images-idx3-ubyte").label_names == ("bag", "boot", "shirt")
    (tmp_path / "label-names.txt").write_text("bag\nboot\n", encoding="utf-8")  # not a name for every label
    assert open_dataset(tmp_path / "t10k-images-idx3-ubyte").label_names == ("0", "1", "2")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        b"\1\2\3\4 something else",
        b"\0\0\7\3" + b"\0\0\0\1" * 3,
        b"\0\0\x08\x09" + b"\0\0\0\1" * 9,
        b"\0\0\x08\3\0\0\0\1",
        idx_bytes(random_pixels(3, 4, 4))[:-1],
        idx_bytes(random_pixels(3, 4, 4)) + b"x",
        struct.pack(">4B3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1),
        struct.pack(">4B3I", 0, 0, 8, 3, 0, 28, 28),
        struct.pack(">4B3I", 0, 0, 8, 3, 1, 1, 100_000) + bytes(100_000),
        idx_bytes(random_pixels(3, 4)),
    ],
    ids=["empty", "two bytes", "magic", "type", "9-D", "header", "short", "long", "absurd", "none", "wide", "2-D"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_damaged_idx_file_gets_one_sentence(tmp_path: Path, content: bytes, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "images-idx3-ubyte"
    path.write_bytes(pack(content))
    refused(path)


def test_a_truncated_gzip_file_gets_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(random_pixels(9, 9, 9)))[:-50])
    assert "truncated" in refused(path).message


def test_a_gzip_file_is_never_inflated_past_its_declared_size(tmp_path: Path) -> None:
    path = tmp_path / "images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(random_pixels(1, 4, 4)) + bytes(50_000_000), 1))
    assert "more than the 16 bytes" in refused(path).message


def test_more_than_two_gibibytes_are_not_inflated(tmp_path: Path) -> None:
    path = tmp_path / "images-idx3-ubyte.gz"
    header = struct.pack(">4B3I", 0, 0, 8, 3, 3 << 20, 32, 32)
    path.write_bytes(gzip.compress(header + random_pixels(3_000_000).tobytes(), 0))
    assert "3.0 GiB" in refused(path).message


def test_another_number_of_labels_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x-images-idx3-ubyte").write_bytes(idx_bytes(random_pixels(3, 2, 2)))
    labels = tmp_path / "x-labels-idx1-ubyte"
    labels.write_bytes(idx_bytes(np.zeros(4, np.uint8)))
    with pytest.raises(DatasetError, match="4 labels for 3 pictures"):
        open_dataset(tmp_path / "x-images-idx3-ubyte")


# --- arrays ---


@pytest.mark.parametrize(
    ("shape", "size", "mode"),
    [
        ((2, 6, 5), (5, 6), "L"),
        ((2, 6, 5, 1), (5, 6), "L"),
        ((2, 6, 5, 3), (5, 6), "RGB"),
        ((2, 6, 5, 4), (5, 6), "RGBA"),
        ((2, 1, 6, 5), (5, 6), "L"),
        ((2, 3, 6, 5), (5, 6), "RGB"),
        ((2, 1, 4, 4), (4, 4), "L"),
        ((2, 4, 4, 3), (4, 4), "RGB"),
    ],
)
def test_arrays_are_read_in_every_layout(
    tmp_path: Path, shape: tuple[int, ...], size: tuple[int, int], mode: str
) -> None:
    np.save(tmp_path / "a.npy", random_pixels(*shape))
    picture = open_dataset(tmp_path / "a.npy").picture(1)
    assert (picture.size, picture.mode) == (size, mode)


@pytest.mark.parametrize(
    ("values", "pixels"),
    [
        ([0.0, 0.5, 1.0, -0.01], [0, 128, 255, 0]),
        ([-1.0, 0.0, 1.0, 1.2], [0, 128, 255, 255]),
        ([0.0, 127.0, 255.0, np.nan], [0, 127, 255, 0]),
    ],
    ids=["0 to 1", "-1 to 1", "0 to 255"],
)
@pytest.mark.parametrize("kind", ["f2", "f4", ">f8"])
def test_floats_are_judged_by_their_range(tmp_path: Path, kind: str, values: list[float], pixels: list[int]) -> None:
    np.save(tmp_path / "a.npy", np.array(values, kind).reshape(1, 2, 2))
    assert np.asarray(open_dataset(tmp_path / "a.npy").picture(0)).ravel().tolist() == pixels


def test_an_npy_file_stays_on_the_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", random_pixels(2, 3, 3, 3))
    dataset = open_dataset(tmp_path / "a.npy")
    assert isinstance(dataset, ArrayDataset)
    assert isinstance(dataset.array, np.memmap)


@pytest.mark.parametrize(("images", "labels"), [("images", "labels"), ("x_train", "y_train"), ("arr_0", "arr_1")])
def test_an_npz_file_gives_pictures_and_labels(tmp_path: Path, images: str, labels: str) -> None:
    stored = random_pixels(3, 4, 4, 3)
    arrays: dict[str, Any] = {images: stored, labels: np.array([[1], [0], [1]])}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    dataset = open_dataset(tmp_path / "a.npz")
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [1, 0, 1]
    assert np.array_equal(np.asarray(dataset.picture(2)), stored[2])


def test_the_only_array_of_an_npz_file_needs_no_usual_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", faces=random_pixels(3, 4, 4))
    assert len(open_dataset(tmp_path / "a.npz")) == 3


def test_labels_may_be_text(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=random_pixels(3, 4, 4), labels=np.array(["shoe", "bag", "shoe"]))
    dataset = open_dataset(tmp_path / "a.npz")
    assert dataset.labels is not None
    assert dataset.label_names == ("bag", "shoe")
    assert dataset.labels.tolist() == [1, 0, 1]


def test_large_label_numbers_are_numbered_in_order(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=random_pixels(3, 4, 4), labels=np.array([2000, 1990, -1]))
    dataset = open_dataset(tmp_path / "a.npz")
    assert dataset.labels is not None
    assert dataset.label_names == ("-1", "1990", "2000")
    assert dataset.labels.tolist() == [2, 1, 0]


class Trap:
    """Opens a file when unpickled, which a test would notice."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_pickled_objects_are_refused_and_never_run(tmp_path: Path, name: str) -> None:
    array = np.array([Trap(tmp_path / "sprung")], object)
    if name == "a.npz":
        np.savez(tmp_path / name, images=array)
    else:
        np.save(tmp_path / name, array)
    assert "Python objects" in refused(tmp_path / name).message
    (tmp_path / "b.npy").write_bytes(pickle.dumps(array))
    refused(tmp_path / "b.npy")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 784), np.uint8), "shape"),
        (np.zeros((4, 5, 5, 2), np.uint8), "shape"),
        (np.zeros((0, 5, 5), np.uint8), "no pictures"),
        (np.zeros((1, 0, 5), np.uint8), "cannot be right"),
        (np.zeros((1, 1, 20_000), np.uint8), "cannot be right"),
        (np.zeros((1, 5, 5), np.int64), "int64"),
        (np.full((1, 5, 5), 1e6, np.float32), "no range of pixels"),
        (np.full((1, 5, 5), "a"), "not pixels"),
    ],
    ids=["2-D", "two channels", "none", "flat", "wide", "whole numbers", "range", "text"],
)
def test_an_array_that_is_not_pictures_gets_one_sentence(tmp_path: Path, array: Pixels, words: str) -> None:
    np.save(tmp_path / "a.npy", array)
    assert words in refused(tmp_path / "a.npy").message


def test_damaged_array_files_get_one_sentence(tmp_path: Path) -> None:
    for name in ("a.npy", "a.npz"):
        whole = io.BytesIO()
        if name == "a.npz":
            np.savez_compressed(whole, images=random_pixels(4, 9, 9))
        else:
            np.save(whole, random_pixels(4, 9, 9))
        content = whole.getvalue()
        damaged = bytearray(content)
        damaged[150:250] = bytes(100)
        for place, bad in enumerate((content[:-20], content[:60], content[:9], bytes(damaged))):
            path = tmp_path / f"{place}{name}"
            path.write_bytes(bad)
            if name == "a.npy" and bad == bytes(damaged):
                continue  # pixels have no checksum there
            refused(path)


def test_an_npy_file_with_an_unfinished_header_gets_one_sentence(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", random_pixels(1, 4, 4))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes().replace(b"}", b" "))
    refused(tmp_path / "a.npy")


def test_an_npy_file_that_declares_absurd_sizes_gets_one_sentence(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 99999, 99999), }"
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header) + 1) + header + b"\n" + bytes(64))
    refused(path)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.write(path, "images.npy")
    refused(tmp_path / "a.npz")


def test_arrays_in_column_order_are_read(tmp_path: Path) -> None:
    stored = random_pixels(2, 4, 5, 3)
    np.save(tmp_path / "a.npy", np.asfortranarray(stored))
    assert np.array_equal(np.asarray(open_dataset(tmp_path / "a.npy").picture(1)), stored[1])


def test_an_npz_file_without_pictures_names_the_usual_keys(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", mu=np.zeros(3), sigma=np.zeros((3, 3)))
    assert "x_train" in refused(tmp_path / "a.npz").hint


# --- lists ---


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.csv", "path,label\nsub/a.png,cat\n\nb.png,dog\n"),
        ("list.tsv", "label\tFile\r\ncat\tsub/a.png\r\ndog\tb.png\r\n"),
        ("list.txt", "id;image;label\n1;sub/a.png;cat\n2;b.png;dog"),
        ("list", '\ufefffilename,"label"\n"sub/a.png","cat"\nb.png,dog\n'),
    ],
)
def test_a_list_names_pictures_relative_to_itself(tmp_path: Path, name: str, text: str) -> None:
    write_picture(tmp_path / "sub" / "a.png", 7)
    write_picture(tmp_path / "b.png", 9)
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    dataset = open_dataset(tmp_path / name)
    assert identities(dataset) == ["sub/a.png", "b.png"]
    assert [dataset.picture(index).getpixel((0, 0)) for index in (0, 1)] == [(7, 7, 7), (9, 9, 9)]
    assert dataset.labels is not None
    assert [dataset.label_names[label] for label in dataset.labels] == ["cat", "dog"]


def test_a_list_needs_no_labels_and_takes_absolute_paths(tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "list.csv").write_text(f"path\n{picture}\n")
    dataset = open_dataset(tmp_path / "list.csv")
    assert dataset.labels is None
    assert dataset.picture(0).size == (8, 8)


def test_numbers_and_gaps_in_a_label_column(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    (tmp_path / "numbers.csv").write_text("path,label\na.png,7\na.png,3\n")
    (tmp_path / "gaps.csv").write_text("path,label\na.png,7\na.png,\n")
    numbers, gaps = open_dataset(tmp_path / "numbers.csv"), open_dataset(tmp_path / "gaps.csv")
    assert numbers.labels is not None
    assert numbers.labels.tolist() == [7, 3]
    assert gaps.label_names == ("7", "unlabelled")


def test_the_fingerprint_of_a_list_follows_its_pictures(tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "a.png")
    (tmp_path / "list.csv").write_text("path\na.png\ngone.png\n")
    before = open_dataset(tmp_path / "list.csv").fingerprint
    write_picture(picture, size=9)
    os.utime(picture, ns=(10**18, 10**18))
    assert open_dataset(tmp_path / "list.csv").fingerprint != before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name,label\na.png,1\n", "no column called path, file, filename or image"),
        (b"path,label\n", "lists no pictures"),
        (b"path,label\na.png\n", "row 2"),
        (b"path,label\n,cat\n", "row 2"),
        (b"path\nnowhere.png\n", "exists"),
        (b"path\na\0b.png\n", ""),
        (b"path\n\xff\xfe\xff\n", "not a list"),
        (b"", "no column"),
    ],
)
def test_a_bad_list_gets_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    write_picture(tmp_path / "a.png")
    (tmp_path / "list.csv").write_bytes(content)
    assert words in refused(tmp_path / "list.csv").message


def test_a_parquet_list_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "list.parquet").write_bytes(b"PAR1 and more")
    assert "pip install pyarrow" in refused(tmp_path / "list.parquet").hint


def test_a_parquet_list_is_read_like_a_csv(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    write_picture(tmp_path / "a.png")
    table = pyarrow.table({"score": [1.0, 2.0], "image": ["a.png", "gone.png"], "label": [4, 2]})
    parquet.write_table(table, tmp_path / "list.parquet")
    dataset = open_dataset(tmp_path / "list.parquet")
    assert identities(dataset) == ["a.png", "gone.png"]
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [4, 2]
    (tmp_path / "bad.parquet").write_bytes((tmp_path / "list.parquet").read_bytes()[:-30])
    refused(tmp_path / "bad.parquet")
    parquet.write_table(pyarrow.table({"image": [1, 2]}), tmp_path / "numbers.parquet")
    refused(tmp_path / "numbers.parquet")
    parquet.write_table(pyarrow.table({"name": ["a.png"]}), tmp_path / "other.parquet")
    assert "no column" in refused(tmp_path / "other.parquet").message


def test_further_columns_of_a_list_are_numbers_or_text(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    (tmp_path / "list.csv").write_text(
        "weight,path,camera,label,empty,id,weight,\n1.5,a.png,Leica,x,,7,9,9\n,a.png,,y,,1e3,9\n2,a.png,Leica,x,,-1\n"
    )
    columns = open_dataset(tmp_path / "list.csv").columns
    assert list(columns) == ["weight", "camera", "id"]
    assert columns["weight"].dtype == columns["id"].dtype == np.float64
    assert np.array_equal(columns["weight"], [1.5, np.nan, 2], equal_nan=True)
    assert columns["camera"].tolist() == ["Leica", "", "Leica"]
    assert columns["id"].tolist() == [7, 1000, -1]


def test_parquet_gives_the_same_columns_as_csv(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    write_picture(tmp_path / "a.png")
    table = pyarrow.table(
        {"n": [1, None], "image": ["a.png", "a.png"], "word": ["x", None], "yes": [True, False], "label": ["p", "q"]}
    )
    parquet.write_table(table, tmp_path / "list.parquet")
    columns = open_dataset(tmp_path / "list.parquet").columns
    assert {name: values.tolist() for name, values in columns.items() if name != "n"} == {
        "word": ["x", ""],
        "yes": ["True", "False"],
    }
    assert np.array_equal(columns["n"], [1, np.nan], equal_nan=True)


def test_folders_and_arrays_have_no_further_columns(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", random_pixels(1, 2, 2))
    assert open_dataset(tmp_path).columns == open_dataset(tmp_path / "a.npy").columns == {}


# --- order ---


def test_names_sort_as_people_count() -> None:
    names = ["10", "9", "a", "a10", "a2", "A1", "a02", "a2b", "a2 b", "a.png", "1a", "01", "a10b2", "a10b10"]
    assert sorted(names, key=natural_key) == [
        "01", "1a", "9", "10", "a", "A1", "a02", "a2", "a2 b", "a2b", "a10", "a10b2", "a10b10", "a.png",
    ]  # fmt: skip


@pytest.mark.slow
def test_listing_takes_less_than_a_kilobyte_for_a_picture(tmp_path: Path) -> None:
    for number in range(5_000):
        (tmp_path / f"picture {number}.png").touch()
    extensions()  # imports what knows them
    tracemalloc.start()
    dataset = open_dataset(tmp_path)
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(dataset) == 5_000
    assert most < 5_000 * 1_000
    assert kept < 5_000 * 150


# --- labels in a file of their own ---


@pytest.mark.parametrize("kind", ["idx", "gz", "npy", "txt"])
def test_labels_in_a_file_of_their_own_replace_others(tmp_path: Path, kind: str) -> None:
    np.savez(tmp_path / "a.npz", images=random_pixels(3, 2, 2), labels=np.zeros(3, np.int64))
    values = np.array([1, 0, 2], np.uint8)
    path = tmp_path / f"labels.{kind}"
    if kind == "npy":
        np.save(path, values)
    elif kind == "txt":
        path.write_text("1\n0\n2\n")
    else:
        path.write_bytes(gzip.compress(idx_bytes(values)) if kind == "gz" else idx_bytes(values))
    dataset = open_dataset(tmp_path / "a.npz", path)
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [1, 0, 2]
    assert dataset.fingerprint != open_dataset(tmp_path / "a.npz").fingerprint


@pytest.mark.parametrize("labels", [np.zeros(2, np.int64), np.zeros((3, 2)), np.full(3, 0.5), np.array([None] * 3)])
def test_labels_that_do_not_fit_get_one_sentence(tmp_path: Path, labels: npt.NDArray[np.int64]) -> None:
    np.save(tmp_path / "a.npy", random_pixels(3, 2, 2))
    np.save(tmp_path / "marks.npy", labels)
    refused(tmp_path / "a.npy", tmp_path / "marks.npy")
    refused(tmp_path / "a.npy", tmp_path / "gone.npy")


# --- batches ---


def folder_of(tmp_path: Path, count: int) -> Dataset:
    for index in range(count):
        write_picture(tmp_path / f"{index}.png", index)
    return open_dataset(tmp_path)


def test_batches_keep_the_order_and_the_last_may_be_smaller(tmp_path: Path) -> None:
    found = list(batches(folder_of(tmp_path, 7), (3, 4, 4), Preparation(), 3))
    assert [indices.tolist() for indices, _ in found] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [pixels.shape for _, pixels in found] == [(3, 4, 4, 3), (3, 4, 4, 3), (1, 4, 4, 3)]
    assert np.concatenate([pixels[:, 0, 0, 0] for _, pixels in found]).tolist() == list(range(7))
    assert all(indices.dtype == np.int64 and pixels.dtype == np.uint8 for indices, pixels in found)


def test_batches_of_chosen_pictures(tmp_path: Path) -> None:
    ((indices, pixels),) = batches(folder_of(tmp_path, 5), (1, 4, 4), Preparation(), 8, indices=[4, 0, 4])
    assert indices.tolist() == [4, 0, 4]
    assert pixels[:, 0, 0, 0].tolist() == [4, 0, 4]


def test_no_pictures_make_no_batches(tmp_path: Path) -> None:
    assert list(batches(folder_of(tmp_path, 1), (1, 4, 4), Preparation(), 8, indices=[])) == []


def test_an_unreadable_picture_stops_the_batches_by_name(tmp_path: Path) -> None:
    dataset = folder_of(tmp_path, 4)
    (tmp_path / "2.png").write_bytes(b"broken")
    with pytest.raises(ImageError, match=r"2\.png"):
        list(batches(dataset, (3, 4, 4), Preparation(), 2))
    assert threads_of_batches() == []


def test_unreadable_pictures_are_left_out_and_told(tmp_path: Path) -> None:
    dataset = folder_of(tmp_path, 6)
    (tmp_path / "1.png").write_bytes(b"broken")
    for name in ("2.png", "3.png"):
        (tmp_path / name).unlink()
    unreadable: list[Unreadable] = []
    found = list(batches(dataset, (3, 4, 4), Preparation(), 2, on_error="skip", unreadable=unreadable))
    assert [indices.tolist() for indices, _ in found] == [[0], [4, 5]]
    assert [item.index for item in unreadable] == [1, 2, 3]
    assert "1.png" in unreadable[0].reason


class Counting:
    """A dataset that counts what is decoded."""

    name, labels, label_names, fingerprint = "counting", None, (), ""

    def __init__(self) -> None:
        self.decoded: list[int] = []
        self.stamps = np.arange(1000, dtype=np.uint64)
        self.columns: dict[str, npt.NDArray[Any]] = {}

    def __len__(self) -> int:
        return 1000

    def picture(self, index: int) -> Image.Image:
        self.decoded.append(index)
        return Image.new("L", (4, 4))

    def identity(self, index: int) -> str:
        return str(index)

    def path(self, index: int) -> Path | None:
        return None


def threads_of_batches() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("pictures")]


def test_decoding_is_lazy_and_at_most_one_batch_ahead() -> None:
    dataset = Counting()
    found = batches(dataset, (1, 4, 4), Preparation(), 10)
    assert dataset.decoded == []
    for number in range(1, 4):
        next(found)
        assert set(range(number * 10)) <= set(dataset.decoded) <= set(range(number * 10 + 10))
    found.close()


def test_closing_the_batches_early_leaves_no_thread() -> None:
    found = batches(Counting(), (1, 4, 4), Preparation(), 10)
    next(found)
    found.close()
    assert threads_of_batches() == []


def test_finished_batches_leave_no_thread() -> None:
    assert sum(len(indices) for indices, _ in batches(Counting(), (1, 4, 4), Preparation(), 300)) == 1000
    assert threads_of_batches() == []


@pytest.mark.parametrize("stored", [(5, 6, 6), (5, 6, 6, 3), (5, 6, 6, 4), (5, 6, 9, 3)], ids=str)
@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 6, 6), (1, 9, 11), (3, 9, 11), (3, 4, 4)], ids=str)
@pytest.mark.parametrize("content", [0, 6, 5])
def test_loading_at_once_gives_what_preparing_one_by_one_gives(
    tmp_path: Path, stored: tuple[int, ...], shape: tuple[int, int, int], content: int
) -> None:
    np.save(tmp_path / "a.npy", random_pixels(*stored))
    dataset, preparation = open_dataset(tmp_path / "a.npy"), Preparation(content, (200, 10, 90))
    expected = np.stack([prepare(dataset.picture(index), shape, preparation) for index in range(5)])
    assert np.array_equal(load_all(dataset, shape, preparation), expected)


def test_loading_all_refuses_what_would_not_fit(tmp_path: Path) -> None:
    dataset = folder_of(tmp_path, 3)
    assert load_all(dataset, (3, 4, 4), Preparation(), limit_bytes=3 * 48).nbytes == 3 * 48
    with pytest.raises(DatasetError, match="GiB"):
        load_all(dataset, (3, 4, 4), Preparation(), limit_bytes=3 * 48 - 1)


def test_loading_all_may_leave_out_what_cannot_be_read(tmp_path: Path) -> None:
    dataset, unreadable = folder_of(tmp_path, 5), list[Unreadable]()
    for name in ("0.png", "3.png"):
        (tmp_path / name).write_bytes(b"broken")
    pixels = load_all(dataset, (1, 4, 4), Preparation(), unreadable=unreadable)
    assert pixels[:, 0, 0, 0].tolist() == [1, 2, 4]
    assert [each.index for each in unreadable] == [0, 3]


# --- splitting ---


@pytest.mark.parametrize(
    ("count", "held_out", "expected"),
    [(100, 0.1, 10), (100, 0.0, 0), (5, 0.01, 1), (3, 0.99, 2), (1, 0.5, 0), (0, 0.1, 0)],
)
def test_a_split_holds_out_the_share_and_loses_nothing(count: int, held_out: float, expected: int) -> None:
    train, held = split(count, held_out)
    assert len(held) == expected
    assert sorted([*train, *held]) == list(range(count))
    assert train.tolist() == sorted(train)


def test_a_split_is_the_same_in_every_run_and_another_for_another_seed() -> None:
    assert split(1000, 0.2, 3)[1].tolist() == split(1000, 0.2, 3)[1].tolist()
    assert split(1000, 0.2, 3)[1].tolist() != split(1000, 0.2, 4)[1].tolist()
