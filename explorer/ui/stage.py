"""The picture alone on a screen, for an audience."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, QSizeF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QHideEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QScreen
from PySide6.QtWidgets import QWidget

from explorer.imaging import Picture
from explorer.session import Session
from explorer.ui.images import draw_image, qimage
from explorer.ui.view import fitted

__all__ = ["Stage", "usual_screen"]

MOUSE_MILLISECONDS: Final = 1_000  # that the mouse is seen for after it moved


def usual_screen() -> QScreen:
    """The second screen where there is one, otherwise the only one."""
    screens = QGuiApplication.screens()
    return screens[1] if len(screens) > 1 else screens[0]


class Stage(QWidget):
    """A window without a frame that shows the picture and black around it.

    Escape or a double click closes it, F11 makes it fill the screen or no longer.
    """

    closed = Signal()
    told = Signal(str)  # what happened, in a sentence

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window | Qt.WindowType.FramelessWindowHint)
        self._session = session
        self._image: QImage | None = None
        self._on: QScreen | None = None
        self.setWindowTitle("Stage")
        self.setAccessibleName("The picture alone")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self._mouse = QTimer(self)
        self._mouse.setSingleShot(True)
        self._mouse.setInterval(MOUSE_MILLISECONDS)
        self._mouse.timeout.connect(self.hide_mouse)
        session.picture_shown.connect(self.show_picture)
        session.view_changed.connect(self.update)
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.screenRemoved.connect(self.leave_screen)

    def open_on(self, screen: QScreen) -> None:
        """Fill a screen."""
        self._on = screen
        self.setScreen(screen)
        self.setGeometry(screen.geometry())
        self.showFullScreen()
        if self._session.picture is not None:
            self.show_picture(self._session.picture)
        self._mouse.start()

    @Slot(object)
    def show_picture(self, picture: Picture) -> None:
        """Show a picture, soon."""
        if self.isVisible():
            self._image = qimage(picture.pixels)
            self.update()

    @Slot(QScreen)
    def leave_screen(self, screen: QScreen) -> None:
        """Close where the screen has gone: on another one it would cover what a person works with."""
        if screen is self._on and self.isVisible():
            self.close()
            self.told.emit("The screen that showed the picture is gone. Show it on another one from the menu.")

    @Slot()
    def hide_mouse(self) -> None:
        self.setCursor(Qt.CursorShape.BlankCursor)

    @Slot()
    def toggle_full_screen(self) -> None:
        """Fill the screen, or be a window of half its size."""
        if self.isFullScreen():
            self.showNormal()
            room = self.screen().availableGeometry()
            self.resize(room.size() / 2)
            self.move(room.center() - self.rect().center())
        else:
            self.showFullScreen()

    # --- Qt ---

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), Qt.GlobalColor.black)
        if self._image is not None:
            size, smooth = QSizeF(self._image.size()), self._session.view.smooth
            view = fitted(size, QRectF(self.rect()), self.devicePixelRatioF(), whole=not smooth)
            draw_image(painter, view.to_screen(QRectF(0, 0, size.width(), size.height())), self._image, smooth)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        elif event.key() == Qt.Key.Key_F11:
            self.toggle_full_screen()
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.close()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.unsetCursor()
        self._mouse.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._mouse.stop()
        self._image = None
        self.closed.emit()
