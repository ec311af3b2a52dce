"""Jobs that sample with ComfyUI's own samplers meet in one of the pack's."""

from __future__ import annotations

from typing import Any

import pytest

from frugal_motion.nodes.graph import Prompt
from frugal_motion.nodes.jobs.comfy_queue import kind_of
from frugal_motion.nodes.jobs.gather import batch_key
from frugal_motion.nodes.jobs.merge import merged
from frugal_motion.nodes.sampling.node import NODES
from nodes import NODE_CLASS_MAPPINGS


@pytest.fixture(autouse=True)
def _the_pack_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for node_class in NODES:
        monkeypatch.setitem(NODE_CLASS_MAPPINGS, node_class.define_schema().node_id, node_class)


SETTINGS = {"steps": 4, "cfg": 5.0, "sampler_name": "euler", "scheduler": "simple"}


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def picture(text: str = "a robot", seed: int = 1, steps: int = 4, batch_size: int = 1) -> Prompt:
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name="one.ckpt"),
        "2": node("CLIPTextEncode", text=text, clip=["1", 1]),
        "3": node("CLIPTextEncode", text="", clip=["1", 1]),
        "4": node("EmptyLatentImage", width=512, height=512, batch_size=batch_size),
        "5": node(
            "KSampler",
            model=["1", 0],
            seed=seed,
            positive=["2", 0],
            negative=["3", 0],
            latent_image=["4", 0],
            denoise=1.0,
            **{**SETTINGS, "steps": steps},
        ),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="x"),
    }


def video(text: str = "a robot", seed: int = 1, length: int = 81) -> Prompt:
    """Both experts of Wan 2.2, one after the other."""

    def expert(model: str, latent: Any, **steps: Any) -> Any:
        given = {"positive": ["4", 0], "negative": ["4", 1], "latent_image": latent, "noise_seed": seed}
        noise = "disable" if steps["start_at_step"] else "enable"
        return node("KSamplerAdvanced", model=[model, 0], add_noise=noise, **given, **SETTINGS, **steps)

    return {
        "1": node("UNETLoader", unet_name="high.safetensors", weight_dtype="default"),
        "2": node("UNETLoader", unet_name="low.safetensors", weight_dtype="default"),
        "3": node("CLIPLoader", clip_name="umt5.safetensors", type="wan"),
        "8": node("VAELoader", vae_name="wan.safetensors"),
        "9": node("CLIPTextEncode", text=text, clip=["3", 0]),
        "4": node(
            "WanVaceToVideo",
            positive=["9", 0],
            negative=["9", 0],
            vae=["8", 0],
            width=832,
            height=480,
            length=length,
            batch_size=1,
            strength=1.0,
        ),
        "5": expert("1", ["4", 2], start_at_step=0, end_at_step=2, return_with_leftover_noise="enable"),
        "6": expert("2", ["5", 0], start_at_step=2, end_at_step=9, return_with_leftover_noise="disable"),
        "7": node("VAEDecode", samples=["6", 0], vae=["8", 0]),
        "10": node("SaveImage", images=["7", 0], filename_prefix="x"),
    }


def test_two_jobs_of_ksampler_share_one_sampler() -> None:
    run = merged([picture("a robot", 1), picture("a king", 2)], kind_of)
    sampler = run.prompt["5"]
    assert sampler["class_type"] == "FrugalJobsKSampler"
    assert sampler["inputs"]["model"] == ["1", 0] and sampler["inputs"]["steps"] == 4
    assert run.prompt["5~seed"]["inputs"] == {"item_1": 1, "item_2": 2}
    assert [run.prompt[f"6~{place}"]["inputs"]["samples"] for place in (1, 2)] == [["5", 0], ["5", 1]]


def test_two_experts_are_there_once_for_all_jobs() -> None:
    run = merged([video("a robot", 1), video("a king", 2)], kind_of)
    assert [run.prompt[name]["class_type"] for name in ("5", "6")] == ["FrugalJobsKSamplerAdvanced"] * 2
    assert run.prompt["6~latent_image"]["inputs"] == {"item_1": ["5", 0], "item_2": ["5", 1]}
    assert run.prompt["7~2"]["inputs"]["samples"] == ["6", 1]


def test_jobs_that_differ_in_what_is_theirs_have_one_key() -> None:
    assert batch_key(picture(), kind_of) == batch_key(picture("a king", 2), kind_of) != ""
    assert batch_key(video(), kind_of) == batch_key(video("a king", 2), kind_of) != ""


@pytest.mark.parametrize(
    "other", [picture(steps=5), picture(batch_size=2)], ids=["settings of the sampler", "rows of the latent"]
)
def test_pictures_that_do_not_fit_one_batch_have_another_key(other: Prompt) -> None:
    assert batch_key(picture(), kind_of) != batch_key(other, kind_of)


@pytest.mark.parametrize("name", ["length", "width", "height", "batch_size"])
def test_clips_of_another_size_or_length_have_another_key(name: str) -> None:
    other = video()
    other["4"]["inputs"][name] += 4
    assert batch_key(video(), kind_of) != batch_key(other, kind_of)
