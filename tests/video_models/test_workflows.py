"""The shipped workflows of video models, on the tiny ones, through a real server and the client that users run."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from frugal_motion.tools.server import Server

from ..conftest import ROOT
from ..server.client import run
from ..server.test_motion_edit import clip_with_sound, result

__all__ = ["clip_with_sound"]

API = ROOT / "workflows" / "api"
SHARED = {
    "Text Encoder.clip_name": "tiny_umt5.safetensors",
    "VAE.vae_name": "tiny_wan_vae.safetensors",
    "Upscale Model.model_name": "realesr-animevideov3.safetensors",
    "Upscale.scale": "1",
}
SMALL = {"Load Video.width": "64", "Load Video.height": "112"}
VACE = {**SHARED, **SMALL, "Model.unet_name": "tiny_vace.safetensors", "LoRA.lora_name": "tiny_wan_lora.safetensors"}


def test_vace_gives_back_the_clip_s_length_and_sound(video_server: Server, clip_with_sound: Path, tmp_path: Path) -> None:
    changes = {**VACE, "Load Video.file": str(clip_with_sound)}
    video, stages = result(run(video_server, API / "wan_vace_motion_edit.json", tmp_path, changes))
    with av.open(str(video)) as found:
        picture, sound = found.streams.video[0], found.streams.audio[0]
        assert (picture.width, picture.height, picture.average_rate) == (64, 112, 25)
        assert len(list(found.decode(picture))) == 25
    print(stages)
