"""Frames between keyframes in which all moves as in another clip, against pictures under a known move."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.interpolation.guided import source_flow
from frugal_motion.nodes.interpolation.guided.source_flow import Chain, SourceFlow
from frugal_motion.nodes.interpolation.guided_stream import GuidedStream
from frugal_motion.nodes.interpolation.schedule import schedule
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.video.stream import ArrayStream, Frames

from .moving_picture import GUIDE_RATE, SIZE, MovingPicture, read
from .scene import GRID, RATE, Blend, CountedStream, Scene
from .test_guided import psnr


@pytest.fixture(scope="module")
def scene() -> MovingPicture:
    return MovingPicture()


def inside(picture: np.ndarray) -> np.ndarray:
    return picture[..., 12:-12, 12:-12, :]


def nearness(scene: MovingPicture, made: Frames) -> float:
    return psnr(inside(made), {number: inside(picture) for number, picture in scene.truth().items()})


@pytest.mark.parametrize("place", [0, 3, 7.25, 9.5, 20])
def test_flow_is_that_of_the_known_move(scene: MovingPicture, place: float) -> None:
    flow = SourceFlow(scene.guide(), SIZE)
    columns, rows = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    here = np.stack((columns, rows, np.ones_like(rows)), axis=-1).astype(float)
    rate = float(GUIDE_RATE)
    back = cv2.invertAffineTransform(scene.move(place / rate))
    for sight, frame in zip(Chain(flow.steps(0, 20)).at(place), (0, 20), strict=True):
        wide = np.dstack((here @ back.T, np.ones_like(rows)))
        wanted = wide @ scene.move(frame / rate).T - here[..., :2]
        there = here[..., :2] + wanted
        seen = ((there > 12) & (there < np.array(SIZE) - 12)).all(axis=-1)
        assert np.linalg.norm(sight.flow - wanted, axis=-1)[seen].mean() < 0.8, "pixels, after up to 20 steps"
        assert sight.trust[seen].mean() > 0.8


def test_what_something_covers_is_not_trusted() -> None:
    noise = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, (2, 96, 120, 3), np.uint8)[0], (0, 0), 1)
    block = 255 - noise[30:60, 30:60]
    frames = np.repeat(noise[None], 11, axis=0)
    for number, frame in enumerate(frames):
        frame[30:60, 20 + 3 * number : 50 + 3 * number] = block
    to_first, to_last = Chain(SourceFlow(ArrayStream(frames, Fraction(60)), SIZE).steps(0, 10)).at(10)
    uncovered = np.s_[34:56, 22:46]  # of the last frame: the first one has the block there
    assert to_first.trust[uncovered].mean() < 0.3 and to_last.trust[uncovered].mean() > 0.9
    assert to_first.trust[70:90, 10:110].mean() > 0.9


def test_a_guide_brings_frames_nearer_to_the_truth(scene: MovingPicture) -> None:
    guided, plain = nearness(scene, read(scene.stream(way="guide"))), nearness(scene, read(scene.plain()))
    assert guided > plain + 8, f"{guided:.1f} dB against {plain:.1f}"


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24)])
def test_its_rate_and_its_size_are_its_own(scene: MovingPicture, rate: Fraction) -> None:
    made = read(scene.stream(scene.guide(rate, (250, 200)), way="guide"))
    assert nearness(scene, made) > nearness(scene, read(scene.plain())) + 5


def test_frames_between_those_of_the_guide_are_none_of_them() -> None:
    scene = MovingPicture(frames=5)
    fast = GuidedStream(
        ArrayStream(scene.keys, GRID), scene.plan, Fraction(120), Blend(), way="guide", guide=scene.guide(Fraction(30))
    )
    steps = np.abs(np.diff(read(fast)[:40].astype(int), axis=0)).mean(axis=(1, 2, 3))
    assert steps.min() > 0.4 * steps.max(), "no frame is shown twice"


def test_keyframes_are_kept(scene: MovingPicture) -> None:
    made = read(scene.stream(way="guide"))
    for number, bracket in enumerate(schedule(scene.plan, RATE)):
        if not bracket.weight:
            assert (made[number] == scene.keys[bracket.left]).all()


@pytest.mark.parametrize("size", [1, 3, 100])
def test_how_it_is_read_does_not_matter(scene: MovingPicture, size: int) -> None:
    assert (read(scene.stream(), size) == read(scene.stream())).all()


def test_the_guide_of_the_clip_is_followed_and_another_one_is_not(scene: MovingPicture) -> None:
    told: list[str] = []
    assert (read(scene.stream(told=told.append)) == read(scene.stream(way="guide"))).all()
    assert told[-1].startswith("frames follow the guide; likeness 0.") and "with the guide" in told[-1]
    other = ArrayStream(scene.guide().frames[::-1], GUIDE_RATE)
    assert (read(scene.stream(other, told=told.append)) == read(scene.plain())).all()
    assert told[-1].startswith("the guide does not fit the pictures: the net alone; likeness 0.")


def test_the_best_of_three_ways() -> None:
    dancer = Scene()
    steps = range(0, 17 * 25, 5)  # 60 a second
    source = ArrayStream(np.stack([dancer.drawn(step) for step in steps]), Fraction(60))
    told: list[str] = []
    read(dancer.stream(guide=source, told=told.append))
    assert told[-1].count(" with") == 3 and "with the motion" in told[-1] and "with the guide" in told[-1]
    still = ArrayStream(np.repeat(source.frames[:1], len(steps), axis=0), Fraction(60))
    made = read(dancer.stream(guide=still, told=told.append))
    assert told[-1].startswith("figures follow the motion")
    assert (made == read(dancer.stream(way="motion"))).all()
    nobody = dancer.motion.with_keypoints(Scene(seed=9).motion.keypoints)
    made = read(dancer.stream(motion=nobody, guide=still, told=told.append))
    assert told[-1].startswith("neither motion nor guide fits the pictures: the net alone")
    assert (made == read(dancer.plain())).all()


def test_too_few_keyframes_are_left_to_the_net_or_forced() -> None:
    scene = MovingPicture(frames=5)
    told: list[str] = []
    assert (read(scene.stream(told=told.append)) == read(scene.plain())).all()
    assert told == ["the net alone; too few keyframes to compare"]
    assert nearness(scene, read(scene.stream(way="guide"))) > nearness(scene, read(scene.plain())) + 5


@pytest.mark.parametrize("frames", [1, 2])
def test_short_clips(frames: int) -> None:
    scene = MovingPicture(frames=frames)
    assert len(read(scene.stream(way="guide"))) == scene.plain().info.frame_count


def test_no_flow_goes_across_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = MovingPicture(frames=18, cuts=(9,))
    made = read(scene.stream(way="guide"))
    assert nearness(scene, made) > nearness(scene, read(scene.plain())) + 8
    asked = flows_asked(monkeypatch)
    read(scene.stream(way="guide"))
    assert len(asked) == 2 * (40 + 40), "from frame 0 to 8 of the grid, and from 9 to 17, both ways"


def flows_asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The pairs of pictures between which flow is looked for from now on."""
    asked: list[Any] = []

    class Counted:
        def __init__(self) -> None:
            self._search = search()

        def calc(self, *given: Any) -> Any:
            asked.append(given)
            return self._search.calc(*given)

    search = source_flow._search
    monkeypatch.setattr(source_flow, "_search", Counted)
    return asked


def test_every_step_of_the_guide_is_looked_at_once(scene: MovingPicture, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = flows_asked(monkeypatch)
    read(scene.stream())
    assert len(asked) == 2 * 80, "the gate and the frames share them"


def test_the_guide_is_read_no_further_than_the_gate_looks(scene: MovingPicture) -> None:
    plan = Keyframes(tuple(range(0, 241, 4)), 241, GRID)
    pictures = np.random.default_rng(0).integers(0, 255, (241 * 2, 16, 16, 3), np.uint8)
    guide = CountedStream(pictures, Fraction(24))
    stream = GuidedStream(ArrayStream(pictures[:61], GRID), plan, RATE, Blend(), guide=guide, way="best")
    ahead = [guide.frames_read - number / RATE * 24 for number, _ in enumerate(stream.chunks(1))]
    assert max(ahead) <= 9 * 8 + 2, "nine keyframes, eight frames apart"


def test_a_guide_slower_than_the_keyframes(scene: MovingPicture) -> None:
    assert read(scene.stream(scene.guide(Fraction(2)), way="guide")).shape == read(scene.plain()).shape


def test_it_goes_over_larger_pictures(scene: MovingPicture) -> None:
    large = np.stack([cv2.resize(key, None, fx=2, fy=2) for key in scene.keys])
    stream = scene.stream(way="guide")
    made = read(stream.over(ArrayStream(large, GRID)))
    back = np.stack([cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA) for frame in made])
    assert np.abs(inside(back).astype(int) - inside(read(stream))).mean() < 4


def test_guides_that_cannot_be_meant_are_refused(scene: MovingPicture) -> None:
    with pytest.raises(InputError, match=r"guide: found 96 x 120 pixels; allowed: the shape of the frames, 120 x 96"):
        scene.stream(scene.guide(size=(96, 120)))
    with pytest.raises(InputError, match=r"guide: found 1\.00 s; allowed: more than the 1\.33 s"):
        scene.stream(scene.guide(seconds=Fraction(1)))
    scene.stream(scene.guide(size=(123, 96), seconds=Fraction(3)))  # sizes are rounded, and the end may be cut off


@pytest.mark.parametrize("way", ["motion", "guide"])
def test_a_way_without_its_input_is_refused(scene: MovingPicture, way: Any) -> None:
    source = ArrayStream(scene.keys, GRID)
    with pytest.raises(InputError, match=f"{way}: found nothing, and way '{way}'"):
        GuidedStream(source, scene.plan, RATE, Blend(), way=way)
