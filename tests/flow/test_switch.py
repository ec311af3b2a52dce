"""Switch: one of two values, and what that means to all who read a graph before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from comfy_execution.graph import DynamicPrompt

from frugal_motion.nodes.caching.configured import value_key
from frugal_motion.nodes.economy.report import stages_in_front
from frugal_motion.nodes.flow.node import FrugalSwitch
from frugal_motion.nodes.graph import Prompt, without_switches
from frugal_motion.nodes.jobs.gather import batch_key

from ..jobs.graphs import kinds, workflow


def test_only_the_chosen_branch_is_asked_for() -> None:
    """As ComfyUI calls it: ``None`` has not run, what is not connected is left out."""
    asks = FrugalSwitch.check_lazy_status
    assert asks(True, on_true=None, on_false=None) == ["on_true"]
    assert asks(False, on_true=None, on_false=None) == ["on_false"]
    assert asks(True, on_true=0, on_false=None) == []
    assert asks(False, on_true=None) == [], "there is nothing to ask for"


@pytest.mark.parametrize(("switch", "wanted"), [(True, 1), (False, 2)])
def test_the_chosen_one_is_given(switch: bool, wanted: int) -> None:
    given = {"on_true": 1, "on_false": 2}
    assert FrugalSwitch.execute(switch, **given).args == (wanted,)
    del given["on_true" if switch else "on_false"]
    assert FrugalSwitch.execute(switch, **given).args == (None,)


def image(color: int) -> dict[str, Any]:
    return {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": color}}


def graph(switch: Any, class_type: str = "FrugalSwitch", **branches: Sequence[Any]) -> Prompt:
    """An image, or another, behind a switch; and an end of its own, beside."""
    return {
        "red": image(1),
        "blue": image(2),
        "blue scaled": {"class_type": "ImageScaleBy", "inputs": {"image": ["blue", 0], "scale_by": 2.0}},
        "switch": {"class_type": class_type, "inputs": {"switch": switch, **branches}},
        "end": {"class_type": "PreviewImage", "inputs": {"images": ["switch", 0]}},
    }


BOTH = {"on_true": ["blue scaled", 0], "on_false": ["red", 0]}


@pytest.mark.parametrize("class_type", ["FrugalSwitch", "ComfySwitchNode"])
def test_what_will_run_has_no_switch_and_nothing_of_the_other_branch(class_type: str) -> None:
    off = without_switches(graph(False, class_type, **BOTH))
    assert off.keys() == {"red", "end"} and off["end"]["inputs"] == {"images": ["red", 0]}
    on = without_switches(graph(True, class_type, **BOTH))
    assert on.keys() == {"blue", "blue scaled", "end"} and on["end"]["inputs"] == {"images": ["blue scaled", 0]}


def test_nothing_is_as_if_without_a_wire() -> None:
    found = without_switches(graph(False, on_true=["blue scaled", 0]))
    assert found == {"red": image(1), "end": {"class_type": "PreviewImage", "inputs": {}}}


def test_switches_behind_switches() -> None:
    nested = graph(True, on_true=["other", 0], on_false=["red", 0])
    nested["other"] = {"class_type": "FrugalSwitch", "inputs": {"switch": ["yes", 0], "on_false": ["blue", 0]}}
    nested["yes"] = {"class_type": "PrimitiveBoolean", "inputs": {"value": False}}
    assert without_switches(nested)["end"]["inputs"] == {"images": ["blue", 0]}


def test_what_another_node_needs_stays() -> None:
    shared = graph(False, **BOTH) | {"look": {"class_type": "PreviewImage", "inputs": {"images": ["blue", 0]}}}
    assert without_switches(shared).keys() == {"red", "blue", "end", "look"}


def test_a_choice_that_is_not_known_before_the_run_stays_open() -> None:
    open_choice = graph(["judge", 0], **BOTH) | {"judge": {"class_type": "Judge", "inputs": {"image": ["red", 0]}}}
    assert without_switches(open_choice) == open_choice


def test_a_circle_of_switches_ends() -> None:
    circle = graph(True, on_true=["switch", 0])
    assert without_switches(circle)["end"]["inputs"] == {"images": ["switch", 0]}


def key(prompt: Prompt, node_id: str = "end") -> str:
    inputs = prompt[node_id]["inputs"]
    return value_key(DynamicPrompt(prompt).get_node, inputs.get("images"), [""])


def test_a_cached_result_is_that_of_the_chosen_branch_alone(pack: list[Any]) -> None:
    """It is found whatever the other branch has become, and in a graph that has no switch."""
    off = graph(False, **BOTH)
    assert key(off) == key({**off, "blue": image(3)}) == key(without_switches(off))
    assert key(off) != key({**off, "red": image(3)}) and key(off) != key(graph(True, **BOTH))
    behind = {"class_type": "ImageInvert", "inputs": {"image": ["switch", 0]}}
    far = {**off, "behind": behind, "end": {"class_type": "PreviewImage", "inputs": {"images": ["behind", 0]}}}
    assert key(far) == key({**far, "blue": image(3)}) == key(without_switches(far)) != key({**far, "red": image(3)})
    nothing = {**far, "switch": graph(False)["switch"]}
    assert key(nothing) == key({**nothing, "behind": {"class_type": "ImageInvert", "inputs": {}}})


def test_the_report_does_not_call_cached_what_was_not_chosen() -> None:
    prompt = graph(False, on_true=["cut", 0], on_false=["drawn", 0])
    prompt |= {"cut": {"class_type": "FrugalCropToPerson", "inputs": {}}}
    prompt |= {"drawn": {"class_type": "FrugalDrawPose", "inputs": {}}}
    assert [stage.stage for stage in stages_in_front(prompt, "end", {})] == ["FrugalDrawPose"]


def test_jobs_whose_clips_go_other_ways_do_not_meet() -> None:
    def job(switch: bool, place: str = "5") -> str:
        prompt = workflow()
        inputs = {"switch": switch, "on_true": ["1", 0]}
        prompt["9"] = {"class_type": "FrugalSwitch", "inputs": inputs}
        name = "source_video" if place == "6" else "frames"
        prompt["6" if place == "6" else "7"]["inputs"][name] = ["9", 0]
        return batch_key(prompt, kinds)

    assert job(True, "6") != job(False, "6") and job(True, "6") == job(True, "6") != ""
