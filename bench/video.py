"""Decoding and encoding against FFmpeg's program, a plain PyAV loop and OpenCV; seeking; what an hour drifts."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from bench._compare import result, seconds_side_by_side
from bench._seek import measure_seeks
from nodes.interpolation.stream import InterpolatedStream
from nodes.keyframes.keyframes import Keyframes
from nodes.video.decode import FileStream
from nodes.video.decode_settings import DecodeSettings
from nodes.video.encode import EncodeSettings, save
from nodes.video.stream import ArrayStream, Frames

CLIP = Path(__file__).resolve().parent.parent / ".assets/input/one_person.mp4"
RATE, WIDTH, HEIGHT = 12, 288, 512
COMMAND = "make bench ONLY=video"


def measure() -> dict[str, dict[str, object]]:
    """How many times as long the fastest of the others takes as ours."""
    frames = _decoded()
    decode: dict[str, Callable[[], object]] = {"ours": _decoded, "PyAV": _pyav, "OpenCV": _opencv}
    encode: dict[str, Callable[[], object]] = {"ours": lambda: _encoded(frames)}
    program = shutil.which("ffmpeg")
    if program:
        decode["FFmpeg"] = lambda: _ffmpeg_decoded(program)
        encode["FFmpeg"] = lambda: _ffmpeg_encoded(program, frames)
    else:
        print("no ffmpeg program here to compare with", file=sys.stderr)
    results = {"video.decode_vs_fastest": result(_ratio("decode", decode), "x", 1.0, COMMAND)}
    if program:
        results["video.encode_vs_ffmpeg"] = result(_ratio("encode", encode), "x", 1.0, COMMAND)
        results |= measure_seeks(program)
    return results | {"video.drift_per_hour_ms": result(_drift(), "ms", 1.0, COMMAND, better="lower")}


def _ratio(name: str, ways: Mapping[str, Callable[[], object]]) -> float:
    seconds = seconds_side_by_side(ways)
    print(name, {way: round(value, 3) for way, value in seconds.items()}, file=sys.stderr)
    ours = seconds.pop("ours")
    return min(seconds.values()) / ours


def _decoded() -> Frames:
    stream = FileStream(CLIP, DecodeSettings(frame_rate=Fraction(RATE), size=(WIDTH, HEIGHT)))
    return np.concatenate(list(stream.chunks()))


def _pyav() -> Frames:
    """What everybody writes, with all threads."""
    frames = []
    with av.open(str(CLIP)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for index, frame in enumerate(container.decode(stream)):
            if index % 5 == 0:  # 60 to 12 frames per second
                frames.append(frame.to_ndarray(format="rgb24", width=WIDTH, height=HEIGHT, interpolation="BICUBIC"))
    return np.stack(frames)


def _opencv() -> Frames:
    frames, capture, index = [], cv2.VideoCapture(str(CLIP)), 0
    while capture.grab():
        if index % 5 == 0:
            _, frame = capture.retrieve()
            small = cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            frames.append(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))
        index += 1
    return np.stack(frames)


def _ffmpeg_decoded(program: str) -> Frames:
    filters = f"fps={RATE},scale={WIDTH}:{HEIGHT}:flags=bicubic"
    command = [program, "-v", "error", "-i", str(CLIP), "-vf", filters, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


def _long(frames: Frames) -> Frames:
    """10 seconds at 25 frames per second, back and forth."""
    return np.concatenate([frames, frames[::-1]] * 7)[:250]


def _encoded(frames: Frames) -> None:
    with tempfile.TemporaryDirectory() as folder:
        save(ArrayStream(_long(frames), Fraction(25)), Path(folder) / "out.mp4", EncodeSettings(quality=75))


def _ffmpeg_encoded(program: str, frames: Frames) -> None:
    with tempfile.TemporaryDirectory() as folder:
        size = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", "25"]
        colour = "scale=in_range=pc:out_range=tv:out_color_matrix=bt709:flags=bicubic+accurate_rnd+full_chroma_inp"
        made = ["-vf", colour, "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
        command = [program, "-v", "error", *size, "-i", "-", *made, str(Path(folder) / "out.mp4")]
        subprocess.run(command, check=True, input=_long(frames).tobytes())


def _drift() -> float:
    """Furthest that a frame of an hour, brought from 12 to 25 frames per second, is from its time; not decoded."""
    still = np.zeros((1, 16, 16, 3), np.uint8)
    source = ArrayStream(np.broadcast_to(still, (43_200, 16, 16, 3)), Fraction(12))
    stream = InterpolatedStream(source, Keyframes.all_frames(43_200, Fraction(12)), Fraction(25), _Never())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hour.mp4"
        save(stream, path, EncodeSettings(quality=0))
        with av.open(str(path)) as container:
            video = container.streams.video[0]
            unit = video.time_base or Fraction(1)
            times = sorted(packet.pts * unit for packet in container.demux(video) if packet.pts is not None)
    assert len(times) == 90_000
    return float(max(abs(time - Fraction(index, 25)) for index, time in enumerate(times)) * 1000)


class _Never:
    """No net is asked, since nothing moves."""

    def prepare(self, frame: Frames) -> Frames:
        raise AssertionError

    def make(self, wanted: object) -> Frames:
        raise AssertionError

    def flops_per_pixel(self) -> None:
        return None
