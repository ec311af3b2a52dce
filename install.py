#!/usr/bin/env python3
"""Install what requirements.txt cannot name without harm: mediapipe, and OpenCV where there is none.

    python install.py        with ComfyUI's own Python; ComfyUI-Manager and comfy-cli run it after requirements.txt
    python install.py beats  also librosa, which To the Beat needs

mediapipe requires ``opencv-contrib-python``. Where ``cv2`` comes from another package (opencv-python, -headless, conda)
pip would lay a second one over it, and numpy with it. So mediapipe is installed without its requirements, then those of
them that are missing, with all that is installed held where it is; an OpenCV only where ``import cv2`` finds none.
Nothing in here runs while ComfyUI runs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from importlib import invalidate_caches, metadata, util
from pathlib import Path

MEDIAPIPE = "mediapipe==0.10.33"
"""Newer releases contact their vendor with usage metrics; older ones want numpy 1."""
OPENCV = "opencv-contrib-python>=4.10"
"""The one of the four that mediapipe names, so that pip sees nothing missing."""
BEATS = "librosa>=0.11"
"""Of its 280 MB most is numba, which takes no numpy that is newer than itself: so it comes when it is asked for."""
HINTS = {
    "libGL.so": "apt-get install libgl1",
    "libEGL.so": "apt-get install libegl1 libgles2",
    "libGLES": "apt-get install libegl1 libgles2",
}
"""Debian's packages of system libraries that a server without a screen lacks."""
VERSION = re.compile(r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z\d.]+)?")
"""As pip takes one; it holds no other."""


class InstallError(RuntimeError):
    """Something is still missing; the message is for the user."""


def main(wants_beats: bool = False) -> int:
    """Install what is missing, see that it works, and return the exit status."""
    try:
        if not _is_there("cv2"):
            _install(OPENCV)
        if not _is_there("mediapipe"):
            _run_pip("--no-deps", MEDIAPIPE)
        if missing := _missing_requirements("mediapipe"):
            print("install.py: if pip says that mediapipe lacks opencv-contrib-python: any cv2 will do")
            _install(*missing)
        if wants_beats and not _is_there("librosa"):
            _install("--only-binary=numba", "--only-binary=llvmlite", BEATS)
        for module in ("cv2", "mediapipe.tasks.python.vision", *(["librosa"] if wants_beats else [])):
            _try_import(module)
    except InstallError as error:
        print(f"error: {error}\nThe pack loads all the same; nodes that need this say so.", file=sys.stderr)
        return 1
    there = "OpenCV, mediapipe and librosa" if wants_beats else "OpenCV and mediapipe"
    print(f"install.py: {there} are there and can be imported")
    return 0


def _is_there(module: str) -> bool:
    """Whether a module can be found, whichever package it comes from. A folder that an uninstall left is none."""
    invalidate_caches()
    spec = util.find_spec(module)
    return spec is not None and spec.origin is not None


def _missing_requirements(package: str) -> list[str]:
    """What an installed package requires and nobody provides, but for OpenCV. What is there stays, of any version."""
    try:
        requirements = metadata.requires(package) or []
    except metadata.PackageNotFoundError:  # the module comes from elsewhere
        return []
    present = _installed()
    named = {requirement: _plain(re.split(r"[^\w.-]", requirement)[0]) for requirement in requirements}
    return [
        requirement
        for requirement, name in named.items()
        if name not in present and not name.startswith("opencv-") and not re.search(r"\bextra\s*==", requirement)
    ]


def _installed() -> dict[str, str]:
    """Name and version of all packages that Python sees; of one that is there twice, that which it would import."""
    invalidate_caches()
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        if name := distribution.metadata["Name"]:
            found.setdefault(_plain(name), distribution.version)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _install(*requirements: str) -> None:
    """Install packages, and leave those that are there as they are."""
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder, "installed.txt")
        versions = ((name, version) for name, version in _installed().items() if re.fullmatch(VERSION, version))
        held.write_text("".join(f"{name}=={version}\n" for name, version in versions), encoding="utf-8")
        _run_pip("--constraint", str(held), *requirements)


def _run_pip(*arguments: str) -> None:
    command = [*_pip_install(), *arguments]
    print("install.py:", *command, flush=True)
    if status := subprocess.run(command, check=False).returncode:
        raise InstallError(f"failed with status {status}: {' '.join(command)}")


def _pip_install() -> list[str]:
    """``pip install`` into the Python that runs this, or uv's where an environment has no pip."""
    python = [sys.executable, "-s"] if sys.flags.no_user_site else [sys.executable]
    if util.find_spec("pip"):
        return [*python, "-m", "pip", "install", "--disable-pip-version-check"]
    uv = [*python, "-m", "uv"] if util.find_spec("uv") else [shutil.which("uv") or ""]
    if not uv[0]:
        raise InstallError(f"{sys.executable} has no pip, and there is no uv: python -m ensurepip brings pip")
    return [*uv, "pip", "install", "--python", sys.executable]


def _try_import(module: str) -> None:
    """Import a module in a Python of its own.

    Raises:
        InstallError: that fails; says with what, and what helps where that is known.
    """
    done = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, text=True, check=False)
    if not done.returncode:
        return
    reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
    hints = [f" On Debian and Ubuntu: {hint}." for library, hint in HINTS.items() if library in reason]
    raise InstallError(f"{module} is installed, but cannot be imported: {reason}.{''.join(hints)}")


if __name__ == "__main__":
    sys.exit(main(wants_beats="beats" in sys.argv[1:]))
