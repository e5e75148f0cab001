"""The promises of the widgets: what moves, what is emitted, which pixel is which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets")
pytest.importorskip("pytestqt")

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from explorer.files import resources_folder
from explorer.ui.canvas import Canvas
from explorer.ui.controls import Bars, Card, Gauge, IconButton, SliderList, SliderRow, ThumbnailStrip, qimage
from explorer.ui.pad import Pad, cell_position
from explorer.ui.slider_parts import Scale, columns
from explorer.ui.theme import DARK, LIGHT, Palette, application_icon, apply_theme, colours, icon
from explorer.ui.view import View, zoomed

LEFT = Qt.MouseButton.LeftButton
ICONS = sorted(
    file.stem for file in (resources_folder() / "icons").glob("*.svg") if not file.stem.startswith(("style", "app"))
)


@pytest.fixture(autouse=True)
def dark(qapp: QApplication) -> Iterator[None]:
    apply_theme(qapp, "dark")
    yield
    apply_theme(qapp, "dark")


def shown(qtbot: QtBot, widget: QWidget, width: int, height: int) -> None:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    widget.activateWindow()
    QApplication.processEvents()


def heard(signal: Any) -> list[tuple[Any, ...]]:
    """Everything a signal says from now on."""
    calls: list[tuple[Any, ...]] = []

    def keep(*values: Any) -> None:
        calls.append(values)

    signal.connect(keep)
    return calls


def drag(qtbot: QtBot, widget: QWidget, *points: QPoint) -> None:
    qtbot.mousePress(widget, LEFT, pos=points[0])
    for point in points[1:]:
        here = QPointF(point)
        event = QMouseEvent(
            QEvent.Type.MouseMove, here, widget.mapToGlobal(here), Qt.MouseButton.NoButton, LEFT, Qt.KeyboardModifier(0)
        )
        QApplication.sendEvent(widget, event)
    qtbot.mouseRelease(widget, LEFT, pos=points[-1])


def hover(widget: QWidget, point: QPointF) -> None:
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, point, widget.mapToGlobal(point), none, none, Qt.KeyboardModifier(0))
    QApplication.sendEvent(widget, event)


def turn_wheel(widget: QWidget, point: QPointF, angle: int) -> QWheelEvent:
    event = QWheelEvent(
        point,
        widget.mapToGlobal(point),
        QPoint(),
        QPoint(0, angle),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier(0),
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
    return event


def numbered(height: int, width: int, channels: int = 3) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A picture in which no two pixels are equal: red says x, green says y."""
    pixels = np.zeros((height, width, channels), np.uint8)
    pixels[..., 0] = np.arange(width)[None, :]
    if channels == 3:
        pixels[..., 1] = np.arange(height)[:, None]
    return pixels


# --- theme ---


def contrast(first: str, second: str) -> float:
    """WCAG 2.1, relative luminance and contrast ratio."""

    def luminance(colour: str) -> float:
        channels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
def test_text_has_a_contrast_of_at_least_four_and_a_half(palette: Palette) -> None:
    grounds = {
        palette.text: (palette.background, palette.panel, palette.raised, palette.line),
        palette.dim: (palette.background, palette.panel),
        palette.red: (palette.background, palette.panel),
        palette.accent: (palette.panel,),
        palette.panel: (palette.accent,),
    }
    assert min(contrast(words, ground) for words in grounds for ground in grounds[words]) >= 4.5


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
def test_lines_and_marks_have_a_contrast_of_at_least_three(palette: Palette) -> None:
    marks = (palette.accent, palette.amber, palette.red, palette.green)
    assert min(contrast(mark, palette.panel) for mark in marks) >= 3


def test_the_applied_theme_is_the_one_painted_with(qapp: QApplication) -> None:
    assert apply_theme(qapp, "light") is LIGHT
    assert colours() is LIGHT
    assert apply_theme(qapp, "dark") is DARK
    assert colours() is DARK
    assert apply_theme(qapp, "system") is colours()


def test_the_style_sheet_names_only_colours_and_files_that_exist(qapp: QApplication) -> None:
    sheet = qapp.styleSheet()
    assert "@" not in sheet
    files = [piece.split('"')[0] for piece in sheet.split('url("')[1:]]
    assert files
    assert all(QImage(file).width() > 0 for file in files)


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_is_drawn_in_the_colour_of_the_text(name: str) -> None:
    image = icon(name).pixmap(48, 48).toImage()
    colours_seen = (image.pixelColor(x, y) for x in range(48) for y in range(48))
    drawn = [(seen.red(), seen.green(), seen.blue()) for seen in colours_seen if seen.alpha() == 255]
    assert drawn
    assert np.abs(np.array(drawn) - (0xE6, 0xE8, 0xEC)).max() <= 2


def test_the_application_icon_has_a_large_and_a_small_size(qapp: QApplication) -> None:
    sizes = {size.width() for size in application_icon().availableSizes()}
    assert {16, 256} <= sizes


def test_the_icons_asked_for_are_there() -> None:
    wanted = {"undo", "redo", "play", "pause", "star", "star-filled", "grid", "picture", "fit", "open", "save", "film"}
    wanted |= {
        "cell",
        "table",
        "close",
        "chevron-down",
        "chevron-right",
        "dice",
        "arrow-left",
        "arrow-right",
        "loop",
        "more",
        "beside",
        "swap",
    }
    wanted |= {
        "branch",
        "brush",
        "eraser",
        "export",
        "mark-in",
        "mark-out",
        "step-back",
        "step-on",
        "to-end",
        "to-start",
    }
    wanted |= {"trash", "wipe"}
    assert wanted | {"tear-off", "plus", "smooth", "cell", "table"} == set(ICONS)


def test_every_icon_file_says_nothing_but_shapes() -> None:
    texts = [file.read_text() for file in (resources_folder() / "icons").glob("*.svg")]
    assert all("<script" not in text and "href" not in text for text in texts)


def test_an_icon_button_follows_the_theme(qapp: QApplication, qtbot: QtBot) -> None:
    button = IconButton("play", "Play")
    shown(qtbot, button, 24, 24)
    before = button.icon().cacheKey()
    apply_theme(qapp, "light")
    assert button.icon().cacheKey() != before


# --- pixels ---


@pytest.mark.parametrize(("width", "channels"), [(67, 3), (67, 1), (64, 3), (1, 1)])
def test_an_image_has_the_pixels_of_the_array_at_any_width(width: int, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, width, channels), np.uint8)
    image = qimage(pixels[:, ::-1])
    read = [[image.pixelColor(x, y).getRgb()[:channels] for x in range(width)] for y in range(5)]
    assert np.array_equal(np.array(read), pixels[:, ::-1])


def test_an_image_does_not_see_later_writes_to_the_array() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    image = qimage(pixels)
    pixels[:] = 255
    assert image.pixelColor(0, 0).red() == 0


# --- slider row ---


@pytest.fixture
def row(qtbot: QtBot) -> SliderRow:
    made = SliderRow("Truncation", 0, 1, 0.5, tooltip="How far from the mean.")
    shown(qtbot, made, 306, 24)
    return made


def test_a_drag_says_values_while_moving_and_settles_once(qtbot: QtBot, row: SliderRow) -> None:
    values, settled = heard(row.valueChanged), heard(row.settled)
    track = columns(row.rect()).track
    drag(qtbot, row, *(QPoint(x, 12) for x in (track.left() + 10, track.left() + 40, track.right())))
    assert [round(value, 2) for (value,) in values] == sorted(round(value, 2) for (value,) in values)
    assert len(values) == 3
    assert row.value() == 1.0
    assert len(settled) == 1


def test_setting_a_value_is_silent_and_exact(row: SliderRow) -> None:
    values = heard(row.valueChanged)
    row.setValue(0.123456)
    assert row.value() == 0.123456
    assert values == []


def test_a_double_click_on_the_name_resets_and_settles(qtbot: QtBot, row: SliderRow) -> None:
    row.setValue(0.9)
    settled = heard(row.settled)
    qtbot.mouseDClick(row, LEFT, pos=columns(row.rect()).label.center())
    assert (row.value(), len(settled)) == (0.5, 1)


def test_a_double_click_on_the_value_edits_it(qtbot: QtBot, row: SliderRow) -> None:
    settled = heard(row.settled)
    qtbot.mouseDClick(row, LEFT, pos=columns(row.rect()).value.center())
    edit = row.findChild(QLineEdit)
    assert edit is not None
    assert edit.isVisible()
    edit.setText("0,25")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert (row.value(), len(settled), edit.isVisible()) == (0.25, 1, False)


def test_escape_and_nonsense_leave_the_value_alone(qtbot: QtBot, row: SliderRow) -> None:
    values = heard(row.valueChanged)
    edit = row.findChild(QLineEdit)
    assert edit is not None
    for text, key in (("0.9", Qt.Key.Key_Escape), ("much", Qt.Key.Key_Return), ("nan", Qt.Key.Key_Return)):
        row.startEdit()
        edit.setText(text)
        qtbot.keyClick(edit, key)
    assert (row.value(), values) == (0.5, [])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (Qt.Key.Key_Right, 0.51),
        (Qt.Key.Key_Left, 0.49),
        (Qt.Key.Key_PageUp, 0.6),
        (Qt.Key.Key_PageDown, 0.4),
        (Qt.Key.Key_Home, 0.0),
        (Qt.Key.Key_End, 1.0),
    ],
)
def test_keys_move_a_slider_and_settle_once(qtbot: QtBot, row: SliderRow, key: Qt.Key, value: float) -> None:
    settled = heard(row.settled)
    qtbot.keyClick(row, key)
    assert row.value() == pytest.approx(value)
    assert len(settled) == 1


def test_a_click_that_changes_nothing_settles_nothing(qtbot: QtBot, row: SliderRow) -> None:
    row.setValue(1.0)
    settled = heard(row.settled)
    qtbot.mouseClick(row, LEFT, pos=columns(row.rect()).track.topRight() + QPoint(0, 12))
    assert settled == []


def test_the_wheel_is_left_to_the_panel(row: SliderRow) -> None:
    event = turn_wheel(row, QPointF(150, 12), 120)
    assert (row.value(), event.isAccepted()) == (0.5, False)


def test_rows_of_one_width_have_their_columns_in_line() -> None:
    first, second = columns(QRect(0, 0, 306, 24)), columns(QRect(0, 48, 298, 24), taken=8)
    assert (first.label.left(), first.label.width(), first.value.width()) == (0, 92, 56)
    assert (first.track.left(), first.track.width()) == (second.track.left(), second.track.width())


def test_values_are_written_with_sign_true_minus_and_unit() -> None:
    scale = Scale(-3, 3, 0, 1, "\N{GREEK SMALL LETTER SIGMA}")
    assert [scale.text(value) for value in (0.9, -0.4, -0.01)] == ["+0.9 σ", "\N{MINUS SIGN}0.4 σ", "0.0 σ"]


@pytest.mark.parametrize("value", [-2.5, 0.0, 1.25])
def test_a_written_value_reads_back(value: float) -> None:
    scale = Scale(-3, 3, 0, 2, "σ")
    assert scale.parsed(scale.text(value)) == value


# --- slider list ---


class CountingList(SliderList):
    """A list that remembers which rows it painted."""

    def __init__(self) -> None:
        super().__init__()
        self.painted: list[int] = []

    def paintRow(self, painter: QPainter, row: int) -> None:
        self.painted.append(row)
        super().paintRow(painter, row)


@pytest.fixture
def sliders(qtbot: QtBot) -> CountingList:
    made = CountingList()
    made.setRows([f"Dimension {index}" for index in range(512)])
    shown(qtbot, made, 306, 240)
    return made


def test_five_hundred_rows_paint_only_those_in_sight(sliders: CountingList) -> None:
    sliders.painted.clear()
    sliders.verticalScrollBar().setValue(24 * 100)
    sliders.viewport().repaint()
    assert 10 <= len(set(sliders.painted)) <= 12
    assert min(sliders.painted) == 100


def test_dragging_a_row_says_which_and_settles_once(qtbot: QtBot, sliders: CountingList) -> None:
    values, settled = heard(sliders.valueChanged), heard(sliders.settled)
    track = sliders.rowColumns(3).track
    drag(qtbot, sliders.viewport(), track.center(), track.center() + QPoint(20, 0), track.center() + QPoint(300, 0))
    assert {row for row, _ in values} == {3}
    assert (sliders.values()[3], len(settled)) == (3.0, 1)


def test_list_rows_reset_and_edit_like_single_sliders(qtbot: QtBot, sliders: CountingList) -> None:
    sliders.setValues(np.ones(512))
    settled = heard(sliders.settled)
    qtbot.mouseDClick(sliders.viewport(), LEFT, pos=sliders.rowColumns(1).label.center())
    qtbot.mouseDClick(sliders.viewport(), LEFT, pos=sliders.rowColumns(2).value.center())
    edit = sliders.viewport().findChild(QLineEdit)
    assert edit is not None
    edit.setText("-1.5")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert sliders.values()[:4].tolist() == [1.0, 0.0, -1.5, 1.0]
    assert len(settled) == 2


def test_keys_select_change_and_reset_rows(qtbot: QtBot, sliders: CountingList) -> None:
    sliders.select(0)
    values, settled = heard(sliders.valueChanged), heard(sliders.settled)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Delete):
        qtbot.keyClick(sliders, key)
    assert values == [(1, pytest.approx(0.05)), (1, 0.0)]
    assert len(settled) == 2
    qtbot.keyClick(sliders, Qt.Key.Key_End)
    assert sliders.selectedRow() == 511
    assert sliders.verticalScrollBar().value() == sliders.verticalScrollBar().maximum()


def test_filter_and_order_decide_the_rows_shown(sliders: CountingList) -> None:
    sliders.setFilter("dimension 51")
    assert sliders.shownRows() == (51, 510, 511)
    sliders.setOrder(range(511, -1, -1))
    assert sliders.shownRows() == (511, 510, 51)
    sliders.setFilter("")
    assert sliders.shownRows()[:2] == (511, 510)


def test_a_filtered_list_changes_the_row_that_is_seen(qtbot: QtBot, sliders: CountingList) -> None:
    sliders.setFilter("300")
    values = heard(sliders.valueChanged)
    qtbot.mouseClick(sliders.viewport(), LEFT, pos=QPoint(sliders.rowColumns(300).track.right(), 12))
    assert values == [(300, 3.0)]


def test_the_wheel_scrolls_a_list_and_changes_no_value(sliders: CountingList) -> None:
    turn_wheel(sliders.viewport(), QPointF(150, 60), -120)
    assert sliders.verticalScrollBar().value() > 0
    assert not sliders.values().any()


def test_a_tabbed_to_list_selects_its_first_row(sliders: CountingList) -> None:
    sliders.setFocus(Qt.FocusReason.TabFocusReason)
    assert sliders.selectedRow() == 0


def test_setting_all_values_is_silent(sliders: CountingList) -> None:
    values = heard(sliders.valueChanged)
    sliders.setValues(np.linspace(-3, 3, 512))
    assert values == []


# --- card ---


def test_a_card_hides_its_body_and_says_so(qtbot: QtBot) -> None:
    card, body = Card("Latent"), QLabel("body")
    card.setBody(body)
    shown(qtbot, card, 330, 120)
    said = heard(card.collapsedChanged)
    chevron = card.findChildren(IconButton)[0]
    qtbot.keyClick(chevron, Qt.Key.Key_Space)
    assert (card.isCollapsed(), body.isVisible(), said) == (True, False, [(True,)])
    qtbot.mouseClick(chevron, LEFT)
    assert (card.isCollapsed(), body.isVisible()) == (False, True)


def test_a_cards_menu_asks_to_move_and_to_tear_off(qtbot: QtBot) -> None:
    card = Card("Latent")
    qtbot.addWidget(card)
    moves, tears = heard(card.moveAsked), heard(card.tearAsked)
    for action in card.menu().actions():
        action.trigger()
    assert (moves, len(tears)) == ([(-1,), (1,)], 1)


def test_a_cards_state_is_kept_in_full_however_narrow_it_is(qtbot: QtBot) -> None:
    card = Card("Latent")
    shown(qtbot, card, 160, 60)
    card.setState("a state that is far too long for so narrow a card")
    assert card.state().endswith("narrow a card")
    assert card.state() in {label.toolTip() for label in card.findChildren(QLabel)}
    assert card.minimumSizeHint().width() < 160


# --- gauge and bars ---


@pytest.mark.parametrize(("value", "outside"), [(-3.5, False), (-1.0, True), (None, False), (float("nan"), False)])
def test_a_gauge_is_red_only_outside_its_band(qtbot: QtBot, value: float | None, outside: bool) -> None:
    gauge = Gauge()
    gauge.setRange(-5, 0)
    gauge.setBand(-4, -3)
    gauge.setValue(value)
    shown(qtbot, gauge, 200, 24)
    image = gauge.grab().toImage()
    names = {image.pixelColor(x, 10).name() for x in range(image.width())}
    assert (DARK.red in names) is outside


def test_bars_say_which_is_hovered_and_which_is_chosen(qtbot: QtBot) -> None:
    bars = Bars()
    bars.setValues([1.0, np.nan, 3.0, 4.0])
    bars.setUnit("nats")
    shown(qtbot, bars, 80, 40)
    hovered, chosen = heard(bars.hovered), heard(bars.chosen)
    hover(bars, QPointF(50, 20))
    qtbot.mouseClick(bars, LEFT, pos=QPoint(79, 20))
    qtbot.keyClick(bars, Qt.Key.Key_Left)
    qtbot.keyClick(bars, Qt.Key.Key_Return)
    assert [index for (index,) in hovered] == [2, 3, 2]
    assert chosen == [(3,), (2,)]
    assert bars.readOut(2) == "2: 3 nats"


# --- thumbnails ---


class CountingStrip(ThumbnailStrip):
    """A strip that remembers which items it painted."""

    def __init__(self) -> None:
        super().__init__()
        self.painted: list[int] = []

    def paintItem(self, painter: QPainter, place: int) -> None:
        self.painted.append(place)
        super().paintItem(painter, place)


@pytest.fixture
def strip(qtbot: QtBot) -> CountingStrip:
    made = CountingStrip()
    made.setItems([(f"seed {at}", numbered(8, 8) if at % 2 else None, f"Seed {at}") for at in range(500)])
    shown(qtbot, made, 580, made.height())
    return made


def test_a_click_chooses_a_thumbnail(qtbot: QtBot, strip: CountingStrip) -> None:
    chosen = heard(strip.chosen)
    qtbot.mouseClick(strip.viewport(), LEFT, pos=strip.itemRect("seed 4").center())
    assert (chosen, strip.current()) == ([("seed 4",)], "seed 4")


def test_keys_walk_the_thumbnails_and_return_chooses(qtbot: QtBot, strip: CountingStrip) -> None:
    strip.setCurrent("seed 4")
    chosen = heard(strip.chosen)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Return):
        qtbot.keyClick(strip, key)
    assert chosen == [("seed 5",)]


def test_five_hundred_thumbnails_paint_only_those_in_sight(strip: CountingStrip) -> None:
    strip.painted.clear()
    strip.setCurrent("seed 400")
    strip.viewport().repaint()
    assert len(set(strip.painted)) <= 12
    assert 400 in strip.painted


def test_the_current_thumbnail_scrolls_into_sight_silently(strip: CountingStrip) -> None:
    chosen = heard(strip.chosen)
    strip.setCurrent("seed 499")
    assert strip.viewport().rect().contains(strip.itemRect("seed 499"))
    assert chosen == []


def test_a_right_click_asks_for_the_menu_of_that_thumbnail(qtbot: QtBot, strip: CountingStrip) -> None:
    from PySide6.QtGui import QContextMenuEvent

    asked = heard(strip.menuAsked)
    point = strip.itemRect("seed 2").center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, point, strip.viewport().mapToGlobal(point))
    QApplication.sendEvent(strip.viewport(), event)
    assert asked == [("seed 2", strip.viewport().mapToGlobal(point))]


def test_badges_and_placeholders_paint_quietly(strip: CountingStrip) -> None:
    strip.setBadges({"seed 0": "\N{BLACK STAR}", "seed 1": "AB"})
    assert not strip.grab().isNull()


# --- canvas ---


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    made = Canvas()
    shown(qtbot, made, 336, 256)
    return made


def pixel_middle(canvas: Canvas, x: int, y: int, index: int = 0) -> QPointF:
    """The screen position of the middle of one picture pixel, worked out from the rectangle alone."""
    rect, scale = canvas.screen_rect(index), canvas.scale()
    return QPointF(rect.left() + (x + 0.5) * scale, rect.top() + (y + 0.5) * scale)


@pytest.mark.parametrize("arrange", [Canvas.fit, Canvas.actual_size])
@pytest.mark.parametrize("pixel", [(0, 0), (9, 3), (19, 14)])
def test_the_read_out_is_the_pixel_under_the_mouse(
    canvas: Canvas, arrange: Callable[[Canvas], None], pixel: tuple[int, int]
) -> None:
    canvas.show_picture(numbered(15, 20))
    arrange(canvas)
    read = heard(canvas.pixel_hovered)
    hover(canvas, pixel_middle(canvas, *pixel))
    assert read == [((*pixel, (*pixel, 0)),)]


def test_a_fitted_picture_fills_the_canvas_to_its_margin(canvas: Canvas) -> None:
    canvas.show_picture(numbered(24, 32))
    assert canvas.screen_rect().toRect() == QRect(8, 8, 320, 240)


def test_what_is_painted_is_the_picture_pixel_for_pixel(canvas: Canvas) -> None:
    canvas.set_smooth(False)
    canvas.show_picture(numbered(24, 32))
    painted = canvas.grab().toImage()
    seen = [
        painted.pixelColor(pixel_middle(canvas, x, y).toPoint()).getRgb()[:2] for x, y in ((0, 0), (31, 23), (5, 7))
    ]
    assert seen == [(0, 0), (31, 23), (5, 7)]


def test_a_grey_picture_reads_out_one_value(canvas: Canvas) -> None:
    canvas.show_picture(numbered(15, 20, 1))
    read = heard(canvas.pixel_hovered)
    hover(canvas, pixel_middle(canvas, 7, 2))
    assert read == [((7, 2, (7,)),)]


def test_a_new_picture_under_a_still_mouse_reads_out_anew(canvas: Canvas) -> None:
    canvas.show_picture(numbered(15, 20))
    hover(canvas, pixel_middle(canvas, 7, 2))
    read = heard(canvas.pixel_hovered)
    canvas.show_picture(numbered(15, 20) + np.uint8(100))
    canvas.clear()
    assert read == [((7, 2, (107, 102, 100)),), (None,)]


def test_the_canvas_keeps_its_last_picture_and_says_when_a_new_one_is_painted(canvas: Canvas) -> None:
    painted = heard(canvas.painted)
    canvas.show_picture(numbered(24, 32))
    canvas.repaint()
    first = canvas.grab().toImage()
    canvas.repaint()
    assert (len(painted), canvas.sequence()) == (1, 1)
    assert canvas.grab().toImage() == first


@pytest.mark.parametrize("cell", [(0, 0), (1, 2), (2, 4)])
def test_a_click_finds_its_cell(qtbot: QtBot, canvas: Canvas, cell: tuple[int, int]) -> None:
    canvas.show_grid(np.zeros((3, 5, 8, 8, 3), np.uint8), (1, 2))
    clicked = heard(canvas.cell_clicked)
    qtbot.mouseClick(canvas, LEFT, pos=canvas.screen_rect(cell[0] * 5 + cell[1]).center().toPoint())
    assert clicked == [cell]


def test_grid_cells_lie_in_rows_and_columns(canvas: Canvas) -> None:
    pixels = np.zeros((2, 3, 8, 8, 1), np.uint8)
    pixels[1, 2] = 200
    canvas.show_grid(pixels)
    assert canvas.grab().toImage().pixelColor(canvas.screen_rect(5).center().toPoint()).red() == 200
    assert canvas.screen_rect(1).left() > canvas.screen_rect(0).right()
    assert canvas.screen_rect(3).top() > canvas.screen_rect(0).bottom()


def test_arrows_walk_the_cells_from_the_centre_and_return_clicks(qtbot: QtBot, canvas: Canvas) -> None:
    canvas.show_grid(np.zeros((3, 5, 8, 8, 3), np.uint8), (1, 2))
    clicked = heard(canvas.cell_clicked)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Return):
        qtbot.keyClick(canvas, key)
    assert clicked == [(0, 3)]


def test_a_double_click_changes_between_fitting_and_the_true_size(qtbot: QtBot, canvas: Canvas) -> None:
    canvas.show_picture(numbered(24, 32))
    qtbot.mouseDClick(canvas, LEFT, pos=QPoint(100, 100))
    assert (canvas.is_fitting(), canvas.scale()) == (False, 1 / canvas.devicePixelRatioF())
    qtbot.mouseDClick(canvas, LEFT, pos=QPoint(100, 100))
    assert (canvas.is_fitting(), canvas.scale()) == (True, 10.0)


def test_the_wheel_zooms_about_the_cursor_and_back_to_fitting(canvas: Canvas) -> None:
    canvas.show_picture(numbered(24, 32))
    read = heard(canvas.pixel_hovered)
    spot = pixel_middle(canvas, 4, 5)
    hover(canvas, spot)
    turn_wheel(canvas, spot, 240)
    assert canvas.scale() == pytest.approx(10 * 1.25**2)
    hover(canvas, spot + QPointF(1, 0))
    assert len(read) == 1
    turn_wheel(canvas, spot, -720)
    assert canvas.is_fitting()


def test_a_drag_pans_a_zoomed_picture_and_clicks_nothing(qtbot: QtBot, canvas: Canvas) -> None:
    canvas.show_grid(np.zeros((3, 4, 8, 8, 3), np.uint8))
    turn_wheel(canvas, QPointF(168, 128), 360)
    clicked, before = heard(canvas.cell_clicked), canvas.screen_rect().left()
    drag(qtbot, canvas, QPoint(150, 120), QPoint(160, 120), QPoint(170, 120))
    assert canvas.screen_rect().left() == pytest.approx(before + 20)
    assert clicked == []


def test_a_picture_of_the_same_size_keeps_the_zoom_and_another_size_fits(canvas: Canvas) -> None:
    canvas.show_picture(numbered(24, 32))
    turn_wheel(canvas, QPointF(168, 128), 240)
    zoom = canvas.scale()
    canvas.show_picture(numbered(24, 32))
    assert canvas.scale() == zoom
    canvas.show_picture(numbered(48, 64))
    assert canvas.is_fitting()


def test_two_pictures_beside_each_other_have_one_height_and_room_for_captions(canvas: Canvas) -> None:
    canvas.show_beside(numbered(32, 32), numbered(16, 16), ("original", "reconstruction"))
    left, right = canvas.screen_rect(0), canvas.screen_rect(1)
    assert (left.top(), left.height()) == (right.top(), right.height())
    assert left.right() < right.left()
    assert left.top() >= 32


def test_an_empty_canvas_paints_its_message(canvas: Canvas) -> None:
    canvas.clear("Open a model.")
    words = canvas.grab().toImage()
    canvas.clear()
    assert canvas.grab().toImage() != words


def test_zooming_keeps_the_point_under_the_cursor() -> None:
    view, point = View(2.0, 10.0, 20.0), QPointF(33.0, 44.0)
    assert zoomed(view, 5.0, point).to_content(point) == view.to_content(point)


# --- pad ---


@pytest.fixture
def pad(qtbot: QtBot) -> Pad:
    made = Pad()
    shown(qtbot, made, 240, 240)
    return made


@pytest.mark.parametrize(
    ("corner", "position"),
    [((0, 0), (-3.0, 3.0)), ((240, 0), (3.0, 3.0)), ((0, 240), (-3.0, -3.0)), ((120, 120), (0.0, 0.0))],
)
def test_the_corners_of_the_pad_are_the_ends_of_the_plane(
    pad: Pad, corner: tuple[int, int], position: tuple[float, float]
) -> None:
    assert pad.toPlane(QPointF(*corner)) == pytest.approx(position)
    assert pad.toScreen(*position) == QPointF(*corner)


def test_dragging_the_pad_moves_the_handle_there_and_settles_once(qtbot: QtBot, pad: Pad) -> None:
    moved, settled = heard(pad.positionChanged), heard(pad.settled)
    drag(qtbot, pad, QPoint(120, 60), QPoint(180, 60), QPoint(500, -50))
    assert moved == [(0.0, 1.5), (1.5, 1.5), (3.0, 3.0)]
    assert (pad.position(), len(settled)) == ((3.0, 3.0), 1)


def test_arrows_move_the_handle_and_home_returns_it(qtbot: QtBot, pad: Pad) -> None:
    settled = heard(pad.settled)
    qtbot.keyClick(pad, Qt.Key.Key_Up)
    qtbot.keyClick(pad, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert pad.position() == pytest.approx((-0.5, 0.1))
    qtbot.keyClick(pad, Qt.Key.Key_Home)
    assert pad.position() == (0.0, 0.0)
    qtbot.waitUntil(lambda: len(settled) == 1)  # taps one after the other are one step


def test_a_double_click_returns_the_handle_to_the_middle(qtbot: QtBot, pad: Pad) -> None:
    pad.setPosition(1.0, 1.0)
    settled = heard(pad.settled)
    qtbot.mouseDClick(pad, LEFT, pos=QPoint(10, 10))
    assert (pad.position(), len(settled)) == ((0.0, 0.0), 1)


def test_setting_the_position_is_silent(pad: Pad) -> None:
    moved = heard(pad.positionChanged)
    pad.setPosition(1.0, 2.0)
    assert moved == []


def test_background_cells_may_arrive_one_by_one(pad: Pad) -> None:
    pad.setGrid(3, 3)
    empty = pad.grab().toImage()
    pad.setCell(0, 2, np.full((8, 8, 3), 255, np.uint8))
    filled = pad.grab().toImage()
    corner, middle = QPoint(200, 60), QPoint(60, 200)
    assert filled.pixelColor(corner).lightness() > empty.pixelColor(corner).lightness() + 60
    assert filled.pixelColor(middle) == empty.pixelColor(middle)


def test_a_cell_shows_the_place_under_its_middle(pad: Pad) -> None:
    position = cell_position(0, 2, 3, 3)
    assert position == (2.0, 2.0)
    assert pad.toScreen(*position) == QPointF(200, 40)


def test_no_widget_says_anything_while_it_is_painted_in_the_other_theme(qapp: QApplication, qtbot: QtBot) -> None:
    apply_theme(qapp, "light")
    for widget in (Canvas(), Pad(), Bars(), Gauge("caption"), Card("Title"), SliderList(), QPushButton("Button")):
        shown(qtbot, widget, 200, 100)
        assert not widget.grab().isNull()
