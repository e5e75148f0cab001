"""The look of the window: two palettes, one style sheet, and icons in the palette's colours.

Widgets that paint themselves ask ``colours()`` while painting, so that they follow a change of theme by repainting.
The style sheet is ``resources/style.qss``, a template in which ``@accent`` and its like stand for the palette.
Everything here runs on the main thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache
from typing import Final

from PySide6.QtCore import QByteArray, QCoreApplication, QObject, QRectF, Qt, Slot
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from explorer.files import resources_folder

__all__ = ["DARK", "LIGHT", "Palette", "application_icon", "apply_theme", "blended", "colours", "icon"]


@dataclass(frozen=True, slots=True)
class Palette:
    """The ten colours of one theme, as ``#rrggbb``.

    ``text`` can be read on every ground, ``dim`` and ``red`` on ``background`` and ``panel``, ``accent`` on ``panel``;
    ``amber`` and ``green`` are for lines and marks.
    """

    background: str
    panel: str
    raised: str
    line: str
    text: str
    dim: str
    accent: str
    amber: str
    red: str
    green: str


DARK: Final = Palette(
    background="#16181d",
    panel="#1d2026",
    raised="#262a32",
    line="#30353f",
    text="#e6e8ec",
    dim="#8d95a3",
    accent="#6ea8fe",
    amber="#ffb454",
    red="#ff6b6b",
    green="#7bd88f",
)
LIGHT: Final = Palette(
    background="#f4f5f7",
    panel="#ffffff",
    raised="#eef0f3",
    line="#d9dde3",
    text="#1d2129",
    dim="#69707d",
    accent="#2f6fde",
    amber="#b76e00",
    red="#c93a3a",
    green="#2e8b57",
)

MODE_PROPERTY: Final = "explorer_theme_mode"  # "system", "dark" or "light": what was asked for
LOOK_PROPERTY: Final = "explorer_theme_look"  # "dark" or "light": what it came to
ICON_SIZES: Final = (16, 24, 32, 48)
APPLICATION_ICON_SIZES: Final = (16, 24, 32, 48, 64, 128, 256)


def apply_theme(app: QApplication, mode: str) -> Palette:
    """Dress the whole application in the ``mode`` "system", "dark" or "light", and give the palette in use.

    In "system" mode the application goes on following the desktop until another mode is applied. A desktop that does
    not say which it prefers gets the dark look.
    """
    assert mode in ("system", "dark", "light"), "mode should be system, dark or light"
    hints = app.styleHints()
    app.setProperty(MODE_PROPERTY, mode)
    if mode == "system":
        hints.unsetColorScheme()
        look = "light" if hints.colorScheme() == Qt.ColorScheme.Light else "dark"
    else:
        hints.setColorScheme(Qt.ColorScheme.Dark if mode == "dark" else Qt.ColorScheme.Light)
        look = mode
    if app.findChild(_SystemFollower) is None:
        _SystemFollower(app)
    palette = LIGHT if look == "light" else DARK
    app.setProperty(LOOK_PROPERTY, look)
    app.setStyle("Fusion")
    app.setPalette(_qt_palette(palette))
    app.setStyleSheet(_style_sheet(palette, look))
    return palette


def colours() -> Palette:
    """The palette in use, for painting; dark before any theme was applied."""
    app = QCoreApplication.instance()
    return LIGHT if app is not None and app.property(LOOK_PROPERTY) == "light" else DARK


def icon(name: str, colour: str = "text") -> QIcon:
    """The line icon ``resources/icons/<name>.svg`` in a colour of the palette, dim where it is disabled.

    An icon keeps the colours it was made with: make it again when the palette changes (``IconButton`` does).
    """
    palette, made = colours(), QIcon()
    for mode, hue in (
        (QIcon.Mode.Normal, getattr(palette, colour)),
        (QIcon.Mode.Disabled, blended(palette.dim, palette.panel, 0.5)),
    ):
        for image in _drawn(name, hue):
            made.addPixmap(QPixmap.fromImage(image), mode)
    return made


def application_icon() -> QIcon:
    """The mark of the program, for windows and the task bar."""
    renderer = QSvgRenderer(str(resources_folder() / "icons" / "app.svg"))
    made = QIcon()
    for size in APPLICATION_ICON_SIZES:
        made.addPixmap(QPixmap.fromImage(_rendered(renderer, size)))
    return made


def blended(colour: str, ground: str, share: float) -> str:
    """``colour`` laid over ``ground`` with the opacity ``share`` (0 to 1), as ``#rrggbb``."""
    over, under = QColor(colour), QColor(ground)
    pairs = ((over.red(), under.red()), (over.green(), under.green()), (over.blue(), under.blue()))
    return QColor(*(round(above * share + below * (1 - share)) for above, below in pairs)).name()


class _SystemFollower(QObject):
    """A child of the application that applies the theme again when the desktop changes between light and dark."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        app.styleHints().colorSchemeChanged.connect(self.follow)

    @Slot()
    def follow(self) -> None:
        scheme = self._app.styleHints().colorScheme()
        wanted = "light" if scheme == Qt.ColorScheme.Light else "dark"
        if self._app.property(MODE_PROPERTY) == "system" and self._app.property(LOOK_PROPERTY) != wanted:
            apply_theme(self._app, "system")


@cache  # many buttons have the same icon
def _drawn(name: str, hue: str) -> tuple[QImage, ...]:
    """A line icon in one colour, in all sizes."""
    source = (resources_folder() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(source.replace("currentColor", hue).encode()))
    return tuple(_rendered(renderer, size) for size in ICON_SIZES)


def _rendered(renderer: QSvgRenderer, size: int) -> QImage:
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return image


def _style_sheet(palette: Palette, look: str) -> str:
    """The template with every ``@name`` replaced; a name it does not know is a mistake in the template."""
    values = {field.name: getattr(palette, field.name) for field in fields(palette)}
    values |= {
        "hover": blended(palette.text, palette.raised, 0.07),
        "pressed": blended(palette.text, palette.raised, 0.14),
        "scroll": blended(palette.dim, palette.panel, 0.45),
        "selection": blended(palette.accent, palette.panel, 0.25),
        "faint": blended(palette.dim, palette.panel, 0.6),
        "icons": (resources_folder() / "icons").as_posix(),
        "look": look,
    }
    template = (resources_folder() / "style.qss").read_text(encoding="utf-8")
    return re.sub(r"@([a-z]+)", lambda match: values[match[1]], template)


def _qt_palette(palette: Palette) -> QPalette:
    """The same colours in the roles of Qt, for whatever the style sheet does not reach."""
    role, made = QPalette.ColorRole, QPalette()
    for colour, roles in (
        (palette.background, (role.Window,)),
        (palette.panel, (role.Base, role.HighlightedText)),
        (palette.raised, (role.AlternateBase, role.Button, role.ToolTipBase, role.Light, role.Midlight)),
        (palette.line, (role.Mid, role.Dark, role.Shadow)),
        (palette.text, (role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText)),
        (palette.dim, (role.PlaceholderText,)),
        (palette.accent, (role.Highlight, role.Link, role.LinkVisited, role.Accent)),
    ):
        for each in roles:
            made.setColor(each, QColor(colour))
    faint = QColor(blended(palette.dim, palette.panel, 0.6))
    for each in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, each, faint)
    return made
