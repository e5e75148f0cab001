"""One step of a denoising run as pictures: what crosses from torch to the window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from explorer.scene import Scene

__all__ = ["StepPictures"]

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class StepPictures:
    """What is seen of step ``index`` (from 0) of the ``total`` steps of the run of ``scene``.

    Pictures are uint8 (h, w, c), all of one size. Of a model with an autoencoder ``noise`` is always a preview,
    ``noisy`` until ``is_complete`` and ``clean`` until ``is_decoded``: a linear map of the latents.
    """

    scene: Scene
    index: int
    total: int
    time: float  # as the network is told it
    alpha: float  # x_t = alpha x_0 + sigma eps
    sigma: float
    guidance: float  # the scale s at this step
    noisy: Pixels  # x_t, scaled to the range of a picture
    clean: Pixels  # the predicted x_0
    noise: Pixels  # the predicted eps; 0 is grey, three standard deviations are black and white
    conditional: Pixels | None = None  # the predicted x_0 under the condition alone; once ``is_complete``
    unconditional: Pixels | None = None
    difference: npt.NDArray[np.float32] | None = None  # (h, w): size of eps_cond - eps_uncond, in standard deviations
    is_decoded: bool = True
    is_complete: bool = False  # nothing of it becomes clearer any more
    reused: int = 0  # the first steps that an earlier run had already made
    run_bytes: int = 0  # of memory that all kept runs take, and may take
    budget_bytes: int = 0
    seconds: float = 0.0  # this step took
