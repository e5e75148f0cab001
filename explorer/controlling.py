"""Listens to knobs, keys and other programs, and lets them move what they are bound to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Protocol

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from explorer.animation import duration
from explorer.control import Binding, Message, Setup, changed, limits, midi_message, named, osc_messages, presses
from explorer.errors import ExplorerError
from explorer.motion import Motion
from explorer.scene import Scene
from explorer.session import Session
from explorer.workers import Failed, Jobs, LatestWins, Report

__all__ = ["Controls", "Hand"]

FRAME_MILLISECONDS: Final = 16
REST_MILLISECONDS: Final = 400  # after the last message, a movement is over
LARGEST_PACKET: Final = 65_535  # of UDP
LOCALHOST: Final = "127.0.0.1"
WAIT_SECONDS: Final = 0.5
NO_MIDI = "MIDI needs the packages mido and python-rtmidi."
NO_OSC = "OSC needs the package python-osc."


class Hand(Protocol):
    """Moves sliders of the window as a person would; targets it does not know it leaves."""

    def drive(self, target: str, value: float) -> None: ...

    def settle(self) -> None: ...


@dataclass(slots=True)
class _Waiting:
    """What an address has said since the last frame: the newest value, the largest one, and how often it pressed."""

    message: Message
    largest: float
    presses: int


class Controls(QObject):
    """Messages of MIDI and OSC move what they are bound to, at most once in a frame of the display.

    1. A message may come from any thread, with ``receive``; it waits in a mailbox where the newest of an address wins.
    2. The main thread empties the mailbox, at most every 16 ms, and makes one change of all that is in it.
    3. After 0.4 s without a message the movement is over: one step of undo.

    Main thread only, but for ``receive``.
    """

    heard = Signal(object)  # Message: the newest one, at most once in a frame
    setup_changed = Signal()  # bindings, or which inputs are listened to
    inputs_changed = Signal()  # ports that are open
    learning_changed = Signal()
    learnt = Signal(object)  # Binding

    def __init__(
        self,
        session: Session,
        motion: Motion,
        jobs: Jobs,
        failed: Failed,
        verbs: Mapping[str, Callable[[], object]],
        parent: QObject | None = None,
    ) -> None:
        """``verbs`` are what targets that begin with "do/" do, ``jobs`` looks for MIDI ports."""
        super().__init__(parent)
        self.session, self.setup = session, Setup()
        self.hand: Hand | None = None
        self.last: dict[str, float] = {}  # by address, the newest value that was heard
        self._motion, self._jobs, self._failed, self._verbs = motion, jobs, failed, verbs
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._newest: dict[str, float] = {}  # of any thread, by address
        self._is_posted = self._is_closed = self._is_moving = False
        self._base: Scene | None = None  # the scene before the movement that goes on
        self._label = ""
        self._learning: Binding | None = None  # without an address
        self._osc: _Listener | None = None
        self._ports: dict[str, Any] = {}  # of MIDI
        self._is_looking = False
        self._frame = self._timer(FRAME_MILLISECONDS, self._take)
        self._rest = self._timer(REST_MILLISECONDS, self.settle)

    # --- hearing ---

    def receive(self, message: Message) -> None:
        """Take a message; any thread."""
        with self._lock:
            before = self._newest.get(message.address, 0.0)
            self._newest[message.address] = message.value
            pressed = int(presses(message.address, before, message.value))
            known = self._waiting.get(message.address)
            if known is None:
                self._waiting[message.address] = _Waiting(message, message.value, pressed)
            else:
                known.message = message
                known.largest = max(known.largest, message.value)
                known.presses += pressed
            if self._is_posted or self._is_closed:
                return
            self._is_posted = True
        self._jobs.main.post(self._take_soon)

    # --- bindings ---

    def learn(self, target: str, low: float | None = None, high: float | None = None) -> None:
        """Bind ``target`` to whatever says something next; listens to all inputs there are meanwhile, and after."""
        usual = limits(target)
        self._learning = Binding("", target, usual[0] if low is None else low, usual[1] if high is None else high)
        has_midi, has_osc = _is_there("mido", "rtmidi"), _is_there("pythonosc")
        if not has_midi and not has_osc:
            self._learning = None
            self._failed(ExplorerError(f"{NO_MIDI} {NO_OSC}", "Install one with: pip install latent-explorer[midi]"))
            return
        self.change(replace(self.setup, midi=has_midi or self.setup.midi, osc=has_osc or self.setup.osc))
        self.learning_changed.emit()

    def learning(self) -> str:
        """The target that is being learnt, or the empty text."""
        return self._learning.target if self._learning is not None else ""

    @Slot()
    def stop_learning(self) -> None:
        if self._learning is not None:
            self._learning = None
            self.learning_changed.emit()

    def bind(self, binding: Binding) -> None:
        """Bind a target, in place of what it was bound to."""
        others = tuple(each for each in self.setup.bindings if each.target != binding.target)
        self.change(replace(self.setup, bindings=(*others, binding)))

    def forget(self, target: str) -> None:
        """Let nothing move ``target`` any more."""
        kept = tuple(each for each in self.setup.bindings if each.target != target)
        self.change(replace(self.setup, bindings=kept))

    def change(self, setup: Setup) -> None:
        """Have these bindings, and listen to these inputs: what a session kept acts again at once."""
        if setup != self.setup:
            before, self.setup = self.setup, setup
            if (setup.osc, setup.port) != (before.osc, before.port):
                self._listen()
            if setup.midi and not before.midi:
                self.look_for_midi()
            elif not setup.midi:
                self._close_midi()
            self.setup_changed.emit()  # with an input turned off again where there is none

    # --- inputs ---

    def midi_inputs(self) -> tuple[str, ...]:
        """The names of the MIDI inputs that are open."""
        return tuple(self._ports)

    def osc_port(self) -> int:
        """The port that is listened to; 0 for none."""
        return self._osc.port if self._osc is not None else 0

    @Slot()
    def look_for_midi(self) -> None:
        """Open every MIDI input that is there, in the background."""
        if not _is_there("mido", "rtmidi"):
            self._turn_off("midi", ExplorerError(NO_MIDI, "Install them with: pip install latent-explorer[midi]"))
        elif not self._is_looking:
            self._is_looking = True
            known = frozenset(self._ports)
            self._jobs.start(
                "Look for MIDI",
                lambda report: _open_midi(known, self._hear_midi, report),
                self._take_midi,
                self._fail_midi,
            )

    def close(self) -> None:
        """Stop listening. Safe to call twice."""
        self._is_closed = True
        self._frame.stop()
        self._rest.stop()
        self._close_midi()
        if self._osc is not None:
            self._osc.close()
            self._osc = None

    # --- private ---

    def _timer(self, milliseconds: int, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(call)
        return timer

    def _take_soon(self) -> None:
        if not self._frame.isActive() and not self._is_closed:
            self._take()

    @Slot()
    def _take(self) -> None:
        """Make one change of all that waits."""
        with self._lock:
            waiting, self._waiting, self._is_posted = self._waiting, {}, False
        if not waiting or self._is_closed:
            return
        self._frame.start()
        self.last.update({address: each.message.value for address, each in waiting.items()})
        self.heard.emit(next(reversed(waiting.values())).message)
        self._learn_from(waiting)
        moved: list[tuple[Binding, float]] = []
        for binding in self.setup.bindings:
            each = waiting.get(binding.address)
            if each is not None and binding.target in self._verbs:
                for _ in range(min(each.presses, 1)):
                    self._verbs[binding.target]()
            elif each is not None and not binding.target.startswith("do/"):
                moved.append((binding, binding.value(each.message.value)))
        if moved:
            self._move(moved)

    def _learn_from(self, waiting: Mapping[str, _Waiting]) -> None:
        learning = self._learning
        said = next((each.message for each in waiting.values() if each.largest > 0.0), None)  # not a key let go
        if learning is not None and said is not None:
            self._learning = None
            binding = replace(learning, address=said.address)
            self.bind(binding)
            self.learnt.emit(binding)
            self.learning_changed.emit()

    def _move(self, moved: list[tuple[Binding, float]]) -> None:
        if self.session.model is None:
            return
        films = [value for binding, value in moved if binding.target == "film"]
        film = self._motion.film()
        if films and film is not None:
            self._motion.scrub(films[-1] * duration(film))
        others = [(binding, value) for binding, value in moved if binding.target != "film"]
        if not others:
            return
        self._motion.stop()
        if not self._is_moving:
            self._is_moving, self._base = True, self.session.scene
        view, own, scene = self.session.view, self.session.directions, self.session.scene
        for binding, value in others:
            after = changed(scene, binding.target, value, (view.across, view.up), own, self._base)
            if after != scene:
                scene, self._label = after, named(binding.target)
        self.session.change(scene, settled=False)
        for binding, value in others:
            if self.hand is not None and binding.target.startswith(("slider/", "row/")):
                self.hand.drive(binding.target, value)
        self._rest.start()

    @Slot()
    def settle(self) -> None:
        """Make the movement that goes on a step of undo."""
        if self._is_moving:
            self._is_moving, self._base = False, None
            label, self._label = self._label, ""
            if self.hand is not None:
                self.hand.settle()
            if label:
                self.session.settle(label)

    def _listen(self) -> None:
        if self._osc is not None:
            self._osc.close()
            self._osc = None
        if self.setup.osc and not _is_there("pythonosc"):
            self._turn_off("osc", ExplorerError(NO_OSC, "Install it with: pip install latent-explorer[osc]"))
        elif self.setup.osc:
            try:
                self._osc = _Listener(self.setup.port, self._jobs, self.receive, self._failed)
            except OSError:
                hint = "Choose another port, or close the program that listens there."
                self._turn_off("osc", ExplorerError(f"Port {self.setup.port} cannot be listened to.", hint))
        self.inputs_changed.emit()

    def _turn_off(self, name: str, error: ExplorerError) -> None:
        setup = self.setup
        self.setup = replace(setup, midi=setup.midi and name != "midi", osc=setup.osc and name != "osc")
        self._failed(error)

    def _hear_midi(self, said: Any) -> None:
        """Called by the MIDI library on a thread of its own."""
        message = midi_message(said)
        if message is not None:
            self.receive(message)

    def _take_midi(self, ports: dict[str, Any]) -> None:
        self._is_looking = False
        self._ports.update(ports)
        if self._is_closed or not self.setup.midi:
            self._close_midi()
        self.inputs_changed.emit()

    def _fail_midi(self, error: BaseException) -> None:
        self._is_looking = False
        self._failed(error)

    def _close_midi(self) -> None:
        ports, self._ports = self._ports, {}
        for port in ports.values():
            port.close()
        if ports:
            self.inputs_changed.emit()


class _Listener:
    """A thread that reads packets from a UDP port of this computer until it is closed."""

    def __init__(self, port: int, jobs: Jobs, receive: Callable[[Message], None], failed: Failed) -> None:
        """Raises OSError where the port is taken."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((LOCALHOST, port))
        except OSError:
            self._socket.close()
            raise
        self.port = int(self._socket.getsockname()[1])
        self._socket.settimeout(WAIT_SECONDS)
        self._receive = receive
        self._stop = threading.Event()
        self._thread = LatestWins(jobs.main, ("osc",), failed, "osc")
        self._thread.submit("osc", self._read, lambda nothing: None)

    def close(self) -> None:
        self._stop.set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(b"", (LOCALHOST, self.port))  # wakes the thread, which would wait on for a packet
        self._thread.close()
        self._socket.close()

    def _read(self) -> Iterator[None]:
        while not self._stop.is_set():
            try:
                packet = self._socket.recv(LARGEST_PACKET)
            except TimeoutError:
                continue
            except ConnectionError:  # Windows tells of packets that nobody took
                continue
            for message in osc_messages(packet):
                self._receive(message)
        return
        yield


def _open_midi(known: frozenset[str], hear: Callable[[Any], None], report: Report) -> dict[str, Any]:
    """Open the MIDI inputs that are not open yet; those that another program keeps to itself are left out."""
    mido, rtmidi = import_module("mido"), import_module("rtmidi")
    opened: dict[str, Any] = {}
    try:
        for name in dict.fromkeys(mido.get_input_names()):
            report(len(opened), 0, name)
            if name not in known:
                try:
                    opened[name] = mido.open_input(name, callback=hear)
                except (OSError, rtmidi.RtMidiError):
                    continue
    except (OSError, rtmidi.RtMidiError) as error:
        raise ExplorerError(
            "This system offers no MIDI.", "On Linux its sequencer (snd-seq) has to be loaded."
        ) from error
    return opened


def _is_there(*packages: str) -> bool:
    return all(find_spec(package) is not None for package in packages)
