"""Workflows of ComfyUI's own nodes with video models, in the API format."""

from __future__ import annotations

from typing import Any

Graph = dict[str, Any]


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    """A node whose title is its class."""
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}


SAMPLER = {"seed": 0, "steps": 4, "cfg": 5.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}


def video(kind: str, node_class: str, size: tuple[int, int, int], sampler: Graph | None = None, **more: Any) -> Graph:
    """A clip with a tiny net of ``tests/video_models/nets.py``.

    Args:
        kind: of the net.
        node_class: of the node that prepares prompts and latents.
        size: width, height and length.
        sampler: other settings of it.
        more: of that node.
    """
    width, height, length = size
    return {
        "1": node("UNETLoader", unet_name=f"tiny_{kind}.safetensors", weight_dtype="default"),
        "2": node("CLIPLoader", clip_name="tiny_umt5.safetensors", type="wan"),
        "3": node("VAELoader", vae_name="tiny_wan_vae.safetensors"),
        "4": node("CLIPTextEncode", text="a robot", clip=["2", 0]),
        "5": node("CLIPTextEncode", text="", clip=["2", 0]),
        "6": node("LoadImage", image="reference.png"),
        "7": node("LoadImage", image="control.png"),
        "8": node("RepeatImageBatch", image=["7", 0], amount=length),
        "9": node("CLIPVisionLoader", clip_name="tiny_vit_h.safetensors"),
        "10": node("CLIPVisionEncode", clip_vision=["9", 0], image=["6", 0], crop="center"),
        "11": node(
            node_class, positive=["4", 0], negative=["5", 0], vae=["3", 0], width=width, height=height, length=length,
            batch_size=1, **more,
        ),
        "12": node(
            "KSampler", model=["1", 0], positive=["11", 0], negative=["11", 1], latent_image=["11", 2],
            **{**SAMPLER, **(sampler or {})},
        ),
        "13": node("TrimVideoLatent", samples=["12", 0], trim_amount=["11", 3]),
        "14": node("VAEDecode", samples=["13", 0], vae=["3", 0]),
        "15": node("SaveImage", images=["14", 0]),
    }  # fmt: skip


def vace(length: int = 9, **sampler: Any) -> Graph:
    """VACE with a control video and a reference."""
    control = {"strength": 1.0, "control_video": ["8", 0], "reference_image": ["6", 0]}
    return video("vace", "WanVaceToVideo", (64, 48, length), sampler, **control)
