"""Folders of pictures as clips; what they show is held against Pillow and OpenCV."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.video.clip import open_clip
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.encode import EncodeSettings, save
from frugal_motion.nodes.video.grid import ClipStream
from frugal_motion.nodes.video.stream import ArrayStream

from .conftest import grey, quadrants, solids, write_clip

RNG = np.random.default_rng(0)


def frames(stream: ClipStream) -> np.ndarray:
    found = np.concatenate(list(stream.chunks()))
    assert len(found) == stream.info.frame_count
    return found


def shades(stream: ClipStream) -> list[int]:
    """The shade in the middle of every frame."""
    return [int(frame[frame.shape[0] // 2, frame.shape[1] // 2, 0]) for frame in frames(stream)]


def write(folder: Path, name: str, shade: int, size: tuple[int, int] = (64, 48)) -> None:
    folder.mkdir(exist_ok=True)
    Image.new("RGB", size, (shade,) * 3).save(folder / name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures, ``f1.png`` to ``f12.png``, each of its own shade, and what lies about in such folders."""
    for index in range(12):
        write(tmp_path / "take", f"f{index + 1}.png", grey(index))
    for name in ("Thumbs.db", "._f1.png", "notes.txt"):
        (tmp_path / "take" / name).write_bytes(b"?")
    (tmp_path / "take" / "raw.png").mkdir()
    return tmp_path / "take"


def test_pictures_come_by_the_numbers_in_their_names(folder: Path) -> None:
    assert shades(open_clip(folder)) == [grey(index) for index in range(12)]


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["b10.png", "b9.png", "a11.png"], ["a11.png", "b9.png", "b10.png"]),
        (["2_10.png", "2_9.png", "10_1.png", "x.png"], ["2_9.png", "2_10.png", "10_1.png", "x.png"]),
        (["shot.0100.png", "shot.0099.png", "shot.101.png"], ["shot.0099.png", "shot.0100.png", "shot.101.png"]),
    ],
)
def test_the_order_of_names(tmp_path: Path, names: list[str], order: list[str]) -> None:
    for name in names:
        write(tmp_path / "f", name, order.index(name))
    assert shades(open_clip(tmp_path / "f")) == list(range(len(names)))


def test_a_picture_is_a_frame_at_the_rate_that_is_asked_for(folder: Path) -> None:
    assert (open_clip(folder).info.frame_rate, open_clip(folder).info.frame_count) == (25, 12)
    ntsc = DecodeSettings(frame_rate=Fraction(30000, 1001))
    assert open_clip(folder, ntsc).info.frame_rate == Fraction(30000, 1001)
    assert shades(open_clip(folder, ntsc)) == [grey(index) for index in range(12)]


@pytest.mark.parametrize(
    ("start", "duration", "shown"),
    [("0.5", None, range(6, 12)), ("0.25", "0.5", range(3, 9)), ("0.9", "5", [10]), ("0.99", None, [11])],
)
def test_trims_are_in_seconds_at_that_rate(folder: Path, start: str, duration: str | None, shown: Any) -> None:
    settings = DecodeSettings(Fraction(start), Fraction(duration) if duration else None, Fraction(12))
    assert shades(open_clip(folder, settings)) == [grey(index) for index in shown]


def test_a_start_beyond_the_end_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"start: found 1 s; allowed: less than the video's 1\.000 s"):
        open_clip(folder, DecodeSettings(start=Fraction(1), frame_rate=Fraction(12)))


def test_any_part_may_be_read(folder: Path) -> None:
    stream, whole = open_clip(folder), frames(open_clip(folder))
    assert stream.seekable
    assert np.array_equal(np.concatenate(list(stream.section(5, 100, 3))), whole[5:])
    assert np.array_equal(stream.frames_at([0, 7, 11]), whole[[0, 7, 11]])
    with pytest.raises(IndexError):
        stream.frames_at([3, 12])


def test_what_was_saved_as_a_sequence_comes_back(tmp_path: Path) -> None:
    pictures = RNG.integers(0, 256, (11, 47, 61, 3), np.uint8)
    save(ArrayStream(pictures, Fraction(24)), tmp_path / "50% take", EncodeSettings("png sequence"))
    assert np.array_equal(frames(open_clip(tmp_path / "50% take")), pictures)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "CMYK"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".tga", ".avif"])
def test_colours_are_those_that_other_programs_show(tmp_path: Path, suffix: str, mode: str) -> None:
    """Also of kinds that FFmpeg does not tag: they are not taken for video, whose black is 16."""
    smooth = np.stack(np.meshgrid(np.linspace(0, 255, 64), np.linspace(0, 255, 48)), -1)
    picture = Image.fromarray(np.dstack([smooth, smooth[..., ::-1].mean(-1)]).astype(np.uint8)).convert(mode)
    path = tmp_path / f"a{suffix}"
    if (suffix, mode) == (".tga", "1"):
        pytest.skip("FFmpeg reads no such TGA, and says so")
    try:
        picture.save(path, quality=100)
    except (OSError, ValueError, KeyError):
        pytest.skip(f"Pillow writes no {mode} as {suffix}")
    with Image.open(path) as expected:
        expected_rgb = np.asarray(expected.convert("RGB")).astype(int)
    difference = np.abs(frames(open_clip(path))[0] - expected_rgb)
    exact = suffix in (".png", ".tif", ".bmp", ".tga") and mode != "CMYK"
    assert difference.max() <= (0 if exact else 8) or mode == "CMYK", difference.max()
    assert difference.mean() <= (0 if exact else 12 if mode == "CMYK" else 1.5), difference.mean()


def test_16_bits(tmp_path: Path) -> None:
    deep = RNG.integers(0, 65536, (48, 64, 3), np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep[..., ::-1])
    assert np.abs(frames(open_clip(tmp_path / "a.png"))[0] - deep / 257).max() < 2  # it dithers
    cv2.imwrite(str(tmp_path / "a.png"), deep[..., 0])
    assert np.abs(frames(open_clip(tmp_path / "a.png"))[0] - deep[..., :1] / 257).max() < 2


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no FFmpeg program to write it")
@pytest.mark.parametrize("values", ["float", "half"])
@pytest.mark.parametrize("pixels", ["gbrpf32le", "gbrapf32le", "grayf32le"])
def test_exr_is_light_and_is_shown_as_srgb(tmp_path: Path, pixels: str, values: str) -> None:
    light = np.linspace(0, 1.5, 61 * 48).reshape(48, 61).astype("<f4")
    planes = {"gbrpf32le": [light] * 3, "gbrapf32le": [light] * 3 + [np.ones_like(light)], "grayf32le": [light]}
    raw = np.stack(planes[pixels]).tobytes()
    source = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", "61x48", "-i", "-"]
    command = ["ffmpeg", "-v", "error", *source, "-c:v", "exr", "-format", values, str(tmp_path / "a.exr")]
    subprocess.run(command, input=raw, check=True)
    clipped = np.minimum(light, 1)
    expected = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055) * 255
    settings = DecodeSettings(multiple=1)
    assert np.abs(frames(open_clip(tmp_path / "a.exr", settings))[0] - expected[..., None]).max() < 2


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif"])
def test_pictures_come_out_upright(tmp_path: Path, suffix: str, number: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = number
    try:
        Image.fromarray(quadrants()).save(tmp_path / f"a{suffix}", exif=exif, quality=95)
    except (OSError, KeyError):
        pytest.skip(f"Pillow writes no {suffix}")
    shown = frames(open_clip(tmp_path / f"a{suffix}"))[0]
    with Image.open(tmp_path / f"a{suffix}") as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert shown.shape == expected.shape
    assert np.abs(shown[4::8, 4::8].astype(int) - expected[4::8, 4::8]).max() <= 12


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_what_is_transparent_is_as_in_a_video(tmp_path: Path, suffix: str) -> None:
    rgba = np.dstack([np.full((48, 64, 3), 200, np.uint8), np.repeat(np.uint8([0, 255]), 32)[None].repeat(48, 0)])
    Image.fromarray(rgba).save(tmp_path / f"a{suffix}", lossless=True, exact=True)
    video = tmp_path / "a.mov"
    with av.open(str(video), "w") as output:
        track: Any = output.add_stream("qtrle", rate=25)
        track.width, track.height, track.pix_fmt = 64, 48, "argb"
        output.mux(track.encode(av.VideoFrame.from_ndarray(rgba, format="rgba").reformat(format="argb")))
        output.mux(track.encode(None))
    assert np.abs(frames(open_clip(tmp_path / f"a{suffix}"))[0].astype(int) - frames(FileStream(video))[0]).max() <= 2


def test_the_first_decides_about_the_size(tmp_path: Path) -> None:
    notes: dict[str, str] = {}
    folder = tmp_path / "mixed"
    write(folder, "1.png", 100)
    write(folder, "2.png", 150, (128, 96))
    write(folder, "3.png", 200, (48, 64))
    stream = open_clip(folder, DecodeSettings(size=(64, 64)), notes.__setitem__)
    assert stream.source_size == (64, 48)
    first, larger, upright = frames(stream)
    assert first.shape == (48, 64, 3) and set(first.ravel()) == {100} and set(larger.ravel()) == {150}
    assert set(upright[:, :12].ravel()) == set(upright[:, -12:].ravel()) == {0} and upright[24, 32, 0] == 200
    assert notes == {"mixed sizes": "mixed: 2 pictures (2.png, …) are of another size than the first: scaled to that"}
    cover = open_clip(folder, DecodeSettings(size=(64, 48), fit="cover"), notes.__setitem__)
    assert shades(cover) == [100, 150, 200] and set(frames(cover)[2].ravel()) == {200}


def test_size_and_multiple_are_as_of_a_video(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", solids(1, 100, 70))
    write(tmp_path / "a", "1.png", 99, (100, 70))
    for fit in ("keep", "contain", "cover", "stretch"):
        settings = DecodeSettings(size=(64, 80), fit=fit, multiple=8)  # type: ignore[arg-type]
        video, pictures = open_clip(tmp_path / "a.mp4", settings).info, open_clip(tmp_path / "a", settings).info
        assert (pictures.width, pictures.height) == (video.width, video.height)
        assert (pictures.region.left, pictures.region.top) == (video.region.left, video.region.top)


def test_a_picture_that_cannot_be_read_is_replaced_by_its_neighbour(folder: Path) -> None:
    notes: dict[str, str] = {}
    (folder / "f1.png").write_bytes(b"")
    (folder / "f5.png").write_bytes(b"no picture")
    (folder / "f6.png").write_bytes((folder / "f7.png").read_bytes()[:40])
    stream = open_clip(folder, note=notes.__setitem__)
    expected = [1, 1, 2, 3, 3, 3, *range(6, 12)]
    assert shades(stream) == [grey(index) for index in expected]
    assert "3 pictures (f1.png, …) cannot be read" in notes["take damage"]
    assert np.array_equal(stream.frames_at([4, 5])[:, 0, 0, 0], [grey(3)] * 2), "wherever reading begins"


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"a folder 'empty' without pictures; allowed: .*\.png"):
        open_clip(tmp_path / "empty")
    (tmp_path / "empty" / "a.png").write_bytes(b"x")
    (tmp_path / "empty" / "b.png").write_bytes(b"x")
    with pytest.raises(InputError, match="'empty' without a picture that can be read"):
        open_clip(tmp_path / "empty")
    with pytest.raises(InputError, match=r"'a\.png', which"):
        open_clip(tmp_path / "empty" / "a.png")


def test_one_picture_is_a_clip_of_one_frame(folder: Path) -> None:
    stream = open_clip(folder / "f3.png", DecodeSettings(frame_rate=Fraction(12)))
    assert (stream.info.frame_count, stream.info.frame_rate) == (1, 12)
    assert shades(stream) == [grey(2)]


def test_memory_does_not_grow_with_the_folder(folder: Path) -> None:
    """However long it is, no more than a chunk is held: reading may stop anywhere, and nothing was read ahead."""
    chunks = open_clip(folder).chunks(2)
    next(chunks)
    for number in range(4, 13):
        (folder / f"f{number}.png").unlink()
    assert [int(chunk[0, 0, 0, 0]) for chunk in chunks] == [grey(2)] * 5
