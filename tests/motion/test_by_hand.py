"""Edits by hand against motions whose truth is known, and what they leave alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.body import BONES, in_heights, mirrored_order
from frugal_motion.nodes.motion.cleaning.repair import repair
from frugal_motion.nodes.motion.editing.by_hand.apply import edited, posed
from frugal_motion.nodes.motion.editing.by_hand.edits import (
    Delete,
    Drop,
    Edits,
    Hide,
    Hold,
    Keep,
    Mirror,
    Move,
    Pose,
    Repair,
    Show,
    Speed,
    Swap,
)
from frugal_motion.nodes.motion.editing.by_hand.joints import JOINTS
from frugal_motion.nodes.motion.motion import BODY_JOINTS

from .synthetic import HEIGHT, WIDTH, Damage, damaged, dance

ASPECT = WIDTH / HEIGHT
ELBOW, WRIST = BODY_JOINTS.index("left_elbow"), BODY_JOINTS.index("left_wrist")
SHOULDER = BODY_JOINTS.index("left_shoulder")
WRONG = np.arange(60, 68)


def edits(*each):
    return Edits(edits=each)


def places(motion):
    flat = in_heights(motion.keypoints, motion.width / motion.height)
    return flat[..., 0] + 1j * flat[..., 1]


def with_places(motion, points, frames, person, joints):
    keypoints = np.array(motion.keypoints)
    where = np.ix_(frames, [person], joints)
    keypoints[..., 0][where] = points[where].real / ASPECT
    keypoints[..., 1][where] = points[where].imag
    return motion.with_keypoints(keypoints)


def with_arm_off(motion, upper, lower, person=0):
    """The left arm turned in its shoulder and its elbow, in the frames ``WRONG``."""
    points = places(motion)
    shoulder, elbow, wrist = (points[WRONG, person, joint] for joint in (SHOULDER, ELBOW, WRIST))
    points[WRONG, person, ELBOW] = shoulder + (elbow - shoulder) * np.exp(1j * upper)
    points[WRONG, person, WRIST] = points[WRONG, person, ELBOW] + (wrist - elbow) * np.exp(1j * (upper + lower))
    return with_places(motion, points, WRONG, person, [ELBOW, WRIST])


def three_moves(bad, truth, joint="left_wrist", person=0, **fields):
    """What puts a joint right in the first, a middle and the last wrong frame, and fades within one frame."""
    apart = (truth.keypoints - bad.keypoints)[:, person, BODY_JOINTS.index(joint), :2].astype(float)
    frames = (WRONG[0], WRONG[4], WRONG[-1])
    fades = ({"before": 1}, {}, {"after": 1})
    return edits(*(
        Move(frame=int(frame), person=person + 1, joint=joint, by=tuple(apart[frame].tolist()), **fade, **fields)
        for frame, fade in zip(frames, fades, strict=True)
    ))  # fmt: skip


def arm_error(motion, truth, person=0):
    apart = (places(motion) - places(truth))[WRONG, person][:, [ELBOW, WRIST]]
    return np.sqrt((np.abs(apart) ** 2).mean())


def jitter(motion, person=0):
    """Absolute third differences of elbow and wrist."""
    return np.abs(np.diff(places(motion)[:, person][:, [ELBOW, WRIST]], n=3, axis=0))


AT_BORDERS = [*range(WRONG[0] - 3, WRONG[0]), *range(WRONG[-1] - 2, WRONG[-1] + 1)]
RANDOM = np.random.default_rng(7)
MISTAKES = {
    "constant": (np.full(8, 0.7), np.full(8, 0.2), {"replace": True}),
    "constant, moved along": (np.full(8, 0.5), np.zeros(8), {}),
    "drift": (0.9 * np.sin(np.pi * np.arange(1, 9) / 9), np.zeros(8), {"replace": True}),
    "growing": (0.9 * np.arange(1, 9) / 8, np.zeros(8), {}),
    "jitter": (RANDOM.normal(0, 0.4, 8), RANDOM.normal(0, 0.2, 8), {"replace": True}),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mistake", MISTAKES)
def test_three_moves_put_an_arm_right(mistake, seed):
    upper, lower, fields = MISTAKES[mistake]
    truth = dance(people=2, seed=seed)
    bad = with_arm_off(truth, upper, lower, person=1)
    moves = three_moves(bad, truth, person=1, **fields)
    result = posed(bad, moves).motion
    assert arm_error(result, truth, 1) <= 0.2 * arm_error(bad, truth, 1)
    untouched = np.ones(bad.keypoints.shape[:3], bool)
    untouched[np.ix_(WRONG, [1], [ELBOW, WRIST])] = False
    assert np.array_equal(result.keypoints[untouched], bad.keypoints[untouched])
    old, new = (np.abs(np.diff(places(motion)[:, 1, SHOULDER : WRIST + 1], axis=1)) for motion in (bad, result))
    assert (np.abs(new / old - 1) < 0.01).all()


@pytest.mark.parametrize("mistake", ["constant", "drift", "jitter"])
def test_the_borders_of_a_replaced_span_are_no_rougher_than_the_clip(mistake):
    """Of clips as a detector gives them; one that is perfectly smooth is nearly as smooth as it was there."""
    upper, lower, fields = MISTAKES[mistake]
    rough, usual = [], []
    for seed in range(6):
        clean = dance(seed=seed)
        noisy = damaged(clean, Damage(0.003, 0, outliers=0, swaps=0), seed)
        bad = with_arm_off(noisy, upper, lower)
        result = posed(bad, three_moves(bad, clean, **fields)).motion
        rough.append(jitter(result)[AT_BORDERS, -1].mean())
        usual.append(np.median(jitter(noisy)[:, -1]))
        assert jitter(bad)[AT_BORDERS, -1].mean() > 2 * usual[-1]
    assert np.mean(rough) <= np.mean(usual)


def test_a_joint_alone_that_is_off_is_moved_back_without_the_others():
    truth = dance()
    off = places(truth)
    off[WRONG, 0, WRIST] += 0.1
    bad = with_places(truth, off, WRONG, 0, [WRIST])
    result = posed(bad, three_moves(bad, truth, stretch=True)).motion
    np.testing.assert_allclose(result.keypoints, truth.keypoints, atol=1e-6)


FRAMES = st.integers(0, 39)
PEOPLE = st.integers(1, 2)


def spanned(kind, **fields):
    """Edits of a span; pydantic's aliases confuse ``st.builds``."""
    spans = st.tuples(FRAMES, FRAMES).map(sorted)
    return st.builds(lambda span, **more: kind(first=span[0], last=span[1], **more), spans, **fields)


def random_edits():
    joint = st.sampled_from((*JOINTS[:18], *JOINTS[36:42], "pelvis", "body"))
    fade, flag = st.integers(1, 12), st.booleans()
    by = st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
    move = st.builds(
        Move, frame=FRAMES, person=PEOPLE, joint=joint, by=by, before=fade, after=fade, replace=flag, stretch=flag,
        slope=st.one_of(st.none(), by.map(lambda slope: (slope[0] / 9, slope[1] / 9))),
    )  # fmt: skip
    pose = st.builds(
        Pose, frame=FRAMES, of=FRAMES, person=PEOPLE, of_person=st.integers(0, 2), before=fade, after=fade, place=flag
    )
    anyone = st.integers(0, 2)
    others = (
        spanned(Show, person=PEOPLE, joint=joint),
        spanned(Hide, person=PEOPLE, joint=joint),
        spanned(Repair, person=anyone),
        spanned(Mirror, person=anyone, fade=st.integers(0, 6)),
        spanned(Swap, person=st.just(1), other=st.just(2)),
    )
    return st.lists(st.one_of(move, move, pose, *others), max_size=8)


def with_hands(clip):
    """Hands of random shape on both wrists."""
    wrists = np.repeat(clip.keypoints[:, :, [7, 4]], 21, axis=2)
    wrists[..., :2] += np.random.default_rng(0).normal(0, 0.02, wrists[..., :2].shape)
    return clip.with_keypoints(np.concatenate((clip.keypoints, wrists), axis=2))


CLIP = damaged(with_hands(dance(1.6, people=2)), Damage(0.003, 0.1, outliers=0.01))
TIMES = st.lists(
    st.one_of(
        st.builds(Hold, frame=st.integers(0, 39), frames=st.integers(1, 9)),
        spanned(Speed, factor=st.floats(0.1, 10)),
        spanned(Delete, fade=st.integers(0, 5)),
    ),
    max_size=3,
)


def at_different_frames(each):
    """Of two keys of one track at one frame the later counts: their order does mean something."""
    keys = [(edit.do, getattr(edit, "frame", None), getattr(edit, "person", None), getattr(edit, "joint", None))
            for edit in each if edit.do in ("move", "pose", "hold")]  # fmt: skip
    return len(set(keys)) == len(keys)


@settings(max_examples=40)
@given(random_edits(), TIMES, st.randoms())
def test_the_order_of_the_list_has_no_meaning(each, times, random):
    each = [*each, *times]
    if not at_different_frames(each):
        return
    shuffled = random.sample(each, len(each))
    one, other = edited(CLIP, edits(*each)), edited(CLIP, edits(*shuffled))
    assert np.array_equal(one.motion.keypoints, other.motion.keypoints)
    named = [sorted((order[note.edit].model_dump_json(), note.why) for note in result.notes)
             for order, result in ((each, one), (shuffled, other))]  # fmt: skip
    assert named[0] == named[1]


@settings(max_examples=40)
@given(random_edits(), st.integers(0, 39), st.integers(0, 40))
def test_a_window_is_cut_out_of_the_whole(each, start, length):
    window = range(start, min(start + length, 40))
    whole = posed(CLIP, edits(*each))
    part = posed(CLIP, edits(*each), window)
    assert np.array_equal(part.motion.keypoints, whole.motion.keypoints[start : window.stop])
    assert part.notes == whole.notes


@settings(max_examples=40)
@given(random_edits())
def test_gaps_are_zero_and_nothing_is_nan(each):
    keypoints = edited(CLIP, edits(*each)).motion.keypoints
    assert np.isfinite(keypoints).all()
    assert not keypoints[keypoints[..., 2] == 0].any()


@settings(max_examples=20)
@given(random_edits())
def test_what_is_off_does_nothing(each):
    result = edited(CLIP, edits(*(edit.model_copy(update={"off": True}) for edit in each)))
    assert np.array_equal(result.motion.keypoints, CLIP.keypoints) and result.notes == ()


DRAGGED = st.tuples(
    FRAMES,
    st.sampled_from((*JOINTS[:18], "pelvis", "body")),
    st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
    st.booleans(),
)


@settings(max_examples=40)
@given(st.lists(DRAGGED, max_size=6))
def test_bones_keep_their_lengths_whatever_is_dragged(moves):
    clip = dance(1.6)
    made = (Move(frame=frame, person=1, joint=joint, by=by, replace=keep) for frame, joint, by, keep in moves)
    result = posed(clip, edits(*made)).motion
    lengths = [np.stack([np.abs(points[:, 0, child] - points[:, 0, parent]) for parent, child in BONES])
               for points in (places(clip), places(result))]  # fmt: skip
    # Where a limb is not believed as it was found, its bones give way a little.
    give = 0.01 if any(keep for *_, keep in moves) else 0
    # A neck that turns about the pelvis keeps its distance to the pelvis, not to either hip.
    kept = [
        bone for bone, (_, child) in enumerate(BONES) if child not in (8, 11) or "neck" not in {m[1] for m in moves}
    ]
    np.testing.assert_allclose(lengths[1][kept], lengths[0][kept], rtol=give, atol=2e-6)


def moved(clip, joint, by, frame=20, **fields):
    return places(posed(clip, edits(Move(frame=frame, person=1, joint=joint, by=by, **fields))).motion)[:, 0]


def test_a_move_counts_at_its_key_and_fades_to_nothing_at_the_ends_of_its_span():
    clip = dance(1.6)
    before, after = places(clip)[:, 0], moved(clip, "body", (0.1, -0.05), before=3, after=6)
    shift = after - before
    np.testing.assert_allclose(shift[20], 0.1 * ASPECT - 0.05j, atol=1e-6)
    assert not shift[:18].any() and not shift[26:].any()
    assert (np.diff(np.abs(shift[17:21, 0])) > 0).all() and (np.diff(np.abs(shift[20:27, 0])) < 0).all()
    np.testing.assert_allclose(shift, shift[:, :1].repeat(18, 1), atol=1e-6)


def test_two_keys_whose_spans_meet_go_from_one_to_the_other():
    clip = dance(1.6)
    keys = [
        Move(frame=frame, person=1, joint="body", by=(by, 0.0), before=3, after=4)
        for frame, by in ((10, 0.1), (17, 0.2))
    ]
    shift = (places(posed(clip, edits(*keys)).motion) - places(clip))[:, 0, 0].real / ASPECT
    assert (shift[10:18] > 0.099).all() and shift[17] == pytest.approx(0.2, abs=1e-6)
    keys[1] = keys[1].model_copy(update={"before": 2})
    shift = (places(posed(clip, edits(*keys)).motion) - places(clip))[:, 0, 0].real / ASPECT
    assert shift[14] == 0 and shift[15] == 0 and shift[13] > 0 and shift[16] > 0


def test_the_later_of_two_keys_at_one_frame_counts():
    clip = dance(1.6)
    one, two = (Move(frame=20, person=1, joint="body", by=(by, 0.0)) for by in (0.1, 0.2))
    assert np.array_equal(posed(clip, edits(one, two)).motion.keypoints, posed(clip, edits(two)).motion.keypoints)


def test_a_pose_comes_to_another_time_at_the_place_that_is_there():
    clip = dance(people=2)
    points = places(clip)
    pelvis = points[:, 0, [8, 11]].mean(axis=1, keepdims=True)
    result = places(posed(clip, edits(Pose(frame=30, of=100, person=1))).motion)
    np.testing.assert_allclose(result[30, 0], points[100, 0] - pelvis[100] + pelvis[30], atol=1e-6)
    assert np.array_equal(result[:, 1], points[:, 1]) and np.array_equal(result[:27, 0], points[:27, 0])
    there = places(posed(clip, edits(Pose(frame=30, of=100, person=1, place=True))).motion)
    np.testing.assert_allclose(there[30, 0], points[100, 0], atol=1e-6)
    other = places(posed(clip, edits(Pose(frame=30, of=100, person=1, of_person=2))).motion)[30, 0]
    shape = np.angle((other[[3, 4]] - other[2]) / (points[100, 1, [3, 4]] - points[100, 1, 2]))
    np.testing.assert_allclose(shape, 0, atol=1e-5)


def test_the_pelvis_goes_straight_while_limbs_turn_into_a_pose():
    points = places(dance())
    result = places(posed(dance(), edits(Pose(frame=30, of=100, person=1, before=9, place=True))).motion)
    old, new = (each[:, 0, [8, 11]].mean(axis=1) for each in (points, result))
    share = (np.arange(22, 30) - 21) / 9
    weight = share * share * (3 - 2 * share)
    np.testing.assert_allclose(new[22:30], old[22:30] + weight * (old[100] - old[22:30]), atol=1e-6)


def test_the_pose_of_a_smaller_person_is_scaled():
    clip = dance(people=2)
    keypoints = np.array(clip.keypoints)
    keypoints[:, 1, :, :2] = 0.3 + 0.5 * (keypoints[:, 0, :, :2] - 0.3)
    small = clip.with_keypoints(keypoints)
    copied, same = (posed(small, edits(Pose(frame=30, of=100, person=1, of_person=of))).motion for of in (2, 1))
    np.testing.assert_allclose(copied.keypoints[30], same.keypoints[30], atol=1e-5)


def test_a_bend_that_was_found_to_the_wrong_side_is_not_believed_where_it_is_replaced():
    clip = dance(seed=3)
    points = places(clip)
    shoulder, elbow, wrist = (points[WRONG, 0, joint] for joint in (SHOULDER, ELBOW, WRIST))
    whole = wrist - shoulder
    points[WRONG, 0, ELBOW] = shoulder + whole * ((elbow - shoulder) / whole).conj()  # as in a mirror
    bad = with_places(clip, points, WRONG, 0, [ELBOW])
    result = posed(bad, three_moves(bad, clip, replace=True)).motion
    assert arm_error(bad, clip) > 0.02 and arm_error(result, clip) < 0.3 * arm_error(bad, clip)


LIMBS = {"left_wrist": (5, 6, 7), "right_ankle": (8, 9, 10)}
WRONG_LENGTHS = {
    "the end alone": lambda random: (np.zeros(8), 0.1 * np.exp(1j * random.uniform(0, 7))),
    "the middle alone": lambda random: (0.08 * np.exp(1j * random.uniform(0, 7)), np.zeros(8)),
    "both": lambda random: tuple(random.normal(0, 0.04, 8) + 1j * random.normal(0, 0.04, 8) for _ in range(2)),
}


@pytest.mark.parametrize("joint", LIMBS)
@pytest.mark.parametrize("mistake", WRONG_LENGTHS)
def test_bones_that_were_found_too_long_or_too_short_are_not_believed_where_they_are_replaced(mistake, joint):
    limb, left = list(LIMBS[joint]), []
    for seed in range(9):
        truth = dance(seed=seed)
        points = places(truth)
        points[WRONG[:, None], 0, limb[1:]] += np.transpose(
            [np.broadcast_to(off, 8) for off in WRONG_LENGTHS[mistake](np.random.default_rng(seed))]
        )
        bad = with_places(truth, points, WRONG, 0, limb[1:])
        result = posed(bad, three_moves(bad, truth, joint, replace=True)).motion
        apart = [np.abs(places(motion) - places(truth))[WRONG, 0][:, limb[1:]] for motion in (bad, result)]
        left.append(np.sqrt((apart[1] ** 2).mean() / (apart[0] ** 2).mean()))
        lengths = [np.abs(np.diff(places(motion)[:, 0, limb], axis=1)) for motion in (truth, result)]
        np.testing.assert_allclose(lengths[1], lengths[0], rtol=0.01)
    assert np.median(left) <= 0.2


@pytest.mark.parametrize("joint", LIMBS)
def test_elbows_and_knees_do_not_wave_where_a_limb_is_replaced(joint):
    """One that is nearly straight would: its knee goes ten times as far as its bones are too long."""
    limb = list(LIMBS[joint])
    rough, usual = [], []
    for seed in range(12):
        clean = dance(seed=seed)
        noisy = damaged(clean, Damage(0.003, 0, outliers=0, swaps=0), seed)
        points = places(noisy)
        points[WRONG, 0, limb[1]] += 0.05
        points[WRONG, 0, limb[2]] += 0.1
        bad = with_places(noisy, points, WRONG, 0, limb[1:])
        result = posed(bad, three_moves(bad, clean, joint, replace=True)).motion
        third = [np.abs(np.diff(places(motion)[:, 0, limb[1:]], n=3, axis=0)) for motion in (result, noisy)]
        rough.append(third[0][AT_BORDERS].mean(axis=0))
        usual.append(np.median(third[1], axis=0))
    assert (np.mean(rough, axis=0) <= 2 * np.mean(usual, axis=0)).all()


def test_joints_are_shown_and_hidden():
    clip = dance(1.6)
    hidden = posed(clip, edits(Hide(person=1, joint="left_wrist", first=10, last=15))).motion
    assert not hidden.keypoints[10:16, 0, WRIST].any()
    rest = np.ones(clip.keypoints.shape[:3], bool)
    rest[10:16, 0, WRIST] = False
    assert np.array_equal(hidden.keypoints[rest], clip.keypoints[rest])
    shown = posed(hidden, edits(Show(person=1, joint="left_wrist", first=9, last=14))).motion
    apart = np.abs(places(shown) - places(clip))[10:15, 0, WRIST]
    assert (apart < 0.05).all() and (shown.keypoints[10:15, 0, WRIST, 2] == np.float32(0.9)).all()
    assert not shown.keypoints[15, 0, WRIST].any() and np.array_equal(shown.keypoints[rest], clip.keypoints[rest])
    moved_there = edits(
        Show(person=1, joint="left_wrist", first=10, last=15),
        Move(frame=12, person=1, joint="left_wrist", by=(0.02, 0.0), stretch=True),
    )
    at = places(posed(hidden, moved_there).motion)[12, 0, WRIST] - places(shown)[12, 0, WRIST]
    assert at == pytest.approx(0.02 * ASPECT, abs=1e-6)


def test_a_span_is_repaired_as_smooth_motion_does():
    bad = damaged(dance(people=2))
    whole = repair(bad).motion.keypoints
    result = posed(bad, edits(Repair(person=2, first=30, last=90))).motion.keypoints
    assert np.array_equal(result[30:91, 1], whole[30:91, 1]) and not np.array_equal(whole[30:91], bad.keypoints[30:91])
    assert np.array_equal(result[:, 0], bad.keypoints[:, 0])
    assert np.array_equal(result[91:, 1], bad.keypoints[91:, 1])
    assert np.array_equal(posed(bad, edits(Repair(first=0, last=9999))).motion.keypoints, whole)


@pytest.mark.parametrize("by", [(0.3, -0.1), (0.15, 0.1)])
@pytest.mark.parametrize("frames", [1, 3, 8])
def test_a_joint_is_repaired_by_what_is_around_alone(frames: int, by: tuple[float, float]):
    truth = dance(people=2)
    spoilt = truth.keypoints.copy()
    spoilt[60 : 60 + frames, 1, WRIST, :2] += by
    bad = truth.with_keypoints(spoilt)
    doubt = Repair(person=2, joint="left_wrist", first=60, last=59 + frames)
    result = posed(bad, edits(doubt)).motion.keypoints
    believed = np.delete(np.arange(len(spoilt)), np.arange(60, 60 + frames))
    way = PchipInterpolator(believed, spoilt[believed, 1, WRIST])(np.arange(60, 60 + frames))
    np.testing.assert_allclose(result[60 : 60 + frames, 1, WRIST], way, atol=1e-6)
    error = np.abs(result - truth.keypoints)[60 : 60 + frames, 1, WRIST, :2]
    assert np.sqrt((error**2).mean()) < 0.4 * np.sqrt(np.mean(np.square(by)))
    rest = np.ones(spoilt.shape[:3], bool)
    rest[60 : 60 + frames, 1, WRIST] = False
    assert np.array_equal(result[rest], spoilt[rest])


def test_what_begins_or_ends_the_clip_is_not_doubted():
    clip = dance()
    ends = edits(
        *(Repair(joint="body", first=first, last=last) for first, last in ((0, 5), (clip.frame_count - 3, 9999)))
    )
    assert np.array_equal(posed(clip, ends).motion.keypoints, clip.keypoints)


def test_a_span_is_mirrored_about_the_pelvis():
    clip = dance(people=2)
    result = posed(clip, edits(Mirror(person=1, first=30, last=60, fade=3))).motion
    middle = places(clip)[:, 0, [8, 11]].mean(axis=1).real / ASPECT
    inside = slice(33, 58)
    there = clip.keypoints[:, 0][:, mirrored_order(18)]
    np.testing.assert_allclose(
        result.keypoints[inside, 0, :, 0], 2 * middle[inside, None] - there[inside, :, 0], atol=1e-6
    )
    np.testing.assert_allclose(result.keypoints[inside, 0, :, 1], there[inside, :, 1], atol=1e-6)
    assert np.array_equal(result.keypoints[:, 1], clip.keypoints[:, 1])
    for outside in (slice(0, 30), slice(61, None)):
        assert np.array_equal(result.keypoints[outside], clip.keypoints[outside])
    faded = [posed(clip, edits(Mirror(person=1, first=30, last=60, fade=fade))).motion for fade in (0, 12)]
    hard, soft = (np.abs(np.diff(places(motion)[28:44, 0], axis=0)).max() for motion in faded)
    assert soft < 0.7 * hard
    half_way, whole, source = (motion.keypoints[36, 0] for motion in (*faded[::-1], clip))
    assert (np.abs(half_way - source).max(), np.abs(half_way - whole).max()) > (0.01, 0.01)
    still = posed(clip, edits(Mirror(first=30, last=60), Mirror(person=1, first=30, last=60))).motion
    assert np.array_equal(still.keypoints[:, 0], result.keypoints[:, 0])


def test_people_exchange_places_and_leave():
    clip = dance(people=3)
    swap = posed(clip, edits(Swap(person=1, other=3, first=50))).motion.keypoints
    assert np.array_equal(swap[:50], clip.keypoints[:50])
    assert np.array_equal(swap[50:], clip.keypoints[50:, [2, 1, 0]])
    dropped = edited(clip, edits(Swap(person=1, other=3, first=50, last=60), Drop(person=1))).motion.keypoints
    assert np.array_equal(dropped[50:61], clip.keypoints[50:61][:, [1, 0]])
    assert np.array_equal(
        edited(clip, edits(Keep(person=3), Keep(person=1))).motion.keypoints, clip.keypoints[:, [0, 2]]
    )
    assert edited(clip, edits(*(Drop(person=p) for p in (1, 2, 3)))).motion.keypoints.shape == (200, 0, 18, 3)


def test_edits_of_the_swapped_mean_who_is_there_then():
    clip = dance(people=2)
    result = posed(clip, edits(Swap(person=1, other=2, first=0), Move(frame=20, person=1, joint="body", by=(0.1, 0.0))))
    np.testing.assert_allclose(result.motion.keypoints[20, 0, :, 0], clip.keypoints[20, 1, :, 0] + 0.1, atol=1e-6)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (Move(frame=40, person=1, joint="nose", by=(0.1, 0.1)), "no frame 40"),
        (Move(frame=3, person=3, joint="nose", by=(0.1, 0.1)), "no person 3"),
        (Move(frame=3, person=1, joint="left_hand_4", by=(0.1, 0.1)), "no hands"),
        (Pose(frame=3, of=77, person=1), "no frame 77"),
        (Pose(frame=3, of=7, person=1, of_person=9), "no person 9"),
        (Show(person=1, joint="right_hand_0", first=3, last=4), "no hands"),
        (Hide(person=1, joint="nose", first=99, last=100), "no frame 99"),
        (Swap(person=1, other=4, first=0), "no person 4"),
        (Swap(person=1, other=1, first=0), "itself"),
        (Hold(frame=40, frames=3), "no frame 40"),
        (Speed(first=40, last=50, factor=2.0), "no frame 40"),
        (Delete(first=40, last=50), "no frame 40"),
        (Drop(person=3), "no person 3"),
        (Keep(person=3), "no person 3"),
    ],
)
def test_edits_of_what_is_not_there_are_skipped_with_a_note(edit, why):
    clip = dance(1.6, people=2)
    shift = Move(frame=20, person=1, joint="body", by=(0.1, 0.0))
    alone, both = edited(clip, edits(shift)), edited(clip, edits(shift, edit))
    assert np.array_equal(alone.motion.keypoints, both.motion.keypoints) and alone.notes == ()
    (note,) = both.notes
    assert note.edit == 1 and why in note.why


def test_a_key_whose_joint_is_missing_is_noted_until_it_is_shown():
    clip = posed(dance(1.6), edits(Hide(person=1, joint="left_wrist", first=18, last=20))).motion
    key = Move(frame=19, person=1, joint="left_wrist", by=(0.05, 0.0))
    result = posed(clip, edits(key))
    assert [note.edit for note in result.notes] == [0] and "missing" in result.notes[0].why
    assert not result.motion.keypoints[18:21, 0, WRIST].any() and np.array_equal(
        result.motion.keypoints[18:21], clip.keypoints[18:21]
    )
    assert posed(clip, edits(key, Show(person=1, joint="left_wrist", first=18, last=20))).notes == ()
    never = clip.with_keypoints(clip.keypoints * (np.arange(18) != WRIST)[:, None])
    (note,) = posed(never, edits(Show(person=1, joint="left_wrist", first=3, last=4))).notes
    assert "never seen" in note.why


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_motions_of_hardly_any_frames(frames):
    clip = replace(dance(1.6, people=2), keypoints=dance(1.6, people=2).keypoints[:frames])
    each = [
        Move(frame=0, person=1, joint="left_wrist", by=(0.1, 0.0), replace=True),
        Pose(frame=0, of=0, person=1, of_person=2),
        Show(person=1, joint="body", first=0, last=3),
        Hide(person=1, joint="nose", first=0, last=0),
        Repair(first=0, last=3),
        Mirror(first=0, last=3),
        Swap(person=1, other=2, first=0),
        Speed(first=0, last=3, factor=0.5),
        Hold(frame=0, frames=2),
        Drop(person=2),
    ]
    result = edited(clip, edits(*each))
    assert (result.motion.frame_count > frames) == (frames > 0) and result.motion.people == 1
    assert len(result.notes) == (9 if frames == 0 else 0)
    assert edited(clip, edits(Delete(first=0, last=9))).motion.frame_count == 0


def test_hands_go_with_their_wrists():
    clip = with_hands(dance(1.6))
    old, new = places(clip)[20, 0], moved(clip, "left_wrist", (-0.1, -0.1))[20]
    turn = (new[WRIST] - new[ELBOW]) / (old[WRIST] - old[ELBOW])
    np.testing.assert_allclose(new[18:39] - new[WRIST], turn * (old[18:39] - old[WRIST]), atol=1e-6)
    np.testing.assert_array_equal(new[39:], old[39:])
    finger = moved(clip, "left_hand_6", (0.03, 0.0))[20]
    changed = np.flatnonzero(finger != old)
    assert changed.tolist() == [18 + 6, 18 + 7, 18 + 8]
    np.testing.assert_allclose(np.abs(np.diff(finger[23:27])), np.abs(np.diff(old[23:27])), atol=1e-6)


def test_ten_thousand_edits():
    clip = dance(people=4)
    random = np.random.default_rng(0)
    each = [
        Move(frame=int(frame), person=int(person), joint=JOINTS[joint], by=tuple(by))
        for frame, person, joint, by in zip(
            random.integers(0, 250, 10_000), random.integers(1, 6, 10_000), random.integers(0, 18, 10_000),
            random.normal(0, 0.01, (10_000, 2)).tolist(), strict=True,
        )
    ]  # fmt: skip
    result = edited(clip, edits(*each))
    assert np.isfinite(result.motion.keypoints).all()
    assert len(result.notes) == sum(edit.frame >= 200 or edit.person == 5 for edit in each)


@pytest.mark.parametrize("window", [range(41), range(-1, 3), range(0, 10, 2)])
def test_a_window_must_lie_in_the_clip(window):
    with pytest.raises(InputError, match="^frames: found"):
        posed(dance(1.6), Edits(), window)
