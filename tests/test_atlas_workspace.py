"""The promises of the Atlas workspace, kept in the real window over a folder of small pictures."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets")
pytest.importorskip("pytestqt")

from hands import PATIENCE, Program, running, tiny_checkpoints
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from explorer.atlas.chart import Chart
from explorer.atlas.choices import ReferenceChoice, packed
from explorer.atlas.values import Scores
from explorer.charting import Charting
from explorer.imaging import write_png
from explorer.ui.atlas.panels.checking import ChecksPanel
from explorer.ui.atlas.panels.flagged import FlaggedPanel
from explorer.ui.atlas.panels.layout import LayoutPanel
from explorer.ui.atlas.panels.threshold import ThresholdPanel
from explorer.ui.shortcuts import ATLAS_SHORTCUTS

PICTURES = 120  # of two kinds, in a folder each
ODD = 7  # the place of one that is like no other
KEY = Qt.Key


def write_pictures(folder: Path) -> Path:
    """Dark and light pictures with a bar somewhere, in two folders, one of them a chessboard, and a damaged file."""
    rng = np.random.default_rng(0)
    for index in range(PICTURES):
        kind = "dark" if index % 2 == 0 else "light"
        pixels = rng.normal(60 if kind == "dark" else 180, 8, (16, 16, 1))
        pixels[:, 4 + index % 6 : 6 + index % 6] += 40
        if index == ODD:
            pixels = 255.0 * (np.indices((16, 16)).sum(0)[..., None] % 2)
        (folder / kind).mkdir(parents=True, exist_ok=True)
        write_png(folder / kind / f"{index:03}.png", pixels.clip(0, 255).astype(np.uint8))
    (folder / "dark" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data") / "bars")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the tests share, so that pictures are read once."""
    return tmp_path_factory.mktemp("seen")


@pytest.fixture
def program(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: Path, seen: Path
) -> Iterator[Program]:
    """The window on a tiny model, with the pictures mapped: read, scored, and laid out by PCA."""
    plain, _ = tiny_checkpoints(tmp_path / "models")
    with running(qtbot, tmp_path, monkeypatch) as program:
        program.actions.charting._cache = seen
        program.open(plain)
        without_umap(monkeypatch)
        assert program.drop(pictures)
        program.wait(lambda: is_ready(program))
        yield program


def without_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave pictures where PCA put them: UMAP takes seconds to compile, and has tests of its own."""
    monkeypatch.setattr("explorer.atlas.chart.add_layout", lambda chart, settings, report, show: chart)


def is_ready(program: Program) -> bool:
    charting = program.actions.charting
    return charting.chart is not None and charting.scores is not None and not charting.is_busy()


def charting_of(program: Program) -> Charting:
    return program.actions.charting


def chart_of(program: Program) -> Chart:
    chart = program.actions.charting.chart
    assert chart is not None
    return chart


def scores_of(program: Program) -> Scores:
    scores = program.actions.charting.scores
    assert scores is not None
    return scores


def row_of(program: Program, name: str) -> int:
    survey = chart_of(program).survey
    return next(row for row, index in enumerate(survey.indices) if name in survey.dataset.identity(int(index)))


def test_a_dropped_folder_becomes_a_map(program: Program) -> None:
    chart = chart_of(program)
    assert program.session.view.workspace == "atlas"
    assert len(chart.survey) == PICTURES
    assert np.isfinite(chart.positions).all()
    assert program.window.atlas.pages.currentWidget() is program.window.atlas.body
    assert program.window.atlas.lens.text() == program.model().facts.name


def test_a_file_that_cannot_be_read_is_told_and_stops_nothing(program: Program) -> None:
    unreadable = chart_of(program).survey.unreadable
    assert len(unreadable) == 1
    layout = program.window.atlas_panels.panel("Map")
    assert isinstance(layout, LayoutPanel)
    assert "1 could not be read" in layout.words.text()
    assert unreadable[0].reason in layout.words.toolTip()


def test_the_picture_like_no_other_leads_the_ranking(program: Program) -> None:
    odd = row_of(program, f"{ODD:03}.png")
    assert int(np.argmax(scores_of(program).combined)) == odd
    assert charting_of(program).ranking()[0] == odd


def test_without_a_reference_it_says_that_these_are_ranks(program: Program) -> None:
    panel = program.window.atlas_panels.panel("Anomaly threshold")
    assert isinstance(panel, ThresholdPanel)
    assert not scores_of(program).is_calibrated
    assert "rank" in panel.words.text()


def test_a_reference_by_label_calibrates(program: Program) -> None:
    charting = charting_of(program)
    charting.set_reference(ReferenceChoice("label", 0))
    program.wait(lambda: is_ready(program) and scores_of(program).is_calibrated)
    labels = chart_of(program).survey.labels()
    assert labels is not None
    assert set(labels[scores_of(program).reference]) == {0}
    panel = program.window.atlas_panels.panel("Anomaly threshold")
    assert isinstance(panel, ThresholdPanel)
    assert "95 % interval" in panel.words.text() or "no rate below" in panel.words.text()
    charting.undo()
    program.wait(lambda: is_ready(program) and not scores_of(program).is_calibrated)


def test_a_reference_of_too_few_pictures_is_refused_in_a_sentence(program: Program) -> None:
    mask = np.zeros(PICTURES, np.bool_)
    mask[:3] = True
    before = scores_of(program)
    charting_of(program).set_reference(ReferenceChoice("selection", rows=packed(mask)))
    program.wait_message("too few")
    assert scores_of(program) is before


def test_the_lasso_selects_adds_and_takes_away_with_undo(program: Program) -> None:
    charting, atlas = charting_of(program), program.window.atlas
    positions = chart_of(program).positions
    low, high, middle = positions.min(0) - 1, positions.max(0) + 1, float(np.median(positions[:, 0]))
    left = np.array([[low[0], low[1]], [middle, low[1]], [middle, high[1]], [low[0], high[1]]])
    atlas.take_lasso(left, "set")
    chosen = charting.selected()
    assert chosen is not None
    assert np.array_equal(chosen, positions[:, 0] < middle)
    whole = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    atlas.take_lasso(whole, "add")
    everything = charting.selected()
    assert everything is not None
    assert everything.all()
    atlas.take_lasso(left, "subtract")
    rest = charting.selected()
    assert rest is not None
    assert np.array_equal(rest, ~chosen)
    program.press(KEY.Key_Z, Qt.KeyboardModifier.ControlModifier)
    program.press(KEY.Key_Z, Qt.KeyboardModifier.ControlModifier)
    again = charting.selected()
    assert again is not None
    assert np.array_equal(again, chosen)


def test_a_filter_keeps_the_lasso_off_what_is_hidden(program: Program) -> None:
    charting = charting_of(program)
    visible = np.arange(PICTURES) % 2 == 0
    charting.filter(visible)
    charting.select(np.ones(PICTURES, np.bool_))
    chosen = charting.selected()
    assert chosen is not None
    assert np.array_equal(chosen, visible)


def test_marking_a_picture_moves_it_between_flagged_and_not(program: Program) -> None:
    charting, odd = charting_of(program), row_of(program, f"{ODD:03}.png")
    ordinary = int(np.argmin(scores_of(program).combined))
    charting.mark(ordinary, False)
    flagged = charting.flagged()
    assert flagged is not None
    assert flagged[ordinary]
    charting.mark(odd, True)
    flagged = charting.flagged()
    assert flagged is not None
    assert not flagged[odd]
    charting.undo()
    charting.undo()
    flagged = charting.flagged()
    assert flagged is not None
    assert flagged[odd]
    assert not flagged[ordinary]
    program.wait(charting.looking.is_idle)


def test_moving_the_rate_scores_nothing_again(program: Program) -> None:
    scores = scores_of(program)
    charting_of(program).set_rate(0.1)
    assert scores_of(program) is scores
    assert len(charting_of(program).ranking()) == int((scores.p_value <= 0.1).sum())


def test_a_picture_that_is_picked_explains_itself(program: Program) -> None:
    odd = row_of(program, f"{ODD:03}.png")
    charting_of(program).pick(odd)
    inspector = program.window.atlas.inspector
    program.wait(lambda: len(inspector.shots.shots()) == 4)
    captions = [shot.caption for shot in inspector.shots.shots()]
    assert captions == ["original", "reconstruction", "difference", "made normal"]
    reasons = scores_of(program)
    assert reasons.titles[reasons.reason[odd]] in inspector.words.text()
    assert odd not in set(inspector.nearest.keys())


def test_keys_step_through_the_flagged_pictures(program: Program) -> None:
    charting = charting_of(program)
    charting.set_rate(0.05)
    ranking = charting.ranking().tolist()
    program.press(KEY.Key_N)
    assert charting.current == ranking[0]
    program.press(KEY.Key_N)
    assert charting.current == ranking[1]
    program.press(KEY.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert charting.current == ranking[0]
    program.press(KEY.Key_O)
    assert dict(charting.choices.marks) == {ranking[0]: False}
    program.wait(charting.looking.is_idle)


def test_the_repair_test_tells_what_became_of_the_p_value(program: Program) -> None:
    charting_of(program).pick(row_of(program, f"{ODD:03}.png"))
    inspector = program.window.atlas.inspector
    program.wait(lambda: not inspector.repair.isHidden())
    inspector.repair.click()
    program.wait(lambda: "without the hottest region" in inspector.repaired.text())


def test_the_list_follows_the_map_and_the_map_the_list(program: Program) -> None:
    charting = charting_of(program)
    charting.set_rate(0.05)
    flagged = program.window.atlas_panels.panel("Flagged")
    assert isinstance(flagged, FlaggedPanel)
    flagged.table.selectRow(1)
    assert charting.current == charting.ranking()[1]
    charting.pick(int(charting.ranking()[0]))
    assert flagged.table.currentIndex().row() == 0


def test_a_picture_of_the_map_opens_in_explore(program: Program) -> None:
    row = row_of(program, f"{ODD:03}.png")
    program.window.atlas.open_row(row)
    program.wait(lambda: program.session.view.workspace == "explore")
    program.wait(lambda: f"{ODD:03}.png" in str(program.session.scene.latent.sources[0][0]))
    program.rest()


def test_a_dropped_picture_finds_what_it_is_like(program: Program, pictures: Path) -> None:
    assert program.drop(pictures / "dark" / "000.png")
    program.wait_message("most like 000.png")
    chosen = charting_of(program).selected()
    assert chosen is not None
    assert chosen[row_of(program, "000.png")]


def test_checks_find_a_copy(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_pictures(tmp_path / "bars")
    (folder / "dark" / "copy.png").write_bytes((folder / "dark" / "000.png").read_bytes())
    plain, _ = tiny_checkpoints(tmp_path / "models")
    without_umap(monkeypatch)
    with running(qtbot, tmp_path, monkeypatch) as program:
        program.open(plain)
        program.drop(folder)
        program.wait(lambda: is_ready(program))
        checks = program.window.atlas_panels.panel("Checks")
        assert isinstance(checks, ChecksPanel)
        checks.look()
        program.wait(lambda: "exact" in checks.buttons)
        checks.buttons["exact"].click()
        chosen = charting_of(program).selected()
        assert chosen is not None
        survey = chart_of(program).survey
        names = {survey.dataset.identity(int(each)) for each in survey.indices[chosen]}
        assert {name.rpartition("/")[2] for name in names} >= {"000.png", "copy.png"}


def test_the_table_of_all_pictures_is_written_with_its_stamp(program: Program, tmp_path: Path) -> None:
    program.window.atlas.exporting.write_table(tmp_path / "scores.csv")
    program.wait_message("scores.csv is written")
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == PICTURES + 1  # with the one that cannot be read
    scores = scores_of(program)
    by_name = {row["id"]: row for row in rows}
    survey = chart_of(program).survey
    for row in (0, 5, 60):
        written = by_name[survey.dataset.identity(int(survey.indices[row]))]
        assert float(written["p_value"]) == scores.p_value[row]
        assert float(written["score"]) == scores.combined[row]
    assert (tmp_path / "scores.csv.json").exists()


def test_a_report_and_copies_of_the_flagged_pictures_are_written(program: Program, tmp_path: Path) -> None:
    charting_of(program).set_rate(0.05)
    count = len(charting_of(program).ranking())
    exporting = program.window.atlas.exporting
    exporting.write_report(tmp_path / "report.html")
    program.wait_message(f"report.html shows {count} pictures")
    assert "<script" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    exporting.place_pictures("copy", tmp_path / "flagged")
    program.wait_message(f"{count} pictures are in flagged")
    assert len(list((tmp_path / "flagged").rglob("*.png"))) == count


def test_the_next_run_shows_the_map_with_what_was_chosen(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: Path
) -> None:
    plain, _ = tiny_checkpoints(tmp_path / "models")
    without_umap(monkeypatch)
    with running(qtbot, tmp_path, monkeypatch, plain.parent) as program:
        program.open(plain)
        program.drop(pictures)
        program.wait(lambda: is_ready(program))
        charting_of(program).set_rate(0.2)
        charting_of(program).mark(4, False)
        program.wait(charting_of(program).looking.is_idle)
    with running(qtbot, tmp_path, monkeypatch, plain.parent) as program:
        program.instrument.start()
        program.wait(lambda: is_ready(program))
        assert chart_of(program).path == pictures
        choices = charting_of(program).choices
        assert (choices.rate, dict(choices.marks)) == (0.2, {4: False})
        program.wait(charting_of(program).looking.is_idle)


def test_pixels_alone_are_a_lens_too(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: Path
) -> None:
    without_umap(monkeypatch)
    with running(qtbot, tmp_path, monkeypatch) as program:
        program.drop(pictures)
        program.wait(lambda: is_ready(program))
        assert charting_of(program).model is None
        assert charting_of(program).ranking()[0] == row_of(program, f"{ODD:03}.png")


def test_a_folder_without_pictures_is_told_and_the_map_stays(program: Program, tmp_path: Path) -> None:
    before = chart_of(program)
    (tmp_path / "empty").mkdir()
    program.drop(tmp_path / "empty")
    program.wait_message("no pictures")
    assert chart_of(program) is before


@pytest.mark.slow
def test_the_map_settles_in_sight_and_can_be_stopped(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: Path
) -> None:
    plain, _ = tiny_checkpoints(tmp_path / "models")
    with running(qtbot, tmp_path, monkeypatch) as program:
        program.open(plain)
        program.drop(pictures)
        qtbot.waitUntil(lambda: chart_layout(program) == "UMAP", timeout=2 * PATIENCE)
        positions = chart_of(program).positions
        assert np.isfinite(positions).all()
        layout = program.window.atlas_panels.panel("Map")
        assert isinstance(layout, LayoutPanel)
        QTest.mouseClick(layout.way.button("pca"), Qt.MouseButton.LeftButton)
        assert chart_of(program).layout == "PCA"


def chart_layout(program: Program) -> str:
    chart = program.actions.charting.chart
    return "" if chart is None else chart.layout


def test_every_key_of_the_workspace_does_something(program: Program) -> None:
    assert set(program.window.atlas.actions_by_name) == {name for name, _, _ in ATLAS_SHORTCUTS}
