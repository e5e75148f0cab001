"""The Denoise workspace: watching a run step by step, and leading it elsewhere on the way."""

from __future__ import annotations

from explorer.ui.denoise.workspace import Denoise

__all__ = ["Denoise"]
