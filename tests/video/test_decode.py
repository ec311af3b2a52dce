from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.grid import on_grid
from frugal_motion.nodes.video.probe import probe
from tests.ffmpeg import X264, ffmpeg, source

from .conftest import grey, quadrants, solids

Clip = Callable[..., Path]


def read(stream: FileStream) -> np.ndarray:
    return np.concatenate(list(stream.chunks()))


def shades(stream: FileStream) -> list[int]:
    """Which of ``solids`` each frame is."""
    frames = read(stream)
    palette = np.array([grey(index) for index in range(60)])
    return [int(np.abs(palette - frame.mean()).argmin()) for frame in frames]


def test_real_clip_agrees_with_the_formula(real_clip: Path) -> None:
    """BT.709 limited range to RGB in floats, from the planes that plain PyAV decodes."""
    stream = FileStream(real_clip, DecodeSettings(duration=Fraction(1, 20)))
    with av.open(str(real_clip)) as container:
        planes = [frame.to_ndarray().astype(float) for frame in islice(container.decode(video=0), 3)]
    assert stream.info.frame_count == 3
    for ours, plane in zip(read(stream), planes, strict=True):
        # Chroma is interpolated here and repeated in the formula: blocks of pixels must agree, single ones need not.
        assert np.abs(block_means(ours) - block_means(rgb_of(plane, 0.2126, 0.0722))).mean() < 0.25
        assert np.abs(block_means(ours) - block_means(rgb_of(plane, 0.299, 0.114))).mean() > 1  # BT.601 is not it


def rgb_of(planes: np.ndarray, red: float, blue: float) -> np.ndarray:
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    luma = (planes[:height] - 16) * 255 / 219
    u, v = planes[height:].reshape(2, height // 2, width // 2).repeat(2, 1).repeat(2, 2) * 255 / 224 - 128 * 255 / 224
    r, b = luma + 2 * (1 - red) * v, luma + 2 * (1 - blue) * u
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.stack([r, g, b], axis=-1), 0, 255)


def block_means(frame: np.ndarray) -> np.ndarray:
    height, width, _ = frame.shape
    return frame.reshape(height // 8, 8, width // 8, 8, 3).mean(axis=(1, 3))


def test_skipping_frames_that_nobody_needs_changes_nothing(real_clip: Path) -> None:
    every = read(FileStream(real_clip, DecodeSettings(size=(256, 256))))
    fewer = read(FileStream(real_clip, DecodeSettings(size=(256, 256), frame_rate=Fraction(12))))
    assert len(every) == 100
    assert np.array_equal(fewer, every[::5])


@hypothesis_settings(max_examples=200)
@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=40),
    st.fractions(Fraction(1, 2), 240, max_denominator=1001),
    st.fractions(0, 2, max_denominator=100),
)
def test_grid_takes_the_nearest_frame_within_half_a_step_and_else_the_one_that_is_shown(
    steps: list[int], rate: Fraction, start: Fraction
) -> None:
    stamps = [Fraction(sum(steps[:index]), 90) for index in range(len(steps))]
    count = max(round((stamps[-1] + Fraction(1, 30) - start) * rate), 1)
    times = [start + index / rate for index in range(count)]
    frames = list(zip(stamps, range(len(stamps)), strict=True))
    chosen = [
        index
        for index, repeats in on_grid(frames, times, 1 / rate)
        for _ in range(repeats)  # type: ignore[arg-type]
    ]
    assert chosen == [shown_at(stamps, time, rate) for time in times]


def shown_at(stamps: Sequence[Fraction], time: Fraction, rate: Fraction) -> int:
    """The frame nearest to ``time``, or the last one due by then if none is within half a step."""
    nearest = min(range(len(stamps)), key=lambda i: (abs(stamps[i] - time), i))
    if abs(stamps[nearest] - time) < 1 / rate / 2:
        return nearest
    return max((i for i, stamp in enumerate(stamps) if stamp <= time), default=0)


@hypothesis_settings(max_examples=12, deadline=None)
@given(
    st.sampled_from([Fraction(24), Fraction(30000, 1001), Fraction(60)]),
    st.sampled_from([Fraction(12), Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(7, 3)]),
    st.fractions(0, Fraction(2, 5), max_denominator=100),
)
def test_file_on_a_grid(
    tmp_path_factory: pytest.TempPathFactory, source: Fraction, target: Fraction, start: Fraction
) -> None:
    from .conftest import write_clip

    path = write_clip(tmp_path_factory.mktemp("grid") / "clip.mp4", solids(30), rate=source)
    stream = FileStream(path, DecodeSettings(start=start, frame_rate=target))
    assert stream.info.frame_rate == target
    assert stream.info.frame_count == max(round((30 / source - start) * target), 1)
    assert abs(stream.info.duration - (30 / source - start)) <= 1 / target
    times = [start + index / target for index in range(stream.info.frame_count)]
    stamps = [index / source for index in range(30)]
    assert shades(stream) == [shown_at(stamps, time, target) for time in times]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.mov"])
def test_source_rate_keeps_every_frame(clip: Clip, name: str) -> None:
    stream = FileStream(clip(name, solids(20), rate=Fraction(30000, 1001)))
    assert stream.info.frame_rate == Fraction(30000, 1001)
    assert shades(stream) == list(range(20))
    assert not stream.source.is_vfr


def test_variable_frame_rate_follows_time_stamps(clip: Clip) -> None:
    stamps = [0, 33, 66, 300, 333, 600, 633, 700, 900, 990]
    path = clip("clip.mkv", solids(10), stamps=stamps, time_base=Fraction(1, 1000))
    stream = FileStream(path, DecodeSettings(frame_rate=Fraction(10)))
    assert stream.source.is_vfr
    times = [Fraction(index, 10) for index in range(stream.info.frame_count)]
    assert stream.info.frame_count in (10, 11)
    exact = [Fraction(stamp, 1000) for stamp in stamps]
    assert shades(stream) == [shown_at(exact, time, Fraction(10)) for time in times]


# PyAV counts counter-clockwise, so 270 is shown turned clockwise by 90 degrees.
@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (270, 3)])
def test_rotated_phone_video_is_upright(clip: Clip, rotation: int, turns: int) -> None:
    stored = quadrants()
    stream = FileStream(clip("clip.mp4", [stored] * 3, rotation=rotation))
    upright = np.rot90(stored, turns)
    assert (stream.info.height, stream.info.width) == upright.shape[:2]
    assert stream.source.rotation == (360 - rotation) % 360
    assert np.abs(read(stream)[0].astype(int) - upright).mean() < 4


def test_pixels_become_square(clip: Clip) -> None:
    info = FileStream(clip("clip.mp4", solids(3, 64, 48), aspect=Fraction(2))).info
    assert (info.width, info.height) == (128, 48)


def test_odd_size(clip: Clip) -> None:
    path = clip("clip.mp4", solids(3, 61, 47))
    assert read(FileStream(path)).shape == (3, 47, 61, 3)
    assert read(FileStream(path, DecodeSettings(multiple=8))).shape == (3, 48, 64, 3)


@pytest.mark.parametrize(
    ("fit", "shape", "left", "top"),
    [
        ("keep", (64, 96), (255, 0, 0), (255, 0, 0)),
        ("contain", (64, 64), (255, 0, 0), (0, 0, 0)),
        ("cover", (64, 64), (255, 0, 0), (255, 0, 0)),
        ("stretch", (64, 64), (255, 0, 0), (255, 0, 0)),
    ],
)
def test_fits(clip: Clip, fit: str, shape: tuple[int, int], left: tuple[int, ...], top: tuple[int, ...]) -> None:
    size = (96, 96) if fit == "keep" else (64, 64)
    path = clip("clip.mp4", [quadrants(96, 64)] * 2)
    frame = read(FileStream(path, DecodeSettings(size=size, fit=fit)))[0].astype(int)  # type: ignore[arg-type]
    assert frame.shape[:2] == shape
    middle = shape[0] // 2
    assert np.abs(frame[middle - 6, 2] - left).max() < 20
    assert np.abs(frame[2, 8] - top).max() < 20


@pytest.mark.parametrize("tags", [{"colorspace": 1, "color_range": 1}, {"colorspace": 6, "color_range": 1}])
@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (90, 130, 60)])
def test_colours(clip: Clip, tags: dict[str, int], colour: tuple[int, int, int]) -> None:
    picture = np.broadcast_to(np.uint8(colour), (48, 64, 3))
    frame = read(FileStream(clip("clip.mp4", [picture] * 2, tags=tags, pixel_format="yuv420p", options={"qp": "1"})))[0]
    assert np.abs(frame.astype(int) - colour).max() <= 3


def test_interlaced_pictures_have_no_combs(clip: Clip) -> None:
    woven = []
    for frame in range(8):
        picture = np.full((64, 96, 3), 40, np.uint8)
        for field in range(2):  # the lower field is half a frame later
            left = 8 + 8 * frame + 4 * field
            picture[field::2, left : left + 12] = 220
        woven.append(picture)
    for name, options in (("interlaced", {"x264-params": "tff=1"}), ("progressive", {})):
        path = clip(f"{name}.mp4", woven, pixel_format="yuv420p", options={"qp": "1", **options})
        frames = np.concatenate(list(FileStream(path).chunks())).astype(int)
        combs = np.abs(frames[:, 2:-2] - (frames[:, 1:-3] + frames[:, 3:-1]) / 2).max()
        assert (combs < 30) == (name == "interlaced"), combs
        assert frames.shape == (8, 64, 96, 3)
        bar = [float(np.flatnonzero(frame[32, :, 0] > 130).mean()) for frame in frames]
        assert bar == pytest.approx([13.5 + 8 * index for index in range(8)], abs=4.1)


def test_single_frames_equal_the_stream(clip: Clip) -> None:
    stream = FileStream(clip("clip.mp4", solids(90), rate=Fraction(5), options={"qp": "4", "g": "20"}))
    wanted = [0, 1, 29, 30, 75, 89]
    assert np.array_equal(stream.frames_at(wanted), read(stream)[wanted])
    assert np.array_equal(np.concatenate(list(stream.section(7, 30))), read(stream)[7:30])
    assert len(stream.frames_at([])) == 0
    with pytest.raises(IndexError):
        stream.frames_at([5, 90])


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts"])
def test_start_seeks_to_the_same_frames(clip: Clip, name: str) -> None:
    path = clip(name, solids(90), rate=Fraction(10), options={"qp": "4", "g": "25"})
    whole = read(FileStream(path))
    part = read(FileStream(path, DecodeSettings(start=Fraction(43, 10), duration=Fraction(2))))
    assert np.array_equal(part, whole[43:63])


def test_chunks_start_afresh_and_are_lazy(clip: Clip) -> None:
    stream = FileStream(clip("clip.mp4", solids(10)))
    first = next(stream.chunks(3))
    assert first.shape[0] == 3
    assert [len(chunk) for chunk in stream.chunks(4)] == [4, 4, 2]
    assert np.array_equal(next(stream.chunks(3)), first)


@pytest.mark.parametrize(
    ("name", "options", "promise"),
    [("clip.mkv", {}, "promises 2.00 s"), ("clip.mp4", {"movflags": "faststart"}, "of 60")],
)
def test_file_cut_in_the_middle_gives_what_is_there(
    tmp_path: Path, clip: Clip, name: str, options: dict[str, str], promise: str, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), np.uint8)
    whole = clip("whole" + name[4:], list(noise))
    if options:  # the index in front, so that only pictures are lost
        with av.open(str(whole)) as source, av.open(str(tmp_path / name), "w", options=options) as target:
            copy = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(source.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = copy
                    target.mux(packet)
        whole = tmp_path / name
    cut = tmp_path / f"cut{name[4:]}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        stream = FileStream(cut)
        frames = read(stream)
    assert 20 <= stream.info.frame_count <= 40
    assert len(frames) == stream.info.frame_count
    assert "cut short" in caplog.text and promise in caplog.text
    assert np.abs(frames[:15].astype(int) - read(FileStream(whole))[:15]).mean() < 1


def damaged(path: Path, *numbers: int, intact: int = 0) -> Path:
    """A copy of a file with some pictures' packets overwritten from byte ``intact`` on."""
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(container.streams.video[0]) if packet.size]
    data = bytearray(path.read_bytes())
    for number in numbers:
        begin, size = packets[number]
        data[begin + intact : begin + size] = bytes(size - intact)
    copy = path.with_name(f"damaged{path.suffix}")
    copy.write_bytes(data)
    return copy


NOISE = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), np.uint8)


def wrong_frames(path: Path, whole: Path) -> tuple[list[int], list[str]]:
    """Which frames of a damaged copy are not what they should be, and the notes."""
    said: list[str] = []
    stream = FileStream(path, note=lambda topic, text: said.append(text))
    frames, exact = read(stream), read(FileStream(whole))
    assert stream.info == FileStream(whole).info or stream.info.frame_count == len(frames) == len(exact)
    return np.flatnonzero(np.abs(frames.astype(int) - exact).mean(axis=(1, 2, 3)) > 1).tolist(), said


@pytest.mark.parametrize("numbers", [[20, 21, 22], [0], [0, 1, 2], [37, 39]])
def test_damaged_pictures_are_counted_and_their_neighbours_stand_in(clip: Clip, numbers: list[int]) -> None:
    whole = clip("whole.mp4", list(NOISE), options={"qp": "4", "g": "1"})
    wrong, said = wrong_frames(damaged(whole, *numbers), whole)
    assert wrong == numbers, "all others are shown, and when they should be"
    assert said == [f"damaged.mp4: {len(numbers)} frames are damaged and cannot be decoded: their neighbours stand in"]


def test_pictures_that_the_decoder_patches_up_are_counted(clip: Clip) -> None:
    whole = clip("whole.mp4", list(NOISE), options={"qp": "4", "g": "1"})
    assert wrong_frames(damaged(whole, 20, 30, intact=500), whole) == (
        [20, 30],
        ["damaged.mp4: 2 frames may show traces of damage"],
    )


@pytest.mark.parametrize("intact", [0, 30])
def test_pictures_that_refer_to_lost_ones_are_counted_until_the_next_key_frame(clip: Clip, intact: int) -> None:
    sliding = [np.roll(NOISE[0], shift, axis=1) for shift in range(40)]
    whole = clip("whole.mp4", sliding, options={"qp": "4", "g": "20", "bf": "0", "sc_threshold": "0"})
    wrong, said = wrong_frames(damaged(whole, 12, intact=intact), whole)
    assert wrong == [*range(12, 20)]
    assert sum(int(number) for number in re.findall(r"(\d+) frames", said[0])) == 8


def test_damage_is_told_by_readers_that_stop_before_the_end_and_once_by_all(clip: Clip) -> None:
    whole = clip("whole.mp4", list(NOISE), options={"qp": "4", "g": "1"})
    said: list[str] = []
    stream = FileStream(damaged(whole, 5, 25), note=lambda topic, text: said.append(text))
    list(stream.section(0, 15))
    read(stream)
    read(stream)
    assert [text[:25] for text in said] == ["damaged.mp4: 1 frames are", "damaged.mp4: 2 frames are"]


def test_a_whole_file_has_no_notes(clip: Clip) -> None:
    notes: dict[str, str] = {}
    stream = FileStream(clip("clip.mp4", solids(60)), DecodeSettings(frame_rate=Fraction(12)), notes.__setitem__)
    read(stream)
    stream.frames_at([3, 7])
    assert notes == {}


def broken_files(folder: Path) -> dict[str, Path]:
    from .conftest import write_clip

    whole = write_clip(folder / "whole.mp4", solids(20))
    files = {name: folder / name for name in ("empty.mp4", "text.mp4", "truncated.mp4", "sound.mp4", "no_frames.mp4")}
    files["empty.mp4"].touch()
    files["text.mp4"].write_text("not a video\n" * 50)
    files["truncated.mp4"].write_bytes(whole.read_bytes()[:-600])  # the index is at the end
    with av.open(str(files["sound.mp4"]), "w") as output:
        audio = output.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
    with av.open(str(files["no_frames.mp4"]), "w") as output:
        video = output.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        output.start_encoding()
    return files | {"missing.mp4": folder / "missing.mp4"}


@pytest.mark.parametrize(
    "name", ["empty.mp4", "text.mp4", "truncated.mp4", "sound.mp4", "no_frames.mp4", "missing.mp4"]
)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as caught:
        FileStream(broken_files(tmp_path)[name])
    assert caught.value.name == "file"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("start", {"start": Fraction(-1)}),
        ("duration", {"duration": Fraction(0)}),
        ("frame_rate", {"frame_rate": Fraction(0)}),
        ("frame_rate", {"frame_rate": Fraction(-5)}),
        ("fit", {"fit": "bogus"}),
    ],
)
def test_settings_out_of_range_are_refused(name: str, values: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        DecodeSettings(**values)  # type: ignore[arg-type]
    assert caught.value.name == name


def test_start_beyond_the_end_is_refused(clip: Clip) -> None:
    path = clip("clip.mp4", solids(30))
    with pytest.raises(InputError, match=r"start: found 1 s; allowed: less than the video's 1\.000 s"):
        FileStream(path, DecodeSettings(start=Fraction(1)))
    assert FileStream(path, DecodeSettings(start=Fraction(99, 100), frame_rate=Fraction(12))).info.frame_count == 1


def test_probe_of_the_real_clip(real_clip: Path) -> None:
    source = probe(real_clip)
    assert (source.codec, source.width, source.height) == ("h264", 1080, 1920)
    assert (source.frame_rate, source.frame_count, source.duration) == (60, 100, Fraction(5, 3))
    assert not (source.has_audio or source.is_hdr or source.is_vfr or source.rotation)


def test_playlists_cannot_lead_elsewhere(tmp_path: Path, clip: Clip) -> None:
    clip("target.ts", solids(5))
    playlist = tmp_path / "playlist.mp4"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(InputError):
        FileStream(playlist)


@pytest.mark.parametrize("name", ["a.h264", "a.ogv", "a.dv", "a.mxf", "a.wmv", "fragmented.mp4"])
def test_odd_containers_have_all_pictures_in_time(tmp_path: Path, name: str) -> None:
    codecs = {
        "a.h264": ("-an", *X264),
        "a.ogv": ("-c:v", "libtheora", "-c:a", "libvorbis"),
        "a.dv": ("-target", "pal-dv"),
        "a.mxf": ("-c:v", "mpeg2video", "-c:a", "pcm_s16le", "-ar", "48000"),
        "a.wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
        "fragmented.mp4": ("-c:v", "libx264", "-movflags", "frag_keyframe+empty_moov", "-g", "10"),
    }[name]
    size = "720x576" if name in ("a.dv", "a.mxf") else "64x48"
    ffmpeg(*source("testsrc2", s=size, r=25, d=2), *source("sine", d=2), *codecs, path := tmp_path / name)
    notes: dict[str, str] = {}
    stream = FileStream(path, note=notes.__setitem__)
    assert (stream.info.frame_rate, stream.info.frame_count, stream.source.is_vfr) == (25, 50, False)
    frames = read(stream)
    assert len(frames) == 50 and np.abs(np.diff(frames[::10].astype(int), axis=0)).mean(axis=(1, 2, 3)).min() > 1
    assert set(notes) <= {f"{name} interlaced"}
    late = FileStream(path, DecodeSettings(start=Fraction(6, 5)))
    assert np.array_equal(read(late), frames[30:])
