"""Pictures of all nodes for their help pages, after a run on the real clips: web/docs/images/*.webp.

python -m tools.help_pictures                starts a server of its own; a few minutes
python -m tools.help_pictures Interpolate    only nodes whose id contains that
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import wave
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import FloatRect, Page

from . import help_film
from .editor import editor, run
from .environment import COMFYUI
from .process import ROOT, say
from .server import Server, running

IMAGES = ROOT / "web" / "docs" / "images"
QUALITY = 82
ZOOM = 1.25
MARGIN = 10
LEFT, TOP = 400, 140
"""Of the window: what stands around the graph is not in the picture."""

Node = tuple[str, dict[str, Any]]
SMALL = {"size": "custom", "width": 256, "height": 256, "duration": 1.5}
POSE: dict[str, Node] = {
    "load": ("FrugalLoadVideo", {"file": "one_person.mp4", **SMALL}),
    "pose": ("FrugalExtractPose", {"video": ["load", 0]}),
    "keep": ("FrugalSaveMotion", {"motion": ["pose", 0], "filename_prefix": "dance"}),
}
"""Wires are ``[node, output]``; what is not named is as the node comes, but that seeds stay."""
BATCH: dict[str, Any] = {
    "model": ["checkpoint", 0],
    "positive": ["prompts", 0],
    "negative": ["negative", 0],
    "latent_image": ["empty", 0],
}

# Nodes of the pack that it leaves out are wired by themselves, see ``whole_graph``.
GRAPH: dict[str, Node] = {
    **POSE,
    "length": ("FrugalFitLength", {"video": ["load", 0], "frame_rate": 16.0}),
    "restored": ("FrugalRestoreLength", {"frames": ["length", 0], "way_back": ["length", 2]}),
    "masks": ("FrugalPersonMasks", {"video": ["load", 0], "motion": ["pose", 0], "grow": 4}),
    "mask frames": ("FrugalMaskFrames", {"video": ["masks", 0]}),
    "smooth": ("FrugalSmoothMotion", {"motion": ["pose", 0]}),
    "crop": ("FrugalCropToPerson", {"video": ["load", 0], "motion": ["smooth", 0]}),
    "plate": ("FrugalCleanPlate", {"video": ["load", 0], "masks": ["masks", 0]}),
    "put back": ("FrugalPutBack", {"frames": ["crop", 0], "crop": ["crop", 2], "source": ["load", 0]}),
    "style": ("FrugalMotionStyle", {"motion": ["smooth", 0], "preset": "energetic"}),
    "switch": ("FrugalSwitch", {"switch": True, "on_true": ["style", 0], "on_false": ["smooth", 0]}),
    "load two": ("FrugalLoadVideo", {"file": "two_people.mp4", **SMALL}),
    "pose two": ("FrugalExtractPose", {"video": ["load two", 0], "people": 2}),
    "retarget": ("FrugalRetargetMotion", {"motion": ["smooth", 0], "reference": ["pose two", 0]}),
    "kept": ("FrugalLoadMotion", {"file": "dance.safetensors"}),
    "blend": ("FrugalBlendMotions", {"motion_a": ["smooth", 0], "motion_b": ["style", 0]}),
    "sound": ("LoadAudio", {"audio": "beat.wav"}),
    "beat": ("FrugalToTheBeat", {"motion": ["smooth", 0], "audio": ["sound", 0]}),
    "fit": ("FrugalFitMotion", {"motion": ["kept", 0], "video": ["load", 0]}),
    "quality": ("FrugalMotionReport", {"motion": ["smooth", 0], "before": ["pose", 0]}),
    "keypoints": ("FrugalMotionToKeypoints", {"motion": ["smooth", 0]}),
    "from keypoints": ("FrugalKeypointsToMotion", {"keypoints": ["keypoints", 0]}),
    "clips": ("FrugalLoadClips", {"files": "one_person.mp4\ntwo_people.mp4", **SMALL}),
    "lines": ("FrugalTextLines", {"text": "a neon robot at night\na marble statue in a forest"}),
    "plan": ("FrugalPlanKeyframes", {"motion": ["smooth", 0], "video": ["load", 0]}),
    "hints": ("FrugalDrawPose", {"motion": ["smooth", 0], "keyframes": ["plan", 0]}),
    "checkpoint": ("CheckpointLoaderSimple", {"ckpt_name": "frugal-demo.ckpt"}),
    "control": ("ControlNetLoader", {"control_net_name": "frugal-demo-openpose.safetensors"}),
    "keyframed": ("FrugalKeyframeControlNet", {"control_net": ["control", 0], "keyframes": ["plan", 0]}),
    "prompt": ("CLIPTextEncode", {"clip": ["checkpoint", 1], "text": "a neon robot at night"}),
    "negative": ("CLIPTextEncode", {"clip": ["checkpoint", 1], "text": "blurry"}),
    "sampler": (
        "FrugalKeyframeSampler",
        {
            "model": ["checkpoint", 0],
            "control_net": ["control", 0],
            "vae": ["checkpoint", 2],
            "positive": ["prompt", 0],
            "negative": ["negative", 0],
            "control_images": ["hints", 0],
            "steps": 6,
            "seed": 1,
            "keyframes": ["plan", 0],
        },
    ),
    "video model": ("UNETLoader", {"unet_name": "vace.safetensors"}),
    "control range": ("FrugalControlRange", {"model": ["video model", 0]}),
    "prompts": ("CLIPTextEncode", {"clip": ["checkpoint", 1], "text": ["lines", 0]}),
    "empty": ("EmptyLatentImage", {"width": 128, "height": 128}),
    "batch": ("FrugalBatchSampler", {**BATCH, "steps": 6}),
    "batch of steps": ("FrugalBatchSamplerAdvanced", {**BATCH, "steps": 6, "end_at_step": 3}),
    "cache": ("FrugalHashCache", {"value": ["sampler", 0]}),
    "net": ("UpscaleModelLoader", {"model_name": "realesr-animevideov3.safetensors"}),
    "upscale": ("FrugalUpscale", {"frames": ["cache", 0], "upscale_model": ["net", 0]}),
    "rife": ("FrugalLoadInterpolator", {"model_name": "rife_v4.26.safetensors"}),
    "between": (
        "FrugalInterpolate",
        {
            "frames": ["upscale", 0],
            "interp_model": ["rife", 0],
            "keyframes": ["sampler", 1],
            "motion": ["smooth", 0],
        },
    ),
    "save": ("FrugalSaveVideo", {"video": ["between", 0], "beside": ["load", 0]}),
    "compare": (
        "FrugalCompare",
        {"video_a": ["load", 0], "motion_a": ["pose", 0], "video_b": ["load", 0], "motion_b": ["style", 0]},
    ),
    "estimate": ("FrugalCostEstimate", {"gpu": "L4", "keyframes": ["plan", 0]}),
    "costs": ("FrugalCostReport", {"after": ["save", 0], "gpu_price": 0.8}),
    "warm": ("FrugalPrewarm", {"model": ["checkpoint", 0]}),
    "remember": ("FrugalRememberEncodes", {"vae": ["checkpoint", 2], "clip": ["checkpoint", 1]}),
    "grey": ("EmptyImage", {"width": 256, "height": 256, "batch_size": 1, "color": 8421504}),
    "remembered grey": ("VAEEncode", {"vae": ["remember", 0], "pixels": ["grey", 0]}),
    "remembered text": ("CLIPTextEncode", {"clip": ["remember", 1], "text": "blurry"}),
}
BUILD = """async (text) => {
    const graph = JSON.parse(text);
    app.graph.clear();
    const made = {};
    for (const [name, [type, inputs]] of Object.entries(graph)) {
        const node = LiteGraph.createNode(type);
        app.graph.add(node);
        made[name] = node;
        for (const [input, value] of Object.entries(inputs)) {
            const widget = node.widgets?.find(widget => widget.name === input);
            if (widget && !Array.isArray(value)) { widget.value = value; widget.callback?.(value); }
        }
        const seeds = node.widgets?.find(widget => widget.name === "control_after_generate");
        if (seeds) seeds.value = "fixed";
    }
    for (const [name, [, inputs]] of Object.entries(graph))
        for (const [input, wire] of Object.entries(inputs))
            if (Array.isArray(wire)) {
                const place = made[name].inputs.findIndex(slot => slot.name === input);
                made[wire[0]].connect(wire[1], made[name], place);
            }
    Object.values(made).forEach((node, place) => { node.pos = [4000 * place, 0]; });
}"""
SHOW = """async ([place, zoom, left, top, room]) => {
    const settled = () => new Promise(done => setTimeout(done, 500));
    await app.extensionManager.setting.set('Comfy.NodeBadge.NodeSourceBadgeMode', 'None');
    app.canvas.links_render_mode = LiteGraph.HIDDEN_LINK;
    const node = app.graph.nodes[place];
    const [x, y] = node.pos;
    app.canvas.ds.scale = zoom;
    app.canvas.ds.offset = [left / zoom - x, top / zoom - y + LiteGraph.NODE_TITLE_HEIGHT];
    const [width, height] = node.computeSize();
    node.setSize(room ?? [Math.max(width, 270), Math.max(height, node.size[1])]);
    app.canvas.setDirty(true, true);
    await settled(); // what is inside asks for its room
    app.canvas.setDirty(true, true);
    await settled();
    return [zoom * node.size[0], zoom * (node.size[1] + LiteGraph.NODE_TITLE_HEIGHT)];
}"""


def main() -> None:
    """Command line."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    with tempfile.TemporaryDirectory() as base, running(COMFYUI, Path(base), assets=ROOT / ".assets") as server:
        if wanted in help_film.NODE:
            say(f"{help_film.NODE}: {_write_film(server) / 1000:.0f} kB")
        _write_video_model(server.base / "models" / "diffusion_models" / "vace.safetensors")
        with editor(server.url) as page:
            _run(page, POSE)
        (kept,) = (server.base / "output").glob("dance*.safetensors")
        shutil.copyfile(kept, server.base / "input" / "dance.safetensors")
        _write_beat(server.base / "input" / "beat.wav")
        graph = whole_graph(_fetched(f"{server.url}/object_info"), wanted)
        with editor(server.url, size=(1100, 1600)) as page:
            for node_id, picture in _pictures(page, server, graph):
                if wanted in node_id and node_id != help_film.NODE:
                    say(f"{node_id}: {_write(node_id, picture) / 1000:.0f} kB")


def _write_film(server: Server) -> int:
    with editor(server.url, size=(1100, 1600)) as page:
        _run(page, help_film.GRAPH)
        width, height = page.evaluate(SHOW, [help_film.PLACE, 1, LEFT, TOP, help_film.SIZE])
        film = help_film.play(page, _around(width, height), server.base / "output")
    return (IMAGES / f"{help_film.NODE}.webp").write_bytes(film.webp())


def _write_video_model(path: Path) -> None:
    """A tiny untrained one: no picture shows what it makes."""
    command = [sys.executable, str(ROOT / "tests" / "video_models" / "nets.py"), "vace", str(path)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(COMFYUI)}, check=True)


def _write_beat(path: Path, rate: int = 22_050) -> None:
    """A click every 0.4 seconds, for 4 seconds."""
    clock = np.arange(4 * rate) % round(0.4 * rate) / rate
    samples = 20_000 * np.exp(-clock / 0.006) * np.sin(2 * np.pi * 1500 * clock)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


def whole_graph(schemas: Mapping[str, Any], wanted: str = "") -> dict[str, Node]:
    """``GRAPH`` with the pack's other nodes and with a preview of what nothing would run.

    A node that ``GRAPH`` leaves out gets each input it needs from the first node that gives such a thing.

    Args:
        schemas: what ComfyUI tells of its nodes.
        wanted: part of the ids of the nodes to show; what they do not need is left out.
    """
    givers: dict[str, list[Any]] = {}
    for name, (node_id, _) in GRAPH.items():
        for place, kind in enumerate(schemas[node_id]["output"]):
            givers.setdefault(kind, [name, place])
    shown = {node_id for node_id, _ in GRAPH.values()}
    more = [one for one in schemas if one.startswith("Frugal") and one not in shown and not schemas[one]["deprecated"]]
    graph = {**GRAPH, **{node_id: (node_id, _wires(schemas[node_id], givers)) for node_id in more}}
    read = {wire[0] for _, inputs in graph.values() for wire in inputs.values() if isinstance(wire, list)}
    for name, (node_id, _) in list(graph.items()):
        if name not in read and not schemas[node_id]["output_node"]:
            graph[f"{name}'s end"] = ("PreviewAny", {"source": [name, 0]})
    asked = {name for name, (node_id, _) in graph.items() if wanted in node_id and node_id.startswith("Frugal")}
    if not asked:
        sys.exit(f"no node of the pack has an id with {wanted!r} in it")
    ends = [name for name, (node_id, _) in graph.items() if node_id == "PreviewAny" or schemas[node_id]["output_node"]]
    ways = [set(_in_front(graph, end)) for end in ends]
    needed = set().union(*(way for way in ways if way & asked))
    return {name: node for name, node in graph.items() if name in needed}


def _in_front(graph: Mapping[str, Node], name: str) -> Iterator[str]:
    yield name
    for wire in graph[name][1].values():
        if isinstance(wire, list):
            yield from _in_front(graph, wire[0])


def _wires(schema: Mapping[str, Any], givers: Mapping[str, list[Any]]) -> dict[str, Any]:
    needed = {name: str(kind).split(",") for name, (kind, *_) in schema["input"].get("required", {}).items()}
    found = {name: next((one for one in kinds if one in givers), None) for name, kinds in needed.items()}
    return {name: givers[kind] for name, kind in found.items() if kind and kind not in ("STRING", "FLOAT", "INT")}


def _fetched(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:  # noqa: S310  our own server
        return json.load(answer)


def _pictures(page: Page, server: Server, graph: Mapping[str, Node]) -> Iterator[tuple[str, bytes]]:
    _run(page, graph)
    # Once more, from the caches on disk: ComfyUI's own memory must not answer.
    request = urllib.request.Request(f"{server.url}/free", b'{"free_memory": true}')  # noqa: S310  our own server
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request).close()  # noqa: S310
    page.wait_for_timeout(3000)
    run(page)
    done = set()
    for place, (node_id, _) in enumerate(graph.values()):
        if node_id.startswith("Frugal") and node_id not in done:
            done.add(node_id)
            width, height = page.evaluate(SHOW, [place, ZOOM, LEFT, TOP])
            yield node_id, page.screenshot(clip=_around(width, height))


def _run(page: Page, graph: Mapping[str, Node]) -> None:
    page.evaluate(BUILD, json.dumps(graph))
    run(page)


def _around(width: float, height: float) -> FloatRect:
    """Where ``SHOW`` has put a node of that size."""
    return {"x": LEFT - MARGIN, "y": TOP - MARGIN, "width": width + 2 * MARGIN, "height": height + 2 * MARGIN}


def _write(node_id: str, screenshot: bytes) -> int:
    picture = cv2.imdecode(np.frombuffer(screenshot, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    _, encoded = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    IMAGES.mkdir(exist_ok=True)
    return (IMAGES / f"{node_id}.webp").write_bytes(encoded.tobytes())


if __name__ == "__main__":
    main()
