"""What 10 seconds with a video model cost, for docs/costs.md: the table that ``make costs`` writes.

The nets are ComfyUI's own in their full size, on torch's meta device; of their files only the headers are written, so
that the workflows are estimated as any other.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CARDS = ("L4", "RTX 4090", "H100 SXM", "H200")
SECONDS, WIDTH, HEIGHT = 10, 832, 480
RATE = 16
"""Frames per second of the result, and of the naive way."""

_SIZES = {"dim": 5120, "ffn_dim": 13824, "num_heads": 40, "num_layers": 40}


@dataclass(frozen=True)
class Way:
    """How a clip is made: frames per second that are sampled, steps, and guidance."""

    name: str
    rate: int
    steps: int
    cfg: float

    @property
    def length(self) -> int:
        """Frames that are sampled: 4n + 1."""
        return SECONDS * self.rate // 4 * 4 + 1


NAIVE = Way(f"naive: {RATE} fps, 50 steps, CFG 5", RATE, 50, 5.0)
OURS = (Way("12 fps and RIFE, 4 steps, CFG 1", 12, 4, 1.0), Way("8 fps and RIFE, 4 steps, CFG 1", 8, 4, 1.0))


@dataclass(frozen=True)
class Cost:
    """FLOPs, and dollars by the name of the card."""

    flops: float
    dollars: dict[str, float]


def video_table(work: Any) -> str:
    """The table, with a sentence before and after it.

    Args:
        work: from ``costs.nets``; for RIFE.
    """
    title = f"{SECONDS} seconds with a video model of 14 billion parameters at {WIDTH} x {HEIGHT}, the clip in one pass"
    lines = [
        f"{title}; on demand.",
        "",
        f"| | PFLOP | times less | {' | '.join(CARDS)} |",
        f"|{'---|' * (len(CARDS) + 3)}",
    ]
    with full_size_models():
        for model in MODELS:
            naive = cost(model, NAIVE, work)
            for way in (NAIVE, *OURS):
                found = cost(model, way, work)
                dollars = " | ".join(_dollars(found.dollars[card]) for card in CARDS)
                times = "" if way is NAIVE else f"{naive.flops / found.flops:.0f}"
                lines.append(f"| {model}, {way.name} | {found.flops / 1e15:.1f} | {times} | {dollars} |")
    return "\n".join([*lines, ""])


def cost(model: str, way: Way, work: Any) -> Cost:
    """What a way of making the clip takes, inside ``full_size_models``."""
    from frugal_motion.nodes.economy.prices import card_named
    from frugal_motion.nodes.forecast.card_speeds import before_any_run
    from frugal_motion.nodes.forecast.workflow_estimate import EstimateOptions, workflow_estimate

    made = NAIVE.length - way.length
    between = made * ((work.interpolate(WIDTH, HEIGHT) or 0.0) + (work.prepare(WIDTH, HEIGHT) or 0.0))
    dollars, flops = {}, 0.0
    for name in CARDS:
        found = workflow_estimate(graph(model, way), EstimateOptions(gpu=name), compares=False).estimate
        flops = between + sum(stage.flops or 0.0 for stage in found.stages)
        card = card_named(name)
        rife = before_any_run(card).seconds("interpolate", between, made) or 0.0
        dollars[name] = (found.dollars or 0.0) + rife * card.on_demand / 3600
    return Cost(flops, dollars)


def graph(model: str, way: Way) -> dict[str, Any]:
    """The workflow, of ComfyUI's own nodes: a control or pose video, a reference, and two prompts."""

    def node(kind: str, **inputs: Any) -> dict[str, Any]:
        return {"class_type": kind, "inputs": inputs}

    kind, guides = MODELS[model]
    sampler = {"seed": 0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    return {
        "net": node("UNETLoader", unet_name=f"{model}.safetensors"),
        "clip": node("CLIPLoader", clip_name="umt5.safetensors", type="wan"),
        "vae": node("VAELoader", vae_name="wan_2.1.safetensors"),
        "yes": node("CLIPTextEncode", text="", clip=["clip", 0]),
        "no": node("CLIPTextEncode", text="", clip=["clip", 0]),
        "clip vision": node("CLIPVisionLoader", clip_name="vit_h.safetensors"),
        "seen": node("CLIPVisionEncode", clip_vision=["clip vision", 0], image=["picture", 0]),
        "picture": node("EmptyImage", width=WIDTH, height=HEIGHT),
        "video": node("EmptyImage", width=WIDTH, height=HEIGHT),
        "prepared": node(
            kind, positive=["yes", 0], negative=["no", 0], vae=["vae", 0], width=WIDTH, height=HEIGHT,
            length=way.length, batch_size=1, reference_image=["picture", 0], **guides,
        ),
        "sampled": node(
            "KSampler", model=["net", 0], positive=["prepared", 0], negative=["prepared", 1],
            latent_image=["prepared", 2], steps=way.steps, cfg=way.cfg, **sampler,
        ),
        "trimmed": node("TrimVideoLatent", samples=["sampled", 0], trim_amount=["prepared", 3]),
        "decoded": node("VAEDecode", samples=["trimmed", 0], vae=["vae", 0]),
    }  # fmt: skip


MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "VACE 14B": ("WanVaceToVideo", {"strength": 1.0, "control_video": ["video", 0]}),
    "Animate 14B": (
        "WanAnimateToVideo",
        {
            "pose_video": ["video", 0],
            "face_video": ["video", 0],
            "clip_vision_output": ["seen", 0],
            "continue_motion_max_frames": 5,
            "video_frame_offset": 0,
        },
    ),
}
"""By name: the node that prepares its latents, and what guides it."""


@contextmanager
def full_size_models() -> Iterator[None]:
    """Meanwhile ComfyUI's folders of models hold the headers of the nets."""
    import folder_paths

    places = folder_paths.folder_names_and_paths
    before = dict(places)
    with tempfile.TemporaryDirectory() as root:
        for folder, files in _nets().items():
            (Path(root) / folder).mkdir()
            for name, net in files.items():
                _write_header(Path(root) / folder / f"{name}.safetensors", net)
            places[folder] = ([str(Path(root) / folder)], {".safetensors"})
            folder_paths.filename_list_cache.pop(folder, None)
        try:
            yield
        finally:
            places.update(before)
            for folder in places:
                folder_paths.filename_list_cache.pop(folder, None)


def _nets() -> dict[str, dict[str, Any]]:
    import comfy.clip_model
    import comfy.clip_vision
    import comfy.ops
    import comfy.text_encoders.t5
    import comfy.text_encoders.wan
    import torch
    from comfy.ldm.wan.model import VaceWanModel
    from comfy.ldm.wan.model_animate import AnimateWanModel
    from comfy.ldm.wan.vae import WanVAE

    operations = comfy.ops.disable_weight_init
    on_meta: dict[str, Any] = {"device": "meta", "dtype": torch.float16, "operations": operations}
    encoders = torch.float16, "meta", operations
    t5 = json.loads((Path(comfy.text_encoders.wan.__file__).parent / "umt5_config_xxl.json").read_text())
    vit = json.loads((Path(comfy.clip_vision.__file__).parent / "clip_vision_config_h.json").read_text())
    with torch.device("meta"):
        vae = WanVAE(dim=96, z_dim=16, dim_mult=[1, 2, 4, 4], temperal_downsample=[False, True, True])
    return {
        "diffusion_models": {
            "VACE 14B": VaceWanModel(in_dim=16, vace_layers=8, vace_in_dim=96, **_SIZES, **on_meta),
            "Animate 14B": AnimateWanModel(in_dim=36, **_SIZES, **on_meta),
        },
        "text_encoders": {"umt5": comfy.text_encoders.t5.T5(t5, *encoders)},
        "clip_vision": {"vit_h": comfy.clip_model.CLIPVisionModelProjection(vit, *encoders)},
        "vae": {"wan_2.1": vae},
    }


def _write_header(path: Path, net: Any) -> None:
    header = {
        name: {"dtype": "F16", "shape": list(value.shape), "data_offsets": [0, 0]}
        for name, value in net.state_dict().items()
    }
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)


def _dollars(value: float) -> str:
    return f"${value:.2f}" if value >= 0.1 else f"${value:.3f}"
