"""The shipped workflows in ComfyUI's editor, in a real Chromium."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any

import av
import pytest
from playwright.sync_api import Browser, Page

from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

WORKFLOWS = Path(editor.WORKFLOWS)

# Our own small model in place of Stable Diffusion, at a size that a CPU can do.
SMALL = {
    "Checkpoint": {"ckpt_name": "frugal-demo.ckpt"},
    "ControlNet": {"control_net_name": "frugal-demo-openpose.safetensors"},
    "Upscale Model": {"model_name": "realesr-animevideov3.safetensors"},
    "Load Video": {"size": "custom", "width": 128, "height": 128},
    "Sampler": {"steps": 2},
}
ALL_NODES = "app.graph.nodes.flatMap(node => [node, ...(node.subgraph?.nodes ?? [])])"
SET_WIDGETS = f"""([changes]) => {{
    const nodes = {ALL_NODES};
    const hosts = app.graph.nodes.filter(node => node.subgraph);
    for (const [title, values] of Object.entries(changes)) {{
        const node = nodes.find(node => node.title === title);
        for (const [name, value] of Object.entries(values)) {{
            // In newer editors the widgets of a closed subgraph have values of their own, which go first.
            const shown = hosts.flatMap(host => host.widgets).filter(w => w.name.split(': ').at(-1) === name);
            for (const widget of [node.widgets.find(w => w.name === name), ...shown]) widget.value = value;
        }}
    }}
}}"""
TWO_PEOPLE = {
    "Load Video": {"file": "two_people.mp4"},
    "Extract Pose": {"people": 2, "hands": True},
    "Smooth Motion": {"method": "kalman"},
    "Motion Style": {"preset": "robotic", "mirror": "person", "loop": True},
}
DENSE = SMALL | {"Sampler": {"steps": 2, "mode": "dense", "anchor": 0.5, "steady_colours": 0.5}}
SMALL_CLIPS = {name: values for name, values in SMALL.items() if name != "Load Video"} | {
    "Load Clips": {"size": "custom", "width": 128, "height": 128}
}
SHORT_CLIP = {"size": "custom", "width": 270, "height": 480, "duration": 0.75}
PERSON = {name: values for name, values in SMALL.items() if name != "Load Video"} | {
    "Whole Clip": SHORT_CLIP,
    "Place": {"size": "custom", "width": 270, "height": 480},
    "Crop": {"size": 128},
}
# The names of widgets are also those of the closed subgraph, where they mean Load Video's: that one comes last.
ONE_NODE_PERSON = {
    "Crop": {"size": 128},
    "Whole Clip": {"size": "custom", "width": 270, "height": 480},
    "Place": {"size": "custom", "width": 270, "height": 480},
    "Motion Edit": {"keep_place": True, "look_from_picture": True},
    **SMALL,
}
FINISH = {
    "Load Video": {"size": "custom", "width": 128, "height": 128, "frame_rate": 12},
    "Upscale Model": {"model_name": "realesr-animevideov3.safetensors"},
    "Interpolate": {"frame_rate": 25},
}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "edit": ("motion_edit", SMALL),
    "dense edit": ("motion_edit", DENSE),
    "edit with a union ControlNet": ("motion_edit_sdxl", SMALL),
    "edit in one node": ("one_node_edit", SMALL),
    "only the person in one node": ("one_node_edit", ONE_NODE_PERSON),
    "several clips": ("micro_batch", SMALL_CLIPS),
    "only the person": ("replace_person", PERSON),
    "look from a picture": ("look_from_picture", SMALL),
    "costs": ("cost_lab", SMALL),
    "finished video": ("finish_video", FINISH),
    "lab": ("motion_lab", {}),
    "lab of two people": ("motion_lab", TWO_PEOPLE),
    "edit by hand": ("motion_edit_by_hand", SMALL | {"Redraw": {"switch": True}}),
}
SHORT = {"duration": 0.75}
"""Seconds, for the loaders: three keyframes of every clip."""
UNKNOWN_NODES = f"() => {ALL_NODES}.filter(n => !LiteGraph.registered_node_types[n.type]).map(n => n.type)"
ADD = """(name) => {
    const node = app.graph.add(LiteGraph.createNode(name));
    const inputs = [...node.inputs, ...(node.widgets ?? [])].map(part => part.name);
    return {inputs, outputs: node.outputs.length, title: node.title};
}"""
PREVIEW_OF_INTERPOLATE = """() => {
    const videos = [...document.querySelectorAll('video')].filter(video => video.src.includes('=frugal-motion'));
    return videos.some(video => video.checkVisibility() && video.duration > 0 && video.videoHeight === 256);
}"""
WATCH = """() => {
    window.ended = null;
    for (const event of ['execution_success', 'execution_error', 'execution_interrupted'])
        app.api.addEventListener(event, e => { window.ended = {event, ...e.detail}; });
}"""


def test_api_twins_agree_with_the_editor(server: Server, browser: Browser) -> None:
    classes = server.get("/object_info")
    with editor.editor(server.url, browser=browser) as page:
        for workflow in sorted(WORKFLOWS.glob("*.json")):
            editor.load(page, workflow)
            twin = json.loads((WORKFLOWS / "api" / workflow.name).read_text(encoding="utf-8"))
            assert editor.to_api(page, classes) == twin, f"make it anew: python -m tools.editor ({workflow.name})"


def test_is_offered_as_a_template(server: Server) -> None:
    assert sorted(server.get("/api/workflow_templates")["frugal-motion"]) == [
        "cost_lab",
        "finish_video",
        "look_from_picture",
        "micro_batch",
        "micro_batch_wan",
        "motion_edit",
        "motion_edit_by_hand",
        "motion_edit_sdxl",
        "motion_lab",
        "one_node_edit",
        "replace_person",
        "wan_animate_replace",
        "wan_fun_control",
        "wan_vace_motion_edit",
    ]
    for workflow in WORKFLOWS.glob("*.json"):
        assert workflow.with_suffix(".jpg").is_file(), "a template needs a thumbnail"


@pytest.mark.parametrize(("workflow", "changes"), RUNS.values(), ids=RUNS)
def test_opens_whole_and_runs_from_the_run_button(
    page: Page, server: Server, workflow: str, changes: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    if "Sampler" in changes:  # a seed of its own, or the cache has it from the run before
        seed = zlib.crc32(request.node.name.encode())
        changes = changes | {"Sampler": changes["Sampler"] | {"seed": seed}}
    loaders = {"Load Video", "Load Clips"} & changes.keys()
    changes = changes | {title: SHORT | changes[title] for title in loaders}
    editor.load(page, WORKFLOWS / f"{workflow}.json")
    assert page.evaluate(UNKNOWN_NODES) == []
    page.evaluate(SET_WIDGETS, [changes])
    page.evaluate(WATCH)
    page.get_by_role("button", name="Run", exact=True).first.click()
    page.wait_for_function("() => window.ended", timeout=300_000)
    assert page.evaluate("() => window.ended.event") == "execution_success", page.evaluate("() => window.ended")
    saved = _saved(server, page.evaluate("() => window.ended.prompt_id"))
    with av.open(str(server.base / "output" / saved["subfolder"] / saved["filename"])) as video:
        assert video.streams.video[0].average_rate == 25
    if workflow == "one_node_edit":  # its switches reach all those inside
        prompt = server.get(f"/history/{page.evaluate('() => window.ended.prompt_id')}").popitem()[1]["prompt"][2]
        switches = [node["inputs"]["switch"] for node in prompt.values() if node["class_type"] == "FrugalSwitch"]
        assert switches == [changes.get("Motion Edit", {}).get("keep_place", False)] * 5
    if "Sampler" in changes and workflow != "one_node_edit":
        page.evaluate("() => app.canvas.centerOnNode(app.graph.nodes.find(node => node.title === 'Sampler'))")
        words = page.locator('[aria-label="Keyframe strip"] output')
        words.filter(has_text=re.compile(r"\d+ frames of \d clips? in float")).first.wait_for()
    if workflow == "finish_video":
        page.wait_for_function(PREVIEW_OF_INTERPOLATE)
    if workflow == "cost_lab":
        assert sorted(page.locator(".frugal-badge").all_text_contents()) == ["cost", "estimate", "miss"]


def test_a_template_is_opened_from_the_dialog(page: Page) -> None:
    page.get_by_label("Templates").first.click()
    page.get_by_text("frugal-motion", exact=True).first.click()
    page.get_by_text("finish_video", exact=True).click()
    page.wait_for_function("() => app.graph.nodes.some(node => node.type === 'FrugalInterpolate')")
    if page.evaluate(editor.MINOR_VERSION) <= 32:  # newer ones show all of it, however small
        assert page.evaluate("() => app.canvas.ds.scale") > 0.6, "below, the classic renderer leaves words out"


def test_the_whole_edit_is_found_as_one_node(page: Page) -> None:
    page.evaluate("() => app.graph.clear()")
    page.evaluate("() => app.extensionManager.command.execute('Workspace.SearchBox.Toggle')")
    page.locator("input:focus").fill("Motion Edit")
    page.get_by_role("option").filter(has_text="Motion Edit").first.click()
    page.wait_for_function("() => app.graph.nodes.length === 1")
    names = page.evaluate("() => app.graph.nodes[0].widgets.map(widget => widget.name)")
    assert {"file", "text", "preset", "every", "steps", "ckpt_name"} <= {name.split(": ")[-1] for name in names}


def test_the_one_node_is_the_same_in_template_and_search() -> None:
    found = [Path(WORKFLOWS, "one_node_edit.json"), Path(WORKFLOWS.parent, "subgraphs", "Motion Edit.json")]
    template, blueprint = (json.loads(path.read_text(encoding="utf-8")) for path in found)
    assert template["definitions"] == blueprint["definitions"]
    (node,) = blueprint["nodes"]
    assert node in [{**other, "outputs": node["outputs"]} for other in template["nodes"]]


def test_every_node_can_be_added(page: Page, server: Server) -> None:
    page.evaluate("() => app.graph.clear()")
    for name, declared in server.get("/object_info").items():
        if not name.startswith("Frugal"):
            continue
        made = page.evaluate(ADD, name)
        wanted = {*declared["input"].get("required", {}), *declared["input"].get("optional", {})}
        assert wanted <= set(made["inputs"]), name
        assert made["outputs"] == len(declared["output"]), name
        assert made["title"] == declared["display_name"]


@pytest.mark.parametrize("workflow", ["motion_edit", "motion_edit_sdxl"])
def test_missing_models_are_named_with_links(workflow: str) -> None:
    graph = json.loads((WORKFLOWS / f"{workflow}.json").read_text(encoding="utf-8"))
    listed = {model["name"]: model for node in graph["nodes"] for model in node["properties"].get("models", [])}
    chosen = {value for node in graph["nodes"] for value in node.get("widgets_values") or [] if value in listed}
    assert set(listed) == chosen, "the dialog shows a model only if a widget names it"
    assert {model["directory"] for model in listed.values()} >= {"checkpoints", "controlnet", "upscale_models"}
    assert all(model["url"].startswith("https://huggingface.co/") for model in listed.values())


def _saved(server: Server, prompt_id: str) -> dict[str, Any]:
    outputs = server.get(f"/history/{prompt_id}")[prompt_id]["outputs"].values()
    return next(item for output in outputs for item in output.get("images", []) if item["filename"].endswith(".mp4"))
