"""Only the person: masks, boxes and the way back, on figures that are drawn over a real place, and on real clips."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np

from bench._between import ASSETS, random_dance
from bench._compare import result
from bench._plates import plates
from nodes.compositing.boxes import CropSettings, crop_around
from nodes.compositing.cropped import CroppedStream
from nodes.compositing.put_back import PutBackStream, SeamSettings
from nodes.forecast.edit_work import NAIVE_RATE, NAIVE_STEPS
from nodes.keyframes.uniform import every_nth
from nodes.masks.fit import fitted
from nodes.masks.person_masks import PersonMasks
from nodes.masks.steady import MaskSettings, SteadyMasks
from nodes.masks.stream import MaskStream
from nodes.motion.cleaning.smooth import smooth
from nodes.motion.figure import figure_parts
from nodes.motion.motion import Motion
from nodes.pose.extract import extract_pose
from nodes.pose.landmarks import LandmarkSettings
from nodes.pose.segment import segment_people
from nodes.video.decode import FileStream
from nodes.video.decode_settings import DecodeSettings
from nodes.video.stream import ArrayStream, Frames, FrameStream
from training.renderer import FIGURES, draw

COMMAND = "make bench ONLY=place"
GRID, SIDE, FRAMES = Fraction(12), 512, 24
DANCERS = (0, 3, 0, 3, 0, 3)
"""Figures: a mannequin and a statue, which the pose model takes for people in a real room; the others it does not."""
MODEL = ASSETS / "models/mediapipe/pose_landmarker_full.task"
FULL = (1080, 1920)
EVERY, STEPS = 6, 18
"""As the workflow *Replace Person* is set."""


def measure() -> dict[str, dict[str, object]]:
    """What is spared, and what it does to edges."""
    found = {**_masks(), **_boxes(), **plates(_real_place()), **_way_back()}
    goals: dict[str, tuple[float, str]] = {
        "mask_iou": (0.90, "higher"),
        "mask_iou_worst": (0.80, "higher"),
        "mask_flicker_over_raw": (0.5, "lower"),
        "masks_per_second": (12, "higher"),
        "pixels_spared_one_person": (2.5, "higher"),
        "pixels_spared_two_people": (1.5, "higher"),
        "pixels_against_naive_one_person_steady": (50, "higher"),
        "pixels_against_naive_one_person_follow": (50, "higher"),
        "pixels_against_naive_two_people_follow": (50, "higher"),
        "box_jitter_over_raw": (0.05, "lower"),
        "person_cut_off": (0.0, "lower"),
        "changed_outside": (0.0, "lower"),
        "seam_gradient_ratio": (1.3, "lower"),
        "put_back_per_second_1080p": (25, "higher"),
        "plate_psnr_camera_stands": (35, "higher"),
        "plate_psnr_camera_pans": (35, "higher"),
        "plates_per_second_camera_stands": (12, "higher"),
        "plates_per_second_camera_pans": (4, "higher"),
    }
    return {
        f"place.{name}": result(found[name], "", goal, COMMAND, better=better) for name, (goal, better) in goals.items()
    }


def _clip(name: str, size: tuple[int, int] = (288, 512), rate: Fraction | None = GRID) -> FileStream:
    return FileStream(ASSETS / f"input/{name}.mp4", DecodeSettings(frame_rate=rate, size=size, multiple=2))


def _smoothed(motion: Motion) -> Motion:
    return motion.with_keypoints(smooth(motion.keypoints, motion.frame_rate, 0.5))


def _real_place() -> np.ndarray:
    """The room of the real clip, square, as far as it is seen beside the person."""
    clip = _clip("one_person", (SIDE, SIDE * 16 // 9))
    masks = segment_people(clip, MODEL, LandmarkSettings(1))
    steady = SteadyMasks(masks, MaskSettings(grow=12))
    frames = np.concatenate(list(clip.chunks())).astype(np.float32)
    frames[np.stack([steady.mask(at) for at in range(len(frames))]) > 0] = np.nan
    frames[0][np.isnan(frames).all(axis=0)] = 128  # behind who never moves
    return np.nanmedian(frames, axis=0)[-SIDE:, -SIDE:].astype(np.uint8)  # above stands somebody else


def _masks() -> dict[str, float]:
    place = _real_place()
    overlaps, flickers, seconds = [], [], 0.0
    for seed, figure in enumerate(DANCERS):
        motion = random_dance(30 + seed)
        people = motion.keypoints[:: round(motion.frame_rate / GRID)][:FRAMES]
        drawn = [draw(one, figure, 0, SIDE, SIDE) for one in people]
        truth = np.stack([mask for _, mask in drawn])
        frames = np.stack([_over(place, *one) for one in drawn])
        started = time.perf_counter()
        stream = ArrayStream(frames, GRID)
        found = segment_people(stream, MODEL, LandmarkSettings(1))
        better = fitted(found, stream)
        seconds += time.perf_counter() - started
        steady = [SteadyMasks(found, MaskSettings(steady=0.0)), SteadyMasks(better, MaskSettings())]
        raw, calm = (np.stack([one.mask(at) for at in range(FRAMES)]) for one in steady)
        overlaps.append(float(np.mean([_overlap(a, b) for a, b in zip(calm, truth, strict=True)])))
        flickers.append(_flicker(calm, truth) / _flicker(raw, truth))
        print(f"masks of a {FIGURES[figure].names[0]}: {overlaps[-1]:.3f}, flicker {flickers[-1]:.2f} of raw")
    count = FRAMES * len(DANCERS)
    return {
        "mask_iou": float(np.mean(overlaps)),
        "mask_iou_worst": min(overlaps),
        "mask_flicker_over_raw": float(np.mean(flickers)),
        "masks_per_second": count / seconds,
    }


def _over(place: np.ndarray, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    share = mask[..., None] / 255
    return np.asarray((place * (1 - share) + picture * share).round(), np.uint8)


def _overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    one, other = mask > 127, truth > 127
    return float((one & other).sum() / max((one | other).sum(), 1))


def _flicker(masks: np.ndarray, truth: np.ndarray) -> float:
    """Second differences over time of what the masks are off: a steady error does not flicker."""
    off = masks.astype(np.float32) - truth
    return float(np.abs(np.diff(off, 2, axis=0)).mean())


def _boxes() -> dict[str, float]:
    found = {}
    for name, people in (("one_person", 1), ("two_people", 2)):
        clip = _clip(name)
        raw = extract_pose(clip, MODEL, LandmarkSettings(people))
        motion = _smoothed(raw)
        for path in ("steady", "follow"):
            crop = crop_around([motion], clip.info, CropSettings(path))
            print(f"{name}, {path}: the box has {crop.share:.0%} of the frame")
            found[f"pixels_against_naive_{name}_{path}"] = _against_naive(crop.frame_count, crop.share)
        found[f"pixels_spared_{name}"] = 1 / crop.share
        if people == 1:
            found["box_jitter_over_raw"] = _jitter(crop.corners) / _jitter(_middles(raw))
            masks = segment_people(clip, MODEL, LandmarkSettings(people), raw)
            found["person_cut_off"] = max(_outside(masks, crop.corners, crop.box, at) for at in range(crop.frame_count))
    return found


def _against_naive(frames: int, share: float) -> float:
    """How many times more pixels go through the net where whole frames are drawn, all of them, in 50 steps.

    Keyframes and steps are those of *Replace Person*, and people are as large.
    """
    keyframes = len(every_nth(frames, GRID, EVERY).frames)
    naive = float(frames / GRID * NAIVE_RATE) * NAIVE_STEPS
    return naive / (keyframes * STEPS * share)


def _middles(motion: Motion) -> np.ndarray:
    """Of the box that holds a body in each frame."""
    size = motion.width, motion.height
    boxes = []
    for people in motion.keypoints:
        ends = np.array([end for part in figure_parts(people, size) for end, _ in part.ends])
        boxes.append((ends.min(axis=0) + ends.max(axis=0)) / 2)
    return np.array(boxes)


def _jitter(places: np.ndarray) -> float:
    return float(np.abs(np.diff(places, 3, axis=0)).mean())


def _outside(masks: PersonMasks, corners: np.ndarray, box: tuple[int, int], frame: int) -> float:
    """Of a person's pixels, how many are not in the box."""
    mask = masks.mask(frame) > 127
    left, top = np.floor(corners[frame]).astype(int)
    inside = mask[top : top + box[1] + 1, left : left + box[0] + 1].sum()
    return float(1 - inside / max(mask.sum(), 1))


def _way_back() -> dict[str, float]:
    clip = _clip("one_person", FULL)
    motion = _smoothed(extract_pose(clip, MODEL, LandmarkSettings(1)))
    crop = crop_around([motion], clip.info, CropSettings())
    cropped = CroppedStream(clip, crop)
    masks = segment_people(cropped, MODEL, LandmarkSettings(1), crop.motion(motion))
    outlines = MaskStream(masks, MaskSettings(grow=10))
    darker = np.clip(np.concatenate(list(cropped.chunks())).astype(int) - (30, 10, 45), 0, 255).astype(np.uint8)
    edited, kept = ArrayStream(darker, GRID), np.concatenate(list(clip.chunks()))
    source = ArrayStream(kept, GRID)
    made = np.concatenate(list(PutBackStream(edited, crop, source, outlines).chunks()))
    white = ArrayStream(np.full_like(darker, 255), GRID)
    black = ArrayStream(np.zeros_like(kept), GRID)
    plain = PutBackStream(white, crop, black, outlines, SeamSettings(match=0))
    shown = np.concatenate(list(plain.chunks())).max(axis=-1) > 0
    seconds = _seconds(lambda: PutBackStream(edited, crop, source, outlines))
    return {
        "changed_outside": float((made != kept).any(axis=-1)[~shown].mean()),
        "seam_gradient_ratio": _gradient(made, shown) / _gradient(kept, shown),
        "put_back_per_second_1080p": len(made) / seconds,
    }


def _gradient(frames: Frames, shown: np.ndarray) -> float:
    """Mean step of brightness from pixel to pixel where an edit ends."""
    found = []
    for frame, mask in zip(frames, shown.astype(np.uint8), strict=True):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
        steps = np.hypot(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1))
        border = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        found.append(steps[border].mean())
    return float(np.mean(found))


def _seconds(stream: Callable[[], FrameStream]) -> float:
    """On one core."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        started = time.perf_counter()
        for _ in stream().chunks():
            pass
        return time.perf_counter() - started
    finally:
        cv2.setNumThreads(threads)
