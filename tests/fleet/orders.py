"""Orders that a ComfyUI with the demo's model fulfils in a second."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from frugal_motion.nodes.fleet.order import Order

MODEL = "frugal-demo.ckpt"


def model_paths(assets: Path, folder: Path) -> str:
    """An extra_model_paths.yaml of the assets, in a folder."""
    names = {path.name: path.name for path in (assets / "models").iterdir() if path.is_dir()}
    paths = folder / "models.yaml"
    paths.write_text(json.dumps({"assets": {"base_path": str(assets / "models"), **names}}), encoding="utf-8")
    return str(paths)


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def picture(job: str, text: str = "a robot", seed: int = 1, steps: int = 2, model: str = MODEL) -> dict[str, Any]:
    """A prompt with ComfyUI's own sampler, which keeps a picture and shows another."""
    settings = {"steps": steps, "cfg": 2.5, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name=model),
        "2": node("CLIPTextEncode", text=text, clip=["1", 1]),
        "3": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "4": node(
            "KSampler",
            model=["1", 0],
            seed=seed,
            positive=["2", 0],
            negative=["2", 0],
            latent_image=["3", 0],
            **settings,
        ),
        "5": node("VAEDecode", samples=["4", 0], vae=["1", 2]),
        "6": node("SaveImage", images=["5", 0], filename_prefix=f"jobs/{job}/picture"),
        "7": node("PreviewImage", images=["5", 0]),
    }


def order(*prompts: dict[str, Any], jobs: tuple[str, ...] = (), files: str = "") -> Order:
    return Order(str(uuid.uuid4()), jobs or tuple(uuid.uuid4().hex for _ in prompts), prompts, files)
