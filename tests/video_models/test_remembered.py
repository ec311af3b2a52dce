"""Remember Encodes in front of Wan VACE, on a real server, and on the one that is started after it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from frugal_motion.tools.server import Server, prepare, running

from ..server.client import ask
from . import nets
from .graphs import Graph, model, ran
from .test_server import VACE

Starts = Callable[[], AbstractContextManager[Server]]


@pytest.fixture(scope="module")
def starts(comfyui: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Starts:
    """Starts a server on one base directory."""
    base = tmp_path_factory.mktemp("remembered")
    prepare(base)
    nets.write_all(base / "models")
    small_encoders = Path(__file__).parent / "small_encoders"
    (base / "custom_nodes" / small_encoders.name).symlink_to(small_encoders, target_is_directory=True)
    shutil.copyfile(assets / "input" / "one_person.mp4", base / "input" / "one_person.mp4")
    return lambda: running(comfyui, base, assets=assets)


def graph(text: str = "a robot", is_remembered: bool = True) -> Graph:
    size = {"size": "custom", "width": 64, "height": 48, "fit": "cover", "start": 0.0, "duration": 0.5}
    loaded = {"file": "one_person.mp4", "frame_rate": 16.0, **size}
    more: Graph = {
        "seer": {"class_type": "CLIPVisionLoader", "inputs": {"clip_name": "tiny_vit_h.safetensors"}},
        "load": {"class_type": "FrugalLoadVideo", "inputs": loaded},
        "frames": {"class_type": "GetVideoComponents", "inputs": {"video": ["load", 0]}},
        "remember": {
            "class_type": "FrugalRememberEncodes",
            "inputs": {"vae": ["vae", 0], "clip": ["clip", 0], "clip_vision": ["seer", 0]},
        },
        "seen": {
            "class_type": "CLIPVisionEncode",
            "inputs": {"clip_vision": ["seer", 0], "image": ["frames", 0], "crop": "center"},
        },
        "look": {"class_type": "unCLIPConditioning", "inputs": {"conditioning": ["positive", 0]}},
        "save": {"class_type": "SaveLatent", "inputs": {"samples": ["sampler", 0], "filename_prefix": "made"}},
    }
    more["look"]["inputs"] |= {"clip_vision_output": ["seen", 0], "strength": 1.0, "noise_augmentation": 0.0}
    found = {**model("vace"), **{name: VACE[name] for name in ("control", "sampler")}, **more}
    copied: Graph = {name: {**node, "inputs": dict(node["inputs"])} for name, node in found.items()}
    copied["control"]["inputs"] |= {"control_video": ["frames", 0], "positive": ["look", 0]}
    copied["positive"]["inputs"]["text"] = text
    if not is_remembered:
        del copied["remember"]
        return copied
    for name, input_name, output in (
        ("control", "vae", 0),
        ("positive", "clip", 1),
        ("negative", "clip", 1),
        ("seen", "clip_vision", 2),
    ):
        copied[name]["inputs"][input_name] = ["remember", output]
    return copied


def latents(server: Server, given: Graph) -> torch.Tensor:
    for file in (server.base / "output").glob("made*"):
        file.unlink()
    ran(server, given)
    (made,) = (server.base / "output").glob("made*")
    return load_file(made)["latent_tensor"]


def answers(server: Server) -> Any:
    _, found = ask(server, "/cache")
    return found["hits"], found["misses"]


@pytest.mark.slow  # starts two servers
def test_a_second_prompt_and_a_restart(starts: Starts) -> None:
    with starts() as server:
        first = latents(server, graph())
        hits, misses = answers(server)
        assert misses == 5, "two texts, a picture, and two clips for VACE"
        other = latents(server, graph("a king at night"))
        assert not torch.equal(first, other)
        again, made = answers(server)
        assert (again - hits, made - misses) == (2, 1), "VACE's clips are found; the prompt is new"
        assert torch.equal(latents(server, graph(is_remembered=False)), first)
    with starts() as server:
        assert torch.equal(latents(server, graph()), first)
        assert answers(server) == (5, 0)
