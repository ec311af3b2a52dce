"""The shipped workflow whose motion is edited by hand, by scripts, through a real ComfyUI server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frugal_motion.nodes.motion.motion import BODY_JOINTS, Motion
from frugal_motion.nodes.motion.player_file import unpacked
from frugal_motion.nodes.motion.report.troubles import find_troubles
from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.tools.server import Server

from ..conftest import ROOT
from .client import run
from .test_motion_edit import SMALL

WORKFLOW = ROOT / "workflows" / "api" / "motion_edit_by_hand.json"
MODELS = {name: value for name, value in SMALL.items() if not name.startswith("Load Video")}
WRIST = BODY_JOINTS.index("left_wrist")


def code_of(page: str, heading: str) -> str:
    """The first code that a page shows below a heading."""
    text = (ROOT / page).read_text(encoding="utf-8").split(heading, 1)[1]
    found = re.search(r"^    (?:.+\n|\n(?=    | *\n    ))+", text, re.MULTILINE)
    assert found
    return textwrap.dedent(found[0])


def motion_of(server: Server, shown: dict[str, str]) -> Motion:
    return unpacked((server.base / "temp" / shown["subfolder"] / shown["filename"]).read_bytes())


def jumps(motion: Motion, joint: int) -> list[int]:
    """The frames, but those far behind, where that joint is said to jump."""
    found = [trouble.as_dict() for trouble in find_troubles(motion)]
    mine = [one for one in found if (one["kind"], one["joint"]) == ("jump", BODY_JOINTS[joint]) and one["from"] < 12]
    return [frame for one in mine for frame in range(one["from"], one["to"] + 1)]


def test_the_script_of_the_help_page(server: Server, tmp_path: Path) -> None:
    prompt = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    inputs = {node["_meta"]["title"]: node["inputs"] for node in prompt.values()}
    for name, value in MODELS.items():
        title, key = name.split(".")
        inputs[title][key] = value
    mine = tmp_path / "motion_edit_by_hand.json"
    mine.write_text(json.dumps(prompt), encoding="utf-8")
    script = code_of("web/docs/FrugalEditMotion.md", "### From a script")
    for ours, theirs in (("http://127.0.0.1:8188", server.url), ("workflows/api/motion_edit_by_hand.json", str(mine))):
        assert script.count(ours) == 1
        script = script.replace(ours, theirs)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wrong, shown = done.stdout.splitlines()
    assert wrong == ""
    outputs = json.loads(shown)
    by_title = {prompt[node]["_meta"]["title"]: output for node, output in outputs.items()}
    assert "Sampler" not in by_title, "that is switched off"

    [edit] = by_title["Edit Motion"]["frugal_edit"]
    before, after = motion_of(server, edit["motion"]), motion_of(server, edit["result"])
    assert (before.frame_count, after.frame_count, edit["notes"]) == (20, 26, [])
    moved = after.keypoints[9, 0, WRIST, :2] - before.keypoints[9, 0, WRIST, :2]
    assert moved == pytest.approx((-0.075, 0.045), abs=0.005)
    assert jumps(before, WRIST) == [8, 9] and not jumps(after, WRIST)
    assert (after.keypoints[:8] == before.keypoints[:8]).all() and (after.keypoints[-8:] == before.keypoints[-8:]).all()
    assert np.abs(np.diff(after.keypoints[11:18], axis=0)).max() < 1e-6, "a pose is held for half a second"

    [file] = by_title["Save Video"]["images"]
    skeleton = FileStream(server.base / "output" / file["subfolder"] / file["filename"])
    assert (skeleton.info.frame_count, skeleton.info.frame_rate) == (26, 12)
    held = skeleton.frames_at(range(11, 19)).astype(int)
    steps = np.abs(np.diff(held, axis=0)).mean(axis=(1, 2, 3))
    assert steps[:6].max() < steps[6] / 5


def test_run_py_as_the_page_says(server: Server, tmp_path: Path) -> None:
    code = code_of("docs/demo.md", "- A value may be JSON.")
    [(setting, text)] = re.findall(r"--set '([^=]+)=([^']+)'", code)
    changes: dict[str, Any] = {**MODELS, "Load Video.file": "two_people.mp4", setting: text}
    done = run(server, WORKFLOW, tmp_path, changes)
    assert done.returncode == 0, done.stderr
    [path] = [file["path"] for file in json.loads(done.stdout)["outputs"] if file["title"] == "Save Video"]
    assert FileStream(Path(path)).info.frame_count == 26


@pytest.mark.parametrize(
    ("node", "key", "said"),
    [
        ("Plan Keyframes", "video", r"video: found 20 frames.*26.*time was edited"),
        ("Sampler", "source_video", r"source_video: found 20 frames.*26.*time was edited"),
    ],
)
def test_a_clip_that_no_longer_fits_is_refused(server: Server, tmp_path: Path, node: str, key: str, said: str) -> None:
    prompt = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    ids = {each["_meta"]["title"]: name for name, each in prompt.items()}
    prompt[ids[node]]["inputs"][key] = [ids["Load Video"], 0]
    mine = tmp_path / "wired.json"
    mine.write_text(json.dumps(prompt), encoding="utf-8")
    held = json.dumps({"version": 1, "edits": [{"do": "hold", "frame": 11, "frames": 6}]})
    changes = {**MODELS, "Edit Motion.edits": held, "Redraw.switch": "true", "Sampler.denoise": "0.6"}
    done = run(server, mine, tmp_path, changes)
    assert done.returncode == 1 and re.search(said, done.stderr), done.stderr
