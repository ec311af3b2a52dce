"""The pack under the name ``frugal_motion``, ComfyUI, weights and clips, and a real server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
COMFYUI = Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve()
ASSETS = ROOT / ".assets"


settings.register_profile("no time limit", deadline=None)  # machines are shared, and time is never asserted
settings.load_profile("no time limit")

if not (COMFYUI / "comfy_api").is_dir():
    pytest.exit(f"no ComfyUI in {COMFYUI}; run `make test`, or set COMFYUI_PATH", returncode=2)
sys.path.insert(0, str(ROOT))
from tools.pack import import_pack  # noqa: E402

# On "cuda" ComfyUI computes on the card, as exactly as on the CPU; "pretend" finds what would fail there.
DEVICE = os.environ.get("TEST_DEVICE") or "cpu"
if DEVICE not in ("cpu", "cuda", "pretend"):
    pytest.exit(f"TEST_DEVICE: found {DEVICE}; allowed: cpu, cuda, pretend", returncode=2)
import_pack(COMFYUI, cpu=DEVICE != "cuda", fp32=DEVICE != "cpu")
if DEVICE == "cuda":
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
if DEVICE == "pretend":
    from frugal_motion.tests.pretend_card import put_in

    put_in()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="also what proves something slow, as CI does")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: proves something slow: only with --all, or where its file is named")
    is_worker = hasattr(config, "workerinput")  # of pytest-xdist, which passes on the options of the process above it
    if not is_worker and config.args_source is pytest.Config.ArgsSource.ARGS:
        config.option.all = True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.all:
        return
    left_out = [item for item in items if item.get_closest_marker("slow")]
    items[:] = [item for item in items if not item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=left_out)


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


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nodes keep for the user and for the editor lasts for one test."""
    import folder_paths

    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path / "temp"))
    monkeypatch.setattr(folder_paths, "user_directory", str(tmp_path / "user"))


@pytest.fixture(autouse=True)
def _own_runs() -> Iterator[None]:
    """What runs have cost is forgotten: other tests give theirs the same ids."""
    from frugal_motion.nodes.host.frugal_node import ledger

    yield
    for run in ledger.runs():
        ledger.close(run)


@pytest.fixture
def pack(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The pack's node classes, which ComfyUI knows by their ids as long as the test lasts; it knows few of its own."""
    import frugal_motion
    import nodes as comfyui_nodes

    found = list(asyncio.run(frugal_motion.comfy_entrypoint().get_node_list()))
    for node_class in found:
        monkeypatch.setitem(comfyui_nodes.NODE_CLASS_MAPPINGS, node_class.define_schema().node_id, node_class)
    return found


@pytest.fixture(scope="session")
def server(comfyui: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real ComfyUI server with the pack, the assets and a base directory of its own."""
    from frugal_motion.tools.server import running

    frontend = os.environ.get("FRONTEND_ROOT")
    options = ["--front-end-root", frontend] if frontend else []
    with running(comfyui, tmp_path_factory.mktemp("comfyui"), assets=assets, options=options) as server:
        yield server
