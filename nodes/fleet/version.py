"""Which release of the pack this is."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The pack's folder."""


@cache
def pack_version() -> str:
    """The version that pyproject.toml says; empty if it says none."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^version\s*=\s*"([^"]+)"', text, re.MULTILINE)
    return found[1] if found else ""
