"""Denoising runs: planned by a scene, followed step by step, kept, branched and looked at."""

from __future__ import annotations

from explorer.denoising.pictures import Dissolved, dissolve
from explorer.denoising.plan import quick, resolved
from explorer.denoising.runs import Runs, decode_steps, run_many, run_noise, run_scene

__all__ = ["Dissolved", "Runs", "decode_steps", "dissolve", "quick", "resolved", "run_many", "run_noise", "run_scene"]
