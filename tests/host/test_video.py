"""What core nodes ask of a VIDEO: here our streaming one, through the methods of core's own class."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from comfy_api.latest import Input, Types

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.video.stream import CHUNK, ArrayStream, Frames, FrameStream, VideoInfo, Waveform

RATE = Fraction(25)


def video(width: int = 64, height: int = 48) -> StreamVideo:
    """Ten frames of smooth noise, with sound."""
    coarse = np.random.default_rng(0).integers(0, 256, (10, height // 4, width // 4, 3), np.uint8)
    sound = np.sin(np.arange(19200, dtype=np.float32) / 20)[None] / 2
    return StreamVideo(ArrayStream(coarse.repeat(4, 1).repeat(4, 2), RATE, Waveform(sound, 48000)))


class Untouched(FrameStream):
    """Frames that must not be asked for."""

    info = VideoInfo(64, 48, RATE, 10)

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        raise AssertionError("frames were asked for")


def written(path: Path) -> dict[str, Any]:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert len(list(container.decode(video))) == 10
        return {
            "container": container.format.name,
            "codec": video.codec.canonical_name,
            "pixels": video.pix_fmt,
            "rate": video.average_rate,
            "colour": (video.color_primaries, video.color_trc, video.colorspace, video.color_range),
            "sound": container.streams.audio[0].codec.canonical_name,
            "prompt": {name.lower(): value for name, value in container.metadata.items()}["prompt"],
        }


@pytest.mark.parametrize(
    ("suffix", "container", "codec", "found"),
    [
        (".mp4", "auto", "auto", ("mp4", "h264", "aac")),
        ("", "auto", "auto", ("mp4", "h264", "aac")),
        (".mkv", "auto", "auto", ("matroska", "h264", "aac")),
        (".webm", "auto", "auto", ("webm", "av1", "opus")),
        (".mov", "auto", "h264", ("mov", "h264", "aac")),
        (".mp4", "mp4", "av1", ("mp4", "av1", "aac")),
        (".mkv", "mkv", "h264", ("matroska", "h264", "aac")),
        (".mkv", "mkv", "av1", ("matroska", "av1", "aac")),
        (".webm", "webm", "av1", ("webm", "av1", "opus")),
        (".webm", "webm", "vp9", ("webm", "vp9", "opus")),
        (".mp4", "mkv", "auto", ("matroska", "h264", "aac")),
    ],
)
def test_the_container_and_codec_that_core_asks_for(
    tmp_path: Path, suffix: str, container: str, codec: str, found: tuple[str, str, str]
) -> None:
    path = tmp_path / f"out{suffix}"
    video().save_to(str(path), container, codec, {"prompt": {"a": 1}})
    file = written(path)
    assert found[0] in file["container"] and (file["codec"], file["sound"]) == found[1:]
    assert (file["pixels"], file["rate"], file["prompt"]) == ("yuv420p", RATE, '{"a": 1}')
    assert (b"matroska" in path.read_bytes()[:64]) == (found[0] == "matroska")


@pytest.mark.parametrize("codec", list(Types.VideoCodec))
@pytest.mark.parametrize("container", list(Types.VideoContainer))
def test_members_of_core_s_enums_mean_their_values(tmp_path: Path, container: Any, codec: Any) -> None:
    """Whatever the installed ComfyUI offers is written or refused, never something else."""
    path = tmp_path / f"out.{container.value}"
    try:
        video().save_to(str(path), container, codec, {"prompt": {}})
    except InputError as error:
        assert (container.value, codec.value) == ("webm", "h264") and error.name == "format"
        return
    file = written(path)
    wanted = "av1" if container.value == "webm" else "h264"
    assert file["codec"] == (wanted if codec.value == "auto" else codec.value)
    name = {"auto": "mp4", "mkv": "matroska"}.get(container.value, container.value)
    assert name in file["container"]


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_bit_depth_and_colour_space(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "out.mkv"
    video().save_to(str(path), "mkv", codec, {"prompt": {}}, bit_depth=10, color_space="sRGB")
    file = written(path)
    assert file["pixels"] == "yuv420p10le"
    assert file["colour"] == (1, 13, 1, 1)  # BT.709, and the curve of sRGB: ITU-T H.273


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_the_rate_factor_is_the_encoder_s(tmp_path: Path, codec: str) -> None:
    sizes = []
    for crf in (0, 10.0, 30.0, 51.0):
        video(256, 256).save_to(str(tmp_path / "out.mp4"), codec=codec, crf=crf)
        sizes.append((tmp_path / "out.mp4").stat().st_size)
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 4


def test_a_rate_factor_of_0_loses_nothing(tmp_path: Path) -> None:
    """Two encoders agree in every sample only where neither has lost any."""

    def planes(codec: str) -> np.ndarray:
        video().save_to(str(tmp_path / "out.mp4"), codec=codec, crf=0)
        with av.open(str(tmp_path / "out.mp4")) as container:
            return np.stack([frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)])

    assert np.array_equal(planes("h264"), planes("av1"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"format": "webm", "codec": "h264"}, "format: found 'webm'; allowed: mp4 or mov or mkv"),
        ({"format": "avi"}, "format: found 'avi'; allowed: mp4, mov, mkv, webm"),
        ({"codec": "divx"}, "codec: found 'divx'"),
        ({"bit_depth": 12}, "bit_depth: found 12; allowed: 8 or 10"),
        ({"crf": 52}, "crf: found 52; allowed: 0 to 51"),
        ({"crf": 64.0, "codec": "av1"}, "crf: found 64; allowed: 0 to 63"),
        ({"crf": -1}, "crf: found -1"),
        ({"crf": float("nan")}, "crf: found nan"),
        ({"color_space": "HDR"}, "color_space: found 'HDR'; allowed: auto or sRGB.*HDR"),
        ({"color_space": "HDR PQ"}, "color_space: found 'HDR PQ'"),
        ({"frame_layout": "side by side"}, "frame_layout: found 'side by side'; allowed: nothing"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        StreamVideo(Untouched()).save_to(str(tmp_path / "out.mp4"), **arguments)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_argument_that_asks_for_nothing_is_no_fault(tmp_path: Path) -> None:
    video().save_to(str(tmp_path / "out.mp4"), color_space="auto", frame_layout=None, preset="auto")
    assert (tmp_path / "out.mp4").is_file()


def test_every_argument_of_the_installed_core_has_a_name_here() -> None:
    for name in ("save_to", "as_trimmed"):
        theirs = inspect.signature(getattr(Input.Video, name, StreamVideo.as_trimmed)).parameters
        assert list(theirs) == [*inspect.signature(getattr(StreamVideo, name)).parameters][: len(theirs)]


def test_facts_take_no_work() -> None:
    """Core's own answers decode or encode the whole clip to know."""
    lazy = StreamVideo(Untouched())
    assert lazy.get_dimensions() == (64, 48) and lazy.get_frame_count() == 10
    assert lazy.get_frame_rate() == RATE and lazy.get_duration() == 0.4
    assert (lazy.get_container_format(), lazy.get_bit_depth(), lazy.get_color_space()) == ("mp4", 8, "sRGB")
    part = lazy.as_trimmed(0.2, 0.0, False)
    assert part is not None and part.get_frame_count() == 5


def test_any_file_object_is_a_target(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    video().save_to(buffer, "mkv", "h264", {"prompt": {}})
    with (tmp_path / "out.mp4").open("w+b") as file:
        video().save_to(file, metadata={"prompt": {}})
    assert b"matroska" in buffer.getvalue()[:64]
    assert written(tmp_path / "out.mp4")["codec"] == "h264"
