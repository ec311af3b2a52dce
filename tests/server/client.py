"""The client that users run, and plain requests."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it, and pass that on
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        lines = iter(process.stderr.readline, "")
        assert any(line.strip() == stage for line in lines), f"{stage} never began"
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        for _ in lines:
            pass
    return process.returncode


def ask(server: Server, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and JSON of a route of the pack: GET, or POST of a body (bytes go as they are)."""
    data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(server.url + "/frugal-motion" + path, data, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def until(holds: Callable[[], Any], what: str, seconds: float = 600) -> Any:
    """Wait for something to become true, on a machine that may be busy with much else."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen in {seconds:.0f} s")


def _command(server: Server, workflow: Path, output: Path, changes: dict[str, str]) -> list[str | Path]:
    settings = [part for name, value in changes.items() for part in ("--set", f"{name}={value}")]
    script = ROOT / "workflows" / "run.py"
    return [sys.executable, script, workflow, "--server", server.url, "--output", output, "--json", *settings]
