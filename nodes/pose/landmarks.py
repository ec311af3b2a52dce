"""MediaPipe's pose landmarker over a stream of frames."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from queue import Queue
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..masks.person_masks import packed
from ..motion.motion import BODY_JOINTS, HAND_JOINTS, Keypoints
from ..video.stream import FrameStream
from .hands import HandFinder
from .mediapipe_tasks import opened, to_image

if TYPE_CHECKING:
    from mediapipe.tasks.python.vision import PoseLandmarker

MAX_PEOPLE = 8

_WARM_UP = 12
"""Frames until a landmarker's tracking no longer depends on where it began."""
_SHORTEST_SECTION = 60
"""Frames that are worth a landmarker of their own: opening one takes as long as five frames."""

_MASK_WIDTH = 4  # pixels of which widths are multiples where masks are made

_BLAZEPOSE_SHOULDERS = (11, 12)
_NECK = 1
# BlazePose-33 index of each OpenPose-18 joint; the neck, which BlazePose lacks, holds the place of the nose.
_BLAZEPOSE = np.array((0, 0, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7))


@dataclass(frozen=True)
class LandmarkSettings:
    """What counts as a person, and as a joint.

    Attributes:
        people: most people to look for in a frame, 1..8.
        confidence: least confidence 0..1 to detect a person, and to keep following them.
        joint_confidence: joints below this (0..1) are missing: hidden behind something, or guessed.
        hands: ``hand_landmarker.task``, to find both hands of everyone; ``None`` leaves them out.
    """

    people: int = 1
    confidence: float = 0.5
    joint_confidence: float = 0.3
    hands: Path | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.people <= MAX_PEOPLE:
            raise InputError("people", str(self.people), f"1 to {MAX_PEOPLE}")
        for name, value in (("confidence", self.confidence), ("joint_confidence", self.joint_confidence)):
            if not 0 <= value <= 1:
                raise InputError(name, str(value), "0 to 1")


def detect_people(
    stream: FrameStream,
    model: Path,
    settings: LandmarkSettings,
    on_frame: Callable[[], object] = lambda: None,
    lanes: int | None = None,
) -> list[Keypoints]:
    """Find people in every frame, on the CPU.

    Args:
        stream: the frames; read once but for the overlaps, a chunk at a time.
        model: a ``pose_landmarker_*.task`` bundle.
        settings: what to look for.
        on_frame: called after every frame, in the caller's thread; may raise to stop.
        lanes: most sections; by default as many as there are processors.

    Returns:
        Per frame: ``(people found, 18, 3)`` in OpenPose-18 order, as in ``Motion``, or with hands ``(…, 60, 3)``; in no
        particular order.

    Raises:
        ImportError: mediapipe, or a system library it needs, is not installed.
        InputError: ``model`` or ``settings.hands`` is not the bundle that it should be.
    """
    found: list[Keypoints] = [_nobody(settings)] * stream.info.frame_count
    for index, seen in look_through(stream, model, settings, lanes):
        found[index] = seen.people
        on_frame()
    return found


@dataclass(frozen=True, eq=False)
class Seen:
    """What a landmarker has found in a frame.

    Attributes:
        people: ``(people, 18 or 60, 3)``, in no particular order.
        masks: of each of them, if they were asked for: how much of every pixel is that person, as grey PNG.
    """

    people: Keypoints
    masks: Sequence[bytes] = ()


def look_through(
    stream: FrameStream, model: Path, settings: LandmarkSettings, lanes: int | None = None, masks: bool = False
) -> Iterator[tuple[int, Seen]]:
    """What is seen in each frame, by number, as it comes.

    A stream that can be entered in the middle is cut into sections that are looked through side by side. Each begins a
    few frames early, so that its landmarker has settled on the people when its own frames come.

    Args:
        stream, model, settings, lanes: see ``detect_people``, which says what is raised too.
        masks: ask for them.
    """
    finished: Queue[tuple[int, Seen] | None] = Queue()
    stop = Event()
    sections = _sections(stream, lanes or os.cpu_count() or 1)
    with ThreadPoolExecutor(len(sections), "landmarks") as pool:
        work = [
            pool.submit(_detect, stream, section, model, settings, masks, finished.put, stop) for section in sections
        ]
        try:
            running = len(work)
            while running:
                if (result := finished.get()) is None:
                    running -= 1
                else:
                    yield result
        finally:
            stop.set()
        for future in work:
            future.result()  # raises what a section failed with


@dataclass(frozen=True)
class _Section:
    """Frames ``first`` up to ``end``, to be read from ``start``."""

    start: int
    first: int
    end: int


def _sections(stream: FrameStream, lanes: int) -> list[_Section]:
    count = stream.info.frame_count
    lanes = max(1, min(lanes, count // _SHORTEST_SECTION)) if stream.seekable else 1
    bounds = [count * lane // lanes for lane in range(lanes + 1)]
    return [_Section(max(0, first - _WARM_UP), first, end) for first, end in pairwise(bounds)]


def _detect(
    stream: FrameStream,
    section: _Section,
    model: Path,
    settings: LandmarkSettings,
    masks: bool,
    report: Callable[[tuple[int, Seen] | None], None],
    stop: Event,
) -> None:
    """Look through a section; report every frame, and ``None`` at the end."""
    try:
        with ExitStack() as opened_here:
            landmarker = opened_here.enter_context(_open_landmarker(model, settings, masks))
            hands = settings.hands and opened_here.enter_context(HandFinder(settings.hands, settings.confidence))
            frames = (frame for chunk in stream.section(section.start, section.end) for frame in chunk)
            for index, frame in enumerate(frames, section.start):
                if stop.is_set():
                    return
                picture = _aligned(frame) if masks else frame
                result = landmarker.detect_for_video(to_image(picture), _milliseconds(index, stream))
                if index < section.first:
                    continue
                stretch = np.array((picture.shape[1] / frame.shape[1], 1, 1), np.float32)
                arrays = [_array(pose) * stretch for pose in result.pose_landmarks]
                bodies = [to_openpose(pose, settings.joint_confidence) for pose in arrays]
                people = np.stack(bodies) if bodies else _nobody(settings)
                masked = [_packed(mask, frame.shape[1]) for mask in result.segmentation_masks or ()]
                report((index, Seen(hands.with_hands(frame, people) if hands and bodies else people, masked)))
    except BaseException:
        stop.set()
        raise
    finally:
        report(None)


def _aligned(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A frame whose width MediaPipe can make masks of: with any other it ends the process."""
    more = -frame.shape[1] % _MASK_WIDTH
    return np.pad(frame, ((0, 0), (0, more), (0, 0)), "edge") if more else frame


def _packed(mask: Any, width: int) -> bytes:
    plane = np.squeeze(mask.numpy_view())[:, :width]
    return packed(np.clip(plane * 255, 0, 255).round().astype(np.uint8))


def _nobody(settings: LandmarkSettings) -> Keypoints:
    joints = len(BODY_JOINTS) + (2 * HAND_JOINTS if settings.hands else 0)
    return np.empty((0, joints, 3), np.float32)


def to_openpose(blazepose: npt.NDArray[np.float32], joint_confidence: float = 0.0) -> Keypoints:
    """Convert one person from BlazePose-33 to OpenPose-18 (COCO).

    The neck is the middle of the shoulders and as sure as the less sure of the two. A joint outside the frame or
    below ``joint_confidence`` is missing: all zero.

    Args:
        blazepose: ``(33, 3)``: x, y as fractions of the frame, confidence 0..1.
        joint_confidence: least confidence of a joint.

    Returns:
        ``(18, 3)``.
    """
    body: Keypoints = blazepose[_BLAZEPOSE]
    shoulders = blazepose[list(_BLAZEPOSE_SHOULDERS)]
    body[_NECK] = (*shoulders[:, :2].mean(axis=0), shoulders[:, 2].min())
    inside = ((body[:, :2] >= 0) & (body[:, :2] < 1)).all(axis=1)
    body[~inside | (body[:, 2] < joint_confidence)] = 0
    return body


def _array(pose: list[Any]) -> npt.NDArray[np.float32]:
    # visibility: not hidden by something, given that it is in the frame; presence: it is in the frame.
    return np.array([(p.x, p.y, (p.visibility or 0) * (p.presence or 0)) for p in pose], np.float32)


def _milliseconds(index: int, stream: FrameStream) -> int:
    """Time stamp of a frame; strictly increasing, as MediaPipe demands, even above 1000 frames per second."""
    return max(index, int(index * 1000 / stream.info.frame_rate))


def _open_landmarker(model: Path, settings: LandmarkSettings, masks: bool = False) -> PoseLandmarker:
    sure = settings.confidence
    landmarker: PoseLandmarker = opened(
        "PoseLandmarker",
        model,
        "VIDEO",
        num_poses=settings.people,
        min_pose_detection_confidence=sure,
        min_pose_presence_confidence=sure,
        min_tracking_confidence=sure,
        output_segmentation_masks=masks,
    )
    return landmarker
