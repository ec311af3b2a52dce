"""The shipped workflow that takes the look from a picture, on the real clip, through a real ComfyUI server."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.tools.server import Server

from ..conftest import ROOT
from .client import run
from .test_motion_edit import SMALL, result

WORKFLOW = ROOT / "workflows" / "api" / "look_from_picture.json"
PICTURE = ROOT / "workflows" / "paper_doll.png"


def test_the_picture_is_seen(server: Server, tmp_path: Path) -> None:
    """The same edit with and without the picture, which the client uploads."""
    found = []
    for strength in ("1", "0"):
        given = {
            **SMALL,
            "Look.image": str(PICTURE),
            "Load Video.duration": "0.75",
            "Sampler.seed": "21",
            "Sampler.reference_strength": strength,
            "Sampler.cfg": "2.5",
        }
        video, stages = result(run(server, WORKFLOW, tmp_path / strength, given))
        assert stages["Sampler"]["frames"] == 3
        found.append(np.concatenate(list(FileStream(video).chunks())))
    assert found[0].shape == found[1].shape
    assert np.abs(found[0].astype(int) - found[1]).mean() > 1
