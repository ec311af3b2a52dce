"""Fit Length and Restore Length through the nodes, on a real clip."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import folder_paths
import numpy as np
import pytest
import torch
from comfy_api.latest import InputImpl
from comfy_extras.nodes_video import CreateVideo, GetVideoComponents

from frugal_motion.nodes.compositing.crop import Crop
from frugal_motion.nodes.compositing.cropped import CroppedStream
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.interpolation.node import FrugalInterpolate, FrugalLoadInterpolator
from frugal_motion.nodes.lengths.node import FrugalFitLength, FrugalRestoreLength
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.node import FrugalLoadVideo, FrugalSaveVideo
from frugal_motion.nodes.video.stream import ArrayStream

from ..ffmpeg import ffmpeg, shown_at, source
from .test_fit import raw_sound

WAN = "4n + 1: Wan, Hunyuan Video"


@pytest.fixture(autouse=True)
def clip(tmp_path: Path, assets: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real clip (5/3 s at 60 frames/s) with a sound, in ComfyUI's input folder."""
    for name in ("input", "output"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))
    file = tmp_path / "input" / "clip.mov"
    noise = source("anoisesrc", d=2, r=44100, seed=1)
    ffmpeg("-i", assets / "input" / "one_person.mp4", *noise, "-map", "0:v", "-map", "1:a", "-c:v", "copy",
           "-c:a", "pcm_s16le", "-t", "1.6667", file)  # fmt: skip
    return file


@pytest.fixture
def rife(assets: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    paths = ([str(assets / "models" / "frame_interpolation")], {".safetensors"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "frame_interpolation", paths)
    folder_paths.filename_list_cache.pop("frame_interpolation", None)
    return FrugalLoadInterpolator.execute("rife_v4.26.safetensors").args[0]


def saved(video: Any) -> Path:
    node = FrugalSaveVideo.PREPARE_CLASS_CLONE(None)
    node.hidden = SimpleNamespace(unique_id="1", prompt=None, extra_pnginfo=None)
    return Path(node.execute(video, codec="lossless").args[1])


def as_if_from_the_model(video: Any) -> torch.Tensor:
    return 1 - GetVideoComponents.execute(video).args[0]


@pytest.mark.parametrize("by_core", [False, True])
@pytest.mark.parametrize(("rate", "kept", "length"), [(12.0, 20, 21), (16.0, 27, 29), (0.0, 20, 21)])
def test_from_the_file_to_the_file(clip: Path, rife: Any, rate: float, kept: int, length: int, by_core: bool) -> None:
    if by_core and not rate:
        rate, kept, length = 30.0, 50, 53
    size = {"size": "custom", "width": 64, "height": 64, "fit": "stretch"}
    video = InputImpl.VideoFromFile(str(clip)) if by_core else FrugalLoadVideo.execute("clip.mov", **size).args[0]
    fitted, count, way_back = FrugalFitLength.execute(video, WAN, rate).args
    assert (count, fitted.get_frame_count(), way_back.frames) == (length, length, kept)
    if by_core:
        images = torch.rand(count, 64, 64, 3)
    else:
        images = as_if_from_the_model(fitted)
        assert images.shape == (length, 64, 64, 3)
        assert all(torch.equal(image, images[kept - 1]) for image in images[kept:])
    restored, fps = FrugalRestoreLength.execute(images, way_back).args
    assert (restored.get_frame_count(), fps) == (kept, 60.0)
    assert restored.get_duration() == pytest.approx(5 / 3, abs=1e-9)
    result = saved(FrugalInterpolate.execute(restored, rife, 25.0).args[0])
    assert len(shown_at(result)[0]) == 42  # 5/3 s are 41.67 frames
    assert np.array_equal(raw_sound(result), raw_sound(clip)[: round(44100 * 5 / 3)])


def test_a_part_of_it_lasts_as_long_as_its_frames() -> None:
    video = FrugalLoadVideo.execute("clip.mov", size="384").args[0]
    fitted, _, way_back = FrugalFitLength.execute(video, WAN, 8.0).args
    restored = FrugalRestoreLength.execute(fitted, way_back).args[0]
    part = restored.as_trimmed(0.5, 1.0)
    assert part is not None and part.get_duration() == 1.0
    box = Crop(np.zeros((13, 2)), (8, 8), restored.get_dimensions(), (16, 16), Fraction(8), restored.stream.info.region)
    assert CroppedStream(restored.stream, box).info.duration == Fraction(5, 3)


def test_a_video_does_as_well_as_images(rife: Any) -> None:
    video = FrugalLoadVideo.execute("clip.mov", size="384").args[0]
    fitted, _, way_back = FrugalFitLength.execute(video, "any", 8.0).args
    restored, _ = FrugalRestoreLength.execute(fitted, way_back).args
    assert restored.stream.info.duration == Fraction(5, 3)


def test_wrong_inputs_are_refused() -> None:
    video = FrugalLoadVideo.execute("clip.mov", size="384").args[0]
    with pytest.raises(InputError, match="frame_rate"):
        FrugalFitLength.execute(video, WAN, -1.0)
    with pytest.raises(InputError, match="rule"):
        FrugalFitLength.execute(video, "5n", 12.0)
    _, _, way_back = FrugalFitLength.execute(video, WAN, 12.0).args
    with pytest.raises(InputError, match=r"found 17 frames.*21.*20"):
        FrugalRestoreLength.execute(torch.rand(17, 8, 8, 3), way_back)


def test_a_motion_of_the_fitted_clip_leads_the_frames_between(rife: Any) -> None:
    size = {"size": "custom", "width": 64, "height": 64, "fit": "stretch"}
    video = FrugalLoadVideo.execute("clip.mov", **size).args[0]
    fitted, length, way_back = FrugalFitLength.execute(video, "8n + 1: LTX", 8.0).args  # 5/3 s are 13.3 frames
    assert (way_back.frames, length) == (13, 17)
    keypoints = np.random.default_rng(0).uniform(0.2, 0.8, (length, 1, 18, 3)).astype(np.float32)
    motion = Motion(keypoints, fitted.get_frame_rate(), *fitted.get_dimensions())
    restored, _ = FrugalRestoreLength.execute(fitted, way_back).args
    made = FrugalInterpolate.execute(restored, rife, 25.0, motion=motion, way="motion").args[0]
    assert made.get_frame_count() == sum(map(len, made.stream.chunks())) == 42
    assert made.stream.info.duration == Fraction(5, 3)
    with pytest.raises(InputError, match="motion: found 12 frames"):
        FrugalInterpolate.execute(restored, rife, 25.0, motion=motion.with_keypoints(keypoints[:12]))
    other = StreamVideo(ArrayStream(np.zeros((13, 64, 64, 3), np.uint8), Fraction(8)))
    with pytest.raises(InputError, match="motion: found 17 frames"):
        FrugalInterpolate.execute(other, rife, 25.0, motion=motion)


@pytest.mark.parametrize("rate", [23.976, 29.97, 14.985, 12.0])
def test_what_create_video_makes_at_the_rate_comes_back(rate: float) -> None:
    """It makes a fraction of the float: 23.976 frames/s are not 24000/1001 there."""
    fitted, _, way_back = FrugalFitLength.execute(FrugalLoadVideo.execute("clip.mov").args[0], WAN, rate).args
    made = CreateVideo.execute(as_if_from_the_model(fitted), rate).args[0]
    restored = FrugalRestoreLength.execute(made, way_back).args[0]
    assert restored.get_frame_count() == way_back.frames
    assert restored.get_frame_rate() == way_back.frame_rate


def test_nothing_is_refused_by_name() -> None:
    """As of a switch whose branch has no wire."""
    _, _, way_back = FrugalFitLength.execute(FrugalLoadVideo.execute("clip.mov").args[0], WAN).args
    with pytest.raises(InputError, match="video: found nothing"):
        FrugalFitLength.execute(None, WAN)
    with pytest.raises(InputError, match="frames: found nothing"):
        FrugalRestoreLength.execute(None, way_back)
