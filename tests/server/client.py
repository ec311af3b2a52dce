"""The client that users run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from frugal_motion.tools.server import Server

from ..conftest import ROOT


def run(
    server: Server, workflow: Path, output: Path, changes: dict[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    """Run ``workflows/run.py`` as a user would."""
    settings = [part for name, value in changes.items() for part in ("--set", f"{name}={value}")]
    command = [sys.executable, ROOT / "workflows" / "run.py", workflow, "--server", server.url, "--output", output]
    return subprocess.run([*command, "--json", *options, *settings], capture_output=True, text=True, check=False)
