"""Make the README's screenshots from the real program: python resources/screenshots/make.py

It opens the bundled models in the real window, does with it what a person would, and saves what there is to see: the
whole window in its views, and every panel by itself, dark and light.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEventLoop, QSettings, Qt, QTimer
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QWidget

from explorer.actions import bundled_checkpoints
from explorer.app import SWITCH_SECONDS, Folders, Instrument
from explorer.atlas.choices import ReferenceChoice, packed
from explorer.files import resources_folder
from explorer.imaging import write_png
from explorer.runs import change_condition, change_sampling, effective
from explorer.scene import Codes, Condition, Direction, Latent, Scene, Seed, StyleRow, Styles, moved
from explorer.session import Session
from explorer.ui.atlas.panels.layout import LayoutPanel
from explorer.ui.shortcuts import ShortcutSheet
from explorer.ui.window import Window

HERE = Path(__file__).parent
SEEDS = (1, 8, 22, 5, 154, 104, 114, 78, 39)


def main() -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    random.seed(5)  # of what the program draws at random
    app = QApplication(["latent-explorer"])
    app.setFont(QFont("Inter", 10))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
        instrument = Instrument(settings, Folders(folder / "cache", folder / "state"), "cpu")
        window, session, actions = instrument.window, instrument.session, instrument.actions

        def rest() -> None:
            spin(180, lambda: instrument.live.is_idle() and not instrument.workers.background.states())
            spin(0.4, lambda: False)

        window.show()
        instrument.start()
        spin(180, lambda: session.picture is not None)
        actions.motion.stop()
        window.close_hint()
        rest()
        for place, seed in enumerate(SEEDS):
            actions.set_seed(seed)
            rest()
            if place % 2 == 0:
                actions.add_keyframe()
        session.change(moved(session.scene, session.view.across, 0.3), "Move", settled=True)
        session.change(moved(session.scene, session.view.up, -0.4), "Move", settled=True)
        session.change(moved(session.scene, Direction(session.view.kind, 2), 0.2), "Move", settled=True)
        rest()
        for look in ("dark", "light"):
            window.choose_theme(look)
            window.resize(1440, 900)
            window.explore.choose_picture()
            rest()
            save(window, f"explore-{look}")
            for panel in ("Latent", "Directions", "Posterior"):
                save(window.panels.card(panel), f"panel-{panel.lower()}-{look}")
            save(window.models, f"models-{look}")
            save(window.timeline, f"timeline-{look}")
            window.explore.choose_grid()
            rest()
            save(window, f"grid-{look}")
            sheet = ShortcutSheet(window)
            sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            sheet.show()
            save(sheet, f"keyboard-{look}")
            sheet.close()
        window.choose_theme("dark")
        window.resize(1024, 700)
        window.explore.choose_picture()
        actions.blend_seed()
        rest()
        save(window, "small-dark")
        window.resize(1440, 900)

        def open_model(name: str) -> None:
            path = next(path for path in bundled_checkpoints() if path.stem == name)
            actions.open(path)
            spin(180, lambda: session.model is not None and session.model.path == path.absolute())
            rest()

        open_model("fashion-stylegan2")
        session.change(_styled_scene(), "Mix styles")
        rest()
        usual = window.panels.arrangement()
        folded = ("Latent", "Directions", "Noise", "My directions", "Real picture", "Layers")
        window.panels.arrange(tuple(dict.fromkeys(("Latent", "Condition", "Style mixing", *usual[0]))), folded)
        for look in ("dark", "light"):
            window.choose_theme(look)
            rest()
            save(window, f"styles-{look}")
            for panel in ("Condition", "Style mixing"):
                save(window.panels.card(panel), f"panel-{panel.lower().replace(' ', '-')}-{look}")
        window.choose_theme("dark")
        window.explore.choose_table()
        rest()
        save(window, "table-dark")
        window.explore.choose_picture()
        for title in ("Directions", "My directions", "Real picture", "Layers"):
            window.panels.card(title).setCollapsed(False)
            rest()
            save(window.panels.card(title), f"panel-styles-{title.lower().replace(' ', '-')}-dark")
        window.panels.arrange(*usual)
        open_model("fashion-latent-diffusion")
        _branch(window, session, rest)
        for look in ("dark", "light"):
            window.choose_theme(look)
            rest()
            save(window, f"denoise-{look}")
        window.choose_theme("dark")
        window.resize(1000, 600)
        window.denoise.comparing.toggle()
        rest()
        save(window, "denoise-small-dark")
        window.resize(1440, 900)
        window.choose_workspace(0)
        open_model("fashion-vae")
        actions.open(_sample_picture(folder))
        spin(180, lambda: session.view.mode == "beside")
        rest()
        save(window, "beside-dark")
        actions.open(folder / "missing.safetensors")
        spin(180, lambda: bool(window.messages.text()))
        rest()
        save(window.messages, "message-dark")
        open_model("fashion-glow")
        window.panels.arrange(tuple(dict.fromkeys(("Latent", "Temperature", "Likelihood", *usual[0]))), ("Directions",))
        actions.open(_sample_picture(folder))
        spin(180, lambda: session.view.mode == "beside")
        rest()
        save(window, "flow-dark")
        for look in ("dark", "light"):
            window.choose_theme(look)
            rest()
            for title in ("Temperature", "Likelihood"):
                save(window.panels.card(title), f"panel-{title.lower()}-{look}")
        window.choose_theme("dark")
        open_model("fashion-vqvae")
        window.panels.arrange(tuple(dict.fromkeys(("Latent", "Codes", *usual[0]))), ("Latent", "Directions"))
        session.change(_painted_scene(), "Paint codes")
        rest()
        save(window, "codes-dark")
        for look in ("dark", "light"):
            window.choose_theme(look)
            rest()
            save(window.panels.card("Codes"), f"panel-codes-{look}")
        window.choose_theme("dark")
        window.panels.arrange(*usual)
        open_model("fashion-vae")
        _map(window, rest)
        for look in ("dark", "light"):
            window.choose_theme(look)
            rest()
            save(window, f"atlas-{look}")
            for title in ("Anomaly threshold", "Flagged"):
                save(window.atlas_panels.card(title), f"panel-{title.lower().replace(' ', '-')}-{look}")
        window.choose_theme("dark")
        layout = window.atlas_panels.panel("Map")
        assert isinstance(layout, LayoutPanel)
        layout.tiles.setChecked(True)
        layout.contours.setChecked(True)
        spin(8, lambda: False)
        save(window, "atlas-ground-dark")
        window.resize(1024, 700)
        layout.tiles.setChecked(False)
        rest()
        save(window, "atlas-small-dark")
        window.resize(1440, 900)
        window.choose_workspace(0)
        _compare(window, session, rest)
        for look in ("dark", "light"):
            window.choose_theme(look)
            rest()
            save(window, f"compare-{look}")
        window.close()
        instrument.close()
        window.deleteLater()
        spin(0.1, lambda: False)


def _painted_scene() -> Scene:
    """A piece of clothing with some of its fine codes painted over, in a stripe."""
    cells = tuple((1, row, column, 7) for row in (3, 4) for column in range(2, 6))
    return Scene(Latent(((Seed(24), 1.0),)), codes=Codes(cells))


def _map(window: Window, rest: Callable[[], None]) -> None:
    """The sample dataset as a map: half of the pictures as the reference, one of the flagged ones explained."""
    charting = window.desk.actions.charting
    window.choose_workspace(2)
    window.atlas.open_sample()
    spin(600, lambda: charting.chart is not None and charting.chart.layout == "UMAP" and not charting.is_busy())
    assert charting.chart is not None
    normal = np.arange(len(charting.chart.survey)) % 2 == 0
    charting.set_reference(ReferenceChoice("selection", rows=packed(normal)))
    spin(120, lambda: not charting.is_busy())
    charting.set_rate(0.005)
    charting.pick(int(charting.ranking()[2]))
    spin(20, charting.looking.is_idle)
    rest()


def _compare(window: Window, session: Session, rest: Callable[[], None]) -> None:
    """Five models of the same data beside each other, with the table of a quick measurement."""
    actions, names = window.desk.actions, ("fashion-vae", "fashion-stylegan2", "fashion-dcgan", "fashion-glow")
    for path in bundled_checkpoints():
        if path.stem in names:
            count = len(session.compared)
            actions.open_compared(path)
            spin(180, lambda count=count: len(session.compared) > count)
    window.choose_workspace(3)
    rest()
    measuring = window.compare.measuring
    models = (session.model, *session.compared)
    dataset = resources_folder() / "fashion-mnist-test" / "t10k-images-idx3-ubyte.gz"
    measuring.start(models, dataset, 500, "cpu")
    spin(600, lambda: not measuring.is_running())
    rest()


def _branch(window: Window, session: Session, rest: Callable[[], None]) -> None:
    """A run of a sandal in Denoise, led to more guidance and to a boot on the way, and compared with itself."""
    session.change(Scene(Latent(((Seed(3), 1.0),)), condition=Condition(((5, 1.0),))), "Sandal")
    window.choose_workspace(1)
    rest()
    denoise = window.denoise
    for step, scale, label in ((6, 5.0, 5), (9, 5.0, 9)):
        denoise.playback.go_to(step)
        denoise.branch_here()
        sampling = replace(effective(session.scene, step)[0], guidance=scale)
        scene = change_sampling(session.scene, sampling, step)
        session.change(change_condition(scene, Condition(((label, 1.0),)), step), "Branch")
        rest()
    denoise.playback.go_to(12)
    denoise.comparing.toggle()
    rest()


def _styled_scene() -> Scene:
    """A boot of one seed with the coarse and the fine layers of two others, in a mixed class."""

    def point(seed: int) -> Latent:
        return Latent(((Seed(seed), 1.0),), truncation=0.8)

    rows = (
        StyleRow(point(12), ((0, 1.0), (1, 1.0))),
        StyleRow(point(31), ((4, 1.0), (5, 0.6))),
        StyleRow(point(7), ((7, 1.0),)),
    )
    return Scene(point(3), Styles(rows), Condition(((8, 1.0),)))


def spin(seconds: float, until: Callable[[], bool]) -> None:
    """Let the program run until something is true, for so many seconds at most."""
    loop, look, end = QEventLoop(), QTimer(), QTimer()
    look.timeout.connect(lambda: loop.quit() if until() else None)
    end.setSingleShot(True)
    end.timeout.connect(loop.quit)
    look.start(20)
    end.start(round(seconds * 1000))
    loop.exec()


def save(widget: QWidget, name: str) -> None:
    path = HERE / f"{name}.png"
    assert widget.grab().save(str(path)), f"{path} could not be written"


def _sample_picture(folder: Path) -> Path:
    """A picture no model has seen: the first of the sample dataset."""
    from explorer.datasets import open_dataset

    dataset = open_dataset(resources_folder() / "fashion-mnist-test" / "t10k-images-idx3-ubyte.gz")
    path = folder / "boot.png"
    write_png(path, np.asarray(dataset.picture(0))[..., None])
    return path


if __name__ == "__main__":
    main()
