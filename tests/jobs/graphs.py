"""A small workflow, and what it means."""

from __future__ import annotations

from typing import Any

from frugal_motion.nodes.graph import Prompt, is_link
from frugal_motion.nodes.jobs.kinds import Batcher, Kind
from frugal_motion.nodes.jobs.merge import LIST_CLASS

SAMPLER = "FrugalKeyframeSampler"
SAVE = "FrugalSaveVideo"
BATCHER = Batcher(
    "FrugalJobsSampler",
    frozenset({"positive", "negative", "control_images", "keyframes", "seed", "source_video", "motion"}),
    2,
)


def kinds(class_type: str) -> Kind:
    return Kind(
        is_output=class_type == SAVE,
        makes_lists=class_type == "FrugalLoadClips",
        is_precomputable=class_type in ("FrugalLoadVideo", "FrugalPlanKeyframes"),
        reads_prompt=class_type == "FrugalCostEstimate",
        batcher=BATCHER if class_type == SAMPLER else None,
    )


def workflow(
    file: str = "a.mp4",
    text: str = "a robot",
    seed: int = 1,
    *,
    steps: int = 4,
    model: str = "one.ckpt",
    width: int = 64,
    prefix: str = "video/x",
    loader: str = "FrugalLoadVideo",
) -> Prompt:
    return {
        "1": _node(loader, "Load Video", file=file, width=width),
        "2": _node("CheckpointLoaderSimple", "Checkpoint", ckpt_name=model),
        "3": _node("CLIPTextEncode", "Prompt", text=text, clip=["2", 1]),
        "4": _node("CLIPTextEncode", "Negative", text="", clip=["2", 1]),
        "5": _node("FrugalPlanKeyframes", "Plan", video=["1", 0], every=4),
        "6": _node(
            SAMPLER,
            "Sampler",
            model=["2", 0],
            positive=["3", 0],
            negative=["4", 0],
            control_images=["1", 0],
            keyframes=["5", 0],
            seed=seed,
            steps=steps,
        ),
        "7": _node("FrugalInterpolate", "Interpolate", frames=["6", 0], keyframes=["6", 1], frame_rate=25),
        "8": _node(SAVE, "Save", video=["7", 0], filename_prefix=prefix),
    }


def _node(class_type: str, title: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title}}


def meaning(prompt: Prompt, value: Any) -> Any:
    """What an input stands for, down to the literals, as the prompt of one job would say it.

    A sampler of several jobs stands, at the outputs of one, for the sampler of that job.
    """
    if not is_link(value):
        return value
    node, output = prompt[value[0]], value[1]
    if node["class_type"] != BATCHER.together:
        return (node["class_type"], output, _meanings(prompt, node["inputs"]))
    place, output = divmod(output, BATCHER.outputs)
    inputs = {}
    for key, given in node["inputs"].items():
        source = prompt.get(given[0], {}) if is_link(given) else {}
        is_list = source.get("class_type") == LIST_CLASS
        inputs[key] = source["inputs"][f"item_{place + 1}"] if is_list else given
    return (SAMPLER, output, _meanings(prompt, inputs))


def _meanings(prompt: Prompt, inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: meaning(prompt, value) for name, value in inputs.items()}
