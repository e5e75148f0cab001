"""What moves the sliders from outside: the inputs, what they last said, and what is bound to them."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from explorer.control import Message, named, targets_of, told_address
from explorer.controlling import Controls
from explorer.ui.elided_label import ElidedLabel

__all__ = ["ControlBox"]

HEADINGS = ("Moves", "By", "From", "To", "Last")
NOTHING = "Nothing is bound yet. Right click a slider, or choose something here, and press Learn."
LOW, HIGH, LAST = 2, 3, 4  # columns


class ControlBox(QDialog):
    """Non-modal: stays open while knobs are turned and sliders chosen."""

    def __init__(self, controls: Controls, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controls = controls
        self.setWindowTitle("MIDI and OSC")
        self._midi = QCheckBox("MIDI", self)
        self._midi.setToolTip("Listen to every MIDI input of this computer.")
        self._ports = ElidedLabel(self)
        self._again = QPushButton("Look again", self)
        self._again.setToolTip("Look for MIDI inputs that were plugged in since.")
        self._osc = QCheckBox("OSC", self)
        self._osc.setToolTip("Listen to programs on this computer that send Open Sound Control over UDP.")
        self._port = QSpinBox(self)
        self._port.setRange(1, 65535)
        self._port.setKeyboardTracking(False)
        self._port.setAccessibleName("OSC port")
        self._port.setToolTip("The UDP port that is listened to, on this computer only.")
        self._heard = ElidedLabel(self)
        self._table = QTableWidget(0, len(HEADINGS), self)
        self._table.setHorizontalHeaderLabels(HEADINGS)
        self._table.setAccessibleName("What is bound")
        self._table.verticalHeader().hide()
        self._table.setShowGrid(False)
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self._table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._target = QComboBox(self)
        self._target.setToolTip("What a knob or key shall move or do.")
        self._target.setAccessibleName("What to bind")
        self._learn = QPushButton("Learn", self)
        self._learn.setToolTip("Then move a knob, press a key, or send a message.")
        self._forget = QPushButton("Forget", self)
        self._forget.setToolTip("Let nothing move what is selected any more.")
        self._note = ElidedLabel(self)
        self._lay_out()
        self._connect()
        self.show_setup()
        self.show_inputs()
        self.show_targets()
        self._heard.show_words("nothing yet")

    # --- showing ---

    @Slot()
    def show_setup(self) -> None:
        """Show what is bound and listened to."""
        setup, names = self._controls.setup, self._class_names()
        blockers = [QSignalBlocker(each) for each in (self._midi, self._osc, self._port, self._table)]
        self._midi.setChecked(setup.midi)
        self._osc.setChecked(setup.osc)
        self._port.setValue(setup.port)
        self._table.setRowCount(len(setup.bindings))
        for row, each in enumerate(setup.bindings):
            ends = ("", "") if each.target.startswith("do/") else (f"{each.low:g}", f"{each.high:g}")
            words = (named(each.target, names), told_address(each.address), *ends, self._last(each.address))
            for column, text in enumerate(words):
                item = QTableWidgetItem(text)
                if column >= LOW:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
                if column in (LOW, HIGH) and text:
                    flags |= Qt.ItemFlag.ItemIsEditable
                    item.setToolTip("Double click to change it.")
                item.setFlags(flags)
                self._table.setItem(row, column, item)
        del blockers
        self.show_chosen()
        self.show_learning()

    @Slot()
    def show_inputs(self) -> None:
        """Show which inputs are open."""
        ports = self._controls.midi_inputs()
        off = "off" if not self._controls.setup.midi else "no input found"
        self._ports.show_words(", ".join(ports) or off)
        self._again.setEnabled(self._controls.setup.midi)
        self._port.setEnabled(True)

    @Slot()
    def show_targets(self) -> None:
        """List what can be bound by name for the model that is open."""
        names, kept = self._class_names(), self._target.currentData()
        self._target.clear()
        for target in targets_of(self._controls.session.scene, names):
            self._target.addItem(named(target, names), target)
        self._target.setCurrentIndex(max(self._target.findData(kept), 0))

    @Slot(object)
    def show_message(self, message: Message) -> None:
        """Show what was said last."""
        self._heard.show_words(f"{told_address(message.address)} = {message.value:.3f}")
        for row, each in enumerate(self._controls.setup.bindings):
            item = self._table.item(row, LAST)
            if item is not None:
                item.setText(self._last(each.address))

    @Slot()
    def show_learning(self) -> None:
        """Say what is waited for."""
        target = self._controls.learning()
        self._learn.setText("Stop" if target else "Learn")
        words = (
            f"Move a knob, press a key or send a message for “{named(target, self._class_names())}”." if target else ""
        )
        self._note.show_words(words or ("" if self._controls.setup.bindings else NOTHING))

    @Slot()
    def show_chosen(self) -> None:
        self._forget.setEnabled(bool(self._chosen_targets()))

    # --- changing ---

    @Slot(bool)
    def choose_midi(self, is_on: bool) -> None:
        self._controls.change(replace(self._controls.setup, midi=is_on))
        self.show_inputs()

    @Slot(bool)
    def choose_osc(self, is_on: bool) -> None:
        self._controls.change(replace(self._controls.setup, osc=is_on))

    @Slot(int)
    def choose_port(self, port: int) -> None:
        self._controls.change(replace(self._controls.setup, port=port))

    @Slot()
    def learn(self) -> None:
        """Wait for a knob, or no longer."""
        if self._controls.learning():
            self._controls.stop_learning()
        elif self._target.currentData():
            self._controls.learn(self._target.currentData())

    @Slot()
    def forget(self) -> None:
        for target in self._chosen_targets():
            self._controls.forget(target)

    @Slot(QTableWidgetItem)
    def take_end(self, item: QTableWidgetItem) -> None:
        """Take an end of a range that was typed; what is no number stays as it was."""
        binding = self._controls.setup.bindings[item.row()]
        try:
            value = float(item.text().replace("\N{MINUS SIGN}", "-").replace(",", "."))
        except ValueError:
            value = float("nan")
        if abs(value) <= 1e9 and item.column() in (LOW, HIGH):
            changed = replace(binding, low=value) if item.column() == LOW else replace(binding, high=value)
            bindings = tuple(changed if each == binding else each for each in self._controls.setup.bindings)
            self._controls.change(replace(self._controls.setup, bindings=bindings))
        self.show_setup()

    # --- private ---

    def _chosen_targets(self) -> list[str]:
        rows = {index.row() for index in self._table.selectionModel().selectedRows()}
        return [each.target for row, each in enumerate(self._controls.setup.bindings) if row in rows]

    def _last(self, address: str) -> str:
        value = self._controls.last.get(address)
        return "" if value is None else f"{value:.2f}"

    def _class_names(self) -> tuple[str, ...]:
        model = self._controls.session.model
        return tuple(model.facts.class_names) if model is not None and "classes" in model.facts.capabilities else ()

    def _lay_out(self) -> None:
        inputs = QGridLayout()
        inputs.setHorizontalSpacing(12)
        inputs.setVerticalSpacing(8)
        inputs.setColumnStretch(1, 1)
        inputs.addWidget(self._midi, 0, 0)
        inputs.addWidget(self._ports, 0, 1)
        inputs.addWidget(self._again, 0, 2)
        inputs.addWidget(self._osc, 1, 0)
        inputs.addWidget(QLabel("Port on this computer", self), 1, 1)
        inputs.addWidget(self._port, 1, 2)
        inputs.addWidget(QLabel("Last heard", self), 2, 0)
        inputs.addWidget(self._heard, 2, 1, 1, 2)
        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        bottom.addWidget(self._target, 1)
        bottom.addWidget(self._learn)
        bottom.addWidget(self._forget)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addLayout(inputs)
        column.addWidget(self._table, 1)
        column.addWidget(self._note)
        column.addLayout(bottom)
        self.resize(560, 420)

    def _connect(self) -> None:
        controls = self._controls
        self._midi.toggled.connect(self.choose_midi)
        self._osc.toggled.connect(self.choose_osc)
        self._port.valueChanged.connect(self.choose_port)
        self._again.clicked.connect(controls.look_for_midi)
        self._learn.clicked.connect(self.learn)
        self._forget.clicked.connect(self.forget)
        self._table.itemSelectionChanged.connect(self.show_chosen)
        self._table.itemChanged.connect(self.take_end)
        controls.heard.connect(self.show_message)
        controls.setup_changed.connect(self.show_setup)
        controls.inputs_changed.connect(self.show_inputs)
        controls.learning_changed.connect(self.show_learning)
        controls.session.model_changed.connect(self.show_targets)
