"""The client that users run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from frugal_motion.tools.server import Server

from ..conftest import ROOT


def run(
    server: Server, workflow: Path, output: Path, changes: dict[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    """Run ``workflows/run.py`` as a user would."""
    command = [*_command(server, workflow, output, changes), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run_until(server: Server, workflow: Path, output: Path, changes: dict[str, str], stage: str) -> int:
    """Run it, and press Ctrl-C one second after a node of that title has begun; the exit status."""
    command = _command(server, workflow, output, changes)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        lines = iter(process.stderr.readline, "")
        assert any(line.strip() == stage for line in lines), f"{stage} never began"
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        for _ in lines:
            pass
    return process.returncode


def _command(server: Server, workflow: Path, output: Path, changes: dict[str, str]) -> list[str | Path]:
    settings = [part for name, value in changes.items() for part in ("--set", f"{name}={value}")]
    script = ROOT / "workflows" / "run.py"
    return [sys.executable, script, workflow, "--server", server.url, "--output", output, "--json", *settings]
