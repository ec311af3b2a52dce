"""Libraries that no Python package brings: installed where we may, explained where we may not."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from .process import SetupError, run, say


@dataclass(frozen=True)
class SystemPackage:
    """A Debian package, what needs it, and how to see that it (or its like on other systems) is there."""

    name: str
    needed_for: str
    present: Callable[[], bool]


def _library(name: str) -> Callable[[], bool]:
    def present() -> bool:
        if sys.platform != "linux":
            return True
        try:
            ctypes.CDLL(name)
        except OSError:
            return False
        return True

    return present


def find_chromium() -> str | None:
    """A Chromium or Chrome for the browser tests: ``$CHROMIUM``, or the first on the path."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


POSE = (
    SystemPackage("libegl1", "Extract Pose (mediapipe)", _library("libEGL.so.1")),
    SystemPackage("libgles2", "Extract Pose (mediapipe)", _library("libGLESv2.so.2")),
    SystemPackage("libgl1", "OpenCV", _library("libGL.so.1")),
)
FFMPEG = (
    SystemPackage("ffmpeg", "the tests of video", lambda: bool(shutil.which("ffmpeg") and shutil.which("ffprobe"))),
)
BROWSER = (SystemPackage("chromium", "the browser tests", lambda: find_chromium() is not None),)
PYTHON = (SystemPackage("python3-venv", "making a virtual environment", lambda: _has_module("ensurepip")),)


def _has_module(name: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(name) is not None


def ensure(*packages: SystemPackage, optional: bool = False) -> None:
    """Install what is missing with apt-get, as root or by a sudo that asks for no password.

    Args:
        packages: what is needed. When all of it is there nothing is touched.
        optional: only warn when it cannot be had, except under ``CI=true``.

    Raises:
        SetupError: something is missing and cannot be installed; the message says how to.
    """
    missing = [package for package in packages if not package.present()]
    if not missing:
        return
    apt = _apt_get()
    names = [package.name for package in missing]
    if apt:
        say(f"installing {', '.join(names)}")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run([*apt, "update", "-qq"], env=quiet)
        run([*apt, "install", "-y", "-qq", "--no-install-recommends", *names], env=quiet)
        missing = [package for package in missing if not package.present()]
    if not missing:
        return
    needs = "; ".join(f"{package.name} for {package.needed_for}" for package in missing)
    message = f"missing: {needs}. On Debian and Ubuntu: sudo apt-get install {' '.join(p.name for p in missing)}"
    if not optional or os.environ.get("CI") == "true":
        raise SetupError(message)
    say(message)


def _apt_get() -> list[str] | None:
    """The command by which we may install, or ``None``."""
    apt = shutil.which("apt-get")
    if not apt or sys.platform != "linux":
        return None
    if os.geteuid() == 0:
        return [apt]
    sudo = shutil.which("sudo")
    allowed = sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0
    return [sudo, "-n", apt] if sudo and allowed else None
