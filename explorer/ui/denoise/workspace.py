"""The Denoise workspace: a large picture of one step, all steps below it, and the branches of the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from PySide6.QtCore import QPointF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QImage, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QMenu, QPushButton, QWidget

from explorer.branching import Branching
from explorer.runs import StepPictures, effective
from explorer.scene import Sampling
from explorer.ui.denoise.arrangement import Arrangement
from explorer.ui.denoise.branch_list import BranchList
from explorer.ui.denoise.brush import Brush
from explorer.ui.denoise.comparing import Comparing
from explorer.ui.denoise.curve import GuidanceCurve
from explorer.ui.denoise.curve_points import scale_at
from explorer.ui.denoise.exporting import RunExport
from explorer.ui.denoise.filmstrip import Filmstrip
from explorer.ui.denoise.fitting_label import FittingLabel
from explorer.ui.denoise.frames import Frames, views_of
from explorer.ui.denoise.keys import bind_keys
from explorer.ui.denoise.step_canvas import StepCanvas
from explorer.ui.denoise.track import Track
from explorer.ui.denoise.transport import Transport
from explorer.ui.denoise.words import VIEW_NAMES, memory_words, step_words
from explorer.ui.icon_button import IconButton
from explorer.ui.panel import Desk
from explorer.ui.runs import denoising, filled, go, held, sampled
from explorer.ui.segments import Segments

__all__ = ["Denoise"]

NO_RUN: Final = "The first step is on its way."
NO_MODEL: Final = "Open a diffusion model on the left to watch how it makes a picture."


class Denoise(QFrame):
    """Shows the run of the session's scene, and where it is led elsewhere. Moving the playhead asks no network."""

    pixel_hovered = Signal(object)
    memory_told = Signal(str)  # how much is kept of the runs

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self._desk = desk
        self.playback, self.branching = desk.playback, Branching(desk.session, self)
        self.comparing = Comparing(desk, self.branching, self.playback, self)
        self._frames, self._other_frames = Frames(), Frames()
        self._failed = ""
        self._make_parts()
        self._arrangement = Arrangement(self)
        self._preparing = QTimer(self)
        self._preparing.setInterval(0)
        self._preparing.timeout.connect(self.prepare)
        self.actions_by_name = bind_keys(self)
        self._connect()
        self.show_model()

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Wait for the first step of another model."""
        self.playback.clear()
        self._frames.clear()
        self._other_frames.clear()
        self._failed = ""
        facts = denoising(self._desk.session)
        self.track.curve.setVisible(facts is not None and facts.can_guide)
        self.brush_button.setChecked(False)
        self.canvas.clear(NO_MODEL if facts is None else NO_RUN)
        self.track.set_total(0)
        self.show_scene()
        self.show_step()

    @Slot()
    def show_run(self) -> None:
        """Lay out another run."""
        self.track.set_total(self.playback.run.total)
        self._failed = ""
        self.show_scene()
        self.show_step()

    @Slot(int)
    def take_step(self, index: int) -> None:
        """Show a step whose pictures are new."""
        playback = self.playback
        step = playback.run.steps[index]
        if index == playback.run.total - 1 and playback.run.is_complete() and step is not None:
            self.branches.keep_picture(step.scene, step.clean)
        if self.isHidden():
            return
        self._show_made()
        if self._desk.session.view.step_view.startswith("to_"):
            self.track.strip.update()
        else:
            self.track.strip.updateStep(index)
        if index == playback.shown() or self._desk.session.view.step_view == "to_final":
            self.show_step()
        self._show_memory()
        self._preparing.start()

    @Slot()
    def show_step(self) -> None:
        """Show the step at the playhead, from what is made already."""
        if self.isHidden():
            return
        run, index = self.playback.run, self.playback.shown()
        step = run.at(index)
        self.track.set_playhead(index)
        if step is None:
            self.title.show_words((self._failed,))
            return
        views = views_of(self._desk.session.view.step_view)
        self.title.show_words(step_words(step, self._is_guided(), self._is_preview(step, views), self._skipped(step)))
        images = [self._frames.image(run, index, each) for each in views]
        if any(image is None for image in images):  # a difference to a step that is still to be made
            return
        self._show_images([image for image in images if image is not None], views, step)

    @Slot()
    def show_scene(self) -> None:
        """Show how the run is guided, and where it turns."""
        session, facts = self._desk.session, denoising(self._desk.session)
        start = session.turn_step or 0
        total = self.playback.run.total
        if facts is not None:
            before = [
                scale_at(filled(effective(session.scene, i)[0], facts), i / max(total - 1, 1))
                for i in range(min(start, total))
            ]
            self.track.set_sampling(filled(held(session)[0], facts), start, before)
        self._show_made()
        self.whole_run.setVisible(session.turn_step is not None)
        self.whole_run.setText("" if session.turn_step is None else f"from step {session.turn_step + 1} on  ×")
        self._show_memory()

    @Slot()
    def show_view(self) -> None:
        """Show another view of the steps."""
        view = self._desk.session.view
        self.views.setValue(view.step_view)
        self.smooth.setChecked(view.smooth)
        self.canvas.set_smooth(view.smooth)
        if not self.isHidden():
            self._frames.keep_only(view.step_view)
            self._other_frames.keep_only(view.step_view)
            self.track.strip.update()
            self.show_step()
            self._preparing.start()

    @Slot(object)
    def show_failure(self, message: object) -> None:
        """Say that a run could not be made where there is none to show."""
        if self.playback.run.reach() < 0 and getattr(message, "is_error", False):
            self._failed = "The run could not be made."
            self.canvas.clear(f"{self._failed} {getattr(message, 'text', '')}")

    @Slot()
    def prepare(self) -> None:
        """Make images before they are looked at, a little at a time."""
        if self.isHidden():
            self._preparing.stop()
            return
        view, places = self._desk.session.view.step_view, self.track.places()
        more = self._frames.prepare(self.playback.run, view, places.side, self.devicePixelRatioF())
        if not more:
            self._preparing.stop()

    # --- changing ---

    @Slot(object)
    def choose_view(self, view: object) -> None:
        """Look at the steps in another way."""
        self._desk.session.set_view(replace(self._desk.session.view, step_view=str(view)))

    @Slot()
    def next_view(self) -> None:
        """Look at the steps in the next way."""
        keys = [key for key, *_ in VIEW_NAMES]
        self.choose_view(keys[(keys.index(self._desk.session.view.step_view) + 1) % len(keys)])

    @Slot()
    def toggle_smooth(self) -> None:
        view = self._desk.session.view
        self._desk.session.set_view(replace(view, smooth=not view.smooth))

    @Slot(object)
    def bend_curve(self, sampling: Sampling) -> None:
        """Guide the run like this, from where changes act."""
        go(self._desk, sampled(self._desk.session, sampling))

    @Slot()
    def settle_curve(self) -> None:
        self._desk.session.settle("Guidance curve")

    @Slot()
    def branch_here(self) -> None:
        """Keep the run, and have what is changed from now on act from the playhead on only."""
        if self.playback.run.total:
            self._desk.actions.motion.stop()
            self.branching.branch_here(self.playback.position())

    @Slot(int, QPointF)
    def show_menu(self, index: int, at: QPointF) -> None:
        """What can be done at a step."""
        self.playback.go_to(index)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Branch here", self.branch_here)
        menu.addAction("Paint here", self.brush_button.toggle)
        menu.addSeparator()
        menu.addAction("Play from here on", self.playback.toggle_in)
        menu.addAction("Play up to here", self.playback.toggle_out)
        menu.popup(at.toPoint())

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(760, 620)

    def minimumSizeHint(self) -> QSize:
        return QSize(360, 360)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrangement.place()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.comparing.set_seen(True)
        self.show_view()
        self.show_scene()
        self.branches.ask_again()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.playback.pause()
        self._preparing.stop()
        self.comparing.set_seen(False)

    # --- private ---

    def _show_images(self, images: list[QImage], views: tuple[str, ...], step: StepPictures) -> None:
        """Show a step, with the same step of the other run where one is compared."""
        other, run = self.comparing.branch(), self.playback.other
        model = self._desk.session.model
        assert model is not None, "there should be a model where there are steps"
        _, height, width = model.facts.image_shape
        names = {key: words for key, words, *_ in VIEW_NAMES}
        captions = [names[each] for each in views] if len(views) > 1 else [""]
        theirs: list[QImage | None] = []
        if other is not None:
            theirs = [self._other_frames.image(run, step.index, each) for each in views]
        mine = self.comparing.title()
        if other is not None and self.comparing.way == "beside" and theirs[-1] is not None:
            self.canvas.show_others(())
            self.canvas.show_images(
                (images[-1], theirs[-1]),
                [f"{each} · step {step.index + 1}" for each in (mine, other.name)],
                (width, height),
            )
        else:
            self.canvas.show_images(images, captions, (width, height))
            has_all = any(each is not None for each in theirs)
            self.canvas.show_others(theirs if has_all else (), (mine, other.name if other else ""))

    def _show_made(self) -> None:
        run, turns = self.playback.run, self._desk.session.scene.denoising.turns
        newest = run.at(run.made - 1) if run.made else None
        said = {turn.step: "the run is led elsewhere from here" for turn in turns}
        if self._desk.session.turn_step is not None:
            said[self._desk.session.turn_step] = "changes act from here on"
        self.track.strip.setRun(run.made, newest.reused if newest is not None else 0, said)

    def _show_memory(self) -> None:
        newest = self.playback.run.at(self.playback.run.made - 1) if self.playback.run.made else None
        self.memory_told.emit(memory_words(newest, len(self._desk.session.branches)))

    def _is_guided(self) -> bool:
        facts = denoising(self._desk.session)
        return facts is not None and facts.can_guide

    def _is_preview(self, step: StepPictures, views: tuple[str, ...]) -> bool:
        """Whether a picture shown is a linear map of the latents, not what the autoencoder makes of them."""
        facts = denoising(self._desk.session)
        if facts is None or not facts.has_autoencoder:
            return False
        is_real = {"noise": False, "noisy": step.is_complete}
        return not all(is_real.get(view, step.is_decoded) for view in views)

    def _skipped(self, step: StepPictures) -> int:
        """How many steps from pure noise on the run leaves out, because it starts from a picture."""
        facts, own = denoising(self._desk.session), step.scene.denoising
        if facts is None or own.start.picture is None:
            return 0
        return max((own.sampling.steps or facts.sampling.steps) - step.total, 0)

    @Slot()
    def _show_marks(self) -> None:
        self.track.strip.setMarks(self.playback.mark_in, self.playback.mark_out)

    @Slot(int)
    def _show_other(self, index: int) -> None:
        if index in (-1, self.playback.shown()) or self._desk.session.view.step_view == "to_final":
            self.show_step()

    @Slot(object)
    def _tell_pixel(self, pixel: tuple[int, int, tuple[int, ...]] | None) -> None:
        """Tell the pixel under the mouse, with as many values as the model has channels."""
        model = self._desk.session.model
        is_grey = model is not None and model.facts.image_shape[0] == 1
        self.pixel_hovered.emit((*pixel[:2], pixel[2][:1]) if pixel is not None and is_grey else pixel)

    @Slot(bool)
    def _take_brush(self, is_out: bool) -> None:
        if is_out and self._desk.session.view.step_view not in ("clean", "both"):
            self.choose_view("clean")
        self.brush.set_out(is_out)

    def _make_parts(self) -> None:
        self.canvas = StepCanvas(self)
        self.title = FittingLabel(self)
        self.title.setAccessibleName("Step")
        self.whole_run = QPushButton(self)
        self.whole_run.setToolTip("Changes act from this step on only. Press to have them act on the whole run again.")
        self.whole_run.setAccessibleName("Back to the whole run")
        self.views = Segments("View", [(key, words, tip) for key, words, _, tip in VIEW_NAMES], self)
        self.smooth = IconButton("smooth", "Smooth or sharp pixels (S).", self)
        self.smooth.setCheckable(True)
        self.fit = IconButton("fit", "Fit the picture into the window (0); 1 shows its true size.", self)
        self.transport = Transport(self._desk, self.playback, self)
        words = (
            "Keep this run, and begin a branch of it at the playhead: changes then act from there on, and the steps "
            "before stay (B)."
        )
        self.branch_button = IconButton("branch", words, self, "text")
        self.branch_button.setProperty("flat", False)
        self.branch_button.setText("Branch here")
        self.brush_button = IconButton("brush", "Paint into the picture at this step (P).", self, "text")
        self.brush_button.setCheckable(True)
        self.exports = RunExport(self._desk, self.playback, self)
        self.export_button = IconButton("export", "Export the run or its pictures.", self, "text")
        self.export_button.setMenu(self.exports.menu)
        self.export_button.setPopupMode(self.export_button.ToolButtonPopupMode.InstantPopup)
        self.brush = Brush(self._desk, self.playback, self.branching, self.canvas, self)
        self.track = Track(Filmstrip(self._thumbnail), GuidanceCurve(), self)
        self.branches = BranchList(self._desk, self.branching, self)

    def _thumbnail(self, index: int, side: int, ratio: float) -> QImage | None:
        view = views_of(self._desk.session.view.step_view)[-1]
        return self._frames.thumbnail(self.playback.run, index, view, side, ratio)

    def _connect(self) -> None:
        session, live, playback = self._desk.session, self._desk.live, self.playback
        live.step_shown.connect(playback.take)
        session.model_changed.connect(self.show_model)
        session.scene_seen.connect(self.show_scene)
        session.turn_changed.connect(self.show_scene)
        session.view_changed.connect(self.show_view)
        session.kept_changed.connect(self.show_scene)
        self._desk.actions.told.connect(self.show_failure)
        playback.run_changed.connect(self.show_run)
        playback.step_taken.connect(self.take_step)
        playback.moved.connect(self.show_step)
        playback.marks_changed.connect(self._show_marks)
        playback.compared.connect(self._show_other)
        self.comparing.changed.connect(self.show_step)
        self.branches.way_chosen.connect(self.comparing.set_way)
        self.views.chosen.connect(self.choose_view)
        self.smooth.clicked.connect(self.toggle_smooth)
        self.fit.clicked.connect(self.canvas.fit)
        self.whole_run.clicked.connect(self.branching.change_whole_run)
        self.branch_button.clicked.connect(self.branch_here)
        self.brush_button.toggled.connect(self._take_brush)
        self.track.strip.scrubbed.connect(playback.go_to)
        self.track.strip.menu_asked.connect(self.show_menu)
        self.track.curve.changed.connect(self.bend_curve)
        self.track.curve.settled.connect(self.settle_curve)
        self.canvas.painted.connect(live.note_painted)
        self.canvas.pixel_hovered.connect(self._tell_pixel)
