"""The verbs of films that take a while: measuring how much the picture changes, reading a sound, ready motions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from explorer.animation import Film, Sound, ways
from explorer.animation.editing import matched, on_beats, remeasured
from explorer.animation.presets import PRESETS, Preset, Stage
from explorer.preloading import preload
from explorer.session import Model, Session
from explorer.workers import Failed, Jobs, JobState, Report

__all__ = ["Filming"]

Floats = npt.NDArray[np.float32]


class Filming(QObject):
    """Changes the film of the session, some of it after work in the background. Main thread only."""

    changed = Signal()  # the waveform became known

    def __init__(self, session: Session, jobs: Jobs, failed: Failed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._jobs, self._failed = session, jobs, failed
        self._measuring: Film | None = None  # what is being measured
        self._key: int | None = None  # of the job that measures
        self._matches = False  # once that is done, ways take the length that it says
        self._peaks: dict[str, Floats] = {}  # waveforms by the digest of the sound
        self._reading = ""  # the path of the sound that is being read
        session.film_changed.connect(self._follow_film)
        jobs.changed.connect(self._follow_jobs)

    # --- equal change ---

    def set_even(self, even: bool) -> None:
        """Have the picture change equally from frame to frame within every way, or as time goes."""
        self._session.change_film(replace(self._session.film, even=even), "Equal change" if even else "Free change")

    @Slot()
    def match_lengths(self) -> None:
        """Make every way as long as its share of the change; what is not measured yet is measured first."""
        film = self._session.film
        if _is_measured(film):
            self._session.change_film(matched(film), "Lengths after how much changes")
        else:
            self._matches = True
            self._measure()

    # --- sound ---

    def load_sound(self, path: Path) -> None:
        """Read a sound file, find its beats, and let it go with the film."""

        def take(sound: Sound) -> None:
            self._session.change_film(replace(self._session.film, sound=sound), f"Sound {path.name}")

        self._read(path, take)

    @Slot()
    def drop_sound(self) -> None:
        """Let the film go without its sound."""
        self._session.change_film(replace(self._session.film, sound=None), "Remove the sound")

    def on_beats(self, every: int) -> None:
        """Put the keyframes on every so many beats."""
        self._session.change_film(on_beats(self._session.film, every), "Keyframes on the beats")

    def waveform(self) -> Floats | None:
        """The waveform of the film's sound, peaks (2000,) from 0 to 1; None until it is known, which is told."""
        sound = self._session.film.sound
        if sound is None:
            return None
        known = self._peaks.get(sound.digest)
        if known is None and not self._reading and Path(sound.path).is_file():
            self._read(Path(sound.path), None)
        return known

    # --- ready motions ---

    def presets(self) -> tuple[Preset, ...]:
        """The ready motions that fit the open model and the scene."""
        stage = self._stage()
        return () if stage is None else tuple(preset for preset in PRESETS if preset.fits(stage))

    def add_preset(self, name: str) -> None:
        """Put a ready motion on the timeline, at the rate the film has; what was there is a step of undo away."""
        stage, film = self._stage(), self._session.film
        preset = next((each for each in PRESETS if each.name == name), None)
        if stage is not None and preset is not None:
            made = replace(preset.make(stage), frames_per_second=film.frames_per_second, sound=film.sound)
            self._session.change_film(made, preset.name)

    def _stage(self) -> Stage | None:
        model, view = self._session.model, self._session.view
        if model is None:
            return None
        facts = model.facts
        denoising = facts.denoising
        return Stage(
            self._session.scene,
            view.across,
            view.up,
            len(facts.style_layers),
            int(facts.config.get("classes", 0) or len(facts.class_names)),
            denoising is not None and denoising.can_guide,
            (denoising.sampling.guidance or 1.0) if denoising is not None else 1.0,
            denoising is not None and self._session.scene.denoising.start.picture is not None,
        )

    # --- private ---

    @Slot()
    def _follow_film(self) -> None:
        if self._session.film.even and not _is_measured(self._session.film):
            self._measure()

    def _measure(self) -> None:
        """Measure what is not measured of the film as it is now, unless something is being measured already."""
        model, film = self._session.model, self._session.film
        if model is None or self._measuring is not None or not film.is_playable:
            return
        self._measuring = film

        def work(report: Report) -> Film:
            from explorer.evening import measure  # imports torch

            return measure(model.generator, film, report)

        def take(measured: Film) -> None:
            self._measuring, self._key = None, None
            self._take_measured(model, measured)

        def fail(error: BaseException) -> None:
            self._give_up()
            self._failed(error)

        self._key = self._jobs.start("Measure the film", work, take, fail)

    @Slot(object)
    def _follow_jobs(self, states: tuple[JobState, ...]) -> None:
        """A measurement that is cancelled ends without a word: look after the word had time to come."""
        if self._measuring is not None and self._key is not None and all(state.key != self._key for state in states):
            QTimer.singleShot(0, self, partial(self._look_again, self._measuring))

    def _look_again(self, measuring: Film) -> None:
        if self._measuring is measuring:
            self._give_up()

    def _give_up(self) -> None:
        """What is not measured cannot be even; the wish for it is taken back."""
        self._measuring, self._key, self._matches = None, None, False
        if self._session.film.even:
            self.set_even(False)

    def _take_measured(self, model: Model, measured: Film) -> None:
        session = self._session
        if session.model is not model:
            return
        film = remeasured(session.film, measured)
        if not _is_measured(film):  # it was edited meanwhile
            session.amend_film(film)
            if film.even or self._matches:
                self._measure()
            return
        session.amend_film(film)
        if self._matches:
            self._matches = False
            session.change_film(matched(film), "Lengths after how much changes")

    def _read(self, path: Path, then: object) -> None:
        self._reading = str(path)

        def work(report: Report) -> tuple[Sound, Floats]:
            preload("av", "_core*.so")
            from explorer.animation.beats import read_sound

            return read_sound(path)

        def take(read: tuple[Sound, Floats]) -> None:
            self._reading = ""
            self._peaks[read[0].digest] = read[1]
            if callable(then):
                then(read[0])
            self.changed.emit()

        def fail(error: BaseException) -> None:
            self._reading = ""
            self._failed(error)

        self._jobs.start(f"Read {path.name}", work, take, fail)


def _is_measured(film: Film) -> bool:
    return all(keyframe.changes for keyframe in film.keyframes[: ways(film)])
