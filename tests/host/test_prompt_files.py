"""Which files a prompt needs elsewhere, against another input folder that gets those and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import folder_paths
import pytest
from comfy_extras import nodes_audio, nodes_video
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from frugal_motion.nodes.caching.digests import digest
from frugal_motion.nodes.caching.signature import Signer
from frugal_motion.nodes.host.folders import input_clip
from frugal_motion.nodes.host.prompt import declared, meaning
from frugal_motion.nodes.host.prompt_files import input_files_of
from nodes import NODE_CLASS_MAPPINGS, LoadImage  # type: ignore[attr-defined]

CLIPS = ("dance.mp4", "set/a.mp4", "set/b.mov", "set/deep/c.webm", "other.mp4", "odd [1].mp4")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: list[Any]) -> Path:
    """ComfyUI's folders with files in them, each of which holds its own path."""
    for name in ("input", "output", "temp"):
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))
    names = [f"input/{name}" for name in CLIPS]
    names += ["input/walk.safetensors", "input/song.flac", "input/face.png", "input/note", "input/frames/notes.txt"]
    names += ["output/video/made.mp4", "output/motion/made.json", "output/a.png", "temp/mask.png", "outside.mp4"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    for folder in ("input/frames", "output/frames"):
        (tmp_path / folder).mkdir(exist_ok=True)
        for number in range(3):
            Image.new("RGB", (8, 8), (number, len(folder), 0)).save(tmp_path / folder / f"{number}.png")
    for other in (nodes_video.LoadVideo, nodes_audio.LoadAudio):
        monkeypatch.setitem(NODE_CLASS_MAPPINGS, other.__name__, other)
    return tmp_path


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def signed(prompt: dict[str, Any]) -> dict[str, str]:
    """What the cache calls what each node gives."""
    signer = Signer(lambda node_id: declared(prompt[node_id]), lambda text: meaning(text, content))
    return {node_id: signer.sign([node_id, 0]) for node_id in prompt}


def content(path: Path) -> str:
    """Of pictures alone: the notes beside them are not sent."""
    if path.is_dir():
        return json.dumps([digest(picture) for picture in sorted(path.glob("*.png"))])
    return digest(path)


Elsewhere = Callable[[dict[str, Path]], Path]


@pytest.fixture
def elsewhere(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """Puts files, and nothing else, into the input folder of a ComfyUI that has no other files."""

    def bring(files: dict[str, Path]) -> Path:
        for name in ("input", "output", "temp"):
            monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / "elsewhere" / name))
        for name, path in files.items():
            target = tmp_path / "elsewhere" / "input" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        return tmp_path / "elsewhere" / "input"

    return bring


@pytest.mark.parametrize(
    ("loader", "text", "there", "brought"),
    [
        ("FrugalLoadVideo.file", "dance.mp4", "dance.mp4", ["dance.mp4"]),
        ("FrugalLoadVideo.file", "dance.mp4 [input]", "dance.mp4", ["dance.mp4"]),
        ("FrugalLoadVideo.file", "set\\a.mp4", "set/a.mp4", ["set/a.mp4"]),
        ("FrugalLoadVideo.file", "set/../dance.mp4", "dance.mp4", ["dance.mp4"]),
        ("FrugalLoadVideo.file", "frames/", "frames/", ["frames/0.png", "frames/1.png", "frames/2.png"]),
        ("FrugalLoadVideo.file", "frames", "frames", ["frames/0.png", "frames/1.png", "frames/2.png"]),
        (
            "FrugalLoadVideo.file",
            "video/made.mp4 [output]",
            "frugal-motion/output/video/made.mp4",
            ["frugal-motion/output/video/made.mp4"],
        ),
        (
            "FrugalLoadVideo.file",
            "frames [output]",
            "frugal-motion/output/frames",
            [f"frugal-motion/output/frames/{number}.png" for number in range(3)],
        ),
        ("FrugalLoadClips.files", "dance.mp4\n\n other.mp4 ", "dance.mp4\nother.mp4", ["dance.mp4", "other.mp4"]),
        ("FrugalLoadClips.files", "set", "set/a.mp4\nset/b.mov", ["set/a.mp4", "set/b.mov"]),
        (
            "FrugalLoadClips.files",
            "set/**/*\nframes",
            "set/a.mp4\nset/b.mov\nset/deep/c.webm\nframes",
            ["frames/0.png", "frames/1.png", "frames/2.png", "set/a.mp4", "set/b.mov", "set/deep/c.webm"],
        ),
        ("FrugalLoadClips.files", "f*/", "frames", ["frames/0.png", "frames/1.png", "frames/2.png"]),
        ("FrugalLoadClips.files", "odd [1].mp4", "odd [1].mp4", ["odd [1].mp4"]),
        (
            "FrugalLoadClips.files",
            "video/made.mp4 [output]\ndance.mp4",
            "frugal-motion/output/video/made.mp4\ndance.mp4",
            ["dance.mp4", "frugal-motion/output/video/made.mp4"],
        ),
        ("FrugalLoadMotion.file", "walk.safetensors", "walk.safetensors", ["walk.safetensors"]),
        (
            "FrugalLoadMotion.file",
            "motion/made.json [output]",
            "frugal-motion/output/motion/made.json",
            ["frugal-motion/output/motion/made.json"],
        ),
        ("LoadImage.image", "face.png", "face.png", ["face.png"]),
        ("LoadImage.image", "mask.png [temp]", "frugal-motion/temp/mask.png", ["frugal-motion/temp/mask.png"]),
        (
            "LoadImageOutput.image",
            "a.png [output]",
            "frugal-motion/output/a.png",
            ["frugal-motion/output/a.png"],
        ),
        ("LoadVideo.file", "set/a.mp4", "set/a.mp4", ["set/a.mp4"]),
        ("LoadAudio.audio", "song.flac", "song.flac", ["song.flac"]),
    ],
)
def test_another_comfyui_finds_the_same(
    loader: str, text: str, there: str, brought: list[str], folders: Path, elsewhere: Elsewhere
) -> None:
    class_type, _, key = loader.partition(".")
    prompt = {"1": node(class_type, **{key: text}), "2": node("FrugalSaveVideo", video=["1", 0])}
    before, keys = json.dumps(prompt), signed(prompt)
    changed, files = input_files_of(prompt)
    assert json.dumps(prompt) == before
    assert changed == {**prompt, "1": node(class_type, **{key: there})}
    assert sorted(files) == brought
    assert all(path.is_relative_to(folders) and path.is_file() for path in files.values())
    elsewhere(files)
    assert signed(changed) == keys  # of names and patterns as they are, and the contents that they have


def test_no_node_that_reads_files_is_forgotten(pack: list[Any]) -> None:
    """One that is new belongs into the table above: those look whether their files have changed."""
    looking = {node_class.__name__ for node_class in pack if "fingerprint_inputs" in vars(node_class)}
    at_no_files = {"FrugalCompare", "FrugalCostEstimate", "FrugalCostReport", "FrugalPrewarm"}
    assert looking - at_no_files == {"FrugalLoadVideo", "FrugalLoadClips", "FrugalLoadMotion"}


def test_core_still_finds_what_is_named_anew(folders: Path, elsewhere: Elsewhere) -> None:
    changed, files = input_files_of({"1": node("LoadImage", image="mask.png [temp]")})
    elsewhere(files)
    assert LoadImage.VALIDATE_INPUTS(changed["1"]["inputs"]["image"]) is True


def test_lines_that_another_node_holds_are_found(folders: Path, elsewhere: Elsewhere) -> None:
    prompt = {
        "1": node("PrimitiveStringMultiline", value="set/*\nframes [output]"),
        "2": node("FrugalLoadClips", files=["1", 0]),
        "3": node("PrimitiveString", value="dance.mp4"),
        "4": node("FrugalLoadVideo", file=["3", 0]),
    }
    changed, files = input_files_of(prompt)
    assert changed["1"] == prompt["1"]
    lines = changed["2"]["inputs"]["files"].splitlines()
    assert lines == ["set/a.mp4", "set/b.mov", "frugal-motion/output/frames"]
    assert changed["4"] == prompt["4"] and "dance.mp4" in files
    elsewhere(files)
    assert all(input_clip(line) for line in lines)


def test_names_inside_of_lists_and_objects_count(folders: Path) -> None:
    value = {"image": "mask.png [temp]", "pictures": {"__value__": ["face.png", "no.png"]}, "wire": ["1", 0]}
    changed, files = input_files_of({"1": node("Load3D", image=value)})
    assert changed["1"]["inputs"]["image"] == {**value, "image": "frugal-motion/temp/mask.png"}
    assert sorted(files) == ["face.png", "frugal-motion/temp/mask.png"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "*",
        "set/..",
        "../outside.mp4",
        "../outside.mp4 [output]",
        "{}/outside.mp4",
        "/etc/passwd",
        "a dancer, best quality",
        "*\nframes",
        "set",
        "x" * 300,
        "face.png\0",
        "face" * 10_000,
    ],
)
def test_other_texts_name_nothing(text: str, folders: Path) -> None:
    prompt = {"1": node("CLIPTextEncode", text=text.format(folders) if "{}" in text else text)}
    assert input_files_of(prompt) == (prompt, {})


def test_lines_that_mean_nothing_are_left_to_the_node(folders: Path) -> None:
    prompt = {"1": node("FrugalLoadClips", files="no such.mp4"), "2": node("NotInstalled", files="*")}
    assert input_files_of(prompt) == (prompt, {})


TEXTS = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(
            ["..", ".", "/", "\\", "set", "frames", "*", "dance.mp4", "outside.mp4", " [output]", " [temp]"]
        )
    ).map("".join),
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("comfyui")
    for name in ("input/set/dance.mp4", "input/dance.mp4", "output/set/dance.mp4", "temp/dance.mp4", "outside.mp4"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(name)
    return base


@given(texts=st.lists(TEXTS, max_size=3))
def test_nothing_outside_is_ever_brought(texts: list[str], places: Path) -> None:
    prompt = {"1": node("FrugalLoadClips", files="\n".join(texts)), "2": node("Any", a=texts[:1], b="".join(texts))}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("input", "output", "temp"):
            patch.setattr(folder_paths, f"{name}_directory", str(places / name))
        changed, files = input_files_of(prompt)
    assert changed.keys() == prompt.keys()
    for name, path in files.items():
        assert path.relative_to(places).parts[0] in ("input", "output", "temp")
        assert ".." not in path.parts and ".." not in name.split("/") and not name.startswith("/")
