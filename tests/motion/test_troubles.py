"""Where troubles are told to be, against damage whose place is known."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation

from frugal_motion.nodes.motion.body import mirrored_order
from frugal_motion.nodes.motion.cleaning.outliers import body_sizes
from frugal_motion.nodes.motion.cleaning.repair import joint_name
from frugal_motion.nodes.motion.motion import BODY_JOINTS, Motion
from frugal_motion.nodes.motion.node import FrugalMotionReport
from frugal_motion.nodes.motion.report.troubles import Trouble, find_troubles

from .synthetic import Damage, damaged, dance

LEFT_WRIST, LEFT_ANKLE = BODY_JOINTS.index("left_wrist"), BODY_JOINTS.index("left_ankle")
KINDS = {"jump", "bone", "swap", "unsure", "gap", "slide"}


def spoilt(motion: Motion, change) -> Motion:
    keypoints = np.array(motion.keypoints)
    change(keypoints)
    return motion.with_keypoints(keypoints)


def of_kind(troubles: list[Trouble], *kinds: str) -> list[Trouble]:
    return [trouble for trouble in troubles if trouble.kind in kinds]


def marked(troubles: list[Trouble], motion: Motion) -> np.ndarray:
    """``(frames, people)`` in which there is any of them."""
    marks = np.zeros(motion.keypoints.shape[:2], bool)
    for trouble in troubles:
        marks[trouble.first : trouble.last + 1, trouble.person - 1] = True
    return marks


def recall_and_precision(marks: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Of damaged frames the share that is marked, of marked frames that within a frame of damage."""
    near = binary_dilation(truth, np.ones((3, 1), bool))
    return float(marks[truth].mean()), float(near[marks].mean())


def test_a_clean_dance_has_almost_no_trouble() -> None:
    troubles = [trouble for seed in range(10) for trouble in find_troubles(dance(12, seed=seed, people=2))]
    assert len(troubles) <= 3, "in four minutes of one person"
    assert all(trouble.badness < 0.35 for trouble in troubles)


def test_jumps_are_where_joints_were_thrown() -> None:
    found, thrown, right = 0, 0, 0
    for seed in range(6):
        truth = dance(8, seed=seed, people=2)
        motion = damaged(truth, Damage(0.003, 0, 4, 0.002, 0), seed=seed)
        apart = np.linalg.norm((motion.keypoints - truth.keypoints)[..., :2] * (9 / 16, 1), axis=-1)
        far = {tuple(int(n) for n in at) for at in np.argwhere(apart > 0.12)}
        jumps = of_kind(find_troubles(motion), "jump", "bone")
        told = {(frame, jump.person - 1, jump.joint) for jump in jumps for frame in range(jump.first, jump.last + 1)}
        found += sum((frame, person, joint_name(joint)) in told for frame, person, joint in far)
        thrown += len(far)
        marks = {(frame, person) for frame, person, _ in far}
        right += sum(any((f, jump.person - 1) in marks for f in range(jump.first, jump.last + 1)) for jump in jumps)
        assert len(jumps) <= 1.5 * len(far)
    assert found / thrown > 0.85, "by frame, person and joint"


@pytest.mark.parametrize("damage", [Damage(0.003, 0, 4, 0.004, 0), Damage(0.01, 0, 4, 0.004, 0)])
def test_frames_with_thrown_joints_are_told_apart(damage: Damage) -> None:
    shares = []
    for seed in range(6):
        truth = dance(8, seed=seed, people=2)
        motion = damaged(truth, damage, seed=seed)
        apart = np.linalg.norm((motion.keypoints - truth.keypoints)[..., :2] * (9 / 16, 1), axis=-1)
        thrown = (apart > 0.12).any(axis=2)
        shares.append(recall_and_precision(marked(of_kind(find_troubles(motion), "jump", "bone"), motion), thrown))
    recall, precision = np.mean(shares, axis=0)
    assert recall > 0.9 and precision > 0.7, shares


def test_gaps_are_where_joints_are_missing() -> None:
    motion = damaged(dance(8, people=2), Damage(0, 0.02, 6, 0, 0))
    missing = motion.keypoints[..., 2] == 0
    inside = np.zeros_like(missing)
    for person, joint in np.argwhere(missing.any(axis=0)):
        seen = np.flatnonzero(~missing[:, person, joint])
        inside[seen[0] : seen[-1], person, joint] = missing[seen[0] : seen[-1], person, joint]
    recall, precision = recall_and_precision(marked(of_kind(find_troubles(motion), "gap"), motion), inside.any(axis=2))
    assert recall == 1 and precision > 0.9


def test_a_swap_is_told_once_and_not_as_jumps() -> None:
    motion = spoilt(
        dance(8, seed=2), lambda points: points.__setitem__(slice(80, 86), points[80:86][:, :, mirrored_order(18)])
    )
    (swap,) = of_kind(find_troubles(motion), "swap", "jump", "bone")
    assert (swap.kind, swap.person, swap.joint, swap.first, swap.last) == ("swap", 1, "body", 80, 85)
    assert 0.3 < swap.badness < 1


def test_swaps_are_where_sides_were_exchanged() -> None:
    for seed in range(6):
        points = np.array(damaged(dance(8, seed=seed, people=2), Damage(0.003, 0, 4, 0, 0), seed=seed).keypoints)
        exchanged = np.zeros(points.shape[:2], bool)
        random = np.random.default_rng(seed)
        for person in range(2):
            for start in random.choice(np.arange(20, 180, 25), 4, replace=False):
                span = slice(start, start + random.integers(2, 12))
                points[span, person] = points[span, person][:, mirrored_order(18)]
                exchanged[span, person] = True
        motion = Motion(points, Fraction(25), 720, 1280)
        troubles = find_troubles(motion)
        recall, precision = recall_and_precision(marked(of_kind(troubles, "swap"), motion), exchanged)
        assert recall > 0.95 and precision > 0.95
        assert len(of_kind(troubles, "jump", "bone")) <= 2, "it is told once"


def test_what_strays_in_a_swap_keeps_the_name_that_the_detector_gave() -> None:
    def spoil(points: np.ndarray) -> None:
        points[80:86] = points[80:86][:, :, mirrored_order(18)]
        points[83, 0, LEFT_WRIST, 1] -= 0.4

    (jump,) = of_kind(find_troubles(spoilt(dance(8, seed=2), spoil)), "jump")
    assert (jump.joint, jump.first, jump.last) == ("left_wrist", 83, 83)


def test_people_who_are_taken_for_each_other_leap() -> None:
    truth = dance(8, people=2, seed=5)
    exchanged = spoilt(truth, lambda points: points.__setitem__(slice(120, None), points[120:, ::-1]))
    jumps = of_kind(find_troubles(exchanged), "jump")
    assert {jump.person for jump in jumps} == {1, 2}
    assert all(jump.joint == "body" and jump.first <= 120 <= jump.last and jump.last - jump.first < 5 for jump in jumps)


def test_a_swapped_arm_is_named() -> None:
    arms = [2, 3, 4, 5, 6, 7]

    def spoil(points: np.ndarray) -> None:
        points[40:44, 1, arms] = points[40:44, 1][:, mirrored_order(18)[arms]]

    (swap,) = of_kind(find_troubles(spoilt(dance(8, people=2, seed=4), spoil)), "swap")
    assert (swap.person, swap.joint, swap.first, swap.last) == (2, "left_wrist", 40, 43)


def test_the_worse_comes_first() -> None:
    def spoil(points: np.ndarray) -> None:
        points[50, 0, LEFT_WRIST, 1] -= 0.2
        points[150, 0, LEFT_WRIST, 1] -= 0.5

    troubles = of_kind(find_troubles(spoilt(dance(8), spoil)), "jump")
    assert [trouble.first for trouble in troubles] == [150, 50]
    assert 0 < troubles[1].badness < troubles[0].badness < 1


def test_someone_who_is_away_is_one_trouble_and_not_eighteen() -> None:
    (gap,) = find_troubles(spoilt(dance(8, people=2), lambda points: points[30:60, 1].fill(0)))
    assert (gap.kind, gap.person, gap.joint, gap.first, gap.last) == ("gap", 2, "body", 30, 59)


def test_who_has_not_come_yet_or_has_left_is_no_gap() -> None:
    def spoil(points: np.ndarray) -> None:
        points[:30, 0] = points[150:, 1] = 0

    assert not of_kind(find_troubles(spoilt(dance(8, people=2), spoil)), "gap")


def test_a_hand_that_is_missing_is_one_trouble() -> None:
    body = np.array(dance(4).keypoints)
    hands = np.repeat(body[:, :, [LEFT_WRIST]], 42, axis=2)
    motion = Motion(np.concatenate((body, hands), axis=2), Fraction(25), 720, 1280)
    (gap,) = find_troubles(spoilt(motion, lambda points: points[20:50, 0, 18:39].fill(0)))
    assert (gap.kind, gap.joint, gap.first, gap.last) == ("gap", "left_hand_0", 20, 49)


def test_a_bone_that_is_too_long_for_long() -> None:
    def spoil(points: np.ndarray) -> None:
        points[60:95, 0, LEFT_ANKLE, 1] += 0.25

    troubles = of_kind(find_troubles(spoilt(dance(8), spoil)), "bone")
    assert any(t.joint == "left_ankle" and t.first <= 61 and t.last >= 94 for t in troubles), troubles


def test_little_confidence_is_little_beside_what_is_usual() -> None:
    def doubt(points: np.ndarray) -> None:
        points[..., 2] = 0.4  # as of a detector that is never surer
        points[50:70, 0, LEFT_WRIST, 2] = 0.1

    (unsure,) = of_kind(find_troubles(spoilt(dance(8), doubt)), "unsure")
    assert (unsure.joint, unsure.first, unsure.last) == ("left_wrist", 50, 69)


def test_a_standing_foot_that_drifts() -> None:
    standing = np.array(dance(4, seed=1).keypoints)
    standing[:] = standing[:1]
    assert find_troubles(Motion(standing, Fraction(25), 720, 1280)) == []
    standing[..., LEFT_ANKLE, 0] += (np.arange(100) / 25 * 0.05 / (9 / 16))[:, None]
    motion = Motion(standing, Fraction(25), 720, 1280)
    (slide,) = of_kind(find_troubles(motion), "slide")
    assert (slide.joint, slide.first, slide.last) == ("left_ankle", 0, 99)
    way = 0.05 * 99 / 25 / float(body_sizes(motion)[0])
    assert slide.badness == pytest.approx(way / (way + 0.2), rel=0.1)


@given(
    st.integers(0, 3),
    st.integers(0, 12),
    st.sampled_from((18, 60)),
    st.sampled_from((0.0, 0.4, 1.0)),
    st.integers(0, 50),
)
def test_any_motion_has_troubles_in_its_bounds(people: int, frames: int, joints: int, gaps: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    keypoints = random.uniform(0, 1, (frames, people, joints, 3)).astype(np.float32)
    keypoints[random.random(keypoints.shape[:3]) < gaps] = 0
    names = {"body", *map(joint_name, range(joints))}
    troubles = find_troubles(Motion(keypoints, Fraction(25), 64, 36))
    for trouble in troubles:
        assert trouble.kind in KINDS and trouble.joint in names and 1 <= trouble.person <= people
        assert 0 <= trouble.first <= trouble.last < frames and 0 <= trouble.badness <= 1
    assert [t.badness for t in troubles] == sorted((t.badness for t in troubles), reverse=True)
    json.dumps([trouble.as_dict() for trouble in troubles], allow_nan=False)


def test_no_more_than_the_worst_are_told() -> None:
    motion = damaged(dance(40), Damage(0.01, 0.1, 2, 0.05, 0))
    everything = find_troubles(motion, 10_000)
    assert len(everything) > 500 and find_troubles(motion) == everything[:500]


def test_the_report_tells_them() -> None:
    motion = damaged(dance(4))
    told = json.loads(FrugalMotionReport.execute(motion, dance(4)).args[1])
    assert told["motion"]["troubles"] == [trouble.as_dict() for trouble in find_troubles(motion)] != []
    assert told["before"]["troubles"] == []
    assert set(told["motion"]["troubles"][0]) == {"kind", "person", "joint", "from", "to", "badness"}
