"""ComfyUI's own nodes of video models take what was forecast, by torch's own count of what they really do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import folder_paths
import pytest
import torch
from comfy_extras import nodes_context_windows, nodes_wan
from PIL import Image
from safetensors.torch import save_file

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.forecast import video_work
from frugal_motion.nodes.forecast.model_files import diffusion_model
from frugal_motion.nodes.forecast.walk import planned
from frugal_motion.nodes.forecast.workflow_estimate import EstimateOptions, workflow_estimate
from nodes import NODE_CLASS_MAPPINGS, KSampler, VAEDecode  # type: ignore[attr-defined]

from ..video_models import nets
from .test_model_work import DEMO, counted
from .video_graphs import Graph, node, vace, video

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
    empty = ([str(tmp_path / "nothing")], {".safetensors"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "frame_interpolation", empty)
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

    assert counted(sample) == pytest.approx(work["sample video"].flops, rel=0.02)
    cut = {"samples": sampled[0]["samples"][:, :, -3:]}
    pictures_out: list[Any] = []
    decoding = counted(lambda: pictures_out.extend(VAEDecode().decode(vae, cut)))
    assert decoding == pytest.approx(work["decode"].flops, rel=0.02)
    assert work["decode"].frames == len(pictures_out[0]) == LENGTH


def test_a_control_that_ends_before_it_begins_is_refused_as_by_the_node() -> None:
    graph = vace()
    graph["16"] = node("FrugalControlRange", model=["1", 0], start=0.7, end=0.3)
    graph["12"]["inputs"]["model"] = ["16", 0]
    with pytest.raises(InputError, match=r"FrugalControlRange, end: found 0.3; allowed: 0.7 \(start\) to 1"):
        planned(graph).work()


def test_a_class_that_samples_pictures_and_videos_tells_the_speed_of_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    places = ([str(DEMO)], {".ckpt"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "checkpoints", places)
    graph = vace()
    assert planned(graph).stages["KSampler"] == "sample video"
    picture = {"model": ["20", 0], "positive": ["21", 0], "negative": ["21", 0], "latent_image": ["22", 0]}
    graph |= {
        "20": node("CheckpointLoaderSimple", ckpt_name="frugal-demo.ckpt"),
        "21": node("CLIPTextEncode", text="", clip=["20", 1]),
        "22": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "23": node("KSampler", **graph["12"]["inputs"] | picture),
        "24": node("VAEDecode", samples=["23", 0], vae=["20", 2]),
        "25": node("SaveImage", images=["24", 0]),
    }
    found = planned(graph)
    assert {"sample", "sample video"} <= found.work().keys()
    assert "KSampler" not in found.stages, "its seconds are those of both"


def test_a_sampler_that_is_not_installed_is_named() -> None:
    with pytest.raises(InputError, match="KSampler, sampler_name: found 'res_2s'; allowed: euler, "):
        planned(vace(sampler_name="res_2s")).work()


def test_two_experts_take_their_steps_and_both_are_named(vae: Any) -> None:
    one = planned(vace()).work()["sample video"].flops
    graph = vace()
    steps = {"add_noise": "enable", "noise_seed": 0, "return_with_leftover_noise": "enable"}
    for node_id, first, last in (("12", 0, 2), ("16", 2, 10000)):
        inputs = {**graph["12"]["inputs"], **steps, "start_at_step": first, "end_at_step": last}
        graph[node_id] = node("KSamplerAdvanced", **inputs)
    graph["17"] = node("UNETLoader", unet_name="tiny_t2v.safetensors")
    graph["16"]["inputs"] |= {"model": ["17", 0], "latent_image": ["12", 0]}
    graph["13"]["inputs"]["samples"] = ["16", 0]
    found = planned(graph)
    assert found.work()["sample video"].flops < one, "the second net has no blocks for the control"
    assert set(found.samplers) == {"12", "16"} and any("hold both" in note for note in found.notes)
    assert any("tiny_t2v.safetensors does not look at the control video" in note for note in found.notes)
    graph["17"]["inputs"]["unet_name"] = "tiny_vace.safetensors"
    assert planned(graph).work()["sample video"].flops == pytest.approx(one)


def test_windows_multiply_the_passes(vae: Any) -> None:
    """As ComfyUI runs them: a window of 3 latent frames, the next one begins 2 later."""
    graph = text_to_video(21)
    graph["20"] = node(
        "WanContextWindowsManual", model=["1", 0], context_length=9, context_overlap=4,
        context_schedule="standard_static", context_stride=1, closed_loop=False, fuse_method="pyramid",
    )  # fmt: skip
    graph["12"]["inputs"]["model"] = ["20", 0]
    cut = nodes_context_windows.WanContextWindowsManualNode
    set_to = {name: value for name, value in graph["20"]["inputs"].items() if name != "model"}
    if "freenoise" in {one.id for one in cut.define_schema().inputs}:  # newer ComfyUI
        set_to["freenoise"] = True
    model = cut.execute(nets.model("t2v"), **set_to).args[0]
    positive, negative = prompts()
    latent = {"samples": torch.zeros(1, 16, 6, SIZE[1] // 8, SIZE[0] // 8)}
    settings = {name: value for name, value in graph["12"]["inputs"].items() if not isinstance(value, list)}
    run = partial(KSampler().sample, model, positive=positive, negative=negative, latent_image=latent, **settings)
    found = planned(graph)
    assert counted(run) == pytest.approx(found.work()["sample video"].flops, rel=0.02)
    assert any("in 3 windows" in note for note in found.notes)


def test_memory_grows_with_time() -> None:
    short, long = (planned(vace(length)).other.memory for length in (9, 81))
    weights = next(iter(planned(vace()).samplers.values())).weights
    assert (long - weights) / (short - weights) == pytest.approx(22 / 4)


def test_what_leaves_out_work_makes_it_at_most() -> None:
    graph = text_to_video(9)
    whole = workflow_estimate(graph, EstimateOptions(gpu="L4"), compares=False)
    graph["20"] = node("EasyCache", model=["1", 0], reuse_threshold=0.2, start_percent=0.15, end_percent=0.95)
    graph["12"]["inputs"]["model"] = ["20", 0]
    found = workflow_estimate(graph, EstimateOptions(gpu="L4"), compares=False)
    assert found.estimate.seconds == whole.estimate.seconds
    assert "At most $" in found.text and found.most == ("EasyCache",) and "At m" not in whole.text


def test_someone_elses_patch_makes_it_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    class Magic:
        RETURN_TYPES = ("MODEL",)
        RELATIVE_PYTHON_MODULE = "custom_nodes.magic"

        @classmethod
        def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802  ComfyUI's name
            return {"required": {"model": ("MODEL",)}}

    monkeypatch.setitem(NODE_CLASS_MAPPINGS, "Magic", Magic)
    graph = text_to_video(9)
    graph["20"] = node("Magic", model=["1", 0])
    graph["12"]["inputs"]["model"] = ["20", 0]
    assert workflow_estimate(graph, EstimateOptions(gpu="L4"), compares=False).bound == "At most "


def test_a_model_that_nobody_knows_makes_it_at_least(models: Path) -> None:
    save_file({"blocks.0.weight": torch.zeros(4, 4)}, models / "diffusion_models" / "strange.safetensors")
    graph = vace()
    graph["1"]["inputs"]["unet_name"] = "strange.safetensors"
    found = workflow_estimate(graph, EstimateOptions(gpu="L4"), compares=False)
    assert found.unknown == ("strange.safetensors",) and "At least $" in found.text
    assert "strange.safetensors is not part of the estimate." in found.text and found.estimate.seconds


def test_a_video_net_that_cannot_be_counted_makes_it_at_least(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_work, "FAMILIES", {})
    folder = models / "diffusion_models"
    shutil.copy(folder / "tiny_vace.safetensors", folder / "new_kind.safetensors")
    graph = vace()
    graph["1"]["inputs"]["unet_name"] = "new_kind.safetensors"
    found = planned(graph)
    assert found.unknown == ("new_kind.safetensors",) and found.work()["encode"].flops


def test_a_length_that_is_rounded_is_told() -> None:
    found = planned(vace(12))
    assert found.work()["decode"].frames == 9
    assert "WanVaceToVideo: 12 frames become 9; lengths are 4n + 1." in found.notes
    assert not any("become" in note for note in planned(vace(9)).notes)


def test_models_of_pictures_and_of_videos_are_not_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    places = ([str(DEMO)], {".safetensors", ".ckpt"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "checkpoints", places)
    picture = node("CheckpointLoaderSimple", ckpt_name="frugal-demo.ckpt")
    graph = vace() | {"1": picture}
    with pytest.raises(InputError, match="KSampler, latent_image: found the 4 latent frames of a video"):
        planned(graph)
    graph = vace() | {"30": picture}
    graph["11"]["inputs"]["vae"] = ["30", 2]
    with pytest.raises(InputError, match="WanVaceToVideo, vae: found a VAE of single pictures"):
        planned(graph)
    graph = vace() | {"30": picture}
    graph["14"]["inputs"]["vae"] = ["30", 2]
    with pytest.raises(InputError, match="VAEDecode, vae"):
        planned(graph)


def test_other_cards_and_what_else_would_save() -> None:
    found = workflow_estimate(vace(81, steps=20), EstimateOptions(gpu="T4"))
    assert [card.name for card in found.cards] == ["RTX 4090", "L4", "A100 80GB", "H100 SXM", "H200"]
    for card in found.cards:
        alone = workflow_estimate(vace(81, steps=20), EstimateOptions(gpu=card.name), compares=False).estimate
        assert card.dollars == pytest.approx(alone.dollars)
    by_words = {one.what: one for one in found.saves}
    fast = next(one for what, one in by_words.items() if what.startswith("a distilled LoRA"))
    ours = workflow_estimate(vace(81, steps=4, cfg=1.0), EstimateOptions(gpu="T4"), compares=False).estimate
    assert fast.dollars == pytest.approx(ours.dollars) and fast.times == pytest.approx(
        found.estimate.dollars / ours.dollars
    )
    slow = next(one for what, one in by_words.items() if what.startswith("12 fps instead of 16"))
    shorter = workflow_estimate(vace(61, steps=20), EstimateOptions(gpu="T4"), compares=False).estimate
    assert slow.seconds == pytest.approx(shorter.seconds), "no RIFE is installed here"
    assert any(what.startswith("control until 0.5") for what in by_words) and not any("window" in w for w in by_words)
    assert found.saves[-1].seconds == min(one.seconds for one in found.saves), "all together"
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["saves"][0]["text"] in found.text


def test_nothing_is_said_of_few_steps_to_who_has_few() -> None:
    found = workflow_estimate(vace(81, steps=4, cfg=1.0), EstimateOptions(gpu="T4"))
    assert found.saves and not any("distilled" in one.what for one in found.saves)


def test_a_file_says_more_of_its_net_than_shapes(tmp_path: Path) -> None:
    """ComfyUI tells some nets by the metadata alone."""
    config = json.dumps({"transformer": {"causal_temporal_positioning": True}})
    for name, metadata in (("plain", None), ("told", {"config": config})):
        save_file(nets.weights("ltxv"), tmp_path / f"{name}.safetensors", metadata=metadata)
    plain, told = (diffusion_model(tmp_path / f"{name}.safetensors") for name in ("plain", "told"))
    assert told.diffusion_model.causal_temporal_positioning and not plain.diffusion_model.causal_temporal_positioning


@pytest.mark.parametrize(
    ("loras", "is_distilled"),
    [
        (("lcm-lora-sdv1-5.safetensors",), True),
        (("SDXL/sdxl_lightning_4step_lora.safetensors",), True),
        (("Hyper-SD15-8steps-lora.safetensors",), True),
        (("Wan21_T2V_14B_lightx2v_cfg_step_distill_lora_rank32.safetensors",), True),
        (("style.safetensors", "pixel_art.safetensors"), False),
        ((), False),
    ],
)
def test_a_lora_for_few_steps_is_told_by_its_name(loras: tuple[str, ...], is_distilled: bool) -> None:
    model = next(iter(planned(vace()).samplers.values()))
    assert replace(model, loras=loras).is_distilled == is_distilled


def text_to_video(length: int) -> Graph:
    graph = video("t2v", "EmptyHunyuanLatentVideo", (*SIZE, length))
    graph["12"]["inputs"] |= {"positive": ["4", 0], "negative": ["5", 0], "latent_image": ["11", 0]}
    graph["14"]["inputs"]["samples"] = ["12", 0]
    del graph["13"]
    return graph
