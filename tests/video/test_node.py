from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import comfyui_version
import folder_paths
import numpy as np
import pytest
import torch
from comfy.cli_args import args
from comfy_api.latest import InputImpl, Types
from comfy_extras.nodes_video import GetVideoComponents, SaveVideo
from PIL import Image

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.video import StreamVideo, as_stream
from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.nodes.video.node import FrugalLoadClips, FrugalLoadVideo, FrugalSameClip, FrugalSaveVideo

from .conftest import clicks, solids, write_clip


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("input", "output", "temp"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))
    write_clip(tmp_path / "input" / "clip.mp4", solids(60, 320, 180), sound=clicks(2, [1.0]))
    yield tmp_path


def load(**values: Any) -> tuple[StreamVideo, float, int]:
    return FrugalLoadVideo.execute(**{"file": "clip.mp4", **values}).args


def with_hidden(node: Any, **hidden: Any) -> Any:
    node = node.PREPARE_CLASS_CLONE(None)
    node.hidden = SimpleNamespace(unique_id="1", **hidden)
    return node


def test_load() -> None:
    video, fps, frames = load(size="384")
    assert (fps, frames) == (12.0, 24)
    assert video.get_dimensions() == (384, 216)
    assert sum(map(len, video.stream.chunks())) == 24
    _, fps, frames = load(frame_rate=0.0, start=0.5, duration=1.0)
    assert (fps, frames) == (30.0, 30)
    assert load(frame_rate=29.97)[0].get_frame_rate() == Fraction(30000, 1001)
    assert load(size="source")[0].get_dimensions() == (320, 184)
    assert load(size="custom", width=256, height=256, fit="cover")[0].get_dimensions() == (256, 256)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("file", {"file": "../secret.mp4"}),
        ("file", {"file": "none.mp4"}),
        ("start", {"start": 2.5}),
        ("start", {"start": -1.0}),
        ("duration", {"duration": -1.0}),
        ("frame_rate", {"frame_rate": -1.0}),
        ("size", {"size": "bogus"}),
        ("fit", {"size": "custom", "fit": "bogus"}),
    ],
)
def test_load_refuses(name: str, values: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        load(**values)
    assert caught.value.name == name


def test_what_is_wrong_with_a_file_is_told(folders: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = folders / "input" / "clip.mp4"
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[middle : middle + 400] = bytes(400)
    path.write_bytes(data)
    video, _, frames = load(frame_rate=0.0)
    assert sum(map(len, video.stream.chunks())) == frames == 60
    assert re.search(r"clip\.mp4: \d+ frames (are damaged|may show)", caplog.text)


def test_upload_after_the_page_was_loaded(folders: Path) -> None:
    assert "clip.mp4" in FrugalLoadVideo.define_schema().inputs[0].options
    assert "no file 'new.mp4'" in str(FrugalLoadVideo.validate_inputs("new.mp4"))
    shutil.copy(folders / "input" / "clip.mp4", folders / "input" / "new.mp4")
    assert FrugalLoadVideo.validate_inputs("new.mp4") is True


def test_fingerprint_follows_the_content(folders: Path) -> None:
    before = FrugalLoadVideo.fingerprint_inputs(file="clip.mp4", start=0.0)
    assert before == FrugalLoadVideo.fingerprint_inputs(file="clip.mp4", start=1.0)
    write_clip(folders / "input" / "clip.mp4", solids(10))
    assert FrugalLoadVideo.fingerprint_inputs(file="clip.mp4") != before


def clips(files: str, **values: Any) -> tuple[list[StreamVideo], list[str]]:
    return FrugalLoadClips.execute(files=files, **values).args


@pytest.fixture
def library(folders: Path) -> Path:
    """``clip.mp4``, ``dance/a.mp4``, ``dance/b.mp4``, and a text that calls itself a video."""
    (folders / "input" / "dance").mkdir()
    for name in ("a", "b"):
        shutil.copy(folders / "input" / "clip.mp4", folders / "input" / "dance" / f"{name}.mp4")
    (folders / "input" / "dance" / "notes.txt").write_text("no video")
    (folders / "input" / "broken.mp4").write_text("no video either")
    return folders / "input"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ("clip.mp4", ["clip"]),
        ("dance/b.mp4\nclip.mp4", ["b", "clip"]),
        (" dance \n\nclip.mp4\ndance/a.mp4", ["a", "b", "clip"]),
        ("dance/*.mp4", ["a", "b"]),
        ("**/?.mp4", ["a", "b"]),
    ],
)
def test_load_clips(library: Path, files: str, names: list[str]) -> None:
    videos, found = clips(files, size="384", duration=1.0)
    assert found == names
    assert {video.get_dimensions() for video in videos} == {(384, 216)}
    assert {video.get_frame_count() for video in videos} == {12}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("", "no names"),
        ("../secret.mp4", "'../secret.mp4'"),
        ("/etc/*", "'/etc/"),
        ("none.mp4", "no file 'none.mp4'"),
        ("*.mov", "no video for '.*mov'"),
        ("dance/../../*", "'dance/"),
        ("clip.mp4\nbroken.mp4", "which FFmpeg cannot read"),
    ],
)
def test_load_clips_refuses(library: Path, files: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        clips(files)


def test_links_out_of_the_folder_are_followed_as_core_does(library: Path, tmp_path: Path) -> None:
    outside = write_clip(tmp_path / "outside.mp4", solids(5))
    (library / "dance" / "c.mp4").symlink_to(outside)
    assert clips("dance")[1] == ["a", "b", "c"]
    is_newer = tuple(map(int, comfyui_version.__version__.split(".")[:2])) >= (0, 33)  # which refuses links
    assert folder_paths.exists_annotated_filepath("dance/c.mp4") or is_newer


def test_a_pattern_is_what_it_means_now(library: Path) -> None:
    before = FrugalLoadClips.fingerprint_inputs(files="dance")
    assert FrugalLoadClips.resolved_inputs({"files": "dance"}) == {"files": ["dance/a.mp4", "dance/b.mp4"]}
    shutil.copy(library / "clip.mp4", library / "dance" / "c.mp4")
    assert FrugalLoadClips.fingerprint_inputs(files="dance") != before


def test_save(folders: Path) -> None:
    node = with_hidden(FrugalSaveVideo, prompt={"1": {"class_type": "X"}}, extra_pnginfo={"workflow": {"nodes": []}})
    output = node.execute(load()[0])
    saved, file = output.args
    assert Path(file) == folders / "output" / "video" / "frugal-motion_00001_.mp4"
    with av.open(file) as container:
        assert json.loads(container.metadata["prompt"]) == {"1": {"class_type": "X"}}
        assert json.loads(container.metadata["workflow"]) == {"nodes": []}
        assert container.streams.video[0].average_rate == 12
        assert container.streams.audio
    assert saved.get_frame_count() == 24
    preview = output.ui.as_dict()["images"][0]
    assert (preview["filename"], preview["subfolder"], preview["type"]) == (Path(file).name, "video", "output")
    assert Path(node.execute(load()[0], codec="prores").args[1]).suffix == ".mov"


@pytest.mark.parametrize(
    ("codec", "name"),
    [("h264", "64x48_00001_.mp4"), ("lossless", "63x47_00001_.mp4"), ("png sequence", "63x47_00001_")],
)
def test_the_size_in_a_name_is_that_of_the_saved_video(folders: Path, codec: str, name: str) -> None:
    odd = InputImpl.VideoFromComponents(
        Types.VideoComponents(images=torch.rand(3, 47, 63, 3), audio=None, frame_rate=Fraction(12))
    )
    node = with_hidden(FrugalSaveVideo, prompt=None, extra_pnginfo=None)
    output = node.execute(odd, filename_prefix="%width%/%width%x%height%", codec=codec)
    saved = folders / "output" / name[:2] / name
    assert output.args[1] == str(saved)
    (shown,) = output.ui.as_dict()["images"]
    assert folders / "output" / shown["subfolder"] / shown["filename"] in (saved, saved / "000001.png")
    assert shown.get("frugal_count") == (3 if codec == "png sequence" else None)


def test_save_without_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(args, "disable_metadata", True)
    _, file = with_hidden(FrugalSaveVideo, prompt={"1": {}}, extra_pnginfo=None).execute(load()[0]).args
    with av.open(file) as container:
        assert "prompt" not in container.metadata


def test_save_with_other_sound_and_core_video() -> None:
    node = with_hidden(FrugalSaveVideo, prompt=None, extra_pnginfo=None)
    sound = {"waveform": torch.from_numpy(clicks(2, [0.25]))[None, None], "sample_rate": 48000}
    core = InputImpl.VideoFromComponents(
        Types.VideoComponents(images=torch.rand(10, 64, 64, 3), audio=None, frame_rate=Fraction(29.97))
    )
    saved, _ = node.execute(core, audio=sound).args
    waveform = saved.get_components().audio["waveform"][0, 0]
    assert abs(int((waveform.abs() > 0.2).nonzero()[0]) / 48000 - 0.25) < 1024 / 48000
    assert saved.get_frame_rate() == Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("name", "values"), [("codec", {"codec": "bogus"}), ("filename_prefix", {"filename_prefix": "../../x"})]
)
def test_save_refuses(name: str, values: dict[str, Any]) -> None:
    node = with_hidden(FrugalSaveVideo, prompt=None, extra_pnginfo=None)
    with pytest.raises(InputError) as caught:
        node.execute(load()[0], **values)
    assert caught.value.name == name


IS_NEWER = "mkv" in Types.VideoContainer.as_input()  # ComfyUI 0.33, whose Save Video takes inputs of inputs


def save_as(container: str, codec: str, **encoding: Any) -> tuple[Any, ...]:
    """The last arguments of the installed core's Save Video."""
    if not IS_NEWER:
        return container, codec
    return ({"format": container, "codec": {"codec": codec, "encoding": encoding or None}},)


def test_core_nodes_take_our_video(folders: Path) -> None:
    video, _, _ = load(size="source")
    images, audio, fps, *_ = GetVideoComponents.execute(video).args
    assert images.shape == (24, 184, 320, 3)
    assert images.dtype == torch.float32 and 0 <= images.min() and images.max() <= 1
    assert fps == 12.0
    assert abs(int((audio["waveform"][0, 0].abs() > 0.2).nonzero()[0]) / audio["sample_rate"] - 1) < 1024 / 48000
    with_hidden(SaveVideo, prompt={"1": {}}, extra_pnginfo=None).execute(video, "core", *save_as("auto", "auto"))
    with av.open(str(folders / "output" / "core_00001_.mp4")) as container:
        assert container.streams.video[0].frames == 24
        assert container.metadata["prompt"] == '{"1": {}}'


@pytest.mark.parametrize("container", Types.VideoContainer.as_input())
@pytest.mark.parametrize("codec", Types.VideoCodec.as_input())
@pytest.mark.parametrize("encoding", [{}, {"crf": 20.0, "color_space": "sRGB"}] if IS_NEWER else [{}])
def test_all_that_core_s_save_video_offers(folders: Path, container: str, codec: str, encoding: dict[str, Any]) -> None:
    """The file is what the user has chosen, by its content and not its name."""
    if (container, codec) == ("webm", "h264"):
        pytest.skip("is not offered")
    video, _, _ = load(size="source")
    node = with_hidden(SaveVideo, prompt={"1": {}}, extra_pnginfo=None)
    node.execute(video, "core", *save_as(container, codec, **encoding))
    (path,) = (folders / "output").iterdir()
    wanted = {"auto": "av1" if container == "webm" else "h264"}.get(codec, codec)
    with av.open(str(path)) as file:
        stream, sound = file.streams.video[0], file.streams.audio[0]
        assert (stream.codec.canonical_name, stream.pix_fmt, len(list(file.decode(stream)))) == (wanted, "yuv420p", 24)
        assert sound.codec.canonical_name == ("opus" if container == "webm" else "aac")
        assert stream.color_trc == (13 if encoding else 1) and stream.colorspace == 1
    head = path.read_bytes()[:64]
    assert {"mkv": b"matroska", "webm": b"webm"}.get(container, b"ftyp") in head


@pytest.mark.skipif(not IS_NEWER, reason="this ComfyUI has no HDR")
@pytest.mark.parametrize("colours", ["HDR", "HDR PQ"])
def test_hdr_is_refused(folders: Path, colours: str) -> None:
    """Core writes pixels as they are under another name, which would show ours wrongly."""
    node = with_hidden(SaveVideo, prompt={"1": {}}, extra_pnginfo=None)
    with pytest.raises(InputError, match="color_space"):
        node.execute(load(size="source")[0], "core", *save_as("mp4", "h264", crf=20.0, color_space=colours))
    assert list((folders / "output").iterdir()) == []


def test_our_nodes_take_core_video(folders: Path) -> None:
    stream = as_stream(InputImpl.VideoFromFile(str(folders / "input" / "clip.mp4")))
    assert isinstance(stream, FileStream)
    assert stream.info.frame_count == 60


def test_as_trimmed() -> None:
    video, _, _ = load(frame_rate=0.0, size="source")
    part = video.as_trimmed(0.5, 1.0)
    assert part is not None
    assert part.get_frame_count() == 30
    whole = np.concatenate(list(video.stream.chunks()))
    assert np.array_equal(np.concatenate(list(part.stream.chunks())), whole[15:45])
    sound = part.get_components().audio["waveform"][0, 0]
    assert abs(int((sound.abs() > 0.2).nonzero()[0]) / 48000 - 0.5) < 1024 / 48000
    assert video.as_trimmed(1.5, 1.0, strict_duration=True) is None
    assert video.as_trimmed(1.5, 1.0).get_frame_count() == 15  # type: ignore[union-attr]


def test_a_trim_may_count_from_the_end() -> None:
    video, _, _ = load(frame_rate=0.0, size="source")
    shades = [int(frame[0, 0, 0]) for chunk in video.stream.chunks() for frame in chunk]
    for start, duration, kept in [(-0.5, 0, slice(45, 60)), (-1.0, 0.5, slice(30, 45)), (-9.0, 0, slice(0, 60))]:
        part = video.as_trimmed(start, duration)
        assert part is not None
        assert [int(frame[0, 0, 0]) for chunk in part.stream.chunks() for frame in chunk] == shades[kept]


def test_every_socket_has_a_tooltip() -> None:
    for node in (FrugalLoadVideo, FrugalSaveVideo):
        schema = node.define_schema()
        assert all(socket.tooltip for socket in [*schema.inputs, *schema.outputs])


def test_the_same_clip_at_another_rate_and_size() -> None:
    """As Load Video opens it, whose file, start and duration it takes."""
    small, cut = load(size="384", start=0.5, duration=1.0)[0], {"start": 0.5, "duration": 1.0}
    for settings in ({"frame_rate": 25.0, "size": "source"}, {"frame_rate": 0.0, "size": "768"}):
        found, wanted = FrugalSameClip.execute(small, **settings).args[0], load(**cut, **settings)[0]
        assert found.stream.info == wanted.stream.info
        pairs = zip(found.stream.chunks(), wanted.stream.chunks(), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs)


def test_the_same_clip_of_a_core_loader(folders: Path) -> None:
    loaded = InputImpl.VideoFromFile(str(folders / "input" / "clip.mp4"))
    found = FrugalSameClip.execute(loaded, frame_rate=6.0, size="source").args[0]
    assert (found.get_frame_count(), found.get_dimensions()) == (12, (320, 184))


def test_pictures_keep_the_time_that_they_were_loaded_with(folders: Path) -> None:
    (folders / "input" / "pictures").mkdir()
    for number in range(6):
        Image.new("RGB", (64, 32), (number, 0, 0)).save(folders / "input" / "pictures" / f"{number}.png")
    video = load(file="pictures", frame_rate=12.0)[0]
    assert FrugalSameClip.execute(video, frame_rate=25.0).args[0].get_duration() == video.get_duration() == 0.5


def test_frames_of_another_node_are_no_clip() -> None:
    trimmed = load()[0].as_trimmed(0, 1)
    with pytest.raises(InputError, match="video: found frames that another node has made; allowed: a clip straight"):
        FrugalSameClip.execute(trimmed)
