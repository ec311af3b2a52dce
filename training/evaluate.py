"""Measure the demo model through ComfyUI's own code: ``python -m training.evaluate --comfyui PATH``.

Writes ``report.json`` beside the model, and sheets of pictures to look at into the work folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from . import foreign_edits, judge
from .captions import plain_caption
from .drawn_pictures import UNSEEN_PAIRS, draw_hint
from .export import CHECKPOINT, CONTROL_NET
from .locator import Locator, correct_joints, load_locator, locate
from .locator import train as train_locator
from .poses import UNSEEN_TAKES, Keypoints, Placement, placed, random_people, real_poses
from .renderer import BACKDROPS, FIGURES, Picture, draw

ROOT = Path(__file__).resolve().parent.parent
SIZE = 128
STEPS, GUIDANCE, SAMPLER, SCHEDULER = 18, 2.5, "dpmpp_2m", "karras"
BATCH = 14
CLIP_FRAMES = 10
FOREIGN = 18
"""Pictures of foreign places."""


@dataclass(frozen=True)
class Example:
    """What a picture should show: people ``(1, 18, 3)``, figure and background."""

    people: Keypoints
    figure: int
    backdrop: int

    @property
    def prompt(self) -> str:
        return plain_caption(self.figure, self.backdrop)


class Generator:
    """The model behind ComfyUI's stock loaders and sampler."""

    def __init__(self, folder: Path) -> None:
        import comfy.controlnet
        import comfy.sd

        self.model, self.clip, self.vae, _ = comfy.sd.load_checkpoint_guess_config(str(folder / CHECKPOINT))
        self.control_net = comfy.controlnet.load_controlnet(str(folder / CONTROL_NET))

    @torch.inference_mode()
    def __call__(
        self, prompt: str, hints: npt.NDArray[np.uint8], seed: int, latents: torch.Tensor | None = None, **changed: Any
    ) -> Picture:
        """Pictures ``(n, h, w, 3)`` that share their noise, as KSampler makes them under Apply ControlNet.

        Args:
            hints: control images ``(n, h, w, 3)``.
            latents: to start from where ``denoise`` is below 1.
            changed: arguments of ``comfy.sample.sample`` in place of the usual ones.
        """
        import comfy.sample

        hint = torch.from_numpy(hints).float().movedim(-1, 1) / 255
        control = self.control_net.copy().set_cond_hint(hint, 1.0, (0.0, 1.0))
        positive, negative = (
            [
                [cond, {**options, "control": control, "control_apply_to_uncond": False}]
                for cond, options in self._encode(text)
            ]
            for text in (prompt, "")
        )
        if latents is None:
            latents = torch.zeros(len(hints), 4, hint.shape[2] // 8, hint.shape[3] // 8)
        noise = comfy.sample.prepare_noise(latents[:1], seed).expand_as(latents).clone()
        settings = {"steps": STEPS, "cfg": GUIDANCE, "sampler_name": SAMPLER, "scheduler": SCHEDULER, **changed}
        sampled = comfy.sample.sample(
            self.model, noise, settings.pop("steps"), settings.pop("cfg"), settings.pop("sampler_name"),
            settings.pop("scheduler"), positive, negative, latents, disable_pbar=True, seed=seed, **settings,
        )  # fmt: skip
        return self.decode(sampled)

    @torch.inference_mode()
    def encode(self, pictures: Picture) -> torch.Tensor:
        """Latents of pictures ``(n, h, w, 3)``, 0..255."""
        latents: torch.Tensor = self.vae.encode(torch.from_numpy(pictures).float() / 255)
        return latents

    @torch.inference_mode()
    def decode(self, latents: torch.Tensor) -> Picture:
        """Pictures ``(n, h, w, 3)``, 0..255."""
        return np.asarray(self.vae.decode(latents).clamp(0, 1).mul(255).round().byte().numpy())

    def _encode(self, text: str) -> Any:
        return self.clip.encode_from_tokens_scheduled(self.clip.tokenize(text))


def examples(count: int, seed: int) -> list[Example]:
    """Poses that training has not seen: every second one real, of a performance kept from it; every pair in turn."""
    random = np.random.default_rng(seed)
    pairs = [(figure, backdrop) for figure in range(len(FIGURES)) for backdrop in range(len(BACKDROPS))]
    recorded = real_poses(UNSEEN_TAKES)
    chosen = random.permutation(len(recorded))
    found = []
    for index in range(count):
        if index % 2:
            pose = recorded[chosen[index // 2 % len(recorded)]]
            people = placed(pose, (SIZE, SIZE), random, Placement(close_up=0, hidden=0))[None]
        else:
            people = random_people(random, (SIZE, SIZE), real=0.0, people=(0, 1, 0))
        found.append(Example(people, *pairs[index // 2 % len(pairs)]))
    return found


def drawn(wanted: Sequence[Example]) -> tuple[Picture, npt.NDArray[np.bool_]]:
    """The renderer's own pictures and masks."""
    made = [draw(one.people, one.figure, one.backdrop, SIZE, SIZE) for one in wanted]
    return np.stack([picture for picture, _ in made]), np.stack([mask > 128 for _, mask in made])


def generated(generator: Generator, wanted: Sequence[Example], seed: int = 0) -> Picture:
    """The model's pictures, one prompt after another."""
    pictures = np.zeros((len(wanted), SIZE, SIZE, 3), np.uint8)
    for prompt in dict.fromkeys(one.prompt for one in wanted):
        rows = [index for index, one in enumerate(wanted) if one.prompt == prompt]
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            hints = np.stack([draw_hint(wanted[row].people, SIZE, SIZE) for row in batch])
            pictures[batch] = generator(prompt, hints, seed)
        print(f"  {prompt}: {len(rows)}", flush=True)
    return pictures


def score(
    pictures: Picture, wanted: Sequence[Example], masks: npt.NDArray[np.bool_], locator: Locator
) -> dict[str, float]:
    """PCK, mask IoU and style accuracy of pictures that should show ``wanted``."""
    counts = np.array(
        [correct_joints(found, one.people[0]) for found, one in zip(locate(locator, pictures), wanted, strict=True)]
    )
    own = [judge.figure_mask(picture, one.backdrop) for picture, one in zip(pictures, wanted, strict=True)]
    figures = np.array(
        [judge.which_figure(p, m) == one.figure for p, m, one in zip(pictures, masks, wanted, strict=True)]
    )
    backdrops = np.array(
        [judge.which_backdrop(p, m) == one.backdrop for p, m, one in zip(pictures, masks, wanted, strict=True)]
    )
    unseen = np.array([(one.figure, one.backdrop) in UNSEEN_PAIRS for one in wanted])
    real = np.arange(len(wanted)) % 2 == 1

    def pck(rows: npt.NDArray[np.bool_]) -> float:
        return float(counts[rows, 0].sum() / counts[rows, 1].sum())

    return {
        "pose_pck": pck(np.ones(len(wanted), bool)),
        "pose_pck_random": pck(~real),
        "pose_pck_real": pck(real),
        "mask_iou": float(np.mean([judge.overlap(a, b) for a, b in zip(own, masks, strict=True)])),
        "style_accuracy": float((figures & backdrops).mean()),
        "figure_accuracy": float(figures.mean()),
        "backdrop_accuracy": float(backdrops.mean()),
        "unseen_pairs_accuracy": float((figures & backdrops)[unseen].mean()) if unseen.any() else float("nan"),
    }


def clip_examples() -> list[list[Example]]:
    """Neighbouring keyframes of the demo's clip, once before every background."""
    recorded = real_poses(UNSEEN_TAKES)[: 6 * CLIP_FRAMES : 6]  # 60 frames/s, so ten a second
    low, high = recorded.min(axis=(0, 1)), recorded.max(axis=(0, 1))
    scale = 0.8 / float((high - low).max())
    keypoints = np.ones((len(recorded), 1, 18, 3), np.float32)
    keypoints[:, 0, :, :2] = (recorded - (low + high) / 2) * scale + 0.52
    return [[Example(people, index, index) for people in keypoints] for index in range(len(BACKDROPS))]


def steadiness(generator: Generator) -> tuple[dict[str, float], float, list[Picture]]:
    """Flicker per background, seconds per frame, and the clips."""
    flicker, clips, seconds, frames = {}, [], 0.0, 0
    for clip in clip_examples():
        hints = np.stack([draw_hint(one.people, SIZE, SIZE) for one in clip])
        started = time.perf_counter()
        pictures = generator(clip[0].prompt, hints, seed=1)
        seconds, frames = seconds + time.perf_counter() - started, frames + len(clip)
        flicker[BACKDROPS[clip[0].backdrop].names[0]] = judge.unsteadiness(pictures, drawn(clip)[1])
        clips.append(pictures)
    return flicker, seconds / frames, clips


def sheet(path: Path, rows: Sequence[Sequence[Picture]]) -> None:
    """Save rows of pictures as one PNG."""
    cv2.imwrite(str(path), np.concatenate([np.concatenate(list(row), axis=1) for row in rows])[..., ::-1])


def _locator(folder: Path, workers: int) -> Locator:
    path = folder / "locator.pt"
    if path.is_file():
        return load_locator(path)
    net = train_locator(seed=11, pictures=8000, epochs=6, workers=workers)
    torch.save(net.state_dict(), path)
    return net


def evaluate(model: Path, folder: Path, count: int, workers: int, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Everything that ``report.json`` holds."""
    locator = _locator(folder, workers)
    wanted = examples(count, seed=2024)
    truth, masks = drawn(wanted)
    on_drawn = score(truth, wanted, masks, locator)
    say(f"the judges on the renderer's own pictures: {on_drawn}")
    generator = Generator(model)
    pictures = generated(generator, wanted)
    measured = score(pictures, wanted, masks, locator)
    say(f"on the model's: {measured}")
    flicker, seconds, clips = steadiness(generator)
    foreign = foreign_edits.examples(FOREIGN, seed=2025)
    edited = foreign_edits.generated(generator, foreign)
    picks = range(0, min(count, 72), 6)
    sheet(
        folder / "evaluation.png",
        [
            [truth[i] for i in picks],
            [draw_hint(wanted[i].people, SIZE, SIZE) for i in picks],
            [pictures[i] for i in picks],
        ],
    )
    sheet(folder / "clips.png", [list(clip) for clip in clips])
    sheet(folder / "foreign.png", [[one.source for one in foreign], [one.truth for one in foreign], edited])
    return {
        "files": {name: _file(model / name) for name in (CHECKPOINT, CONTROL_NET)},
        "poses": count,
        **measured,
        "judges_on_drawn_pictures": on_drawn,
        "foreign_places": foreign_edits.score(generator, edited, foreign),
        "flicker_of_255": flicker,
        "seconds_per_frame": seconds,
        "settings": {"size": SIZE, "steps": STEPS, "cfg": GUIDANCE, "sampler": SAMPLER, "scheduler": SCHEDULER},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, no GPU"
        if not torch.cuda.is_available()
        else torch.cuda.get_device_name(),
    }


def _file(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def use_comfyui(path: Path) -> None:
    """Make ComfyUI's own modules importable, on the GPU if there is one."""
    sys.argv[1:] = [] if torch.cuda.is_available() else ["--cpu"]
    sys.path.append(str(path.resolve()))
    import comfy.options

    comfy.options.enable_args_parsing()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--comfyui", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=ROOT / "training" / "model", help="default: %(default)s")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "training", help="for work in progress")
    parser.add_argument("--poses", type=int, default=500)
    parser.add_argument("--report", type=Path, help="default: report.json beside the model")
    options = parser.parse_args()
    use_comfyui(options.comfyui)
    options.folder.mkdir(parents=True, exist_ok=True)
    report = evaluate(options.model, options.folder, options.poses, os.cpu_count() or 1)
    target = options.report or options.model / "report.json"
    target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
