"""Start a GPU day from the folder that ``make gpu-day`` has packed: ``python start.py --seconds 420 --out FILE``.

All arguments go to ``bench/gpu.py``. The folder may lie anywhere; where it cannot be written, it is unpacked into a
temporary one. Standard library only. What the machine has is never replaced: of the carried packages only those are
unpacked whose modules it lacks.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

FOLDER = Path(__file__).resolve().parent
OUT = "gpu-day.json"
LIBRARIES = ("purelib", "platlib")
"""Folders in ``<name>.data`` of a wheel that belong among the packages."""
CHECK = """
import importlib, json, pathlib, sys, traceback
pack, comfyui, cpu, *modules = sys.argv[1:]
missing = {}
for module in modules:
    try:
        importlib.import_module(module)
    except Exception as error:
        missing[module] = f"{type(error).__name__}: {error}"
cuda, why, parts = "", "", {}
try:
    import torch
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    sys.path.insert(0, pack)
    from tools.pack import import_pack
    import_pack(pathlib.Path(comfyui), cpu=bool(cpu) or not cuda)
    for part in importlib.import_module("frugal_motion.bench.gpu_day.parts").PARTS:
        try:
            importlib.import_module(f"frugal_motion.bench.gpu_day.{part.name}")
        except Exception:
            parts[part.name] = traceback.format_exc()
except Exception:
    why = traceback.format_exc()
print(json.dumps({"missing": missing, "cuda": cuda, "why": why, "parts": parts}))
"""
"""Imports everything once, in a process that ends: what cannot be imported is named before the day begins."""


def main(arguments: list[str]) -> int:
    """Unpack, see that nothing is missing, and run the day."""
    carried = json.loads((FOLDER / "carried.json").read_text(encoding="utf-8"))
    is_rehearsal = "--rehearse" in arguments
    found = "{}.{}".format(*sys.version_info)
    if found != carried["python"]:
        return _stopped(f"Python: found {found}; allowed: {carried['python']}, which the packages here are built for")
    if importlib.util.find_spec("torch") is None:
        return _stopped(f"PyTorch is missing: {sys.executable} does not find torch, and it is too large to carry")
    with _unpacked() as (pack, packages):
        environment = _environment(pack, packages)
        why = _trouble(pack, carried["modules"], environment, is_rehearsal)
        if why:
            return _stopped(why)
        if not any(one.split("=")[0] == "--out" for one in arguments):
            arguments = [*arguments, "--out", OUT]
        day = subprocess.Popen([sys.executable, str(pack / "bench" / "gpu.py"), *arguments], env=environment)
        signal.signal(signal.SIGTERM, lambda *_: day.terminate())
        return day.wait()


@contextmanager
def _unpacked() -> Iterator[tuple[Path, Path]]:
    """The pack, and a folder of the packages that the machine lacks; made once, where this folder can be written."""
    wheels = [wheel for wheel in sorted((FOLDER / "wheels").glob("*.whl")) if _is_lacking(wheel)]
    with tempfile.TemporaryDirectory(prefix="gpu-day-") as temporary:
        base = Path(temporary) if not os.access(FOLDER, os.W_OK) else FOLDER
        place = base / "unpacked"
        stamp = "\n".join([_digest(FOLDER / "pack.zip"), *(wheel.name for wheel in wheels)])
        if not (place / "stamp").is_file() or (place / "stamp").read_text(encoding="utf-8") != stamp:
            shutil.rmtree(place, ignore_errors=True)
            _unpack(FOLDER / "pack.zip", place / "pack")
            for wheel in wheels:
                _install(wheel, place / "packages")
            (place / "stamp").write_text(stamp, encoding="utf-8")  # last: what is unpacked by half has none
        yield place / "pack", place / "packages"


def _is_lacking(wheel: Path) -> bool:
    return any(importlib.util.find_spec(module) is None for module in _modules(wheel))


def _modules(wheel: Path) -> set[str]:
    """What a wheel brings that can be imported."""
    with zipfile.ZipFile(wheel) as file:
        paths = [PurePosixPath(name) for name in file.namelist() if name.endswith((".py", ".so"))]
    tops = [path.parts[2 if path.parts[1:2] and path.parts[1] in LIBRARIES else 0] for path in paths]
    return {top.split(".")[0] for top in tops if not top.endswith((".data", ".libs"))}


def _install(wheel: Path, packages: Path) -> None:
    """A wheel is installed by unpacking it."""
    _unpack(wheel, packages)
    for data in packages.glob("*.data"):
        for folder in LIBRARIES:
            if (data / folder).is_dir():
                shutil.copytree(data / folder, packages, dirs_exist_ok=True)
        shutil.rmtree(data)


def _unpack(file: Path, folder: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _environment(pack: Path, packages: Path) -> dict[str, str]:
    """For the day and all that it starts."""
    kept = dict(os.environ)
    # Ten processes import PyTorch and ComfyUI: they are to be compiled once.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    kept.pop("PYTHONSAFEPATH", None)  # parts are run by -m from the pack's folder
    # In front of the machine's own packages, which is as good as behind: it holds nothing that they hold.
    paths = [str(packages), *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "COMFYUI_PATH": str(pack / ".comfyui"),
        "HF_HUB_OFFLINE": "1",  # nobody is to wait for a network that is not there
        "no_proxy": "127.0.0.1,localhost",  # parts ask servers of their own
    }


def _trouble(pack: Path, modules: list[str], environment: dict[str, str], is_rehearsal: bool) -> str:
    """What keeps the day from being run, or ``""``."""
    command = [sys.executable, "-c", CHECK, str(pack), environment["COMFYUI_PATH"], "1" * is_rehearsal, *modules]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=pack.parent)
    try:
        told = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return f"importing what the day needs ended with status {done.returncode}:\n{done.stderr[-3000:]}"
    found = []
    if told["missing"]:
        lines = [f"  {module}: {error}" for module, error in told["missing"].items()]
        remedy = "these modules cannot be imported; `make gpu-day` carries what its --there lacks:"
        found.append("\n".join([remedy, *lines]))
    found += [f"{part} cannot be imported:\n{error}" for part, error in told["parts"].items()]
    if told["why"]:
        return "\n".join([*found, f"the pack cannot be imported:\n{told['why']}"])
    if is_rehearsal:
        return "\n".join(found)
    if not told["cuda"]:
        return "PyTorch finds no CUDA device here; --rehearse runs the day on the CPU"
    for one in found:  # there is a card, which may be lent for this once: other parts do without
        print(f"the day goes on: {one}", file=sys.stderr)
    return ""


def _stopped(why: str) -> int:
    print(f"stopped: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
