"""What can be loaded as a clip, and by which names."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import folder_paths
import numpy as np
import pytest
from PIL import Image

from frugal_motion.nodes.caching.configured import value_key
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.forecast.walk import planned
from frugal_motion.nodes.host.folders import VIDEO_SUFFIXES, input_files, list_clips
from frugal_motion.nodes.server.clips import clip_sizes
from frugal_motion.nodes.video.clip import open_clip
from frugal_motion.nodes.video.node import FrugalLoadClips, FrugalLoadVideo, FrugalSaveVideo
from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]

from .conftest import grey, quadrants, solids, write_clip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A clip; folders: of six pictures, of a video and its cover, of texts; two pictures, of which one moves."""
    for name in ("input", "output"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))
    inside = tmp_path / "input"
    write_clip(inside / "clip.mp4", solids(12), rate=Fraction(12))
    for name in ("take.v1", "dance", "texts"):
        (inside / name).mkdir()
    pictures = [Image.fromarray(picture) for picture in solids(6)]
    for number, picture in enumerate(pictures):
        picture.save(inside / "take.v1" / f"{number}.png")
    shutil.copy(inside / "clip.mp4", inside / "dance" / "a.mp4")
    pictures[0].save(inside / "dance" / "cover.webp")
    (inside / "texts" / "a.txt").write_text("no picture")
    pictures[0].save(inside / "moves.webp", save_all=True, append_images=pictures[1:], duration=100)
    pictures[0].save(inside / "still.webp")
    yield inside


def load(file: str, **values: Any) -> Any:
    return FrugalLoadVideo.execute(file=file, **{"size": "source", **values}).args[0]


def test_what_can_be_loaded_is_listed_and_what_is_listed_can_be_loaded(folder: Path) -> None:
    assert list_clips() == ["clip.mp4", "moves.webp", "dance/", "take.v1/"]
    assert FrugalLoadVideo.define_schema().inputs[0].options == list_clips()
    for name in list_clips():
        assert FrugalLoadVideo.validate_inputs(file=name) is True
        assert load(name).get_frame_count() >= 1


@pytest.mark.parametrize("name", ["take.v1/", "take.v1", "take.v1\\", "moves.webp", "still.webp", "take.v1/3.png"])
def test_names_that_are_typed(name: str) -> None:
    assert FrugalLoadVideo.validate_inputs(file=name) is True
    first = next(load(name).stream.chunks())[0]
    assert first.shape == (48, 64, 3) and abs(int(first[0, 0, 0]) - grey(3 if "3" in name else 0)) <= 3


@pytest.mark.parametrize("name", ["texts", "texts/", "none/", "../input2/take.v1", ""])
def test_other_folders_are_refused_before_the_run(name: str) -> None:
    assert "allowed: " in str(FrugalLoadVideo.validate_inputs(file=name))


def test_a_folder_takes_the_rate_that_is_asked_for() -> None:
    assert load("take.v1/").get_duration() == 0.5
    assert load("take.v1/", frame_rate=0.0).get_duration() == 6 / 25
    assert load("take.v1/", frame_rate=24.0, start=0.125).get_frame_count() == 3


def test_a_sequence_that_was_saved_can_be_loaded(folder: Path) -> None:
    node = FrugalSaveVideo.PREPARE_CLASS_CLONE(None)
    node.hidden = SimpleNamespace(unique_id="1", prompt=None, extra_pnginfo=None)
    node.execute(load("take.v1"), codec="png sequence", filename_prefix="seq/x")
    again = load("seq/x_00001_ [output]")
    assert np.array_equal(np.concatenate(list(again.stream.chunks()))[:, 0, 0, 0], [grey(index) for index in range(6)])


@pytest.mark.parametrize(
    ("lines", "names", "found"),
    [
        ("take.v1", ["take.v1"], ["take.v1"]),
        ("take.v1/\nclip.mp4", ["take.v1/", "clip.mp4"], ["take.v1", "clip"]),
        ("dance", ["dance/a.mp4"], ["a"]),
        ("*", ["clip.mp4", "moves.webp"], ["clip", "moves"]),
        ("*/", ["dance", "take.v1"], ["dance", "take.v1"]),
        ("**/take*/", ["take.v1"], ["take.v1"]),
        ("take.v1/*.png\nstill.webp", None, None),
        ("still.webp", ["still.webp"], ["still"]),
    ],
)
def test_load_clips(lines: str, names: list[str] | None, found: list[str]) -> None:
    if names is None:
        with pytest.raises(InputError, match="no video for"):
            input_files(lines, VIDEO_SUFFIXES)
        return
    assert input_files(lines, VIDEO_SUFFIXES) == names
    videos, titles = FrugalLoadClips.execute(files=lines, size="384").args
    assert titles == found and len(videos) == len(found)


def test_every_picture_counts_for_what_comes_out(folder: Path) -> None:
    def told() -> tuple[str, str, str]:
        prompt = {"1": {"class_type": "FrugalLoadVideo", "inputs": {"file": "take.v1\\"}}}
        key = value_key(prompt.__getitem__, ["1", 0], [""])
        seen = FrugalLoadVideo.fingerprint_inputs(file="take.v1/"), FrugalLoadClips.fingerprint_inputs(files="take.v1")
        return (key, *seen)

    before = told()
    assert told() == before
    Image.fromarray(solids(9)[8]).save(folder / "take.v1" / "4.png")
    changed = told()
    (folder / "take.v1" / "5.png").unlink()
    fewer = told()
    for one, two, three in zip(before, changed, fewer, strict=True):
        assert len({one, two, three}) == 3


def test_jobs_and_estimates_know_how_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for node_class in (FrugalLoadVideo, FrugalSaveVideo):
        monkeypatch.setitem(NODE_CLASS_MAPPINGS, node_class.__name__, node_class)
    prompt: dict[str, Any] = {
        "1": {"class_type": "FrugalLoadVideo", "inputs": {"file": "take.v1/", "size": "source"}},
        "2": {"class_type": "FrugalSaveVideo", "inputs": {"video": ["1", 0]}},
    }
    assert clip_sizes(prompt, 0.5) == ["64x48"]
    with pytest.raises(InputError, match=r"duration: found 0\.5 s"):
        clip_sizes(prompt, 0.4)
    (clip,) = planned(prompt).job.clips
    assert (clip.plan.frame_count, clip.source_size) == (6, (64, 48))


CODECS = {
    ".3gp": "libx264", ".3g2": "libx264", ".f4v": "libx264", ".m2ts": "libx264", ".qt": "libx264",
    ".asf": "wmv2", ".m2v": "mpeg2video", ".mxf": "mpeg2video", ".vob": "mpeg2video", ".ogv": "libvpx",
    ".webp": "libwebp_anim", ".apng": "apng", ".avif": "libaom-av1",
}  # fmt: skip


@pytest.mark.parametrize("suffix", [suffix for suffix in VIDEO_SUFFIXES if suffix in CODECS])
def test_every_ending_that_is_listed_can_be_read(tmp_path: Path, suffix: str, ffmpeg: Callable[..., None]) -> None:
    form = ("-f", "mov") if suffix == ".qt" else ()
    source = ("-f", "lavfi", "-i", "testsrc=d=1:r=25:s=176x144")
    ffmpeg(*source, "-c:v", CODECS[suffix], *form, tmp_path / f"a{suffix}")
    clip = open_clip(tmp_path / f"a{suffix}")
    assert (clip.info.width, clip.info.height, clip.info.frame_count, clip.info.frame_rate) == (176, 144, 25, 25)
    assert sum(map(len, clip.chunks())) == 25


@pytest.fixture
def ffmpeg() -> Callable[..., None]:
    """FFmpeg's program."""
    if not shutil.which("ffmpeg"):
        pytest.skip("no FFmpeg program here")

    def run(*options: object) -> None:
        command = ["ffmpeg", "-v", "error", "-y", *map(str, options)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this FFmpeg does not write it: {done.stderr[-200:]}")

    return run


@pytest.mark.parametrize(("number", "turned"), [(1, 0), (6, 3), (3, 2), (8, 1)])
def test_a_clip_of_jpegs_with_exif_can_be_opened(tmp_path: Path, number: int, turned: int) -> None:
    """As cameras write them; PyAV does not know such side data, and FFmpeg before 8 takes no notice of it."""
    exif, content = Image.Exif(), io.BytesIO()
    exif[0x0112] = number
    Image.fromarray(quadrants()).save(content, "JPEG", quality=95, subsampling=0, exif=exif)
    with av.open(str(tmp_path / "a.avi"), "w") as output:
        track: Any = output.add_stream("mjpeg", rate=25)
        track.width, track.height, track.pix_fmt = 96, 64, "yuvj444p"
        for index in range(3):
            packet = av.Packet(content.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = track, index, index, Fraction(1, 25)
            packet.is_keyframe = True
            output.mux(packet)
    shown = next(open_clip(tmp_path / "a.avi").chunks())[0]
    expected = quadrants() if shown.shape[0] == 64 and turned % 2 else np.rot90(quadrants(), turned)
    assert np.abs(shown[4::8, 4::8].astype(int) - expected[4::8, 4::8]).max() <= 12
