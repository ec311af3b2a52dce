"""What the shipped workflows are going to do, read from their prompts."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import folder_paths
import pytest
import torch
from comfy_execution.graph import DynamicPrompt

from frugal_motion import FrugalMotion
from frugal_motion.nodes.caching.node import FrugalHashCache
from frugal_motion.nodes.compositing.forecast import ASSUMED_SHARE
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.forecast.edit_work import rows, savings, work
from frugal_motion.nodes.forecast.walk import planned
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows" / "api"
# Those of video models are read in tests/video_models/test_estimates.py.
SHIPPED = sorted(path.stem for path in WORKFLOWS.glob("*.json") if "wan" not in path.stem)
SMALL = {
    "v1-5-pruned-emaonly-fp16.safetensors": "frugal-demo.ckpt",
    "control_v11p_sd15_openpose_fp16.safetensors": "frugal-demo-openpose.safetensors",
    "sd_xl_base_1.0.safetensors": "frugal-demo.ckpt",
    "diffusion_pytorch_model_promax.safetensors": "frugal-demo-openpose.safetensors",
}


@pytest.fixture(autouse=True)
def _folders(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_paths, "input_directory", str(assets / "input"))
    for folder in (assets / "models").iterdir():
        monkeypatch.setitem(
            folder_paths.folder_names_and_paths, folder.name, ([str(folder)], {".safetensors", ".ckpt"})
        )
    for node_class in asyncio.run(FrugalMotion().get_node_list()):
        monkeypatch.setitem(NODE_CLASS_MAPPINGS, node_class.define_schema().node_id, node_class)


def prompt(name: str, **changes: dict[str, Any]) -> dict[str, Any]:
    """A shipped workflow with the small models and, by title, other inputs."""
    found = json.loads((WORKFLOWS / f"{name}.json").read_text())
    for node in found.values():
        node["inputs"] = {
            key: SMALL.get(value, value) if isinstance(value, str) else value for key, value in node["inputs"].items()
        }
        node["inputs"] |= changes.get(node["_meta"]["title"].replace(" ", "_"), {})
    return found


def test_only_the_crop_is_sampled_and_what_stays_of_it_is_encoded() -> None:
    whole, person = planned(prompt("motion_edit")), planned(prompt("replace_person", Crop={"size": 256}))
    assert {clip.size for clip in person.job.clips} == {(256, 256)}
    before, after = (work(one.job, one.nets) for one in (whole, person))
    assert "encode" not in before and after["encode"].flops
    assert before["sample"].flops > 2 * after["sample"].flops, "512 x 288 pixels against 256 x 256"


def test_what_a_crop_spares_is_a_saving_of_its_own() -> None:
    person = planned(prompt("replace_person", Crop={"size": 256}))
    (clip,) = person.job.clips
    assert clip.share == ASSUMED_SHARE and clip.uncut.size[0] * clip.uncut.size[1] > 256 * 256
    assert any(note.startswith("Crop: how much of the picture its box takes") for note in person.notes)
    steps = dict(savings(person.job))
    pixels = [steps[name].clips[0].size[0] * steps[name].clips[0].size[1] for name in ("size", "not generated")]
    assert pixels[1] / pixels[0] == pytest.approx(ASSUMED_SHARE, rel=0.03)
    whole = planned(prompt("motion_edit"))
    assert {clip.share for clip in whole.job.clips} == {1.0} and not any("box" in note for note in whole.notes)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_workflow_can_be_read(name: str) -> None:
    found = planned(prompt(name))
    assert all(done.flops is not None for done in work(found.job, found.nets).values())
    assert [note for note in found.notes if not note.endswith("50% is assumed.")] == [], "nothing is left out"
    assert len(found.notes) == (name == "replace_person"), "where people will be is not known"


def test_a_guess_says_so() -> None:
    (note,) = planned(prompt("motion_edit", Sampler={"sampler_name": "dpm_adaptive"})).notes
    assert "dpm_adaptive" in note and "guess" in note


def test_an_edit() -> None:
    job = planned(prompt("motion_edit")).job
    (clip,) = job.clips
    assert (clip.plan.frame_count, clip.plan.frame_rate, len(clip.plan.frames)) == (20, 12, 5)
    assert clip.size == (288, 512) and clip.source_size == (1080, 1920)
    assert (job.mode, job.steps, job.cfg, job.frame_rate, job.upscales) == ("sparse", 18, True, 25, True)
    assert job.order == "upscale first"  # an IMAGE is enlarged where it stands
    assert rows(job).unet == rows(job).control == 5 * 18 * 2
    assert set(job.cpu) == {"load", "pose", "plan", "draw", "figures", "save"} and not job.cached


def test_settings_of_the_graph_count() -> None:
    changes = {
        "Load_Video": {"size": "384", "frame_rate": 6, "duration": 1},
        "Plan_Keyframes": {"every": 3},
        "Sampler": {"steps": 7, "cfg": 1.0, "sampler_name": "heun", "denoise": 0.5, "control_end": 0.0},
        "Draw_Pose": {"width": 128, "height": 64},
        "Interpolate": {"frame_rate": 29.97},
    }
    job = planned(prompt("motion_edit", **changes)).job
    (clip,) = job.clips
    assert clip.plan.frames == (0, 3, 5) and clip.size == (128, 64)
    assert (job.cfg, job.encodes, job.frame_rate) == (False, True, Fraction(30000, 1001))
    assert rows(job).unet == 3 * 13 and rows(job).control == 0


def test_no_control_at_no_strength() -> None:
    assert rows(planned(prompt("motion_edit", Sampler={"control_strength": 0.0})).job).control == 0


def test_hybrid_needs_its_own_interpolator() -> None:
    with pytest.raises(InputError, match="Sampler, interp_model"):
        planned(prompt("motion_edit", Sampler={"mode": "hybrid"}))
    job = planned(prompt("motion_edit", Sampler={"mode": "hybrid", "interp_model": ["14", 0]})).job
    assert rows(job).unet == (5 * 18 + 15 * 4) * 2


def test_several_clips_are_counted_together() -> None:
    job = planned(prompt("micro_batch")).job
    assert [clip.size for clip in job.clips] == [(512, 512)] * 2
    assert len({clip.source_size for clip in job.clips}) == 2


def test_a_prompt_for_each_edits_one_clip_several_times() -> None:
    one = prompt("micro_batch", Load_Clips={"files": "one_person.mp4"}, Prompts={"text": "a\n\nb\nc"})
    assert len(planned(one).job.clips) == 3
    with pytest.raises(InputError, match="Prompts, text"):
        planned(prompt("micro_batch", Prompts={"text": "a\nb\nc"}))


def test_finishing_alone_samples_nothing_and_takes_the_cheaper_order() -> None:
    found = planned(prompt("finish_video"))
    assert found.job.mode is None and found.job.order == "cheaper"
    assert set(work(found.job, found.nets)) == {"interpolate", "upscale"}


def test_motion_alone_needs_no_gpu() -> None:
    found = planned(prompt("motion_lab"))
    assert not work(found.job, found.nets)
    assert {"load", "pose", "draw", "save"} <= set(found.job.cpu)


@pytest.mark.parametrize(("way", "tests"), [("best", 2 * 3), ("motion", 0), ("net alone", None)])
def test_frames_between_that_follow_a_motion_are_more_work(way: str, tests: int | None) -> None:
    without = prompt("motion_edit")
    del next(node for node in without.values() if node["_meta"]["title"] == "Interpolate")["inputs"]["motion"]
    plain, found = planned(without), planned(prompt("motion_edit", Interpolate={"way": way}))
    made = plain.work()["interpolate"].frames
    assert found.work()["interpolate"].frames == made
    if tests is None:
        assert found.work() == plain.work() and "figures" not in found.job.cpu
        return
    assert found.job.cpu["figures"] == made and found.stages["FrugalInterpolate"] == "interpolate"
    large = found.job.enlarged(found.job.clips[0].size)
    each = found.nets.interpolate(*large) + 2 * found.nets.prepare(*large)
    assert found.work()["interpolate"].flops == pytest.approx((made + tests) * each)


def test_the_exact_plan_is_taken_where_it_is_known() -> None:
    plan = Keyframes((0, 2, 19), 20, Fraction(12))
    assert planned(prompt("motion_edit"), plan).job.clips[0].plan == plan
    with pytest.raises(InputError, match="Load Video, keyframes: found a plan for 9 frames"):
        planned(prompt("motion_edit"), Keyframes((0, 8), 9, Fraction(12)))


def test_what_a_hash_cache_has_is_spared() -> None:
    given = prompt("motion_edit")

    def keep(node_id: str) -> None:
        node = FrugalHashCache.PREPARE_CLASS_CLONE(None)
        node.hidden = SimpleNamespace(unique_id=node_id, dynprompt=DynamicPrompt(given))
        node.execute([torch.rand(1, 8, 8, 3)], [""], [True])

    assert planned(given).job.cached == frozenset()
    keep("11")  # behind the sampler
    assert planned(given).job.cached == {"encode", "sample", "decode", "draw"}, "frames between take the motion"
    keep("16")  # behind the interpolation
    assert planned(given).job.cached >= {"interpolate", "upscale", "load", "pose", "plan"}
    assert "save" not in planned(given).job.cached
    given["11"]["inputs"]["enabled"] = given["16"]["inputs"]["enabled"] = False
    assert planned(given).job.cached == frozenset()


def test_other_samplers_are_named_as_left_out() -> None:
    given = prompt("finish_video")
    given["99"] = {"class_type": "KSampler", "inputs": {}, "_meta": {"title": "My Sampler"}}
    assert planned(given).notes == ("My Sampler is not part of the estimate.",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Checkpoint": {"ckpt_name": "gone.safetensors"}}, "Checkpoint, ckpt_name"),
        ({"ControlNet": {"control_net_name": "gone.safetensors"}}, "ControlNet, control_net_name"),
        ({"Upscale_Model": {"model_name": "gone.pth"}}, "Upscale Model, model_name"),
        ({"RIFE": {"model_name": "gone.pkl"}}, "RIFE, model_name"),
        ({"Load_Video": {"file": "gone.mp4"}}, "Load Video, file"),
        ({"Load_Video": {"start": 99}}, "Load Video, start"),
        ({"Sampler": {"model": 3}}, "Sampler, model"),
        ({"Sampler": {"steps": ["2", 0]}}, "Sampler, steps: found a wire from Extract Pose"),
        ({"Sampler": {"mode": "thin"}}, "Sampler, mode"),
        ({"Plan_Keyframes": {"every": 0}}, "Plan Keyframes, every"),
        ({"Interpolate": {"frame_rate": -1}}, "Interpolate, frame_rate"),
        ({"Load_Video": {"size": "huge"}}, "Load Video, size"),
    ],
)
def test_what_is_wrong_is_said_of_its_node(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        planned(prompt("motion_edit", **changes))


@pytest.mark.parametrize(
    ("title", "name", "value"),
    [
        ("Sampler", "steps", 10**6),  # would take minutes and gigabytes
        ("Sampler", "steps", "many"),
        ("Sampler", "cfg", float("nan")),
        ("Sampler", "sampler_name", ["1", 2, 3]),
        ("Plan_Keyframes", "every", 10**30),
        ("Load_Video", "frame_rate", 1e308),
        ("Load_Video", "width", {}),
        ("Load_Video", "file", []),
        ("Upscale", "longer_side", 10**30),
    ],
)
def test_values_that_comfyui_would_not_take_are_refused(title: str, name: str, value: Any) -> None:
    for given in (value, ["constant", 0]):
        found = prompt("motion_edit", **{title: {name: given}})
        found["constant"] = {"class_type": "PrimitiveInt", "inputs": {"value": value}}
        with pytest.raises(InputError) as error:
            planned(found)
        words = title.replace("_", " ")
        assert f"{words}, {name}" in str(error.value) and f"{words}, {words}" not in str(error.value)


def test_a_wire_from_nowhere_is_in_no_cache() -> None:
    planned(prompt("motion_edit", Checkpoint={"ckpt_name": "frugal-demo.ckpt", "extra": ["gone", 0]}))


@pytest.mark.parametrize("given", [None, [], {}, {"1": 3}, {"1": {"inputs": {}}}, {"1": {"class_type": "A"}}])
def test_what_is_no_prompt_is_refused(given: object) -> None:
    with pytest.raises(InputError, match="prompt"):
        planned(given)


def test_two_samplers_are_counted_both() -> None:
    given = prompt("motion_edit")
    one = planned(given).work()
    given["99"] = given["10"]
    both = planned(given)
    assert [plan.edit.upscales for plan in both.edits] == [True, False]
    assert both.work()["sample"].flops == 2 * one["sample"].flops
    assert {stage: both.work()[stage] for stage in ("interpolate", "upscale")} == {
        stage: one[stage] for stage in ("interpolate", "upscale")
    }


def test_a_prompt_without_a_video_is_refused() -> None:
    given = {"1": {"class_type": "FrugalSaveVideo", "inputs": {}}}
    with pytest.raises(InputError, match="no video"):
        planned(given)


def test_a_constant_may_come_from_a_node_of_its_own() -> None:
    given = prompt("motion_edit", Sampler={"steps": ["99", 0]})
    given["99"] = {"class_type": "PrimitiveInt", "inputs": {"value": 5}, "_meta": {"title": "Steps"}}
    assert planned(given).job.steps == 5


@pytest.mark.parametrize("class_type", ["FrugalSwitch", "ComfySwitchNode"])
def test_only_the_way_that_a_switch_takes_is_counted(class_type: str) -> None:
    """Two workflows in one graph, and a switch before the file."""
    edit, person = prompt("motion_edit"), prompt("replace_person", Crop={"size": 256})
    last = {"17": edit.pop("17"), "18": edit.pop("18"), "21": edit.pop("21")}
    both = {**{f"p{node_id}": moved(node, "p") for node_id, node in person.items() if node_id not in last}, **edit}
    inputs = {"switch": False, "on_true": ["p16", 0], "on_false": ["16", 0]}
    both |= last | {"switch": {"class_type": class_type, "inputs": inputs}}
    both["17"]["inputs"]["video"] = ["switch", 0]
    for switch, alone in ((False, prompt("motion_edit")), (True, person)):
        inputs["switch"] = switch
        found, wanted = planned(both), planned(alone)
        assert found.work() == wanted.work() and found.job.cpu == wanted.job.cpu and found.notes == wanted.notes


def test_a_switch_that_gives_nothing_is_no_wire() -> None:
    nothing = {"class_type": "FrugalSwitch", "inputs": {"switch": False, "on_true": ["1", 0]}}
    for inputs in ({"source_video": ["nothing", 0]}, {"reference": ["nothing", 0], "mask": ["nothing", 0]}):
        found = planned(prompt("motion_edit", Sampler=inputs) | {"nothing": nothing})
        assert found.work() == planned(prompt("motion_edit")).work()


def test_the_same_clip_is_what_its_loader_would_be() -> None:
    person, again = prompt("replace_person"), prompt("replace_person")
    again["27"]["class_type"] = "FrugalLoadVideo"
    again["27"]["inputs"] = {"file": "one_person.mp4", "frame_rate": 25, "size": "source"}
    assert planned(again).work() == planned(person).work() and planned(again).job.cpu == planned(person).job.cpu
    person["27"]["inputs"]["video"] = ["25", 0]
    assert "Place is not part of the estimate." in planned(person).notes


def test_the_switch_of_the_one_node_edit_is_a_workflow_of_its_own() -> None:
    off, on = (
        planned(prompt("one_node_edit", **{title: {"switch": switch} for title in SWITCHES}))
        for switch in (False, True)
    )
    assert off.work() == planned(prompt("motion_edit")).work() and "crop" not in off.job.cpu
    assert on.work() == planned(prompt("replace_person")).work() and {"crop", "put back"} <= set(on.job.cpu)


SWITCHES = ("Motion", "Source_Video", "Mask", "Final_Video")


def moved(node: dict[str, Any], prefix: str) -> dict[str, Any]:
    """A node whose wires come from nodes with other ids."""
    inputs = {k: [prefix + v[0], v[1]] if isinstance(v, list) else v for k, v in node["inputs"].items()}
    return {**node, "inputs": inputs}


def test_encoders_that_remember_are_still_known() -> None:
    given = prompt("replace_person")
    titles = {node["_meta"]["title"]: node_id for node_id, node in given.items()}
    sampler = given[titles["Sampler"]]["inputs"]
    remembering = {"class_type": "FrugalRememberEncodes", "inputs": {"vae": sampler["vae"]}, "_meta": {"title": "R"}}
    changed = {**given, "r": remembering}
    changed[titles["Sampler"]] = {**given[titles["Sampler"]], "inputs": {**sampler, "vae": ["r", 0]}}
    before, after = planned(given), planned(changed)
    assert work(after.job, after.nets) == work(before.job, before.nets) and work(after.job, after.nets)["encode"].flops
    assert after.notes == before.notes
