"""One person after another: poses, moves, mirrored spans and hidden joints, in the frames that are asked for."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...body import in_heights, mirrored_order
from ...cleaning.outliers import body_sizes
from ...limbs import Points, to_keypoints
from ...motion import ALL, Keypoints, Motion, chosen
from ..timing import smoothstep
from .checks import Plan
from .edits import Hide, Mirror, Move, Pose
from .joints import numbers
from .poses import anchors, blended, by_person, filled, mirrored
from .skeleton import ENDS, ORDER, Limbs, Seen, dragged, limbs_behind, place_of, stretched
from .tracks import Frames, Track, between_ends, by_track, replaced

Confidence: TypeAlias = npt.NDArray[np.float32]
Shares: TypeAlias = npt.NDArray[np.float64]


class Posing:
    """Poses, moves, mirrored spans and hidden joints of a motion."""

    def __init__(self, source: Motion, plan: Plan) -> None:
        self.source, self.aspect = source, source.width / source.height
        self.tracks: dict[int, dict[str, Track]] = defaultdict(dict)
        for (person, joint), track in by_track(plan.of(Move)).items():
            self.tracks[person][joint] = track
        self.poses = by_person(plan.of(Pose))
        self.mirrors = _shares(plan.of(Mirror), source)
        self.hides = plan.of(Hide)

    def frames(self, window: range) -> Keypoints:
        """The keypoints of these frames."""
        asked = slice(window.start, window.stop)
        result = self.source.keypoints[asked].copy()
        people = {*self.tracks, *self.poses, *self.mirrors}
        if people and window:
            needed = self._needed(window)
            kept = slice(*np.searchsorted(needed, (window.start, window.stop)))
            for person in sorted(people):
                result[:, person] = self._person(person, needed)[kept]
        for hide in self.hides:
            first, last = max(hide.first - window.start, 0), hide.last + 1 - window.start
            if last > 0:
                result[first:last, hide.person - 1, numbers(hide.joint, result.shape[2])] = 0
        return result

    def _needed(self, window: range) -> Frames:
        """The frames that the window follows from, itself among them."""
        count = self.source.frame_count
        wanted = np.zeros(count, np.bool_)
        wanted[window.start : window.stop] = True
        spans = [(first, last, np.arange(max(first, 0), min(last + 1, count)))
                 for _, track in self.poses.values() for first, last in track.spans]  # fmt: skip
        spans += [need for tracks in self.tracks.values() for track in tracks.values() for need in track.needs()]
        spans += [(frames[0], frames[-1], frames) for share in self.mirrors.values() for frames in _fades(share)]
        grown = not wanted.all()
        while grown:
            sums = np.concatenate(([0], np.cumsum(wanted)))
            before = int(sums[-1])
            for first, last, frames in spans:
                if sums[min(last + 1, count)] > sums[max(first, 0)]:
                    wanted[frames[(frames >= 0) & (frames < count)]] = True
            grown = bool(wanted.sum() > before)
        return np.flatnonzero(wanted)

    def _person(self, person: int, frames: Frames) -> Keypoints:
        """One person in some frames ``(frames, joints, 3)``."""
        keypoints = self.source.keypoints[frames, person]
        start, confidence = self._points(keypoints), keypoints[..., 2]
        points = start
        if person in self.poses:
            points, confidence = self._with_poses(person, frames, points, confidence)
        points = self._moved(person, frames, points, confidence > 0)
        if person in self.mirrors:
            points, confidence = self._mirrored(self.mirrors[person], frames, points, confidence)
        changed = (points != start) | (confidence != keypoints[..., 2])
        placed = to_keypoints(points, np.stack((confidence,) * 3, axis=-1), self.aspect)
        return np.where(changed[..., None], placed, keypoints)

    def _points(self, keypoints: Keypoints) -> Points:
        flat = in_heights(keypoints, self.aspect)
        return np.asarray(flat[..., 0] + 1j * flat[..., 1])

    def _with_poses(
        self, person: int, frames: Frames, points: Points, confidence: Confidence
    ) -> tuple[Points, Confidence]:
        keys, track = self.poses[person]
        points, confidence = points.copy(), confidence.copy()
        segments = track.segments(frames)
        for segment in np.unique(segments):
            ends = track.keys[segment : segment + 2] if segment >= 0 else ()
            if len(ends) < 2 or max(ends) < 0:
                continue
            rows = np.flatnonzero(segments == segment)
            first, last = track.frames[segment : segment + 2]
            share = smoothstep((frames[rows] - first) / (last - first))
            here, there = (self._pose(keys[end] if end >= 0 else None, points[rows], confidence[rows]) for end in ends)
            points[rows] = blended(here[0], here[1] > 0, there[0], there[1] > 0, share)
            confidence[rows] = np.where((share < 0.5)[:, None], here[1], there[1])
        return points, confidence

    def _pose(self, key: Pose | None, points: Points, confidence: Confidence) -> tuple[Points, Confidence]:
        """The pose of a key beside each row, or the rows themselves."""
        if key is None:
            return points, confidence
        person = (key.of_person or key.person) - 1
        keypoints = self.source.keypoints[key.of, person]
        seen = np.broadcast_to(keypoints[:, 2] > 0, points.shape)
        pose = np.broadcast_to(self._points(keypoints), points.shape)
        if person != key.person - 1:
            sizes = body_sizes(self.source)
            pose = pose * (sizes[key.person - 1] / sizes[person])
        if not key.place:
            here, there = anchors(points, confidence > 0, pose, seen)
            pose = pose + (here - there)[:, None]
        # What the pose lacks stays as it is.
        return filled(pose, seen, points, confidence > 0), np.where(seen, keypoints[:, 2], confidence)

    def _moved(self, person: int, frames: Frames, points: Points, seen: Seen) -> Points:
        tracks = self.tracks.get(person, {})
        for joint in ORDER:
            if joint in tracks:
                points = self._with_track(tracks[joint], joint, frames, points, seen)
        return points

    def _with_track(self, track: Track, joint: str, frames: Frames, points: Points, seen: Seen) -> Points:
        by, limbs, anew = track.offsets(frames, self.aspect), None, np.zeros(len(frames), np.bool_)
        places, known = place_of(points, seen, joint)
        if track.replaces:
            goal, counts = replaced(track, frames, places, known, self.aspect)
            counts &= known
            by = np.where(counts, goal - places, by)
            if joint in ENDS:  # how the limb was found here is not believed either
                limbs = self._limbs_between(track, joint, frames, points, seen, counts)
                anew = limbs.known
        # A limb may be wrong where its end is right.
        rows = np.flatnonzero(((by != 0) | anew) & (seen.any(axis=1) if joint == "body" else known))
        alone = track.marked(frames[rows], "stretch")
        result = points.copy()
        result[rows[alone]] = stretched(points[rows[alone]], joint, by[rows[alone]])
        rows = rows[~alone]
        result[rows] = dragged(points[rows], seen[rows], joint, by[rows], limbs and limbs[rows])
        return result

    def _limbs_between(
        self, track: Track, joint: str, frames: Frames, points: Points, seen: Seen, counts: Seen
    ) -> Limbs:
        """The limb behind a wrist or ankle as it goes from one end of a span to the other; 0 where none counts."""
        found, known = limbs_behind(points, seen, joint)
        upper, lower = (between_ends(track, frames, length, known).real for length in (found.upper, found.lower))
        bend = between_ends(track, frames, found.bend, known, smooth=True)
        return Limbs(*(np.where(counts, values, 0) for values in (upper, lower, bend)))

    def _mirrored(
        self, share: Shares, frames: Frames, points: Points, confidence: Confidence
    ) -> tuple[Points, Confidence]:
        mirror_image = mirrored(points, confidence > 0)
        exchanged = confidence[:, mirrored_order(confidence.shape[1])]
        result = np.where((share[frames] == 1)[:, None], mirror_image, points)
        for run in _fades(share):
            rows = np.searchsorted(frames, run)
            if rows[-1] < len(frames) and frames[rows[0]] == run[0]:  # runs are needed as a whole
                old, new = ((body[rows], known[rows] > 0) for body, known in
                            ((points, confidence), (mirror_image, exchanged)))  # fmt: skip
                result[rows] = blended(*old, *new, share[run])
        return result, np.where((share[frames] < 0.5)[:, None], confidence, exchanged)


def _shares(mirrors: list[Mirror], motion: Motion) -> dict[int, Shares]:
    """How far each person is mirrored in each frame, 0..1; the fade lies inside the span."""
    result: dict[int, Shares] = {}
    for edit in mirrors:
        frames = np.arange(edit.first, min(edit.last + 1, motion.frame_count))
        inside = np.minimum(frames - edit.first, edit.last - frames) + 1
        share = smoothstep(np.minimum(inside / (edit.fade + 1), 1))
        for person in range(motion.people)[chosen(edit.person - 1 if edit.person else ALL)]:
            theirs = result.setdefault(person, np.zeros(motion.frame_count))
            theirs[frames] = np.maximum(theirs[frames], share)
    return result


def _fades(share: Shares) -> list[Frames]:
    """The runs of frames that are partly mirrored."""
    partly = np.flatnonzero((share > 0) & (share < 1))
    return [run for run in np.split(partly, np.flatnonzero(np.diff(partly) > 1) + 1) if run.size]
