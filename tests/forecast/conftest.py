"""Estimates ask the classes of a workflow's nodes, as a server has them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import folder_paths
import pytest

from frugal_motion import FrugalMotion
from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _classes(monkeypatch: pytest.MonkeyPatch) -> None:
    for node_class in asyncio.run(FrugalMotion().get_node_list()):
        monkeypatch.setitem(NODE_CLASS_MAPPINGS, node_class.__name__, node_class)


@pytest.fixture
def asset_folders(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips and models are looked for among the assets."""
    monkeypatch.setattr(folder_paths, "input_directory", str(assets / "input"))
    for folder in ("checkpoints", "controlnet"):
        paths = [str(assets / "models" / folder)]
        monkeypatch.setitem(folder_paths.folder_names_and_paths, folder, (paths, {".safetensors", ".ckpt"}))
