"""``make gpu-day``: one folder with all that a GPU day needs on a machine that has nothing but PyTorch.

It holds ``start.py``, ``pack.zip`` (the pack, ComfyUI and weights) and ``wheels``. Runs in the development environment.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from safetensors.torch import load_file, save

from . import environment
from .lock import Pin, canonical, pins, with_what_they_require
from .process import ROOT, SetupError, say

LIMIT = 60e6
"""Bytes of the folder: it has to travel."""
LISTED = 6
"""Of the largest files, where they are too much."""
OF_PACK = ("__init__.py", "pyproject.toml", "nodes", "bench", "tests", "tools", "training/*.py", "workflows/api")
OF_COMFYUI = (
    "*.py", "alembic.ini", "requirements.txt", "alembic_db", "api_server", "app", "comfy", "comfy_api", "comfy_config",
    "comfy_execution", "comfy_extras", "middleware", "utils",
)  # fmt: skip
LARGEST_DATA = 1_500_000
"""Bytes of a file beside ComfyUI's code: tokenizers of text encoders that no part of the day has are larger."""
DAY = ROOT / "bench" / "gpu_day"
WEIGHTS = ("rife_v4.26", "realesr-animevideov3")
HALVED = ("rife_v4.26.safetensors",)
"""Stored in half precision, in which the net works on a card. Loaders take both."""


def packages(needs: str, there: str, pinned: dict[str, Pin]) -> list[Pin]:
    """What has to be carried.

    Args:
        needs: lines of a module and the packages that bring it, see ``bench/gpu_day/needs.txt``.
        there: packages of the machine, one a line, as ``pip freeze`` prints them.
        pinned: the lock.
    """
    found = {canonical(name[0]) for line in _lines(there) if (name := re.match(r"[\w.-]*\w", line))}
    brought = [[canonical(name) for name in line.split()[1:]] for line in _lines(needs)]
    return with_what_they_require([names[0] for names in brought if not found & {*names}], pinned, found)


def modules(needs: str) -> list[str]:
    """What the day imports, in the order in which it is tried."""
    return [line.split()[0] for line in _lines(needs)]


def build(comfyui: Path, folder: Path, *, python: str, there: str, extra: Sequence[str] = ()) -> list[tuple[str, int]]:
    """Write the folder anew.

    Args:
        comfyui: ComfyUI's folder.
        folder: where to; what an earlier run has left there is replaced.
        python: version on the machine, such as ``"3.12"``.
        there: packages of the machine, one a line.
        extra: names of weights that are carried too.

    Returns:
        What it holds, and bytes: the largest first. The files in ``pack.zip`` are summed up by folder.

    Raises:
        SetupError: it is too large, a weight or a pin is not there, or ``folder`` is something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "carried.json").is_file():
        raise SetupError(
            f"--to: found {folder}, which holds something else; allowed: a new folder, or one made by this."
        )
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    needs = (DAY / "needs.txt").read_text(encoding="utf-8")
    carried = packages(needs, there, pins(environment.LOCK.read_text(encoding="utf-8"), python))
    if carried:
        environment.download_wheels(list(map(str, carried)), part / "wheels", python)
    _write_pack(part / "pack.zip", comfyui, _weights([*WEIGHTS, *extra]))
    shutil.copyfile(DAY / "start.py", part / "start.py")
    told = {"python": python, "modules": modules(needs), "packages": {pin.name: pin.version for pin in carried}}
    (part / "carried.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    held = contents(part)
    if (total := sum(size for _, size in held)) > LIMIT:
        shutil.rmtree(part)
        raise SetupError(f"{total / 1e6:.1f} MB; allowed: {LIMIT / 1e6:g} MB. The largest:\n{_listed(held[:LISTED])}")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return held


def contents(folder: Path) -> list[tuple[str, int]]:
    """What the folder holds, and bytes: the largest first. ``pack.zip`` is told by the folders and weights in it."""
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    rest = sizes.pop("pack.zip")
    with zipfile.ZipFile(folder / "pack.zip") as archive:
        for entry in archive.infolist():
            name = entry.filename if entry.filename.startswith(".assets/") else entry.filename.split("/")[0]
            sizes[name] = sizes.get(name, 0) + entry.compress_size
            rest -= entry.compress_size
    sizes["pack.zip's directory"] = rest
    return sorted(sizes.items(), key=lambda item: -item[1])


def _write_pack(file: Path, comfyui: Path, weights: Iterable[Path]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _code(ROOT, OF_PACK):
            archive.write(path, path.relative_to(ROOT).as_posix())
        for path in _code(comfyui, OF_COMFYUI):
            if path.suffix == ".py" or path.stat().st_size <= LARGEST_DATA:
                archive.write(path, f".comfyui/{path.relative_to(comfyui).as_posix()}")
        for path in weights:
            name = path.relative_to(ROOT).as_posix()
            archive.writestr(name, _halved(path) if path.name in HALVED else path.read_bytes())


def _code(root: Path, wanted: Iterable[str]) -> Iterator[Path]:
    for pattern in wanted:
        for top in sorted(root.glob(pattern)):
            paths = sorted(top.rglob("*")) if top.is_dir() else [top]
            yield from (path for path in paths if path.is_file() and "__pycache__" not in path.parts)


def _weights(names: Iterable[str]) -> list[Path]:
    there = sorted(path for path in (ROOT / ".assets" / "models").glob("*/*") if path.is_file())
    known = {name: path for path in there for name in (path.name, path.stem)}
    for name in names:
        if name not in known:
            allowed = ", ".join(path.name for path in there)
            raise SetupError(f"--with: found {name}; allowed: {allowed}. `make models` brings them.")
    return sorted({known[name] for name in names})


def _halved(path: Path) -> bytes:
    return save({name: value.half() if value.is_floating_point() else value for name, value in load_file(path).items()})


def _lines(text: str) -> list[str]:
    stripped = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in stripped if line]


def _listed(held: Iterable[tuple[str, int]]) -> str:
    return "\n".join(f"{size / 1e6:7.1f} MB  {name}" for name, size in held)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="make gpu-day")
    parser.add_argument("--comfyui", type=Path, required=True, help="ComfyUI's folder")
    parser.add_argument("--to", type=Path, default=environment.CACHE / "gpu-day", help="the folder (%(default)s)")
    parser.add_argument("--python", default="3.12", help="version on the machine (%(default)s)")
    parser.add_argument("--there", type=Path, default=DAY / "there.txt", help="its packages, as pip freeze prints them")
    parser.add_argument("--with", dest="extra", action="append", default=[], help="weights to carry besides, by name")
    options = parser.parse_args()
    try:
        there = options.there.read_text(encoding="utf-8")
        held = build(options.comfyui, options.to, python=options.python, there=there, extra=options.extra)
    except (SetupError, OSError) as error:
        say(f"stopped: {error}")
        return 1
    print(_listed(held))
    print(f"{sum(size for _, size in held) / 1e6:7.1f} MB in {options.to}; there: python start.py --seconds 420")
    return 0


if __name__ == "__main__":
    sys.exit(main())
