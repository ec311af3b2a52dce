"""The shipped API workflow on real clips, through a real ComfyUI server and the client that users run."""

from __future__ import annotations

import json
import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.encode import EncodeSettings, save
from frugal_motion.nodes.video.stream import ArrayStream, Waveform
from frugal_motion.tools.server import Server, running

from ..conftest import ROOT
from .client import run

WORKFLOW = ROOT / "workflows" / "api" / "motion_edit.json"

# Our own small model, and a size that a CPU can do.
SMALL = {
    "Checkpoint.ckpt_name": "frugal-demo.ckpt",
    "ControlNet.control_net_name": "frugal-demo-openpose.safetensors",
    "Upscale Model.model_name": "realesr-animevideov3.safetensors",
    "Load Video.size": "custom",
    "Load Video.width": "128",
    "Load Video.height": "128",
    "Sampler.steps": "2",
}


def edit(server: Server, clip: Path, output: Path, changes: dict[str, str] | None = None) -> Any:
    """Run the shipped workflow on a clip, small."""
    return run(server, WORKFLOW, output, {**SMALL, "Load Video.file": str(clip), **(changes or {})})


def result(done: subprocess.CompletedProcess[str]) -> tuple[Path, dict[str, dict[str, Any]]]:
    """The video that came out, and the rows of the cost report by stage."""
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    video = next(Path(item["path"]) for item in answer["outputs"] if item["path"].endswith(".mp4"))
    report = next(shown["data"]["frugal_report"][0] for shown in answer["ui"] if "frugal_report" in shown["data"])
    return video, {stage["stage"]: stage for stage in report["stages"]}


@pytest.fixture(scope="module")
def clip_with_sound(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of the real clip, with a tone."""
    path = tmp_path_factory.mktemp("clip") / "with_sound.mp4"
    settings = DecodeSettings(duration=Fraction(1), frame_rate=Fraction(30), size=(256, 256), multiple=2)
    stream = FileStream(assets / "input" / "one_person.mp4", settings)
    frames = np.concatenate(list(stream.chunks()))
    tone = np.sin(np.arange(44100) * 2 * np.pi * 440 / 44100).astype(np.float32)[None] * 0.3
    save(ArrayStream(frames, Fraction(30), Waveform(tone, 44100)), path, EncodeSettings())
    return path


def test_an_edit_of_the_real_clip(server: Server, assets: Path, tmp_path: Path) -> None:
    # A size of its own: the cache may hold what another test has made of this clip.
    changes = {"Load Video.width": "136", "Load Video.height": "136"}
    video, stages = result(edit(server, assets / "input" / "one_person.mp4", tmp_path, changes))
    with av.open(str(assets / "input" / "one_person.mp4")) as source:
        wanted = Fraction(source.streams.video[0].duration * source.streams.video[0].time_base)
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        assert (stream.codec.name, stream.pix_fmt, stream.average_rate) == ("h264", "yuv420p", 25)
        times = [frame.pts * frame.time_base for frame in container.decode(stream)]
    assert times == [Fraction(i, 25) for i in range(len(times))], "every frame on the exact grid"
    assert abs(len(times) * Fraction(1, 25) - wanted) <= Fraction(1, 25)
    assert stages["Sampler"]["frames"] == 5 and stages["Extract Pose"]["frames"] == 20
    assert stages["Interpolate"]["frames"] == len(times)
    cached = {name for name, stage in stages.items() if stage["cached"]}
    assert cached <= {"Load Video", "RIFE"}, "what another test has left in memory, and no work"


def test_sound_is_kept(server: Server, clip_with_sound: Path, tmp_path: Path) -> None:
    video, _ = result(edit(server, clip_with_sound, tmp_path))
    with av.open(str(video)) as container:
        sound = np.concatenate([frame.to_ndarray() for frame in container.decode(container.streams.audio[0])], axis=1)
        rate = container.streams.audio[0].rate
    assert abs(sound.shape[1] / rate - 1) < 0.05
    middle = sound[0, rate // 4 : rate // 4 + rate // 2]
    assert abs(np.argmax(np.abs(np.fft.rfft(middle))) * 2 - 440) < 4, "the tone of the source"


@pytest.mark.slow
def test_another_server_takes_it_from_the_cache(
    server: Server, comfyui: Path, assets: Path, clip_with_sound: Path, tmp_path: Path
) -> None:
    changes = {"Sampler.seed": "5", "Save Video.codec": "lossless"}  # x264 makes no two files quite alike
    first, _ = result(edit(server, clip_with_sound, tmp_path / "1", changes))
    with running(comfyui, server.base, assets=assets) as restarted:
        second, stages = result(edit(restarted, clip_with_sound, tmp_path / "2", changes))
        quicker = {**changes, "Interpolate.frame_rate": "50"}
        other, changed = result(edit(restarted, clip_with_sound, tmp_path / "3", quicker))
    spared = {"Extract Pose", "Sampler", "Upscale", "Interpolate", "Cache Video"}
    assert all(stages[name]["cached"] for name in spared), stages
    assert _frames(second).tobytes() == _frames(first).tobytes()
    assert changed["Sampler"]["cached"] and not changed["Interpolate"]["cached"], "only the finish is done again"
    assert len(_frames(other)) == 50


def test_core_nodes_take_our_video_and_we_take_theirs(server: Server, assets: Path, tmp_path: Path) -> None:
    graph = {
        "1": _node("LoadVideo", "Core Load", file="one_person.mp4"),
        "2": _node("FrugalUpscale", "Resize", frames=["1", 0], upscale_model=["3", 0], scale=0.1, longer_side=0),
        "3": _node("UpscaleModelLoader", "Model", model_name="realesr-animevideov3.safetensors"),
        "4": _node("SaveVideo", "Core Save", video=["2", 0], filename_prefix="video/core", format="auto", codec="auto"),
        "5": _node("GetVideoComponents", "Parts", video=["2", 0]),
        "6": _node("SaveImage", "Pictures", images=["5", 0], filename_prefix="parts"),
    }
    workflow = tmp_path / "core.json"
    workflow.write_text(json.dumps(graph))
    done = run(server, workflow, tmp_path, {})
    assert done.returncode == 0, done.stderr
    paths = [item["path"] for item in json.loads(done.stdout)["outputs"]]
    assert len([path for path in paths if path.endswith(".png")]) == 100
    saved = next(path for path in paths if path.endswith(".mp4"))
    with av.open(saved) as container:
        assert (container.streams.video[0].frames, container.streams.video[0].average_rate) == (100, 60)
        assert container.streams.video[0].width == 108


@pytest.mark.parametrize(
    ("changes", "node", "message"),
    [
        ({"Load Video.start": "100"}, "Load Video", "start: found 100 s; allowed: less than the video's 1"),
        ({"Load Video.frame_rate": "-1"}, "Load Video", "frame_rate"),
        ({"Sampler.mode": "fast"}, "Sampler", "mode.*'fast'(?s:(?=.*sparse)(?=.*dense))"),
        ({"Extract Pose.model": "pose_landmarker_lite.task"}, "Extract Pose", "no model 'pose_landmarker_lite.task'"),
        ({"Save Video.filename_prefix": "../../outside"}, "Save Video", "filename_prefix"),
    ],
)
def test_bad_input_fails_with_one_sentence(
    server: Server, clip_with_sound: Path, tmp_path: Path, changes: dict[str, str], node: str, message: str
) -> None:
    done = edit(server, clip_with_sound, tmp_path, changes)
    assert done.returncode == 1
    assert node in done.stderr and re.search(message, done.stderr), done.stderr


def test_a_clip_without_a_person_says_so(server: Server, tmp_path: Path) -> None:
    empty = tmp_path / "nobody.mp4"
    save(ArrayStream(np.full((12, 128, 128, 3), 90, np.uint8), Fraction(12)), empty, EncodeSettings())
    done = edit(server, empty, tmp_path)
    assert done.returncode == 1 and "no person in 12 frames" in done.stderr, done.stderr


def _node(kind: str, title: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}


def _frames(path: Path) -> np.ndarray[Any, Any]:
    return np.concatenate(list(FileStream(path, DecodeSettings()).chunks()))


def test_a_missing_model_is_named_with_what_is_there_and_how_to_take_it(server: Server, tmp_path: Path) -> None:
    for option in ("--json", "--job"):
        done = run(server, WORKFLOW, tmp_path, {}, option)
        assert done.returncode == 1
        wanted = "control_net_name names 'control_v11p_sd15_openpose_fp16.safetensors'"
        assert wanted in done.stderr, done.stderr
        assert '--set "ControlNet.control_net_name=frugal-demo-openpose.safetensors"' in done.stderr
        assert "control_v11p_sd15_openpose_fp16.safetensors goes into models/controlnet" in done.stderr
        assert "--stand-ins" in done.stderr


def test_stand_ins_take_what_the_demo_took(server: Server, assets: Path, tmp_path: Path) -> None:
    changes = {
        "Load Video.file": str(assets / "input" / "one_person.mp4"),
        "Load Video.width": "128",
        "Load Video.height": "128",
        "Sampler.steps": "2",
        "Prompt.text": "a marble statue in a forest",
    }
    video, stages = result(run(server, WORKFLOW, tmp_path, changes, "--stand-ins"))
    assert video.is_file() and stages["Sampler"]["frames"] == 5
