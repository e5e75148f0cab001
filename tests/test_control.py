"""The promises of MIDI and OSC: what is bound moves, once a frame, as one step of undo, and again after a restart."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets")
pytest.importorskip("pytestqt")
pytest.importorskip("mido")
pytest.importorskip("pythonosc")

import mido
from examples import make_vae
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from explorer.control import (
    Binding,
    Message,
    Setup,
    changed,
    limits,
    midi_message,
    move_target,
    named,
    osc_messages,
    presses,
    setup_from_json,
    setup_to_json,
    targets_of,
    told_address,
)
from explorer.controlling import Controls
from explorer.facts import describe
from explorer.motion import Motion
from explorer.scene import Direction, Examples, Latent, Scene, Seed, moved
from explorer.session import Model, Session
from explorer.ui.control_box import ControlBox
from explorer.ui.controls import SliderList, SliderRow
from explorer.ui.learning import Learning, add_learning
from explorer.ui.pad import Pad
from explorer.workers import Jobs, MainThread

START = Scene(Latent(((Seed(1), 1.0),)))
KNOB = "cc/1/74"


def packet(address: str, *values: object) -> bytes:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build().dgram


def midi(part: float, address: str = KNOB) -> Message:
    return Message("midi", address, part)


class Desk:
    """Controls over a session with a small model; verbs count how often they were called."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot, self.session, self.errors = qtbot, Session(), []
        generator = make_vae()
        self.session.open_model(Model(Path("toy.safetensors"), "0" * 64, generator, describe(generator)), START)
        self.motion = Motion(self.session)
        self.main = MainThread()
        self.jobs = Jobs(self.main, self.errors.append)
        self.random = 0
        self.controls = Controls(self.session, self.motion, self.jobs, self.errors.append, {"do/random": self.draw})

    def draw(self) -> None:
        self.random += 1

    def say(self, *messages: Message) -> None:
        """Have messages come in and wait until they were taken."""
        for message in messages:
            self.controls.receive(message)
        self.qtbot.waitUntil(lambda: not self.controls._waiting, timeout=10_000)

    def close(self) -> None:
        self.controls.close()
        self.jobs.close()
        self.main.close()


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    desk = Desk(qtbot)
    yield desk
    desk.close()


# --- messages ---


@pytest.mark.parametrize(
    ("said", "address", "value"),
    [
        (("control_change", {"channel": 0, "control": 74, "value": 127}), "cc/1/74", 1.0),
        (("control_change", {"channel": 15, "control": 0, "value": 0}), "cc/16/0", 0.0),
        (("note_on", {"channel": 0, "note": 36, "velocity": 127}), "note/1/36", 1.0),
        (("note_off", {"channel": 0, "note": 36, "velocity": 64}), "note/1/36", 0.0),
        (("pitchwheel", {"channel": 0, "pitch": -8192}), "bend/1", 0.0),
        (("pitchwheel", {"channel": 0, "pitch": 8191}), "bend/1", 1.0),
        (("aftertouch", {"channel": 2, "value": 127}), "pressure/3", 1.0),
    ],
)
def test_midi_messages_have_an_address_and_a_part(said: tuple[str, dict[str, int]], address: str, value: float) -> None:
    kind, values = said
    assert midi_message(mido.Message(kind, **values)) == Message("midi", address, value)


def test_clocks_are_no_messages() -> None:
    assert midi_message(mido.Message("clock")) is None


def test_osc_messages_have_an_address_for_every_number() -> None:
    assert osc_messages(packet("/xy", 0.25, 0.5)) == (Message("osc", "/xy", 0.25), Message("osc", "/xy[2]", 0.5))


def test_osc_values_are_cut_to_their_range() -> None:
    said = [osc_messages(packet("/f", value))[0].value for value in (-3.0, 7, True, False)]
    assert said == [0.0, 1.0, 1.0, 0.0]


def test_osc_numbers_that_are_none_are_ignored() -> None:
    assert osc_messages(packet("/f", float("nan"))) == ()
    assert osc_messages(packet("/f", "loud")) == ()


def test_an_osc_message_without_a_value_is_a_press() -> None:
    assert [each.value for each in osc_messages(packet("/go"))] == [1.0, 0.0]


def test_bundles_are_unpacked() -> None:
    bundle = OscBundleBuilder(IMMEDIATELY)
    for address in ("/a", "/b"):
        builder = OscMessageBuilder(address)
        builder.add_arg(0.5)
        bundle.add_content(builder.build())
    assert [each.address for each in osc_messages(bundle.build().dgram)] == ["/a", "/b"]


def test_damaged_packets_say_nothing_or_something_sound() -> None:
    draw, whole = random.Random(0), packet("/my/fader", 0.5, 1, "text", True)
    for _ in range(3000):
        damaged = bytearray(whole[: draw.randint(0, len(whole))])
        for _ in range(draw.randint(0, 4)):
            if damaged:
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        prefix = b"#bundle\0" + bytes(draw.randrange(256) for _ in range(12)) if draw.random() < 0.3 else b""
        assert all(0.0 <= each.value <= 1.0 for each in osc_messages(prefix + bytes(damaged)))


def test_addresses_are_told_in_words() -> None:
    told = [told_address(each) for each in ("cc/1/74", "note/2/60", "bend/1", "/my/fader")]
    assert told == ["Knob 74 (channel 1)", "Key C4 (channel 2)", "Pitch wheel (channel 1)", "/my/fader"]


# --- targets ---


def test_every_plain_target_changes_its_part() -> None:
    told = {
        "truncation": lambda s: s.latent.truncation,
        "guidance": lambda s: s.denoising.sampling.guidance,
        "noise": lambda s: s.noise.strength,
        "right": lambda s: s.transform.x,
        "down": lambda s: s.transform.y,
        "turn": lambda s: s.transform.degrees,
        "pad/across": lambda s: s.latent.amount(Direction("decoder", 0)),
        "pad/up": lambda s: s.latent.amount(Direction("decoder", 1)),
        "move/axis/4/0/8": lambda s: s.latent.amount(Direction("axis", 4, 0, 8)),
    }
    assert {key: read(changed(START, key, 0.25)) for key, read in told.items()} == dict.fromkeys(told, 0.25)


def test_a_seed_is_a_whole_number() -> None:
    assert changed(START, "seed", 41.6).latent.sources == ((Seed(42), 1.0),)


def test_other_classes_share_the_rest_as_they_did() -> None:
    base = replace(START, condition=replace(START.condition, classes=((0, 0.6), (1, 0.3), (2, 0.1))))
    all_of_it = changed(base, "class/2", 1.0)
    back = changed(all_of_it, "class/2", 0.55, base=base)
    assert all_of_it.condition.classes == ((2, 1.0),)
    assert dict(back.condition.classes) == pytest.approx({0: 0.3, 1: 0.15, 2: 0.55})


def test_the_last_source_keeps_a_weight() -> None:
    blend = Scene(Latent(((Seed(1), 1.0), (Seed(2), 0.0))))
    assert changed(blend, "source/0", 0.0) == blend
    assert changed(blend, "source/1", 0.5).latent.sources[1] == (Seed(2), 0.5)


def test_targets_that_a_scene_does_not_have_change_nothing() -> None:
    for target in ("", "x", "move/axis/-1/0/8", "move/axis/1/8/0", "own/0/9/Smile", "source/7", "class/x", "do/walk"):
        assert changed(START, target, 1.0) == START
    assert changed(START, "truncation", float("nan")) == START


def test_own_directions_are_found_by_name() -> None:
    own = Examples("A/B", (START.latent,), (Latent(((Seed(2), 1.0),)),))
    target = move_target(own)
    assert changed(START, target, 2.0, own=(own,)) == moved(START, own, 2.0)
    assert named(target) == "A/B"


def test_every_target_has_a_name_and_limits() -> None:
    scene = Scene(Latent(((Seed(1), 1.0), (Seed(2), 1.0))))
    for target in (*targets_of(scene, ("cat", "dog")), move_target(Direction("axis", 3)), "slider/Noise/Strength"):
        assert named(target)
        low, high = limits(target)
        assert low < high


def test_keys_press_from_rest_and_knobs_over_the_half() -> None:
    assert presses("note/1/36", 0.0, 0.05)
    assert not presses(KNOB, 0.0, 0.05)
    assert presses(KNOB, 0.4, 0.6)
    assert not presses(KNOB, 0.6, 0.9)


# --- moving ---


def test_a_knob_moves_what_it_is_bound_to_between_its_ends(desk: Desk) -> None:
    desk.controls.bind(Binding(KNOB, "truncation", 1.5, 0.5))
    desk.say(midi(0.0))
    assert desk.session.scene.latent.truncation == 1.5
    desk.say(midi(1.0))
    assert desk.session.scene.latent.truncation == 0.5


def test_midi_of_the_library_comes_through(desk: Desk) -> None:
    desk.controls.bind(Binding("cc/1/7", "truncation", 0.0, 1.27))
    desk.controls._hear_midi(mido.Message("control_change", channel=0, control=7, value=50))
    desk.say()
    assert desk.session.scene.latent.truncation == pytest.approx(0.5)


def test_a_movement_is_one_step_of_undo(desk: Desk) -> None:
    desk.controls.bind(Binding(KNOB, "truncation"))
    before = len(desk.session.history.entries)
    for part in range(10):
        desk.say(midi(part / 10))
    desk.qtbot.waitUntil(lambda: not desk.controls._is_moving, timeout=10_000)
    assert len(desk.session.history.entries) == before + 1
    assert desk.session.undo_label() == "Truncation ψ"
    desk.session.undo()
    assert desk.session.scene == START


def test_a_flood_is_one_change_in_a_frame_and_ends_on_the_newest_value(desk: Desk) -> None:
    desk.controls.bind(Binding(KNOB, "truncation"))
    desk.say(midi(0.5))
    changes: list[float] = []
    desk.session.scene_changed.connect(lambda: changes.append(desk.session.scene.latent.truncation))
    for k in range(10_000):
        desk.controls.receive(midi(k / 10_000))
    desk.say()
    assert changes == [0.9999]


def test_several_knobs_of_one_frame_all_count(desk: Desk) -> None:
    desk.controls.bind(Binding("cc/1/1", "pad/across", -3, 3))
    desk.controls.bind(Binding("cc/1/2", "pad/up", -3, 3))
    changes: list[bool] = []
    desk.session.scene_changed.connect(lambda: changes.append(True))
    desk.say(midi(1.0, "cc/1/1"), midi(0.0, "cc/1/2"))
    assert changes == [True]
    view, latent = desk.session.view, desk.session.scene.latent
    assert (latent.amount(view.across), latent.amount(view.up)) == (3.0, -3.0)


def test_a_key_that_is_let_go_in_the_same_frame_still_presses_once(desk: Desk) -> None:
    desk.controls.bind(Binding("note/1/36", "do/random"))
    desk.say(midi(0.1, "note/1/36"), midi(0.0, "note/1/36"))
    assert desk.random == 1
    desk.say(midi(0.9, "note/1/36"))
    assert desk.random == 2


def test_the_playhead_follows(desk: Desk) -> None:
    from explorer.animation import through

    desk.session.change_film(through((START, Scene(Latent(((Seed(2), 1.0),)))), seconds=4.0))
    desk.controls.bind(Binding(KNOB, "film"))
    desk.say(midi(0.5))
    assert desk.motion.film_moment() == pytest.approx(2.0)


def test_a_hand_stops_the_walk(desk: Desk) -> None:
    desk.controls.bind(Binding(KNOB, "truncation"))
    desk.motion.toggle_walk()
    desk.say(midi(0.5))
    assert desk.motion.playing() == ""


def test_without_a_model_nothing_happens(qtbot: QtBot, desk: Desk) -> None:
    desk.session.model = None
    desk.controls.bind(Binding(KNOB, "truncation"))
    desk.say(midi(0.5))
    assert desk.session.scene == START


# --- learning, keeping ---


def test_learning_takes_the_next_message_and_not_a_key_let_go(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet(desk, monkeypatch)
    desk.controls.learn("truncation")
    desk.say(midi(0.0, "note/1/36"))
    assert desk.controls.learning() == "truncation"
    desk.say(midi(0.5))
    assert desk.controls.setup.bindings == (Binding(KNOB, "truncation", 0.0, 1.5),)
    assert desk.controls.learning() == ""


def test_a_target_has_one_binding(desk: Desk) -> None:
    desk.controls.bind(Binding("cc/1/1", "truncation"))
    desk.controls.bind(Binding("cc/1/2", "truncation"))
    assert [each.address for each in desk.controls.setup.bindings] == ["cc/1/2"]
    desk.controls.forget("truncation")
    assert desk.controls.setup == Setup()


def test_bindings_that_were_kept_act_again(desk: Desk) -> None:
    """What a rival's presets forget: the texts come back, and so does what they do."""
    free = free_port()
    kept = json.dumps(setup_to_json(Setup((Binding("/fader", "truncation", 0.0, 2.0),), osc=True, port=free)))
    desk.controls.change(setup_from_json(json.loads(kept)))
    send(free, packet("/fader", 0.5))
    desk.qtbot.waitUntil(lambda: desk.session.scene.latent.truncation == 1.0, timeout=10_000)


def test_setups_survive_json() -> None:
    setup = Setup((Binding(KNOB, "seed", 0, 99), Binding("/x[2]", "class/1", 1.0, 0.0)), True, True, 9123)
    assert setup_from_json(json.loads(json.dumps(setup_to_json(setup)))) == setup
    assert setup_from_json(None) == Setup()


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"bindings": None},
        {"bindings": [["cc/1/1", "seed", 0]]},
        {"bindings": [["cc/1/1", "seed", 0, float("nan")]]},
        {"bindings": [[1, "seed", 0, 1]]},
        {"bindings": [["", "seed", 0, 1]]},
        {"bindings": [], "port": 0},
        {"bindings": [], "port": "9000"},
    ],
)
def test_damaged_setups_are_refused(data: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        setup_from_json(data)


# --- OSC over the network of this computer ---


def test_packets_move_the_scene_and_damaged_ones_do_no_harm(desk: Desk) -> None:
    free = free_port()
    desk.controls.change(Setup((Binding("/psi", "truncation"),), osc=True, port=free))
    send(free, b"", b"/psi\0\0\0\0,f\0\0\0", b"\xff" * 100, packet("/psi", 0.75))
    desk.qtbot.waitUntil(lambda: desk.session.scene.latent.truncation == 0.75, timeout=10_000)
    assert not desk.errors


def test_the_port_is_only_open_to_this_computer(desk: Desk) -> None:
    desk.controls.change(Setup(osc=True, port=free_port()))
    assert desk.controls._osc is not None
    assert desk.controls._osc._socket.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_told(desk: Desk) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        desk.controls.change(Setup(osc=True, port=port))
    assert [each.message for each in desk.errors] == [f"Port {port} cannot be listened to."]
    assert not desk.controls.setup.osc


def test_a_missing_package_is_told_in_a_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.controlling.find_spec", lambda name: None)
    desk.controls.change(Setup(osc=True))
    desk.controls.change(Setup(midi=True))
    desk.controls.learn("truncation")
    hints = ["osc", "midi", "midi"]
    assert [each.hint.split("[")[1] for each in desk.errors] == [f"{extra}]" for extra in hints]
    assert desk.controls.setup == Setup()
    assert desk.controls.learning() == ""


# --- widgets ---


@pytest.fixture
def panel(qtbot: QtBot, desk: Desk) -> Iterator[QWidget]:
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    row, rows, pad = SliderRow("Strength", 0.0, 3.0, 1.0, parent=window), SliderList("Layers", window), Pad(3.0, window)
    rows.setRange(0.0, 2.0, 1.0)
    rows.setRows(["first", "second"])
    for each in (row, rows, pad):
        column.addWidget(each)
    window.resize(400, 500)
    window.show()
    QApplication.processEvents()
    Learning(desk.controls, window)
    yield window
    desk.controls.hand = None


def quiet(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no real inputs while learning."""
    monkeypatch.setattr(desk.controls, "look_for_midi", lambda: None)
    monkeypatch.setattr(desk.controls, "_listen", lambda: None)


def right_click(widget: QWidget, at: QPoint) -> QMenu:
    """The menu that a right click opens."""
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, widget.mapToGlobal(at))
    QApplication.sendEvent(widget, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def choose(qtbot: QtBot, menu: QMenu, words: str) -> None:
    """Click an entry of a menu, as a person does."""
    action = next(each for each in menu.actions() if each.text().startswith(words))
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


def test_a_slider_learns_by_a_right_click_moves_and_forgets(
    qtbot: QtBot, desk: Desk, panel: QWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(desk, monkeypatch)
    row = panel.findChild(SliderRow)
    settled: list[bool] = []
    row.settled.connect(lambda: settled.append(True))
    choose(qtbot, right_click(row, row.rect().center()), "Learn")
    desk.say(midi(0.2))
    assert desk.controls.setup.bindings == (Binding(KNOB, "slider//Strength", 0.0, 3.0),)
    assert "Moved by Knob 74 (channel 1)." in row.toolTip()
    desk.say(midi(0.5))
    desk.say(midi(1.0))
    assert row.value() == 3.0
    qtbot.waitUntil(lambda: settled == [True], timeout=10_000)
    choose(qtbot, right_click(row, row.rect().center()), "Forget")
    assert desk.controls.setup.bindings == ()
    assert "Moved by" not in row.toolTip()


def test_a_row_of_a_list_learns(qtbot: QtBot, desk: Desk, panel: QWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet(desk, monkeypatch)
    rows = panel.findChild(SliderList)
    choose(qtbot, right_click(rows.viewport(), rows.rowRect(1).center()), "Learn")
    desk.say(midi(0.5))
    desk.say(midi(0.0))
    assert tuple(rows.values()) == (1.0, 0.0)


def test_the_pad_offers_both_its_axes(qtbot: QtBot, desk: Desk, panel: QWidget) -> None:
    menu = right_click(panel.findChild(Pad), QPoint(50, 50))
    assert [each.text() for each in menu.actions()] == ["Across", "Up"]
    menu.close()


def test_other_menus_can_offer_to_learn(qtbot: QtBot, desk: Desk, panel: QWidget) -> None:
    menu = QMenu(panel)
    add_learning(menu, panel.findChild(SliderList), move_target(Direction("axis", 1)))
    assert [each.text() for each in menu.actions()] == ["", "Learn from MIDI or OSC"]
    menu.deleteLater()


def test_a_bound_slider_has_a_dot(desk: Desk, panel: QWidget) -> None:
    row = panel.findChild(SliderRow)
    before = row.grab().toImage()
    desk.controls.bind(Binding(KNOB, "slider//Strength"))
    assert row.grab().toImage() != before


def test_the_box_lists_what_is_bound_and_what_was_heard(qtbot: QtBot, desk: Desk) -> None:
    desk.controls.bind(Binding(KNOB, "truncation", 0.0, 1.5))
    box = ControlBox(desk.controls)
    qtbot.addWidget(box)
    box.show()
    desk.say(midi(0.25))
    texts = [box._table.item(0, column).text() for column in range(5)]
    assert texts == ["Truncation ψ", "Knob 74 (channel 1)", "0", "1.5", "0.25"]
    assert "Knob 74 (channel 1) = 0.250" in box._heard.toolTip() or "0.250" in box._heard.text()


def test_the_box_changes_ends_and_forgets(qtbot: QtBot, desk: Desk) -> None:
    desk.controls.bind(Binding(KNOB, "truncation", 0.0, 1.5))
    box = ControlBox(desk.controls)
    qtbot.addWidget(box)
    box._table.item(0, 3).setText("0,8")
    assert desk.controls.setup.bindings[0].high == 0.8
    box._table.item(0, 2).setText("loud")
    assert box._table.item(0, 2).text() == "0"
    box._table.selectRow(0)
    qtbot.mouseClick(box._forget, Qt.MouseButton.LeftButton)
    assert desk.controls.setup.bindings == ()


def test_held_arrows_move_the_pad_faster_and_faster_as_one_step(qtbot: QtBot, panel: QWidget) -> None:
    pad = panel.findChild(Pad)
    settled: list[bool] = []
    pad.settled.connect(lambda: settled.append(True))
    pad.setFocus()
    qtbot.keyPress(pad, Qt.Key.Key_Right)
    pad._tick.stop()  # time goes by hand
    places = [pad.position()[0]]
    for _ in range(10):
        pad.advance(0.1)
        places.append(pad.position()[0])
    steps = [after - before for before, after in pairwise(places)]
    assert places[0] == pytest.approx(0.1)
    assert steps[0] == 0.0
    assert all(later > earlier for earlier, later in pairwise(steps) if earlier > 0.0)
    assert not settled
    qtbot.keyRelease(pad, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: settled == [True], timeout=10_000)


def test_taps_in_a_row_are_one_step(qtbot: QtBot, panel: QWidget) -> None:
    pad = panel.findChild(Pad)
    settled: list[bool] = []
    pad.settled.connect(lambda: settled.append(True))
    pad.setFocus()
    for _ in range(5):
        qtbot.keyClick(pad, Qt.Key.Key_Up)
    assert pad.position() == pytest.approx((0.0, 0.5))
    qtbot.waitUntil(lambda: settled == [True], timeout=10_000)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        return int(own.getsockname()[1])


def send(port: int, *packets: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        for each in packets:
            own.sendto(each, ("127.0.0.1", port))
