"""A diffusion model for tests of the window that takes no network: its facts, and runs made of plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

import numpy as np

from explorer.facts import DenoisingFacts, ModelFacts
from explorer.generators import Generator
from explorer.imaging import Picture
from explorer.latents import Shell
from explorer.live import Live, Tile
from explorer.runs import StepPictures
from explorer.scene import Sampling, Scene
from explorer.session import Model, Session
from explorer.workers import MainThread

__all__ = ["SIDE", "TOTAL", "FakeLive", "made_model", "made_steps"]

SIDE: Final = 32
TOTAL: Final = 16
CLASSES: Final = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot")


def made_model(can_guide: bool = True, denoises: bool = True, side: int = SIDE) -> Model:
    """An open model without a network."""
    own = Sampling("ddim", TOTAL, guidance=3.0)
    facts = DenoisingFacts(
        own, (("ddim", "DDIM"), ("ddpm", "DDPM")), ("ddim",), ("ddpm",), can_guide, False, False, False
    )
    return Model(
        Path("/models/made"),
        "0" * 64,
        cast(Generator, None),
        ModelFacts(
            name="made",
            family="diffusion",
            family_title="Diffusion",
            image_shape=(1, side, side),
            latent_shape=(1, side, side),
            parameters=1,
            capabilities=("decodes", "classes", "denoises") if denoises else ("decodes",),
            device="cpu",
            shell=Shell(side * side, float(side), 0.7),
            direction_kinds=("axis",),
            usual_kl=None,
            config={},
            class_names=CLASSES,
            denoising=facts if denoises else None,
        ),
    )  # fmt: skip


def made_steps(
    scene: Scene, total: int = TOTAL, picture: np.ndarray | None = None, reused: int = 0, seed: int = 0
) -> list[StepPictures]:
    """The steps of a run that ends at ``picture`` (h, w, c), on a cosine schedule, with noise of its own."""
    rng = np.random.default_rng(seed)
    picture = np.full((SIDE, SIDE, 1), 180, np.uint8) if picture is None else picture
    clean, noise = picture / 127.5 - 1.0, rng.standard_normal(picture.shape)
    made = []
    for index in range(total):
        angle = (1 - index / total) * 0.98 * np.pi / 2
        alpha, sigma = float(np.cos(angle)), float(np.sin(angle))
        guess = clean * min(1.0, 0.25 + 0.75 * index / max(total - 1, 1))
        shown = (alpha * clean + sigma * noise, guess, (noise - sigma * clean / 4) / 3)
        noisy, predicted, eps = (np.rint(each * 127.5 + 127.5).clip(0, 255).astype(np.uint8) for each in shown)
        if index == total - 1:
            predicted = picture
        scale = scene.denoising.sampling.guidance
        made.append(
            StepPictures(
                scene, index, total, 1000 * (1 - index / total), alpha, sigma, 3.0 if scale is None else scale,
                noisy, predicted, eps, reused=reused, run_bytes=1_200_000, budget_bytes=256 << 20,
            )
        )  # fmt: skip
    return made


class FakeLive(Live):
    """Notes what is asked for, and hands over what a test says."""

    def __init__(self, session: Session, main: MainThread) -> None:
        super().__init__(session, main, _fail)
        self.shows = 0  # how often the picture of the scene was asked for
        self.asked: list[tuple[str, list[Scene], Callable[[Tile], None]]] = []
        self.runs: list[tuple[str, Scene, Callable[[StepPictures], None]]] = []

    def show_scene(self) -> None:
        self.shows = getattr(self, "shows", 0) + 1

    def tiles(self, lane: str, scenes: list[Scene], show: Callable[[Tile], None]) -> None:
        self.asked.append((lane, scenes, show))

    def steps(self, lane: str, model: Model, scene: Scene, show: Callable[[StepPictures], None]) -> None:
        self.runs.append((lane, scene, show))

    def answer(self, request: int = -1, value: int = 200) -> None:
        """Hand over pictures of one grey for a request of tiles."""
        _, scenes, show = self.asked[request]
        for index in range(len(scenes)):
            show(Tile(index, Picture(np.full((SIDE, SIDE, 1), value, np.uint8))))


def _fail(error: BaseException) -> None:
    raise error
