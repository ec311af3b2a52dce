import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.pose.draw import COLOURS, HAND_EDGES, LIMBS, draw_pose, overlay_pose

# controlnet_aux 0.0.10, open_pose/util.py: joints counted from 1, in drawing order.
PUBLISHED_LIMBS = [
    [2, 3], [2, 6], [3, 4], [4, 5], [6, 7], [7, 8], [2, 9], [9, 10], [10, 11], [2, 12], [12, 13], [13, 14],
    [2, 1], [1, 15], [15, 17], [1, 16], [16, 18],
]  # fmt: skip

# A star: every joint on its own spot, far from the others and from other limbs' middles.
ANGLES = np.linspace(0, 2 * np.pi, 18, endpoint=False)


def pose(joints=range(18), spots=None):
    """One person at 512 x 512 with only these joints."""
    keypoints = np.zeros((1, 18, 3), np.float32)
    if spots is None:
        spots = np.stack((0.5 + 0.4 * np.cos(ANGLES), 0.5 + 0.4 * np.sin(ANGLES)), axis=1)
    for joint in joints:
        keypoints[0, joint] = (*spots[joint], 1)
    return keypoints


def pixel(keypoints, joint, size=512):
    x, y = (keypoints[0, joint, :2].astype(np.float64) * size).astype(int)
    return x, y


def test_the_tables_are_the_published_ones():
    assert [[a + 1, b + 1] for a, b in LIMBS] == PUBLISHED_LIMBS
    assert HAND_EDGES == (
        (0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (5, 6), (6, 7), (7, 8), (0, 9), (9, 10), (10, 11), (11, 12),
        (0, 13), (13, 14), (14, 15), (15, 16), (0, 17), (17, 18), (18, 19), (19, 20),
    )  # fmt: skip
    # Around the colour wheel in 18 steps of a third of a primary.
    assert [COLOURS[i] for i in (0, 1, 3, 6, 9, 12, 15, 17)] == [
        (255, 0, 0), (255, 85, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255), (255, 0, 85),
    ]  # fmt: skip


@pytest.mark.parametrize("joint", range(18))
def test_a_joint_is_a_disc_of_radius_4_in_its_full_colour(joint):
    keypoints = pose([joint])
    drawn = draw_pose(keypoints, 512, 512)
    x, y = pixel(keypoints, joint)
    ys, xs = np.nonzero(drawn.any(axis=2))
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (x - 4, x + 4, y - 4, y + 4)
    assert (drawn[ys, xs] == COLOURS[joint]).all()
    assert 0.8 < len(xs) / (np.pi * 4**2) < 1.2  # a disc, not a square


@pytest.mark.parametrize("index", range(17))
def test_a_limb_is_an_ellipse_of_its_colour_times_0_6(index):
    a, b = LIMBS[index]
    spots = np.full((18, 2), 0.5)
    spots[a], spots[b] = (100.5 / 512, 200.5 / 512), (300.5 / 512, 200.5 / 512)
    drawn = draw_pose(pose([a, b], spots), 512, 512)
    shade = tuple(int(0.6 * channel) for channel in COLOURS[index])
    column = drawn[:, 200]
    assert [tuple(map(int, c)) for c in column[196:205]] == [shade] * 9  # half-width 4 in the middle
    assert not column[:196].any() and not column[205:].any()
    narrower = drawn[:, 115].any(axis=1).sum()
    assert 0 < narrower < 9
    assert tuple(drawn[200, 100]) == COLOURS[a] and tuple(drawn[200, 300]) == COLOURS[b]


@pytest.mark.parametrize("missing", range(18))
def test_a_missing_joint_takes_its_limbs_with_it(missing):
    keypoints = pose([joint for joint in range(18) if joint != missing])
    drawn = draw_pose(keypoints, 512, 512)
    everything = {tuple(map(int, c)) for c in drawn.reshape(-1, 3)}
    assert COLOURS[missing] not in everything and tuple(drawn[0, 0]) == (0, 0, 0)
    for index, (a, b) in enumerate(LIMBS):
        shade = tuple(int(0.6 * channel) for channel in COLOURS[index])
        assert (shade in everything) == (missing not in (a, b))


def test_widths_follow_the_short_side():
    for size, radius in ((512, 4), (256, 2), (1024, 8), (768, 6), (16, 1)):
        keypoints = pose([0])
        drawn = draw_pose(keypoints, size * 2, size)
        assert np.ptp(np.nonzero(drawn.any(axis=(0, 2)))[0]) == 2 * radius


def test_limbs_alone_become_wider():
    keypoints = pose([2, 3], {2: (0.5, 0.2), 3: (0.5, 0.8)})

    def across(drawn, at):
        return np.ptp(np.nonzero(drawn[round(at * 768)].any(axis=1))[0])

    for limb_width, half_width in ((1, 6), (1.35, 8), (0.5, 3)):
        drawn = draw_pose(keypoints, 768, 768, limb_width)
        assert across(drawn, 0.5) == 2 * half_width
        assert tuple(drawn[round(0.2 * 768) - 6, 384]) == COLOURS[2], "joints stay as they are"


def test_hands_are_lines_around_the_colour_wheel_with_blue_joints():
    keypoints = np.zeros((1, 60, 3), np.float32)
    keypoints[0, 18:39] = [(0.2 + 0.03 * i, 0.2 + 0.3 * (i % 2), 1) for i in range(21)]
    drawn = draw_pose(keypoints, 512, 512)
    for joint in range(18, 39):
        x, y = pixel(keypoints, joint)
        assert tuple(drawn[y, x]) == (0, 0, 255)
    assert (drawn == (255, 0, 0)).all(axis=2).any()  # the first edge, wrist to thumb, is pure red
    keypoints[0, 18:39] = 0
    assert not draw_pose(keypoints, 512, 512).any()


def test_nobody_is_black():
    for keypoints in (np.zeros((0, 18, 3), np.float32), np.zeros((2, 18, 3), np.float32)):
        drawn = draw_pose(keypoints, 64, 48)
        assert drawn.shape == (48, 64, 3) and drawn.dtype == np.uint8 and not drawn.any()


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(8, 200), st.integers(8, 200))
def test_any_pose_at_any_size_can_be_drawn(seed, width, height):
    keypoints = np.random.default_rng(seed).uniform(-0.5, 1.5, (3, 60, 3)).astype(np.float32)
    assert draw_pose(keypoints, width, height).shape == (height, width, 3)


@pytest.mark.parametrize("far", [1e6, -1e6, 3e9, -3e30])
def test_a_joint_far_outside_is_only_out_of_sight(far):
    keypoints = pose()
    keypoints[0, 17, :2] = far, 0.5
    picture = draw_pose(keypoints, 512, 512)
    for joint in range(17):
        x, y = pixel(keypoints, joint)
        assert tuple(picture[y, x]) == COLOURS[joint]


def test_an_overlay_changes_only_the_drawn_pixels():
    frame = np.full((512, 512, 3), 100, np.uint8)
    keypoints = pose()
    over = overlay_pose(keypoints, frame, opacity=0.5)
    drawn = draw_pose(keypoints, 512, 512)
    untouched = ~drawn.any(axis=2)
    assert (over[untouched] == 100).all() and (frame == 100).all()
    np.testing.assert_allclose(over[~untouched], (100.0 + drawn[~untouched]) / 2, atol=1)
