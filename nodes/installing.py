"""What to run where a package is missing that ``requirements.txt`` cannot name."""

from __future__ import annotations

import sys
from pathlib import Path


def install_command() -> str:
    """The pack's ``install.py`` with the Python that is running, as a shell takes it."""
    script = Path(__file__).resolve().parent.parent / "install.py"
    return f'"{sys.executable}" "{script}"'
