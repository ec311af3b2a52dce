"""The machine, as its own programs tell it: nothing here takes memory on the card."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[2]


def cards(*fields: str) -> list[list[str]]:
    """Fields of all NVIDIA cards, by ``nvidia-smi``, which asks NVML; none where there is no driver.

    Args:
        fields: as ``nvidia-smi --help-query-gpu`` lists them, such as ``"name"``, ``"memory.used"`` (MiB).
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (
        [[one.strip() for one in line.split(",")] for line in done.stdout.splitlines()] if not done.returncode else []
    )


def about(comfyui: Path) -> dict[str, str]:
    """Card, driver, and versions of what runs; ``card`` is ``"cpu"`` without one."""
    found = cards("name", "driver_version", "memory.total")
    name, driver, memory = found[0] if found else ("cpu", "", "")
    return {
        "card": name,
        "driver": driver,
        "memory_mib": memory,
        "torch": _version("torch"),
        "python": platform.python_version(),
        "comfyui": _comfyui_version(comfyui),
        "frugal_motion": tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"],
        "cores": str(os.cpu_count()),
    }


def file_name(card: str) -> str:
    """What its results are called: ``"NVIDIA H200"`` is ``nvidia-h200.json``."""
    return re.sub(r"[^a-z0-9]+", "-", card.lower()).strip("-") + ".json"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _comfyui_version(comfyui: Path) -> str:
    file = comfyui / "comfyui_version.py"
    found = re.search(r'__version__ = "([^"]+)"', file.read_text(encoding="utf-8")) if file.is_file() else None
    return found[1] if found else ""
