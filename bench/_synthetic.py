"""The motions of the tests, whose truth is known."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent


def synthetic_motions() -> ModuleType:
    """The tests' module. It imports the pack by the name that ComfyUI gives it."""
    if "frugal_motion" not in sys.modules:
        pack = ModuleType("frugal_motion")
        pack.__path__ = [str(ROOT)]
        sys.modules["frugal_motion"] = pack
    from tests.motion import synthetic

    return synthetic
