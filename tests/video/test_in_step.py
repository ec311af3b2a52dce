"""Clips shown in step, by one clock."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.video.encode import EncodeSettings, save
from frugal_motion.nodes.video.in_step import Clock, StackedStream, common_size, fitted, frames_in_order
from frugal_motion.nodes.video.stream import CHUNK, ArrayStream, Frames, VideoInfo

from ..ffmpeg import ffmpeg, probed, source

RATES = st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(30), Fraction(60), Fraction(1, 2), Fraction(90)])
CLIPS = st.builds(VideoInfo, st.just(64), st.just(48), RATES, st.integers(1, 2000))


def greys(count: int, rate: int, width: int = 32, height: int = 32, first: int = 20) -> ArrayStream:
    """Every frame has a grey of its own, 4 apart."""
    values = np.arange(first, first + 4 * count, 4, dtype=np.uint8)
    return ArrayStream(np.broadcast_to(values[:, None, None, None], (count, height, width, 3)), Fraction(rate))


def halves(frames: Frames) -> list[list[int]]:
    """How bright the upper and the lower half of each frame is."""
    middle = frames.shape[1] // 2
    return [
        np.rint(half.mean(axis=(1, 2, 3))).astype(int).tolist() for half in (frames[:, :middle], frames[:, middle:])
    ]


def decoded(*arguments: object, height: int, width: int = 32) -> Frames:
    """Frames that FFmpeg's program makes."""
    path = Path(str(arguments[-1])).with_suffix(".rgb")
    ffmpeg(*arguments[:-1], "-f", "rawvideo", "-pix_fmt", "rgb24", path)
    return np.fromfile(path, np.uint8).reshape(-1, height, width, 3)


@given(st.lists(CLIPS, min_size=1, max_size=3), st.integers(1, 400))
def test_a_clock_goes_through_all_clips_to_the_end(clips: list[VideoInfo], most: int) -> None:
    clock = Clock.of(clips, most)
    assert 1 <= clock.count <= most
    fastest = max(clips, key=lambda clip: clip.frame_rate)
    for clip in clips:
        frames = list(clock.frames_of(clip))
        assert len(frames) == clock.count and frames[0] == 0 and frames == sorted(frames)
        assert frames[-1] < clip.frame_count
        late = (clip.frame_count - 1 - frames[-1]) / clip.frame_rate
        assert late < 1 / clock.frame_rate, "less than a moment is left"
    shown = list(clock.frames_of(fastest))[: -(-fastest.frame_count // clock.step)]
    assert shown == list(range(0, fastest.frame_count, clock.step)), "of the fastest every step-th frame"


def test_clips_of_other_rates_and_lengths_are_what_ffmpeg_shows(tmp_path: Path) -> None:
    clips = greys(20, 10), greys(12, 24)
    for name, clip in zip("ab", clips, strict=True):
        save(clip, tmp_path / f"{name}.mp4", EncodeSettings("lossless"))
    clock = Clock.of([clip.info for clip in clips], 1000)
    assert (clock.count, clock.frame_rate, clock.step) == (48, 24, 1)
    stacked = np.concatenate(list(StackedStream(clips, clock, (32, 32)).chunks(5)))
    same = "fps=24:round=up"
    graph = f"[0:v]{same}[a];[1:v]{same},tpad=stop_mode=clone:stop=36[b];[a][b]vstack"
    inputs = ["-i", tmp_path / "a.mp4", "-i", tmp_path / "b.mp4"]
    wanted = decoded(*inputs, "-filter_complex", graph, "-frames:v", 48, tmp_path / "out", height=64)
    assert halves(stacked) == halves(wanted)


def test_the_film_can_be_entered_at_every_frame(tmp_path: Path) -> None:
    clips = greys(40, 25), greys(40, 25, first=60)
    stream = StackedStream(clips, Clock.of([clip.info for clip in clips], 300), (32, 32))
    save(stream, tmp_path / "film.mp4", EncodeSettings("h264", quality=60, intra=True))
    frames = probed(tmp_path / "film.mp4", "-show_frames", "-select_streams", "v")["frames"]
    assert len(frames) == 40 and {frame["pict_type"] for frame in frames} == {"I"}
    assert {frame["key_frame"] for frame in frames} == {1}
    for at in (0, 17, 39):
        begin = ["-ss", f"{at / 25:.3f}", "-i", tmp_path / "film.mp4", "-frames:v", 1]
        ((upper,), (lower,)) = halves(decoded(*begin, tmp_path / "one", height=64))
        assert (upper, lower) == pytest.approx((20 + 4 * at, 60 + 4 * at), abs=2)


def test_a_picture_of_another_shape_lies_in_the_middle_as_ffmpeg_pads_it(tmp_path: Path) -> None:
    ffmpeg(*source("testsrc2", s="90x160", d=0.04, r=25), tmp_path / "tall.png")
    tall = decoded("-i", tmp_path / "tall.png", tmp_path / "in", height=160, width=90)[0]
    scaled = "scale=160:120:force_original_aspect_ratio=decrease:flags=area,pad=160:120:-1:-1"
    wanted = decoded("-i", tmp_path / "tall.png", "-vf", scaled, tmp_path / "fit", height=120, width=160)[0]
    found = fitted(tall, (160, 120))
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).mean() < 3
    assert not found[:, :45].any() and not found[:, -45:].any() and found[:, 60:100].any(axis=2).mean() > 0.8


@pytest.mark.parametrize(
    ("clips", "wanted"),
    [
        ([(1920, 1080)], (512, 288)),
        ([(256, 144), (1024, 576)], (512, 288)),
        ([(200, 100), (300, 150)], (300, 150)),
        ([(1080, 1920), (1920, 1080)], (288, 512)),
        ([(3, 1)], (16, 16)),
    ],
)
def test_all_are_shown_in_the_shape_of_the_first(clips: list[tuple[int, int]], wanted: tuple[int, int]) -> None:
    assert common_size([VideoInfo(*size, Fraction(25), 1) for size in clips], 512) == wanted


def test_no_more_is_read_and_made_than_is_needed() -> None:
    clip = greys(50, 25)
    read: list[int] = []

    class Watched(ArrayStream):
        def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
            for chunk in super().section(first, end, size):
                read.append(len(chunk))
                yield chunk

    made: list[int] = []

    def make(frame: np.ndarray) -> np.ndarray:
        made.append(int(frame[0, 0, 0]))
        return frame

    watched = Watched(clip.frames, clip.info.frame_rate)
    found = [int(frame[0, 0, 0]) for frame in frames_in_order(watched.chunks(), [0, 0, 3, 9, 9], make)]
    assert found == [20, 20, 32, 56, 56] and made == [20, 32, 56]
    assert sum(read) == 16
