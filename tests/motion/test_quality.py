import json
from fractions import Fraction

import numpy as np
import pytest

from frugal_motion.nodes.motion.cleaning.outliers import body_sizes
from frugal_motion.nodes.motion.cleaning.repair import repair
from frugal_motion.nodes.motion.cleaning.smooth import smooth
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.report.chart import HEIGHT, WIDTH, draw_report
from frugal_motion.nodes.motion.report.quality import measure

from .synthetic import Damage, damaged, dance


def edited(motion, change):
    keypoints = np.array(motion.keypoints)
    change(keypoints)
    return motion.with_keypoints(keypoints)


def test_jitter_is_the_mean_third_difference_in_body_sizes():
    motion = damaged(dance(4), Damage(dropouts=0, swaps=0))
    positions = motion.keypoints[:, 0, :, :2].astype(np.float64) * (9 / 16, 1)
    expected = np.abs(np.diff(positions, n=3, axis=0)).mean() / body_sizes(motion)[0]
    assert measure(motion).whole.jitter == pytest.approx(expected)


def test_jitter_is_not_measured_over_gaps():
    truth = dance(8)

    def hide(keypoints):
        keypoints[40:60, 0, 4] = 0

    assert measure(edited(truth, hide)).whole.jitter == pytest.approx(measure(truth).whole.jitter, rel=0.05)


def test_rigid_bones_do_not_vary_and_noise_makes_them():
    truth = dance(8, seed=3)
    assert measure(truth).whole.bone_length_variation < 1e-3
    noisy = [measure(damaged(truth, Damage(noise, 0, 4, 0, 0))).whole.bone_length_variation for noise in (0.001, 0.002)]
    assert noisy[1] == pytest.approx(2 * noisy[0], rel=0.1) and noisy[0] > 0.01


def test_coverage_gaps_and_outliers_are_counted_per_person():
    def spoil(keypoints):
        keypoints[20:30, 1] = 0
        keypoints[60, 0, 7, 0] += 0.6

    quality = measure(edited(dance(8, people=2), spoil))
    first, second = quality.people[0], quality.people[1]
    assert (first.coverage, first.gaps, first.outliers) == (1.0, 0, 1)
    assert (second.gaps, second.longest_gap, second.outliers) == (18, 10, 0)
    assert second.coverage == pytest.approx(190 / 200)
    assert (quality.whole.gaps, quality.whole.outliers) == (18, 1)
    assert quality.whole.coverage == pytest.approx((first.coverage + second.coverage) / 2)


def test_a_foot_that_stands_does_not_slide_and_one_that_drifts_does():
    standing = np.array(dance(4, seed=1).keypoints)
    standing[:] = standing[:1]
    still = Motion(standing, Fraction(25), 720, 1280)
    drift = 0.04  # frame heights per second
    standing[..., 0] += (np.arange(100) / 25 * drift / (9 / 16))[:, None, None]
    drifting = Motion(standing, Fraction(25), 720, 1280)
    assert measure(still).whole.foot_slide == 0
    assert measure(drifting).whole.foot_slide == pytest.approx(drift / body_sizes(drifting)[0], rel=0.05)


def test_people_who_were_never_seen_are_left_out():
    def hide(keypoints):
        keypoints[:, 0] = 0

    assert list(measure(edited(dance(4, people=2), hide)).people) == [1]


def test_smoothing_improves_every_number():
    raw = damaged(dance(10, people=2, seed=2))
    mended = repair(raw).motion
    before, after = (
        measure(raw).whole,
        measure(mended.with_keypoints(smooth(mended.keypoints, Fraction(25), 0.5))).whole,
    )
    assert after.jitter < 0.3 * before.jitter
    assert after.bone_length_variation < 0.5 * before.bone_length_variation
    assert after.foot_slide < before.foot_slide and after.coverage > before.coverage
    assert after.outliers < 0.2 * before.outliers and after.gaps < 0.1 * before.gaps


SHAPES = [(0, 1, 18, 3), (5, 0, 18, 3), (1, 1, 18, 3), (2, 1, 18, 3), (3, 2, 60, 3), (40, 2, 60, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("confidence", [0.0, 0.9])
def test_any_motion_can_be_measured_and_drawn(shape, confidence):
    keypoints = np.full(shape, 0.5 if confidence else 0, np.float32)
    keypoints[..., 2] = confidence
    motion = Motion(keypoints, Fraction(25), 64, 48)
    json.dumps(measure(motion).as_dict(), allow_nan=False)
    assert draw_report(motion, motion).shape == (HEIGHT, WIDTH, 3)
    assert draw_report(dance(2), motion).shape == draw_report(motion, dance(2)).shape == (HEIGHT, WIDTH, 3)


def test_the_numbers_are_json():
    parsed = json.loads(json.dumps(measure(damaged(dance(4, people=2))).as_dict(), allow_nan=False))
    assert set(parsed["people"]) == {"1", "2"} and parsed["frames"] == 100 and parsed["frame_rate"] == 25
    names = {"coverage", "jitter", "bone_length_variation", "foot_slide", "outliers", "gaps", "longest_gap"}
    assert set(parsed["whole"]) == set(parsed["people"]["1"]) == names


def test_the_picture_shows_both_motions():
    truth = dance(4)
    alone, compared = draw_report(truth), draw_report(truth, damaged(truth))
    orange = (255, 158, 84)
    assert not (alone == orange).all(axis=2).any() and (compared == orange).all(axis=2).sum() > 1000


def test_the_coverage_strip_shows_when_someone_was_not_seen():
    def hide(keypoints):
        keypoints[50:100, 0] = 0

    dark_red = (draw_report(edited(dance(8), hide)) == (120, 44, 52)).all(axis=2)
    columns = np.flatnonzero(dark_red.any(axis=0))
    strip = WIDTH - 2 * 28 - 64 - 16
    assert len(columns) == pytest.approx(strip / 4, abs=2)


def test_the_picture_marks_where_the_troubles_are():
    clean = dance(8)

    def throw(keypoints):
        keypoints[100, 0, 7, 1] -= 0.4

    red = (255, 96, 96)
    bar = np.s_[735:760, 93:1236]
    assert not (draw_report(clean)[bar] == red).all(axis=-1).any()
    marked = np.flatnonzero((draw_report(edited(clean, throw))[bar] == red).all(axis=-1).any(axis=0))
    assert abs(marked.mean() / 1143 - 100.5 / 200) < 0.01 and np.ptp(marked) < 12
