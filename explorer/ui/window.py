"""The window: models left, the picture in the middle, panels right, the timeline and one quiet line below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QSignalBlocker, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeySequence,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from explorer.actions import Message
from explorer.animation import Film, Output
from explorer.loading import PICTURE_SUFFIXES
from explorer.ui.atlas.column import AtlasColumn
from explorer.ui.atlas.workspace import Atlas
from explorer.ui.canvas import Canvas
from explorer.ui.column import PanelColumn
from explorer.ui.compare import Compare
from explorer.ui.controls import qimage
from explorer.ui.denoise import Denoise
from explorer.ui.dialogs import ask_open, ask_save
from explorer.ui.explore import WAITING, Explore
from explorer.ui.film_dialog import FilmDialog
from explorer.ui.messages import MessageBar
from explorer.ui.models import ModelsPanel
from explorer.ui.panel import Desk
from explorer.ui.panels import PANELS
from explorer.ui.panels.transform import TransformPanel
from explorer.ui.performing import Performing
from explorer.ui.shortcuts import ATLAS_SHORTCUTS, COMPARE_SHORTCUTS, RUN_SHORTCUTS, SHORTCUTS, ShortcutSheet
from explorer.ui.status import StatusLine
from explorer.ui.theme import application_icon, apply_theme, icon
from explorer.ui.timeline import Timeline

__all__ = ["Window"]

MODELS_WIDTH = 232
PANELS_WIDTH = 350
TIMELINE_HEIGHT = 148
NARROW_WINDOW = 1080  # pixels; below this width the menu has the export button, and tabs have their room
LOW_WINDOW = 760  # pixels; below this height the timeline starts folded away
AUTOSAVE_MILLISECONDS = 1_000
WORKSPACES = ("explore", "denoise", "atlas", "compare")  # in the order of their tabs
EXPLORING = ("picture", "grid", "table", "beside")  # verbs that only Explore has
FILES = (
    "Models, sessions and pictures (*.safetensors *.pkl *.pt *.pth *.ckpt *.json *.png *.jpg *.jpeg *.webp *.gif *.mp4)"
    ";;All files (*)"
)
DISK_SPACE = (5, 20, 50, 200)  # gigabytes for what is known of datasets
HINTS = {
    "explore": "Drag in the small map at the right. R draws a seed, G shows a grid, Space walks, Ctrl+Z takes anything "
    "back.",
    "denoise": "Drag along the steps. Space plays them, B branches the run, P paints into it, Ctrl+Z takes anything "
    "back.",
    "atlas": "Drop a folder of pictures. Drag pans, the wheel zooms, L draws a lasso, N goes to the next flagged one, "
    "Ctrl+Z takes a selection or a mark back.",
    "compare": "Click a model to play it, Shift and a click to compare with it. M chooses the way, D one scene or one "
    "picture, H shows the other one while it is held.",
}
TAKEN = {  # keys that workspaces have themselves
    "explore": (),
    "denoise": RUN_SHORTCUTS,
    "atlas": ATLAS_SHORTCUTS,
    "compare": COMPARE_SHORTCUTS,
}


class Window(QMainWindow):
    """Composes the parts, owns the shortcuts, asks for files. Knows no network and no thread."""

    closing = Signal()

    def __init__(self, desk: Desk, cache: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.setWindowTitle("Latent Explorer")
        self.setWindowIcon(application_icon())
        self.setAcceptDrops(True)
        self.setMinimumSize(QSize(1000, 600))
        self.resize(1440, 900)
        self.explore = Explore(desk, self)
        self.denoise = Denoise(desk, self)
        self.compare = Compare(desk, self)
        self.messages = MessageBar(self)
        self.models = ModelsPanel(desk.actions, cache, self)
        self.panels = PanelColumn(desk, PANELS, self)
        self.atlas_panels = AtlasColumn(desk, self)
        self.atlas = Atlas(desk, self.atlas_panels, self)
        self.timeline = Timeline(desk, self)
        self.status = StatusLine(desk, self)
        self.setStatusBar(self.status)
        self._loading = QProgressBar(self)
        self._loading.setRange(0, 0)
        self._loading.setFixedHeight(3)
        self._loading.setTextVisible(False)
        self._loading.hide()
        self._is_warned = False  # that closing ends an export
        self._is_timeline_away = False  # while the map is shown, which is no film
        self.verbs: dict[str, QAction] = {}
        self._make_verbs()
        shared = [verb for name, verb in self.verbs.items() if name not in ("dismiss", "stage")]
        self.performing = Performing(desk, self, shared)
        self._lay_out()
        self._autosave = QTimer(self)
        self._autosave.setSingleShot(True)
        self._autosave.setInterval(AUTOSAVE_MILLISECONDS)
        self._connect()
        self._restore_arrangement()
        self.show_history()
        self.show_workspace()

    # --- showing ---

    @Slot(str)
    def show_loading(self, name: str) -> None:
        """Show that something is being opened; what is open stays usable."""
        self._loading.setVisible(bool(name))
        if name:
            self.messages.hide()  # what was said belongs to what was open
        if self.desk.session.model is None:
            self.explore.canvas.clear(f"Opening {name} …" if name else WAITING)

    @Slot()
    def show_model(self) -> None:
        model = self.desk.session.model
        if model is not None:
            self.setWindowTitle(f"{model.facts.name} · Latent Explorer")
            self._table_export.setVisible(bool(model.facts.mixable))
            self._sketch.setVisible("styles" in model.facts.capabilities)
            self._sketch.setChecked(self.desk.session.view.sketch)
        self.show_workspace()
        if not self.desk.actions.preferences.hint_seen:
            self._hint.show()

    @Slot()
    def show_history(self) -> None:
        """Say what undo and redo would do."""
        if self.desk.session.view.workspace == "atlas":
            self._show_trail()
            return
        undo, redo = self.desk.session.undo_label(), self.desk.session.redo_label()
        self.verbs["undo"].setEnabled(undo is not None)
        self.verbs["redo"].setEnabled(redo is not None)
        self.verbs["undo"].setToolTip(f"Undo: {undo} (Ctrl+Z)" if undo else "Undo (Ctrl+Z)")
        self.verbs["redo"].setToolTip(f"Redo: {redo} (Ctrl+Shift+Z)" if redo else "Redo")

    def _show_trail(self) -> None:
        """Say what undo and redo would do on the map."""
        trail = self.desk.actions.charting.trail
        self.verbs["undo"].setEnabled(trail.at > 0)
        self.verbs["redo"].setEnabled(bool(trail.next_label))
        self.verbs["undo"].setToolTip(f"Undo: {trail.label} (Ctrl+Z)" if trail.at > 0 else "Undo (Ctrl+Z)")
        self.verbs["redo"].setToolTip(f"Redo: {trail.next_label} (Ctrl+Shift+Z)" if trail.next_label else "Redo")

    @Slot()
    def undo(self) -> None:
        """Take back the last change of the scene, or of the map where that is shown."""
        actions = self.desk.actions
        (actions.charting if self.desk.session.view.workspace == "atlas" else actions).undo()

    @Slot()
    def redo(self) -> None:
        actions = self.desk.actions
        (actions.charting if self.desk.session.view.workspace == "atlas" else actions).redo()

    @Slot()
    def show_workspace(self) -> None:
        """Show the workspace of the view with its keys; Explore where the model does not denoise."""
        model, name = self.desk.session.model, self.desk.session.view.workspace
        denoises = model is not None and model.facts.denoising is not None
        if name == "denoise" and not denoises:
            name = "explore"
        blocker = QSignalBlocker(self._tabs)
        if self._tabs.isTabVisible(1) != denoises:
            self._tabs.setTabVisible(1, denoises)
            self._tabs.updateGeometry()  # it does not ask for more room by itself
        self._tabs.setCurrentIndex(WORKSPACES.index(name))
        del blocker
        taken = {key for _, keys, _ in TAKEN[name] for key in keys}
        for verb, keys, _ in SHORTCUTS:
            self.verbs[verb].setShortcuts([QKeySequence(key) for key in keys if key not in taken])
        for verb in EXPLORING:
            self.verbs[verb].setEnabled(name == "explore")
        self.verbs["denoise"].setEnabled(denoises)
        shown: QWidget = {
            "explore": self.explore,
            "denoise": self.denoise,
            "atlas": self.atlas,
            "compare": self.compare,
        }[name]
        self._sides.setCurrentWidget(self.atlas_panels if name == "atlas" else self.panels)
        if self._centre.currentWidget() is not shown:
            self._centre.setCurrentWidget(shown)
            holder = {"denoise": self.denoise.track.strip, "atlas": self.atlas.canvas, "compare": self.compare.body}
            holder.get(name, self).setFocus()
            self.show_history()
        self._put_timeline_away(name == "atlas")
        self._memory.setVisible(name == "denoise")
        self.timeline.set_workspace(name)
        self._hint_words.setText(HINTS[name])

    @Slot(int)
    def choose_workspace(self, index: int) -> None:
        """Show another workspace of the same scene; outside of Explore the picture is one, not a grid of them."""
        view = self.desk.session.view
        mode = view.mode if WORKSPACES[index] == "explore" else "picture"
        self.desk.session.set_view(replace(view, workspace=WORKSPACES[index], mode=mode))

    @Slot()
    def note_change(self) -> None:
        """Something worth keeping has changed: save it soon."""
        self.status.show_saved("")
        self._autosave.start()

    # --- asking ---

    @Slot()
    def ask_open(self) -> None:
        actions = self.desk.actions
        ask_open(self, "Open a model, session or picture", actions.preferences.last_folder, FILES, self._open_chosen)

    @Slot()
    def ask_export_picture(self) -> None:
        ask_save(self, "Export the picture", self._suggest("png"), "PNG (*.png)", self.desk.actions.export_picture)

    @Slot()
    def ask_export_table(self) -> None:
        ask_save(self, "Export the mixing table", self._suggest("png"), "PNG (*.png)", self.desk.actions.export_table)

    @Slot()
    def ask_export_shown(self) -> None:
        """Export what is in the middle of the window: the mixing table, the picture, or numbers of the map."""
        if self.desk.session.view.workspace == "atlas":
            self.atlas.exporting.show_menu(self._export)
        elif self.desk.session.view.mode == "table":
            self.ask_export_table()
        else:
            self.ask_export_picture()

    @Slot()
    def show_view(self) -> None:
        """Name what the export button writes."""
        what = "table" if self.desk.session.view.mode == "table" else "picture"
        is_map = self.desk.session.view.workspace == "atlas"
        self._export.setText("Export map…" if is_map else f"Export {what}")
        self._export.setVisible(self.width() >= NARROW_WINDOW)

    @Slot()
    def ask_export_film(self) -> None:
        """Export the film of the timeline."""
        film = self.desk.actions.motion.film()
        if film is None:
            self.desk.actions.export_film(Path())  # says what is missing
        else:
            self.ask_export(film)

    @Slot(object)
    def ask_export(self, film: Film) -> None:
        """Export any film."""
        session = self.desk.session
        if session.model is None:
            return
        shape, path = session.model.facts.image_shape, self._suggest("mp4").with_suffix("")
        FilmDialog(film, shape, session.output, path, partial(self._export_film, film), self).open()

    def _export_film(self, film: Film, path: Path, output: Output) -> None:
        self.desk.session.set_output(output)
        self.desk.actions.export_film(path, film, output)

    @Slot()
    def ask_save_session(self) -> None:
        then = self.desk.actions.save_session
        ask_save(self, "Save the session", self._suggest("json"), "Session (*.json)", then)

    @Slot()
    def copy_picture(self) -> None:
        """Put the picture as it is on the clipboard."""
        picture = self.desk.session.picture
        if picture is not None:
            QApplication.clipboard().setImage(qimage(picture.pixels))
            self.messages.show_message(Message("The picture is on the clipboard.", is_error=False))

    @Slot()
    def fit_picture(self) -> None:
        """Show all of the picture in the middle of the window."""
        self._canvas().fit()

    @Slot()
    def show_actual_size(self) -> None:
        """Show the picture in the middle of the window pixel by pixel."""
        self._canvas().actual_size()

    @Slot()
    def show_shortcuts(self) -> None:
        """List the keyboard."""
        sheet = ShortcutSheet(self)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.show()

    @Slot()
    def walk_or_press(self) -> None:
        """Walk or pause; where a button holds the keyboard, press that."""
        focus = QApplication.focusWidget()
        if isinstance(focus, QAbstractButton):
            focus.click()
        else:
            self.desk.actions.motion.toggle_walk()

    @Slot()
    def quit(self) -> None:
        """Close the window; while something is being written, only when asked a second time."""
        if self._may_close():
            self.close()

    def choose_theme(self, mode: str) -> None:
        """Dress the window in light or dark, or follow the system."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        apply_theme(app, mode)
        self.desk.actions.set_preferences(replace(self.desk.actions.preferences, theme=mode))

    def choose_disk_space(self, gigabytes: int) -> None:
        """Keep at most so much of the datasets that were mapped."""
        actions = self.desk.actions
        actions.set_preferences(replace(actions.preferences, atlas_gigabytes=gigabytes))

    @Slot()
    def toggle_sketch(self) -> None:
        """Show a coarse picture first where a picture takes long, or only the finished one."""
        view = self.desk.session.view
        self.desk.session.set_view(replace(view, sketch=not view.sketch))

    @Slot()
    def close_hint(self) -> None:
        """The hint has been read."""
        self._hint.hide()
        self.desk.actions.set_preferences(replace(self.desk.actions.preferences, hint_seen=True))

    # --- Qt ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.setFocus()  # no control looks chosen before one is

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_export"):
            self.show_view()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            is_picture = paths[0].suffix.lower() in PICTURE_SUFFIXES
            if is_picture and self._centre.currentWidget() is self.atlas and self.desk.actions.charting.chart:
                self.desk.actions.maps.find(paths[0])
            else:
                self.desk.actions.open(paths[0])

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_undo"):
            self._dress()
        super().changeEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Keep the arrangement, then let the program stop its threads."""
        if event.spontaneous() and not self._may_close():
            event.ignore()
            return
        self._put_timeline_away(False)
        order, folded = self.panels.arrangement()
        self.desk.actions.set_preferences(
            replace(
                self.desk.actions.preferences,
                panel_order=order,
                collapsed=folded,
                geometry=bytes(self.saveGeometry().data()),
                layout=bytes(self.saveState().data()),
            )
        )
        self._autosave.stop()
        self.status.stop()
        self.atlas.close_threads()
        self.closing.emit()
        super().closeEvent(event)

    # --- playing for others ---

    @Slot()
    def show_controls(self) -> None:
        self.performing.show_controls()

    @Slot()
    def toggle_recording(self) -> None:
        self.performing.toggle_recording()

    @Slot()
    def toggle_stage(self) -> None:
        self.performing.toggle_stage()

    @Slot()
    def keep_controls(self) -> None:
        """Keep with the session what knobs and keys move."""
        self.desk.session.set_controls(self.performing.controls.setup)

    @Slot()
    def take_controls(self) -> None:
        """Have knobs and keys move what the session says."""
        self.performing.controls.change(self.desk.session.controls)

    # --- putting together ---

    def _make_verbs(self) -> None:
        actions, explore = self.desk.actions, self.explore
        slots: dict[str, Callable[[], object]] = {
            "open": self.ask_open,
            "save": self.ask_save_session,
            "export": self.ask_export_picture,
            "film": self.ask_export_film,
            "copy": self.copy_picture,
            "undo": self.undo,
            "redo": self.redo,
            "random": actions.random_seed,
            "next": actions.next_seed,
            "previous": actions.previous_seed,
            "blend": actions.blend_seed,
            "reset": actions.reset_moves,
            "walk": self.walk_or_press,
            "favourite": actions.toggle_favourite,
            "keyframe": actions.add_keyframe,
            "play": actions.motion.toggle_film,
            "picture": explore.choose_picture,
            "grid": explore.choose_grid,
            "table": explore.choose_table,
            "beside": explore.choose_beside,
            "explore": partial(self.choose_workspace, 0),
            "denoise": partial(self.choose_workspace, 1),
            "atlas": partial(self.choose_workspace, 2),
            "compare": partial(self.choose_workspace, 3),
            "smooth": explore.toggle_smooth,
            "fit": self.fit_picture,
            "actual": self.show_actual_size,
            "record": self.toggle_recording,
            "stage": self.toggle_stage,
            "controls": self.show_controls,
            "keys": self.show_shortcuts,
            "dismiss": self.messages.hide,
            "quit": self.quit,
        }
        for name, keys, words in SHORTCUTS:
            verb = QAction(words, self)
            verb.setShortcuts([QKeySequence(key) for key in keys])
            verb.triggered.connect(slots[name])
            self.verbs[name] = verb
            self.addAction(verb)

    def _lay_out(self) -> None:
        self._tabs = QTabBar(self)
        self._tabs.setAccessibleName("Workspaces")
        self._tabs.addTab("Explore")
        self._tabs.addTab("Denoise")
        self._tabs.addTab("Atlas")
        self._tabs.addTab("Compare")
        self._tabs.setTabToolTip(0, "One picture, or the pictures around it (Ctrl+1).")
        self._tabs.setTabToolTip(1, "The run that makes the picture, step by step (Ctrl+2).")
        self._tabs.setTabToolTip(2, "A dataset as a map: what is alike, and what is odd (Ctrl+3).")
        self._tabs.setTabToolTip(3, "Several models over one scene or one picture, and measures of them (Ctrl+4).")
        self._tabs.setExpanding(False)
        self._tabs.setUsesScrollButtons(False)
        self._undo, self._redo = QPushButton(self), QPushButton(self)
        self._export = QPushButton("Export picture", self)
        self._menu_button = QPushButton(self)
        for button, verb in ((self._undo, "undo"), (self._redo, "redo")):
            button.setAccessibleName(verb)
            button.clicked.connect(self.verbs[verb].trigger)
            self.verbs[verb].changed.connect(partial(self._follow_verb, button, verb))
        self._export.setToolTip(
            "Write what is shown as PNG, with the recipe to get back here inside (Ctrl+E: the picture)."
        )
        self._export.clicked.connect(self.ask_export_shown)
        self._menu_button.setToolTip("Everything else.")
        self._menu_button.setAccessibleName("Menu")
        self._menu_button.setMenu(self._make_menu())
        self._dress()
        header = QHBoxLayout()
        header.setSpacing(8)
        header.addWidget(self._tabs)
        header.addStretch(1)
        for button in (self._undo, self._redo, self._export, self._menu_button):
            header.addWidget(button)
        self._hint = QWidget(self)
        self._hint_words = QLabel(HINTS["explore"], self._hint)
        self._hint_words.setProperty("dim", True)
        self._hint_words.setWordWrap(True)
        done = QPushButton("Got it", self._hint)
        done.clicked.connect(self.close_hint)
        hint_row = QHBoxLayout(self._hint)
        hint_row.setContentsMargins(4, 0, 0, 0)
        hint_row.addWidget(self._hint_words, 1)
        hint_row.addWidget(done)
        self._hint.hide()
        centre = QWidget(self)
        column = QVBoxLayout(centre)
        column.setContentsMargins(6, 8, 6, 4)
        column.setSpacing(8)
        column.addLayout(header)
        column.addWidget(self._loading)
        column.addWidget(self.messages)
        column.addWidget(self._hint)
        self._centre = QStackedWidget(centre)
        self._centre.addWidget(self.explore)
        self._centre.addWidget(self.denoise)
        self._centre.addWidget(self.atlas)
        self._centre.addWidget(self.compare)
        column.addWidget(self._centre, 1)
        self._memory = QLabel(self)
        self._memory.setToolTip("Steps of runs that are kept, so that going back to them takes no time.")
        self.status.addPermanentWidget(self._memory)
        self.setCentralWidget(centre)
        self._sides = QStackedWidget(self)
        self._sides.addWidget(self.panels)
        self._sides.addWidget(self.atlas_panels)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        left, right, bottom = (
            Qt.DockWidgetArea.LeftDockWidgetArea,
            Qt.DockWidgetArea.RightDockWidgetArea,
            Qt.DockWidgetArea.BottomDockWidgetArea,
        )
        self._docks = {
            "Models": self._dock("Models", self.models, left, (12, 8, 0, 4)),
            "Panels": self._dock("Panels", self._sides, right, (0, 8, 8, 4)),
            "Timeline": self._dock("Timeline", self.timeline, bottom, (12, 4, 12, 4)),
        }
        self.models.setMinimumWidth(MODELS_WIDTH - 12)
        self._sides.setMinimumWidth(PANELS_WIDTH - 8)
        sides = [self._docks["Models"], self._docks["Panels"]]
        self.resizeDocks(sides, [MODELS_WIDTH, PANELS_WIDTH], Qt.Orientation.Horizontal)
        self.resizeDocks([self._docks["Timeline"]], [TIMELINE_HEIGHT], Qt.Orientation.Vertical)
        for title in self._docks:
            self._shown.addAction(self._docks[title].toggleViewAction())

    def _dock(
        self, title: str, content: QWidget, area: Qt.DockWidgetArea, margins: tuple[int, int, int, int]
    ) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title)
        dock.setTitleBarWidget(QWidget(dock))  # the content has a title of its own
        frame = QWidget(dock)
        column = QVBoxLayout(frame)
        column.setContentsMargins(*margins)
        column.setSizeConstraint(QVBoxLayout.SizeConstraint.SetMinAndMaxSize)  # the timeline can be a title row
        column.addWidget(content)
        dock.setWidget(frame)
        self.addDockWidget(area, dock)
        return dock

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        for name in ("open", "save", "export", "film", "copy"):
            menu.addAction(self.verbs[name])
            if name == "export":
                self._table_export = menu.addAction("Export mixing table…", self.ask_export_table)
                self._table_export.setVisible(False)
        menu.addSeparator()
        for name in ("favourite", "keyframe", "blend", "reset"):
            menu.addAction(self.verbs[name])
        menu.addSeparator()
        for name in ("record", "stage", "controls"):
            menu.addAction(self.verbs[name])
        self.verbs["record"].setCheckable(True)
        menu.addSeparator()
        looks, group = menu.addMenu("Look"), QActionGroup(menu)
        for mode, words in (("system", "As the system"), ("dark", "Dark"), ("light", "Light")):
            look = looks.addAction(words, partial(self.choose_theme, mode))
            look.setCheckable(True)
            look.setChecked(mode == self.desk.actions.preferences.theme)
            group.addAction(look)
        sizes, of_sizes = menu.addMenu("Disk space for maps"), QActionGroup(menu)
        sizes.setToolTip("What is known of datasets is kept, so that opening them again takes no time.")
        for gigabytes in DISK_SPACE:
            size = sizes.addAction(f"{gigabytes} GB", partial(self.choose_disk_space, gigabytes))
            size.setCheckable(True)
            size.setChecked(gigabytes == self.desk.actions.preferences.atlas_gigabytes)
            of_sizes.addAction(size)
        self._shown = menu.addMenu("Show")
        self._sketch = menu.addAction("Coarse picture first while dragging", self.toggle_sketch)
        self._sketch.setCheckable(True)
        self._sketch.setChecked(self.desk.session.view.sketch)
        self._sketch.setToolTip("Show a coarse picture before the finished one, for models that take over 0.1 s.")
        menu.addAction(self.verbs["keys"])
        menu.addSeparator()
        menu.addAction(self.verbs["quit"])
        return menu

    def _dress(self) -> None:
        self._undo.setIcon(icon("undo"))
        self._redo.setIcon(icon("redo"))
        self._menu_button.setIcon(icon("more"))

    def _follow_verb(self, button: QPushButton, verb: str) -> None:
        button.setEnabled(self.verbs[verb].isEnabled())
        button.setToolTip(self.verbs[verb].toolTip())

    def _connect(self) -> None:
        session, actions = self.desk.session, self.desk.actions
        actions.told.connect(self.messages.show_message)
        actions.loading.connect(self.show_loading)
        actions.finder.previewed.connect(self.explore.show_picture)
        transform = self.panels.panel(TransformPanel.title)
        assert isinstance(transform, TransformPanel)
        transform.used.connect(self.explore.handles.show_used)
        session.model_changed.connect(self.show_model)
        session.history_changed.connect(self.show_history)
        actions.charting.chosen.connect(self.show_history)
        session.scene_seen.connect(self.show_history)
        session.view_changed.connect(self.show_view)
        session.view_changed.connect(self.show_workspace)
        self._tabs.currentChanged.connect(self.choose_workspace)
        self.denoise.memory_told.connect(self._memory.setText)
        self.denoise.pixel_hovered.connect(self.status.show_pixel)
        self.compare.pixel_hovered.connect(self.status.show_pixel)
        for signal in (
            session.history_changed,
            session.kept_changed,
            session.view_changed,
            session.model_changed,
            session.compared_changed,
        ):
            signal.connect(self.note_change)
        self._autosave.timeout.connect(self._save_soon)
        self.models.open_asked.connect(self.ask_open)
        self.timeline.export_asked.connect(self.ask_export_film)
        self.performing.recording_changed.connect(self.verbs["record"].setChecked)
        self.performing.controls.setup_changed.connect(self.keep_controls)
        self.desk.session.controls_changed.connect(self.take_controls)
        self.explore.visited.film_asked.connect(self.ask_export)
        self.explore.pixel_hovered.connect(self.status.show_pixel)

    def _canvas(self) -> Canvas:
        shown = self._centre.currentWidget()
        return shown.canvas if isinstance(shown, (Denoise, Compare)) else self.explore.canvas

    def _may_close(self) -> bool:
        if self._is_warned or not self.desk.actions.workers.jobs.states():
            return True
        self._is_warned = True
        hint = "Wait for it, or close again to give it up; nothing half written stays behind."
        what = "measured" if self.compare.measuring.is_running() else "written"
        self.messages.show_message(Message(f"Something is still being {what}.", hint))
        return False

    def _put_timeline_away(self, is_away: bool) -> None:
        """Hide the timeline for a while, or show it again where it was shown."""
        dock = self._docks["Timeline"]
        if is_away and not self._is_timeline_away and not dock.isHidden():
            self._is_timeline_away = True
            dock.hide()
        elif not is_away and self._is_timeline_away:
            self._is_timeline_away = False
            dock.show()

    def _restore_arrangement(self) -> None:
        preferences = self.desk.actions.preferences
        self.panels.arrange(preferences.panel_order, preferences.collapsed)
        if preferences.geometry:
            self.restoreGeometry(QByteArray(preferences.geometry))
        if preferences.layout:
            self.restoreState(QByteArray(preferences.layout))
        elif self.height() < LOW_WINDOW:
            self._docks["Timeline"].hide()

    def _open_chosen(self, path: Path) -> None:
        actions = self.desk.actions
        actions.set_preferences(replace(actions.preferences, last_folder=str(path.parent)))
        actions.open(path)

    def _suggest(self, suffix: str) -> Path:
        model = self.desk.session.model
        name = model.facts.name if model else "latent-explorer"
        return Path(self.desk.actions.preferences.last_folder or Path.home()) / f"{name}.{suffix}"

    @Slot()
    def _save_soon(self) -> None:
        self.desk.actions.autosave(self._tell_saved)

    def _tell_saved(self, nothing: None) -> None:
        self.status.show_saved("autosaved")
