"""Names that lead somewhere, on a real ComfyUI server: sequences that are fetched whole, links, prefixes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.decode_settings import decode_settings
from frugal_motion.tools.server import Server

from .client import ask, run, until

LOAD = {"file": "one_person.mp4", "start": 0, "duration": 0.5, "frame_rate": 12, "size": "custom", "width": 64}
PROMPT: dict[str, Any] = {
    "1": {
        "class_type": "FrugalLoadVideo",
        "inputs": {**LOAD, "height": 48, "fit": "cover"},
        "_meta": {"title": "Load Video"},
    },
    "2": {
        "class_type": "FrugalSaveVideo",
        "inputs": {
            "video": ["1", 0],
            "filename_prefix": "50% %width%x%height%/a",
            "codec": "png sequence",
            "quality": 75,
        },
        "_meta": {"title": "Save Video"},
    },
}


@pytest.fixture
def frames(assets: Path) -> np.ndarray:
    settings: DecodeSettings = decode_settings(duration=0.5, size="custom", width=64, height=48, fit="cover")
    return np.concatenate(list(FileStream(assets / "input" / "one_person.mp4", settings).chunks()))


def pictures(folder: Path) -> np.ndarray:
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"{number:06}.png" for number in range(1, 7)]
    return np.stack([cv2.imread(str(file))[..., ::-1] for file in files])


@pytest.mark.parametrize("options", [[], ["--job"]])
def test_all_pictures_of_a_sequence_are_fetched(
    server: Server, tmp_path: Path, frames: np.ndarray, options: list[str]
) -> None:
    workflow = tmp_path / "save.json"
    workflow.write_text(json.dumps(PROMPT), encoding="utf-8")
    for place in range(2):
        done = run(server, workflow, tmp_path / "out", {"Save Video.quality": str(place)}, *options)
        assert done.returncode == 0, done.stderr
        (output,) = json.loads(done.stdout)["outputs"]
        assert output["class"] == "FrugalSaveVideo" and output["type"] == "output"
        folder = Path(output["path"])
        assert folder.parent == tmp_path / "out" and output["file"] == folder.name
        assert np.array_equal(pictures(folder), frames)
    assert len(list((tmp_path / "out").iterdir())) == 2, "under a free name each, and nothing half done beside them"


def test_a_job_tells_of_all_pictures(server: Server, frames: np.ndarray) -> None:
    code, answer = ask(server, "/jobs", {"workflow": PROMPT})
    assert code == 202, answer

    def ended() -> Any:
        job = ask(server, f"/jobs/{answer['job_id']}")[1]
        return job if job["state"] not in ("queued", "running") else None

    job = until(ended, "the end of the job")
    (result,) = job["results"]
    (first,) = result["data"]["images"]
    assert first["frugal_count"] == len(frames) == 6
    assert np.array_equal(pictures(server.base / "output" / first["subfolder"]), frames)


def test_a_saved_sequence_is_a_clip_to_load(server: Server, tmp_path: Path, frames: np.ndarray) -> None:
    workflow = tmp_path / "save.json"
    workflow.write_text(json.dumps(PROMPT), encoding="utf-8")
    changes = {"Save Video.filename_prefix": "again/%width%"}
    assert run(server, workflow, tmp_path / "first", changes).returncode == 0
    done = run(server, workflow, tmp_path / "out", {**changes, "Load Video.file": "again/64_00001_ [output]"})
    assert done.returncode == 0, done.stderr
    (output,) = json.loads(done.stdout)["outputs"]
    assert np.array_equal(pictures(Path(output["path"])), frames)
    refused = run(server, workflow, tmp_path / "out", {**changes, "Load Video.file": "again [output]"})
    assert refused.returncode == 1 and "a folder of pictures" in refused.stderr
