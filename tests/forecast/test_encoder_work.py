"""Encoders in their full size take what is counted of their layers, and attention, which is left out, is little."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import comfy.clip_model
import comfy.clip_vision
import comfy.ops
import comfy.text_encoders.t5
import comfy.text_encoders.wan
import pytest
import torch
from comfy.ldm.modules.attention import attention_pytorch

from frugal_motion.nodes.forecast.encoder_work import text_work, vision_work

from .test_model_work import counted, hole

ON_META: tuple[Any, ...] = torch.float16, "meta", comfy.ops.disable_weight_init


def config(module: Any, name: str) -> dict[str, Any]:
    return json.loads((Path(module.__file__).parent / name).read_text())


def test_umt5_xxl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfy.text_encoders.t5, "optimized_attention_for_device", lambda *_, **__: attention_pytorch)
    net = comfy.text_encoders.t5.T5(config(comfy.text_encoders.wan, "umt5_config_xxl.json"), *ON_META)
    path = hole(tmp_path / "umt5.safetensors", net.state_dict())
    tokens = torch.zeros(1, 512, dtype=torch.long, device="meta")
    assert text_work(path, 512) == pytest.approx(counted(lambda: net(tokens, None, dtype=torch.float16)), rel=0.03)


def test_vit_h(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfy.clip_model, "optimized_attention_for_device", lambda *_, **__: attention_pytorch)
    net = comfy.clip_model.CLIPVisionModelProjection(config(comfy.clip_vision, "clip_vision_config_h.json"), *ON_META)
    net = net.half().to("meta")  # ComfyUI makes some layers of it on the CPU
    flops, tokens = vision_work(hole(tmp_path / "vit_h.safetensors", net.state_dict()))
    pixels = torch.zeros(1, 3, 224, 224, dtype=torch.float16, device="meta")
    assert tokens == 257 and flops == pytest.approx(counted(lambda: net(pixels)), rel=0.05)
