"""How ``make test`` starts pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from frugal_motion.tools import commands, environment

COMPILED = "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """What would have been started."""
    run = Mock(return_value=Mock(returncode=0))
    monkeypatch.setattr(commands.system, "ensure", Mock())
    monkeypatch.setattr(commands, "models", lambda: environment.Environment(Path(sys.executable), Path("comfyui")))
    monkeypatch.setattr(commands.subprocess, "run", run)
    return run


def test_processes_together_have_no_more_threads_than_there_are_cores(started: Mock) -> None:
    commands.test(["tests/video", "-n0"])
    command, env = started.call_args.args[0], started.call_args.kwargs["env"]
    assert int(command[command.index("-n") + 1]) * int(env["OMP_NUM_THREADS"]) <= (os.cpu_count() or 1)
    assert command[-2:] == ["tests/video", "-n0"], "what is asked for goes last, and counts"


@pytest.mark.parametrize("forbidden", [False, True])
def test_nothing_is_compiled_twice(started: Mock, forbidden: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"):
        monkeypatch.delenv(name, raising=False)
    if forbidden:
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    commands.test(["tests/video"])
    env = started.call_args.kwargs["env"]
    monkeypatch.undo()
    told = subprocess.run([sys.executable, "-c", COMPILED], env=env, capture_output=True, text=True, check=True)
    beside = environment.CACHE / "bytecode" if forbidden else None
    assert told.stdout.strip() == f"False {beside}"
