"""The machine, as its own programs tell it: nothing here takes memory on the card."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0
"""Seconds until a driver that does not answer is taken for none."""


def cards(*fields: str) -> list[list[str]]:
    """Fields of all NVIDIA cards, by ``nvidia-smi``, which asks NVML; none where no driver answers.

    Args:
        fields: as ``nvidia-smi --help-query-gpu`` lists them, such as ``"name"``, ``"memory.used"`` (MiB).
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = ([one.strip() for one in line.split(",")] for line in done.stdout.splitlines())
    return [row for row in rows if len(row) == len(fields)]


def about(comfyui: Path) -> dict[str, str]:
    """Card, driver, and versions of what runs; ``card`` is ``"cpu"`` without one."""
    found = cards("name", "driver_version", "memory.total")
    name, driver, memory = found[0] if found else ("cpu", "", "")
    return {
        "card": name,
        "driver": driver,
        "memory_mib": memory,
        "torch": _torch_version(),
        "python": platform.python_version(),
        "comfyui": _version(comfyui / "comfyui_version.py"),
        "frugal_motion": tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"],
        "cores": str(os.cpu_count()),
    }


def file_name(card: str) -> str:
    """What its results are called: ``"NVIDIA H200"`` is ``nvidia-h200.json``."""
    return re.sub(r"[^a-z0-9]+", "-", card.lower()).strip("-") + ".json"


def _torch_version() -> str:
    """As ``torch.__version__``, which names CUDA's too; it is not imported, which takes seconds."""
    found = importlib.util.find_spec("torch")
    return _version(Path(found.origin).with_name("version.py")) if found and found.origin else ""


def _version(file: Path) -> str:
    """What a file of Python calls ``__version__``; ``""`` without it."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(r"^__version__\s*(?::\s*\w+)?\s*=\s*['\"]([^'\"]+)", text, flags=re.MULTILINE)
    return found[1] if found else ""
