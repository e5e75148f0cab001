"""Points of latent space: draws, blends, typicality, directions. Tensors in, tensors out."""

from __future__ import annotations

from explorer.latents.blend import blend
from explorer.latents.directions import Directions, axis_directions, decoder_metric, principal_directions
from explorer.latents.probe import Probe, mean_difference, separate
from explorer.latents.seeds import draw
from explorer.latents.typical import Shell, typical_shell

__all__ = [
    "Directions",
    "Probe",
    "Shell",
    "axis_directions",
    "blend",
    "decoder_metric",
    "draw",
    "mean_difference",
    "principal_directions",
    "separate",
    "typical_shell",
]
