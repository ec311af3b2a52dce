"""Remember Encodes: what has been encoded is not encoded again, and nothing else changes."""

from __future__ import annotations

import copy
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comfy.clip_vision
import comfy.model_management
import comfy.sd
import folder_paths
import pytest
import torch
from comfy_execution.graph import DynamicPrompt
from comfy_execution.utils import CurrentNodeContext
from comfy_extras.nodes_wan import WanAnimateToVideo, WanFunControlToVideo, WanVaceToVideo

from frugal_motion.nodes.caching.configured import cache
from frugal_motion.nodes.caching.node import FrugalRememberEncodes
from frugal_motion.nodes.caching.values import VALUES
from nodes import CLIPSetLastLayer, CLIPTextEncode, CLIPVisionEncode, VAEEncode, VAEEncodeTiled

from ..video_models import nets
from .test_codecs import alike

LOADERS = {
    "vae": ("VAELoader", {"vae_name": "tiny_wan_vae.safetensors"}),
    "clip": ("CLIPLoader", {"clip_name": "tiny_umt5.safetensors", "type": "wan"}),
    "clip_vision": ("CLIPVisionLoader", {"clip_name": "tiny_vit_h.safetensors"}),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of tiny models."""
    folder = tmp_path_factory.mktemp("models")
    nets._write(folder / "vae" / "tiny_wan_vae.safetensors", nets.vae_weights())
    nets._write(folder / "vae" / "other.safetensors", nets.vae_weights(seed=9))
    nets._write(folder / "text_encoders" / "tiny_umt5.safetensors", nets.text_encoder_weights())
    nets._write(folder / "clip_vision" / "tiny_vit_h.safetensors", nets.vision_weights())
    return folder


@pytest.fixture(autouse=True)
def _known_files(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("vae", "text_encoders", "clip_vision"):
        monkeypatch.setitem(folder_paths.folder_names_and_paths, name, ([str(files / name)], {".safetensors"}))


@pytest.fixture(autouse=True)
def counts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Calls of the nets themselves, and of ComfyUI's bringing them to their device."""
    found: Counter[str] = Counter()

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **named: Any) -> Any:
            found[name] += 1
            return call(*args, **named)

        return counting

    from comfy.ldm.wan.vae import WanVAE
    from comfy.sd1_clip import SD1ClipModel

    monkeypatch.setattr(WanVAE, "encode", counted("vae", WanVAE.encode))
    monkeypatch.setattr(SD1ClipModel, "encode_token_weights", counted("text", SD1ClipModel.encode_token_weights))
    preprocess = comfy.clip_vision.clip_preprocess
    monkeypatch.setattr(comfy.clip_vision, "clip_preprocess", counted("vision", preprocess))
    load = comfy.model_management.load_models_gpu
    monkeypatch.setattr(comfy.model_management, "load_models_gpu", counted("loads", load))
    yield found


def load_vae(files: Path, name: str = "tiny_wan_vae.safetensors") -> Any:
    return comfy.sd.VAE(sd=comfy.utils.load_torch_file(str(files / "vae" / name)))


def load_clip(files: Path) -> Any:
    with nets.small_encoders():
        path = str(files / "text_encoders" / "tiny_umt5.safetensors")
        return comfy.sd.load_clip([path], clip_type=comfy.sd.CLIPType.WAN)


def load_vision(files: Path) -> Any:
    with nets.small_encoders():
        return comfy.clip_vision.load(str(files / "clip_vision" / "tiny_vit_h.safetensors"))


def remembering(run: str = "run", wires: dict[str, Any] | None = None, **models: Any) -> Any:
    """What the node gives for the models, which come from ``LOADERS`` in its prompt."""
    prompt = {name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in LOADERS.items()} | (wires or {})
    inputs = {name: [name, 0] for name in models}
    prompt["node"] = {"class_type": "FrugalRememberEncodes", "inputs": inputs}
    node = FrugalRememberEncodes.PREPARE_CLASS_CLONE(None)
    node.hidden = SimpleNamespace(unique_id="node", dynprompt=DynamicPrompt(prompt))
    with CurrentNodeContext(run, "node"):
        found = dict(zip(("vae", "clip", "clip_vision"), node.execute(**models).args, strict=True))
    return SimpleNamespace(**found)


CLIP = torch.rand(9, 48, 64, 3, generator=torch.Generator().manual_seed(1))
PICTURE = torch.rand(1, 48, 64, 3, generator=torch.Generator().manual_seed(2))
SIZE = {"width": 64, "height": 48, "length": 9, "batch_size": 1}


def edit(models: Any, prompt: str) -> list[Any]:
    """What three kinds of Wan are given, by ComfyUI's own nodes."""
    positive, negative = (CLIPTextEncode().encode(models.clip, text)[0] for text in (prompt, "blurry"))
    seen = CLIPVisionEncode().encode(models.clip_vision, PICTURE, "center")[0]
    vace = WanVaceToVideo.execute(
        positive, negative, models.vae, **SIZE, strength=1.0, control_video=CLIP, reference_image=PICTURE
    )
    animate = WanAnimateToVideo.execute(
        positive,
        negative,
        models.vae,
        **SIZE,
        continue_motion_max_frames=5,
        video_frame_offset=0,
        reference_image=PICTURE,
        clip_vision_output=seen,
        pose_video=CLIP,
    )
    fun = WanFunControlToVideo.execute(
        positive, negative, models.vae, **SIZE, start_image=PICTURE, clip_vision_output=seen, control_video=CLIP
    )
    return [list(one.args) for one in (vace, animate, fun)]


def test_a_second_prompt_over_the_same_clip_encodes_its_prompt_alone(files: Path, counts: Counter[str]) -> None:
    stock = SimpleNamespace(vae=load_vae(files), clip=load_clip(files), clip_vision=load_vision(files))
    expected, other = edit(stock, "a robot"), edit(stock, "a king at night")
    calls = Counter(counts)
    counts.clear()
    models = remembering(**vars(stock))
    assert alike(edit(models, "a robot"), expected)
    first = Counter(counts)
    assert first["text"] == 2 and first["vision"] == 1
    assert 0 < first["vae"] < calls["vae"] / 2, "grey frames and the same control video are encoded once"
    counts.clear()
    assert alike(edit(models, "a robot"), expected)
    assert not counts, "a repeated edit: no net is even brought to its device"
    assert alike(edit(models, "a king at night"), other)
    assert counts == {"text": 1, "loads": 1}


def test_also_in_another_process(files: Path, counts: Counter[str]) -> None:
    stock = SimpleNamespace(vae=load_vae(files), clip=load_clip(files), clip_vision=load_vision(files))
    expected = edit(remembering(**vars(stock)), "a robot")
    again = SimpleNamespace(vae=load_vae(files), clip=load_clip(files), clip_vision=load_vision(files))
    counts.clear()
    assert alike(edit(remembering("another run", **vars(again)), "a robot"), expected)
    assert not counts


def test_other_weights_are_another_encode(files: Path, counts: Counter[str]) -> None:
    one = remembering(vae=load_vae(files)).vae.encode(CLIP)
    other = load_vae(files, "other.safetensors")
    wires = {"vae": {"class_type": "VAELoader", "inputs": {"vae_name": "other.safetensors"}}}
    counts.clear()
    encoded = remembering(wires=wires, vae=other).vae.encode(CLIP)
    assert counts["vae"] == 1 and not torch.equal(encoded, one)
    assert torch.equal(encoded, other.encode(CLIP))
