import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.interchange.keypoints import FLAVOURS, from_keypoints, to_keypoints
from frugal_motion.nodes.motion.motion import BODY_JOINTS, Motion

RATE = Fraction(12)


@st.composite
def motions(draw):
    """Motions with gaps, people who are away, and joints outside the frame; big enough not to fit into two pixels."""
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.sampled_from((18, 60))))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    keypoints = random.uniform((-0.2, -0.2, 0.01), (1.2, 1.2, 1), (*shape, 3))
    keypoints[random.random(shape) < draw(st.sampled_from((0.0, 0.3, 1.0)))] = 0
    keypoints[:, random.random(shape[1]) < 0.2] = 0
    size = draw(st.tuples(st.integers(64, 4096), st.integers(64, 4096)))
    rate = draw(st.sampled_from((Fraction(25), Fraction(30000, 1001), Fraction(25, 2))))
    return Motion(keypoints.astype(np.float32), rate, *size)


def person(body, **parts):
    return {"pose_keypoints_2d": body, "face_keypoints_2d": None, **parts}


def frame(*people, width=512, height=768):
    return {"people": list(people), "canvas_width": width, "canvas_height": height}


def flat(count, x=0.5, y=0.25, c=1.0):
    return [x, y, c] * count


def read(*frames):
    return from_keypoints(list(frames), RATE)


@given(motions(), st.sampled_from(tuple(FLAVOURS)))
def test_round_trip(motion, flavour):
    through_json = json.loads(json.dumps(to_keypoints(motion, flavour)))
    back = from_keypoints(through_json, RATE)
    assert (back.frame_rate, back.width, back.height) == (motion.frame_rate, motion.width, motion.height)
    joints = motion.keypoints.shape[2]
    expected = np.array(motion.keypoints)
    if flavour == "controlnet_aux":
        expected[..., 2] = expected[..., 2] > 0
    assert np.array_equal(back.keypoints[:, :, :joints], expected)
    assert (back.keypoints[:, :, joints:] == 0).all()  # SDPose's nodes insist on hands
    assert back.keypoints.shape[2] == (60 if flavour == "sdpose" else joints)


def test_the_flavours_are_those_of_the_packs():
    keypoints = np.zeros((1, 2, 18, 3), np.float32)
    keypoints[0, 0] = (0.5, 0.25, 0.75)
    motion = Motion(keypoints, RATE, 200, 400)
    (aux,), (sdpose,) = to_keypoints(motion), to_keypoints(motion, "sdpose")
    assert aux["people"][0] == {
        "pose_keypoints_2d": [0.5, 0.25, 1.0] * 18,
        "face_keypoints_2d": None,
        "hand_left_keypoints_2d": None,
        "hand_right_keypoints_2d": None,
    }
    assert aux["people"][1]["pose_keypoints_2d"] == [0.0] * 54  # keeps the second person's place
    assert sdpose["people"][0]["pose_keypoints_2d"] == [100.0, 100.0, 0.75] * 18
    # ComfyUI's SDPose Draw Keypoints reshapes every part, and asks for nothing else.
    assert {name: len(values) for name, values in sdpose["people"][0].items()} == {
        "pose_keypoints_2d": 18 * 3,
        "face_keypoints_2d": 70 * 3,
        "hand_left_keypoints_2d": 21 * 3,
        "hand_right_keypoints_2d": 21 * 3,
    }
    for written in (aux, sdpose):
        assert (written["canvas_width"], written["canvas_height"], written["frame_rate"]) == (200, 400, "12")


@pytest.mark.parametrize("scale", [(1, 1), (512, 768)])
def test_fractions_and_pixels_are_told_apart(scale):
    points = np.random.default_rng(0).uniform(0.1, 0.9, (18, 2))
    body = np.c_[points * scale, np.ones(18)].ravel().tolist()
    assert np.allclose(read(frame(person(body))).keypoints[0, 0, :, :2], points)


def test_one_joint_far_outside_does_not_make_pixels():
    body = np.array(flat(18)).reshape(18, 3)
    body[4, :2] = 40, 3
    motion = read(frame(person(body.ravel().tolist())))
    assert np.allclose(motion.keypoints[0, 0, 5, :2], (0.5, 0.25))
    assert np.allclose(motion.keypoints[0, 0, 4, :2], (40, 3))


def test_a_tiny_person_in_pixels_is_judged_by_the_clip():
    tiny = frame(person(flat(18, 0.5, 1.5)))
    motion = read(frame(person(flat(18, 200, 300))), tiny, frame(person(flat(18, 210, 310))))
    assert np.allclose(motion.keypoints[1, 0, 0, :2], (0.5 / 512, 1.5 / 768))
    whole = read(frame(person(flat(18, 1, 2))))  # whole numbers are pixels, however small
    assert np.allclose(whole.keypoints[0, 0, 0, :2], (1 / 512, 2 / 768))
    assert np.allclose(read(frame(person(flat(18, 1, 1)))).keypoints[..., :2], 1)  # the corner, not a pixel


def test_every_frame_is_measured_by_its_own_canvas():
    motion = read(
        frame(person(flat(18, 100, 100)), width=200, height=400), frame(person(flat(18, 100, 100)), width=400)
    )
    assert np.allclose(motion.keypoints[:, 0, 0, :2], [(0.5, 0.25), (0.25, 100 / 768)])
    assert (motion.width, motion.height) == (200, 400)


def test_body_25():
    """A middle hip at 8 and six toes and heels from 19 on, as OpenPose's documentation numbers them."""
    body = np.ones((25, 3))
    body[:, 0] = np.arange(25) / 100
    motion = read(frame(person(body.ravel().tolist())))
    known = {"neck": 1, "left_wrist": 7, "right_hip": 9, "right_ankle": 11, "left_hip": 12, "left_ankle": 14}
    known |= {"nose": 0, "right_eye": 15, "left_eye": 16, "right_ear": 17, "left_ear": 18}
    for name, number in known.items():
        assert motion.keypoints[0, 0, BODY_JOINTS.index(name), 0] == np.float32(number / 100)


def test_parts_that_are_missing():
    hand = flat(21, 0.1, 0.2, 0.9)
    motion = read(
        frame(),
        frame(person(None), person(flat(18))),
        frame(person([], hand_right_keypoints_2d=hand, hand_left_keypoints_2d=None)),
        frame({"foot_keypoints_2d": flat(6)}),
    )
    assert motion.keypoints.shape == (4, 2, 60, 3)
    found = motion.keypoints[..., 2] > 0
    assert found.sum(axis=2).tolist() == [[0, 0], [0, 18], [21, 0], [0, 0]]
    assert found[2, 0, 39:].all()
    assert read(frame(person(flat(18), hand_left_keypoints_2d=[]))).keypoints.shape[2] == 18
    assert read(frame(), frame()).keypoints.shape == (2, 0, 18, 3)


def test_what_is_no_number_is_missing():
    body = np.array(flat(18)).reshape(18, 3)
    body[:6] = [
        (np.nan, 0.1, 1), (0.1, np.inf, 1), (0.1, 0.1, np.nan), (0.1, 0.1, -1), (1e300, 0.1, 1), (0.5, 0.1, 7.5)
    ]  # fmt: skip
    keypoints = read(frame(person(body.ravel().tolist()))).keypoints[0, 0]
    assert (keypoints[:5] == 0).all()
    assert np.allclose(keypoints[5], (0.5, 0.1, 1))
    assert (read(frame(person([None] * 3 + flat(17)))).keypoints[0, 0, 0] == 0).all()


def test_a_single_frame_nested_joints_and_the_rate():
    single = {**frame(person([[0.5, 0.25, 1.0]] * 18)), "frame_rate": "30000/1001"}
    motion = from_keypoints(single, RATE)
    assert motion.keypoints.shape == (1, 1, 18, 3)
    assert motion.frame_rate == Fraction(30000, 1001)
    for nonsense in ("-5", "1/0", "fast", None):
        assert from_keypoints({**single, "frame_rate": nonsense}, RATE).frame_rate == RATE


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "an empty list"),
        (None, "nothing"),
        ("[]", "a str"),
        ([frame(), 5], "a int as frame 1"),
        ([{**frame(), "people": None}], "nothing as people in frame 0"),
        ([{"animals": [], "canvas_width": 8, "canvas_height": 8}], "animals in frame 0"),
        ([frame(), frame(person(flat(18)), 7)], "a int as person 1 in frame 1"),
        ([frame(), frame(person(flat(18)), person(flat(17)))], "51 values in pose_keypoints_2d of frame 1, person 1"),
        ([frame(person(flat(18)[:-1]))], "53 values in pose_keypoints_2d of frame 0, person 0"),
        ([frame(person(flat(18), hand_left_keypoints_2d=flat(20)))], "60 values in hand_left_keypoints_2d of frame 0"),
        ([frame(person(["x"] * 54))], "other than numbers in pose_keypoints_2d of frame 0, person 0"),
        ([frame(person([[1, 2], [3]]))], "other than numbers in pose_keypoints_2d of frame 0, person 0"),
        ([frame(person([10**400] * 54))], "other than numbers in pose_keypoints_2d of frame 0, person 0"),
        ([frame(width=0)], "a canvas of 0 x 768 in frame 0"),
        ([frame(height=None)], "a canvas of 512 x None in frame 0"),
        ([frame(width="512")], "a canvas of '512' x 768 in frame 0"),
        ([frame(width=float("nan"))], "a canvas of nan x 768 in frame 0"),
    ],
)
def test_bad_keypoints(frames, message):
    with pytest.raises(InputError, match="^keypoints: found ") as caught:
        from_keypoints(frames, RATE)
    assert message in caught.value.found


def test_unknown_flavour():
    with pytest.raises(InputError, match="^flavour: found 'x'"):
        to_keypoints(Motion(np.zeros((1, 1, 18, 3), np.float32), RATE, 8, 8), "x")


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("joints", [18, 60])
def test_nobody_in_any_frame(flavour: str, joints: int) -> None:
    nobody = Motion(np.zeros((3, 0, joints, 3), np.float32), Fraction(12), 64, 48)
    frames = to_keypoints(nobody, flavour)
    assert [frame["people"] for frame in frames] == [[], [], []]
    assert from_keypoints(frames, Fraction(25)).keypoints.shape == (3, 0, 18, 3)
