"""Files whose names FFmpeg would take for patterns, protocols or options."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from frugal_motion.nodes.video.audio import load_waveform
from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.nodes.video.encode import LOSSLESS, EncodeSettings, save
from frugal_motion.nodes.video.stream import ArrayStream, Waveform

from .conftest import clicks, solids

PLAIN = ["100% done", "50%_fog", "take %d", "%06d%%", "-x", "[x]", "{a,b}", "it's", "q#h", "ü 人 é", "%width%"]
NOT_ON_WINDOWS = ["a:b", "concat:a|b", "file:x", "data:,x", "subfile,,start,0,,:x", "http:x", "q?", "*", "two\nlines"]
NAMES = PLAIN if os.name == "nt" else [*PLAIN, *NOT_ON_WINDOWS, "a\\b"]
FRAMES = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8)


@pytest.fixture(params=["absolute", "relative"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, as it may be named."""
    monkeypatch.chdir(tmp_path)
    return tmp_path if request.param == "absolute" else Path()


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_of_any_name_is_written_and_read(folder: Path, name: str) -> None:
    path = folder / f"{name}.mp4"
    sound = Waveform(clicks(0.25, [0.1])[None], 48000)
    save(ArrayStream(FRAMES, Fraction(12), sound), path, LOSSLESS)
    assert os.listdir() == [path.name]
    clip = FileStream(path)
    assert np.array_equal(np.concatenate(list(clip.chunks())), FRAMES)
    assert clip.audio and load_waveform(clip.audio).samples.any()


@pytest.mark.parametrize("name", NAMES)
def test_a_sequence_goes_into_a_folder_of_any_name(folder: Path, name: str) -> None:
    for path in (folder / name, folder / name / "inside"):
        save(ArrayStream(FRAMES, Fraction(12)), path, EncodeSettings("png sequence"))
        files = sorted(file for file in path.iterdir() if file.is_file())
        assert [file.name for file in files] == ["000001.png", "000002.png", "000003.png"]
        for file, frame in zip(files, FRAMES, strict=True):
            picture = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
            assert np.array_equal(picture[..., ::-1], frame)


def test_one_picture_is_not_a_pattern_of_others(tmp_path: Path) -> None:
    for name in ("take 1.png", "take 2.png", "take %d.png"):
        picture = np.full((48, 64, 3), 200 if "%" in name else 50, np.uint8)
        (tmp_path / name).write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    shown = FileStream(tmp_path / "take %d.png")
    assert shown.info.frame_count == 1
    assert set(next(shown.chunks()).ravel()) == {200}


@pytest.mark.parametrize("name", ["it's", "50% [x],y;z=1"] if os.name == "nt" else ["a:b", "it's", "50% [x],y;z=1\\"])
def test_the_table_of_hdr_may_lie_anywhere(
    tmp_path: Path, name: str, clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    hdr = clip("hdr.mkv", solids(2), tags={"colorspace": 9, "color_range": 1, "color_trc": 16, "color_primaries": 9})
    with av.open(str(hdr)) as container:
        next(container.decode(video=0))
        assert container.streams.video[0].codec_context.color_trc == 16
    expected = np.concatenate(list(FileStream(hdr).chunks()))
    (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
    assert np.array_equal(np.concatenate(list(FileStream(hdr).chunks())), expected)
