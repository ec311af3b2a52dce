"""Find the joints of a drawn figure in a picture, without knowing its pose: the judge of the demo model.

A small heat map network (after A. Newell et al., Stacked Hourglass Networks, 2016) that learns from the renderer's
pictures. Left and right look alike on most figures, so that a heat map has both joints of a kind, as two peaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate

from .drawn_pictures import in_parallel
from .mixed_precision import DTYPE
from .poses import TRAINED_TAKES, Keypoints, random_people
from .renderer import BACKDROPS, FIGURES, Picture, draw

Positions: TypeAlias = npt.NDArray[np.float64]

SIZE = 128
STRIDE = 4
KINDS: tuple[tuple[int, ...], ...] = ((0,), (1,), (2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13))
"""Nose, neck, then both shoulders, elbows, wrists, hips, knees and ankles, as numbers of OpenPose-18."""
SUPPRESSED = 2
"""Heat map pixels around a peak in which a second one is not looked for."""
CERTAIN = 0.25
"""A second peak below this share of the first is none: one joint hides the other."""


class Locator(nn.Module):
    """RGB ``(n, 3, 128, 128)`` in 0..1 to the logits of heat maps ``(n, 8, 32, 32)``."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(_layer(3, width // 2, 2), _layer(width // 2, width, 2), _layer(width, width))
        self.middle = nn.Sequential(_layer(width, 2 * width, 2), _layer(2 * width, 2 * width))
        self.coarse = nn.Sequential(
            _layer(2 * width, 2 * width, 2), _layer(2 * width, 2 * width), _layer(2 * width, 2 * width)
        )
        self.up = _layer(4 * width, 2 * width)
        self.head = nn.Sequential(_layer(3 * width, width), _layer(width, width), nn.Conv2d(width, len(KINDS), 1))

    def forward(self, pictures: Tensor) -> Tensor:
        fine = self.stem(pictures)
        middle = self.middle(fine)
        coarse = self.up(torch.cat((middle, interpolate(self.coarse(middle), scale_factor=2.0)), dim=1))
        heat: Tensor = self.head(torch.cat((fine, interpolate(coarse, scale_factor=2.0)), dim=1))
        return heat


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.GroupNorm(8, outputs), nn.SiLU())


def draw_one(
    index: int, seed: int, takes: Sequence[str] = TRAINED_TAKES, real: float = 0.4
) -> tuple[Picture, Keypoints]:
    """A picture of one person to learn from, and the keypoints ``(18, 3)``."""
    random = np.random.default_rng((seed, index))
    people = random_people(random, (SIZE, SIZE), tuple(takes), real, people=(0, 1, 0))
    figure, backdrop = int(random.integers(len(FIGURES))), int(random.integers(len(BACKDROPS)))
    picture = draw(people, figure, backdrop, SIZE, SIZE)[0]
    if random.random() < 0.5:  # a diffusion model's pictures are softer
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.4)), np.uint8)
    noise = random.normal(0, random.uniform(0, 8), picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8), people[0]


def train(seed: int, pictures: int, epochs: int, workers: int, batch: int = 32) -> Locator:
    """Draw pictures and learn from them."""
    drawn = in_parallel(partial(draw_one, seed=seed), pictures, workers)
    inputs = torch.from_numpy(np.stack([picture for picture, _ in drawn])).permute(0, 3, 1, 2)
    targets = torch.from_numpy(np.stack([heat_maps(keypoints) for _, keypoints in drawn]))
    torch.manual_seed(seed)
    net = Locator()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = epochs * (pictures // batch)
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-2)
    planned = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        rows = torch.randint(pictures, (batch,))
        with torch.autocast("cpu", torch.bfloat16, enabled=DTYPE is torch.bfloat16):
            heat = net(inputs[rows].to(memory_format=torch.channels_last).float() / 255)
        target = targets[rows]
        loss = binary_cross_entropy_with_logits(heat.float(), target, 1 + 20 * target)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        planned.step()
        if (step + 1) % 100 == 0:
            print(f"locator step {step + 1} of {steps} loss {loss.item():.4f}", flush=True)
    return net.eval()


def load_locator(path: Path) -> Locator:
    """A locator that was trained before."""
    net = Locator()
    net.load_state_dict(torch.load(path, weights_only=True))
    return net.eval()


def heat_maps(keypoints: Keypoints) -> npt.NDArray[np.float32]:
    """What the network should answer: a bell of deviation 1.2 on every joint ``(8, 32, 32)``."""
    side = SIZE // STRIDE
    rows, columns = np.mgrid[0:side, 0:side] + 0.5
    heat = np.zeros((len(KINDS), side, side), np.float32)
    for kind, joints in enumerate(KINDS):
        for x, y, found in keypoints[list(joints)]:
            if found > 0:
                bell = np.exp(-((columns - x * side) ** 2 + (rows - y * side) ** 2) / (2 * 1.2**2))
                heat[kind] = np.maximum(heat[kind], bell)
    return heat


@torch.inference_mode()
def locate(net: Locator, pictures: Picture) -> list[list[Positions]]:
    """Joints of every picture ``(n, 128, 128, 3)``: per kind ``(1 or 2, 2)`` x, y as fractions of the picture."""
    heat = []
    for start in range(0, len(pictures), 64):
        block = torch.from_numpy(np.ascontiguousarray(pictures[start : start + 64])).permute(0, 3, 1, 2).float() / 255
        heat.append(torch.sigmoid(net(block)))
    return [
        [_peaks(plane, len(kind)) for plane, kind in zip(planes, KINDS, strict=True)]
        for planes in torch.cat(heat).numpy()
    ]


def _peaks(plane: npt.NDArray[np.float32], count: int) -> Positions:
    left = plane.copy()
    found: list[Positions] = []
    for _ in range(count):
        row, column = np.unravel_index(left.argmax(), left.shape)
        if found and left[row, column] < CERTAIN * plane.max():
            found.append(found[0])
            continue
        rows, columns = (slice(max(0, at - 1), min(at + 2, len(plane))) for at in (int(row), int(column)))
        weights, (y, x) = plane[rows, columns], np.mgrid[rows, columns] + 0.5
        found.append(np.array((np.sum(x * weights), np.sum(y * weights))) / weights.sum() / len(plane))
        around = SUPPRESSED
        left[max(0, row - around) : row + around + 1, max(0, column - around) : column + around + 1] = 0
    return np.stack(found)


def correct_joints(located: list[Positions], keypoints: Keypoints, tolerance: float = 0.1) -> tuple[int, int]:
    """How many of a pose's visible joints lie within ``tolerance`` body heights of where they should (PCK).

    Args:
        located: from ``locate``, of one picture.
        keypoints: ``(18, 3)``, in fractions of a square picture. Body height is the longer side of the joints' box.

    Returns:
        Correct joints, and joints.
    """
    there = keypoints[keypoints[:, 2] > 0, :2]
    limit = tolerance * float(np.ptp(there, axis=0).max())
    correct = total = 0
    for found, joints in zip(located, KINDS, strict=True):
        wanted = np.array([keypoints[joint, :2] for joint in joints if keypoints[joint, 2] > 0])
        if not len(wanted):
            continue
        distances = np.linalg.norm(wanted[:, None] - found[None], axis=-1)
        chosen = linear_sum_assignment(distances)
        correct += int((distances[chosen] <= limit).sum())
        total += len(wanted)
    return correct, total
