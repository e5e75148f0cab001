"""The tiles of the models, in their order, kept in step with what there is to show."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QObject, Signal

from explorer.actions import MOST_COMPARED
from explorer.comparing import Comparing
from explorer.imaging import Picture
from explorer.session import Model
from explorer.ui.compare.add_tile import AddTile
from explorer.ui.compare.differences import difference
from explorer.ui.compare.model_tile import ModelTile
from explorer.ui.compare.pairing import ORIGINAL
from explorer.ui.compare.pictures import Pictures
from explorer.ui.compare.tile_grid import TileGrid
from explorer.ui.compare.words import model_words, scene_words, shared_words
from explorer.ui.images import qimage
from explorer.ui.panel import Desk
from explorer.ui.words import source_name

__all__ = ["Tiling"]

EMPTY: Final = "Drop a picture here, or click to choose a file."
LATER: Final = "follows at rest"
WAITING: Final = "On its way…"


class Tiling(QObject):
    """Makes a tile for every model and one for the picture they are given. Main thread only."""

    played = Signal(str)  # the key of a tile, and so on
    othered = Signal(str)
    closed = Signal(str)
    painted = Signal()

    def __init__(self, desk: Desk, comparing: Comparing, pictures: Pictures, grid: TileGrid, add_tile: AddTile) -> None:
        super().__init__(grid)
        self._desk, self._comparing, self._pictures = desk, comparing, pictures
        self._grid, self._add_tile = grid, add_tile
        self._tiles: dict[str, ModelTile] = {}
        self._shown: dict[str, Picture] = {}  # the picture that a tile has as an image
        self._is_smooth = True

    def tile(self, key: str) -> ModelTile | None:
        """The tile of a model, by its digest, or of the picture."""
        return self._tiles.get(key)

    def show_models(self) -> None:
        """Have the tiles that are needed, in order."""
        models, by = self._comparing.models(), self._desk.session.view.compared_by
        keys = [*([ORIGINAL] if by == "picture" else []), *(each.digest for each in models)]
        for key in set(self._tiles).difference(keys):
            tile = self._tiles.pop(key)
            self._shown.pop(key, None)
            tile.hide()
            tile.deleteLater()
        for key in keys:
            if key not in self._tiles:
                self._tiles[key] = self._new_tile(key)
        has_room = len(models) < MOST_COMPARED
        self._add_tile.setVisible(has_room)
        self._grid.set_tiles([*(self._tiles[key] for key in keys), *([self._add_tile] if has_room else [])])

    def set_smooth(self, is_smooth: bool) -> None:
        self._is_smooth = is_smooth
        for tile in self._tiles.values():
            tile.set_smooth(is_smooth)

    def show_pictures(self, second: str) -> None:
        """Show what has arrived; ``second`` is the key of B."""
        models = self._comparing.models()
        for model in models:
            tile = self._tiles.get(model.digest)
            if tile is not None:
                self._show_model(tile, model, second, can_close=len(models) > 1)
        if ORIGINAL in self._tiles:
            self._show_original(self._tiles[ORIGINAL], second)

    # --- private ---

    def _new_tile(self, key: str) -> ModelTile:
        tile = ModelTile(key, self._grid.floor)
        tile.set_smooth(self._is_smooth)
        tile.played.connect(self.played)
        tile.othered.connect(self.othered)
        tile.closed.connect(self.closed)
        tile.painted.connect(self.painted)
        return tile

    def _show_model(self, tile: ModelTile, model: Model, second: str, can_close: bool) -> None:
        facts, shown = model.facts, self._pictures.shown(model)
        is_played = self._comparing.is_played(model)
        tile.set_badge("A" if is_played else "B" if model.digest == second else "", is_played)
        tile.set_can_close(can_close)
        if shown.picture is None:
            self._shown.pop(model.digest, None)
            tile.show_image(None, shown.problem or WAITING)
        elif self._shown.get(model.digest) is not shown.picture:
            self._shown[model.digest] = shown.picture
            tile.show_image(qimage(shown.picture.pixels), is_stale=shown.is_stale)
        else:
            tile.set_stale(shown.is_stale)
        apart = () if shown.is_stale else self._apart(model, shown.picture)  # of another picture it says nothing
        if shown.is_stale and not self._pictures.is_quick(model):
            apart = (LATER, *apart)
        tile.show_words(
            facts.name, facts.family_title, model_words(facts, shown.picture, apart), self._tooltip(model, apart)
        )

    def _apart(self, model: Model, picture: Picture | None) -> tuple[str, ...]:
        """How far the picture of a model is from the one it was given."""
        original = self._comparing.original(model)
        if self._desk.session.view.compared_by != "picture" or picture is None or original is None:
            return ()
        if original.shape != picture.pixels.shape:
            return ()
        found = difference(original, picture.pixels)
        psnr = "" if math.isinf(found.decibels) else f"{found.decibels:.1f} dB"
        return tuple(part for part in (f"RMS {100 * found.rms:.1f} %", psnr) if part)

    def _tooltip(self, model: Model, apart: tuple[str, ...]) -> str:
        session, scene = self._desk.session, self._pictures.scene(model)
        is_played = self._comparing.is_played(model)
        lines = [model.facts.name, str(model.path)]
        if scene is not None and session.view.compared_by == "scene":
            lines.append(scene_words(scene, model.facts))
            if not is_played and session.model is not None:
                lines.append(shared_words(session.scene, session.model, model))
        if apart and apart[0] == LATER:
            lines.append("This model takes long for a picture: it waits until the scene rests.")
        elif apart:
            lines.append("How far it is from the picture it was given: root mean square of the range, and PSNR.")
        act = "This model is played: the panels at the right are its." if is_played else "Click to play this model (A)."
        lines += [act, "Shift and a click, or B, compares with it."]
        return "\n".join(line for line in lines if line)

    def _show_original(self, tile: ModelTile, second: str) -> None:
        comparing, played = self._comparing, self._desk.session.model
        pixels = comparing.original(played) if played is not None else None
        tile.set_badge("B" if second == ORIGINAL else "", is_current=False)
        tile.set_can_close(False)
        tile.set_dashed(pixels is None)
        tile.show_image(None if pixels is None else qimage(pixels), comparing.image_problem or EMPTY)
        name = source_name(comparing.image) if comparing.image is not None else "No picture"
        if comparing.image is not None and comparing.sample >= 0:
            name = f"Sample {comparing.sample}"
        size = () if pixels is None else ("as A takes it", f"{pixels.shape[1]}×{pixels.shape[0]}")
        tile.show_words(name, "Original", size, "The picture that all models are given. Click to choose another one.")
