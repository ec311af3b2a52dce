"""Who is who from frame to frame."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from ..motion.motion import BODY_JOINTS, Keypoints

KEEP_SECONDS = 2
"""How long a slot waits for a person who has left."""

# How far, in body sizes, the mean joint may move and still be the same person: at once, and per second unseen.
_REACH = 0.3
_SPEED = 3.0
_SMALLEST_BODY = 0.02  # frame heights; a person of a single joint has no size
_FAR = 1e6
# Someone out of sight goes on at the last speed, ever slower: for this many seconds of it in all.
_COASTING = 0.5
_NEWEST = 0.5  # share of the last step in a person's speed
_BODY = len(BODY_JOINTS)


def follow_people(frames: Iterable[Keypoints], slots: int, frame_rate: Fraction, aspect: float) -> Keypoints:
    """Give every person one slot for the whole clip.

    Each frame's people are matched to those seen last, moved on at the speed they had, at the least total cost
    (Kuhn-Munkres), the cost being the mean distance of the joints that both show, relative to body size. So people who
    cross are told apart even while one hides the other. A newcomer takes a slot whose person left more than
    ``KEEP_SECONDS`` ago, else an unused one, else that of who has been gone longest.

    Args:
        frames: per frame ``(found, 18 or 60, 3)`` with ``found`` at most ``slots``; hands do not count.
        slots: most people at a time.
        frame_rate: frames per second.
        aspect: the frame's width over its height, to measure distances in.

    Returns:
        ``(frames, people, 18 or 60, 3)`` with ``people`` slots in use (at least one); in the first frame from left
        to right.
    """
    tracker = _Slots(slots, frame_rate, aspect)
    rows = [tracker.place(index, people) for index, people in enumerate(frames)]
    used = max(1, int((tracker.seen >= 0).sum()))
    empty = np.empty((0, slots, _BODY, 3), np.float32)
    return (np.stack(rows) if rows else empty)[:, :used]


class _Slots:
    """Each slot's last pose, the frame it was seen in (-1: never), and its speed in fractions of a frame per frame."""

    def __init__(self, count: int, frame_rate: Fraction, aspect: float) -> None:
        self.poses = np.zeros((count, _BODY, 3), np.float32)
        self.seen = np.full(count, -1)
        self.speeds = np.zeros((count, 2))
        self.frame_rate, self.aspect = float(frame_rate), aspect

    def place(self, frame: int, people: Keypoints) -> Keypoints:
        """Sort one frame's people into the slots: ``(slots, 18 or 60, 3)``."""
        people = people[(people[:, :_BODY, 2] > 0).any(axis=1)]
        bodies = people[:, :_BODY]
        placed = self._match(frame, bodies)
        for person in sorted(set(range(len(people))) - set(placed), key=lambda i: _centre(bodies[i])[0]):
            placed[person] = self._free_slot(frame, set(placed.values()))
        row = np.zeros((len(self.poses), *people.shape[1:]), np.float32)
        for person, slot in placed.items():
            row[slot] = people[person]
            self._remember(frame, slot, bodies[person])
        return row

    def _remember(self, frame: int, slot: int, pose: Keypoints) -> None:
        if frame - self.seen[slot] == 1 and self.seen[slot] >= 0:
            step = _apart(pose, self.poses[slot]).mean(axis=0)
            self.speeds[slot] += _NEWEST * (step - self.speeds[slot])
        elif self.seen[slot] < 0 or (frame - self.seen[slot]) / self.frame_rate > KEEP_SECONDS:
            self.speeds[slot] = 0
        self.poses[slot], self.seen[slot] = pose, frame

    def _expected(self, frame: int, slot: int) -> Keypoints:
        """The slot's pose where its person should be by now."""
        pose: Keypoints = self.poses[slot].copy()
        coasting = _COASTING * self.frame_rate
        pose[:, :2] += self.speeds[slot] * coasting * (1 - np.exp((self.seen[slot] - frame) / coasting))
        return pose

    def _match(self, frame: int, people: Keypoints) -> dict[int, int]:
        known = np.flatnonzero(self.seen >= 0)
        cost = np.full((len(people), len(known)), _FAR)
        for column, slot in enumerate(known):
            reach = _REACH + _SPEED * (frame - self.seen[slot]) / self.frame_rate
            expected = self._expected(frame, int(slot))
            # Who was seen a moment ago may have gone on, or have trembled and be where he was.
            likely = [expected] if frame - self.seen[slot] > 1 else [expected, self.poses[slot]]
            distances = np.array(
                [min(body_distance(person, pose, self.aspect) for pose in likely) for person in people]
            )
            cost[:, column] = np.where(distances <= reach, distances, _FAR)
        pairs = zip(*linear_sum_assignment(cost), strict=True)
        return {int(i): int(known[j]) for i, j in pairs if cost[i, j] < _FAR}

    def _free_slot(self, frame: int, taken: set[int]) -> int:
        def preference(slot: int) -> tuple[int, int]:
            if self.seen[slot] < 0:
                return 1, slot
            if (frame - self.seen[slot]) / self.frame_rate > KEEP_SECONDS:
                return 0, slot
            return 2, int(self.seen[slot])

        return min(set(range(len(self.seen))) - taken, key=preference)


def body_distance(a: Keypoints, b: Keypoints, aspect: float) -> float:
    """Mean distance of the joints ``(18, 3)`` that both show (of the centres if they share none), in body sizes.

    Args:
        aspect: the frame's width over its height.
    """
    scale = np.array((aspect, 1.0))
    size = max(_size(a, scale), _size(b, scale), _SMALLEST_BODY)
    return float(np.linalg.norm(_apart(a, b) * scale, axis=1).mean()) / size


def _apart(a: Keypoints, b: Keypoints) -> npt.NDArray[np.float32]:
    """From ``b`` to ``a`` of the joints that both show, or of the centres: ``(1 or more, 2)``."""
    shared = (a[:, 2] > 0) & (b[:, 2] > 0)
    return a[shared, :2] - b[shared, :2] if shared.any() else (_centre(a) - _centre(b))[None]


def _centre(pose: Keypoints) -> npt.NDArray[np.float32]:
    centre: npt.NDArray[np.float32] = pose[pose[:, 2] > 0, :2].mean(axis=0)
    return centre


def _size(pose: Keypoints, scale: npt.NDArray[np.float64]) -> float:
    """Diagonal of the box around the joints, in frame heights."""
    return float(np.linalg.norm(np.ptp(pose[pose[:, 2] > 0, :2], axis=0) * scale))
