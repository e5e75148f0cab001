"""The dock at the bottom: keyframes become a film, and how it moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from explorer.animation import EASINGS, frame_count
from explorer.live import Tile
from explorer.scene import Scene
from explorer.ui.icon_button import IconButton
from explorer.ui.panel import Desk
from explorer.ui.theme import colours
from explorer.ui.timeline_track import TimelineTrack

__all__ = ["Timeline", "film_size", "reduced"]

Pixels: TypeAlias = npt.NDArray[np.uint8]

RATES: Final = (12, 24, 25, 30, 50, 60)  # frames per second
SIZES: Final = (256, 512, 1024, 2048)  # pixels of the shorter side, at least
KEPT_SIDE: Final = 128  # pixels that a kept thumbnail needs at most
ARROW_ROOM: Final = 38  # beside the words of a spin box, for its arrows and edges
SHORTEST_PACE: Final = 0.1
LONGEST_PACE: Final = 60.0
UNLIMITED: Final = 16_777_215  # of Qt


def film_size(image_shape: tuple[int, int, int], size: int) -> tuple[int, int, int]:
    """Width, height and the whole-number enlargement of films of pictures (c, h, w), as they are exported."""
    _, height, width = image_shape
    times = max(1, -(-size // min(height, width)))
    return width * times, height * times, times


def reduced(pixels: Pixels) -> Pixels:
    """A picture (h, w, c) averaged in whole blocks, so that a kept thumbnail of a large one stays small."""
    block = min(pixels.shape[:2]) // KEPT_SIDE
    if block < 2:
        return pixels
    height, width = (length // block for length in pixels.shape[:2])
    blocks = pixels[: height * block, : width * block].reshape(height, block, width, block, -1)
    means: Pixels = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
    return means


class Timeline(QFrame):
    """Keyframes, pace and size of the film, and playing it. Reads the session, asks the actions.

    In Denoise and Compare, where pictures need the room, it is only a title row as long as there are no keyframes.
    """

    export_asked = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self._thumbnails: dict[Scene, Pixels] = {}
        self._workspace = "explore"
        self.setProperty("card", True)
        self.setAccessibleName("Timeline")
        self._play = _button("play", "Play or pause the film of the keyframes.", self)
        self._add = _button("plus", "Add the current point as a keyframe (K).", self)
        self._add.setText("Keyframe")
        self._add.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._loop = _button("loop", "The film goes back to its first keyframe, and repeats without a stutter.", self)
        self._loop.setCheckable(True)
        self._pace = _PaceSpin(self)
        self._rate = _combo("Frames per second", "How many pictures a second of the film has.", self)
        self._easing = _combo("Easing", "How the film moves from one keyframe to the next.", self)
        self._size = _combo("Film size", "", self)
        self._state = _Words(self)
        self._export = QPushButton("Export film…", self)
        self._export.setToolTip("Write the film as MP4, GIF, WebP, APNG or numbered pictures.")
        self.track = TimelineTrack(self)  # the last one, also for Tab
        self._fill()
        self._arrange()
        self._connect()
        self.show_film()

    # --- from state to widgets ---

    @Slot()
    def show_film(self) -> None:
        """Show the keyframes and the settings of the film as they are."""
        session, film = self.desk.session, self.desk.actions.motion.film()
        settings = session.film
        widgets = (self._loop, self._pace, self._rate, self._easing, self._size)
        blockers = [QSignalBlocker(widget) for widget in widgets]
        self._loop.setChecked(settings.loop)
        self._pace.setValue(settings.pace)
        _show_choice(self._rate, settings.frames_per_second, f"{settings.frames_per_second} fps")
        _show_choice(self._easing, settings.easing, settings.easing)
        _show_choice(self._size, settings.size, f"{settings.size} px")
        del blockers
        self._size.setToolTip(self._size_words(settings.size))
        self._play.setEnabled(film is not None)
        self._export.setEnabled(film is not None and session.model is not None)
        self._add.setEnabled(session.model is not None)
        if self._workspace != "explore" and not session.keyframes:  # folded, without the words of the track
            words = f"{self._add_key()} adds the current point"
            self._state.show_words(f"{words}; two keyframes make a film.", f"{words}.", f"{self._add_key()} adds one.")
        elif film is None:
            self._state.show_words()
        else:
            seconds, frames = f"{film.seconds:.1f} s", f"{frame_count(film):,} frames"
            rate = f"{film.frames_per_second} fps"
            self._state.show_words(f"{seconds} · {rate} · {frames}", f"{seconds} · {frames}", seconds)
        keyframes = session.keyframes
        self._thumbnails = {scene: self._thumbnails[scene] for scene in keyframes if scene in self._thumbnails}
        pictures = [self._thumbnails.get(scene) for scene in keyframes]
        self.track.setFilm(keyframes, pictures, film.seconds if film else 1.0, settings.easing, settings.loop)
        self._fold()
        self._ask_thumbnails()
        self.show_motion()

    def set_workspace(self, workspace: str) -> None:
        """Which workspace is shown; Denoise has other keys."""
        if workspace != self._workspace:
            self._workspace = workspace
            self._add.setToolTip(f"Add the current point as a keyframe ({self._add_key()}).")
            self.show_film()

    def is_folded(self) -> bool:
        """Whether only the title row is there."""
        return self.track.isHidden()

    @Slot()
    def show_motion(self) -> None:
        """Show where in the film the scene is, and whether it plays."""
        is_playing = self.desk.actions.motion.playing() == "film"
        self.track.setPosition(self.desk.actions.motion.film_moment())
        self._play.setIconName("pause" if is_playing else "play")
        self._play.setAccessibleName("Pause the film" if is_playing else "Play the film")

    @Slot()
    def forget_thumbnails(self) -> None:
        """Another model has other pictures of the same keyframes."""
        self._thumbnails.clear()
        self.show_film()

    # --- from widgets to state ---

    @Slot()
    def change_film(self) -> None:
        """Make the settings of the film what the controls say."""
        film = self.desk.session.film
        pace = self._pace.value()
        self.desk.session.set_film(
            replace(
                film,
                pace=film.pace if round(film.pace, self._pace.decimals()) == pace else pace,
                frames_per_second=int(self._rate.currentData()),
                easing=str(self._easing.currentData()),
                loop=self._loop.isChecked(),
                size=int(self._size.currentData()),
            )
        )

    @Slot(int, int)
    def move_keyframe(self, index: int, to: int) -> None:
        keyframes = list(self.desk.session.keyframes)
        keyframes.insert(to, keyframes.pop(index))
        self.desk.session.set_keyframes(tuple(keyframes))

    @Slot(int)
    def remove_keyframe(self, index: int) -> None:
        keyframes = self.desk.session.keyframes
        self.desk.session.set_keyframes(keyframes[:index] + keyframes[index + 1 :])

    # --- private ---

    def _add_key(self) -> str:
        return "Ctrl+K" if self._workspace == "denoise" else "K"

    def _fold(self) -> None:
        is_folded = self._workspace != "explore" and not self.desk.session.keyframes
        if is_folded != self.is_folded():
            self.track.setHidden(is_folded)
            self.setMaximumHeight(self.sizeHint().height() if is_folded else UNLIMITED)

    def _fill(self) -> None:
        for rate in RATES:
            self._rate.addItem(f"{rate} fps", rate)
        for easing in EASINGS:
            self._easing.addItem(easing, easing)
        for size in SIZES:
            self._size.addItem(f"{size} px", size)

    def _arrange(self) -> None:
        title = QLabel("Timeline", self)
        title.setProperty("title", True)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(title)
        row.addSpacing(8)
        for widget in (self._play, self._add, self._loop, self._pace, self._rate, self._easing, self._size):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self._state)
        row.addSpacing(6)
        row.addWidget(self._export)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.track)
        column.addStretch(1)

    def _connect(self) -> None:
        session, actions = self.desk.session, self.desk.actions
        session.kept_changed.connect(self.show_film)
        session.model_changed.connect(self.forget_thumbnails)
        session.scene_changed.connect(self.show_motion)
        actions.motion.player.moved.connect(self.show_motion)  # the scene may rest while the time goes on
        actions.motion.changed.connect(self.show_motion)
        self.track.scrubbed.connect(actions.motion.scrub)
        self.track.keyframeChosen.connect(actions.motion.go_to_keyframe)
        self.track.keyframeMoved.connect(self.move_keyframe)
        self.track.keyframeRemoved.connect(self.remove_keyframe)
        self._play.clicked.connect(actions.motion.toggle_film)
        self._add.clicked.connect(actions.add_keyframe)
        self._loop.clicked.connect(self.change_film)
        self._pace.valueChanged.connect(self.change_film)
        for combo in (self._rate, self._easing, self._size):
            combo.activated.connect(self.change_film)
        self._export.clicked.connect(self._ask_export)

    @Slot()
    def _ask_export(self) -> None:
        self.export_asked.emit()

    def _size_words(self, size: int) -> str:
        """What size films of the open model really have."""
        model = self.desk.session.model
        if model is None:
            return "The shorter side of the film has at least that many pixels."
        width, height, times = film_size(model.facts.image_shape, size)
        return f"The film has {width} × {height} pixels: each pixel of the picture is enlarged {times} times."

    def _ask_thumbnails(self) -> None:
        missing = list(dict.fromkeys(scene for scene in self.desk.session.keyframes if scene not in self._thumbnails))
        if missing:
            self.desk.live.tiles("film", missing, partial(self._take_thumbnail, tuple(missing)))

    def _take_thumbnail(self, scenes: Sequence[Scene], tile: Tile) -> None:
        """Show the picture of one of the scenes asked for, wherever it stands by now."""
        asked = scenes[tile.index]
        pixels = reduced(tile.picture.pixels)
        self._thumbnails[asked] = pixels
        for index, scene in enumerate(self.desk.session.keyframes):
            if scene == asked:
                self.track.setThumbnail(index, pixels)


class _Words(QLabel):
    """Dim words in several lengths: the longest that there is room for is shown, or none."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("dim", True)
        self._choices: tuple[str, ...] = ()

    def show_words(self, *choices: str) -> None:
        """Show one of these, the longest first."""
        self._choices = choices
        self.setText(choices[0] if choices else "")

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, width = QPainter(self), self.fontMetrics().horizontalAdvance
        painter.setPen(QColor(colours().dim))
        fitting = next((words for words in self._choices if width(words) <= self.width()), "")
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, fitting)


class _PaceSpin(QDoubleSpinBox):
    """Seconds from keyframe to keyframe, without trailing zeros."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setDecimals(2)
        self.setRange(SHORTEST_PACE, LONGEST_PACE)
        self.setSingleStep(0.5)
        self.setSuffix(" s per step")
        self.setFixedWidth(self.fontMetrics().horizontalAdvance("0.75 s per step") + ARROW_ROOM)
        self.setKeyboardTracking(False)
        self.setToolTip("Seconds from one keyframe to the next.")
        self.setAccessibleName("Seconds per step")

    def textFromValue(self, value: float) -> str:
        return self.locale().toString(value, "g", 6)


def _button(name: str, tooltip: str, parent: QWidget) -> IconButton:
    button = IconButton(name, tooltip, parent, "text")
    button.setProperty("flat", False)
    return button


def _combo(name: str, tooltip: str, parent: QWidget) -> QComboBox:
    combo = QComboBox(parent)
    combo.setAccessibleName(name)
    combo.setToolTip(tooltip)
    return combo


def _show_choice(combo: QComboBox, value: Any, words: str) -> None:
    """Select ``value``, which becomes a choice where it was none."""
    index = combo.findData(value)
    if index < 0:
        combo.addItem(words, value)
        index = combo.count() - 1
    combo.setCurrentIndex(index)
