"""More frames and more pixels for a finished video, through a real ComfyUI server."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.encode import LOSSLESS, save
from frugal_motion.nodes.video.stream import ArrayStream
from frugal_motion.tools.server import Server

from ..conftest import ROOT
from .client import run

WORKFLOW = ROOT / "workflows" / "api" / "finish_video.json"
SMALL = {
    "Load Video.size": "custom",
    "Load Video.width": "128",
    "Load Video.height": "128",
    "Upscale Model.model_name": "realesr-animevideov3.safetensors",
    "Save Video.codec": "lossless",
}


def finished(server: Server, output: Path, changes: dict[str, str]) -> Path:
    done = run(server, WORKFLOW, output, SMALL | changes)
    assert done.returncode == 0, done.stderr
    (file,) = [file for file in json.loads(done.stdout)["outputs"] if file["title"] == "Save Video"]
    return Path(file["path"])


def frames(path: Path, **settings: object) -> np.ndarray:
    return np.concatenate(list(FileStream(path, DecodeSettings(**settings)).chunks())).astype(np.int16)


def test_twice_the_frames_and_twice_the_size(server: Server, assets: Path, tmp_path: Path) -> None:
    path = finished(server, tmp_path, {"Load Video.fit": "cover"})
    made = FileStream(path)
    assert (made.info.width, made.info.height, made.info.frame_rate) == (256, 256, 60)
    assert made.info.frame_count == 100
    truth = frames(assets / "input" / "one_person.mp4", frame_rate=Fraction(60), size=(256, 256), fit="cover")
    error = ((frames(path) - truth[:100]) ** 2).mean(axis=(1, 2, 3))
    assert 10 * np.log10(255**2 / error.mean()) > 24, "the moments are those of the clip"
    between = error[1:-1:2].mean() / error[2::2].mean()
    assert between < 1.3, "frames that were made are about as near to the truth as those that were there"


@pytest.mark.parametrize("rate", ["50", "23.976"])
def test_nothing_is_made_across_a_cut(server: Server, assets: Path, tmp_path: Path, rate: str) -> None:
    settings = DecodeSettings(frame_rate=Fraction(30), size=(128, 128), fit="cover")
    shots = [
        np.concatenate(list(FileStream(assets / "input" / name, settings).chunks()))[:15]
        for name in ("one_person.mp4", "two_people.mp4")
    ]
    save(ArrayStream(np.concatenate(shots), Fraction(30)), tmp_path / "film.mp4", LOSSLESS)
    changes = {"Load Video.file": str(tmp_path / "film.mp4"), "Interpolate.frame_rate": rate, "Upscale.scale": "1"}
    made = frames(finished(server, tmp_path / "out", changes))
    before, after = (shot.astype(np.int16) for shot in (shots[0][-1], shots[1][0]))
    seconds = np.arange(len(made)) / float(Fraction(24000, 1001) if rate == "23.976" else rate)
    for frame, second in zip(made, seconds, strict=True):
        to_shots = np.abs(frame - before).mean(), np.abs(frame - after).mean()
        assert np.argmin(to_shots) == (second >= 0.5 - 1e-9), second
    for frame in made[(seconds >= 14 / 30) & (seconds < 0.5)]:
        assert np.array_equal(frame, before), "held until the cut"


def test_the_clip_guides_frames_between_few_of_its_own(server: Server, assets: Path, tmp_path: Path) -> None:
    graph = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    ids = {node["_meta"]["title"]: key for key, node in graph.items()}
    graph[ids["Interpolate"]]["inputs"]["guide"] = [ids["Load Video"], 0]
    (tmp_path / "guided.json").write_text(json.dumps(graph), encoding="utf-8")
    changes = {"Load Video.frame_rate": "4", "Load Video.fit": "cover", "Interpolate.frame_rate": "20"}
    settings = {"frame_rate": Fraction(20), "size": (128, 128), "fit": "cover"}
    truth = frames(assets / "input" / "one_person.mp4", **settings)[:25]
    errors = []
    for name, workflow in (("guided", tmp_path / "guided.json"), ("plain", WORKFLOW)):
        done = run(server, workflow, tmp_path / name, {**SMALL, **changes, "Upscale.scale": "1"})
        assert done.returncode == 0, done.stderr
        (file,) = [file for file in json.loads(done.stdout)["outputs"] if file["title"] == "Save Video"]
        errors.append(((frames(Path(file["path"]))[:25] - truth) ** 2).mean())
    assert errors[0] < errors[1] / 1.5, "the file has the frames that were left out"


def test_source_and_result_side_by_side(server: Server, tmp_path: Path) -> None:
    graph = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    source = next(key for key, node in graph.items() if node["_meta"]["title"] == "Load Video")
    save_node = next(node for node in graph.values() if node["_meta"]["title"] == "Save Video")
    save_node["inputs"]["beside"] = [source, 0]
    (tmp_path / "compare.json").write_text(json.dumps(graph), encoding="utf-8")
    changes = SMALL | {"Load Video.duration": "0.3", "Save Video.codec": "gif"}
    done = run(server, tmp_path / "compare.json", tmp_path / "out", changes)
    assert done.returncode == 0, done.stderr
    made = FileStream(Path(json.loads(done.stdout)["outputs"][0]["path"]))
    assert made.path.suffix == ".gif"
    assert made.info.duration == pytest.approx(0.3, abs=0.04)
    left, right = np.split(made.frames_at([4])[0].astype(int), 2, axis=1)
    assert 0 < np.abs(left - right).mean() < 12, "the same moment, once larger"
