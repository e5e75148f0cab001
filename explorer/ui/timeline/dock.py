"""The dock at the bottom: keyframes in time become a film, and how it moves."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from explorer.animation import Film, duration, frame_count
from explorer.animation.editing import inserted, pathed, replaced, stretched
from explorer.animation.speed import speed_curve
from explorer.ui.icon_button import IconButton
from explorer.ui.panel import Desk
from explorer.ui.timeline.curve_editor import CurveEditor
from explorer.ui.timeline.header import Header, fill_from_button, fill_from_choices
from explorer.ui.timeline.menus import MotionsMenu, SoundMenu, filming
from explorer.ui.timeline.thumbnails import KeyframePictures
from explorer.ui.timeline.track import TimelineTrack
from explorer.ui.timeline.words import DurationSpin, Words

__all__ = ["Timeline", "film_size"]

Floats: TypeAlias = npt.NDArray[np.floating]

RATES: Final = (12, 24, 25, 30, 50, 60)  # frames per second
CURVE_POINTS: Final = 400  # of the curve of speed
PATHS: Final = {  # every path: what it is called, and what it does
    "natural": ("Natural path", "Points are blended as this model's latent space calls for."),
    "lerp": ("Straight path", "Points are blended along straight lines (lerp)."),
    "slerp": ("Arc path", "Points are blended along arcs, which keeps them as far from the middle (slerp)."),
    "spline": ("Spline path", "One smooth curve goes through all keyframes, without a corner at any of them."),
}


def film_size(image_shape: tuple[int, int, int], size: int) -> tuple[int, int, int]:
    """Width, height and the whole-number enlargement of films of pictures (c, h, w), as they are exported."""
    _, height, width = image_shape
    times = max(1, -(-size // min(height, width)))
    return width * times, height * times, times


class Timeline(QFrame):
    """The keyframes in time, and playing them. Reads the session, asks the actions.

    In Denoise and Compare, where pictures need the room, it is only a title row as long as there are no keyframes.
    """

    export_asked = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self._workspace = "explore"
        self.setProperty("card", True)
        self.setAccessibleName("Timeline")
        self._header = Header(self)
        self._make_controls(self._header)
        self.track = TimelineTrack(self)  # the last one, also for Tab
        self.curve_editor = CurveEditor(self.track)
        self._pictures = KeyframePictures(desk, self.track)
        self._arrange()
        self._connect()
        self.show_film()

    # --- from state to widgets ---

    @Slot()
    def show_film(self) -> None:
        """Show the keyframes and the settings of the film as they are."""
        session, film = self.desk.session, self.desk.session.film
        widgets = (self._loop, self._rate, self._path, self._even, self._length)
        blockers = [QSignalBlocker(widget) for widget in widgets]
        self._loop.setChecked(film.loop)
        _show_choice(self._rate, film.frames_per_second, f"{film.frames_per_second} fps")
        _show_choice(self._path, film.path, film.path)
        self._path.setToolTip(PATHS[film.path][1])
        self._even.setChecked(film.even)
        self._length.setValue(duration(film))
        del blockers
        self._length.setEnabled(film.is_playable)
        self._play.setEnabled(film.is_playable)
        self._export.setEnabled(film.is_playable and session.model is not None)
        self._add.setEnabled(session.model is not None)
        self._motions.setEnabled(session.model is not None)
        if self._workspace != "explore" and not film.keyframes:  # folded, without the words of the track
            words = f"{self._add_key()} adds the current point"
            self._state.show_words(f"{words}; two keyframes make a film.", f"{words}.", f"{self._add_key()} adds one.")
        elif film.is_playable:
            frames = f"{frame_count(film):,} frames"
            self._state.show_words(f"{len(film.keyframes):,} keyframes · {frames}", frames)
        else:
            self._state.show_words()
        self.track.setFilm(film)
        self._pictures.ask_soon()
        self.show_rows()
        self.show_motion()

    @Slot()
    def show_rows(self) -> None:
        """Show how fast the picture changes and how loud the sound is, as far as that is known."""
        film, verbs = self.desk.session.film, filming(self.desk)
        peaks: Floats | None = verbs.waveform() if film.sound is not None else None
        self.track.set_rows(_speed_of(film), peaks)
        self._fold()

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
        self.track.setPosition(self.desk.actions.motion.film_moment(), follow=is_playing)
        self._play.setIconName("pause" if is_playing else "play")
        self._play.setAccessibleName("Pause the film" if is_playing else "Play the film")

    @Slot()
    def forget_thumbnails(self) -> None:
        """Another model has other pictures of the same keyframes."""
        self._pictures.forget()
        self.show_film()

    # --- from widgets to state ---

    @Slot(object, str, bool)
    def change_film(self, film: Film, label: str, settled: bool = True) -> None:
        """Make the film another one, and keep the part that is played alone within it."""
        region, end = film.region, duration(film)
        if region is not None and region[1] > end + 1e-9:
            region = (region[0], end) if region[0] < end else None
            film = replace(film, region=region)
        self.desk.session.change_film(film, label, settled)

    @Slot(bool)
    def set_loop(self, loop: bool) -> None:
        self.change_film(replace(self.desk.session.film, loop=loop), "Loop")

    @Slot()
    def set_rate(self) -> None:
        rate = int(self._rate.currentData())
        self.change_film(replace(self.desk.session.film, frames_per_second=rate), "Frames per second")

    @Slot()
    def set_path(self) -> None:
        self.change_film(pathed(self.desk.session.film, str(self._path.currentData())), "Path of the film")

    @Slot(bool)
    def set_even(self, even: bool) -> None:
        filming(self.desk).set_even(even)

    @Slot(float)
    def set_length(self, seconds: float) -> None:
        self.change_film(stretched(self.desk.session.film, seconds), "Stretch the film")

    @Slot(float)
    def insert(self, seconds: float) -> None:
        """Put the current point into the film at a second, and select it."""
        session = self.desk.session
        if session.model is not None:
            self.change_film(inserted(session.film, seconds, session.scene), "Insert a keyframe")
            index = self.track.places().nearest(seconds)
            self.track.select((index,), index)

    @Slot(int)
    def replace_keyframe(self, index: int) -> None:
        """Put the current point in the place of a keyframe."""
        session = self.desk.session
        self.change_film(replaced(session.film, index, session.scene), "Replace a keyframe")
        self.track.select((index,), index)

    # --- private ---

    def _add_key(self) -> str:
        return "Ctrl+K" if self._workspace == "denoise" else "K"

    def _fold(self) -> None:
        is_folded = self._workspace != "explore" and not self.desk.session.film.keyframes
        if is_folded != self.is_folded():
            self.track.setHidden(is_folded)
        layout = self.layout()
        assert layout is not None, "the timeline should be arranged"
        layout.activate()
        self.setMaximumHeight(self.sizeHint().height())

    def _make_controls(self, parent: QWidget) -> None:
        self._play = _button("play", "Play or pause the film of the keyframes (Ctrl+Space).", parent)
        self._add = _button("plus", "Add the current point as a keyframe (K).", parent)
        self._add.setText("Keyframe")
        self._add.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._loop = _button("loop", "The film goes back to its first keyframe, and repeats without a stutter.", parent)
        self._loop.setCheckable(True)
        self._rate = _combo("Frames per second", "How many pictures a second of the film has.", parent)
        for rate in RATES:
            self._rate.addItem(f"{rate} fps", rate)
        self._path = _combo("Path", "", parent)
        for path, (words, sentence) in PATHS.items():
            self._path.addItem(words, path)
            self._path.setItemData(self._path.count() - 1, sentence, Qt.ItemDataRole.ToolTipRole)
        self._even = _word_button(
            "Equal change", "Between keyframes, the picture changes by the same amount from frame to frame.", parent
        )
        self._even.setCheckable(True)
        self._motions = _word_button("Motions", "Put a ready motion on the timeline.", parent)
        self._motions.setMenu(MotionsMenu(self.desk, self._motions))
        self._sound = _word_button("Sound", "Open a sound that goes with the film, and use its beats.", parent)
        self._sound.setMenu(SoundMenu(self.desk, self._sound))
        for button in (self._motions, self._sound):
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._snapping = _word_button(
            "Snap", "Seconds, beats, keyframes and the playhead pull at what is dragged (S in the track).", parent
        )
        self._snapping.setCheckable(True)
        self._snapping.setChecked(True)
        self._state = Words(parent)
        self._length = DurationSpin(parent)
        self._out = _word_button("−", "Show more of the film (minus in the track, or Ctrl and the wheel).", parent)
        self._in = _word_button("+", "Come closer (plus in the track, or Ctrl and the wheel).", parent)
        self._fit = _button("fit", "Show the whole film (0 in the track, or a double click on its ruler).", parent)
        self._export = QPushButton("Export film…", parent)
        self._export.setToolTip("Write the film as MP4, GIF, WebP, APNG or numbered pictures.")

    def _arrange(self) -> None:
        header = self._header
        title = QLabel("Timeline", header)
        title.setProperty("title", True)
        for widget, rank, fill in (
            (title, 0, None),
            (self._play, 0, None),
            (self._add, 0, None),
            (self._loop, 1, partial(fill_from_button, self._loop, "Loop")),
            (self._rate, 3, partial(fill_from_choices, self._rate)),
            (self._path, 4, partial(fill_from_choices, self._path)),
            (self._even, 5, partial(fill_from_button, self._even, "Equal change")),
            (self._motions, 2, partial(fill_from_button, self._motions, "Motions")),
            (self._sound, 6, partial(fill_from_button, self._sound, "Sound")),
            (self._snapping, 7, partial(fill_from_button, self._snapping, "Snap")),
        ):
            header.add(widget, rank, fill)
        header.add(self._state, 0)
        header.layout().setStretchFactor(self._state, 1)  # type: ignore[union-attr]  # it has one
        header.add(self._length, 0)
        for button, words in ((self._out, "Zoom out"), (self._in, "Zoom in"), (self._fit, "Show the whole film")):
            header.add(button, 8, partial(fill_from_button, button, words))
        header.add(header.more, 0)
        header.add(self._export, 0)
        header.menuFilled.connect(self.fill_rest)
        QWidget.setTabOrder(self._fit, header.more)
        QWidget.setTabOrder(header.more, self._export)
        QWidget.setTabOrder(self._export, self.track)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 7, 12, 6)
        column.setSpacing(6)
        column.addWidget(header)
        column.addWidget(self.track)
        column.addStretch(1)

    @Slot(object)
    def fill_rest(self, menu: QMenu) -> None:
        """Put what is seldom used into the menu of the header."""
        verbs = filming(self.desk)
        match = menu.addAction("Lengths after how much changes")
        match.setToolTip("Ways on which the picture changes more last longer; the film is as long as before.")
        match.setEnabled(self.desk.session.film.is_playable)
        match.triggered.connect(verbs.match_lengths)
        menu.addAction("Select all keyframes", self.track.select_all)
        unregion = menu.addAction("Play the whole film again", self.track.clear_region)
        unregion.setEnabled(self.desk.session.film.region is not None)

    def _connect(self) -> None:
        session, actions, track = self.desk.session, self.desk.actions, self.track
        session.film_changed.connect(self.show_film)
        session.model_changed.connect(self.forget_thumbnails)
        session.scene_changed.connect(self.show_motion)
        actions.motion.player.moved.connect(self.show_motion)  # the scene may rest while the time goes on
        actions.motion.changed.connect(self.show_motion)
        filming(self.desk).changed.connect(self.show_rows)
        track.scrubbed.connect(actions.motion.scrub)
        track.keyframeChosen.connect(actions.motion.go_to_keyframe)
        track.edited.connect(self.change_film)
        track.insertAsked.connect(self.insert)
        track.replaceAsked.connect(self.replace_keyframe)
        track.curveAsked.connect(self.curve_editor.open_for_selection)
        track.snappingChanged.connect(self._snapping.setChecked)
        self._snapping.toggled.connect(track.setSnapping)
        self._play.clicked.connect(actions.motion.toggle_film)
        self._add.clicked.connect(actions.add_keyframe)
        self._loop.clicked.connect(self.set_loop)
        self._rate.activated.connect(self.set_rate)
        self._path.activated.connect(self.set_path)
        self._even.clicked.connect(self.set_even)
        self._length.valueChanged.connect(self.set_length)
        self._out.clicked.connect(track.zoomOut)
        self._in.clicked.connect(track.zoomIn)
        self._fit.clicked.connect(track.fit)
        self._export.clicked.connect(self._ask_export)

    @Slot()
    def _ask_export(self) -> None:
        self.export_asked.emit()


def _speed_of(film: Film) -> tuple[Floats, Floats] | None:
    """How much the picture changes per second at some seconds; None where nothing of it is measured."""
    if not film.is_playable or not any(keyframe.changes for keyframe in film.keyframes):
        return None
    times, speeds = speed_curve(film, CURVE_POINTS)
    return np.asarray(times), np.asarray(speeds)


def _button(name: str, tooltip: str, parent: QWidget) -> IconButton:
    button = IconButton(name, tooltip, parent, "text")
    button.setProperty("flat", False)
    return button


def _word_button(words: str, tooltip: str, parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    button.setText(words)
    button.setToolTip(tooltip)
    button.setAccessibleName(tooltip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
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
