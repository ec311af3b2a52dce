"""Load Interpolation Model and Interpolate Frames through the nodes, with the real weights."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import folder_paths
import numpy as np
import pytest
import torch
from comfy_execution.utils import CurrentNodeContext
from safetensors.torch import save_file

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.frugal_node import run_costs
from frugal_motion.nodes.host.models import compute_device, convolution_dtype, load
from frugal_motion.nodes.host.video import StreamVideo, uncharged
from frugal_motion.nodes.interpolation.guided.guide_way import at_own_rate
from frugal_motion.nodes.interpolation.guided_stream import GuidedStream
from frugal_motion.nodes.interpolation.node import FrugalInterpolate, FrugalLoadInterpolator
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.node import FrugalPlanKeyframes
from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.nodes.video.decode_settings import DecodeSettings
from frugal_motion.nodes.video.stream import ArrayStream, Waveform

from .moving_picture import MovingPicture
from .scene import SIZE, Scene

NAME = "rife_v4.26.safetensors"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, assets: Path) -> Path:
    """ComfyUI's frame_interpolation folder: an empty one, then the real one."""
    paths = ([str(tmp_path), str(assets / "models" / "frame_interpolation")], {".pkl", ".safetensors"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "frame_interpolation", paths)
    folder_paths.filename_list_cache.pop("frame_interpolation", None)
    return tmp_path


@pytest.fixture
def patcher(folder: Path) -> Any:
    return FrugalLoadInterpolator.execute(NAME).args[0]


def slide(count: int) -> np.ndarray:
    """A soft bright square that moves 6 pixels right per frame, ``(count, 70, 90, 3)``."""
    x = np.arange(90)[None, None, :] - 6 * np.arange(count)[:, None, None]
    y = np.arange(70)[None, :, None]
    square = np.clip(12 - np.abs(x - 20), 0, 4) / 4 * np.clip(14 - np.abs(y - 35), 0, 4) / 4
    return np.broadcast_to((30 + 200 * square)[..., None], (count, 70, 90, 3)).astype(np.uint8)


def centre(frame: np.ndarray) -> float:
    weight = frame[..., 0].astype(float).sum(0) - 30 * frame.shape[0]
    return float((weight * np.arange(len(weight))).sum() / weight.sum())


def read(video: StreamVideo) -> np.ndarray:
    return np.concatenate(list(video.stream.chunks()))


def test_the_loader_gives_what_either_interpolate_node_takes(patcher: Any) -> None:
    device = compute_device()
    assert patcher.model_dtype() == convolution_dtype(device)
    assert patcher.load_device == device
    load(patcher)
    net = patcher.model
    assert net.pad_align == 64
    assert net.memory_used_forward((1, 64, 64, 3), torch.float16) > 0
    image = torch.rand(1, 3, 64, 64).to(device)
    cache = {"img0": net.extract_features(image), "img1": net.extract_features(image)}
    assert net(image, image, timestep=torch.full_like(image[:, :1], 0.5), cache=cache).shape == image.shape


def test_a_missing_file_names_the_folder_and_the_link(folder: Path) -> None:
    with pytest.raises(InputError, match=r"model_name.*frame_interpolation") as error:
        FrugalLoadInterpolator.execute("rife_v9.safetensors")
    assert NAME in str(error.value)


def test_a_file_of_another_layout_is_refused(folder: Path) -> None:
    save_file({"some.weight": torch.zeros(1)}, folder / "other.safetensors")
    with pytest.raises(InputError, match=r"model_name.*other\.safetensors"):
        FrugalLoadInterpolator.execute("other.safetensors")


def test_keyframes_become_a_video_at_the_exact_rate(patcher: Any) -> None:
    frames = slide(9)[::2]
    plan = Keyframes((0, 2, 4, 6, 8), 9, Fraction(12))
    image = torch.from_numpy(frames).float() / 255
    (video,) = FrugalInterpolate.execute(image, patcher, 25.0, plan).args
    made = read(video)
    assert video.get_frame_rate() == 25 and len(made) == round(9 / 12 * 25)
    assert np.array_equal(made[0], frames[0])
    for j, frame in enumerate(made):
        expected = 20 + 6 * min(j / 25 * 12, 8)
        assert abs(centre(frame) - expected) < 1.5, j


def test_a_dense_image_ignores_the_plans_gaps_but_not_its_cuts(patcher: Any) -> None:
    frames = slide(6)
    plan = Keyframes((0, 2, 3, 5), 6, Fraction(12), (3,))
    (video,) = FrugalInterpolate.execute(torch.from_numpy(frames).float() / 255, patcher, 24.0, plan).args
    made = read(video)
    assert np.array_equal(made[::2], frames)
    assert np.array_equal(made[5], frames[2])


@pytest.mark.parametrize("rate", [5.0, 25.0])
@pytest.mark.parametrize("count", [1, 2])
def test_one_and_two_frames(patcher: Any, count: int, rate: float) -> None:
    clip = StreamVideo(ArrayStream(slide(count), Fraction(12)))
    plan, kept = FrugalPlanKeyframes.execute(1, video=clip).args
    (video,) = FrugalInterpolate.execute(clip, patcher, rate, plan).args
    made = read(video)
    assert kept == count and len(made) == max(round(count / 12 * rate), 1)
    assert np.array_equal(made[0], slide(count)[0])


def test_a_video_keeps_its_own_sound_or_takes_anothers(patcher: Any) -> None:
    own, other = (Waveform(np.full((1, n), n, np.float32), 8000) for n in (8000, 16000))
    clip, voice = (StreamVideo(ArrayStream(slide(3), Fraction(6), sound)) for sound in (own, other))
    for audio_from, value in ((None, 8000), (voice, 16000)):
        (video,) = FrugalInterpolate.execute(clip, patcher, 29.97, audio_from=audio_from).args
        assert video.get_frame_rate() == Fraction(30000, 1001)
        assert video.stream.audio.samples.shape[1] == round(video.stream.info.duration * 8000)
        assert (video.stream.audio.samples == value).all()


def test_wrong_inputs_say_what_is_allowed(patcher: Any) -> None:
    image = torch.rand(3, 8, 8, 3)
    with pytest.raises(InputError, match="keyframes: found nothing"):
        FrugalInterpolate.execute(image, patcher, 25.0)
    with pytest.raises(InputError, match=r"frames: found 3 frames; allowed: 2 .* or 9"):
        FrugalInterpolate.execute(image, patcher, 25.0, Keyframes((0, 8), 9, Fraction(12)))
    for rate in (0.0, -25.0, float("nan"), 1e9):
        with pytest.raises(InputError, match="frame_rate"):
            FrugalInterpolate.execute(image, patcher, rate, Keyframes.all_frames(3, Fraction(12)))


def test_figures_follow_a_motion_at_either_size(patcher: Any) -> None:
    scene = Scene(frames=5)
    frames = torch.from_numpy(scene.keys / np.float32(255))
    given = {"frames": frames, "interp_model": patcher, "frame_rate": 25.0, "keyframes": scene.plan}
    stream = uncharged(FrugalInterpolate.execute(**given, motion=scene.motion).args[0].stream)[0]
    assert isinstance(stream, GuidedStream)
    larger = np.stack([cv2.resize(picture, None, fx=2, fy=2) for picture in scene.keys])
    large = np.concatenate(list(stream.over(ArrayStream(larger, scene.plan.frame_rate)).chunks()))
    small = np.concatenate(list(stream.chunks()))
    back = np.stack([cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA) for frame in large])
    assert np.abs(back.astype(int) - small).mean() < 2


def test_the_seconds_of_the_net_are_told_from_those_of_the_cpu(patcher: Any) -> None:
    scene = Scene(frames=5)
    frames = torch.from_numpy(scene.keys / np.float32(255))
    given = {"frames": frames, "interp_model": patcher, "frame_rate": 25.0, "keyframes": scene.plan}
    for more, has_both in (({}, False), ({"motion": scene.motion}, True)):
        with CurrentNodeContext(f"run of {len(more)}", "5"):
            read(FrugalInterpolate.execute(**given, **more).args[0])
            (cost,) = run_costs().values()
        assert (cost.net_seconds > 0) == has_both and cost.net_seconds < cost.seconds
        assert (cost.seconds_beside_net > 0) == has_both


def test_the_net_alone_is_as_without_a_motion(patcher: Any) -> None:
    scene = Scene(frames=5)
    frames = torch.from_numpy(scene.keys / np.float32(255))
    given = {"frames": frames, "interp_model": patcher, "frame_rate": 25.0, "keyframes": scene.plan}
    alone = FrugalInterpolate.execute(**given, motion=scene.motion, way="net alone").args[0]
    assert (read(alone) == read(FrugalInterpolate.execute(**given).args[0])).all()
    with pytest.raises(InputError, match="way: found 'other'; allowed: best, motion, guide, net alone"):
        FrugalInterpolate.execute(**given, motion=scene.motion, way="other")
    for way in ("motion", "guide"):
        with pytest.raises(InputError, match=f"{way}: found nothing"):
            FrugalInterpolate.execute(**given, way=way)


def test_frames_follow_a_guide(patcher: Any) -> None:
    scene = MovingPicture(frames=9)
    given = {"frames": torch.from_numpy(scene.keys / np.float32(255)), "interp_model": patcher, "frame_rate": 25.0}
    video = FrugalInterpolate.execute(**given, keyframes=scene.plan, guide=StreamVideo(scene.guide())).args[0]
    plain = FrugalInterpolate.execute(**given, keyframes=scene.plan).args[0]
    truth = scene.truth()
    errors = [
        np.mean([(one[number] - truth[number].astype(float)) ** 2 for number in truth])
        for one in map(read, (video, plain))
    ]
    assert errors[0] < errors[1] / 2
    wrong = StreamVideo(scene.guide(size=(96, 120)))
    with pytest.raises(InputError, match="guide: found 96 x 120 pixels"):
        FrugalInterpolate.execute(**given, keyframes=scene.plan, guide=wrong)


def test_a_guide_has_all_frames_of_its_file(assets: Path) -> None:
    settings = DecodeSettings(duration=Fraction(1, 2), frame_rate=Fraction(12), size=(72, 128), fit="cover")
    clip = FileStream(assets / "input" / "one_person.mp4", settings)
    whole = at_own_rate(clip)
    assert (whole.info.frame_rate, whole.info.frame_count) == (60, 30)
    assert np.array_equal(whole.frames_at(range(0, 30, 5)), clip.frames_at(range(6)))
    assert at_own_rate(whole) is whole
