from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.body import BONES, in_heights
from frugal_motion.nodes.motion.editing.retarget import SCALES, RetargetSettings, retarget
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.node import FrugalRetargetMotion
from frugal_motion.nodes.motion.proportions import SEGMENTS, bone_lengths

from .synthetic import dance

ADULT, CHILD, TALL = (
    dict(zip(SEGMENTS, lengths, strict=True))  # shoulder, upper arm, forearm, torso, thigh, shin, neck in frame heights
    for lengths in (
        (0.08, 0.13, 0.11, 0.24, 0.19, 0.19, 0.09),
        (0.06, 0.08, 0.07, 0.17, 0.10, 0.09, 0.10),
        (0.08, 0.16, 0.15, 0.23, 0.27, 0.28, 0.09),
    )
)
STANDING = {2: (-1, 0), 3: (-0.3, 1), 4: (-0.1, 1), 5: (1, 0), 6: (0.3, 1), 7: (0.1, 1), 8: (-0.2, 1), 9: (0, 1)} | {
    10: (0, 1), 11: (0.2, 1), 12: (0, 1), 13: (0, 1), 0: (0, -1), 14: (-0.2, -0.1), 16: (-0.3, 0.1), 15: (0.2, -0.1),
    17: (0.3, 0.1),
}  # fmt: skip
REFERENCE_SIZE = RetargetSettings("reference")


def lengths_of(body):
    """The length of the bone that ends in each joint; those of the head are a third of the neck."""
    lengths = np.full(18, body["neck"] / 3)
    for name, bones in SEGMENTS.items():
        lengths[[child for _, child in bones]] = body[name]
    return lengths


def posed(body, directions, aspect=0.75, neck=(0.375, 0.3), rate=Fraction(30)):
    """A person whose bones have these directions, ``(frames, 18, 2)``: unit vectors in space, seen from the front."""
    positions = np.zeros((len(directions), 1, 18, 2))
    positions[:, 0, 1] = neck
    for parent, child in BONES:
        positions[:, 0, child] = positions[:, 0, parent] + lengths_of(body)[child] * directions[:, child]
    return motion_of(positions, aspect, rate)


def motion_of(positions, aspect=0.75, rate=Fraction(30)):
    keypoints = np.concatenate((positions / (aspect, 1), np.full((*positions.shape[:3], 1), 0.9)), axis=3)
    return Motion(keypoints.astype(np.float32), rate, round(aspect * 1000), 1000)


def standing(frames=1):
    flat = np.array([STANDING.get(joint, (1, 0)) for joint in range(18)], float)
    return np.repeat((flat / np.linalg.norm(flat, axis=1, keepdims=True))[None], frames, axis=0)


def in_space(frames, seed):
    """Directions drawn evenly from all of space."""
    vectors = np.random.default_rng(seed).normal(size=(frames, 18, 3))
    return (vectors / np.linalg.norm(vectors, axis=2, keepdims=True))[..., :2]


def bones(motion, person=0):
    """Bone vectors ``(frames, 17, 2)`` in frame heights."""
    positions = in_heights(motion.keypoints[:, person], motion.width / motion.height)
    return np.stack([positions[:, child] - positions[:, parent] for parent, child in BONES], axis=1)


def joint(motion, number, person=0):
    return in_heights(motion.keypoints[:, person, number], motion.width / motion.height)


def height_of(body):
    return body["neck"] + body["torso"] + body["thigh"] + body["shin"]


@pytest.mark.parametrize("body", [CHILD, TALL])
def test_the_result_is_the_reference_doing_the_same(body):
    moves = in_space(500, seed=1)
    result = bones(retarget(posed(ADULT, moves), posed(body, in_space(500, seed=2)), REFERENCE_SIZE))
    truth = bones(posed(body, moves))[:, :13]  # up to the nose; a head is only as wide as its neck is long
    lengths = np.linalg.norm(truth, axis=2)
    assert np.abs(np.linalg.norm(result[:, :13], axis=2) / lengths - 1).max() < 0.01
    cosine = (result[:, :13] * truth).sum(axis=2) / lengths / np.linalg.norm(result[:, :13], axis=2)
    clear = lengths > 0.005  # of a bone that points at the camera float32 leaves no direction
    assert cosine[clear].min() > np.cos(np.radians(0.1))


def test_a_dance_keeps_its_angles_and_gets_the_picture_s_lengths():
    motion = dance()
    result, reference = retarget(motion, posed(CHILD, standing()), REFERENCE_SIZE), lengths_of(CHILD)
    before, after = bones(motion), bones(result)
    turned = np.degrees(np.angle((after @ [1, 1j]) / (before @ [1, 1j])))
    assert np.abs(turned).max() < 0.1
    wanted = reference[[child for _, child in BONES[:13]]]
    assert np.abs(np.linalg.norm(after[:, :13], axis=2) / wanted - 1).max() < 0.01


def test_keep_takes_the_proportions_and_leaves_the_height():
    result = retarget(posed(ADULT, standing(3)), posed(TALL, standing(), aspect=1.5))
    factor = height_of(ADULT) / height_of(TALL)
    assert np.allclose(
        np.linalg.norm(bones(result)[0, :13], axis=1), factor * lengths_of(TALL)[[c for _, c in BONES[:13]]]
    )


def test_no_bone_changes_out_of_all_proportion():
    small, large = {**ADULT, "neck": 0.05}, {**ADULT, "neck": 0.3}
    result = np.linalg.norm(bones(retarget(posed(small, standing()), posed(large, standing())))[0], axis=1)
    neck, rest = result[12], result[6:9].sum()
    assert neck + rest == pytest.approx(height_of(small), rel=0.005)
    assert neck / rest < 0.34 < large["neck"] / (height_of(large) - large["neck"])


def test_fit_is_as_large_as_the_frame_allows():
    mover = posed(ADULT, standing(5))
    giant = posed({name: 3 * length for name, length in TALL.items()}, standing())
    large, fitted = (retarget(mover, giant, RetargetSettings(scale)) for scale in ("reference", "fit"))
    assert large.keypoints[..., :2].min() < -0.5
    assert -0.021 < fitted.keypoints[..., :2].min() < -0.019  # what may stick out
    ratio = np.linalg.norm(bones(fitted), axis=2) / np.linalg.norm(bones(large), axis=2)
    assert np.ptp(ratio) < 1e-4
    assert np.allclose(joint(fitted, 10)[:, 1], joint(mover, 10)[:, 1], atol=1e-6)
    small = posed(CHILD, standing())
    assert np.array_equal(
        retarget(mover, small, RetargetSettings("fit")).keypoints, retarget(mover, small, REFERENCE_SIZE).keypoints
    )


def test_half_the_strength_is_a_body_half_way():
    mover, reference = posed(ADULT, standing(2)), posed(CHILD, standing())
    assert retarget(mover, reference, RetargetSettings(strength=0)) is mover
    half = np.linalg.norm(bones(retarget(mover, reference, RetargetSettings("reference", strength=0.5)))[0], axis=1)
    assert np.allclose(half[:13], np.sqrt(lengths_of(ADULT) * lengths_of(CHILD))[[c for _, c in BONES[:13]]], rtol=1e-4)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("body", [CHILD, TALL])
def test_standing_feet_stay(body, scale):
    """The right foot stands for two seconds while the left leg, arms and trunk swing; then the left one does."""
    frames = 120
    times = np.arange(frames) / 30
    swing = 0.3 * np.sin(2 * np.pi * 0.7 * times)
    left_stands = times >= 2
    directions = standing(frames)

    def along(angle):
        return np.stack((np.sin(angle), np.cos(angle)), axis=-1)

    for hip, side, stands in ((8, -1, ~left_stands), (11, 1, left_stands)):
        lean = side * 0.15 + swing / 2
        directions[:, hip] = along(lean)
        directions[:, hip + 1] = along(np.where(stands, -swing / 2, side * 0.9 + swing))
        directions[:, hip + 2] = along(np.where(stands, -swing / 2, -side * 0.2))
    directions[:, 4] = along(3 * swing)
    free = posed(ADULT, directions)
    planted = np.where(left_stands[:, None], joint(free, 13) - (0.45, 0.9), joint(free, 10) - (0.3, 0.9))
    mover = motion_of(in_heights(free.keypoints, 0.75) - planted[:, None, None])
    result = retarget(mover, posed(body, standing()), RetargetSettings(scale))
    for foot, time in ((10, slice(0, 50)), (13, slice(70, 120))):  # but for the moment of the change
        assert np.ptp(joint(mover, foot)[time], axis=0).max() < 1e-5
        assert np.ptp(joint(result, foot)[time], axis=0).max() < 0.002
        assert np.abs(joint(result, foot)[time, 1] - 0.9).max() < 1e-4
    # The two feet came down one step apart, which is as much longer as the legs are.
    step = (joint(result, 13)[100] - joint(result, 10)[20])[0] / (joint(mover, 13)[100] - joint(mover, 10)[20])[0]
    shin = np.linalg.norm(bones(result)[0, 8]) + np.linalg.norm(bones(result)[0, 7])
    assert step == pytest.approx(shin / (ADULT["thigh"] + ADULT["shin"]), abs=0.02)


def test_a_jump_grows_with_the_legs_and_lands_on_the_same_ground():
    times = np.arange(90) / 30
    up = 0.1 * np.maximum(0, np.sin(2 * np.pi * (times - 1))) * ((times > 1) & (times < 1.5))
    necks = np.stack((np.full(90, 0.375), 0.3 - up), axis=1)
    mover = motion_of(in_heights(posed(ADULT, standing(90)).keypoints, 0.75) + (necks - (0.375, 0.3))[:, None, None])
    result = retarget(mover, posed(TALL, standing()), REFERENCE_SIZE)
    ground = joint(mover, 10)[0, 1]
    legs = (TALL["thigh"] + TALL["shin"]) / (ADULT["thigh"] + ADULT["shin"])
    assert np.allclose(ground - joint(result, 10)[:, 1], legs * up, atol=1e-5)


def test_long_forearms_do_not_come_from_foreshortening():
    moves = standing(40)
    moves[:, (4, 7)] *= 0.05  # the mover's forearms point at the camera all the time,
    picture = standing()
    picture[:, 7] *= 0.1  # the reference's left one in its only frame
    result = retarget(posed(ADULT, moves), posed(ADULT, picture), REFERENCE_SIZE)
    assert np.allclose(bones(result)[:, 5], bones(posed(ADULT, moves))[:, 5], rtol=0.25)
    usual = bone_lengths(posed(ADULT, moves).keypoints[:, 0], 0.75)
    assert usual[list(SEGMENTS).index("forearm")] == pytest.approx(ADULT["forearm"], rel=0.25)


def test_bones_that_were_never_seen_are_typical():
    hidden = np.array(posed(ADULT, standing()).keypoints)
    hidden[..., (9, 10, 12, 13), :] = 0
    lengths = dict(zip(SEGMENTS, bone_lengths(hidden[:, 0], 0.75), strict=True))
    assert lengths["torso"] == pytest.approx(ADULT["torso"])
    assert lengths["thigh"] == pytest.approx(ADULT["thigh"], rel=0.2)
    assert lengths["shin"] == pytest.approx(ADULT["shin"], rel=0.2)


def test_a_limb_beyond_a_missing_joint_goes_along():
    frames = np.arange(30)
    path = np.where(frames < 18, (frames - 15) ** 2 / 1000, 0.009 + (frames - 18) / 200)
    still = posed(ADULT, standing(30))
    whole = motion_of(in_heights(still.keypoints, 0.75) + np.stack((path, 0 * path), axis=1)[:, None, None])
    holed = np.array(whole.keypoints)
    holed[8:14, 0, (1, 3, 9)] = 0  # neck, elbow, knee
    holed[20:24, 0, (1, 2, 4)] = 0  # neck and shoulder, wrist
    result = retarget(whole.with_keypoints(holed), posed(CHILD, standing())).keypoints
    rest = holed[..., 2] > 0
    assert (result[~rest] == 0).all()
    assert np.allclose(result[rest], retarget(whole, posed(CHILD, standing())).keypoints[rest], atol=1e-5)


def test_the_place_is_kept_when_no_feet_are_seen():
    cropped = np.array(posed(ADULT, standing(4)).keypoints)
    cropped[:, 0, (9, 10, 12, 13)] = 0
    result = retarget(posed(ADULT, standing(4)).with_keypoints(cropped), posed(CHILD, standing()), REFERENCE_SIZE)
    assert np.allclose(result.keypoints[:, 0, (8, 11), 1], cropped[:, 0, (8, 11), 1], atol=1e-6)


def test_hands_go_with_the_forearm_and_the_head_with_the_neck():
    body = posed(ADULT, standing(3))
    hands = np.repeat(body.keypoints[:, :, (7, 4)], 21, axis=2)
    hands[..., :2] += np.random.default_rng(0).uniform(-0.05, 0.05, hands.shape)[..., :2]
    mover = body.with_keypoints(np.concatenate((body.keypoints, hands), axis=2))
    result = retarget(mover, posed(CHILD, standing()), REFERENCE_SIZE)
    for wrist, hand in ((7, slice(18, 39)), (4, slice(39, 60))):
        before, after = (joint(m, hand) - joint(m, wrist)[:, None] for m in (mover, result))
        assert np.allclose(after, before * CHILD["forearm"] / ADULT["forearm"], atol=1e-6)
    before, after = (joint(m, 17) - joint(m, 0) for m in (mover, result))
    assert np.allclose(after, before * CHILD["neck"] / ADULT["neck"], atol=1e-6)


def test_who_gets_whose_body():
    movers = dance(1, people=3)
    people = [posed(body, standing()) for body in (CHILD, TALL)]
    reference = people[0].with_keypoints(np.concatenate([p.keypoints for p in people], axis=1))

    def alone(person, body):
        single = movers.with_keypoints(movers.keypoints[:, person : person + 1])
        return retarget(single, people[body]).keypoints[:, 0]

    pairs = retarget(movers, reference).keypoints
    assert np.array_equal(pairs[:, 0], alone(0, 0)) and np.array_equal(pairs[:, 1], alone(1, 1))
    assert np.array_equal(pairs[:, 2], movers.keypoints[:, 2])
    all_second = retarget(movers, reference, RetargetSettings(reference_person=2)).keypoints
    assert all(np.array_equal(all_second[:, person], alone(person, 1)) for person in range(3))


@st.composite
def motions(draw, fewest=0):
    shape = (draw(st.integers(fewest, 6)), draw(st.integers(0, 2)), draw(st.sampled_from((18, 60))))
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    found = random.random(shape) < draw(st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0)))
    keypoints = random.uniform(0.1, 1, (*shape, 3)) * found[..., None]
    return Motion(keypoints.astype(np.float32), Fraction(25), draw(st.sampled_from((64, 100))), 64)


@settings(max_examples=60)
@given(motions(), st.sampled_from((CHILD, TALL)), st.sampled_from(SCALES))
def test_missing_joints_stay_missing_and_nothing_else_breaks(motion, body, scale):
    result = retarget(motion, posed(body, standing()), RetargetSettings(scale, reference_person=1))
    assert result.keypoints.shape == motion.keypoints.shape
    assert np.array_equal(result.keypoints[..., 2], motion.keypoints[..., 2])
    assert (result.keypoints[result.keypoints[..., 2] == 0] == 0).all()


@settings(max_examples=60)
@given(motions(fewest=1), st.sampled_from(SCALES), st.floats(0, 1))
def test_onto_itself_is_identity(motion, scale, strength):
    try:
        result = retarget(motion, motion, RetargetSettings(scale, strength=strength))
    except InputError as error:
        assert error.name == "reference"
        assert all(bone_lengths(person, 1.0) is None for person in motion.keypoints.swapaxes(0, 1))
    else:
        assert np.abs(result.keypoints - motion.keypoints).max(initial=0) < 1e-5


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0.3, 3))
def test_the_reference_s_place_and_frame_do_not_matter(seed, aspect):
    motion, moves = dance(1), in_space(50, seed)
    near = retarget(motion, posed(CHILD, moves, aspect=1.0, neck=(0.2, 0.9)))
    far = retarget(motion, posed(CHILD, moves, aspect=aspect, neck=(0.7, 0.4)))
    assert np.abs(near.keypoints - far.keypoints).max() < 1e-3


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("scale", {"scale": "x"}), ("reference_person", {"reference_person": -1}), ("strength", {"strength": 1.1})]
    + [("strength", {"strength": float("nan")})],
)
def test_bad_settings(name, wrong):
    with pytest.raises(InputError, match=f"^{name}: found"):
        RetargetSettings(**wrong)


def test_bad_references():
    motion, nobody = dance(1), Motion(np.zeros((2, 1, 18, 3), np.float32), Fraction(1), 8, 8)
    with pytest.raises(InputError, match="^reference_person: found 2; allowed: 0 to 1"):
        retarget(motion, motion, RetargetSettings(reference_person=2))
    for empty in (nobody, nobody.with_keypoints(nobody.keypoints[:0])):
        with pytest.raises(InputError, match="^reference: found nobody"):
            retarget(motion, empty)


def test_the_node():
    motion, reference = dance(1), posed(CHILD, standing())
    result = FrugalRetargetMotion.execute(motion, reference, scale="reference", reference_person=1, strength=0.5).args[
        0
    ]
    expected = retarget(motion, reference, RetargetSettings("reference", 1, 0.5))
    assert np.array_equal(result.keypoints, expected.keypoints)
    assert (result.frame_rate, result.width, result.height) == (motion.frame_rate, motion.width, motion.height)
    schema = FrugalRetargetMotion.define_schema()
    schema.validate()
    assert schema.category == "Frugal Motion/Motion"
    assert all(item.tooltip for item in (*schema.inputs, *schema.outputs))
