from __future__ import annotations

import errno
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.container import OutputContainer

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.video.audio import audio_format, load_waveform, trimmed
from frugal_motion.nodes.video.codecs import CODECS
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.encode import LOSSLESS, EncodeSettings, save
from frugal_motion.nodes.video.stream import ArrayStream, FileAudio, Frames, Waveform

from .conftest import clicks, solids, write_clip

Clip = Callable[..., Path]
AAC_FRAME = 1024


def stream_of(
    count: int = 30, rate: Fraction = Fraction(25), size: tuple[int, int] = (64, 48), audio: Waveform | None = None
) -> ArrayStream:
    return ArrayStream(np.stack(solids(count, *size)), rate, audio)


def first_click(audio: Waveform) -> float:
    return float(np.argmax(np.abs(audio.samples).max(axis=0) > 0.2) / audio.sample_rate)


@pytest.mark.parametrize(
    "rate", [Fraction(25), Fraction(30000, 1001), Fraction(12), Fraction(60000, 1001), Fraction(7, 3)]
)
def test_mp4_is_exact_and_plays_everywhere(tmp_path: Path, rate: Fraction) -> None:
    target = tmp_path / "out.mp4"
    save(stream_of(31, rate), target, metadata={"prompt": '{"a": 1}'})
    with av.open(str(target)) as container:
        video = container.streams.video[0]
        assert video.average_rate == rate
        assert video.duration * video.time_base == 31 / rate
        assert (video.codec_context.name, video.pix_fmt, video.frames) == ("h264", "yuv420p", 31)
        assert (video.color_range, video.colorspace, video.color_primaries, video.color_trc) == (1, 1, 1, 1)
        assert container.metadata["prompt"] == '{"a": 1}'
        stamps = [frame.pts * video.time_base for frame in container.decode(video)]
    assert stamps == [index / rate for index in range(31)]
    data = target.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert os.listdir(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (200, 150, 120)])
def test_colours_survive(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    frames = np.broadcast_to(np.uint8(colour), (5, 48, 64, 3))
    save(ArrayStream(frames, Fraction(25)), tmp_path / "out.mp4", EncodeSettings(quality=90))
    back = np.concatenate(list(FileStream(tmp_path / "out.mp4").chunks()))
    assert np.abs(back.astype(int) - colour).max() <= 3
    with av.open(str(tmp_path / "out.mp4")) as container:  # and for any player that obeys the tags
        frame = next(container.decode(video=0))
        # Before PyAV 17 one of the two alone is not obeyed.
        plain = frame.to_ndarray(format="rgb24", src_colorspace="ITU709", dst_colorspace="ITU709")
    assert np.abs(plain.astype(int) - colour).max() <= 4


@pytest.mark.parametrize("name", sorted(CODECS.keys() - {"gif", "png sequence"}))
def test_every_codec(tmp_path: Path, name: str) -> None:
    settings = EncodeSettings(name)
    target = tmp_path / f"out{settings.suffix}"
    source = stream_of(25, audio=Waveform(clicks(1, [0.5])[None].repeat(2, axis=0), 48000))
    save(source, target, settings)
    back = FileStream(target)
    assert (back.info.width, back.info.height, back.info.frame_rate, back.info.frame_count) == (64, 48, 25, 25)
    assert np.abs(np.concatenate(list(back.chunks())).astype(int) - source.frames).max() < 8
    sound = load_waveform(back.audio)  # type: ignore[arg-type]
    assert len(sound.samples) == 2
    assert abs(first_click(sound) - 0.5) < AAC_FRAME / 48000


def test_gif(tmp_path: Path) -> None:
    source = stream_of(25, size=(61, 47), audio=Waveform(clicks(1, [0.5])[None], 48000))
    save(source, tmp_path / "out.gif", EncodeSettings("gif"))
    back = FileStream(tmp_path / "out.gif")
    assert (back.info.width, back.info.height, back.info.frame_rate, back.info.frame_count) == (61, 47, 25, 25)
    assert back.audio is None
    assert np.abs(np.concatenate(list(back.chunks())).astype(int) - source.frames).max() <= 4


def test_a_gif_is_no_faster_than_browsers_play(tmp_path: Path) -> None:
    source = stream_of(31, Fraction(60))
    save(source, tmp_path / "out.gif", EncodeSettings("gif"))
    back = FileStream(tmp_path / "out.gif", DecodeSettings(frame_rate=Fraction(30)))
    assert back.info.frame_count == 16
    assert np.abs(np.concatenate(list(back.chunks())).astype(int) - source.frames[::2]).max() <= 4


def test_png_sequence(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (11, 47, 61, 3), np.uint8)
    save(ArrayStream(frames, Fraction(25)), tmp_path / "out", EncodeSettings("png sequence"))
    assert os.listdir(tmp_path) == ["out"]
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [f"{number:06}.png" for number in range(1, 12)]
    for file, frame in zip(files, frames, strict=True):
        assert np.array_equal(cv2.imread(str(file))[..., ::-1], frame)


def test_a_cancelled_sequence_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        save(stream_of(), tmp_path / "out", EncodeSettings("png sequence"), on_frames=cancel)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("size", [(64, 48), (61, 47)])
def test_lossless_is_bit_exact(tmp_path: Path, size: tuple[int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (12, size[1], size[0], 3), np.uint8)
    save(ArrayStream(frames, Fraction(30000, 1001)), tmp_path / "out.mp4", LOSSLESS)
    back = FileStream(tmp_path / "out.mp4")
    assert back.info.frame_rate == Fraction(30000, 1001)
    assert np.array_equal(np.concatenate(list(back.chunks())), frames)


@pytest.mark.parametrize("preset", ["veryfast", "ultrafast"])
def test_lossless_files_of_earlier_versions_are_read(
    tmp_path: Path, real_clip: Path, monkeypatch: pytest.MonkeyPatch, preset: str
) -> None:
    earlier = replace(CODECS["lossless"], options={"qp": "0", "preset": preset})
    monkeypatch.setitem(CODECS, "lossless", earlier)
    frames = FileStream(real_clip, DecodeSettings(size=(256, 256))).frames_at(range(20))
    save(ArrayStream(frames, Fraction(25)), tmp_path / "out.mp4", LOSSLESS)
    back = FileStream(tmp_path / "out.mp4")
    assert np.array_equal(np.concatenate(list(back.chunks())), frames)
    assert np.array_equal(back.frames_at([3, 11, 19]), frames[[3, 11, 19]])


def test_frames_are_encoded_while_the_next_are_made(tmp_path: Path) -> None:
    count = 64  # an encoder may hold as many as it has threads
    told: list[threading.Thread] = []

    class Watching(ArrayStream):
        def chunks(self, size: int = 8) -> Iterator[Frames]:
            told.append(threading.current_thread())
            yield self.frames[:count]
            patience = time.monotonic() + 20
            while not list(tmp_path.glob(".*/*.png")):
                assert time.monotonic() < patience, "nothing is written before the next frames are there"
                time.sleep(0.005)
            yield self.frames[count:]

    stream = Watching(np.stack(solids(count + 1, 16, 16)), Fraction(25))
    settings = EncodeSettings("png sequence")
    save(stream, tmp_path / "out", settings, on_frames=lambda _: told.append(threading.current_thread()))
    assert told == [threading.current_thread()] * 3


class Pooled(ArrayStream):
    """Made in a thread of its own."""

    at_work_when_closed = 0
    """How many threads there were, its own among them."""

    def chunks(self, size: int = 8) -> Iterator[Frames]:
        with ThreadPoolExecutor(1) as pool:
            try:
                for chunk in super().chunks(size):
                    yield pool.submit(chunk.copy).result()
            finally:
                self.at_work_when_closed = threading.active_count()


class Unwritable:
    """A file that is open and takes nothing."""

    def __init__(self, file: OutputContainer) -> None:
        self._file = file
        self.attempts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Unwritable:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def mux(self, packets: object) -> None:
        self.attempts += 1
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> list[Unwritable]:
    """Whatever is opened from now on."""
    opened: list[Unwritable] = []
    real = av.open

    def opens(*args: Any, **options: Any) -> Unwritable:
        opened.append(Unwritable(real(*args, **options)))
        return opened[-1]

    monkeypatch.setattr(av, "open", opens)
    return opened


def cancel(_: int) -> None:
    raise KeyboardInterrupt


def pooled() -> Pooled:
    return Pooled(np.stack(solids(30)), Fraction(25))


def test_cancelling_ends_the_encoder_and_then_the_source(tmp_path: Path) -> None:
    source, before = pooled(), threading.active_count()
    with pytest.raises(KeyboardInterrupt) as caught:
        save(source, tmp_path / "out.mp4", on_frames=cancel)
    assert caught.tb is not None
    assert threading.active_count() == before  # also while the error is still looked at
    assert source.at_work_when_closed == before + 1


def test_an_encoder_error_ends_the_source_too(tmp_path: Path, unwritable: list[Unwritable]) -> None:
    source, before = pooled(), threading.active_count()
    with pytest.raises(OSError, match="could not save") as caught:
        save(source, tmp_path / "out.mp4")
    assert caught.tb is not None
    assert threading.active_count() == before
    assert source.at_work_when_closed == before + 1


def test_after_an_encoder_error_nothing_more_is_written(tmp_path: Path, unwritable: list[Unwritable]) -> None:
    with pytest.raises(OSError, match="could not save"):
        save(stream_of(30), tmp_path / "out.mp4")
    assert [file.attempts for file in unwritable] == [1]


def test_a_source_that_has_nothing_to_close_is_saved_too(tmp_path: Path) -> None:
    class Mapped(ArrayStream):
        def chunks(self, size: int = 8) -> Iterator[Frames]:
            return map(np.copy, super().chunks(size))

    with pytest.raises(KeyboardInterrupt):
        save(Mapped(np.stack(solids(30)), Fraction(25)), tmp_path / "out.mp4", on_frames=cancel)
    assert os.listdir(tmp_path) == []


def test_quality_is_monotonic(tmp_path: Path, real_clip: Path) -> None:
    stream = FileStream(real_clip, DecodeSettings(size=(256, 256), duration=Fraction(1, 5)))
    sizes = []
    for quality in (0, 50, 100):
        save(stream, tmp_path / "out.mp4", EncodeSettings(quality=quality))
        sizes.append((tmp_path / "out.mp4").stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2]


def test_odd_sizes_are_made_even_by_repeating_the_edge(tmp_path: Path) -> None:
    save(stream_of(3, size=(61, 47)), tmp_path / "out.mp4", EncodeSettings(quality=100))
    frames = next(FileStream(tmp_path / "out.mp4").chunks())
    assert frames.shape == (3, 48, 62, 3)
    assert np.abs(frames[:, -1].astype(int) - frames[:, -2]).max() <= 3


def test_untouched_sound_is_copied_packet_by_packet(tmp_path: Path, clip: Clip) -> None:
    path = clip("in.mp4", solids(60), sound=clicks(2, [0.5, 1.5]))
    save(FileStream(path, DecodeSettings(frame_rate=Fraction(12))), tmp_path / "out.mp4")
    assert [bytes(packet) for packet in packets(path)] == [bytes(packet) for packet in packets(tmp_path / "out.mp4")]
    sound = load_waveform(FileAudio(tmp_path / "out.mp4"))
    assert np.array_equal(sound.samples[:, :90000], load_waveform(FileAudio(path)).samples[:, :90000])


def packets(path: Path) -> list[av.Packet]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(container.streams.audio[0]) if packet.size]


def test_trimmed_sound_stays_in_sync(tmp_path: Path, clip: Clip) -> None:
    path = clip("in.mp4", solids(90), sound=clicks(3, [1.6]))
    stream = FileStream(path, DecodeSettings(start=Fraction(6, 5), duration=Fraction(1)))
    save(stream, tmp_path / "out.mp4")
    sound = load_waveform(FileAudio(tmp_path / "out.mp4"))
    assert abs(first_click(sound) - 0.4) < AAC_FRAME / 48000
    assert abs(sound.samples.shape[1] - 48000) <= 2 * AAC_FRAME


def test_sound_is_no_longer_than_the_pictures(tmp_path: Path, clip: Clip) -> None:
    long = clip("in.mp4", solids(90), sound=clicks(3, [2.9]))
    for audio in (FileAudio(long), Waveform(clicks(3, [2.9])[None], 48000)):
        save(stream_of(25), tmp_path / "out.mp4", audio=audio)
        assert abs(load_waveform(FileAudio(tmp_path / "out.mp4")).samples.shape[1] - 48000) <= 2 * AAC_FRAME


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("name", ["h264", "vp9", "prores"])
def test_any_number_of_channels_fits_any_codec(tmp_path: Path, name: str, channels: int) -> None:
    settings = EncodeSettings(name)
    target = tmp_path / f"out{settings.suffix}"
    save(stream_of(5, audio=Waveform(clicks(1, [0.1])[None].repeat(channels, axis=0), 48000)), target, settings)
    assert audio_format(FileAudio(target)).channels == channels


def test_sound_that_no_encoder_takes_is_not_blamed_on_the_pictures(tmp_path: Path) -> None:
    audio = Waveform(np.zeros((1, 10_000_000), np.float32), 10_000_000)
    with pytest.raises(InputError, match="audio: found 1 channels at 10000000 Hz.*flac"):
        save(stream_of(5), tmp_path / "out.mp4", LOSSLESS, audio)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("channels", "rate"), [(1, 44100), (2, 22050), (6, 48000), (2, 192000)])
def test_sound_of_any_format(tmp_path: Path, channels: int, rate: int) -> None:
    audio = Waveform(clicks(1, [0.3], rate)[None].repeat(channels, axis=0), rate)
    save(stream_of(25), tmp_path / "out.mp4", audio=audio)
    back = load_waveform(FileAudio(tmp_path / "out.mp4"))
    assert len(back.samples) == channels
    assert abs(first_click(back) - 0.3) < AAC_FRAME / min(rate, 48000)


@pytest.mark.parametrize("channels", range(1, 9))
def test_every_channel_comes_back(tmp_path: Path, channels: int) -> None:
    levels = np.arange(1, channels + 1, dtype=np.float32)[:, None] / 16
    audio = Waveform(levels * np.linspace(-1, 1, 24000, dtype=np.float32), 24000)
    save(stream_of(25), tmp_path / "out.mp4", LOSSLESS, audio)
    back = load_waveform(FileAudio(tmp_path / "out.mp4"))
    np.testing.assert_allclose(back.samples, audio.samples, atol=2**-22)


def test_no_samples_is_no_sound(tmp_path: Path) -> None:
    save(stream_of(5), tmp_path / "out.mp4", audio=Waveform(np.empty((2, 0), np.float32), 48000))
    save(stream_of(5, audio=Waveform(clicks(1, [0]), 48000)), tmp_path / "mute.mp4", EncodeSettings(sound=False))
    for name in ("out.mp4", "mute.mp4"):
        with av.open(str(tmp_path / name)) as container:
            assert not container.streams.audio


def test_waveform_is_trimmed_to_the_sample(clip: Clip) -> None:
    path = clip("in.mp4", solids(60), sound=np.sin(np.arange(96000) / 20) / 2)
    whole = load_waveform(FileAudio(path)).samples
    for start, duration in [(Fraction(1, 3), Fraction(1, 2)), (Fraction(6, 5), None), (Fraction(0), Fraction(1, 7))]:
        first = round(start * 48000)
        last = None if duration is None else first + round(duration * 48000)
        assert np.array_equal(load_waveform(FileAudio(path, start, duration)).samples, whole[:, first:last])
    part = trimmed(FileAudio(path, Fraction(1, 2), Fraction(1)), Fraction(1, 4), Fraction(1, 2))
    assert part == FileAudio(path, Fraction(3, 4), Fraction(1, 2))
    assert np.array_equal(load_waveform(part).samples, whole[:, 36000:60000])


def test_buffer_is_a_target_too() -> None:
    buffer = io.BytesIO()
    save(stream_of(10), buffer)
    buffer.seek(0)
    with av.open(buffer) as container:
        assert len(list(container.decode(video=0))) == 10


class Failing(ArrayStream):
    """Fails in the middle."""

    error: BaseException

    def chunks(self, size: int = 8) -> Iterator[Frames]:
        yield self.frames[:size]
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt(), InputError("image", "x", "y")])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"older")
    stream = Failing(np.stack(solids(30)), Fraction(25))
    stream.error = error
    with pytest.raises(type(error)) as caught:
        save(stream, target)
    assert caught.value is error
    assert os.listdir(tmp_path) == ["out.mp4"]
    assert target.read_bytes() == b"older"


def test_cancelling_leaves_nothing_behind(tmp_path: Path) -> None:
    written = []

    def cancel(count: int) -> None:
        written.append(count)
        assert [name for name in os.listdir(tmp_path) if not name.startswith(".")] == []
        if len(written) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save(stream_of(30), tmp_path / "out.mp4", on_frames=cancel)
    assert written == [8, 8]
    assert os.listdir(tmp_path) == []


def test_full_disk_is_told(tmp_path: Path) -> None:
    stream = Failing(np.stack(solids(30)), Fraction(25))
    stream.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OSError, match=r"out\.mp4.*No space left.*MB are free") as caught:
        save(stream, tmp_path / "out.mp4")
    assert caught.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("folder", ["file", "file/deeper"])
def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"could not save .*out\.mp4.*MB are free"):
        save(stream_of(3), tmp_path / folder / "out.mp4")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is protected from root")
def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(OSError, match=r"could not save .*out\.mp4"):
            save(stream_of(3), tmp_path / "out.mp4")
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize(("name", "size"), [("h264", (20000, 16)), ("lossless", (16, 20000)), ("h265", (3, 3))])
def test_a_size_that_no_encoder_takes_is_refused_before_any_work(
    tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    stream = Failing(np.zeros((3, size[1], size[0], 3), np.uint8), Fraction(25))
    stream.error = AssertionError("frames were asked for")
    with pytest.raises(InputError, match=r"video: found \d+ x \d+ pixels.*png sequence"):
        save(stream, tmp_path / "out.mp4", EncodeSettings(name))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("count", [1, 2])
def test_very_short_clips(tmp_path: Path, name: str, count: int) -> None:
    settings = EncodeSettings(name)
    target = tmp_path / f"out{settings.suffix}"
    save(stream_of(count), target, settings)
    if settings.is_sequence:
        assert len(os.listdir(target)) == count
    else:
        assert FileStream(target).info.frame_count == len(np.concatenate(list(FileStream(target).chunks()))) == count


@pytest.mark.parametrize(("count", "reordered"), [(1, False), (2, False), (30, True)])
def test_h265_reorders_nothing_in_clips_too_short_for_it(tmp_path: Path, count: int, reordered: bool) -> None:
    save(stream_of(count), tmp_path / "out.mp4", EncodeSettings("h265"))
    with av.open(str(tmp_path / "out.mp4")) as container:
        stamps = [(packet.pts, packet.dts) for packet in container.demux(container.streams.video[0]) if packet.size]
    assert any(pts != dts for pts, dts in stamps) == reordered


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit to hit")
def test_a_write_that_the_system_refuses(tmp_path: Path) -> None:
    import resource

    noise = np.random.default_rng(0).integers(0, 256, (20, 128, 128, 3), np.uint8)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"could not save .*out\.mp4") as caught:
            save(ArrayStream(noise, Fraction(25)), tmp_path / "out.mp4", LOSSLESS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("name", "values"), [("codec", {"codec": "divx"}), ("quality", {"quality": 101})])
def test_settings_out_of_range_are_refused(name: str, values: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        EncodeSettings(**values)  # type: ignore[arg-type]
    assert caught.value.name == name


def test_sound_that_begins_before_or_after_the_pictures_stays_in_sync(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "in.mkv", solids(30), stamps=list(range(15, 45)), sound=clicks(2, [1.0]))
    assert abs(first_click(load_waveform(FileStream(path).audio)) - 0.5) < AAC_FRAME / 48000  # type: ignore[arg-type]
    save(FileStream(path), tmp_path / "out.mp4")
    assert abs(first_click(load_waveform(FileAudio(tmp_path / "out.mp4"))) - 0.5) < AAC_FRAME / 48000
