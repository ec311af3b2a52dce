"""Applying edits that were made by hand.

The order is fixed, whatever the order of the list: people exchanged, spans repaired, joints shown, poses, moves,
mirrored spans, joints hidden; then time, and last the people who stay. What no edit touches stays equal to the bit.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ....errors import InputError
from ...body import in_heights, mirrored_order
from ...cleaning.outliers import body_sizes
from ...limbs import Points, to_keypoints
from ...motion import ALL, Keypoints, Motion, chosen
from ..timing import resample, smoothstep
from .checks import Note, Plan, checked
from .edits import Delete, Drop, Edits, Hide, Hold, Keep, Mirror, Move, Pose, Repair, Show, Speed, Swap
from .joints import numbers
from .poses import anchors, blended, by_person, mirrored
from .prepare import repaired, shown, swapped
from .skeleton import ORDER, Places, Seen, dragged, place_of, stretched
from .times import cuts, joined, time_map
from .tracks import Frames, Track, by_track, replaced

Confidence: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Edited:
    """A motion after its edits, and what was skipped."""

    motion: Motion
    notes: tuple[Note, ...] = ()


def edited(motion: Motion, edits: Edits) -> Edited:
    """Apply all edits.

    Args:
        motion: of any length and any number of people.
        edits: what to do. Those for a frame, person or joint that is not there are skipped, with a note.

    Raises:
        InputError: holds and slow motion would make more than ``times.MOST_FRAMES`` frames.
    """
    plan, _ = checked(motion, edits)
    times = time_map(edits, motion.frame_count)
    result = posed(motion, edits)
    timed = _joined(result.motion, plan.of(Delete))
    if any(plan.of(kind) for kind in (Delete, Speed, Hold)):
        timed = resample(timed, times)
    return Edited(_of_people(timed, plan), result.notes)


def posed(motion: Motion, edits: Edits, frames: range | None = None) -> Edited:
    """Apply all edits but those of time, and those that take people out.

    Args:
        motion: of any length and any number of people.
        edits: what to do.
        frames: compute these only, and return them; the same as cutting them out of the whole. ``None``: all.

    Raises:
        InputError: ``frames`` are not frames of the motion that follow each other.
    """
    window = range(motion.frame_count) if frames is None else frames
    if window.step != 1 or (window and not 0 <= window[0] <= window[-1] < motion.frame_count):
        raise InputError("frames", str(window), f"some of 0 to {motion.frame_count - 1}, one after the other")
    plan, notes = checked(motion, edits)
    source = _prepared(motion, plan)
    result = _Posing(source, plan).frames(window)
    return Edited(source.with_keypoints(result), tuple(sorted((*notes, *_missing(source, plan)))))


def _prepared(motion: Motion, plan: Plan) -> Motion:
    if swaps := plan.of(Swap):
        motion = motion.with_keypoints(swapped(motion.keypoints, swaps))
    if repairs := plan.of(Repair):
        motion = motion.with_keypoints(repaired(motion, repairs))
    if shows := plan.of(Show):
        motion = motion.with_keypoints(shown(motion, shows))
    return motion


def _missing(source: Motion, plan: Plan) -> list[Note]:
    """Keys in frames in which their joint is missing, and no pose brings it."""
    notes = []
    posed_spans = {person: track.spans for person, (_, track) in by_person(plan.of(Pose)).items()}
    for number, move in plan.numbered(Move):
        which = numbers(move.joint, source.keypoints.shape[2])
        if (source.keypoints[move.frame, move.person - 1, which, 2] > 0).any():
            continue
        if not any(first < move.frame < last for first, last in posed_spans.get(move.person - 1, ())):
            joint = "person" if move.joint == "body" else move.joint.replace("_", " ")
            notes.append(Note(number, f"the {joint} is missing in frame {move.frame}: show it first"))
    return notes


class _Posing:
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
        spans = [(first, last, np.arange(first, last + 1)) for _, track in self.poses.values()
                 for first, last in track.spans]  # fmt: skip
        spans += [need for tracks in self.tracks.values() for track in tracks.values() for need in track.needs()]
        spans += [(frames[0], frames[-1], frames) for share in self.mirrors.values() for frames in _fades(share)]
        spans = [span for span in spans if not wanted.all()]
        grown = True
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
            points, confidence = self._mirrored(self.mirrors[person][frames], points, confidence)
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
        return pose, np.broadcast_to(keypoints[:, 2], points.shape)

    def _moved(self, person: int, frames: Frames, points: Points, seen: Seen) -> Points:
        tracks = self.tracks.get(person, {})
        for joint in ORDER:
            if joint in tracks:
                points = self._with_track(tracks[joint], joint, frames, points, seen)
        return points

    def _with_track(self, track: Track, joint: str, frames: Frames, points: Points, seen: Seen) -> Points:
        by = track.offsets(frames, self.aspect)
        places, there = place_of(points, seen, joint)
        if track.replaces:
            goal, counts = replaced(track, frames, places, there, self.aspect)
            by = np.where(counts, goal - places, by)
        rows = np.flatnonzero((by != 0) & there)
        alone = track.marked(frames[rows], "stretch")
        result = points.copy()
        for which, move in ((rows[alone], _stretch), (rows[~alone], dragged)):
            if which.size:
                result[which] = move(points[which], seen[which], joint, by[which])
        return result

    def _mirrored(
        self, share: npt.NDArray[np.float64], points: Points, confidence: Confidence
    ) -> tuple[Points, Confidence]:
        rows = np.flatnonzero(share > 0)
        if not rows.size:
            return points, confidence
        old, known = points[rows], confidence[rows]
        new, new_known = mirrored(old, known > 0), known[:, mirrored_order(known.shape[1])]
        points, confidence = points.copy(), confidence.copy()
        points[rows] = blended(old, known > 0, new, new_known > 0, share[rows])
        confidence[rows] = np.where((share[rows] < 0.5)[:, None], known, new_known)
        return points, confidence


def _stretch(points: Points, seen: Seen, joint: str, by: Places) -> Points:
    return stretched(points, joint, by)


def _shares(mirrors: list[Mirror], motion: Motion) -> dict[int, npt.NDArray[np.float64]]:
    """How far each person is mirrored in each frame, 0..1; the fade lies inside the span."""
    result: dict[int, npt.NDArray[np.float64]] = {}
    for edit in mirrors:
        frames = np.arange(edit.first, min(edit.last + 1, motion.frame_count))
        inside = np.minimum(frames - edit.first, edit.last - frames) + 1
        share = smoothstep(np.minimum(inside / (edit.fade + 1), 1))
        for person in range(motion.people)[chosen(edit.person - 1 if edit.person else ALL)]:
            theirs = result.setdefault(person, np.zeros(motion.frame_count))
            theirs[frames] = np.maximum(theirs[frames], share)
    return result


def _fades(share: npt.NDArray[np.float64]) -> list[Frames]:
    """The runs of frames that are partly mirrored."""
    partly = np.flatnonzero((share > 0) & (share < 1))
    return [run for run in np.split(partly, np.flatnonzero(np.diff(partly) > 1) + 1) if run.size]


def _joined(motion: Motion, deletes: list[Delete]) -> Motion:
    found = cuts(deletes, motion.frame_count)
    if not found or motion.keypoints.size == 0:
        return motion
    flat = in_heights(motion.keypoints, motion.width / motion.height)
    points, seen = flat[..., 0] + 1j * flat[..., 1], motion.keypoints[..., 2] > 0
    result = points
    starts, ends = [0, *(behind for _, behind, _ in found)], [*(before for before, _, _ in found), len(points) - 1]
    for number, (before, behind, fade) in enumerate(found):
        result = joined(result, seen, before, behind, fade, (starts[number], ends[number + 1]))
    changed = (result != points)[..., None]
    placed = to_keypoints(result, motion.keypoints, motion.width / motion.height)
    return motion.with_keypoints(np.where(changed, placed, motion.keypoints))


def _of_people(motion: Motion, plan: Plan) -> Motion:
    kept = {keep.person - 1 for keep in plan.of(Keep)} or set(range(motion.people))
    stay = sorted(kept - {drop.person - 1 for drop in plan.of(Drop)})
    return motion if len(stay) == motion.people else motion.with_keypoints(motion.keypoints[:, stay])
