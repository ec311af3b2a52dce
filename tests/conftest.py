"""Import the pack exactly as ComfyUI does, under the name ``frugal_motion``.

ComfyUI loads a custom node by ``spec_from_file_location`` on its ``__init__.py``. The pack's root must not be on
``sys.path``, where its ``nodes/`` would hide ComfyUI's ``nodes.py``.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMFYUI = Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve()
ASSETS = ROOT / ".assets"


def _import_pack() -> None:
    sys.path[:] = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() != ROOT]
    sys.path.insert(0, str(COMFYUI))
    import utils.extra_config  # noqa: F401  first: nodes.py puts comfy/ on sys.path, whose utils.py would take the name
    from comfy.cli_args import args

    args.cpu = True  # before comfy.model_management, which would initialise CUDA at import
    spec = importlib.util.spec_from_file_location(
        "frugal_motion", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["frugal_motion"] = module
    spec.loader.exec_module(module)


if not (COMFYUI / "comfy_api").is_dir():
    pytest.exit(f"no ComfyUI in {COMFYUI}; run `make test`, or set COMFYUI_PATH", returncode=2)
_import_pack()


@pytest.fixture(scope="session")
def comfyui() -> Path:
    """ComfyUI's checkout."""
    return COMFYUI


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder that ``make models`` fills: ``models/<folder>/<weights>`` and ``input/<clip>``."""
    if not ASSETS.is_dir():
        pytest.exit(f"no assets in {ASSETS}; run `make models`", returncode=2)
    return ASSETS


@pytest.fixture(scope="session")
def server(comfyui: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real ComfyUI server with the pack, the assets and a base directory of its own."""
    from frugal_motion.tools.server import running

    with running(comfyui, tmp_path_factory.mktemp("comfyui"), assets=assets) as server:
        yield server
