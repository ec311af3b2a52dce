"""What makes another entry and what does not, on a real ComfyUI server: one thing at a time."""

from __future__ import annotations

import json
import shutil
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import save_file

from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.encode import LOSSLESS, save
from frugal_motion.nodes.video.stream import ArrayStream
from frugal_motion.tools.server import Server

from .client import run, until

Graph = dict[str, Any]
CHECKPOINT, CLIP = "table.safetensors", "table.mp4"


class Done(NamedTuple):
    """What a run has shown: ``hit`` or ``miss`` of every cache, and the titles of the nodes that ran."""

    states: dict[str, str]
    ran: set[str]


@pytest.fixture(scope="module")
def files(server: Server, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkpoint and a clip of our own in the server's folders, and a first run with them."""
    weights = torch.load(assets / "models" / "checkpoints" / "frugal-demo.ckpt", weights_only=True)
    (server.base / "models" / "checkpoints").mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in weights.get("state_dict", weights).items()}
    save_file(tensors, server.base / "models" / "checkpoints" / CHECKPOINT)
    shutil.copyfile(assets / "input" / "one_person.mp4", server.base / "input" / CLIP)
    execute(server, graph(), tmp_path_factory.mktemp("first"))
    yield server.base
    for path in (server.base / "input" / CLIP, server.base / "input" / "renamed.mp4"):
        path.unlink(missing_ok=True)


def graph(**changes: Any) -> Graph:
    """An edit of two frames, with a cache behind the conditioning and one behind the pictures."""
    given = {"file": CLIP, "start": 0.5, "seed": 1, "text": "a robot", "checkpoint": CHECKPOINT, "style": ""} | changes
    size = {"duration": 0.1, "frame_rate": 12.0, "size": "custom", "width": 64, "height": 64, "fit": "cover"}
    sampler = {"seed": given["seed"], "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "normal"}
    nodes = {
        "Clip": ("FrugalLoadVideo", {"file": given["file"], "start": given["start"], **size}),
        "Frames": ("GetVideoComponents", {"video": ["Clip", 0]}),
        "Checkpoint": ("CheckpointLoaderSimple", {"ckpt_name": given["checkpoint"]}),
        "Text Encoder": ("CheckpointLoaderSimple", {"ckpt_name": given["checkpoint"]}),
        "Prompt": ("CLIPTextEncode", {"text": given["text"], "clip": ["Text Encoder", 1]}),
        "Cached Prompt": ("FrugalHashCache", {"value": ["Prompt", 0], "motion_style": "", "enabled": True}),
        "Latent": ("VAEEncode", {"pixels": ["Frames", 0], "vae": ["Checkpoint", 2]}),
        "Sampler": ("KSampler", {
            "model": ["Checkpoint", 0], "positive": ["Cached Prompt", 0], "negative": ["Cached Prompt", 0],
            "latent_image": ["Latent", 0], "denoise": 0.5, **sampler,
        }),
        "Decoded": ("VAEDecode", {"samples": ["Sampler", 0], "vae": ["Checkpoint", 2]}),
        "Cache": ("FrugalHashCache", {"value": ["Decoded", 0], "motion_style": given["style"], "enabled": True}),
        "Shown": ("PreviewImage", {"images": ["Cache", 0]}),
    }  # fmt: skip
    return {
        title: {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}
        for title, (kind, inputs) in nodes.items()
    }


def unknown_to_comfyui(given: Graph) -> Graph:
    """With an input that no class has: ComfyUI does not know the nodes again, and cannot answer from its memory."""
    return {key: {**node, "inputs": node["inputs"] | {"salt": uuid.uuid4().hex}} for key, node in given.items()}


def execute(server: Server, given: Graph, folder: Path) -> Done:
    workflow = folder / "graph.json"
    workflow.write_text(json.dumps(unknown_to_comfyui(given)))
    done = run(server, workflow, folder, {})
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)["ui"]
    states = {ui["title"]: ui["data"]["frugal_cache"][0]["state"] for ui in shown if "frugal_cache" in ui["data"]}
    return Done(states, {line.strip() for line in done.stderr.splitlines()})


@contextmanager
def other_clip(base: Path) -> Iterator[None]:
    path = base / "input" / CLIP
    before = path.read_bytes()
    settings = DecodeSettings(frame_rate=Fraction(12), size=(96, 96), fit="cover")
    save(ArrayStream(255 - FileStream(path, settings).frames_at(range(20)), Fraction(12)), path, LOSSLESS)
    yield
    path.write_bytes(before)


@contextmanager
def renamed_clip(base: Path) -> Iterator[None]:
    shutil.copyfile(base / "input" / CLIP, base / "input" / "renamed.mp4")
    yield


@contextmanager
def renamed_checkpoint(base: Path) -> Iterator[None]:
    folder = base / "models" / "checkpoints"
    shutil.copyfile(folder / CHECKPOINT, folder / "renamed.safetensors")
    yield


@contextmanager
def other_checkpoint(base: Path) -> Iterator[None]:
    """One bit of a weight is different."""
    path = base / "models" / "checkpoints" / CHECKPOINT
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    yield


def renumbered(given: Graph) -> Graph:
    ids = {old: str(100 - number) for number, old in enumerate(given)}

    def rewired(value: Any) -> Any:
        return [ids[value[0]], value[1]] if isinstance(value, list) else value

    return {
        ids[old]: {**node, "inputs": {name: rewired(value) for name, value in node["inputs"].items()}}
        for old, node in given.items()
    }


def titles(given: Graph) -> Graph:
    return {key: {**node, "_meta": {"title": f"My {key}"}} for key, node in given.items()}


def backwards(given: Graph) -> Graph:
    return dict(reversed(given.items()))


def same(given: Graph) -> Graph:
    return given


# What changes, and whether the pictures and the conditioning are found ("-": nobody asks).
TABLE: list[tuple[Any, ...]] = [
    ("nothing", "hit", "-", {}, nullcontext, same),
    ("node ids", "hit", "-", {}, nullcontext, renumbered),
    ("node titles", "hit", "-", {}, nullcontext, titles),
    ("order of the nodes", "hit", "-", {}, nullcontext, backwards),
    ("file name only", "hit", "-", {"file": "renamed.mp4"}, renamed_clip, same),
    ("checkpoint's name only", "hit", "-", {"checkpoint": "renamed.safetensors"}, renamed_checkpoint, same),
    ("start time", "miss", "hit", {"start": 0.6}, nullcontext, same),
    ("motion_style", "miss", "hit", {"style": "calm"}, nullcontext, same),
    ("seed", "miss", "hit", {"seed": 2}, nullcontext, same),
    ("prompt", "miss", "miss", {"text": "a ghost"}, nullcontext, same),
    ("file content", "miss", "hit", {}, other_clip, same),
    ("checkpoint content, same name", "miss", "miss", {}, other_checkpoint, same),
]


@pytest.mark.parametrize(
    ("pictures", "conditioning", "changes", "prepare", "edit"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_one_thing_at_a_time(
    server: Server,
    files: Path,
    tmp_path: Path,
    pictures: str,
    conditioning: str,
    changes: dict[str, Any],
    prepare: Callable[[Path], AbstractContextManager[None]],
    edit: Callable[[Graph], Graph],
) -> None:
    """The change hits or misses as it should, and what it has made is then hit."""
    with prepare(files):
        first, second = (execute(server, edit(graph(**changes)), tmp_path) for _ in range(2))
    states = {title.removeprefix("My "): state for title, state in first.states.items()}
    assert (states["Cache"], states.get("Cached Prompt", "-")) == (pictures, conditioning)
    assert list(second.states.values()) == ["hit"], "the cache in front is not even asked"
    spared = {"Text Encoder", "Prompt"} if conditioning == "hit" else set()
    if pictures == "hit":
        spared = set(graph()) - {"Cache", "Shown"}
    assert first.ran & set(graph()) == set(graph()) - spared or edit is titles
    assert second.ran & set(graph()) <= {"Cache", "Shown"}


def test_the_same_work_queued_twice_is_done_once(server: Server, files: Path) -> None:
    prompts = [queued(server, unknown_to_comfyui(edit(graph(seed=77)))) for edit in (same, renumbered)]
    states = [
        [shown["frugal_cache"][0]["state"] for shown in finished(server, prompt).values() if "frugal_cache" in shown]
        for prompt in prompts
    ]
    assert "miss" in states[0] and states[1] == ["hit"]


def queued(server: Server, given: Graph) -> str:
    body = json.dumps({"prompt": given}).encode()
    with urllib.request.urlopen(urllib.request.Request(server.url + "/prompt", body)) as answer:
        return str(json.load(answer)["prompt_id"])


def finished(server: Server, prompt: str) -> dict[str, Any]:
    """What the nodes of a queued prompt have shown, when it is done."""
    history = until(lambda: server.get(f"/history/{prompt}"), "the end of the prompt")
    return dict(history[prompt]["outputs"])
