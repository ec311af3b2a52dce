"""Clips at a model's length, and back: how long they last, what they show, what is heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.interpolation.stream import InterpolatedStream
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.lengths.fit import fit, fitted_length, restore
from frugal_motion.nodes.lengths.rule import RULES, LengthRule, rule_named
from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.nodes.video.decode_settings import DecodeSettings
from frugal_motion.nodes.video.encode import LOSSLESS, save
from frugal_motion.nodes.video.stream import ArrayStream, FrameStream, Waveform

from ..ffmpeg import ffmpeg, heard, probed, shown_at, source

RATES = [Fraction(rate) for rate in (8, 12, 16, 24, 30)]
SOURCE_RATES = [Fraction(rate) for rate in ("24", "25", "30000/1001", "30", "60")]
OUTPUT_RATES = [Fraction(rate) for rate in ("25", "30", "24000/1001", "60")]
ANY, WAN, LTX = LengthRule(1), LengthRule(4), LengthRule(8)


class LastFrame:
    """Stands for a net where only times matter: any frame between is the left one."""

    def prepare(self, picture: np.ndarray) -> np.ndarray:
        return picture

    def make(self, between: list) -> np.ndarray:
        return np.stack([one.left for one in between])


def numbered(count: int, rate: Fraction, sound: Waveform | None = None) -> ArrayStream:
    """Tiny frames, each of its own shade."""
    shades = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return ArrayStream(np.broadcast_to(shades, (count, 2, 2, 3)), rate, sound)


def shades(stream: FrameStream, size: int = 8) -> list[int]:
    return [int(frame[0, 0, 0]) for chunk in stream.chunks(size) for frame in chunk]


def interpolated(stream: FrameStream, rate: Fraction) -> InterpolatedStream:
    plan = Keyframes.all_frames(stream.info.frame_count, stream.info.frame_rate)
    return InterpolatedStream(stream, plan, rate, LastFrame(), stream.audio)


def noise(seconds: Fraction, rate: int = 48000) -> Waveform:
    """16-bit sound in which each sample can be told from its neighbours."""
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, (1, round(seconds * rate)))
    return Waveform((samples / 2**15).astype(np.float32), rate)


@pytest.mark.parametrize("count", range(1, 40))
@pytest.mark.parametrize("name", RULES)
def test_lengths_obey_the_rule(name: str, count: int) -> None:
    rule = rule_named(name)
    allowed = [number for number in range(1, 100) if number % rule.step == 1 % rule.step]
    assert rule.least_from(count) == min(number for number in allowed if number >= count)
    assert rule.most_up_to(count) == max(number for number in allowed if number <= count)


@pytest.mark.parametrize(
    ("available", "most", "kept", "frames"),
    [
        (60, 0, 60, 61),
        (61, 0, 61, 61),
        (81, 81, 81, 81),
        (82, 81, 81, 81),
        (80, 81, 80, 81),
        (79, 80, 77, 77),
        (3, 2, 1, 1),
    ],
)
def test_how_much_is_kept(available: int, most: int, kept: int, frames: int) -> None:
    length = fitted_length(available, WAN, most)
    assert (length.kept, length.frames) == (kept, frames)


@pytest.mark.parametrize("source_rate", SOURCE_RATES)
@pytest.mark.parametrize("rate", RATES)
def test_every_length_comes_back(source_rate: Fraction, rate: Fraction) -> None:
    for count in range(5, 201):
        for rule in (WAN, LTX, ANY):
            clip = numbered(count, source_rate)
            fitted, way_back = fit(clip, rule, rate)
            assert fitted.info.frame_count == way_back.length
            assert way_back.length % rule.step == 1 % rule.step
            assert 0 <= way_back.length - way_back.frames < rule.step
            back = restore(numbered(way_back.length, rate), way_back)
            assert back.info.duration == Fraction(count) / source_rate
            assert abs(back.info.frame_count / rate - back.info.duration) <= 1 / rate / 2
            for output_rate in OUTPUT_RATES:
                made = interpolated(back, output_rate)
                assert abs(made.info.frame_count / output_rate - clip.info.duration) <= 1 / output_rate / 2
                assert made.info.duration == clip.info.duration


@hypothesis_settings(max_examples=25)
@given(
    count=st.integers(5, 120),
    source_rate=st.sampled_from(SOURCE_RATES),
    rate=st.sampled_from(RATES),
    output_rate=st.sampled_from([Fraction(25), *SOURCE_RATES]),
    step=st.sampled_from([1, 4, 8]),
    most=st.sampled_from([0, 0, 25]),
)
def test_frames_are_near_their_times_and_counts_are_true(
    count: int, source_rate: Fraction, rate: Fraction, output_rate: Fraction, step: int, most: int
) -> None:
    clip = numbered(count, source_rate)
    fitted, way_back = fit(clip, LengthRule(step), rate, most, lambda _topic, _text: None)
    given_frames = shades(fitted)
    assert len(given_frames) == way_back.length
    late = max(1 / source_rate - 1 / rate / 2, 1 / source_rate / 2)
    for index, number in enumerate(given_frames[: way_back.frames]):
        due = min(index / rate, (count - 1) / source_rate)
        assert due - late <= number / source_rate <= due + 1 / rate / 2
    assert set(given_frames[way_back.frames :]) <= {given_frames[way_back.frames - 1]}
    made = interpolated(restore(fitted, way_back), output_rate)
    assert len(shades(made)) == made.info.frame_count == max(round(way_back.duration * output_rate), 1)


class Forward(FrameStream):
    """A clip that can only be read from its start, as most that are made are."""

    def __init__(self, source: FrameStream) -> None:
        self.source, self.info = source, source.info

    def chunks(self, size: int = 8) -> Iterator[np.ndarray]:
        return self.source.chunks(size)


@pytest.mark.parametrize("size", [1, 3, 8, 50])
@pytest.mark.parametrize("kind", [Forward, lambda clip: clip])
def test_frames_are_the_same_in_chunks_of_any_size_and_from_anywhere(kind: Callable, size: int) -> None:
    fitted, _ = fit(kind(numbered(30, Fraction(25))), LTX, Fraction(12))
    assert shades(fitted, size) == shades(fitted)
    whole = np.concatenate(list(fitted.chunks()))
    for first, end in [(0, 4), (13, 17), (16, 17), (3, 99)]:
        part = np.concatenate(list(fitted.section(first, end, size)))
        assert np.array_equal(part, whole[first:end])
    assert all(len(chunk) <= size for chunk in fitted.chunks(size))


def test_what_is_left_out_is_said() -> None:
    notes: dict[str, str] = {}
    fitted, way_back = fit(numbered(200, Fraction(25)), WAN, Fraction(16), 81, notes.__setitem__)
    assert (fitted.info.frame_count, way_back.frames, way_back.duration) == (81, 81, Fraction(81, 16))
    assert "47 of 128 frames" in notes["length"]
    assert "2.94 s early" in notes["length"]
    fit(numbered(125, Fraction(25)), WAN, Fraction(16), 81, lambda _topic, text: pytest.fail(text))


def test_too_few_frames_are_refused_with_their_numbers_and_more_are_left_out() -> None:
    _, way_back = fit(numbered(50, Fraction(25)), WAN, Fraction(12))
    assert (way_back.frames, way_back.length) == (24, 25)
    with pytest.raises(InputError, match=r"frames: found 23 frames.*25.*24"):
        restore(numbered(23, Fraction(12)), way_back)
    with pytest.raises(InputError, match=r"16 frames/s.*12"):
        restore(numbered(25, Fraction(16)), way_back)
    for count in (24, 25, 40):
        assert shades(restore(numbered(count, Fraction(12)), way_back)) == list(range(24))


@pytest.mark.parametrize("frame_rate", [Fraction(0), Fraction(-1)])
def test_rates_that_are_none_are_refused(frame_rate: Fraction) -> None:
    with pytest.raises(InputError, match="frame_rate"):
        fit(numbered(5, Fraction(25)), WAN, frame_rate)
    with pytest.raises(InputError, match="most"):
        fit(numbered(5, Fraction(25)), WAN, None, -1)
    with pytest.raises(InputError, match="rule"):
        rule_named("5n")


def raw_sound(path: Path) -> np.ndarray:
    """The samples of a file, as FFmpeg's program decodes them."""
    decoded = path.with_suffix(".pcm")
    ffmpeg("-i", path, "-map", "0:a", "-f", "s32le", "-c:a", "pcm_s32le", decoded)
    return np.fromfile(decoded, np.int32)


@pytest.mark.parametrize("output_rate", [Fraction(25), Fraction(30000, 1001)])
@pytest.mark.parametrize(
    ("source_rate", "count", "rate"),
    [("25", 126, 12), ("24", 37, 16), ("30000/1001", 101, 8), ("30", 5, 12), ("60", 199, 24), ("25", 88, 30)],
)
def test_saved_files_last_and_sound_as_the_file_that_they_were_made_of(
    source_rate: str, count: int, rate: int, output_rate: Fraction, tmp_path: Path
) -> None:
    seconds = Fraction(count) / Fraction(source_rate)
    original, saved = tmp_path / "original.mkv", tmp_path / "saved.mkv"
    sound = noise(seconds)
    save(numbered(count, Fraction(source_rate), sound), original, LOSSLESS)
    for clip in (FileStream(original), FileStream(original, DecodeSettings(frame_rate=Fraction(12)))):
        fitted, way_back = fit(clip, WAN, Fraction(rate))
        made = interpolated(
            restore(ArrayStream(np.concatenate(list(fitted.chunks())), Fraction(rate)), way_back), output_rate
        )
        save(made, saved, LOSSLESS)
        assert np.array_equal(raw_sound(saved), raw_sound(original))
        shown = len(shown_at(saved)[0])
        assert abs(shown / output_rate - seconds) <= 1 / output_rate / 2


def test_a_part_of_a_file_is_heard_from_its_start_to_its_end(tmp_path: Path) -> None:
    original, saved = tmp_path / "original.mkv", tmp_path / "saved.mkv"
    save(numbered(100, Fraction(25), noise(Fraction(4))), original, LOSSLESS)
    part = DecodeSettings(start=Fraction("0.71"), duration=Fraction("2.03"), frame_rate=Fraction(12))
    fitted, way_back = fit(FileStream(original, part), WAN, Fraction(16))
    assert way_back.duration == Fraction("2.03")
    save(interpolated(restore(fitted, way_back), Fraction(25)), saved, LOSSLESS)
    first, end = round(0.71 * 48000), round(2.74 * 48000)
    assert np.array_equal(raw_sound(saved), raw_sound(original)[first:end])
    assert len(shown_at(saved)[0]) == 51


def test_a_clip_that_was_cut_ends_with_its_sound(tmp_path: Path) -> None:
    sound = noise(Fraction(4))
    fitted, way_back = fit(numbered(100, Fraction(25), sound), WAN, Fraction(12), 25)
    assert fitted.audio.samples.shape[1] == way_back.sound.samples.shape[1] == 100_000
    made = interpolated(restore(fitted, way_back), Fraction(25))
    assert (made.info.duration, made.info.frame_count) == (Fraction(25, 12), 52)
    saved = tmp_path / "saved.mkv"
    save(made, saved, LOSSLESS)
    assert np.array_equal(raw_sound(saved) / 2**31, sound.samples[0, : round(25 / 12 * 48000)])


def test_sound_and_pictures_that_begin_late_and_rates_that_vary(tmp_path: Path) -> None:
    """A beep and a white picture at the same time in the file, at 1.5 s, are so in what is saved."""
    file, saved = tmp_path / "late.mkv", tmp_path / "saved.mkv"
    white = "geq=lum='if(gte(T,1.5),235,16)':cb=128:cr=128"
    uneven = "select='if(lt(t,1),not(mod(n,3)),1)'"  # 10 frames a second, then 30
    pictures = f"[0:v]{white},{uneven},setpts=PTS+0.2/TB[v]"
    sound = "[1:a]asetpts=PTS+0.5/TB,volume='gte(t,1.7)':eval=frame[a]"
    ffmpeg(
        *source("color", s="64x48", r=30, d=3), *source("sine", f=1000, d=2.6),
        "-filter_complex", f"{pictures};{sound}", "-map", "[v]", "-map", "[a]",
        "-fps_mode", "vfr", "-c:v", "libx264", "-c:a", "flac", file,
    )  # fmt: skip
    fitted, way_back = fit(FileStream(file), WAN, Fraction(16))
    save(interpolated(restore(fitted, way_back), Fraction(25)), saved, LOSSLESS)
    stamps, brightness = shown_at(saved)
    seen = stamps[np.argmax(brightness > 128)]
    samples = heard(saved)
    beep = np.argmax(np.abs(samples) > 0.01) / 48000
    assert seen == pytest.approx(1.5, abs=1 / 16)
    assert beep == pytest.approx(1.5, abs=0.03)


def test_what_core_and_players_are_told(tmp_path: Path) -> None:
    original, saved = tmp_path / "original.mkv", tmp_path / "saved.mp4"
    save(numbered(126, Fraction(25), noise(Fraction(126, 25))), original, LOSSLESS)
    fitted, way_back = fit(FileStream(original), WAN, Fraction(12))
    save(interpolated(restore(fitted, way_back), Fraction(25)), saved)
    told = probed(saved, "-show_streams")["streams"]
    lengths = {stream["codec_type"]: float(stream["duration"]) for stream in told}
    assert lengths["video"] == 5.04
    assert lengths["audio"] == pytest.approx(5.04, abs=1024 / 48000)  # AAC fills its last block
