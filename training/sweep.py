"""The demo model at other settings than its own: ``python -m training.sweep --comfyui PATH`` writes ``sweep.json``.

Run after ``training.evaluate``, whose locator it uses.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from .drawn_pictures import draw_hint, with_hands
from .evaluate import ROOT, SIZE, Example, Generator, drawn, examples, score, use_comfyui
from .locator import load_locator
from .renderer import Picture


@dataclass(frozen=True)
class Setting:
    """How to sample.

    Attributes:
        size: pixels a side; pictures are judged at 128.
        hands, detail: what the control images show, and by how much larger they are drawn before they are shrunk.
        changed: arguments of ``comfy.sample.sample``.
    """

    size: int = SIZE
    hands: bool = False
    detail: int = 1
    changed: dict[str, Any] = field(default_factory=dict)


SETTINGS = {
    "CFG 1.5": Setting(changed={"cfg": 1.5}),
    "CFG 5": Setting(changed={"cfg": 5.0}),
    "8 steps": Setting(changed={"steps": 8}),
    "12 steps": Setting(changed={"steps": 12}),
    "20 steps, Euler": Setting(changed={"steps": 20, "sampler_name": "euler", "scheduler": "normal"}),
    "hands, drawn large": Setting(hands=True, detail=4),
    "192 px": Setting(size=192),
    "256 px": Setting(size=256),
}


def generated(generator: Generator, wanted: list[Example], setting: Setting) -> Picture:
    """The model's pictures, one by one, shrunk to 128 px."""
    random = np.random.default_rng(3)
    pictures = []
    for one in wanted:
        people = with_hands(one.people, random) if setting.hands else one.people
        hint = draw_hint(people, setting.size, setting.size, setting.detail)
        made = generator(one.prompt, hint[None], 0, **setting.changed)[0]
        pictures.append(cv2.resize(made, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
    return np.stack(pictures).astype(np.uint8)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m training.sweep", description=__doc__)
    parser.add_argument("--comfyui", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=ROOT / "training" / "model", help="default: %(default)s")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "training", help="holds locator.pt")
    parser.add_argument("--poses", type=int, default=24, help="per setting")
    options = parser.parse_args()
    use_comfyui(options.comfyui)
    generator, locator = Generator(options.model), load_locator(options.folder / "locator.pt")
    chosen = np.random.default_rng(1).permutation(500)[: options.poses]
    everything = examples(500, seed=2024)
    wanted = [everything[index] for index in chosen]
    _, masks = drawn(wanted)
    found = {}
    for name, setting in SETTINGS.items():
        measured = score(generated(generator, wanted, setting), wanted, masks, locator)
        found[name] = {key: measured[key] for key in ("pose_pck", "mask_iou", "style_accuracy")}
        print(name, found[name], flush=True)
    target = options.model / "sweep.json"
    target.write_text(json.dumps({"poses": len(wanted), "settings": found}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with torch.inference_mode():
        main()
