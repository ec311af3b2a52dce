"""Frames between keyframes that follow a motion, against frames that are drawn at their times."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from safetensors.torch import load_file

from frugal_motion.nodes.accelerator import Accelerator
from frugal_motion.nodes.compositing.camera import camera_move, moved, moved_mask, share_of, stands
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.interpolation.guided.figure_map import FigureMap
from frugal_motion.nodes.interpolation.guided.likeness import structural_similarity
from frugal_motion.nodes.interpolation.guided_stream import GuidedStream, Way
from frugal_motion.nodes.interpolation.interpolator import Interpolator, NetInterpolator
from frugal_motion.nodes.interpolation.rife import load_rife
from frugal_motion.nodes.interpolation.schedule import schedule
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.stream import CHUNK, ArrayStream, Frames, FrameStream

from ..motion.synthetic import dance
from .scene import GRID, RATE, SIZE, Blend, CountedStream, HeldScene, PannedScene, Scene


def read(stream: FrameStream, size: int = CHUNK) -> Frames:
    return np.concatenate(list(stream.chunks(size)))


def psnr(made: Frames, truth: dict[int, np.ndarray]) -> float:
    errors = [((made[number].astype(float) - picture) ** 2).mean() for number, picture in truth.items()]
    return float(10 * np.log10(255**2 / np.mean(errors)))


@pytest.fixture(scope="module")
def rife(assets: Path) -> Interpolator[Any]:
    weights = load_file(assets / "models/frame_interpolation/rife_v4.26.safetensors")
    return NetInterpolator(load_rife(weights, "rife"), Accelerator())


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


def test_it_comes_nearer_to_the_drawn_frames_than_rife(scene: Scene, rife: Interpolator[Any]) -> None:
    truth = scene.truth()
    guided, plain = (psnr(read(stream), truth) for stream in (scene.stream(rife), scene.plain(rife)))
    assert guided > plain + 3, f"{guided:.1f} dB against {plain:.1f}"


@pytest.mark.parametrize("seed", [2, 3])
def test_it_does_so_for_other_dancers_and_two_at_once(seed: int) -> None:
    scene = Scene(seed, people=seed - 1)
    truth = scene.truth()
    assert psnr(read(scene.stream()), truth) > psnr(read(scene.plain()), truth) + 3


def test_the_camera_may_pan(rife: Interpolator[Any]) -> None:
    scene = PannedScene()
    truth = scene.truth()
    guided, plain = (psnr(read(stream), truth) for stream in (scene.stream(rife, way="motion"), scene.plain(rife)))
    assert guided > plain + 2, f"{guided:.1f} dB against {plain:.1f}"


def test_a_move_of_the_camera_is_found_and_parts_of_it() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (140, 180, 3), np.uint8)
    wide = cv2.GaussianBlur(noise, (0, 0), 2)
    first, second = wide[6:134, 6:174], wide[4:132, 12:180]  # six pixels to the right, two up
    away = np.full(first.shape[:2], 9, np.float32)
    move = camera_move(first, second, away)
    np.testing.assert_allclose(move, [(1, 0, 6), (0, 1, -2), (0, 0, 1)], atol=0.1)
    np.testing.assert_allclose(share_of(move, 0.5), [(1, 0, 3), (0, 1, -1), (0, 0, 1)], atol=0.1)
    inside = np.s_[10:-10, 10:-10]
    assert np.abs(moved(second, move).astype(int) - first)[inside].mean() < 2
    assert moved_mask(np.ones((128, 168), bool), move).mean() == pytest.approx(162 * 126 / (168 * 128), abs=0.01)
    assert stands(camera_move(first, first, away)) and not stands(move)


def test_keyframes_are_kept_and_so_is_the_clock(scene: Scene) -> None:
    made = read(scene.stream())
    assert len(made) == scene.stream().info.frame_count == scene.plain().info.frame_count
    for number, bracket in enumerate(schedule(scene.plan, RATE)):
        if not bracket.weight:
            assert (made[number] == scene.keys[bracket.left]).all()


@pytest.mark.parametrize("size", [1, 3, 100])
def test_how_it_is_read_does_not_matter(scene: Scene, size: int) -> None:
    assert (read(scene.stream(way="motion"), size) == read(scene.stream(way="motion"))).all()


def test_how_many_threads_there_are_does_not_matter(scene: Scene) -> None:
    threads, made = cv2.getNumThreads(), []
    try:
        for count in (1, 4):
            cv2.setNumThreads(count)
            made.append(read(scene.stream(way="motion")))
    finally:
        cv2.setNumThreads(threads)
    assert (made[0] == made[1]).all()


def test_a_motion_of_somebody_else_is_not_followed(scene: Scene) -> None:
    told: list[str] = []
    made = read(scene.stream(motion=Scene(seed=9).motion, told=told.append))
    assert (made == read(scene.plain())).all()
    assert "does not fit" in told[-1]


def test_the_motion_that_was_drawn_is_followed(scene: Scene) -> None:
    told: list[str] = []
    made = read(scene.stream(told=told.append))
    assert (made == read(scene.stream(way="motion"))).all()
    assert told[-1].startswith("figures follow the motion; likeness 0.")


def test_shots_are_made_apart() -> None:
    whole = Scene(frames=18, cuts=(9,))
    first = Scene(frames=9)
    assert whole.plan.frames == (0, 4, 8, 9, 13, 17)
    made = read(whole.stream(way="motion"))
    before = [n for n, bracket in enumerate(schedule(whole.plan, RATE)) if bracket.right < 3]
    assert (made[before] == read(first.stream(way="motion"))[before]).all()


def test_nobody_and_missing_joints_are_no_trouble(scene: Scene) -> None:
    nobody = np.zeros_like(scene.motion.keypoints)
    without = scene.motion.with_keypoints(nobody)
    assert np.abs(read(scene.stream(motion=without, way="motion")).astype(int) - read(scene.plain())).max() <= 1
    for gone in ([3, 4], [8, 9, 10, 11, 12, 13], list(range(1, 18))):
        keypoints = scene.motion.keypoints.copy()
        keypoints[4:9, :, gone] = 0
        made = read(scene.stream(motion=scene.motion.with_keypoints(keypoints), way="motion"))
        assert made.shape == read(scene.plain()).shape


def test_who_comes_and_goes_between_keyframes(scene: Scene) -> None:
    keypoints = scene.motion.keypoints.copy()
    keypoints[6:] = 0
    made = read(scene.stream(motion=scene.motion.with_keypoints(keypoints), way="motion"))
    assert made.shape == read(scene.plain()).shape


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_short_clips(frames: int) -> None:
    scene = Scene(frames=frames)
    told: list[str] = []
    assert len(read(scene.stream(told=told.append))) == scene.plain().info.frame_count
    assert frames == 1 or "too few keyframes" in told[-1]


def test_a_motion_on_another_grid_is_refused(scene: Scene) -> None:
    with pytest.raises(InputError, match=r"motion: found 16 frames; allowed: 17 frames"):
        scene.stream(motion=scene.motion.with_keypoints(scene.motion.keypoints[1:]))
    with pytest.raises(InputError, match="motion: found 25 frames per second; allowed: 12"):
        scene.stream(motion=Motion(scene.motion.keypoints, Fraction(25), *SIZE))


def test_no_more_keyframes_are_held_than_have_a_say() -> None:
    keyframes = Keyframes.all_frames(120, GRID)
    motion = Motion(np.tile(dance(1, GRID, 1, 1).keypoints, (10, 1, 1, 1)), GRID, *SIZE)
    pictures = np.random.default_rng(0).integers(0, 255, (120, 32, 32, 3), np.uint8)
    source = CountedStream(pictures, GRID)
    stream = GuidedStream(source, keyframes, RATE, Blend(), motion, way="motion")
    ahead, threads = [], cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        for number, _ in enumerate(stream.chunks(1)):
            ahead.append(source.frames_read - number * GRID / RATE)
    finally:
        cv2.setNumThreads(threads)
    most = 16 + 2 + 2 * GRID / RATE
    assert max(ahead) <= most, "three windows of four keyframes, two that are cut out ahead, and those at work"


@pytest.mark.skipif(not hasattr(cv2, "quality"), reason="this OpenCV has no second opinion")
class _ReadBy(ArrayStream):
    """A stream that knows which threads have read it."""

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        self.threads: set[int] = set()
        for frame in self.frames:
            self.threads.add(threading.get_ident())
            yield frame[None]


@pytest.mark.parametrize(("held", "way"), [([(0, 16), (21, 37)], "motion"), ([(0, 16)], "best"), ([], "motion")])
def test_who_stands_still_for_long(held: list[tuple[int, int]], way: Way) -> None:
    scene = HeldScene(42 if held else 30, held)
    source, threads, made = _ReadBy(scene.keys, GRID), cv2.getNumThreads(), []
    try:
        for count, size in ((1, 3), (4, 30)):
            cv2.setNumThreads(count)
            stream = GuidedStream(source, scene.plan, RATE, Blend(), scene.motion, way=way)
            made.append(read(stream, size))
            assert source.threads == {threading.get_ident()}
    finally:
        cv2.setNumThreads(threads)
    assert (made[0] == made[1]).all()
    for number, one in enumerate(schedule(scene.plan, RATE)):
        if any(first <= one.left and one.right <= last for first, last in held):
            assert (made[0][number] == scene.keys[one.left]).all()


def test_likeness_is_that_of_opencv(scene: Scene) -> None:
    first, second = scene.keys[0], scene.keys[1]
    wanted = cv2.quality.QualitySSIM_compute(first, second)[0][:3]
    assert structural_similarity(first, second).mean() == pytest.approx(np.mean(wanted), abs=0.003)
    assert structural_similarity(first, first).min() == pytest.approx(1, abs=1e-3)


def test_every_place_belongs_to_somebody(scene: Scene) -> None:
    figures = FigureMap(scene.motion.keypoints[0], SIZE)
    np.testing.assert_allclose(figures.shares.sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (17, 9), (91, 57), (33, 200), (320, 30)])
def test_pictures_of_any_size(scene: Scene, size: tuple[int, int]) -> None:
    keys = np.stack([cv2.resize(picture, size) for picture in scene.keys])
    for way in get_args(Way):
        guide = ArrayStream(keys, GRID / 4) if way == "guide" else None
        stream = GuidedStream(ArrayStream(keys, GRID), scene.plan, RATE, Blend(), scene.motion, way=way, guide=guide)
        assert read(stream).shape == (stream.info.frame_count, size[1], size[0], 3)


class _Unreadable(ArrayStream):
    """A clip whose last keyframe cannot be read."""

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        yield self.frames[:-1]
        raise OSError("the disk is gone")


def test_what_goes_wrong_ahead_is_told_and_leaves_no_thread_behind(scene: Scene) -> None:
    stream = GuidedStream(_Unreadable(scene.keys, GRID), scene.plan, RATE, Blend(), scene.motion, way="motion")
    with pytest.raises(OSError, match="the disk is gone"):
        read(stream)
    assert not _threads()


def test_a_stream_that_is_left_leaves_no_thread_behind(scene: Scene) -> None:
    chunks = scene.stream(way="motion").chunks(1)
    next(chunks)
    assert _threads()
    chunks.close()
    assert not _threads()


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("figures")]
