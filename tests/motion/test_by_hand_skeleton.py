"""What a body does when a joint is moved, and the course of keys, against independent solvers."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline
from scipy.optimize import least_squares

from frugal_motion.nodes.motion.editing.by_hand.edits import Move
from frugal_motion.nodes.motion.editing.by_hand.joints import JOINTS
from frugal_motion.nodes.motion.editing.by_hand.skeleton import ORDER, dragged
from frugal_motion.nodes.motion.editing.by_hand.tracks import Track, replaced
from frugal_motion.nodes.motion.motion import BODY_JOINTS

from .synthetic import dance
from .test_by_hand import places

BODIES = places(dance())[:, 0]
SEEN = np.ones(BODIES.shape, bool)
J = {name: number for number, name in enumerate(BODY_JOINTS)}


def drag(joint, by, bodies=BODIES, seen=SEEN):
    return dragged(bodies, seen, joint, np.full(len(bodies), by, complex))


def test_every_joint_has_its_turn():
    assert sorted(ORDER) == sorted(JOINTS)
    place = {name: order for order, name in enumerate(ORDER)}
    chains = (
        "left_wrist left_elbow left_shoulder neck pelvis body",
        "right_ankle right_knee right_hip neck",
        "left_hand_4 left_hand_3 left_hand_0 left_wrist",
        "nose neck",
    )
    for outer, inner in (pair for chain in chains for pair in pairwise(chain.split())):
        assert place[outer] > place[inner]


@pytest.mark.parametrize(
    ("limb", "row"), [("right_shoulder right_elbow right_wrist", 10), ("left_hip left_knee left_ankle", 90)]
)
@pytest.mark.parametrize("by", [0.03 + 0.02j, -0.05 - 0.08j, 0.9 + 0.3j])
def test_a_limb_reaches_as_a_general_solver_finds(limb, row, by):
    """Angles of two bones that bring the end nearest to the goal, from where they are now."""
    root, middle, end = (BODIES[row, J[name]] for name in limb.split())
    upper, lower = middle - root, end - middle

    def bones(turns):
        elbow = root + upper * np.exp(1j * turns[0])
        return elbow, elbow + lower * np.exp(1j * turns[1])

    def miss(turns):
        apart = bones(turns)[1] - (end + by)
        return apart.real, apart.imag

    best = least_squares(miss, (0, 0), xtol=1e-12, ftol=1e-12, gtol=1e-12)
    result = drag(limb.split()[2], by)[row]
    reached = result[J[limb.split()[2]]]
    assert abs(reached - (end + by)) == pytest.approx(np.hypot(*best.fun), abs=1e-5)
    found = bones(best.x)[0]
    mirror = root + (reached - root) * ((found - root) / (reached - root)).conjugate()
    elbow = result[J[limb.split()[1]]]
    assert min(abs(elbow - found), abs(elbow - mirror)) < 1e-4
    side = [np.sign(((e - root).conjugate() * (m - root)).imag) for e, m in ((end, middle), (reached, elbow))]
    assert side[0] == side[1] or abs(by) > 0.5  # a limb at full stretch has no side


LENGTHS = st.floats(0.02, 0.4)


@given(LENGTHS, LENGTHS, st.floats(-3, 3), st.floats(-3, 3), st.floats(-1, 1), st.floats(-1, 1))
def test_bones_keep_their_lengths_and_the_end_is_as_near_as_they_allow(upper, lower, bent, turn, x, y):
    body = np.zeros((1, 18), complex)
    body[0, 3] = upper * np.exp(1j * turn)
    body[0, 4] = body[0, 3] + lower * np.exp(1j * (turn + bent))
    goal = complex(x, y)
    result = dragged(body, np.ones((1, 18), bool), "right_wrist", np.array([goal - body[0, 4]]))[0]
    assert abs(result[3]) == pytest.approx(upper, abs=1e-5)
    assert abs(result[4] - result[3]) == pytest.approx(lower, abs=1e-5)
    nearest = np.clip(abs(goal), abs(upper - lower), upper + lower)
    assert abs(result[4] - goal) == pytest.approx(abs(nearest - abs(goal)), abs=1e-5)


MOVED = {
    "right_wrist": "right_elbow right_wrist",
    "right_elbow": "right_elbow right_wrist",
    "right_shoulder": "right_shoulder right_elbow right_wrist",
    "left_ankle": "left_knee left_ankle",
    "left_knee": "left_knee left_ankle",
    "left_hip": "left_hip left_knee",
    "nose": "nose right_eye left_eye right_ear left_ear",
    "left_ear": "nose right_eye left_eye right_ear left_ear",
    "neck": "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist "
    "right_eye left_eye right_ear left_ear",
    "pelvis": " ".join(name for name in BODY_JOINTS if "ankle" not in name),
    "body": " ".join(BODY_JOINTS),
}


@pytest.mark.parametrize("joint", MOVED)
def test_a_joint_takes_along_what_hangs_on_it(joint):
    result = drag(joint, 0.01 + 0.004j)
    changed = {BODY_JOINTS[number] for number in np.flatnonzero((np.abs(result - BODIES) > 1e-9).any(axis=0))}
    ankles = {"left_ankle", "right_ankle"} if joint in ("left_hip", "pelvis") else set()  # of a leg that is too short
    assert changed - ankles == set(MOVED[joint].split())


def test_ankles_stay_where_the_legs_reach_them():
    """A body that sinks a little keeps both feet where they are, and bends its knees."""
    result = drag("pelvis", 0.02j)
    for side in ("left", "right"):
        hip, ankle = J[f"{side}_hip"], J[f"{side}_ankle"]
        nearer = np.abs(BODIES[:, ankle] - BODIES[:, hip] - 0.02j) < np.abs(BODIES[:, ankle] - BODIES[:, hip])
        assert nearer.sum() > 150
        np.testing.assert_allclose(result[nearer, ankle], BODIES[nearer, ankle], atol=1e-9)


@settings(max_examples=40)
@given(st.sampled_from(JOINTS[:18]), st.lists(st.integers(0, 17), max_size=6), st.complex_numbers(max_magnitude=0.3))
def test_missing_joints_hinder_nobody(joint, missing, by):
    """Where a joint is missing its place does not matter to the others."""
    seen = SEEN[:3].copy()
    seen[:, missing] = False
    one, other = BODIES[:3].copy(), BODIES[:3].copy()
    one[:, missing], other[:, missing] = 0, 0.7 - 0.2j
    results = [drag(joint, by, bodies, seen) for bodies in (one, other)]
    if joint not in [BODY_JOINTS[number] for number in missing]:
        np.testing.assert_allclose(results[0][seen], results[1][seen], atol=1e-9)
        assert np.isfinite(results[0]).all()


def hermite(t, a, b, at, to, slope_at, slope_to):
    """Hermite's polynomial by its basis."""
    u, gap = (t - a) / (b - a), b - a
    basis = (2 * u**3 - 3 * u**2 + 1, u**3 - 2 * u**2 + u, -2 * u**3 + 3 * u**2, u**3 - u**2)
    return sum(w * v for w, v in zip(basis, (at, gap * slope_at, to, gap * slope_to), strict=True))


def test_offsets_follow_hermite_between_keys():
    keys = [
        Move(frame=10, person=1, joint="nose", by=(0.1, 0.2), before=3, after=9),
        Move(frame=18, person=1, joint="nose", by=(-0.1, 0.05), slope=(0.01, -0.02), after=5),
    ]
    frames = np.arange(30)
    offsets = Track.of(keys).offsets(frames, 2.0)
    values, speed = (0.2 + 0.2j, -0.2 + 0.05j), 0.02 - 0.02j
    expected = np.zeros(30, complex)
    for a, b, ends in (
        (7, 10, (0, values[0], 0, 0)),
        (10, 18, (*values, 0, speed)),
        (18, 23, (values[1], 0, speed, 0)),
    ):
        inside = (frames >= a) & (frames < b)
        expected[inside] = hermite(frames[inside], a, b, *ends)
    np.testing.assert_allclose(offsets, expected, atol=1e-12)
    assert not offsets[:8].any() and not offsets[23:].any()


def test_a_replaced_way_is_the_cubic_spline_through_keys_and_ends():
    way = np.cumsum(np.random.default_rng(0).normal(0, 0.02, (40, 2)), axis=0) @ (1, 1j)
    keys = [Move(frame=frame, person=1, joint="nose", by=by, before=4, after=5, replace=True)
            for frame, by in ((12, (0.1, 0.0)), (17, (0.05, 0.1)), (21, (-0.1, 0.1)))]  # fmt: skip
    frames = np.arange(40)
    goal, counts = replaced(Track.of(keys), frames, way, np.ones(40, bool), 1.0)
    knots = np.array([8, 12, 17, 21, 26])
    places = way[knots] + [0, 0.1, 0.05 + 0.1j, -0.1 + 0.1j, 0]
    speeds = (3 * way[8] - 4 * way[7] + way[6]) / 2, (4 * way[27] - 3 * way[26] - way[28]) / 2
    spline = CubicSpline(knots, places, bc_type=((1, speeds[0]), (1, speeds[1])))
    assert np.flatnonzero(counts).tolist() == list(range(9, 26))
    np.testing.assert_allclose(goal[counts], spline(frames[counts]), atol=1e-12)
    assert np.array_equal(goal[~counts], way[~counts])
    gone = np.arange(40) != 8  # without the place at an end the fade there moves what was found
    _, counts = replaced(Track.of(keys), frames, way, gone, 1.0)
    assert np.flatnonzero(counts).tolist() == list(range(12, 26))
