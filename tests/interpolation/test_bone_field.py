"""Where the places of a frame lie in a keyframe, by bones: poses whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from frugal_motion.nodes.interpolation.guided.bone_field import BoneField, bone_field, preferences, shown_parts
from frugal_motion.nodes.interpolation.guided.figure_map import FigureMap
from frugal_motion.nodes.interpolation.guided.poses import steady_hands
from frugal_motion.nodes.motion.motion import Keypoints, Motion

from ..motion.synthetic import dance
from .scene import GRID, SIZE


@pytest.fixture(scope="module")
def people() -> Keypoints:
    return dance(2, GRID, seed=1).keypoints[5]


def moved(people: Keypoints, across: float, down: float = 0.0) -> Keypoints:
    """Everybody elsewhere, in pixels."""
    there = people.copy()
    there[..., :2] += np.array((across, down)) / SIZE * (people[..., 2:] > 0)
    return np.asarray(there, np.float32)


def field_of(target: Keypoints, keyframe: Keypoints) -> tuple[BoneField, FigureMap]:
    frame, known = FigureMap(target, SIZE), FigureMap(keyframe, SIZE)
    return bone_field(frame, known, shown_parts(known), {}, {}), frame


@pytest.mark.parametrize(("across", "down"), [(0, 0), (7, 0), (-5, 9)])
def test_a_body_that_has_only_moved_is_seen_whole_where_it_was(people: Keypoints, across: float, down: float) -> None:
    field, figures = field_of(people, moved(people, across, down))
    body = figures.nearest < -0.03
    assert np.abs(field.offsets[body] - (across, down)).max() < 0.01
    assert field.seen[body].min() > 0.5


def test_what_was_outside_of_the_keyframe_is_not_seen(people: Keypoints) -> None:
    """Its edge is not smeared over limbs that come into the picture."""
    field, figures = field_of(people, moved(people, -SIZE[0] / 2))
    from_outside = figures.columns + field.offsets[..., 0] < -0.2 * figures.parts[0].scale
    body = figures.nearest < -0.03
    assert (from_outside & body).any() and (~from_outside & body).any()
    assert field.seen[from_outside].max() == 0


def test_a_limb_is_taken_from_the_keyframe_in_which_it_is_bent_less(people: Keypoints) -> None:
    elbow, wrist = 3, 4
    bent, more = people.copy(), people.copy()
    forearm = (people[0, wrist, :2] - people[0, elbow, :2]) * SIZE
    for pose, angle in ((bent, 0.3), (more, 1.2)):
        turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
        pose[0, wrist, :2] = people[0, elbow, :2] + turn @ forearm / SIZE
    frame, near, far = (FigureMap(one, SIZE) for one in (people, bent, more))
    names = {part.key: part for part in frame.parts}
    nearer, further = preferences(frame, near, far), preferences(frame, far, near)
    forearms = [key for key in names if nearer[key] != further[key]]
    assert len(forearms) == 1, "the other limbs are as they were in both"
    assert nearer[forearms[0]] == 1 and further[forearms[0]] < 0.3


def with_hand(people: Keypoints, angle: float) -> Keypoints:
    """A right hand whose fingers point that far away from the forearm's line, in radians."""
    elbow, wrist = (people[0, joint, :2] * SIZE for joint in (3, 4))
    ahead = (wrist - elbow) / np.hypot(*(wrist - elbow))
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    whole = np.concatenate((people, np.zeros((1, 42, 3), np.float32)), axis=1)
    for joint in range(21):
        whole[0, 39 + joint, :2] = (wrist + turn @ ahead * 4.0 * ((joint + 3) // 4)) / SIZE
    whole[0, 39:, 2] = 1
    return whole


def test_a_hand_turns_at_its_wrist(people: Keypoints) -> None:
    frame, keyframe = with_hand(people, 0.0), with_hand(people, 1.2)
    field, figures = field_of(frame, keyframe)
    tip = frame[0, 39 + 9, :2] * SIZE  # where fingers begin
    place = np.hypot(figures.columns - tip[0], figures.rows - tip[1]).argmin()
    at = np.array((figures.columns.ravel()[place], figures.rows.ravel()[place]))
    found = at + field.offsets.reshape(-1, 2)[place]
    assert np.hypot(*(found - keyframe[0, 39 + 9, :2] * SIZE)) < 2
    without = field_of(people, people)[0].offsets.reshape(-1, 2)[place]
    assert np.abs(without).max() < 0.1, "without fingers it goes with the forearm"


def test_a_hand_that_comes_and_goes_is_no_part_of_a_shot(people: Keypoints) -> None:
    frames = np.stack([with_hand(people, 0.1 * turn) for turn in range(6)])
    frames[1, 0, 39:] = 0
    motion = steady_hands(Motion(frames, GRID, *SIZE), (0, 2))
    assert not motion.keypoints[:, 0, 39:].any() and (motion.keypoints[:, 0, :18] == frames[:, 0, :18]).all()
    assert (steady_hands(Motion(frames, GRID, *SIZE), (2, 5)).keypoints == frames).all()
    assert (steady_hands(Motion(frames[:, :, :18], GRID, *SIZE), (0, 5)).keypoints == frames[:, :, :18]).all()
