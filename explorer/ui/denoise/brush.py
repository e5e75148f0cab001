"""The brush: painting over the predicted picture of a step, or what of a start picture is made anew."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QImage, QImageWriter, QPainter, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QColorDialog, QHBoxLayout, QLabel, QPushButton, QSlider, QToolButton, QWidget

from explorer.branching import Branching
from explorer.painting import start_keeping
from explorer.playback import Playback
from explorer.runs import paint_at
from explorer.scene import ImageFile
from explorer.ui.denoise.step_canvas import StepCanvas
from explorer.ui.icon_button import IconButton
from explorer.ui.panel import Desk
from explorer.ui.segments import Segments
from explorer.ui.theme import colours

__all__ = ["Brush", "painted", "png_of"]

LARGEST: Final = 0.5  # of the shorter side of the picture
WIDE: Final = 480  # pixels; below, sliders have no names but in their tool tips
MASK_SHADE: Final = 0.5
WHAT: Final = (
    ("paint", "paint", "Paint over the picture predicted at this step; the run goes on from there."),
    ("mask", "mask", "Paint what of the start picture is made anew; the rest of it is kept."),
)


class Brush(QWidget):
    """A row of tools for the picture at the playhead. A stroke is kept when the button is let go."""

    closed = Signal()

    def __init__(
        self, desk: Desk, playback: Playback, branching: Branching, canvas: StepCanvas, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._desk, self._playback, self._branching, self._canvas = desk, playback, branching, canvas
        self._colour = QColor("white")
        self._layer: QImage | None = None  # what is painted, ARGB
        self._base: QImage | None = None  # the same before the stroke that goes on
        self._stroke: QImage | None = None
        self._shown: tuple[str, int, ImageFile | None] | None = None  # what the layer was read from
        self.what = Segments("Brush", WHAT, self)
        self.what.setValue("paint")
        self.colour = QToolButton(self)
        self.colour.setToolTip("The colour of the brush.")
        self.colour.setAccessibleName("Colour of the brush")
        self.diameter = _slider("Size of the brush in pixels of the picture.", 1, 64, self)
        self.opacity = _slider("Opacity of the paint in percent.", 5, 100, self)
        self.opacity.setValue(100)
        self.eraser = IconButton("eraser", "Take paint away instead (E).", self, "text")
        self.eraser.setCheckable(True)
        self.clear = QPushButton("Clear", self)
        self.clear.setToolTip("Take all of the paint away.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.what)
        row.addWidget(self.colour)
        self.what.setFixedWidth(self.what.sizeHint().width())
        self._labels = []
        for words, slider in (("Size", self.diameter), ("Opacity", self.opacity)):
            label = QLabel(words, self)
            label.setProperty("dim", True)
            label.setBuddy(slider)
            self._labels.append(label)
            row.addWidget(label)
            row.addWidget(slider, 1)
        row.addWidget(self.eraser)
        row.addWidget(self.clear)
        row.addStretch(1)
        self.what.chosen.connect(self.show_layer)
        self.colour.clicked.connect(self.ask_colour)
        self.diameter.valueChanged.connect(self.show_size)
        self.clear.clicked.connect(self.clear_layer)
        canvas.stroked.connect(self.stroke)
        canvas.stroke_ended.connect(self.keep)
        playback.moved.connect(self.show_layer)
        desk.session.scene_seen.connect(self.show_layer)
        self.hide()
        self._dress()

    # --- showing ---

    def set_out(self, is_out: bool) -> None:
        """Take the brush out or put it away."""
        self.setVisible(is_out)
        if not is_out:
            self.eraser.setChecked(False)  # the next stroke paints
        if is_out:
            self._playback.pause()
            model = self._desk.session.model
            if model is not None:
                side = min(model.facts.image_shape[1:])
                self.diameter.setMaximum(max(int(side * LARGEST), 2))
                if self.diameter.value() == self.diameter.minimum():
                    self.diameter.setValue(max(side // 10, 1))
        self._shown = None
        self.show_size()
        self.show_layer()

    @Slot()
    def show_size(self) -> None:
        self._canvas.set_brush(float(self.diameter.value()) if not self.isHidden() else 0.0)

    @Slot()
    def show_layer(self) -> None:
        """Show what is painted at the playhead, read from the scene."""
        session = self._desk.session
        if self.isHidden() or session.model is None:
            self._canvas.show_layer(None)
            return
        has_start = session.scene.denoising.start.picture is not None
        self.what.button("mask").setEnabled(has_start)
        if not has_start and self.what.value() == "mask":
            self.what.setValue("paint")
        is_mask = self.what.value() == "mask"
        for widget in (self.colour, self.opacity):
            widget.setEnabled(not is_mask)
        step = 0 if is_mask else self._playback.position()
        file = session.scene.denoising.start.mask if is_mask else paint_at(session.scene, step)
        if self._stroke is None and (str(self.what.value()), step, file) != self._shown:
            self._shown = str(self.what.value()), step, file
            self._layer = _read(file, is_mask)
        self.clear.setEnabled(self._layer is not None)
        self._canvas.show_layer(_veil(self._layer) if is_mask and self._layer is not None else self._layer)

    # --- painting ---

    @Slot(QPointF, QPointF)
    def stroke(self, start: QPointF, end: QPointF) -> None:
        """Paint from one point of the picture to another."""
        model = self._desk.session.model
        if model is None or self.isHidden():
            return
        _, height, width = model.facts.image_shape
        if self._stroke is None:
            self._base = self._layer if self._layer is not None else _blank(width, height)
            self._stroke = _blank(width, height)
        assert self._base is not None
        is_mask = self.what.value() == "mask"
        _draw(self._stroke, start, end, float(self.diameter.value()), QColor("white") if is_mask else self._colour)
        opacity = 1.0 if is_mask else self.opacity.value() / 100
        self._layer = painted(self._base, self._stroke, opacity, self.eraser.isChecked())
        self._canvas.show_layer(_veil(self._layer) if is_mask else self._layer)

    @Slot()
    def keep(self) -> None:
        """Write the layer to a file and let the run go on from it."""
        if self._stroke is None or self._layer is None:
            return
        is_mask, step = self.what.value() == "mask", self._playback.position()
        has_changed = self._layer != self._base
        self._stroke = self._base = None
        if not has_changed:  # taken away where there was nothing, or painted beside the picture
            self._shown = None
            self.show_layer()
            return
        layer, actions = QImage(self._layer), self._desk.actions
        if not is_mask and layer == _blank(layer.width(), layer.height()):  # all of it is taken away
            self.clear_layer()
            return
        encode = partial(png_of, layer, is_mask)
        folder = actions.autosave_path.parent / "paint"
        start_keeping(actions.workers.background, folder, encode, partial(self._take, is_mask, step))

    @Slot()
    def clear_layer(self) -> None:
        """Take all of the paint away."""
        if self._layer is not None:
            self._go(self.what.value() == "mask", self._playback.position(), None)
            self._shown = None
            self.show_layer()

    @Slot()
    def toggle_eraser(self) -> None:
        """Paint, or take paint away, while the brush is out."""
        if not self.isHidden():
            self.eraser.toggle()

    @Slot()
    def ask_colour(self) -> None:
        """Let a person choose the colour."""
        dialog = QColorDialog(self._colour, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(self.set_colour)
        dialog.open()

    @Slot(QColor)
    def set_colour(self, colour: QColor) -> None:
        """Paint in this colour; models of grey pictures get its grey."""
        model = self._desk.session.model
        if model is not None and model.facts.image_shape[0] == 1:
            grey = round(0.299 * colour.red() + 0.587 * colour.green() + 0.114 * colour.blue())
            colour = QColor(grey, grey, grey)
        self._colour = colour
        self._dress()

    # --- Qt ---

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for label in self._labels:
            label.setVisible(self.width() >= WIDE)

    # --- private ---

    def _take(self, is_mask: bool, step: int, file: ImageFile) -> None:
        if self._stroke is None:  # no newer stroke has begun
            self._shown = "mask" if is_mask else "paint", 0 if is_mask else step, file
        self._go(is_mask, step, file)

    def _go(self, is_mask: bool, step: int, file: ImageFile | None) -> None:
        session = self._desk.session
        if session.model is None:
            return
        self._desk.actions.motion.stop()
        if is_mask:
            denoising = session.scene.denoising
            start = replace(denoising.start, mask=file)
            session.change(replace(session.scene, denoising=replace(denoising, start=start)), "Mask")
        else:
            self._branching.paint(file, step)

    def _dress(self) -> None:
        swatch = QPixmap(16, 16)
        swatch.fill(Qt.GlobalColor.transparent)
        painter = QPainter(swatch)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours().dim), 1))
        painter.setBrush(self._colour)
        painter.drawEllipse(QPointF(8, 8), 6.5, 6.5)
        painter.end()
        self.colour.setIcon(QIcon(swatch))


def painted(base: QImage, stroke: QImage, opacity: float, erases: bool) -> QImage:
    """A layer with a stroke laid over it, or taken out of it; overlapping parts of one stroke count once."""
    layer = QImage(base)
    painter = QPainter(layer)
    painter.setOpacity(opacity)
    modes = QPainter.CompositionMode
    painter.setCompositionMode(modes.CompositionMode_DestinationOut if erases else modes.CompositionMode_SourceOver)
    painter.drawImage(0, 0, stroke)
    painter.end()
    return layer


def png_of(layer: QImage, is_mask: bool) -> bytes:
    """A layer as PNG with transparency; a mask as white on black. Any thread."""
    image = layer
    if is_mask:
        image = QImage(layer.size(), QImage.Format.Format_RGB32)
        image.fill(QColor("black"))
        painter = QPainter(image)
        painter.drawImage(0, 0, layer)
        painter.end()
        image = image.convertToFormat(QImage.Format.Format_Grayscale8)
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"PNG")).write(image)
    return bytes(data.data())


def _read(file: ImageFile | None, is_mask: bool) -> QImage | None:
    """The layer in a file; None where there is none, or it is gone."""
    image = QImage(file.path) if file is not None else QImage()
    if image.isNull():
        return None
    if not is_mask:
        return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    layer = QImage(image.size(), QImage.Format.Format_ARGB32)
    layer.fill(QColor("white"))
    layer.setAlphaChannel(image.convertToFormat(QImage.Format.Format_Grayscale8))
    return layer.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def _veil(mask: QImage) -> QImage:
    """A mask as it is shown over the picture."""
    veil = QImage(mask)
    painter = QPainter(veil)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    hue = QColor(colours().accent)
    hue.setAlphaF(MASK_SHADE)
    painter.fillRect(veil.rect(), hue)
    painter.end()
    return veil


def _blank(width: int, height: int) -> QImage:
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    return image


def _draw(image: QImage, start: QPointF, end: QPointF, diameter: float, colour: QColor) -> None:
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(colour, diameter, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    if start == end:
        painter.drawPoint(start)
    else:
        painter.drawLine(start, end)
    painter.end()


def _slider(tooltip: str, low: int, high: int, parent: QWidget) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal, parent)
    slider.setRange(low, high)
    slider.setToolTip(tooltip)
    slider.setAccessibleName(tooltip)
    slider.setMinimumWidth(40)
    slider.setMaximumWidth(120)
    return slider
