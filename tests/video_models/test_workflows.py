"""The shipped workflows of video models, on the tiny ones, through a real server and the client that users run."""

from __future__ import annotations

import json
import urllib.request
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.encode import EncodeSettings, save
from frugal_motion.nodes.video.stream import ArrayStream, Waveform
from frugal_motion.tools.server import Server

from ..conftest import ROOT
from ..server.client import run
from ..server.test_motion_edit import result

API = ROOT / "workflows" / "api"
SECONDS = Fraction(29, 25)  # 14 frames at 12 a second, almost; Wan takes 17
SAMPLE_RATE = 44100
WIDTH, HEIGHT = 272, 480

SHARED = {
    "Text Encoder.clip_name": "tiny_umt5.safetensors",
    "VAE.vae_name": "tiny_wan_vae.safetensors",
    "Upscale Model.model_name": "realesr-animevideov3.safetensors",
    "Upscale.scale": "1",
    "Save Video.codec": "lossless",
}
LORA = {"LoRA.lora_name": "tiny_wan_lora.safetensors"}
SMALL = {"Load Video.width": "64", "Load Video.height": "112"}
CHANGES = {
    "wan_vace_motion_edit": SMALL | LORA | {"Model.unet_name": "tiny_vace.safetensors"},
    "wan_fun_control": SMALL
    | {f"{noise} Noise Model.unet_name": "tiny_fun22_control.safetensors" for noise in ("High", "Low")}
    | {f"{noise} Noise LoRA.lora_name": "tiny_wan_lora.safetensors" for noise in ("High", "Low")},
    "wan_animate_replace": LORA
    | {
        "Model.unet_name": "tiny_animate.safetensors",
        "Relight LoRA.lora_name": "tiny_wan_lora.safetensors",
        "Vision Encoder.clip_name": "tiny_vit_h.safetensors",
        "Crop.width": "64",
        "Crop.height": "112",
        "Masks.grow": "3",
    },
    "micro_batch_wan": LORA
    | {"Model.unet_name": "tiny_vace.safetensors", "Load Clips.width": "64", "Load Clips.height": "64"},
}
SINGLE = ["wan_vace_motion_edit", "wan_fun_control", "wan_animate_replace"]
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def clip(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of the real clip, with a sound that tells at each moment which it is."""
    path = tmp_path_factory.mktemp("clip") / "with_sound.mkv"
    settings = DecodeSettings(duration=SECONDS, frame_rate=Fraction(25), size=(WIDTH, HEIGHT), multiple=8)
    frames = np.concatenate(list(FileStream(assets / "input" / "one_person.mp4", settings).chunks()))
    times = np.arange(int(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    chirp = 0.3 * np.sin(2 * np.pi * (200 + 300 * times) * times)
    sound = Waveform(chirp.astype(np.float32)[None], SAMPLE_RATE)
    save(ArrayStream(frames, Fraction(25), sound), path, EncodeSettings(codec="lossless"))
    return path


def done(server: Server, name: str, output: Path, clip: Path, **changes: str) -> tuple[Path, dict[str, Any], str]:
    """Run a workflow on a clip: the video, the cost report's rows by stage, and what the client has told."""
    loader = "Whole Clip" if name == "wan_animate_replace" else "Load Video"
    given = SHARED | CHANGES[name] | {f"{loader}.file": str(clip)} | changes
    process = run(server, API / f"{name}.json", output, given)
    return *result(process), process.stderr


def decoded(path: Path) -> np.ndarray:
    return np.concatenate(list(FileStream(path).chunks()))


def heard(path: Path) -> np.ndarray:
    """The sound of a file, on one channel."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", SAMPLE_RATE)
        parts = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate(parts)


@pytest.mark.parametrize("name", SINGLE)
def test_the_result_has_the_length_and_the_sound_of_the_clip(
    name: str, video_server: Server, clip: Path, tmp_path: Path
) -> None:
    video, stages, _ = done(video_server, name, tmp_path, clip)
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        times = [frame.pts * frame.time_base for frame in container.decode(stream)]
    assert times == [Fraction(i, 25) for i in range(29)], "every frame on the exact grid, to the clip's end"
    assert stages["Restore Length"]["frames"] == 14
    found, wanted = heard(video), heard(clip)
    assert abs(len(found) - len(wanted)) <= 2048, "but for a packet of the encoder"
    both = min(len(found), len(wanted))
    assert np.corrcoef(found[:both], wanted[:both])[0, 1] > 0.99, "in step"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("wan_vace_motion_edit", 3),
        pytest.param("wan_fun_control", 2, marks=pytest.mark.slow),
        pytest.param("wan_animate_replace", 5, marks=pytest.mark.slow),
    ],
)
def test_another_prompt_encodes_the_prompt_alone(
    name: str, known: int, video_server: Server, clip: Path, tmp_path: Path
) -> None:
    """Also after ComfyUI has forgotten all; and what was made once is not sampled again."""
    king, queen = ({"Prompt.text": f"a {one} of {name}"} for one in ("king", "queen"))
    first, _, _ = done(video_server, name, tmp_path / "1", clip, **king)
    forget(video_server)
    other, stages, told = done(video_server, name, tmp_path / "2", clip, **queen)
    assert (stages["Remember Encodes"]["hits"], stages["Remember Encodes"]["misses"]) == (known, 1)
    assert stages["Extract Pose"]["cached"] and "Sampler" in told
    forget(video_server)
    again, _, told = done(video_server, name, tmp_path / "3", clip, **king)
    assert "Sampler" not in told and "Prompt" not in told, "neither sampled nor encoded"
    assert np.array_equal(decoded(again), decoded(first))
    assert not np.array_equal(decoded(other), decoded(first))


def forget(server: Server) -> None:
    """What ComfyUI remembers."""
    body = b'{"free_memory": true, "unload_models": true}'
    urllib.request.urlopen(urllib.request.Request(server.url + "/free", body, JSON)).close()


@pytest.mark.parametrize("name", ["wan_vace_motion_edit", "wan_fun_control"])
def test_the_edited_motion_is_what_the_model_follows(
    name: str, video_server: Server, clip: Path, tmp_path: Path
) -> None:
    bouncy, robotic = (
        decoded(done(video_server, name, tmp_path / preset, clip, **{"Motion Style.preset": preset})[0]).astype(int)
        for preset in ("bouncy", "robotic")
    )
    assert bouncy.shape == robotic.shape == (29, 112, 64, 3)
    assert np.abs(bouncy - robotic).mean() > 1


def test_what_is_not_the_figure_is_the_clip_s_own(video_server: Server, clip: Path, tmp_path: Path) -> None:
    crop = {"Crop.width": "128", "Crop.height": "128"}  # in which people are found well enough
    video, _, _ = done(video_server, "wan_animate_replace", tmp_path, clip, **crop)
    found, before = decoded(video), decoded(clip)
    assert found.shape == before.shape
    changed = (found != before).any(axis=-1)
    assert changed.mean(axis=(1, 2)).min() > 0.02, "there is somebody"
    rows, columns = np.nonzero(changed.any(axis=0))
    assert rows.min() > 0.1 * HEIGHT and rows.max() < 0.8 * HEIGHT and columns.max() < 0.95 * WIDTH
    assert changed.mean() < 0.3, "and a place"


def test_several_clips_share_a_batch_and_come_out_as_alone(video_server: Server, tmp_path: Path) -> None:
    prompts = "a king\na queen at night"
    as_sampled = {"Interpolate.frame_rate": "12"}  # what RIFE sees between pictures of noise turns with their last bit
    both, sampler = several(video_server, tmp_path / "both", as_sampled | {"Prompts.text": prompts})
    assert [clip.shape for clip in both] == [(19, 64, 64, 3)] * 2
    assert (sampler["calls"], sampler["rows"]) == (4, 8), "four steps for both"
    alone = {"Load Clips.files": "two_people.mp4", "Prompts.text": prompts.splitlines()[1]}
    (second,), _ = several(video_server, tmp_path / "alone", as_sampled | alone)
    assert np.abs(second.astype(int) - both[1]).max() <= 1, "but for rounding"
    assert np.abs(both[0].astype(int) - both[1]).mean() > 1


def several(server: Server, output: Path, changes: dict[str, str]) -> tuple[list[np.ndarray], dict[str, Any]]:
    """The results of the micro-batch, and its sampler's row of the cost report."""
    process = run(server, API / "micro_batch_wan.json", output, SHARED | CHANGES["micro_batch_wan"] | changes)
    _, stages = result(process)
    files = [Path(item["path"]) for item in json.loads(process.stdout)["outputs"] if item["path"].endswith(".mp4")]
    return [decoded(file) for file in files], stages["Sampler"]


WAN = [ROOT / "workflows" / f"{name}.json" for name in CHANGES]


@pytest.fixture(scope="module")
def core_templates() -> dict[str, Any]:
    """ComfyUI's own templates, by the names of their files."""
    core = pytest.importorskip("comfyui_workflow_templates_core")  # which knows in what package they are
    files = {name: json.loads(Path(path).read_bytes()) for name, path in core.iter_assets() if name.endswith(".json")}
    return {name: graph for name, graph in files.items() if "nodes" in graph}  # there are lists of them too


@pytest.mark.parametrize("workflow", WAN, ids=[path.stem for path in WAN])
def test_models_are_named_with_the_links_of_comfyui_s_own_templates(
    workflow: Path, core_templates: dict[str, Any]
) -> None:
    if workflow.stem == "wan_animate_replace" and "video_wan2_2_14B_animate.json" not in core_templates:
        pytest.skip("newer ComfyUI shows Animate 2 in place of Animate 2.2")
    known = {key(model) for graph in core_templates.values() for model in listed(graph)}
    graph = json.loads(workflow.read_text(encoding="utf-8"))
    ours = [model for model in listed(graph) if model["directory"] not in ("upscale_models", "frame_interpolation")]
    assert {model["directory"] for model in ours} >= {"diffusion_models", "text_encoders", "vae", "loras"}
    assert {key(model) for model in ours} <= known


@pytest.mark.parametrize("workflow", WAN, ids=[path.stem for path in WAN])
def test_a_model_is_named_by_a_widget_or_the_dialog_would_not_show_it(workflow: Path) -> None:
    graph = json.loads(workflow.read_text(encoding="utf-8"))
    chosen = {value for node in graph["nodes"] for value in node.get("widgets_values") or [] if isinstance(value, str)}
    assert {model["name"] for model in listed(graph)} <= chosen


def key(model: dict[str, str]) -> tuple[str, str, str]:
    return model["name"], model["url"].removesuffix("?download=true"), model["directory"]


def listed(graph: dict[str, Any]) -> list[dict[str, str]]:
    """The models that the nodes of a graph name, those in its subgraphs too."""
    graphs = [graph, *graph.get("definitions", {}).get("subgraphs", [])]
    return [model for one in graphs for node in one["nodes"] for model in node.get("properties", {}).get("models", [])]
