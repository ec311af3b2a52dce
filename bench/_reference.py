"""How far frames take the look of a picture: ``python bench/_reference.py LOCATOR`` prints it as JSON.

The demo model is told the place and no figure; the picture, which the renderer draws, shows one of its six figures.
"""

from __future__ import annotations

import json
import os
import sys
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.pack import import_pack  # noqa: E402

import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve(), cpu=True)

import comfy.utils  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from frugal_motion.nodes.keyframes.uniform import every_nth  # noqa: E402
from frugal_motion.nodes.sampling.reference import Reference, encoded  # noqa: E402
from frugal_motion.nodes.sampling.sampler import BatchSampler, Control, SampledClip, SamplerSettings  # noqa: E402
from frugal_motion.training.drawn_pictures import draw_hint  # noqa: E402
from frugal_motion.training.evaluate import (  # noqa: E402
    GUIDANCE,
    SAMPLER,
    SCHEDULER,
    SIZE,
    Example,
    Generator,
    drawn,
    examples,
    score,
)
from frugal_motion.training.locator import load_locator  # noqa: E402
from frugal_motion.training.poses import random_people  # noqa: E402
from frugal_motion.training.renderer import BACKDROPS, FIGURES, Picture, draw  # noqa: E402

POSES, STEPS, SEED = 4, 12, 1
NIGHT = 1
ELSEWHERE = tuple(place for place in range(len(BACKDROPS)) if place != NIGHT)


def wanted() -> list[Example]:
    """Every figure in some poses that training has not seen, at night."""
    poses = examples(POSES * len(FIGURES), seed=77)
    return [Example(one.people, number // POSES, NIGHT) for number, one in enumerate(poses)]


def pictures_of_figures(cut_out: bool) -> torch.Tensor:
    """One of each, in a pose and a place of its own: cut out as IMAGE with alpha, or the whole picture."""
    random = np.random.default_rng(3)
    found = []
    for figure in range(len(FIGURES)):
        people = random_people(random, (SIZE, SIZE), people=(0, 1, 0))
        picture, mask = draw(people, figure, ELSEWHERE[figure % len(ELSEWHERE)], SIZE, SIZE)
        found.append(np.dstack((picture, mask)) if cut_out else picture)
    return torch.from_numpy(np.stack(found)).float() / 255


def made(generator: Generator, truth: list[Example], references: torch.Tensor | None) -> Picture:
    """What the sampler makes of "a figure at night"; a clip for each figure."""
    positive, negative = (
        generator.clip.encode_from_tokens_scheduled(generator.clip.tokenize(text))
        for text in (f"a figure {BACKDROPS[NIGHT].names[0]}", "")
    )
    hints = torch.from_numpy(np.stack([draw_hint(one.people, SIZE, SIZE) for one in truth])).float() / 255
    empty, plan = torch.zeros(POSES, 4, SIZE // 8, SIZE // 8), every_nth(POSES, Fraction(12), 1)
    seen: list[Reference | None] = [None] * len(FIGURES)
    if references is not None:
        seen = [encoded(generator.vae, one, (SIZE, SIZE)) for one in torch.split(references, 1)]
    clips = [
        SampledClip(positive, negative, hint, plan, empty, SEED, reference=reference)
        for hint, reference in zip(torch.split(hints, POSES), seen, strict=True)
    ]
    settings = SamplerSettings("sparse", STEPS, GUIDANCE, SAMPLER, SCHEDULER)
    control = Control(generator.control_net)
    sampler = BatchSampler(generator.model, generator.vae, control, settings, clips, lambda *_: None)
    frames = torch.cat([generator.vae.decode(latents) for _, latents in sampler.run()])
    return np.asarray(frames.clamp(0, 1).mul(255).round().byte().numpy())


def main() -> None:
    """Print the scores without a picture, with that of a figure alone, and with a whole picture of another place."""
    comfy.utils.PROGRESS_BAR_ENABLED = False
    generator, net, truth = Generator(ROOT / "training" / "model"), load_locator(Path(sys.argv[1])), wanted()
    masks = drawn(truth)[1]
    looks = {"none": None, "cut_out": pictures_of_figures(True), "whole": pictures_of_figures(False)}
    with torch.inference_mode():
        found = {name: score(made(generator, truth, look), truth, masks, net) for name, look in looks.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
