"""Promises of the panels for temperatures, likelihood and directions out of labels, in the real window."""

from __future__ import annotations

import gzip
import itertools
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from examples import make_stylegan2, make_vae, save_model
from hands import LEFT, Program
from PIL import Image
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QSpinBox
from toy_flow import toy_flow

from explorer.attributes import Wanted, find_attribute
from explorer.datasets import open_dataset
from explorer.errors import DatasetError
from explorer.facts import ModelFacts
from explorer.latents import mean_difference, separate
from explorer.points import locate, probe_examples
from explorer.reading import LikelihoodReading, read_likelihood
from explorer.scene import Latent, Scene, Seed, from_json, to_json
from explorer.ui.controls import Gauge, SliderRow
from explorer.ui.gauge import Mark
from explorer.ui.panels.example_labels import LabelsDialog
from explorer.ui.panels.examples import ExamplesPanel
from explorer.ui.panels.likelihood import LikelihoodPanel, compared_words, trap_words
from explorer.ui.panels.temperature import TemperaturePanel, warm_shell
from explorer.ui.signed_bars import SignedBars
from explorer.ui.slider_list import SliderList
from explorer.workers import Cancelled

USUAL = np.linspace(-1000.0, 0.0, 101).astype(np.float32)


@pytest.fixture
def flow(program: Program) -> Program:
    """The window with a flow of two levels open."""
    program.session.open_model(toy_flow())
    program.rest()
    return program


def likelihood_of(program: Program) -> LikelihoodPanel:
    panel = program.window.panels.panel("Likelihood")
    assert isinstance(panel, LikelihoodPanel)
    return panel


def temperature_of(program: Program) -> tuple[TemperaturePanel, SliderList]:
    panel = program.window.panels.panel("Temperature")
    assert isinstance(panel, TemperaturePanel)
    sliders = panel.findChild(SliderList)
    assert sliders is not None
    return panel, sliders


def mine(program: Program) -> ExamplesPanel:
    panel = program.window.panels.panel("My directions")
    assert isinstance(panel, ExamplesPanel)
    return panel


def texts(program: Program) -> str:
    """All words of the Likelihood panel in sight."""
    labels = likelihood_of(program).findChildren(QLabel)
    return " | ".join(label.text() for label in labels if label.isVisible())


def drag_level(program: Program, row: int, *places: float, release: bool = True) -> None:
    sliders = temperature_of(program)[1]
    track = sliders.rowColumns(row).track
    points = [QPoint(track.left() + round(place * (track.width() - 1)), track.center().y()) for place in places]
    program.drag(sliders.viewport(), *points, release=release)


# --- temperature ---


def test_the_truncation_of_a_flow_is_called_temperature_and_that_of_others_is_not(
    flow: Program, tmp_path: Path
) -> None:
    labels = [row.label() for row in flow.latent().findChildren(SliderRow)]
    assert "Temperature" in labels
    assert flow.window.panels.card("Temperature").isVisible()
    flow.open(save_model(tmp_path / "plain.safetensors", make_vae()))
    assert "Truncation ψ" in [row.label() for row in flow.latent().findChildren(SliderRow)]
    assert not flow.window.panels.card("Temperature").isVisible()


def test_dragging_a_level_changes_the_picture_live_and_is_one_step_of_undo(flow: Program) -> None:
    before, scene = flow.pixels(), flow.session.scene
    drag_level(flow, 1, 0.66, 0.4, 0.1, release=False)
    assert flow.session.scene.latent.temperatures != ()
    assert not np.array_equal(flow.pixels(), before)
    drag_level(flow, 1, 0.1, 0.05)
    (level, factor), *others = flow.session.scene.latent.temperatures
    assert (level, others) == (1, [])
    assert 0 < factor < 0.2
    assert flow.session.history.entry.label == "Temperature of 8 × 8"
    flow.actions.undo()
    assert flow.session.scene == scene
    assert temperature_of(flow)[1].values().tolist() == [1.0, 1.0]


def test_a_double_click_on_a_level_gives_it_the_temperature_of_all_again(flow: Program) -> None:
    drag_level(flow, 0, 0.66, 0.2)
    sliders = temperature_of(flow)[1]
    label = sliders.rowColumns(0).label.center()
    QTest.mouseDClick(sliders.viewport(), LEFT, pos=label)
    assert flow.session.scene.latent.temperatures == ()


def test_the_temperature_of_one_level_leaves_the_others_alone(flow: Program) -> None:
    generator, point = flow.model().generator, locate(flow.model().generator, flow.session.scene.latent)
    drag_level(flow, 0, 0.66, 0.0)
    cooled = locate(generator, flow.session.scene.latent)
    assert torch.equal(cooled[16:], point[16:])
    assert float(cooled[:16].abs().max()) == pytest.approx(0.0, abs=0.1)


def test_cool_draws_are_typical_of_their_temperature_and_not_an_alarm(flow: Program) -> None:
    flow.actions.change_latent(replace(flow.session.scene.latent, truncation=0.5), "Cool")
    flow.rest()
    gauge = flow.latent().findChild(Gauge)
    assert gauge is not None
    assert not gauge.isOutside()
    assert "usual" in gauge.accessibleName()
    generator, latent = flow.model().generator, Latent(truncation=0.5, temperatures=((1, 0.2),))
    norms = [float(locate(generator, replace(latent, sources=((Seed(seed), 1.0),))).norm()) for seed in range(400)]
    mean, deviation = warm_shell(flow.model(), latent)
    assert mean == pytest.approx(float(np.mean(norms)), rel=0.05)
    assert deviation == pytest.approx(float(np.std(norms)), rel=0.15)


# --- likelihood ---


def test_the_panel_reads_what_the_model_finds_of_the_picture_shown(flow: Program) -> None:
    reading = read_likelihood(flow.model().generator, flow.session.scene)
    flow.wait(lambda: "nats" in texts(flow))
    flow.rest()
    assert f"{reading.nats:,.0f} nats".replace("-", "−") in texts(flow)
    assert f"{reading.bits(reading.nats):.3f}" in texts(flow)
    assert flow.window.panels.card("Likelihood").state() == "exact, of the 8-bit picture"
    parts = likelihood_of(flow).findChild(SignedBars)
    assert parts is not None
    assert parts.terms() == reading.parts
    assert sum(nats for _, nats in parts.terms()) == pytest.approx(reading.nats, abs=0.01)


def test_the_numbers_follow_the_scene(flow: Program) -> None:
    flow.wait(lambda: "nats" in texts(flow))
    before = texts(flow)
    flow.actions.set_seed(5)
    flow.wait(lambda: texts(flow) != before)
    flow.rest()
    nats = read_likelihood(flow.model().generator, flow.session.scene).nats
    flow.wait(lambda: f"{nats:,.0f} nats".replace("-", "−") in texts(flow))


def test_nothing_is_asked_while_the_panel_is_folded_and_the_answer_comes_when_it_opens(flow: Program) -> None:
    card = flow.window.panels.card("Likelihood")
    flow.wait(lambda: "nats" in texts(flow))
    card.setCollapsed(True)
    asked: list[object] = []
    original = flow.live.likelihood

    def watched(lane: str, model: object, scene: object, show: object) -> None:
        asked.append(scene)
        original(lane, model, scene, show)  # type: ignore[arg-type]

    flow.live.likelihood = watched  # type: ignore[method-assign,assignment]
    flow.actions.set_seed(7)
    flow.rest()
    assert asked == []
    card.setCollapsed(False)
    flow.wait(lambda: asked == [flow.session.scene])
    flow.rest()


def test_the_width_of_the_numbers_does_not_change_with_their_digits(flow: Program) -> None:
    flow.wait(lambda: "nats" in texts(flow))
    panel = likelihood_of(flow)
    places = []
    for nats in (-1.0, -987_654.0, 123.0):
        panel.show_reading(LikelihoodReading(nats, 784, "lower bound"))
        flow.wait(lambda: True)
        labels = [label for label in panel.findChildren(QLabel) if label.text() in ("log p", "bits/dim")]
        places.append([label.x() for label in labels])
    assert places[0] == places[1] == places[2]


def test_a_model_without_held_out_pictures_has_no_gauge_and_says_nothing_of_them(program: Program) -> None:
    program.session.open_model(toy_flow(has_usual=False))
    program.wait(lambda: "nats" in texts(program))
    gauge = likelihood_of(program).findChild(Gauge)
    assert gauge is not None
    assert not gauge.isVisible()
    assert "real ones" not in texts(program)


def test_models_without_a_likelihood_have_no_panel_of_it(program: Program, tmp_path: Path) -> None:
    program.open(save_model(tmp_path / "styled.safetensors", make_stylegan2()))
    assert not program.window.panels.card("Likelihood").isVisible()


def test_a_vae_tells_a_bound_and_the_likelihood_of_the_original(opened: Program, tmp_path: Path) -> None:
    Image.fromarray(np.tile(np.arange(0, 240, 15, np.uint8), (16, 1))).save(tmp_path / "photo.png")
    opened.drop(tmp_path / "photo.png")
    opened.wait(lambda: "The original:" in texts(opened) and "bits per dimension" in texts(opened))
    assert opened.window.panels.card("Likelihood").state() == "at least: a lower bound"
    posterior = opened.window.panels.panel("Posterior")
    assert not any("ELBO" in label.text() for label in posterior.findChildren(QLabel))
    opened.rest()


@pytest.mark.parametrize(
    ("nats", "words"),
    [
        (-250.0, "more likely than 75 % of held-out pictures"),
        (-999.9, "more likely than 1 % of held-out pictures"),
        (-1100.0, "less likely than any held-out picture"),
        (-9000.0, "far less likely than any held-out picture"),
        (10.0, "more likely than any held-out picture"),
        (5000.0, "far more likely than any held-out picture"),
    ],
)
def test_where_a_picture_lies_among_held_out_ones_is_said_in_words(nats: float, words: str) -> None:
    assert compared_words(LikelihoodReading(nats, 784, "exact", usual=USUAL)) == words


@pytest.mark.parametrize(
    ("name", "nats", "words"),
    [
        ("plain grey", -200.0, "A plain grey picture would score higher than 80 % of real ones"),
        ("all black", 300.0, "An all black picture would score higher than every real one"),
        ("a smooth ramp", -500.0, "A smooth ramp would score higher than 50 % of real ones"),
        ("plain grey", -990.0, ""),
    ],
)
def test_that_simple_pictures_score_high_is_said_only_where_it_is_true(name: str, nats: float, words: str) -> None:
    reading = LikelihoodReading(-500.0, 784, "exact", usual=USUAL, simple=(("all white", -5000.0), (name, nats)))
    assert trap_words(reading) == (f"{words}: a high likelihood does not mean typical." if words else "")


def test_marks_of_a_gauge_stay_apart_and_inside_it(program: Program) -> None:
    gauge = Gauge("caption", program.window)
    gauge.resize(200, 60)
    gauge.setMarks([Mark(value, np.zeros((4, 4, 1), np.uint8), "words") for value in (0.99, 1.0, 1.0, 5.0, -3.0)])
    rects = [gauge.markRect(place) for place in range(5)]
    assert all(left.right() <= right.left() for left, right in itertools.pairwise(rects))
    assert rects[0].left() >= 0
    assert rects[-1].right() <= 200


# --- directions out of labels ---


def labelled(folder: Path, count: int = 30) -> Path:
    """IDX files of bright pictures (label 1) and dark ones (label 0)."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    labels = np.arange(count, dtype=np.uint8) % 2
    pixels = np.clip(60 + 120 * labels[:, None, None] + random.normal(0, 25, (count, 16, 16)), 0, 255).astype(np.uint8)
    for name, kind, array in (("images-idx3", 3, pixels), ("labels-idx1", 1, labels)):
        head = struct.pack(f">BBBB{kind}I", 0, 0, 8, kind, *array.shape)
        (folder / f"t-{name}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))
    return folder / "t-images-idx3-ubyte.gz"


def quiet(done: float, total: float, note: str = "") -> None:
    return


def test_a_direction_of_a_label_is_what_its_examples_give_and_is_told_apart(tmp_path: Path) -> None:
    generator, dataset = make_vae(), open_dataset(labelled(tmp_path / "data"))
    found = find_attribute(generator, dataset, Wanted(1, 0, 10), "bright", tmp_path / "kept", quiet)
    assert (len(found.examples.having), len(found.examples.lacking)) == (10, 10)
    probe = probe_examples(make_vae(), found.examples)  # a generator that remembers nothing reads the files again
    assert found.probe == pytest.approx(probe.accuracy)
    assert found.probe > 0.9
    assert len(list((tmp_path / "kept").glob("*.png"))) == 20


def test_the_same_pictures_are_taken_in_every_run(tmp_path: Path) -> None:
    dataset = open_dataset(labelled(tmp_path / "data"))
    first, second = (
        find_attribute(make_vae(), dataset, Wanted(1, count=6), "bright", tmp_path / "kept", quiet) for _ in range(2)
    )
    assert first.examples == second.examples


def test_finding_a_direction_stops_where_it_is_cancelled(tmp_path: Path) -> None:
    def stop(done: float, total: float, note: str = "") -> None:
        if done:
            raise Cancelled

    dataset = open_dataset(labelled(tmp_path / "data", 80))
    with pytest.raises(Cancelled):
        find_attribute(make_vae(), dataset, Wanted(1, count=40), "bright", tmp_path / "kept", stop)


def test_a_label_without_pictures_is_a_sentence(tmp_path: Path) -> None:
    dataset = open_dataset(labelled(tmp_path / "data"))
    with pytest.raises(DatasetError, match="readable pictures with “nothing”"):
        find_attribute(make_vae(), dataset, Wanted(9), "nothing", tmp_path / "kept", quiet)


def test_the_mean_difference_is_the_way_between_the_means_one_deviation_long() -> None:
    random = torch.Generator().manual_seed(0)
    having, lacking = torch.randn(40, 6, generator=random), torch.randn(30, 6, generator=random)
    having[:, 2] += 6.0
    probe = mean_difference(having, lacking)
    way = having.mean(0) - lacking.mean(0)
    unit = way / way.norm()
    assert torch.allclose(probe.vector / probe.vector.norm(), unit, atol=1e-5)
    along = torch.cat([having, lacking]) @ unit
    assert float(probe.vector.norm()) == pytest.approx(float(along.std(correction=0)), rel=1e-4)
    assert probe.accuracy > 0.95


@pytest.mark.parametrize("method", [separate, mean_difference])
def test_points_that_do_not_differ_are_told_apart_by_chance(method: object) -> None:
    random = torch.Generator().manual_seed(1)
    accuracies = [
        method(torch.randn(20, 5, generator=random), torch.randn(20, 5, generator=random)).accuracy  # type: ignore[operator]
        for _ in range(30)
    ]
    assert 0.4 < float(np.mean(accuracies)) < 0.55


def test_a_person_makes_a_direction_of_a_label_and_moves_along_it(opened: Program, tmp_path: Path) -> None:
    panel, data = mine(opened), labelled(tmp_path / "data")
    button = next(each for each in panel.findChildren(QPushButton) if each.text().startswith("From labels"))
    QTest.mouseClick(button, LEFT)
    dialog = panel.findChild(LabelsDialog)
    assert dialog is not None
    boxes = dialog.findChildren(QComboBox)
    opened.wait(lambda: boxes[0].count() == 10)
    assert boxes[0].itemText(7) == "sneaker"
    dialog.read(data)
    opened.wait(lambda: boxes[0].count() == 2)
    boxes[0].setCurrentIndex(1)
    boxes[1].setCurrentIndex(1)
    count = dialog.findChild(QSpinBox)
    assert count is not None
    count.setValue(12)
    find = next(each for each in dialog.findChildren(QPushButton) if each.text() == "Find direction")
    assert find.isEnabled()
    QTest.mouseClick(find, LEFT)
    opened.wait_message("is found from 24 pictures")
    (direction,) = opened.session.directions
    assert direction.name == "label 1–label 0"
    assert panel.selected() == direction
    assert "% right" in opened.window.panels.card("My directions").state()
    before = opened.pixels()
    track = panel.sliders().rowColumns(0).track
    opened.drag(panel.sliders().viewport(), track.center(), QPoint(track.right() - 10, track.center().y()))
    assert not np.array_equal(opened.pixels(), before)
    assert from_json(to_json(opened.session.scene)) == opened.session.scene
    opened.rest()


def test_a_mean_difference_stays_one_in_a_scene_that_was_written_and_read(tmp_path: Path) -> None:
    generator, dataset = make_vae(), open_dataset(labelled(tmp_path / "data"))
    found = find_attribute(generator, dataset, Wanted(1, 0, 10, "mean"), "bright", tmp_path / "kept", quiet)
    scene = from_json(to_json(Scene(Latent(moves=((found.examples, 1.0),)))))
    assert scene.latent.moves[0][0] == found.examples
    groups = [
        torch.stack([locate(generator, latent) for latent in side])
        for side in (found.examples.having, found.examples.lacking)
    ]
    assert torch.allclose(probe_examples(make_vae(), found.examples).vector, mean_difference(*groups).vector)


@pytest.mark.skipif("diagnosis" not in ModelFacts.__dataclass_fields__, reason="facts have no diagnosis")
def test_the_posterior_panel_says_which_latents_are_not_used(opened: Program) -> None:
    model, sentence = opened.model(), "3 of 5 latents are used, 2 are not."
    changes: dict[str, Any] = {"diagnosis": sentence}
    opened.session.open_model(replace(model, digest="other", facts=replace(model.facts, **changes)))
    opened.rest()
    labels = opened.window.panels.panel("Posterior").findChildren(QLabel)
    assert [label.text() for label in labels if label.isVisible() and label.text() == sentence] == [sentence]


def test_models_that_cannot_encode_offer_no_labels(program: Program, tmp_path: Path) -> None:
    program.open(save_model(tmp_path / "styled.safetensors", make_stylegan2()))
    button = next(each for each in mine(program).findChildren(QPushButton) if each.text().startswith("From labels"))
    assert not button.isVisible()
