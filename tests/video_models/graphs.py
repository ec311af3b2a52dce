"""Graphs of ComfyUI's own nodes around the tiny video models, and what comes out of them."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from frugal_motion.tools.server import Server

from ..server.client import until

Graph = dict[str, dict[str, Any]]

LOADERS: Graph = {
    "clip": {"class_type": "CLIPLoader", "inputs": {"clip_name": "tiny_umt5.safetensors", "type": "wan"}},
    "vae": {"class_type": "VAELoader", "inputs": {"vae_name": "tiny_wan_vae.safetensors"}},
}
TEXTS: Graph = {
    "positive": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["clip", 0], "text": "a robot dances"}},
    "negative": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["clip", 0], "text": "dark"}},
}


def model(kind: str) -> Graph:
    """Loaders of a tiny net, the text encoder and the VAE, and two prompts: ``model``, ``positive``, ``negative``."""
    name = f"tiny_{kind}.safetensors"
    loader = {"class_type": "UNETLoader", "inputs": {"unet_name": name, "weight_dtype": "default"}}
    return {"model": loader, **LOADERS, **TEXTS}


def ran(server: Server, graph: Graph) -> dict[str, Any]:
    """The history of a prompt that has come to its end.

    Raises:
        AssertionError: ComfyUI has refused it, or a node has failed.
    """
    body = json.dumps({"prompt": graph}).encode()
    request = urllib.request.Request(server.url + "/prompt", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            prompt_id = json.load(answer)["prompt_id"]
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode()) from error
    found: dict[str, Any] = until(lambda: server.get(f"/history/{prompt_id}").get(prompt_id), "the end of the run")
    assert found["status"]["status_str"] == "success", found["status"]
    return found


def video(server: Server, history: dict[str, Any]) -> Path:
    """The video that a run has saved."""
    saved = [file for output in history["outputs"].values() for file in output.get("images", [])]
    (found,) = [server.base / "output" / file["subfolder"] / file["filename"] for file in saved]
    return found
