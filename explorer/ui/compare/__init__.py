"""The Compare workspace: several models over one scene or one picture, and what can be measured of them."""

from __future__ import annotations

from explorer.ui.compare.workspace import Compare

__all__ = ["Compare"]
