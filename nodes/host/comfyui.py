"""Which ComfyUI this is."""

from __future__ import annotations

from comfyui_version import __version__


def comfyui_version() -> str:
    """Its version."""
    return str(__version__)
