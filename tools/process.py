"""Run other programs and say plainly what went wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class SetupError(RuntimeError):
    """Something on this machine is missing or failed; the message says what to do."""


def say(message: str) -> None:
    """Tell what is being done."""
    print(f"==> {message}", file=sys.stderr, flush=True)


def run(command: Sequence[str | Path], *, cwd: Path = ROOT, env: dict[str, str] | None = None, hint: str = "") -> None:
    """Run a program, its output passed through.

    Raises:
        SetupError: it failed, or is not there.
    """
    try:
        subprocess.run(command, cwd=cwd, env=env, check=True)
    except OSError as error:
        raise SetupError(f"cannot run {command[0]}: {error}. {hint}") from error
    except subprocess.CalledProcessError as error:
        shown = " ".join(map(str, command))
        raise SetupError(f"failed with status {error.returncode}: {shown}\n{hint}".rstrip()) from error


def output_of(command: Sequence[str | Path]) -> str:
    """What a program prints.

    Raises:
        SetupError: it failed, or is not there.
    """
    try:
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"cannot run {' '.join(map(str, command))}: {getattr(error, 'stderr', '') or error}"
        ) from error
    return done.stdout.strip()
