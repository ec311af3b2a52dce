"""Poses, pictures and prompts that the demo model learns from."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.pose.render import render_motion
from frugal_motion.training import drawn_pictures, foreign_edits, foreign_places, judge
from frugal_motion.training.captions import caption, plain_caption
from frugal_motion.training.poses import (
    TRAINED_TAKES,
    UNSEEN_TAKES,
    Placement,
    placed,
    random_body,
    random_people,
    real_poses,
)
from frugal_motion.training.renderer import BACKDROPS, FIGURES, draw, draw_backdrop

SEEDS = st.integers(0, 2**32)


def person(seed: int = 3) -> np.ndarray:
    return random_people(np.random.default_rng(seed), (128, 128), people=(0, 1, 0))


@given(seed=SEEDS, size=st.sampled_from([(128, 128), (112, 192), (256, 144)]))
def test_whole_bodies_stand_within_the_picture(seed: int, size: tuple[int, int]) -> None:
    random = np.random.default_rng(seed)
    keypoints = placed(random_body(random), size, random, Placement(close_up=0, hidden=0))
    assert np.all((keypoints[:, :2] > 0) & (keypoints[:, :2] < 1)) and keypoints[:, 2].all()


@given(seed=SEEDS)
def test_bones_are_never_longer_than_in_space(seed: int) -> None:
    body = random_body(np.random.default_rng(seed))
    for a, b, length in ((2, 3, 0.29), (3, 4, 0.26), (8, 9, 0.44), (9, 10, 0.42)):
        assert np.linalg.norm(body[a] - body[b]) <= length + 1e-6


def test_left_is_right_of_right_when_a_person_faces_us() -> None:
    facing = [body for body in (random_body(np.random.default_rng(i)) for i in range(200)) if body[5, 0] > body[2, 0]]
    assert len(facing) > 120, "more people face the camera than turn their back"
    assert sum(body[17, 0] > body[16, 0] for body in facing) > 0.9 * len(facing), "ears agree with shoulders"


def test_unseen_takes_are_not_trained() -> None:
    assert not set(TRAINED_TAKES) & set(UNSEEN_TAKES)
    assert len(real_poses(TRAINED_TAKES)) > 500 and len(real_poses(UNSEEN_TAKES)) > 300


def test_the_hint_is_what_draw_pose_draws() -> None:
    people = person()
    motion = Motion(people[None], Fraction(12), 128, 128)
    wanted = next(iter(render_motion(motion, (112, 192))))
    assert wanted.any() and np.array_equal(drawn_pictures.draw_hint(people, 112, 192), wanted)


@pytest.mark.parametrize("figure", range(len(FIGURES)))
@pytest.mark.parametrize("backdrop", range(len(BACKDROPS)))
def test_judges_know_what_is_drawn(figure: int, backdrop: int) -> None:
    picture, mask = draw(person(figure), figure, backdrop, 128, 128)
    inside = mask > 128
    assert judge.which_figure(picture, inside) == figure
    assert judge.which_backdrop(picture, inside) == backdrop
    assert judge.overlap(judge.figure_mask(picture, backdrop), inside) > 0.7


def test_nobody_leaves_the_background() -> None:
    picture, mask = draw(np.zeros((0, 18, 3), np.float32), 0, 2, 192, 112)
    assert not mask.any() and np.array_equal(picture, draw_backdrop(2, 192, 112))
    assert judge.overlap(judge.figure_mask(picture, 2), mask > 0) == 1


def test_a_moving_figure_is_no_flicker_but_a_changing_background_is() -> None:
    drawn = [draw(person(seed), 0, 0, 128, 128) for seed in (3, 4)]
    frames, masks = np.stack([p for p, _ in drawn]), np.stack([m > 128 for _, m in drawn])
    assert judge.unsteadiness(frames, masks) < 0.5
    frames[1] = np.clip(frames[1].astype(int) + 5, 0, 255)
    assert 4 < judge.unsteadiness(frames, masks) < 6


def test_a_set_is_the_same_again_and_lacks_the_unseen_pairs(tmp_path: Path) -> None:
    wanted = drawn_pictures.PictureSet(128, 128, 60, 1.0)
    first, second = (drawn_pictures.make(tmp_path / name, wanted, seed=1, workers=1) for name in "ab")
    assert np.array_equal(first.pictures, second.pictures) and np.array_equal(first.hints, second.hints)
    assert not drawn_pictures.UNSEEN_PAIRS & set(zip(first.figures.tolist(), first.backdrops.tolist(), strict=True))
    assert len(set(first.figures.tolist())) == len(FIGURES)


@given(seed=SEEDS)
def test_a_foreign_place_is_left_outside_the_region(seed: int) -> None:
    random = np.random.default_rng(seed)
    place = foreign_places.paint(random, 2 * 96, 2 * 128)
    people, figure = random_people(random, (96, 128)), int(random.integers(len(FIGURES)))
    region = drawn_pictures.random_region(random, people, 96, 128)
    picture, mask = drawn_pictures.redrawn(place, people, figure, region)
    alone, _ = drawn_pictures.redrawn(place, people[:0], figure, region)
    outside = region == 0
    assert np.array_equal(picture[outside], alone[outside]) and not mask[outside].any()
    assert region.any(), "something is to be redrawn"


def test_regions_hold_the_figure_or_cut_little_of_it() -> None:
    random = np.random.default_rng(8)
    kept, sizes = [], []
    for seed in range(60):
        people = person(seed)
        _, whole = draw(people, 1, 0, 128, 128)
        region = drawn_pictures.random_region(random, people, 128, 128)
        kept.append((whole * (region / 255)).sum() / whole.sum())
        sizes.append(region.mean() / 255)
    assert min(kept) > 0.8 and np.mean(kept) > 0.95
    assert min(sizes) < 0.2 and max(sizes) == 1, "from the body to everything"


def test_foreign_places_differ_and_come_again() -> None:
    places = [foreign_places.paint(np.random.default_rng(seed), 64, 48) for seed in (1, 1, 2)]
    assert np.array_equal(places[0], places[1]) and np.abs(places[0] - places[2]).mean() > 5
    assert all(place.shape == (48, 64, 3) and place.min() >= 0 and place.max() <= 255 for place in places)


def test_a_foreign_set_has_no_backdrop(tmp_path: Path) -> None:
    wanted = drawn_pictures.PictureSet(64, 64, 8, 1.0, foreign=True)
    made = drawn_pictures.make(tmp_path, wanted, seed=1, workers=1)
    assert set(made.backdrops.tolist()) == {drawn_pictures.UNNAMED}
    known = drawn_pictures.make(tmp_path, drawn_pictures.PictureSet(64, 64, 3, 1.0), seed=1, workers=1)
    assert (known.regions == 255).all() and len(made.pictures) == 8, "both kinds of a size side by side"


class Copier:
    """A generator whose autoencoder loses two levels of 255."""

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        return pictures

    def decode(self, pictures: np.ndarray) -> np.ndarray:
        return two_off(pictures)


def two_off(picture: np.ndarray) -> np.ndarray:
    return np.where(picture > 127, picture - 2, picture + 2).astype(np.uint8)


def test_edits_are_judged_inside_the_region_by_figure_and_place() -> None:
    copier: Any = Copier()
    wanted = foreign_edits.examples(12, seed=4)
    off_by_two = 20 * np.log10(255 / 2)
    good = foreign_edits.score(copier, [two_off(one.truth) for one in wanted], wanted)
    assert good == pytest.approx(
        {"figure_accuracy": 1, "figure_psnr": off_by_two, "place_psnr": off_by_two, "encoded_place_psnr": off_by_two}
    )
    for one in wanted:
        outside = one.region == 0
        assert np.array_equal(one.source[outside], one.truth[outside]), "only the region tells the figures apart"
    untouched = foreign_edits.score(copier, [one.source for one in wanted], wanted)
    assert untouched["figure_accuracy"] == 0 and untouched["figure_psnr"] < 20


@given(seed=SEEDS, figure=st.integers(0, 5), backdrop=st.integers(0, 5))
def test_captions_name_what_is_there(seed: int, figure: int, backdrop: int) -> None:
    prompt = caption(np.random.default_rng(seed), figure, backdrop)
    assert any(name in prompt for name in FIGURES[figure].names)
    assert any(name in prompt for name in BACKDROPS[backdrop].names)


def test_no_name_is_part_of_anothers_plain_caption() -> None:
    for figure in range(len(FIGURES)):
        for backdrop in range(len(BACKDROPS)):
            prompt = plain_caption(figure, backdrop)
            named = [i for i, other in enumerate(FIGURES) if any(f" {name} " in prompt for name in other.names)]
            assert named == [figure]
