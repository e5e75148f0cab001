"""The quiet line at the bottom: device, speed, what is being worked on, whether it is saved."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QStatusBar, QWidget

from explorer.ui.panel import Desk
from explorer.workers import Jobs, JobState

__all__ = ["StatusLine"]

REFRESH_MILLISECONDS = 250


class StatusLine(QStatusBar):
    """Reads the latency of the live picture four times a second, and shows running jobs with a way to cancel."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setSizeGripEnabled(False)
        self.setContentsMargins(10, 0, 10, 0)
        self._device = QLabel(self)
        self._speed = QLabel(self)
        self._resumed = QLabel(self)
        self._resumed.setToolTip("The layer that the newest picture was continued from, and the time the others take.")
        self._pixel = QLabel(self)
        self._saved = QLabel(self)
        self._speed.setToolTip("Pictures per second, and the time from moving a control to seeing its picture.")
        self._work = [_JobLine(jobs, self) for jobs in _shown(desk)]
        for widget in (self._device, self._speed, self._resumed):
            self.addWidget(widget)
        self.addWidget(self._pixel, 1)
        for line in self._work:
            self.addPermanentWidget(line)
        self.addPermanentWidget(self._saved)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MILLISECONDS)
        self._timer.timeout.connect(self.show_speed)
        self._timer.start()
        desk.session.model_changed.connect(self.show_model)
        self.show_model()

    @Slot()
    def show_model(self) -> None:
        """Show the device the model is on."""
        model = self._desk.session.model
        self._device.setText(f"● {model.facts.device}" if model else "○ no model")

    @Slot()
    def show_speed(self) -> None:
        """Show how fast pictures follow the hand."""
        latency = self._desk.live.latency()
        last = self._desk.live.last_latency()
        if latency is not None:
            rate, p50, p95 = latency
            self._speed.setText(f"{rate:.0f} fps · input → pixels p50 {p50 * 1e3:.0f} ms · p95 {p95 * 1e3:.0f} ms")
        elif last is not None:
            self._speed.setText(f"input → pixels {last * 1e3:.0f} ms")
        else:
            self._speed.setText("")
        picture = self._desk.session.picture
        is_resumed = picture is not None and picture.restarted and last is not None
        self._resumed.setText(
            f"resumed at {picture.restarted} · saved {picture.saved * 1e3:.1f} ms" if picture and is_resumed else ""
        )

    @Slot(object)
    def show_pixel(self, read: tuple[int, int, tuple[int, ...]] | None) -> None:
        """Show the pixel under the mouse."""
        self._pixel.setText("" if read is None else f"x {read[0]}  y {read[1]}  {' '.join(map(str, read[2]))}")

    def show_saved(self, text: str) -> None:
        """Show whether the session is kept."""
        self._saved.setText(text)

    def stop(self) -> None:
        """End the refreshing, before the window goes."""
        self._timer.stop()


def _shown(desk: Desk) -> tuple[Jobs, ...]:
    """The workers a person waits for."""
    workers = desk.actions.workers
    return (workers.loader, workers.jobs, workers.atlas)


class _JobLine(QWidget):
    """The running job of one worker: what, how far, and a button to cancel."""

    def __init__(self, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._running: JobState | None = None
        self._words = QLabel(self)
        self._bar = QProgressBar(self)
        self._bar.setFixedSize(96, 6)
        self._bar.setTextVisible(False)
        self._cancel = QPushButton("Cancel", self)
        self._cancel.setToolTip("Stop this; nothing is left half written.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._words)
        row.addWidget(self._bar)
        row.addWidget(self._cancel)
        self.hide()
        jobs.changed.connect(self.show_jobs)
        self._cancel.clicked.connect(self.cancel)

    @Slot(object)
    def show_jobs(self, states: tuple[JobState, ...]) -> None:
        """Show the oldest job and how many wait behind it."""
        self._running = states[0] if states else None
        self.setVisible(bool(states))
        if self._running is None:
            return
        waiting = f"  (+{len(states) - 1})" if len(states) > 1 else ""
        note = f" · {self._running.note}" if self._running.note else ""
        self._words.setText(f"{self._running.title}{note}{waiting}")
        self._bar.setRange(0, 1000 if self._running.total else 0)
        if self._running.total:
            self._bar.setValue(round(1000 * self._running.done / self._running.total))

    @Slot()
    def cancel(self) -> None:
        if self._running is not None:
            self._jobs.cancel(self._running.key)
