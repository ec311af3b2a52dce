"""A real ComfyUI server that has the tiny video models besides the assets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from frugal_motion.tools.server import Server, prepare, running

from . import nets


@pytest.fixture(scope="session")
def video_server(comfyui: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It takes ``tiny_umt5`` for a UMT5-XXL and ``tiny_vit_h`` for a CLIP ViT-H; see ``nets.write_all``."""
    base = tmp_path_factory.mktemp("video_models")
    prepare(base)
    nets.write_all(base / "models")
    small_encoders = Path(__file__).parent / "small_encoders"
    (base / "custom_nodes" / small_encoders.name).symlink_to(small_encoders, target_is_directory=True)
    with running(comfyui, base, assets=assets) as server:
        yield server
