"""From a dataset and a lens to a survey: every picture is looked at once, ever, and what was seen stays on the disk."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from explorer.atlas.decoding import NAMES, Decoded, decoded, thumbnail_shape
from explorer.atlas.lens_parts import grid_of
from explorer.atlas.lenses import Learns, Lens
from explorer.atlas.store import QUOTA, Shape, Store, locked, make_room
from explorer.atlas.values import Ints, Survey
from explorer.datasets import Dataset, FileDataset, Unreadable
from explorer.errors import DatasetError
from explorer.generators import leave_a_core
from explorer.points import to_images

__all__ = ["BATCH", "home_of", "read_survey", "survey"]

Stamps = npt.NDArray[np.uint64]
Report = Callable[..., object]

BATCH: Final = 64
FIRST_LOOK: Final = 1.0  # seconds until the first part of a survey is handed on; the next when there is twice as much
TRIED_AGAIN: Final = 200  # unreadable pictures, each time: what keeps them from being read may have gone
NOT_FINITE: Final = "The model sees no finite numbers in it."
AGAIN: Final = 0x9E3779B97F4A7C15  # sets apart the stamps of a file that a list names twice


def survey(
    dataset: Dataset,
    lens: Lens,
    cache: Path,
    batch: int = BATCH,
    report: Report | None = None,
    keep: Callable[[Survey], object] | None = None,
    quota: int = QUOTA,
) -> Survey:
    """Look at every picture of a dataset that was not looked at before; pictures that changed are looked at again.

    Decoding files goes on beside the network. ``report(done, total, note)`` is called after every batch and may raise:
    then everything seen so far stays on the disk. ``keep`` gets what is there after a second, and whenever that has
    doubled. Folders of the cache used longest ago are deleted where all take more than ``quota`` bytes; the one that
    is needed here may grow beyond that.

    Raises:
        DatasetError: no picture can be read, or there are more than the lens can look at.
        ExportError: the disk is full, or the cache cannot be written.
    """
    tell = report or _silent
    if lens.most is not None and len(dataset) > lens.most:
        raise DatasetError(
            f"{lens.name} takes seconds for every picture, and {dataset.name} has {len(dataset):,}.",
            f"Choose a model with an encoder, or at most {lens.most:,} pictures.",
        )
    home = home_of(cache)
    _make_ready(dataset, lens, home, tell)
    folder = _folder(dataset, lens, home)
    stamps = _stamps(dataset)
    with locked(folder, tell):
        store = _read(folder, lens)
        if store is None:
            make_room(home, quota, folder)
            store = Store.start(folder, _shape(dataset, lens))
        try:
            known = _match(store, stamps)
            if (known < 0).any():
                store.keep(known >= 0, tell)
                known = known[known >= 0]
            if len(store.failed) <= TRIED_AGAIN:
                store.failed.clear()
            missing = np.ones(len(dataset), np.bool_)
            missing[known] = False
            left = np.flatnonzero(missing)
            left = left[~np.isin(stamps[left], _numbers(store.failed))]
            _look(dataset, lens, store, stamps, left, batch, tell, keep)
            if len(left):
                store.commit()
                make_room(home, quota, folder)
            return _survey(dataset, lens, store, stamps)
        finally:
            store.close()


def read_survey(dataset: Dataset, lens: Lens, cache: Path) -> Survey | None:
    """What is on the disk of a dataset seen through a lens, however much that is; None where there is nothing."""
    home = home_of(cache)
    if isinstance(lens, Learns) and not lens.is_ready and not lens.load(_learned(dataset, lens, home)):
        return None
    folder = _folder(dataset, lens, home)
    store = _read(folder, lens)
    return None if store is None or not store.rows else _survey(dataset, lens, store, _stamps(dataset))


def home_of(cache: Path) -> Path:
    """Where all surveys are."""
    return cache / "atlas"


def _look(
    dataset: Dataset,
    lens: Lens,
    store: Store,
    stamps: Stamps,
    left: Ints,
    batch: int,
    tell: Report,
    keep: Callable[[Survey], object] | None,
) -> None:
    """Look at the pictures that are left, and add them to the store; what was seen is kept whatever happens."""
    leave_a_core()
    total, done, started = len(dataset), len(dataset) - len(left), time.monotonic()
    size = min(batch, lens.at_once or batch)
    begun, due, shown = done, started + FIRST_LOOK, store.rows
    tell(done, total, "")
    stream = decoded(dataset, lens.image_shape, lens.preparation, store.shape.thumbnail, left, size)
    try:
        for part in stream:
            store.failed |= {int(stamps[each.index]): each.reason for each in part.failed}
            if len(part.indices):
                _add(lens, store, stamps, part)
            done += len(part.indices) + len(part.failed)
            now = time.monotonic()
            tell(done, total, _pace(done - begun, total - done, now - started))
            if keep is not None and now >= due and store.rows >= 2 * shown and done < total:
                shown = store.rows
                keep(_survey(dataset, lens, store, stamps))
    except BaseException:
        stream.close()
        _keep_what_is_there(store)
        raise


def _add(lens: Lens, store: Store, stamps: Stamps, part: Decoded) -> None:
    seen = lens.look(to_images(part.pixels, lens.device))
    numbers = np.column_stack([*(seen.statistics[name] for name in lens.statistics), part.quality]).astype(np.float32)
    columns: dict[str, npt.NDArray[Any]] = {
        "stamps": stamps[part.indices],
        "codes": seen.codes,
        "statistics": numbers,
        "thumbnails": part.thumbnails,
    }
    if seen.residuals is not None:
        columns["residuals"] = seen.residuals
    good = np.isfinite(seen.codes).all(1) & np.isfinite(numbers).all(1)
    if not good.all():
        store.failed |= {int(stamp): NOT_FINITE for stamp in stamps[part.indices[~good]]}
        columns = {name: values[good] for name, values in columns.items()}
    store.append(columns)


def _keep_what_is_there(store: Store) -> None:
    """Make what was seen count; where not even that can be written, what was committed before does."""
    from explorer.errors import ExportError

    try:
        store.commit()
    except ExportError:
        store.close()


def _survey(dataset: Dataset, lens: Lens, store: Store, stamps: Stamps) -> Survey:
    """The rows of a store as a survey; rows of pictures that changed are left out."""
    arrays, names = store.arrays(), store.shape.statistics
    indices = _match(store, stamps)
    if (indices < 0).any():
        arrays = {name: values[indices >= 0] for name, values in arrays.items()}
        indices = indices[indices >= 0]
    failed = np.flatnonzero(np.isin(stamps, _numbers(store.failed)))
    unreadable = tuple(Unreadable(int(index), store.failed[int(stamps[index])]) for index in failed)
    return Survey(
        dataset,
        lens.name,
        lens.digest,
        indices,
        arrays["codes"],
        {name: np.ascontiguousarray(arrays["statistics"][:, column]) for column, name in enumerate(names)},
        arrays.get("residuals"),
        arrays["thumbnails"],
        unreadable,
    )


def _numbers(failed: dict[int, str]) -> Stamps:
    return np.fromiter(failed, np.uint64, len(failed))


def _match(store: Store, stamps: Stamps) -> Ints:
    """For every row the picture it is of, or -1 where that is gone or has changed."""
    rows = store.arrays()["stamps"]
    if not len(stamps):
        return np.full(len(rows), -1, np.int64)
    order = np.argsort(stamps, kind="stable")
    place = np.searchsorted(stamps[order], rows).clip(max=len(stamps) - 1)
    found = order[place].astype(np.int64)
    matched: Ints = np.where(stamps[found] == rows, found, -1)
    return matched


def _stamps(dataset: Dataset) -> Stamps:
    """A number for every picture that changes with its file, all different."""
    stamps = np.array(dataset.stamps, np.uint64)
    order = np.argsort(stamps, kind="stable")
    sorted_stamps = stamps[order]
    same = np.concatenate([[False], sorted_stamps[1:] == sorted_stamps[:-1]])
    if same.any():  # a file that a list names several times
        starts = np.maximum.accumulate(np.where(same, 0, np.arange(len(stamps))))
        stamps[order] += (np.arange(len(stamps)) - starts).astype(np.uint64) * np.uint64(AGAIN)
    return stamps


def _make_ready(dataset: Dataset, lens: Lens, home: Path, tell: Report) -> None:
    """Have a lens that needs it learn from the dataset, once; files added later do not change what it learned."""
    if not isinstance(lens, Learns) or lens.is_ready:
        return
    path = _learned(dataset, lens, home)
    if not lens.load(path):
        lens.learn(dataset, tell)
        lens.save(path)


def _learned(dataset: Dataset, lens: Lens, home: Path) -> Path:
    return home / f"{lens.digest}-{_place(dataset)}.npz"


def _folder(dataset: Dataset, lens: Lens, home: Path) -> Path:
    return (
        home / hashlib.sha256(f"{lens.digest}\0{_place(dataset)}".encode("utf-8", "backslashreplace")).hexdigest()[:32]
    )


def _place(dataset: Dataset) -> str:
    """Where a dataset is, as 16 hexadecimal digits; files added or changed there make no difference."""
    if isinstance(dataset, FileDataset):
        where = f"{dataset.name}\0{dataset.root.resolve()}"
    else:
        where = f"{dataset.name}\0{getattr(dataset, 'source', '') or dataset.fingerprint}"
    return hashlib.sha256(where.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _shape(dataset: Dataset, lens: Lens) -> Shape:
    grid = grid_of(lens.image_shape) if lens.reconstructs else None
    return Shape(lens.digest, lens.dimensions, (*lens.statistics, *NAMES), thumbnail_shape(dataset), grid)


def _read(folder: Path, lens: Lens) -> Store | None:
    """The store in a folder, if it holds what this lens gives today."""
    store = Store.read(folder, lens.digest)
    grid = grid_of(lens.image_shape) if lens.reconstructs else None
    wanted = lens.dimensions, (*lens.statistics, *NAMES), grid
    if store is None or wanted != (store.shape.dimensions, store.shape.statistics, store.shape.residual):
        return None
    return store


def _pace(done: int, left: int, seconds: float) -> str:
    """How fast it goes and how long it will take, in words."""
    if not done or seconds <= 0:
        return ""
    rate = done / seconds
    return f"{rate:,.0f} pictures/s, {_duration(left / rate)} left" if left else f"{rate:,.0f} pictures/s"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _silent(done: float, total: float, note: str = "") -> None:
    """Tell nobody."""
