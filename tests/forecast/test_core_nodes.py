"""ComfyUI's own nodes take what was forecast, by torch's own count of what they really do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import comfy.controlnet
import comfy.sd
import folder_paths
import pytest
import torch
from PIL import Image

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.forecast.unet_work import control_flops, unet_flops
from frugal_motion.nodes.forecast.walk import planned
from frugal_motion.nodes.forecast.workflow_estimate import EstimateOptions, workflow_estimate
from nodes import (  # type: ignore[attr-defined]
    ControlNetApplyAdvanced,
    EmptyLatentImage,
    KSampler,
    KSamplerAdvanced,
    VAEDecode,
    VAEEncode,
)

from .test_model_work import DEMO, NETS, counted, full_size, hole

DEMO_FILES = {"ckpt_name": "frugal-demo.ckpt", "control_net_name": "frugal-demo-openpose.safetensors"}


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_paths, "input_directory", str(assets / "input"))
    for folder in ("checkpoints", "controlnet"):
        places = [str(DEMO), str(tmp_path)]
        monkeypatch.setitem(folder_paths.folder_names_and_paths, folder, (places, {".safetensors", ".ckpt"}))


def stock(files: dict[str, str] = DEMO_FILES, **sampler: Any) -> dict[str, Any]:
    """Text to image with a ControlNet, in ComfyUI's own nodes."""

    def node(kind: str, **inputs: Any) -> dict[str, Any]:
        return {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}

    settings = {"seed": 0, "steps": 4, "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name=files["ckpt_name"]),
        "2": node("ControlNetLoader", control_net_name=files["control_net_name"]),
        "3": node("CLIPTextEncode", text="a robot", clip=["1", 1]),
        "4": node("CLIPTextEncode", text="", clip=["1", 1]),
        "5": node("EmptyLatentImage", width=64, height=96, batch_size=3),
        "6": node("LoadImage", image="hint.png"),
        "7": node(
            "ControlNetApplyAdvanced", positive=["3", 0], negative=["4", 0], control_net=["2", 0], image=["6", 0],
            strength=1.0, start_percent=0.0, end_percent=0.5,
        ),
        "8": node(
            "KSampler", model=["1", 0], positive=["7", 0], negative=["7", 1], latent_image=["5", 0],
            **{**settings, **sampler},
        ),
        "9": node("VAEDecode", samples=["8", 0], vae=["1", 2]),
        "10": node("SaveImage", images=["9", 0]),
    }  # fmt: skip


def without_picture(prompt: dict[str, Any]) -> dict[str, Any]:
    """Without the picture that only a real run needs."""
    del prompt["6"], prompt["7"]["inputs"]["image"]
    return prompt


@pytest.fixture(scope="module")
def demo() -> dict[str, Any]:
    model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(str(DEMO / DEMO_FILES["ckpt_name"]))
    control_net = comfy.controlnet.load_controlnet(str(DEMO / DEMO_FILES["control_net_name"]))
    with torch.inference_mode():
        prompts = [clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a robot", "")]
    hint = torch.zeros(1, 96, 64, 3)
    positive, negative = ControlNetApplyAdvanced().apply_controlnet(*prompts, control_net, hint, 1.0, 0.0, 0.5)
    return {"model": model, "vae": vae, "positive": positive, "negative": negative}


@pytest.mark.parametrize(
    "changes",
    [{}, {"cfg": 1.0}, {"sampler_name": "heun"}, {"denoise": 0.5}, {"sampler_name": "dpmpp_2m", "scheduler": "karras"}],
)
def test_a_stock_graph_takes_what_was_forecast(demo: dict[str, Any], changes: dict[str, Any]) -> None:
    prompt = without_picture(stock(**changes))
    found = planned(prompt)
    assert not found.notes
    settings = {name: value for name, value in prompt["8"]["inputs"].items() if not isinstance(value, list)}
    (latent,) = EmptyLatentImage().generate(64, 96, 3)
    sampled: list[Any] = []

    def run() -> None:
        given = settings | {"model": demo["model"], "positive": demo["positive"], "negative": demo["negative"]}
        sampled.append(KSampler().sample(latent_image=latent, **given)[0])

    assert counted(run) == pytest.approx(found.work()["sample"].flops, rel=0.02)
    decoding = counted(lambda: VAEDecode().decode(demo["vae"], sampled[0]))
    assert decoding == pytest.approx(found.work()["decode"].flops, rel=0.02)


@pytest.mark.parametrize(("first", "last"), [(0, 10000), (2, 5), (3, 10000)])
def test_some_of_the_steps_take_what_was_forecast(demo: dict[str, Any], first: int, last: int) -> None:
    prompt = without_picture(stock(steps=6))
    options = {"add_noise": "enable", "start_at_step": first, "end_at_step": last}
    prompt["8"]["class_type"] = "KSamplerAdvanced"
    del prompt["8"]["inputs"]["denoise"], prompt["8"]["inputs"]["seed"]
    prompt["8"]["inputs"] |= options | {"noise_seed": 0, "return_with_leftover_noise": "enable"}
    settings = {name: value for name, value in prompt["8"]["inputs"].items() if not isinstance(value, list)}
    (latent,) = EmptyLatentImage().generate(64, 96, 3)
    given = settings | {"model": demo["model"], "positive": demo["positive"], "negative": demo["negative"]}
    taken = counted(lambda: KSamplerAdvanced().sample(latent_image=latent, **given))
    assert taken == pytest.approx(planned(prompt).work()["sample"].flops, rel=0.02)


def test_encoding_takes_what_was_forecast(
    demo: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path))
    Image.new("RGB", (100, 68)).save(tmp_path / "hint.png")
    prompt = stock(denoise=0.6)
    prompt["5"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["6", 0], "vae": ["1", 2]}}
    found = planned(prompt)
    pixels = torch.zeros(1, 68, 100, 3)
    taken = counted(lambda: VAEEncode().encode(demo["vae"], pixels))
    assert taken == pytest.approx(found.work()["encode"].flops, rel=0.02)
    assert found.work()["sample"].frames == 1 and found.other.rows.unet == 4 * 2, "as many steps, from less noise"


@pytest.mark.slow
@pytest.mark.parametrize("family", ["SD 1.5", "SDXL"])
def test_full_size_nets_in_a_stock_graph(family: str, tmp_path: Path) -> None:
    unet, control = full_size(family)
    hole(tmp_path / "net.safetensors", {f"model.diffusion_model.{k}": v for k, v in unet.state_dict().items()})
    hole(tmp_path / "control.safetensors", {f"control_model.{k}": v for k, v in control.state_dict().items()})
    files = {"ckpt_name": "net.safetensors", "control_net_name": "control.safetensors"}
    prompt = without_picture(stock(files, steps=10))
    del prompt["9"], prompt["10"]
    prompt["5"]["inputs"] |= {"width": 512, "height": 512}
    config = dict(NETS[family])
    rows, controlled = 3 * 10 * 2, 3 * 5 * 2  # the ControlNet counts in the first half of the noise
    found = planned(prompt)
    assert found.other.rows.unet == rows
    expected = rows * unet_flops(unet, config, 512, 512)
    each = control_flops(control, config, 512, 512)
    assert found.work()["sample"].flops == pytest.approx(expected + found.other.rows.control * each, rel=0.02)
    assert abs(found.other.rows.control - controlled) <= 3 * 2 * 2


def test_nobody_knows_a_strangers_node_and_the_total_is_at_least() -> None:
    prompt = without_picture(stock())
    prompt["11"] = {"class_type": "SomeoneElses", "inputs": {"image": ["9", 0]}, "_meta": {"title": "Magic"}}
    found = workflow_estimate(prompt, EstimateOptions(gpu="L4"))
    assert found.unknown == ("Magic",) and "Magic is not part of the estimate." in found.text
    assert "At least $" in found.text and found.as_dict()["unknown"] == ["Magic"]
    del prompt["11"]
    assert "At least" not in workflow_estimate(prompt, EstimateOptions(gpu="L4")).text


def test_what_a_stock_graph_lacks_is_said_of_its_node() -> None:
    prompt = without_picture(stock({**DEMO_FILES, "ckpt_name": "gone.safetensors"}))
    with pytest.raises(InputError, match="CheckpointLoaderSimple, ckpt_name"):
        planned(prompt)
