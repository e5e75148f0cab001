"""How fast the map is drawn, searched and laid out: what ``bench`` tells of it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from explorer.atlas import lasso, splat
from explorer.atlas.point_index import index_points
from explorer.atlas.values import Bytes, Floats

__all__ = ["first_map", "frames", "lasso_milliseconds"]

SIZE: Final = (1280, 720)
COUNTS: Final = (10_000, 100_000, 1_000_000)
ROUNDS: Final = 40
SCATTER_ROUNDS: Final = 3  # another library's frames take long
WARM: Final = 3
CORNERS: Final = 200
CODES: Final = 10_000
DIMENSIONS: Final = 32
SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class _View:
    left: float
    top: float
    scale: float


def frames(counts: tuple[int, ...] = COUNTS, rounds: int = ROUNDS) -> dict[str, float]:
    """Milliseconds of a frame of 1280 x 720 pixels in which the map is moved and zoomed, for so many points.

    ``map_ms_N`` is the median, ``map_p95_ms_N`` the 95th percentile. Where pyqtgraph is installed, ``scatter_ms_N`` is
    the same cloud drawn by its ScatterPlotItem in this run.
    """
    splat.warm_up()
    told: dict[str, float] = {}
    for count in counts:
        positions, colours = _cloud(count)
        order = index_points(positions).order  # as the window draws them
        positions, colours = positions[order], colours[order]
        radius = splat.usual_radius(count)
        views = [_view(step) for step in range(rounds + WARM)]

        def frame(
            step: int,
            positions: Floats = positions,
            colours: Bytes = colours,
            radius: float = radius,
            views: list[_View] = views,
        ) -> None:
            splat.draw(positions, colours, views[step], SIZE, None, radius)

        times = _milliseconds(frame, rounds)
        told[f"map_ms_{count}"] = statistics.median(times)
        told[f"map_p95_ms_{count}"] = float(np.quantile(times, 0.95))
        if importlib.util.find_spec("pyqtgraph") is not None:
            told[f"scatter_ms_{count}"] = statistics.median(_scatter(positions, colours, SCATTER_ROUNDS))
    return told


def lasso_milliseconds(count: int = COUNTS[-1], rounds: int = ROUNDS) -> float:
    """The median time of finding which of so many points are within an outline of 200 corners."""
    positions, _ = _cloud(count)
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    reach = 5 + np.sin(9 * angles)
    outline = np.stack([reach * np.cos(angles), reach * np.sin(angles)], 1)
    lasso.warm_up()
    return statistics.median(_milliseconds(lambda step: lasso.inside(positions, outline), rounds))


def first_map(count: int = CODES, dimensions: int = DIMENSIONS) -> dict[str, float]:
    """Seconds of laying out so many codes in a fresh process, imports and all.

    ``pca_seconds`` is the layout by PCA, ``neighbours_seconds`` importing torch and finding neighbours,
    ``umap_seconds`` the rest, ``first_umap_seconds`` all together. ``cpu_seconds`` is the time that processor cores
    worked: the machine may have had others to serve.
    """
    code = f"from explorer.atlas.benching_map import _first_map; _first_map({count}, {dimensions})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=SECONDS, env=os.environ
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _first_map(count: int, dimensions: int) -> None:
    """Lay out a map and print how long that took; the whole of a fresh process."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(10, dimensions)) * 2
    codes = (centres[random.integers(10, size=count)] + random.normal(size=(count, dimensions))).astype(np.float32)
    started = time.perf_counter()
    from explorer.atlas.projection import MapSettings, pca_map, umap_map

    start = pca_map(codes)
    pca = time.perf_counter()
    from explorer.atlas.neighbours import find

    neighbours = find(codes, 50)
    found = time.perf_counter()
    umap_map(codes, neighbours, MapSettings(), lambda *told: None, start=start)
    done = time.perf_counter()
    seconds = {
        "pca_seconds": pca - started,
        "neighbours_seconds": found - pca,
        "umap_seconds": done - found,
        "first_umap_seconds": done - started,
        "cpu_seconds": time.process_time(),
    }
    print(json.dumps(seconds))


def _cloud(count: int) -> tuple[Floats, Bytes]:
    """Points in twenty clouds, with a colour each."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(20, 2)) * 4
    group = random.integers(20, size=count)
    positions = (centres[group] + random.normal(size=(count, 2))).astype(np.float32)
    return positions, random.integers(0, 256, (20, 3), np.uint8)[group]


def _view(step: int) -> _View:
    """A view that is moved and zoomed a little with every step."""
    scale = 30 * 1.01**step
    return _View(-SIZE[0] / 2 / scale + 0.05 * step, -SIZE[1] / 2 / scale, scale)


def _milliseconds(work: Callable[[int], object], rounds: int) -> list[float]:
    """The time of each round after ``WARM`` others."""
    times = []
    for step in range(rounds + WARM):
        started = time.perf_counter()
        work(step)
        times.append(1000 * (time.perf_counter() - started))
    return times[WARM:]


def _scatter(positions: Floats, colours: Bytes, rounds: int) -> list[float]:
    """Milliseconds of frames that ScatterPlotItem draws into an image. There must be a QApplication, or none yet."""
    graph: Any = importlib.import_module("pyqtgraph")
    graph.mkQApp()
    widget = graph.GraphicsView()
    plot = graph.PlotItem()
    widget.setCentralItem(plot)
    widget.resize(*SIZE)
    brushes = np.array([graph.mkBrush(*colour) for colour in np.unique(colours, axis=0).tolist()], object)
    _, which = np.unique(colours, axis=0, return_inverse=True)
    places: npt.NDArray[np.float64] = positions.astype(np.float64)
    plot.addItem(graph.ScatterPlotItem(places[:, 0], places[:, 1], size=2, pen=None, brush=brushes[which.ravel()]))

    def frame(step: int) -> None:
        view = _view(step)
        plot.setXRange(view.left, view.left + SIZE[0] / view.scale, padding=0)
        plot.setYRange(view.top, view.top + SIZE[1] / view.scale, padding=0)
        widget.grab()

    times = _milliseconds(frame, rounds)
    widget.close()
    return times
