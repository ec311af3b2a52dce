"""Several clips with prompts of their own, through a real ComfyUI server."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.tools.server import Server

from ..conftest import ROOT
from .client import run, run_until, until

WORKFLOW = ROOT / "workflows" / "api" / "micro_batch.json"

SMALL = {
    "Checkpoint.ckpt_name": "frugal-demo.ckpt",
    "ControlNet.control_net_name": "frugal-demo-openpose.safetensors",
    "Upscale Model.model_name": "realesr-animevideov3.safetensors",
    "Load Clips.width": "128",
    "Load Clips.height": "128",
    "Negative Prompt.text": "",
    "Sampler.cfg": "2.5",
    "Sampler.steps": "4",
    "Save Video.codec": "lossless",  # an encoder makes a grey level's difference many
}


def videos(server: Server, output: Path, changes: dict[str, str]) -> list[Path]:
    done = run(server, WORKFLOW, output, {**SMALL, **changes})
    assert done.returncode == 0, done.stderr
    return [Path(file["path"]) for file in json.loads(done.stdout)["outputs"] if file["path"].endswith(".mp4")]


def frames(path: Path) -> np.ndarray:
    return np.concatenate(list(FileStream(path).chunks())).astype(np.int16)


@pytest.mark.slow
def test_every_clip_gets_its_own_look_and_comes_out_as_alone(server: Server, tmp_path: Path) -> None:
    looks = "a neon robot at night\na wooden mannequin in the snow"
    both = [frames(path) for path in videos(server, tmp_path, {"Prompts.text": looks})]
    assert [clip.shape for clip in both] == [(42, 256, 256, 3), (42, 256, 256, 3)]
    assert both[0].mean() + 50 < both[1].mean(), "night and snow"
    alone = {"Load Clips.files": "two_people.mp4", "Prompts.text": looks.splitlines()[1]}
    (second,) = (frames(path) for path in videos(server, tmp_path, alone))
    assert np.abs(second - both[1]).mean() < 0.5, "but for the rounding of another batch size"


def test_one_prompt_goes_for_all(server: Server, tmp_path: Path) -> None:
    assert len(videos(server, tmp_path, {"Prompts.text": "a neon robot at night", "Sampler.steps": "1"})) == 2


def test_three_prompts_for_two_clips_are_refused(server: Server, tmp_path: Path) -> None:
    done = run(server, WORKFLOW, tmp_path, {**SMALL, "Prompts.text": "one\ntwo\nthree"})
    assert done.returncode == 1
    assert "control_images: found a list of 2; allowed: 1 for all, or 3" in done.stderr, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a process there gets no Ctrl-C of its own")
def test_cancel_in_the_middle_of_a_batch_and_run_again(server: Server, tmp_path: Path) -> None:
    status = run_until(server, WORKFLOW, tmp_path, {**SMALL, "Sampler.steps": "150"}, "Sampler")
    assert status == 130, "as every program that Ctrl-C ends"
    assert not list(tmp_path.iterdir())
    until(lambda: _get(server, "/queue") == {"queue_running": [], "queue_pending": []}, "the empty queue")
    assert len(videos(server, tmp_path, {"Sampler.steps": "1"})) == 2


def _get(server: Server, path: str) -> Any:
    with urllib.request.urlopen(server.url + path) as answer:
        return json.load(answer)
