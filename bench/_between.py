"""Clips with known frames between their keyframes, and how near a way of making those comes to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from bench._dense_edit import DenseEdit
from bench._synthetic import synthetic_motions
from nodes.interpolation.guided.likeness import structural_similarity
from nodes.interpolation.schedule import schedule
from nodes.keyframes.keyframes import Keyframes
from nodes.keyframes.uniform import every_nth
from nodes.motion.cleaning.repair import RepairSettings, repair
from nodes.motion.cleaning.smooth import smooth
from nodes.motion.editing.style import preset, style
from nodes.motion.motion import Keypoints, Motion
from nodes.pose.extract import extract_pose
from nodes.pose.landmarks import LandmarkSettings
from nodes.video.decode import FileStream
from nodes.video.decode_settings import DecodeSettings
from nodes.video.stream import ArrayStream, Frames, FrameStream
from training.renderer import draw

ASSETS = Path(__file__).resolve().parent.parent / ".assets"
GRID, RATE, FINE = Fraction(12), Fraction(25), Fraction(300)
REAL_RATE = Fraction(30)  # the shipped clips have 60 frames a second, so that every moment is that of one
PEOPLE = {"one_person": 1, "two_people": 2}
SIZE = (288, 512)
MARGIN = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 17))


@dataclass(frozen=True, eq=False)
class Case:
    """A clip of which all is known.

    Attributes:
        name: for people.
        plan: which frames of a grid are keyframes.
        motion: on that grid.
        pictures: of the keyframes, ``(keyframes, height, width, 3)``.
        truth: all frames at ``rate``.
        masks: the people in them; of keyframes ``key_masks``.
        poses: at the times of the truth, ``(frames, people, 18, 3)``.
        rate: frames per second of the truth.
        guide: the clip that the pictures were made from.
    """

    name: str
    plan: Keyframes
    motion: Motion
    pictures: Frames
    truth: Frames
    masks: npt.NDArray[np.bool_]
    key_masks: npt.NDArray[np.bool_]
    poses: Keypoints
    rate: Fraction = RATE
    guide: FrameStream | None = None


@dataclass(frozen=True)
class Score:
    """Of the frames between keyframes, where people are or have been: mean PSNR in dB, and mean SSIM."""

    psnr: float
    ssim: float


@cache
def recorded(name: str) -> Motion:
    """The motion of a shipped clip at its own rate, cleaned as Smooth Motion does."""
    width, height = SIZE
    settings = DecodeSettings(size=(2 * width, 2 * height), fit="cover")
    stream = FileStream(ASSETS / "input" / f"{name}.mp4", settings)
    frames = ArrayStream(np.concatenate(list(stream.chunks())), stream.info.frame_rate)
    model = ASSETS / "models/mediapipe/pose_landmarker_full.task"
    motion = repair(extract_pose(frames, model, LandmarkSettings(PEOPLE[name])), RepairSettings(max_gap=0.5)).motion
    return motion.with_keypoints(smooth(motion.keypoints, motion.frame_rate, 0.5))


def pose_at(motion: Motion, seconds: float) -> Keypoints:
    """Linear between the frames of a fine motion; what one of them lacks is missing."""
    place = min(max(seconds * float(motion.frame_rate), 0), motion.frame_count - 1)
    before = min(int(place), motion.frame_count - 2)
    share = np.float32(place - before)
    first, second = motion.keypoints[before], motion.keypoints[before + 1]
    both = ((first[..., 2] > 0) & (second[..., 2] > 0))[..., None]
    return np.asarray((first + (second - first) * share) * both, np.float32)


def styled(motion: Motion, name: str) -> Motion:
    """A fine motion in another style."""
    return style(motion, preset(name))


def random_dance(seed: int, seconds: float = 2.0) -> Motion:
    """Somebody who stands and swings limbs by sums of sines, as nobody has recorded."""
    moved = synthetic_motions().dance(seconds, FINE, seed=seed)
    return Motion(moved.keypoints, FINE, *SIZE)


def drawn(name: str, motion: Motion, figure: int, backdrop: int, every: int = 4, size: tuple[int, int] = SIZE) -> Case:
    """Figures that follow a fine motion, drawn at every time that is asked for."""

    def picture(time: float) -> tuple[Frames, Frames]:
        return draw(pose_at(motion, time), figure, backdrop, *size)

    return _case(name, motion, picture, lambda time: pose_at(motion, time), every, size)


def panned(name: str, motion: Motion, figure: int, backdrop: int, every: int = 4) -> Case:
    """The same before a camera that pans along a wider background and comes nearer and goes away."""
    width, height = SIZE
    wide = round(1.7 * width), round(1.25 * height)
    seconds = (motion.frame_count - 1) / float(motion.frame_rate)
    margin = (wide[0] - width) / 2, (wide[1] - height) / 2

    def camera(time: float) -> npt.NDArray[np.float64]:
        zoom = 1 + 0.15 * np.sin(2 * time)
        middle = wide[0] / 2 + 0.35 * width * (time - seconds / 2), wide[1] / 2 + 6 * np.sin(5 * time)
        return np.array([(zoom, 0, width / 2 - zoom * middle[0]), (0, zoom, height / 2 - zoom * middle[1])])

    def placed(time: float) -> Keypoints:
        pose = pose_at(motion, time)
        pixels = pose[..., :2] * SIZE + margin
        return np.concatenate((pixels / wide * (pose[..., 2:] > 0), pose[..., 2:]), axis=-1).astype(np.float32)

    def picture(time: float) -> tuple[Frames, Frames]:
        drawn_wide = draw(placed(time), figure, backdrop, *wide)
        return tuple(cv2.warpAffine(one, camera(time), SIZE) for one in drawn_wide)  # type: ignore[return-value]

    def seen(time: float) -> Keypoints:
        pose, move = placed(time), camera(time)
        pixels = pose[..., :2] * wide * (move[0, 0], move[1, 1]) + move[:, 2]
        return np.concatenate((pixels / SIZE * (pose[..., 2:] > 0), pose[..., 2:]), axis=-1).astype(np.float32)

    return _case(name, motion, picture, seen, every, SIZE)


def real(name: str, look: Callable[[Frames], Frames], every: int = 4) -> Case:
    """A shipped clip whose every picture has gone through a filter, at times that it has frames of.

    Args:
        name: of the clip.
        look: the filter, of one picture.
    """
    clip = FileStream(ASSETS / "input" / f"{name}.mp4", DecodeSettings(size=SIZE, fit="cover"))
    frames = np.concatenate(list(clip.chunks()))
    motion = recorded(name)

    def picture(time: float) -> tuple[Frames, Frames]:
        frame = frames[round(time * float(clip.info.frame_rate))]
        return look(frame), draw(pose_at(motion, time), 0, 0, *SIZE)[1]

    made = _case(
        f"{name}, {look.__name__}", motion, picture, lambda time: pose_at(motion, time), every, SIZE, REAL_RATE
    )
    return replace(made, guide=clip)


def edited(name: str, edit: DenseEdit, every: int = 4) -> Case:
    """An edit of which every frame of the grid was sampled, as if only keyframes had been."""
    count = (len(edit.frames) - 1) // every * every + 1
    plan = every_nth(count, GRID, every)
    motion = edit.motion.with_keypoints(edit.motion.keypoints[:count])
    size = edit.frames.shape[2], edit.frames.shape[1]
    masks = np.stack([draw(people, 0, 0, *size)[1] > 96 for people in motion.keypoints])
    keys = list(plan.frames)
    frames = edit.frames[:count]
    return Case(name, plan, motion, frames[keys], frames, masks, masks[keys], motion.keypoints, GRID)


def with_joints_off(case: Case, share: float, seed: int = 0) -> Case:
    """The same, but that every joint is found beside where it is: on average by a share of the body's height."""
    keypoints, seen = case.motion.keypoints, case.motion.keypoints[..., 2] > 0
    size = np.array(case.truth.shape[2:0:-1])
    heights = [
        np.ptp(person[there, 1]) * size[1] for person, there in zip(keypoints[0], seen[0], strict=True) if any(there)
    ]
    spread = share * float(np.mean(heights)) / np.sqrt(np.pi / 2)  # of a Rayleigh distribution with that mean
    off = np.random.default_rng(seed).normal(0, spread, keypoints.shape[1:-1] + (2,)) / size
    moved = keypoints.copy()
    moved[..., :2] += (off * seen[..., None]).astype(np.float32)
    return replace(case, motion=case.motion.with_keypoints(moved))


def posterised(picture: Frames) -> Frames:
    """Flat areas of few, warm colours."""
    flat = cv2.bilateralFilter(cv2.bilateralFilter(picture, 7, 40, 5), 7, 40, 5)
    curves = (30, 90, 210, 250, 255), (10, 40, 90, 190, 245), (60, 110, 80, 120, 210)
    colours = np.stack([np.interp(np.arange(256), (0, 64, 128, 192, 255), curve) for curve in curves], axis=1)
    return np.asarray(colours[cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY)], np.uint8)


def inked(picture: Frames) -> Frames:
    """Strong colours of another hue, and every edge drawn over."""
    flat = cv2.bilateralFilter(picture, 7, 50, 5)
    grey = cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = np.clip(cv2.GaussianBlur(grey, (0, 0), 1) - cv2.GaussianBlur(grey, (0, 0), 2), -8, 8)
    hue, saturation, value = np.moveaxis(cv2.cvtColor(flat, cv2.COLOR_RGB2HSV), -1, 0)
    turned = (hue.astype(int) + 70) % 180, np.minimum(255, saturation * 1.8), value
    colours = cv2.cvtColor(np.dstack(turned).astype(np.uint8), cv2.COLOR_HSV2RGB)
    return np.asarray(np.clip(colours + 6 * edges[..., None], 0, 255), np.uint8)


def _case(
    name: str,
    motion: Motion,
    picture: Callable[[float], tuple[Frames, Frames]],
    pose: Callable[[float], Keypoints],
    every: int,
    size: tuple[int, int],
    rate: Fraction = RATE,
) -> Case:
    seconds = (motion.frame_count - 1) / float(motion.frame_rate)
    count = int(seconds * GRID) // every * every + 1
    plan = every_nth(count, GRID, every)
    keys = [picture(frame / float(GRID)) for frame in plan.frames]
    moments = list(schedule(plan, rate))
    truth = [picture(number / float(rate)) for number in range(len(moments))]
    on_grid = np.stack([pose(frame / float(GRID)) for frame in range(count)])
    return Case(
        name,
        plan,
        Motion(on_grid, GRID, *size),
        np.stack([one for one, _ in keys]),
        np.stack([one for one, _ in truth]),
        np.stack([mask > 96 for _, mask in truth]),
        np.stack([mask > 96 for _, mask in keys]),
        np.stack([pose(number / float(rate)) for number in range(len(moments))]),
        rate,
    )


def score(case: Case, made: Frames) -> Score:
    """How near frames at the rate of the truth come to it."""
    found = []
    for number, bracket in enumerate(schedule(case.plan, case.rate)):
        if not bracket.weight:
            continue
        people = case.masks[number] | case.key_masks[bracket.left] | case.key_masks[bracket.right]
        zone = cv2.dilate(people.astype(np.uint8), MARGIN) > 0
        squares = ((made[number].astype(np.float32) - case.truth[number]) ** 2).mean(axis=-1)[zone].mean()
        likeness = structural_similarity(made[number], case.truth[number])[zone].mean()
        found.append((10 * np.log10(255**2 / max(squares, 1e-3)), likeness))
    psnr, likeness = np.mean(found, axis=0)
    return Score(float(psnr), float(likeness))


def flow_warp_error(case: Case, made: Frames) -> float:
    """Mean difference of frames from those after them, brought back along the flow of the truth, in levels of 255.

    Where flow and its way back agree, and people are or have been (Lai and others, "Learning blind video temporal
    consistency", ECCV 2018).
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in case.truth]
    rows, columns = np.mgrid[0 : grey[0].shape[0], 0 : grey[0].shape[1]].astype(np.float32)
    found = []
    for number in range(len(grey) - 1):
        there, back = (
            flow.calc(grey[a], grey[b], None)  # type: ignore[call-overload]  # OpenCV's stub wants an array to fill
            for a, b in ((number, number + 1), (number + 1, number))
        )
        places = columns + there[..., 0], rows + there[..., 1]
        lost = np.hypot(*np.moveaxis(there + cv2.remap(back, *places, cv2.INTER_LINEAR), -1, 0)) > 1
        people = cv2.dilate((case.masks[number] | case.masks[number + 1]).astype(np.uint8), MARGIN) > 0
        after = cv2.remap(made[number + 1], *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        found.append(cv2.absdiff(after, made[number]).mean(axis=-1)[people & ~lost].mean())
    return float(np.mean(found))
