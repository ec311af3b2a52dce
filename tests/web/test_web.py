"""What the editor's modules compute and draw, in Node; and that they and the server mean the same."""

from __future__ import annotations

import base64
import json
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright._impl._driver import compute_driver_executable  # Playwright's wheel brings a Node

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.keyframes.edits import edited
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.motion.player_file import packed

from ..motion.synthetic import dance

HERE = Path(__file__).resolve().parent
NODE = compute_driver_executable()[0]


@pytest.mark.parametrize("module", sorted(path.name for path in HERE.glob("*.test.js")))
def test_module(module: str) -> None:
    done = subprocess.run([NODE, "--test", HERE / module], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_browser_and_server_agree() -> None:
    plan = every_nth(40, Fraction(12), 8, (20,))
    texts = ["", "+12 -28", "-8,+9", " +30  +31 -16 ", "+8 -9", "12", "+3.5", "+ 3", "+4 -4", "x", "+1234567890"]
    clicks = [12, 28, 12, 3, 28, 8, 5, 8]
    motion = dance(seconds=1, people=2)
    told = _told(plan=plan.to_fields(), texts=texts, clicks=clicks, motion=base64.b64encode(packed(motion)).decode())

    for text, found in zip(texts, told["applied"], strict=True):
        if found["wrong"]:
            with pytest.raises(InputError):
                edited(plan, text)
        else:
            assert tuple(found["frames"]) == edited(plan, text).frames
    frames = set(plan.frames)
    for frame, text in zip(clicks, told["clicked"], strict=True):
        frames ^= {frame}
        assert set(edited(plan, text).frames) == frames, f"frame {frame}: {text}"
    assert told["ends"] == [frame for frame in range(40) if any(frame in shot for shot in plan.segments())]

    read = told["motion"]
    assert (read["frames"], read["frameCount"], read["people"], read["rate"]) == (25, 25, 2, 25)
    joints = np.array(read["joints"]).reshape(motion.keypoints.shape)
    assert np.abs(joints - motion.keypoints).max(axis=(0, 1, 2)) == pytest.approx([0, 0, 0], abs=1 / 255)
    assert np.abs(joints - motion.keypoints)[..., :2].max() < 1 / 65535 + 1e-7


def _told(**given: object) -> Any:
    done = subprocess.run(
        [NODE, HERE / "agree.mjs"], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)
