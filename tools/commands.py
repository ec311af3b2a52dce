"""What ``tools/dev.py`` can do. Standard library only: this runs before anything is installed."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from . import demo, environment, system
from .environment import Environment
from .process import ROOT, SetupError, run, say

CHECKED = ("nodes", "tools", "training", "workflows", "install.py")
"""Folders of typed code."""


def set_up(arguments: Sequence[str] = ()) -> Environment:
    """Environment and ComfyUI."""
    return environment.set_up()


def models(arguments: Sequence[str] = ()) -> Environment:
    """Set up, then weights and clips."""
    made = set_up()
    run([made.python, "-m", "tools.assets", *arguments])
    return made


def lint(arguments: Sequence[str] = ()) -> None:
    """Ruff, mypy, which way imports run, and what the registry checks before it publishes."""
    _lint(set_up())


def _lint(made: Environment) -> None:
    run([made.python, "-m", "ruff", "check"])
    run([made.python, "-m", "ruff", "format", "--check"])
    run([made.python, "-m", "mypy", *CHECKED])
    run([environment.executable(environment.VENV, "lint-imports"), "--no-logo", "--no-cache"])
    # It would ask whether it may report its use, and report it.
    silent = {**os.environ, "DO_NOT_TRACK": "1", "COMFY_NO_TELEMETRY": "1"}
    run([made.python, "-m", "comfy_cli", "--skip-prompt", "node", "validate"], env=silent)


def format_code(arguments: Sequence[str] = ()) -> None:
    """Let ruff put the code into shape."""
    made = set_up()
    run([made.python, "-m", "ruff", "check", "--fix"])
    run([made.python, "-m", "ruff", "format"])


def test(arguments: Sequence[str] = ()) -> None:
    """Everything that tests need, the linters, then pytest, which gets ``arguments``. ``FRONTEND=newest``: editor."""
    system.ensure(*system.POSE)
    system.ensure(*system.FFMPEG, *system.BROWSER, optional=True)
    made = models()
    if not arguments:
        _lint(made)
    # Threads that spin while they wait cost a busy machine most of its time.
    env = {**os.environ, "COMFYUI_PATH": str(made.comfyui), "OMP_WAIT_POLICY": "PASSIVE"}
    if wanted := os.environ.get("FRONTEND"):
        env["FRONTEND_ROOT"] = str(environment.frontend(wanted))
    status = subprocess.run([made.python, "-m", "pytest", *arguments], cwd=ROOT, env=env, check=False).returncode
    if status:
        sys.exit(status)


def run_demo(arguments: Sequence[str] = ()) -> None:
    """Everything that the demo needs, then the demo."""
    options = demo.options(arguments)
    system.ensure(*system.POSE)
    demo.run_demo(models(), options)


def demo_model(arguments: Sequence[str] = ()) -> None:
    """Train the demo model from nothing (hours on two cores; resumes), and measure it."""
    made = set_up()
    run([made.python, "-m", "training", "--comfyui", made.comfyui, *arguments])
    run([made.python, "-m", "training.evaluate", "--comfyui", made.comfyui])


def bench(arguments: Sequence[str] = ()) -> None:
    """Measure everything beside its baseline; ``ONLY=motion,pose`` for a part."""
    system.ensure(*system.POSE)
    made = models()
    run([made.python, "-m", "bench", *arguments])


def costs(arguments: Sequence[str] = ()) -> None:
    """Write what 10 seconds of video cost into docs/costs.md."""
    run([models().python, "-m", "tools.costs"])


def locales(arguments: Sequence[str] = ()) -> None:
    """Write the translations that the editor reads."""
    run([set_up().python, "-m", "tools.locales"])


def clean(arguments: Sequence[str] = ()) -> None:
    """Remove what the tools made; ``--all`` also the environment, ComfyUI, and the weights."""
    parser = argparse.ArgumentParser(prog="dev.py clean")
    parser.add_argument("--all", action="store_true")
    made = [".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".cache/comfyui"]
    if parser.parse_args(arguments).all:
        made += [".venv", ".comfyui", ".assets", ".cache"]
    for name in made:
        shutil.rmtree(ROOT / name, ignore_errors=True)


COMMANDS = {
    "setup": set_up,
    "models": models,
    "demo": run_demo,
    "demo-model": demo_model,
    "bench": bench,
    "costs": costs,
    "locales": locales,
    "test": test,
    "lint": lint,
    "format": format_code,
    "clean": clean,
}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="dev.py",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:<11}{command.__doc__}" for name, command in COMMANDS.items()),
    )
    parser.add_argument("command", choices=COMMANDS)
    options, arguments = parser.parse_known_args()
    try:
        COMMANDS[options.command](arguments)
    except SetupError as error:
        say(f"stopped: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
