from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.body import BONES, HIPS, mirrored_order
from frugal_motion.nodes.motion.editing.bands import follow_through, split
from frugal_motion.nodes.motion.editing.style import MIRRORS, PRESETS, StyleSettings, mirror, preset, style
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.node import FrugalMotionStyle

from .synthetic import dance
from .test_repair import motions

EDITS = st.builds(
    StyleSettings,
    **{name: st.floats(0, 2) for name in ("arms", "legs", "torso", "head", "sway", "bounce", "low", "mid", "high")},
    **{name: st.floats(0, 1) for name in ("overshoot", "ease", "snap")},
    tempo=st.floats(0.5, 2),
    mirror=st.sampled_from(MIRRORS),
    reverse=st.booleans(),
    loop=st.booleans(),
    keep_feet=st.booleans(),
)


def clip(keypoints, rate=25):
    return Motion(keypoints, Fraction(rate), 720, 1280)


def positions(motion):
    return motion.keypoints[..., :2].astype(np.float64) * (motion.width / motion.height, 1)


def lengths(motion):
    at = positions(motion)
    return np.stack([np.linalg.norm(at[:, :, child] - at[:, :, parent], axis=-1) for parent, child in BONES], axis=-1)


def swing(motion):
    """How far the upper arms swing around their mean, in radians."""
    return arm_angles(motion).std(axis=0).mean()


def arm_angles(motion):
    """Angle of the upper arm to the vertical, from positions alone."""
    at = positions(motion)
    arm = at[:, :, (3, 6)] - at[:, :, (2, 5)]
    return np.unwrap(np.arctan2(arm[..., 0], arm[..., 1]), axis=0)


def speed(motion):
    """Mean speed of each frame step in frame heights per second, of wrists relative to the neck."""
    at = positions(motion)
    wrists = at[:, :, (4, 7)] - at[:, :, 1:2]
    return np.linalg.norm(np.diff(wrists, axis=0), axis=-1).mean(axis=(1, 2)) * float(motion.frame_rate)


def hip_height(motion):
    return positions(motion)[:, :, HIPS, 1].mean(axis=(1, 2))


@settings(max_examples=25)
@given(motions(), EDITS)
def test_what_asks_for_nothing_is_the_identity(keypoints, edit):
    motion = clip(keypoints)
    for settings_, strength in ((StyleSettings(), 1), (preset("natural"), 0.5), (edit, 0)):
        assert np.array_equal(style(motion, settings_, strength).keypoints, keypoints)


@settings(max_examples=50)
@given(motions(), EDITS, st.floats(0, 1))
def test_anything_done_to_anything_is_finite_and_gaps_are_empty(keypoints, edit, strength):
    result = style(clip(keypoints), edit, strength).keypoints
    assert result.dtype == np.float32 and np.isfinite(result).all()
    assert not result[result[..., 2] == 0].any()


@settings(max_examples=30)
@given(motions(), EDITS)
def test_without_new_timing_every_gap_stays_where_it_is(keypoints, edit):
    edit = replace(edit, tempo=1, ease=0, snap=0, reverse=False, loop=False, mirror="off")
    assert np.array_equal(style(clip(keypoints), edit).keypoints[..., 2], keypoints[..., 2])


@pytest.mark.parametrize("about", MIRRORS)
def test_mirrored_twice_is_the_identity(about):
    motion = dance(people=2)
    twice = mirror(mirror(motion, about), about)
    np.testing.assert_allclose(twice.keypoints, motion.keypoints, atol=2e-7)


def test_mirror_exchanges_the_sides_and_keeps_the_person_in_place():
    motion = dance(people=2)
    frame, person = mirror(motion, "frame").keypoints, mirror(motion, "person").keypoints
    np.testing.assert_allclose(frame[:, :, 4, 0], 1 - motion.keypoints[:, :, 7, 0], atol=1e-6)
    assert np.array_equal(frame[..., 1], motion.keypoints[:, :, mirrored_order(18), 1])
    centre = [k[..., 0].mean(axis=(0, 2)) for k in (motion.keypoints, person)]
    np.testing.assert_allclose(*centre, atol=0.05)


def test_reverse_is_exact():
    motion = dance()
    assert np.array_equal(style(motion, StyleSettings(reverse=True)).keypoints, motion.keypoints[::-1])


@settings(max_examples=25)
@given(EDITS, st.integers(0, 3))
def test_limbs_keep_their_lengths_in_every_frame(edit, seed):
    edit = replace(edit, tempo=1, ease=0, snap=0, loop=False, reverse=False, mirror="off", keep_feet=False)
    motion = dance(seconds=3, seed=seed)
    np.testing.assert_allclose(lengths(style(motion, edit)), lengths(motion), rtol=0.01)


@settings(max_examples=15)
@given(EDITS, st.integers(0, 3))
def test_planting_feet_never_makes_a_leg_longer_than_it_was(edit, seed):
    edit = replace(edit, tempo=1, ease=0, snap=0, loop=False, reverse=False, mirror="off", keep_feet=True)
    motion = dance(seconds=3, seed=seed)
    legs = [i for i, (_, child) in enumerate(BONES) if child in (9, 10, 12, 13)]
    before, after = lengths(motion)[..., legs], lengths(style(motion, edit))[..., legs]
    assert (after < 1.01 * before.max(axis=0)).all()
    others = [i for i in range(len(BONES)) if i not in legs]
    np.testing.assert_allclose(lengths(style(motion, edit))[..., others], lengths(motion)[..., others], rtol=0.01)


def test_a_part_that_is_not_asked_for_does_not_turn():
    motion = dance()
    result = style(motion, StyleSettings(arms=0.0, keep_feet=False))
    still = (0, 1, 2, 5, *range(8, 18))
    np.testing.assert_allclose(result.keypoints[:, :, still], motion.keypoints[:, :, still], atol=1e-6)
    assert swing(result) < 0.5 * swing(motion)


@pytest.mark.parametrize("seed", range(4))
def test_amplitude_of_a_swinging_arm(seed):
    motion = dance(seed=seed)
    spread = [swing(style(motion, StyleSettings(arms=gain, keep_feet=False))) for gain in (0.5, 1, 1.5)]
    assert spread[0] < 0.75 * spread[1] and spread[2] > 1.1 * spread[1]


def test_hands_go_with_their_wrists():
    body = dance(seconds=2)
    keypoints = np.zeros((50, 1, 60, 3), np.float32)
    keypoints[:, :, :18] = body.keypoints
    keypoints[:, :, 18:39] = body.keypoints[:, :, 7:8] + (0.01, 0.01, 0)
    result = positions(style(body.with_keypoints(keypoints), StyleSettings(arms=1.5)))
    offset = np.linalg.norm(result[:, :, 20] - result[:, :, 7], axis=-1)
    np.testing.assert_allclose(offset, np.hypot(0.01 * 720 / 1280, 0.01), rtol=1e-3)
    assert not result[:, :, 39:].any()


@pytest.mark.parametrize("seed", range(4))
class TestCharacters:
    def test_calm_is_smaller_and_slower(self, seed):
        motion, calm = dance(seed=seed), style(dance(seed=seed), preset("calm"))
        assert swing(calm) < 0.8 * swing(motion)
        assert speed(calm).mean() < 0.7 * speed(motion).mean()

    def test_energetic_is_larger_and_faster(self, seed):
        motion, energetic = dance(seed=seed), style(dance(seed=seed), preset("energetic"))
        assert swing(energetic) > 1.1 * swing(motion)
        assert speed(energetic).mean() > 1.15 * speed(motion).mean()

    def test_bouncy_goes_up_and_down(self, seed):
        motion, bouncy = dance(seed=seed), style(dance(seed=seed), preset("bouncy"))
        assert hip_height(bouncy).std() > 1.5 * hip_height(motion).std()
        assert bouncy.frame_count == motion.frame_count

    def test_robotic_holds_and_snaps(self, seed):
        motion, robotic = dance(seed=seed), style(dance(seed=seed), preset("robotic"))
        limit = 0.1 * speed(motion).mean()
        assert (speed(robotic) < limit).mean() > 0.4 > 0.1 > (speed(motion) < limit).mean()
        assert speed(robotic).max() > 1.3 * speed(motion).max()
        assert robotic.frame_count == motion.frame_count

    @pytest.mark.parametrize(("name", "tempo"), [("heavy", 0.72), ("dreamy", 0.6)])
    def test_heavy_and_dreamy_are_slow_and_smooth(self, seed, name, tempo):
        motion, slow = dance(seed=seed), style(dance(seed=seed), preset(name))
        assert slow.frame_count == round(199 / tempo) + 1
        assert speed(slow).mean() < 0.8 * speed(motion).mean()
        jerk = [np.abs(np.diff(positions(m), n=3, axis=0)).mean() for m in (motion, slow)]
        assert jerk[1] < 0.6 * jerk[0]


def test_strength_goes_from_nothing_to_all():
    motion = dance()
    whole = positions(style(motion, StyleSettings(arms=0.0)))
    half = positions(style(motion, StyleSettings(arms=0.0), 0.5))
    away = [np.abs(p - positions(motion)).mean() for p in (half, whole)]
    assert 0.3 * away[1] < away[0] < 0.7 * away[1]


def test_bands_add_up_and_take_what_is_theirs():
    t = np.arange(600) / 30
    waves = {"low": 0.3, "mid": 1.1, "high": 5.0}
    for name, hertz in waves.items():
        wave = np.sin(2 * np.pi * hertz * t)[:, None]
        bands = split(wave, Fraction(30))
        np.testing.assert_allclose(sum(bands), wave, atol=1e-9)
        power = {band: float((getattr(bands, band)[60:-60] ** 2).sum()) for band in waves}
        assert max(power, key=power.get) == name


def test_bands_mean_the_same_at_any_frame_rate():
    low, high = (np.sin(2 * np.pi * 1.0 * np.arange(10 * rate) / rate)[:, None] for rate in (15, 60))
    np.testing.assert_allclose(split(low, Fraction(15)).mid[5:-5], split(high, Fraction(60)).mid[::4][5:-5], atol=0.03)


def test_follow_through_overshoots_a_stop_and_does_not_lag():
    t = np.arange(300) / 30
    ramp = np.clip(t - 3, 0, 2)[:, None]
    swung = follow_through(ramp, Fraction(30))
    assert swung.max() > 2.04 and abs(swung[-1, 0] - 2) < 0.02
    line = follow_through(t[:, None], Fraction(30))
    np.testing.assert_allclose(line[90:], t[90:, None], atol=0.01)


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
@pytest.mark.parametrize("name", PRESETS)
def test_short_and_empty_clips(frames, name):
    for keypoints in (np.zeros((frames, 2, 60, 3), np.float32), np.full((frames, 1, 18, 3), 0.5, np.float32)):
        assert np.isfinite(style(clip(keypoints), replace(preset(name), loop=True)).keypoints).all()


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"arms": -0.1}, "arms"), ({"bounce": float("nan")}, "bounce"), ({"snap": 1.5}, "snap"),
        ({"tempo": 0.0}, "tempo"), ({"mirror": "x"}, "mirror"),
    ],
)  # fmt: skip
def test_bad_settings(changed, name):
    with pytest.raises(InputError, match=f"^{name}: found"):
        StyleSettings(**changed)


def test_bad_preset_and_strength():
    with pytest.raises(InputError, match="^preset: found 'wild'"):
        preset("wild")
    with pytest.raises(InputError, match="^strength: found"):
        style(dance(seconds=1), preset("calm"), 1.5)


def test_the_node_puts_its_inputs_on_top_of_the_preset():
    defaults = {item.id: item.default for item in FrugalMotionStyle.define_schema().inputs if hasattr(item, "default")}
    given_ = {**defaults, "motion": dance(), "mirror": "off"}
    given_.pop("preset")

    def run(name, **changed):
        return FrugalMotionStyle.execute(preset=name, **{**given_, **changed}).args[0]

    assert np.array_equal(run("natural").keypoints, dance().keypoints)
    assert np.array_equal(run("calm").keypoints, style(dance(), preset("calm")).keypoints)
    assert run("calm", tempo=2.0).frame_count == round(199 / 1.7) + 1
    with pytest.raises(InputError, match="^preset: found"):
        run("wild")
