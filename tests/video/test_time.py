"""Times of pictures and sound against FFmpeg's program."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.video.audio import audio_format, load_waveform
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.encode import EncodeSettings, save
from frugal_motion.nodes.video.stream import FileAudio
from tests.ffmpeg import X264, codecs_of, ffmpeg, heard, probed, shown_at, source

BLINK = "geq=lum='if(between(mod(T,1),0.499,0.62),235,16)':cb=128:cr=128"
BEEP = "'if(between(mod(t,1),0.5,0.52),0.9*sin(2*PI*1000*t),0)'"


def blinking(
    path: Path, seconds: float = 6, rate: int = 30, filters: str = "", speed: float = 1, late: float = 0
) -> Path:
    """A flash and a click in the middle of every second."""
    pictures, sound = (
        source("color", c="black", s="64x48", r=rate, d=seconds),
        source("aevalsrc", exprs=BEEP, d=seconds),
    )
    clock = ("-af", f"asetpts=PTS*{speed}") if speed != 1 else ()
    codecs = ("-c:v", "mpeg2video", "-c:a", "mp2", "-ar", 48000) if path.suffix == ".mpg" else (*X264, "-c:a", "aac")
    ffmpeg(
        *pictures,
        "-itsoffset",
        late,
        *sound,
        "-vf",
        ",".join(filter(None, (BLINK, filters))),
        *clock,
        "-fps_mode",
        "vfr" if filters else "cfr",
        *codecs,
        "-g",
        rate,
        path,
    )
    return path


def rises(values: np.ndarray, level: float) -> np.ndarray:
    """Where values come to exceed a level."""
    return np.flatnonzero((values[1:] > level) & (values[:-1] <= level)) + 1


def clicks_in(samples: np.ndarray, rate: int) -> np.ndarray:
    """Seconds at which clicks begin."""
    loud = np.flatnonzero(np.abs(samples) > 0.2)
    return loud[np.diff(loud, prepend=-rate) > rate / 4] / rate


def flashes_and_clicks(stream: FileStream) -> tuple[np.ndarray, np.ndarray]:
    brightness = np.concatenate([chunk.mean(axis=(1, 2, 3)) for chunk in stream.chunks()])
    assert stream.audio
    sound = load_waveform(stream.audio)
    return rises(brightness, 120) / float(stream.info.frame_rate), clicks_in(sound.samples[0], sound.sample_rate)


def lags(flashes: np.ndarray, clicks: np.ndarray) -> np.ndarray:
    """From every flash to the nearest click."""
    return np.array([clicks[np.abs(clicks - flash).argmin()] - flash for flash in flashes])


@st.composite
def timelines(draw: st.DrawFn) -> dict[str, object]:
    dropped = draw(st.sampled_from(["", "gt(random(1),0.4)", "not(between(t,2.65,3.45))", "lt(mod(n,7),4)"]))
    return {
        "suffix": draw(st.sampled_from([".mp4", ".mkv", ".ts", ".mov", ".flv"])),
        "rate": draw(st.sampled_from([24, 25, 30, 60])),
        "filters": f"select='{dropped}+between(mod(t,1),0.4,0.7)'" if dropped else "",
        "speed": draw(st.sampled_from([1, 0.9995, 1.0005])),
        "late": draw(st.sampled_from([-0.7, -0.2, 0, 0.2, 0.7])),
        "joined": draw(st.sampled_from([1, 1, 3])),
    }


@hypothesis_settings(max_examples=12, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(timelines(), st.sampled_from([None, Fraction(25), Fraction(50)]))
def test_every_flash_and_click_is_where_ffmpeg_has_it(
    tmp_path_factory: pytest.TempPathFactory, timeline: dict[str, object], rate: Fraction | None
) -> None:
    folder = tmp_path_factory.mktemp("time")
    suffix, parts = str(timeline.pop("suffix")), int(str(timeline.pop("joined")))
    path = blinking(folder / f"part{suffix}", 5, **timeline)  # type: ignore[arg-type]
    if parts > 1:
        (folder / "list.txt").write_text(f"file 'part{suffix}'\n" * parts)
        ffmpeg("-f", "concat", "-i", folder / "list.txt", "-c", "copy", path := folder / f"joined{suffix}")
    stream = FileStream(path, DecodeSettings(frame_rate=rate))
    flashes, clicks = flashes_and_clicks(stream)
    stamps, brightness = shown_at(path)
    true_flashes, true_clicks = stamps[rises(brightness, 120)], clicks_in(heard(path), 48000)
    half = 1 / 2 / float(stream.info.frame_rate)
    np.testing.assert_allclose(lags(flashes, clicks), lags(true_flashes, true_clicks), atol=half + 0.02)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_clips_joined_without_encoding_stay_in_sync(tmp_path: Path, suffix: str) -> None:
    """AAC has 23 ms too much in every part: counted samples would be a second late after 80 of them."""
    blinking(tmp_path / "one.mp4", 1)
    (tmp_path / "list.txt").write_text("file 'one.mp4'\n" * 80)
    ffmpeg("-f", "concat", "-i", tmp_path / "list.txt", "-c", "copy", path := tmp_path / f"joined{suffix}")
    save(FileStream(path), saved := tmp_path / "saved.mp4")
    for file in (path, saved):
        flashes, clicks = flashes_and_clicks(FileStream(file))
        assert len(flashes) == 80
        assert np.abs(lags(flashes, clicks)).max() < 0.02


SLIDES = ("red", 10), ("green", 3), ("blue", 1)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("rate", [None, Fraction(12), Fraction(30)])
def test_what_is_held_is_shown_until_the_next_picture_is_due(
    tmp_path: Path, suffix: str, rate: Fraction | None
) -> None:
    """A recording of a screen stores a picture only where something changes; its last one is heard to the end."""
    colours = [part for name, seconds in SLIDES for part in source("color", c=name, s="64x48", r=30, d=seconds)]
    ffmpeg(
        *colours,
        *source("sine", d=14),
        "-filter_complex",
        "[0][1][2]concat=n=3,mpdecimate=max=0",
        "-fps_mode",
        "vfr",
        *X264,
        path := tmp_path / f"slides{suffix}",
    )
    assert int(probed(path, "-count_packets", "-show_streams")["streams"][0]["nb_read_packets"]) == 3
    stream = FileStream(path, DecodeSettings(frame_rate=rate))
    colour = np.concatenate([chunk.mean(axis=(1, 2)) for chunk in stream.chunks()]).argmax(axis=1)
    step = float(1 / stream.info.frame_rate)
    assert np.flatnonzero(np.diff(colour)) + 1 == pytest.approx([10 / step, 13 / step], abs=0.5)
    assert float(stream.info.duration) == pytest.approx(14, abs=step)


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
@pytest.mark.parametrize("order", ["aa", "ba", "ab", "aba"])
def test_a_clock_that_jumps_is_made_to_continue(tmp_path: Path, suffix: str, order: str) -> None:
    parts = {"a": blinking(tmp_path / f"a{suffix}", 5, 25), "b": tmp_path / f"b{suffix}"}
    ffmpeg("-i", parts["a"], "-c", "copy", "-output_ts_offset", 7200, parts["b"])
    path = tmp_path / f"joined{suffix}"
    path.write_bytes(b"".join(parts[name].read_bytes() for name in order))
    notes: list[str] = []
    stream = FileStream(path, note=lambda topic, text: notes.append(text))
    assert stream.info.frame_count == pytest.approx(125 * len(order), abs=2)
    assert ["jump" in note for note in notes] == [True]
    flashes, clicks = flashes_and_clicks(stream)
    np.testing.assert_allclose(flashes, np.arange(5 * len(order)) + 0.5, atol=0.06)
    assert np.abs(lags(flashes, clicks)).max() < 0.03
    whole = np.concatenate(list(stream.chunks()))
    late = FileStream(path, DecodeSettings(start=Fraction(7), duration=Fraction(1)))
    assert np.array_equal(np.concatenate(list(late.chunks())), whole[175:200])
    save(stream, tmp_path / "out.mp4")
    assert flashes_and_clicks(FileStream(tmp_path / "out.mp4"))[1] == pytest.approx(clicks, abs=0.03)


PARTS = {
    "": (*X264, "-c:a", "aac"),
    "other codec": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "other sound": (*X264, "-c:a", "ac3"),
    "other tracks": (*X264, "-c:a", "aac", "-mpegts_start_pid", 300),
    "other pictures": (*X264, "-c:a", "aac", "-streamid", "0:300"),
    "no pictures": ("-map", "1", "-c:a", "aac"),
}


def joined_parts(folder: Path, kinds: Sequence[str], suffix: str = ".ts") -> Path:
    for kind in {*kinds}:
        inputs = source("testsrc2", s="64x48", r=25, d=2), source("sine", d=2)
        ffmpeg(*inputs[0], *inputs[1], *PARTS[kind], folder / f"{kind}{suffix}")
    path = folder / f"joined{suffix}"
    path.write_bytes(b"".join((folder / f"{kind}{suffix}").read_bytes() for kind in kinds))
    return path


@pytest.mark.parametrize("other", [kind for kind in PARTS if kind])
@pytest.mark.parametrize("order", ["ab", "aba"])
def test_a_recording_that_goes_on_in_what_cannot_be_read_with_its_beginning_is_refused(
    tmp_path: Path, other: str, order: str
) -> None:
    path = joined_parts(tmp_path, [{"a": "", "b": other}[letter] for letter in order])
    with pytest.raises(InputError, match=r"joined of different recordings: from (1\.9|2\.0) s on its (video|audio) is"):
        FileStream(path)


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
@pytest.mark.parametrize("order", [["other codec"] * 2, ["other codec"]])
def test_a_recording_whose_parts_are_alike_is_not_refused(tmp_path: Path, suffix: str, order: list[str]) -> None:
    assert FileStream(joined_parts(tmp_path, order, suffix)).info.frame_count == 50 * len(order)


def test_a_clock_that_wraps_is_one_clock(tmp_path: Path) -> None:
    """MPEG's has 33 bits, which at 90 kHz are 26.5 hours."""
    blinking(tmp_path / "a.ts", 6)
    ffmpeg("-i", tmp_path / "a.ts", "-c", "copy", "-output_ts_offset", 2**33 / 90000 - 3, path := tmp_path / "wraps.ts")
    flashes, clicks = flashes_and_clicks(stream := FileStream(path))
    assert stream.info.frame_count == 180
    np.testing.assert_allclose(flashes, np.arange(6) + 0.5, atol=0.02)
    assert np.abs(lags(flashes, clicks)).max() < 0.02


def test_a_gap_in_sound_is_silent_and_what_follows_is_in_time(tmp_path: Path) -> None:
    gap = "aselect='not(between(t,1.8,4.2))'"
    ffmpeg(
        *source("color", s="64x48", r=25, d=6),
        *source("aevalsrc", exprs=BEEP, d=6),
        "-af",
        gap,
        *X264,
        "-c:a",
        "aac",
        path := tmp_path / "gap.mkv",
    )
    sound = load_waveform(FileAudio(path))
    assert clicks_in(sound.samples[0], sound.sample_rate) == pytest.approx([0.5, 1.5, 4.5, 5.5], abs=0.003)
    assert not sound.samples[0, int(1.9 * 44100) : int(4.1 * 44100)].any()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".mpg", ".mov"])
def test_sound_from_far_on_is_that_of_the_whole(tmp_path: Path, suffix: str) -> None:
    path = blinking(tmp_path / f"long{suffix}", 40, 25)
    whole = load_waveform(FileAudio(path))
    for start in (Fraction(121, 4), Fraction(3599, 100)):
        part = load_waveform(FileAudio(path, start, Fraction(3))).samples[0]
        first = round(start * whole.sample_rate)
        expected = whole.samples[0, first : first + len(part)]
        assert len(part) == 3 * whole.sample_rate
        # Whole milliseconds (Matroska) move a sample by half of one.
        assert np.abs(clicks_in(part, whole.sample_rate) - clicks_in(expected, whole.sample_rate)).max() < 0.001
        assert suffix == ".mkv" or np.allclose(part, expected, atol=1e-3)


@pytest.mark.parametrize("box", [b"mdhd", b"tkhd", b"mvhd"])
def test_a_header_that_says_less_than_the_index_loses_nothing(tmp_path: Path, box: bytes) -> None:
    data = bytearray(blinking(tmp_path / "whole.mp4").read_bytes())
    duration = data.index(box) + {b"mdhd": 20, b"tkhd": 24, b"mvhd": 20}[box]
    data[duration : duration + 4] = struct.pack(">I", struct.unpack(">I", data[duration : duration + 4])[0] // 15)
    (tmp_path / "lies.mp4").write_bytes(data)
    info = FileStream(tmp_path / "lies.mp4").info
    assert (info.frame_count, info.duration) == (180, 6)
    counted = probed(tmp_path / "lies.mp4", "-count_frames", "-select_streams", "v", "-show_streams")
    assert int(counted["streams"][0]["nb_read_frames"]) == 180


def test_whole_files_are_not_called_cut_short(tmp_path: Path) -> None:
    blinking(tmp_path / "variable.mkv", filters="select='lt(mod(n,30),9)'")
    ffmpeg(*source("testsrc2", s="64x48", r=30, d=6), *source("sine", d=9), *X264, tmp_path / "longer_sound.mkv")
    ffmpeg("-i", tmp_path / "longer_sound.mkv", "-c", "copy", "-f", "mpegts", tmp_path / "longer_sound.ts")
    notes: list[str] = []
    for name in ("variable.mkv", "longer_sound.mkv", "longer_sound.ts"):
        stream = FileStream(tmp_path / name, note=lambda topic, text: notes.append(text))
        assert float(stream.info.duration) == pytest.approx(6, abs=0.02)
    assert notes == []


def test_times_are_those_of_a_player_after_edit_lists(tmp_path: Path) -> None:
    """Cut without encoding: an edit list hides the pictures from the key frame before the cut on."""
    blinking(tmp_path / "whole.mp4", 8)
    ffmpeg("-ss", 2.2, "-i", tmp_path / "whole.mp4", "-c", "copy", path := tmp_path / "cut.mp4")
    flashes, clicks = flashes_and_clicks(FileStream(path))
    assert flashes == pytest.approx([0.3, 1.3, 2.3, 3.3, 4.3, 5.3], abs=0.02)
    assert np.abs(lags(flashes, clicks)).max() < 0.02


def test_sound_may_change_its_format_on_the_way(tmp_path: Path) -> None:
    for number, (channels, rate) in enumerate([(2, 48000), (6, 48000), (2, 44100), (1, 32000)]):
        ffmpeg(
            *source("color", c="black", s="64x48", r=30, d=2),
            *source("aevalsrc", exprs=BEEP, d=2),
            "-vf",
            BLINK,
            *X264,
            "-c:a",
            "ac3",
            "-ac",
            channels,
            "-ar",
            rate,
            tmp_path / f"{number}.ts",
        )
    (tmp_path / "list.txt").write_text("".join(f"file '{number}.ts'\n" for number in range(4)))
    ffmpeg("-f", "concat", "-i", tmp_path / "list.txt", "-c", "copy", path := tmp_path / "tv.ts")
    stream = FileStream(path, DecodeSettings(duration=Fraction(15, 2)))
    save(stream, tmp_path / "out.mp4", EncodeSettings())
    assert codecs_of(tmp_path / "out.mp4") == ["h264", "aac"]
    saved = FileStream(tmp_path / "out.mp4")
    assert audio_format(FileAudio(tmp_path / "out.mp4")).channels == 2
    flashes, clicks = flashes_and_clicks(saved)
    assert len(flashes) == 7
    assert np.abs(lags(flashes, clicks)).max() < 1 / 60 + 0.005
    subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", tmp_path / "out.mp4", "-f", "null", "-"], check=True)


@pytest.mark.parametrize("rate", ["1M", "3M"])
@pytest.mark.parametrize("suffix", [".mpg", ".vob", ".ts"])
def test_any_start_shows_the_pictures_of_the_whole(tmp_path: Path, rate: str, suffix: str) -> None:
    """With few bits many pictures share a packet of MPEG-PS, with many one picture takes several."""
    codecs = (
        "-c:v",
        "mpeg2video",
        "-b:v",
        rate,
        "-bf",
        2,
        "-g",
        12,
        "-c:a",
        "mp2",
        "-f",
        "mpegts" if suffix == ".ts" else "vob",
    )
    moving = ("-vf", "noise=alls=25:allf=t") if rate == "3M" else ()
    pictures, sound = source("testsrc2", s="160x120", r=25, d=8), source("sine", d=8)
    ffmpeg(*pictures, *sound, *moving, "-threads", 1, *codecs, path := tmp_path / f"a{suffix}")
    whole = np.concatenate(list(FileStream(path).chunks()))
    assert len(whole) == 200
    for number in range(27, 195, 7):
        start = Fraction(number, 25)
        part = np.concatenate(list(FileStream(path, DecodeSettings(start=start, duration=Fraction(1, 5))).chunks()))
        assert np.array_equal(part, whole[number : number + 5]), number
