"""ComfyUI's own nodes of video models take what was forecast, by torch's own count of what they really do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import folder_paths
import pytest
import torch
from comfy_extras import nodes_wan
from PIL import Image

from frugal_motion.nodes.forecast.walk import planned
from nodes import KSampler, VAEDecode  # type: ignore[attr-defined]

from ..video_models import nets
from .test_model_work import counted
from .video_graphs import Graph, video

SIZE = (64, 48)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    nets.write_all(folder)
    return folder


@pytest.fixture(autouse=True)
def _folders(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path))
    for name in ("reference.png", "control.png"):
        Image.new("RGB", SIZE).save(tmp_path / name)
    for folder in models.iterdir():
        places = ([str(folder)], {".safetensors"})
        monkeypatch.setitem(folder_paths.folder_names_and_paths, folder.name, places)


@pytest.fixture(scope="module")
def vae() -> Iterator[Any]:
    yield nets.vae()


def prompts() -> list[Any]:
    """Two, as long as ComfyUI pads them."""
    return [[[torch.zeros(1, 512, 4096), {"pooled_output": None}]] for _ in range(2)]


LENGTH = 9
CONTROL = ["8", 0]
REFERENCE = ["6", 0]
KINDS: dict[str, tuple[str, Graph]] = {
    "i2v": ("WanImageToVideo", {"start_image": REFERENCE}),
    "i2v22": ("WanFirstLastFrameToVideo", {"start_image": REFERENCE}),
    "fun_control": ("WanFunControlToVideo", {"start_image": REFERENCE, "control_video": CONTROL}),
    "fun22_control": ("Wan22FunControlToVideo", {"ref_image": REFERENCE, "control_video": CONTROL}),
    "vace": ("WanVaceToVideo", {"strength": 1.0, "reference_image": REFERENCE, "control_video": CONTROL}),
    "animate": (
        "WanAnimateToVideo",
        {"reference_image": REFERENCE, "pose_video": CONTROL, "continue_motion_max_frames": 5, "video_frame_offset": 0},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_stock_graph_takes_what_was_forecast(kind: str, vae: Any) -> None:
    node_class, inputs = KINDS[kind]
    graph = video(kind, node_class, (*SIZE, LENGTH), **inputs)
    if kind not in ("vace", "animate"):
        graph["14"]["inputs"]["samples"] = ["12", 0]
        del graph["13"]
    work = planned(graph).work()
    model = nets.model(kind)
    pictures = {"6": torch.zeros(1, SIZE[1], SIZE[0], 3), "8": torch.zeros(LENGTH, SIZE[1], SIZE[0], 3)}
    given = {name: pictures[value[0]] if isinstance(value, list) else value for name, value in inputs.items()}
    prepared: list[Any] = []

    def prepare() -> None:
        positive, negative = prompts()
        size = dict(zip(("width", "height", "length"), (*SIZE, LENGTH), strict=True))
        run = getattr(nodes_wan, node_class).execute
        prepared.extend(run(positive, negative, vae, **size, batch_size=1, **given).args)

    assert counted(prepare) == pytest.approx(work["encode"].flops, rel=0.02)
    positive, negative, latent, *_ = prepared
    sampled: list[Any] = []
    settings = {name: value for name, value in graph["12"]["inputs"].items() if not isinstance(value, list)}

    def sample() -> None:
        sampled.extend(KSampler().sample(model, positive=positive, negative=negative, latent_image=latent, **settings))

    assert counted(sample) == pytest.approx(work["sample"].flops, rel=0.02)
    cut = {"samples": sampled[0]["samples"][:, :, -3:]}
    pictures_out: list[Any] = []
    decoding = counted(lambda: pictures_out.extend(VAEDecode().decode(vae, cut)))
    assert decoding == pytest.approx(work["decode"].flops, rel=0.02)
    assert work["decode"].frames == len(pictures_out[0]) == LENGTH
