"""What ``tools/dev.py`` can do. Standard library only: this runs before anything is installed."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import demo, environment, system
from .environment import Environment
from .process import ROOT, SetupError, run, say

CHECKED = ("nodes", "fleet", "tools", "training", "workflows", "install.py")
"""Folders of typed code."""
MOST_WORKERS = 4
"""Processes that test side by side. Each has its own ComfyUI server and editor: up to 4 GB of memory."""


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
    """Linters, then pytest, which gets ``arguments``; ``--all``: slow proofs too. ``FRONTEND=newest``: which editor."""
    system.ensure(*system.POSE)
    system.ensure(*system.FFMPEG, *system.BROWSER, optional=True)
    made = models()
    if set(arguments) <= {"--all"}:
        _lint(made)
    workers = min(_cores(), MOST_WORKERS)
    env = {**_with_bytecode(os.environ), **_side_by_side(workers), "COMFYUI_PATH": str(made.comfyui)}
    if wanted := os.environ.get("FRONTEND"):
        env["FRONTEND_ROOT"] = str(environment.frontend(wanted))
    # Files stay whole, as what a file has set up serves all of it, and in their order: the longest come first.
    spread = ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]
    command: list[str | Path] = [made.python, "-m", "pytest", *spread, *arguments]
    status = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
    if status:
        sys.exit(status)


def _with_bytecode(env: Mapping[str, str]) -> dict[str, str]:
    """The environment, but where Python must not write beside the sources it writes into ``.cache``.

    Else every server that is started compiles PyTorch and ComfyUI anew, which is half of the work of starting it.
    """
    kept = {name: value for name, value in env.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept if kept == dict(env) else {**kept, "PYTHONPYCACHEPREFIX": str(environment.CACHE / "bytecode")}


def _side_by_side(workers: int) -> dict[str, str]:
    """Environment of processes that share the cores: each has as many threads as are its own, and none that spins."""
    return {"OMP_NUM_THREADS": str(_cores() // workers), "OMP_WAIT_POLICY": "PASSIVE"}


def _cores() -> int:
    """What this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_demo(arguments: Sequence[str] = ()) -> None:
    """Everything that the demo needs, then the demo."""
    options = demo.options(arguments)
    system.ensure(*system.POSE)
    demo.run_demo(models(), options)


def fleet(arguments: Sequence[str] = ()) -> None:
    """Two workers, a gateway and four jobs on this machine; ``--keep`` leaves them running."""
    system.ensure(*system.POSE)
    made = models()
    run([made.python, "-m", "tools.fleet", "--comfyui", made.comfyui, *arguments])


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


def gpu_day(arguments: Sequence[str] = ()) -> None:
    """Pack what a GPU day needs on a machine without network; ``--to FOLDER``."""
    made = models()
    run([made.python, "-m", "tools.gpu_day", "--comfyui", made.comfyui, *arguments])


def costs(arguments: Sequence[str] = ()) -> None:
    """Write what 10 seconds of video cost into docs/costs.md."""
    run([models().python, "-m", "tools.costs"])


def gpu_page(arguments: Sequence[str] = ()) -> None:
    """Take what GPU days have found into docs/gpu.md, and into the speeds that Cost Estimate knows."""
    run([set_up().python, "-m", "bench.gpu_day.page"])


def locales(arguments: Sequence[str] = ()) -> None:
    """Write the translations that the editor reads."""
    run([set_up().python, "-m", "tools.locales"])


def clean(arguments: Sequence[str] = ()) -> None:
    """Remove what the tools made; ``--all`` also the environment, ComfyUI, and the weights."""
    parser = argparse.ArgumentParser(prog="dev.py clean")
    parser.add_argument("--all", action="store_true")
    made = [".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".cache/comfyui", ".cache/bytecode"]
    if parser.parse_args(arguments).all:
        made += [".venv", ".comfyui", ".assets", ".cache"]
    for name in made:
        shutil.rmtree(ROOT / name, ignore_errors=True)


COMMANDS = {
    "setup": set_up,
    "models": models,
    "demo": run_demo,
    "fleet": fleet,
    "demo-model": demo_model,
    "bench": bench,
    "gpu-day": gpu_day,
    "costs": costs,
    "gpu-page": gpu_page,
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
