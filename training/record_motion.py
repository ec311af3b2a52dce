"""Record the real poses that training and evaluation draw: ``python -m training.record_motion TAKE:PEOPLE:FILE…``.

They lie in the repository (``real_motion.npz``), because they are small and finding them needs MediaPipe and clips: all
cameras of Pose2Sim's demos (takes ``one_person`` and ``two_people``) and Sports2D's demo (``walk``), both BSD-3-Clause.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nodes.motion.cleaning.repair import fill_gaps
from nodes.motion.cleaning.smooth import smooth
from nodes.pose.extract import extract_pose
from nodes.pose.landmarks import LandmarkSettings
from nodes.video.decode import FileStream
from nodes.video.decode_settings import DecodeSettings

from .poses import REAL_MOTION

LANDMARKER = Path(".assets/models/mediapipe/pose_landmarker_full.task")


def record(clip: Path, people: int) -> npt.NDArray[np.float16]:
    """The complete bodies of a clip.

    Returns:
        ``(poses, 18, 2)``: x, y in picture heights.
    """
    stream = FileStream(clip, DecodeSettings())
    motion = extract_pose(stream, LANDMARKER, LandmarkSettings(people=people, joint_confidence=0.2))
    keypoints = smooth(fill_gaps(motion.keypoints, 6), motion.frame_rate, 0.15).reshape(-1, 18, 3)
    complete = keypoints[(keypoints[..., 2] > 0).all(axis=1)]
    poses = complete[..., :2] * (motion.width / motion.height, 1)
    width, height = np.moveaxis(np.ptp(poses, axis=1), -1, 0)
    upright = width < 1.2 * height  # nobody lies down in these clips: the others are mistakes
    return np.asarray(poses[upright], np.float16)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "clips", nargs="+", help="TAKE:PEOPLE:FILE; a take is one performance, however many cameras saw it"
    )
    takes: dict[str, list[npt.NDArray[np.float16]]] = {}
    for clip in parser.parse_args().clips:
        take, people, file = clip.split(":", 2)
        takes.setdefault(take, []).append(record(Path(file), int(people)))
        print(take, file, len(takes[take][-1]), flush=True)
    whole: dict[str, Any] = {take: np.concatenate(poses) for take, poses in takes.items()}
    np.savez_compressed(REAL_MOTION, **whole)


if __name__ == "__main__":
    main()
