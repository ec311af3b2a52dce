"""Animated WebP, AVIF and PNG as clips, written by Pillow; what is shown when follows from the times written."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.video.animation import AnimationStream
from frugal_motion.nodes.video.clip import open_clip
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.encode import EncodeSettings, save
from frugal_motion.nodes.video.picture_stream import PictureStream
from frugal_motion.nodes.video.stills import is_animated, is_pillows
from frugal_motion.nodes.video.stream import ArrayStream

from .conftest import grey, quadrants, solids

SUFFIXES = [".webp", ".png", ".apng", *([".avif"] if is_pillows(".avif") else [])]


def write(path: Path, durations: Sequence[int] | int, count: int = 5, **options: object) -> Path:
    pictures = [Image.new("RGB", (64, 48), (grey(index),) * 3) for index in range(count)]
    options = {"duration": durations, "save_all": True, "append_images": pictures[1:], "quality": 95, **options}
    pictures[0].save(path, "PNG" if "png" in path.suffix else None, **options)
    return path


def shown(stream: object) -> list[int]:
    """Which picture every frame shows."""
    frames = np.concatenate(list(stream.chunks()))  # type: ignore[attr-defined]
    known = np.array([grey(index) for index in range(60)])
    return [int(np.abs(known - int(frame[24, 32, 0])).argmin()) for frame in frames]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_picture_is_shown_from_its_time_on_until_the_next(tmp_path: Path, suffix: str) -> None:
    clip = open_clip(write(tmp_path / f"a{suffix}", [500, 100, 250, 40, 110]), DecodeSettings(frame_rate=Fraction(10)))
    assert isinstance(clip, AnimationStream)
    assert clip.info.frame_count == 10 and clip.source_size == (64, 48)
    # They begin at 0, 0.5, 0.6, 0.85 and 0.89 s.
    assert shown(clip) == [0, 0, 0, 0, 0, 1, 2, 2, 2, 4]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("duration", "rate"), [(40, 25), (83, 12), (100, 10)])
def test_a_constant_rate_is_found_and_kept(tmp_path: Path, suffix: str, duration: int, rate: int) -> None:
    clip = open_clip(write(tmp_path / f"a{suffix}", duration, 24))
    assert clip.info.frame_count == 24
    assert float(clip.info.frame_rate) == pytest.approx(rate, rel=0.01)
    assert shown(clip) == list(range(24))


def test_whole_milliseconds_do_not_shift_frames(tmp_path: Path) -> None:
    """33, 33 and 34 ms at 30 frames/s: the third begins at 66 instead of 66.7 ms, others up to 0.3 ms too late."""
    clip = open_clip(write(tmp_path / "a.webp", [33, 34, 33] * 8, 24), DecodeSettings(frame_rate=Fraction(30)))
    assert shown(clip) == list(range(24))


@pytest.mark.skipif(not is_pillows(".avif"), reason="this Pillow reads no AVIF")
def test_rounded_durations_do_not_add_up(tmp_path: Path) -> None:
    write(tmp_path / "a.avif", [33, 34, 33] * 20, 60)
    assert float(open_clip(tmp_path / "a.avif").info.duration) == pytest.approx(2, abs=0.04)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_trims_sections_and_single_frames(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", 100, 20)
    clip = open_clip(path, DecodeSettings(start=Fraction("0.5"), duration=Fraction(1), frame_rate=Fraction(10)))
    assert shown(clip) == list(range(5, 15))
    whole = np.concatenate(list(clip.chunks()))
    assert np.array_equal(np.concatenate(list(clip.section(3, 7))), whole[3:7])
    assert np.array_equal(clip.frames_at([0, 2, 9]), whole[[0, 2, 9]])
    assert shown(clip) == list(range(5, 15)), "again from the beginning"
    with pytest.raises(InputError, match="start: found 2 s"):
        open_clip(path, DecodeSettings(start=Fraction(2)))


def test_hasty_pictures_are_shown_as_browsers_do(tmp_path: Path) -> None:
    assert open_clip(write(tmp_path / "a.webp", 0)).info.duration == Fraction(1, 2)
    assert open_clip(write(tmp_path / "b.webp", 10)).info.duration == Fraction(1, 2)
    assert open_clip(write(tmp_path / "c.webp", 20)).info.duration == Fraction(1, 10)


def test_a_cover_picture_of_a_png_is_no_frame(tmp_path: Path) -> None:
    clip = open_clip(write(tmp_path / "a.png", 100, default_image=True))
    assert shown(clip) == [1, 2, 3, 4]


def test_it_is_read_as_a_gif_of_the_same_is(tmp_path: Path) -> None:
    """FFmpeg's own reading of times is the measure."""
    for name in ("a.gif", "a.webp"):
        write(tmp_path / name, [100, 300, 50, 200, 150])
    settings = DecodeSettings(frame_rate=Fraction(20))
    gif, webp = open_clip(tmp_path / "a.gif", settings), open_clip(tmp_path / "a.webp", settings)
    assert isinstance(gif, FileStream)
    assert gif.info.frame_count == webp.info.frame_count == 16


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pictures_that_do_not_move_are_clips_of_one_frame(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(quadrants()).save(path, "PNG" if "png" in suffix else None)
    assert not is_animated(path)
    clip = open_clip(path)
    assert isinstance(clip, FileStream if suffix == ".apng" else PictureStream) and clip.info.frame_count == 1


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_videos_are_no_animated_pictures(tmp_path: Path, name: str) -> None:
    save(
        ArrayStream(np.stack(solids(5)), Fraction(10)),
        tmp_path / name,
        EncodeSettings("gif" if "gif" in name else "h264"),
    )
    assert not is_animated(tmp_path / name)
    assert isinstance(open_clip(tmp_path / name), FileStream)


def test_the_content_counts_and_not_the_ending(tmp_path: Path) -> None:
    write(tmp_path / "a.webp", 100).rename(tmp_path / "a.gif")
    assert shown(open_clip(tmp_path / "a.gif")) == list(range(5))


def test_what_is_transparent_is_as_in_a_picture(tmp_path: Path) -> None:
    rgba = np.zeros((48, 64, 4), np.uint8)
    rgba[:, 16:], rgba[:, 32:] = (200, 200, 200, 128), (100, 150, 200, 255)
    image = Image.fromarray(rgba)
    other = Image.fromarray(rgba[:, ::-1])
    (tmp_path / "f").mkdir()
    image.save(tmp_path / "f" / "1.png"), other.save(tmp_path / "f" / "2.png")
    image.save(tmp_path / "a.webp", save_all=True, append_images=[other], duration=40, lossless=True, exact=True)
    moving, still = (np.concatenate(list(open_clip(tmp_path / name).chunks())) for name in ("a.webp", "f"))
    assert np.abs(moving.astype(int) - still).max() <= 2


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_a_file_that_ends_early(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", 100, 20)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    notes: dict[str, str] = {}
    try:
        clip = open_clip(path, note=notes.__setitem__)
    except InputError as error:
        assert path.name in str(error)  # of a WebP that is cut Pillow reads nothing
    else:
        assert 5 < clip.info.frame_count < 20 and "ends early" in notes[f"{path.name} damage"]
        assert shown(clip) == list(range(clip.info.frame_count))
