"""The promises of the model cards and of the column that shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets")
pytest.importorskip("pytestqt")

from examples import make_vae, save_model
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

import explorer.render
from explorer.actions import Actions, Workers
from explorer.cards import MOST_KEPT, ModelCard, read_card
from explorer.generators import open_generator
from explorer.imaging import read_recipe, write_png
from explorer.live import Live
from explorer.preferences import Preferences
from explorer.render import render_many
from explorer.scene import Latent, Scene, Seed
from explorer.session import Session
from explorer.ui.model_card import CardButton
from explorer.ui.models import ModelsPanel
from explorer.workers import Jobs, MainThread


def checkpoint(path: Path, channels: int = 1, **config: Any) -> Path:
    """A tiny VAE under the name of its file."""
    return save_model(path, make_vae(channels, **{"name": path.stem, **config}))


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for every time pictures were rendered from now on."""
    calls: list[int] = []

    def counted(generator: Any, scenes: Any, batch: int = 32, side: int = 0) -> Any:
        calls.append(batch)
        return render_many(generator, scenes, batch, side)

    monkeypatch.setattr(explorer.render, "render_many", counted)
    return calls


def kept_file(cache: Path) -> Path:
    (file,) = cache.iterdir()
    return file


# --- cards ---


def test_a_card_tells_name_family_size_and_latents(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "small.safetensors")
    parameters = open_generator(path, "cpu").parameters
    card = read_card(path, tmp_path / "cache")
    assert (card.name, card.family_title, card.problem) == ("small", "VAE", "")
    assert card.details == f"16×16 · {parameters / 1000:.0f} k · 5 latents"


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_are_the_pictures_of_four_seeds(tmp_path: Path, channels: int) -> None:
    path = checkpoint(tmp_path / "small.safetensors", channels)
    scenes = [Scene(Latent(((Seed(number), 1.0),))) for number in range(4)]
    expected = np.stack([picture.pixels for picture in render_many(open_generator(path, "cpu"), scenes)])
    for _ in ("drawn", "from the cache"):
        samples = read_card(path, tmp_path / "cache").samples
        assert samples is not None
        np.testing.assert_array_equal(samples, expected)


def test_samples_are_those_the_checkpoint_suggests(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "small.safetensors", samples=[41, True, "x", 42, -1, 0])
    scenes = [Scene(Latent(((Seed(number), 1.0),))) for number in (41, 42, 0, 1)]
    expected = np.stack([picture.pixels for picture in render_many(open_generator(path, "cpu"), scenes)])
    samples = read_card(path, tmp_path / "cache").samples
    assert samples is not None
    np.testing.assert_array_equal(samples, expected)


def test_a_known_card_is_not_rendered_again(tmp_path: Path, renders: list[int]) -> None:
    path = checkpoint(tmp_path / "small.safetensors")
    first, second = read_card(path, tmp_path / "cache"), read_card(path, tmp_path / "cache")
    assert len(renders) == 1
    assert (second.name, second.family_title, second.details) == (first.name, first.family_title, first.details)


def test_a_changed_checkpoint_is_rendered_again(tmp_path: Path, renders: list[int]) -> None:
    path = checkpoint(tmp_path / "small.safetensors")
    read_card(path, tmp_path / "cache")
    checkpoint(path, name="renamed, so of another length")
    assert read_card(path, tmp_path / "cache").name == "renamed, so of another length"
    assert len(renders) == 2


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def other_shape(file: Path) -> None:
    recipe = read_recipe(file)
    write_png(file, np.zeros((8, 32, 1), np.uint8), recipe)


def other_channels(file: Path) -> None:
    recipe = read_recipe(file)
    write_png(file, np.zeros((16, 64, 3), np.uint8), recipe)


def absurd_shape(file: Path) -> None:
    write_png(file, np.zeros((16, 64, 1), np.uint8), {**(read_recipe(file) or {}), "shape": [16, -16, "1"]})


def no_words(file: Path) -> None:
    write_png(file, np.zeros((16, 64, 1), np.uint8), {"name": None, "shape": [16, 16, 1]})


def no_recipe(file: Path) -> None:
    write_png(file, np.zeros((16, 64, 1), np.uint8))


@pytest.mark.parametrize(
    "damage",
    [truncate, empty, other_shape, other_channels, absurd_shape, no_words, no_recipe],
    ids=lambda f: f.__name__,
)
def test_a_damaged_kept_card_is_rewritten(tmp_path: Path, renders: list[int], damage: Callable[[Path], None]) -> None:
    path, cache = checkpoint(tmp_path / "small.safetensors"), tmp_path / "cache"
    good = read_card(path, cache).samples
    damage(kept_file(cache))
    assert good is not None
    for _ in ("made again", "from the cache"):
        samples = read_card(path, cache).samples
        assert samples is not None
        np.testing.assert_array_equal(samples, good)
    assert len(renders) == 2


def test_a_damaged_checkpoint_gives_a_problem_card_that_is_not_kept(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "small.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    card = read_card(path, tmp_path / "cache")
    assert card.problem.startswith("small.safetensors is damaged")
    assert card.name == "small"
    assert card.samples is None
    assert not (tmp_path / "cache").exists()


def test_a_missing_checkpoint_gives_a_problem_card(tmp_path: Path) -> None:
    assert "does not exist" in read_card(tmp_path / "gone.safetensors", tmp_path / "cache").problem


def test_a_cache_that_cannot_be_written_still_gives_the_card(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert read_card(checkpoint(tmp_path / "small.safetensors"), tmp_path / "cache").samples is not None


def test_only_the_newest_cards_are_kept(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for number in range(MOST_KEPT + 3):
        (cache / f"card-{number}.png").write_bytes(b"")
    (cache / "other.png").write_bytes(b"")
    read_card(checkpoint(tmp_path / "small.safetensors"), cache)
    assert len(list(cache.glob("card-*.png"))) == MOST_KEPT
    assert (cache / "other.png").exists()


# --- the column ---


class Rig:
    """The panel with everything it stands on, and two checkpoints that come with the program."""

    def __init__(self, qtbot: QtBot, folder: Path, recent: tuple[Path, ...]) -> None:
        self.qtbot = qtbot
        self.errors: list[BaseException] = []
        self.main = MainThread()
        self.session = Session()
        self.live = Live(self.session, self.main, self.errors.append)
        self.jobs = [Jobs(self.main, self.errors.append, name) for name in ("jobs", "loader", "background")]
        preferences = Preferences(device="cpu", recent=tuple(map(str, recent)))
        self.actions = Actions(self.session, self.live, Workers(*self.jobs, self.jobs[0]), preferences, folder)
        self.panel = ModelsPanel(self.actions, folder / "cache")
        qtbot.addWidget(self.panel)
        self.panel.resize(232, 700)
        self.panel.show()
        self.panel.activateWindow()
        self.settle()

    def settle(self) -> None:
        """Wait until every job has ended and its result is shown."""
        self.qtbot.waitUntil(lambda: not any(jobs.states() for jobs in self.jobs))
        QApplication.processEvents()

    def press(self, name: str, key: Qt.Key) -> None:
        """Press a key on a card."""
        QTest.keyClick(self.card(name), key)

    def names(self) -> list[str]:
        return [card.path.stem for card in self.panel.cards()]

    def card(self, name: str) -> CardButton:
        return next(card for card in self.panel.cards() if card.path.stem == name)

    def close(self) -> None:
        self.live.close()
        for jobs in self.jobs:
            jobs.close()
        self.main.close()


@pytest.fixture
def start(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Rig]]:
    """Gives a function that shows the panel for the given recent checkpoints."""
    bundled = tuple(checkpoint(tmp_path / f"{name}.safetensors") for name in ("first", "second"))
    monkeypatch.setattr("explorer.ui.models.bundled_checkpoints", lambda: bundled)
    rigs: list[Rig] = []

    def begin(*recent: Path) -> Rig:
        rigs.append(Rig(qtbot, tmp_path, recent))
        return rigs[-1]

    yield begin
    for rig in rigs:
        rig.close()
        assert rig.errors == []


def test_bundled_models_come_before_recent_ones_that_exist(start: Callable[..., Rig], tmp_path: Path) -> None:
    other = checkpoint(tmp_path / "other.safetensors")
    rig = start(tmp_path / "gone.safetensors", tmp_path / "second.safetensors", other)
    assert rig.names() == ["first", "second", "other"]


def test_a_card_shows_what_was_read(start: Callable[..., Rig]) -> None:
    card = start().card("first")
    assert isinstance(card.card, ModelCard)
    assert card.accessibleName() == f"first, VAE, {card.card.details}"
    assert card.toolTip() == str(card.path)


def test_a_click_opens_the_model_and_marks_its_card(start: Callable[..., Rig]) -> None:
    rig = start()
    QTest.mouseClick(rig.card("second"), Qt.MouseButton.LeftButton)
    rig.settle()
    assert rig.session.model is not None
    assert rig.session.model.path == rig.card("second").path
    assert [card.is_current for card in rig.panel.cards()] == [False, True]


def test_arrows_walk_and_return_opens(start: Callable[..., Rig]) -> None:
    rig = start()
    rig.card("first").setFocus()
    rig.press("first", Qt.Key.Key_Down)
    assert rig.card("second").hasFocus()
    rig.press("second", Qt.Key.Key_Return)
    rig.settle()
    assert rig.card("second").is_current


def test_a_model_opened_from_elsewhere_appears_as_recent(start: Callable[..., Rig], tmp_path: Path) -> None:
    rig = start()
    rig.actions.open(checkpoint(tmp_path / "other.safetensors"))
    rig.settle()
    assert rig.names() == ["first", "second", "other"]
    assert rig.card("other").is_current
    assert rig.card("other").card is not None


def test_the_small_button_forgets_a_recent_model(start: Callable[..., Rig], tmp_path: Path) -> None:
    kept, other = (checkpoint(tmp_path / f"{name}.safetensors") for name in ("kept", "other"))
    rig = start(kept, other)
    rig.card("other").remove.click()
    assert rig.names() == ["first", "second", "kept"]
    assert rig.actions.preferences.recent == (str(kept),)


def test_delete_forgets_recent_models_only(start: Callable[..., Rig], tmp_path: Path) -> None:
    rig = start(checkpoint(tmp_path / "other.safetensors"))
    for name in ("first", "other"):
        rig.press(name, Qt.Key.Key_Delete)
    assert rig.names() == ["first", "second"]


def test_other_preferences_leave_the_cards_alone(start: Callable[..., Rig], renders: list[int]) -> None:
    rig = start()
    before = rig.panel.cards()
    rig.actions.set_preferences(replace(rig.actions.preferences, theme="light"))
    assert rig.panel.cards() == before
    assert not rig.jobs[2].states()


def test_the_card_of_the_file_being_opened_is_busy(start: Callable[..., Rig]) -> None:
    rig = start()
    rig.actions.loading.emit("second.safetensors")
    assert [card.line.isVisible() for card in rig.panel.cards()] == [False, True]
    rig.actions.loading.emit("")
    assert not any(card.line.isVisible() for card in rig.panel.cards())


def test_a_file_without_a_card_is_shown_as_busy_under_the_header(start: Callable[..., Rig]) -> None:
    rig = start()
    lines = set(rig.panel.findChildren(type(rig.card("first").line)))
    rig.actions.loading.emit("dropped.safetensors")
    (busy,) = (line for line in lines if line.isVisible())
    assert busy.parent() is rig.panel
    rig.actions.loading.emit("")
    assert not busy.isVisible()


def test_a_damaged_model_says_so_on_its_card(start: Callable[..., Rig], tmp_path: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"")
    card = start(bad).card("bad")
    assert "Cannot be opened" in card.accessibleName()
    assert card.toolTip().startswith("bad.safetensors is empty.")


def test_the_button_asks_for_a_file(start: Callable[..., Rig]) -> None:
    rig = start()
    button = rig.panel.findChild(QPushButton)
    assert isinstance(button, QPushButton)
    with rig.qtbot.waitSignal(rig.panel.open_asked):
        button.click()


def test_a_narrow_column_still_holds_all_samples_and_paints(start: Callable[..., Rig], tmp_path: Path) -> None:
    rig = start(checkpoint(tmp_path / ("long-" * 20 + "name.safetensors")))
    for width in (210, 232, 500):
        rig.panel.resize(width, 300)
        QApplication.processEvents()
        assert rig.panel.grab().width() >= rig.card("first").minimumSizeHint().width()
