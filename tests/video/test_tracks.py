"""Which tracks are taken, and what is said of those that are not."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.video.audio import audio_format, load_waveform
from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.nodes.video.encode import save
from frugal_motion.nodes.video.stream import FileAudio
from tests.ffmpeg import X264, codecs_of, ffmpeg, probed, source

PICTURES = source("testsrc2", s="64x48", r=24, d=2)


def opened(path: Path) -> tuple[FileStream, list[str]]:
    notes: list[str] = []
    return FileStream(path, note=lambda topic, text: notes.append(text.removeprefix(f"{path.name}: "))), notes


def pitch(audio: FileAudio) -> float:
    """Hertz of a sine."""
    sound = load_waveform(audio)
    spectrum = np.abs(np.fft.rfft(sound.samples[0, : sound.sample_rate]))
    return float(spectrum.argmax())


def two_sounds(path: Path, *options: str) -> Path:
    sounds = (*source("sine", f=440, d=2), *source("sine", f=880, d=2))
    ffmpeg(*PICTURES, *sounds, "-map", "0", "-map", "1", "-map", "2", *X264, "-c:a", "aac", *options, path)
    return path


def with_other_codec(path: Path, codec: bytes, number: int = 0) -> Path:
    """The ``number``-th sound of an MP4 as if it were in a codec that has no decoder."""
    data = bytearray(path.read_bytes())
    entry = -1
    for _ in range(number + 1):
        entry = data.index(b"mp4a", data.index(b"stsd", entry + 1))
    data[entry : entry + 4] = codec
    box = data.index(b"esds", entry)
    data[box : box + 4] = b"free"
    path.write_bytes(data)
    return path


def test_sound_marked_as_default_is_taken_before_the_first(tmp_path: Path) -> None:
    path = two_sounds(tmp_path / "a.mkv", "-disposition:a:0", "0", "-disposition:a:1", "default")
    stream, notes = opened(path)
    assert pitch(stream.audio) == pitch(FileAudio(path)) == 880  # type: ignore[arg-type]
    assert notes == []


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_thumbnail_in_front_is_not_the_video(tmp_path: Path, suffix: str) -> None:
    thumbnail = source("color", c="red", s="32x32", r=24, d="0.04")
    kind = ("-c:v:0", "mjpeg", "-disposition:v:0", "0", "-disposition:v:1", "default")
    ffmpeg(*thumbnail, *PICTURES, "-map", "0", "-map", "1", *X264, *kind, path := tmp_path / f"a{suffix}")
    info = FileStream(path).info
    assert (info.width, info.height, info.frame_count) == (64, 48, 48)


def test_a_still_in_front_is_not_the_video_even_if_nothing_says_so(tmp_path: Path) -> None:
    thumbnail = source("color", c="red", s="32x32", r=24, d="0.04")
    ffmpeg(*thumbnail, *PICTURES, "-map", "0", "-map", "1", *X264, "-c:v:0", "mjpeg", path := tmp_path / "a.mp4")
    assert FileStream(path).info.frame_count == 48


@pytest.mark.parametrize("codec", [b"ac-4", b"apac", b"zzzz"])
def test_sound_that_nothing_decodes_is_passed_over_for_the_next(tmp_path: Path, codec: bytes) -> None:
    stream, notes = opened(with_other_codec(two_sounds(tmp_path / "a.mp4"), codec))
    assert len(notes) == 1 and codec.decode() in notes[0] and notes[0].endswith("another track is taken")
    assert pitch(stream.audio) == 880  # type: ignore[arg-type]
    save(stream, tmp_path / "out.mp4")
    assert codecs_of(tmp_path / "out.mp4") == ["h264", "aac"]
    assert pitch(FileAudio(tmp_path / "out.mp4")) == 880


def test_without_sound_that_can_be_decoded_there_is_none(tmp_path: Path) -> None:
    path = two_sounds(tmp_path / "a.mp4")
    stream, notes = opened(with_other_codec(with_other_codec(path, b"ac-4", 0), b"apac", 0))
    assert stream.audio is None
    assert len(notes) == 1 and "ac-4" in notes[0] and "apac" in notes[0] and notes[0].endswith("it is left out")
    save(stream, tmp_path / "out.mp4")
    assert codecs_of(tmp_path / "out.mp4") == ["h264"]


def test_video_that_nothing_decodes_is_named(tmp_path: Path) -> None:
    ffmpeg(*PICTURES, *X264, path := tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    entry = data.index(b"avc1", data.index(b"stsd"))
    data[entry : entry + 4] = b"zzzz"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.mp4', whose video is \(?zzzz.*no decoder") as caught:
        FileStream(path)
    assert caught.value.remedy


@pytest.mark.skipif(not hasattr(av.Packet, "has_sidedata"), reason="PyAV before 16 does not tell")
def test_encryption_is_named(tmp_path: Path) -> None:
    ffmpeg(*PICTURES, *source("sine", d=2), *X264, "-c:a", "aac", plain := tmp_path / "plain.mp4")
    key = "00112233445566778899aabbccddeeff"
    scheme = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key)
    ffmpeg("-i", plain, "-c", "copy", *scheme, path := tmp_path / "bought.mp4")
    with pytest.raises(InputError, match="is encrypted"):
        FileStream(path)
    ffmpeg("-i", plain, "-i", path, "-map", "0:v", "-map", "1:a", "-c", "copy", *scheme, tmp_path / "both.mp4")
    with pytest.raises(InputError, match="is encrypted"):
        FileStream(tmp_path / "both.mp4")


def test_sound_with_cover_art_is_no_video(tmp_path: Path) -> None:
    cover = ("-map", "0", "-map", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic", "-frames:v", "1")
    ffmpeg(*source("sine", d=2), *source("testsrc2", s="64x64", d=1), *cover, "-c:a", "aac", path := tmp_path / "a.m4a")
    with pytest.raises(InputError, match="audio and cover art but no video"):
        FileStream(path)


def test_sound_of_many_channels_is_left_out_when_the_file_is_opened(tmp_path: Path) -> None:
    ffmpeg(
        *PICTURES,
        *source("sine", d=2),
        *X264,
        "-af",
        "pan=16c|" + "|".join(f"c{n}=c0" for n in range(16)),
        "-c:a",
        "pcm_s16le",
        path := tmp_path / "a.mov",
    )
    assert probed(path, "-show_streams")["streams"][1]["channels"] == 16
    stream, notes = opened(path)
    assert stream.audio is None
    assert len(notes) == 1 and "16 channels" in notes[0]


def test_the_format_of_sound_is_what_decoding_it_gives(tmp_path: Path) -> None:
    """HE-AAC says 24 kHz mono and is 48 kHz, maybe stereo; plain AAC is what it says."""
    ffmpeg(*PICTURES, *source("sine", d=2, r=22050), *X264, "-ac", 2, "-c:a", "aac", path := tmp_path / "a.ts")
    form = audio_format(FileAudio(path))
    assert (form.sample_rate, form.channels) == (22050, 2)


def test_dolby_vision_that_only_dolby_shows_right_is_named(tmp_path: Path) -> None:
    x265 = ("-c:v", "libx265", "-x265-params", "log-level=none", "-tag:v", "hvc1", "-pix_fmt", "yuv420p10le")
    ffmpeg(*PICTURES, *x265, path := tmp_path / "plain.mp4")
    assert opened(path)[1] == []
    (tmp_path / "dolby.mp4").write_bytes(in_dolby_vision(path.read_bytes(), profile=5))
    side = probed(tmp_path / "dolby.mp4", "-show_streams")["streams"][0]["side_data_list"][0]
    assert side["dv_profile"] == 5
    stream, notes = opened(tmp_path / "dolby.mp4")
    assert stream.info.frame_count == 48
    assert len(notes) == 1 and "Dolby Vision profile 5" in notes[0]
    (tmp_path / "both.mp4").write_bytes(in_dolby_vision(path.read_bytes(), profile=8))
    assert opened(tmp_path / "both.mp4")[1] == []


def in_dolby_vision(data: bytes, profile: int) -> bytes:
    """An MP4, whose index lies behind the pictures, with the box that says so (Dolby Vision in ISO BMFF, 3.1)."""
    bits = profile << 9 | 1 << 3 | 0b101  # level 1, with RPU and base layer
    record = struct.pack(">BBHB", 1, 0, bits, 1 << 4 if profile == 8 else 0) + bytes(19)
    box = struct.pack(">I4s", 8 + len(record), b"dvcC" if profile < 8 else b"dvvC") + record
    entry = data.index(b"hvc1", data.index(b"stsd")) - 4
    size = struct.unpack(">I", data[entry : entry + 4])[0]
    changed = bytearray(data[: entry + size] + box + data[entry + size :])
    changed[entry + 4 : entry + 8] = b"dvh1"
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"dvh1"):
        at = changed.index(name, changed.index(b"moov")) - 4
        changed[at : at + 4] = struct.pack(">I", struct.unpack(">I", changed[at : at + 4])[0] + len(box))
    return bytes(changed)


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("flac", "mkv"), ("libopus", "mkv"), ("libmp3lame", "mp4"), ("ac3", "mp4"), ("pcm_s16le", "mov"), ("alac", "mp4")],
)
def test_h264_has_the_sound_that_every_player_has(tmp_path: Path, codec: str, suffix: str) -> None:
    ffmpeg(*PICTURES, *source("sine", d=2), *X264, "-c:a", codec, "-strict", -2, path := tmp_path / f"in.{suffix}")
    save(FileStream(path), tmp_path / "out.mp4")
    stream = probed(tmp_path / "out.mp4", "-show_streams")["streams"][1]
    assert (stream["codec_name"], stream["profile"]) == ("aac", "LC")
    assert pitch(FileAudio(tmp_path / "out.mp4")) == 440
    assert Fraction(stream["duration"]) == pytest.approx(2, abs=0.05)


def test_channels_in_an_order_of_their_own_do_not_end_the_process(tmp_path: Path, comfyui: Path) -> None:
    """QuickTime's 7.1 has the sides before the back; PyAV frees such a layout twice."""
    sound = ("-c:a", "pcm_s16le", "-ac", 8)
    ffmpeg(*PICTURES, *source("sine", d=2), *X264, *sound, path := tmp_path / "a.mov")
    code = (
        "import sys; from pathlib import Path; from tools.pack import import_pack; import_pack(Path(sys.argv[1]))\n"
        "from frugal_motion.nodes.video.audio import load_waveform\n"
        "from frugal_motion.nodes.video.decode import FileStream\n"
        "from frugal_motion.nodes.video.encode import save\n"
        "for _ in range(10): print(load_waveform(FileStream(Path(sys.argv[2])).audio).samples.shape)\n"
        "save(FileStream(Path(sys.argv[2])), Path(sys.argv[3]))\n"
    )
    root, saved = Path(__file__).resolve().parents[2], tmp_path / "out.mp4"
    command = [sys.executable, "-c", code, str(comfyui), str(path), str(saved)]
    env = {**os.environ, "MALLOC_CHECK_": "3"}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "(8, 88200)"
    assert codecs_of(saved) == ["h264", "aac"]
