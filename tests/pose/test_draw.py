import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.pose.draw import COLOURS, HAND_EDGES, LIMBS, STYLES, draw_pose, overlay_pose

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


def across(style, width, height):
    """A cut through the middle of the left upper arm, which lies level: its channels as shares of its full colour."""
    keypoints = pose([5, 6], {5: (0.2, 0.5), 6: (0.8, 0.5)})
    drawn = draw_pose(keypoints, width, height, style=style)
    shade = np.array([int(0.6 * channel) for channel in COLOURS[LIMBS.index((5, 6))]], float)
    column = drawn[:, width // 2, :: -1 if style == "vace" else 1]
    assert not np.abs(column[..., shade == 0]).any()
    return column[:, shade > 0].max(axis=1) / shade.max()


@pytest.mark.parametrize(
    ("style", "width", "height", "whole"),
    [
        ("openpose", 832, 480, 9), ("openpose", 1280, 720, 13), ("openpose", 480, 832, 9),
        ("wan animate", 832, 480, 3), ("wan animate", 480, 832, 3), ("wan animate", 1280, 720, 5),
        ("wan animate", 1920, 1080, 9), ("wan animate", 64, 64, 3),
        ("vace", 832, 480, 9 * 480 / 1024), ("vace", 480, 832, 9 * 480 / 1024), ("vace", 1280, 720, 9 * 720 / 1024),
        ("vace", 1820, 1024, 9),
    ],
)  # fmt: skip
def test_limbs_are_as_wide_as_in_training_at_the_sizes_of_videos(style, width, height, whole):
    """In pixels over the whole width: twice the half-width and 1."""
    assert across(style, width, height).sum() == pytest.approx(whole, rel=0.03)


@pytest.mark.parametrize("joint", range(18))
@pytest.mark.parametrize(("width", "height"), [(832, 480), (1280, 720)])
def test_vace_is_given_soft_small_joints_red_for_blue(joint, width, height):
    drawn = draw_pose(pose([joint], {joint: (0.5, 0.5)}), width, height, style="vace")
    weight = drawn.max(axis=2) / 255
    ys, xs = np.nonzero(weight)
    trained = draw_pose(pose([joint]), 512, 512).any(axis=2).sum()  # of radius 4, as at a short side of 1024
    assert weight.sum() == pytest.approx(trained * (height / 1024) ** 2, rel=0.06)
    brightest = drawn[np.unravel_index(weight.argmax(), weight.shape)]
    assert np.abs(brightest.astype(int) - COLOURS[joint][::-1]).max() < 40
    assert abs(xs.mean() - width / 2) < 1 and abs(ys.mean() - height / 2) < 1


def test_vace_is_given_limbs_of_all_people_under_the_joints_of_all():
    """Somebody's arm lies over the shoulder of another who comes before; only the shoulder's middle is looked at."""
    both = np.concatenate([pose([5], {5: (0.5, 0.5)}), pose([2, 3], {2: (0.2, 0.5), 3: (0.8, 0.5)})])
    middle = draw_pose(both, 1024, 1024, style="vace")[512, 512]
    assert tuple(middle) == COLOURS[5][::-1]
    assert tuple(draw_pose(both, 1024, 1024)[512, 512]) != COLOURS[5]


def test_animate_is_given_the_same_colours_in_thin_lines():
    keypoints = pose()
    drawn = draw_pose(keypoints, 832, 480, style="wan animate")
    colours = {tuple(map(int, colour)) for colour in drawn.reshape(-1, 3)}
    shades = {tuple(int(0.6 * channel) for channel in colour) for colour in COLOURS[:17]}
    assert colours <= {(0, 0, 0), *COLOURS, *shades}
    discs = [draw_pose(pose([0]), *size, style="wan animate").any(axis=2).sum() for size in ((832, 480), (1280, 720))]
    assert discs == [5, 13], "of radius 1 and 2"


@pytest.mark.parametrize("style", STYLES)
def test_every_style_draws_hands_that_are_known_and_follows_the_limb_width(style):
    keypoints = np.zeros((1, 60, 3), np.float32)
    keypoints[0, 18:39] = [(0.2 + 0.03 * i, 0.2 + 0.3 * (i % 2), 1) for i in range(21)]
    hand = draw_pose(keypoints, 832, 480, style=style)
    assert hand.any()
    keypoints[0, [2, 3]] = [(0.2, 0.8, 1), (0.8, 0.8, 1)]
    usual, wide = (draw_pose(keypoints, 832, 480, width, style).any(axis=2).sum() for width in (1.0, 3.0))
    assert wide > usual > hand.any(axis=2).sum()
    frame = np.full((480, 832, 3), 100, np.uint8)
    assert (overlay_pose(keypoints, frame, style=style) != 100).any(axis=2).sum() > 100
