"""Hands: MediaPipe's hand landmarker around each wrist. In the whole frame they are too small for it."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..motion.motion import BODY_JOINTS, HAND_JOINTS, Keypoints
from .mediapipe_tasks import opened, to_image

Frame = npt.NDArray[np.uint8]

_ARMS = ((5, 6, 7), (2, 3, 4))  # shoulder, elbow, wrist; the left hand comes first, as in Motion
_AHEAD = 0.3  # forearms from the wrist to the middle of the hand
_REACH = 0.6  # how far the hand's own wrist may lie from the pose's, in half widths of the crop
_SMALLEST_CROP = 24  # pixels; a smaller hand shows no fingers


class HandFinder:
    """A hand landmarker; close it after use, or take it as a context.

    Args:
        model: ``hand_landmarker.task``.
        confidence: least confidence 0..1 that something is a hand.

    Raises:
        ImportError: mediapipe, or a system library it needs, is not installed.
        InputError: ``model`` is not a hand landmarker.
    """

    def __init__(self, model: Path, confidence: float) -> None:
        self._landmarker = opened(
            "HandLandmarker", model, "IMAGE", num_hands=2, min_hand_detection_confidence=confidence
        )

    def __enter__(self) -> HandFinder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._landmarker.close()

    def with_hands(self, frame: Frame, people: Keypoints) -> Keypoints:
        """Add both hands to people's bodies.

        Args:
            frame: RGB ``(height, width, 3)``.
            people: ``(people, 18, 3)`` as in ``Motion``.

        Returns:
            ``(people, 60, 3)``; a hand that is not found is missing. All joints of a hand have the confidence of the
            whole hand.
        """
        whole = np.zeros((len(people), len(BODY_JOINTS) + 2 * HAND_JOINTS, 3), np.float32)
        whole[:, : len(BODY_JOINTS)] = people
        for person, body in zip(whole, people, strict=True):
            for side, arm in enumerate(_ARMS):
                first = len(BODY_JOINTS) + side * HAND_JOINTS
                person[first : first + HAND_JOINTS] = self._hand(frame, body[list(arm)])
        return whole

    def _hand(self, frame: Frame, arm: Keypoints) -> Keypoints:
        """One hand ``(21, 3)`` from shoulder, elbow and wrist; all zero if there is none."""
        nothing = np.zeros((HAND_JOINTS, 3), np.float32)
        if not (arm[:, 2] > 0).all():
            return nothing
        height, width, _ = frame.shape
        shoulder, elbow, wrist = arm[:, :2].astype(np.float64) * (width, height)
        half = max(math.dist(elbow, wrist), 0.7 * math.dist(shoulder, elbow))  # a forearm that points at us looks short
        left, top = np.maximum((wrist + _AHEAD * (wrist - elbow) - half).astype(int), 0)
        crop = frame[top : top + int(2 * half), left : left + int(2 * half)]
        if min(crop.shape[:2]) < _SMALLEST_CROP:
            return nothing
        found = [
            (np.array([(mark.x, mark.y) for mark in marks]) * crop.shape[1::-1] + (left, top), side[0].score)
            for marks, side in _detected(self._landmarker, crop)
        ]
        near = [hand for hand in found if math.dist(hand[0][0], wrist) < _REACH * half]
        if not near:
            return nothing
        points, score = min(near, key=lambda hand: math.dist(hand[0][0], wrist))
        hand = np.column_stack((points / (width, height), np.full(HAND_JOINTS, score))).astype(np.float32)
        hand[((hand[:, :2] < 0) | (hand[:, :2] >= 1)).any(axis=1)] = 0
        return hand


def _detected(landmarker: Any, crop: Frame) -> list[tuple[Any, Any]]:
    result = landmarker.detect(to_image(crop))
    return list(zip(result.hand_landmarks, result.handedness, strict=True))
