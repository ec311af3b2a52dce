"""Batch Sampler, and Batch Sampler (Advanced)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import comfy.samplers
from comfy_api.latest import io, ui

from ...batched import Batched, JobResults
from ...forecast.core_sampling import sample_steps
from ...host.frugal_node import FrugalNode
from ...host.lists import only
from ...host.progress import show_on_node
from .. import forecast
from ..requests import StepSettings
from ..several_requests import REQUEST, SampledRequests, sampled_requests
from ..windows import Windows

# ComfyUI does not run a node that takes lists while one item of them is blocked.
_STOPPED = "a second Batch Sampler behind this one runs for none of them: mend that request, or take it out"
_MANY = "A list is several requests; a list of one goes for all."


class _BatchSampler(FrugalNode):
    """What both have in common."""

    DEVICE = "gpu"

    SEED: ClassVar[str] = "seed"

    @classmethod
    def settings(cls, value: Mapping[str, Any]) -> StepSettings:
        """What all requests share."""
        raise NotImplementedError

    @classmethod
    def windows(cls, value: Mapping[str, Any]) -> Windows | None:
        """In which windows clips are sampled."""
        return None

    @classmethod
    def sampled(cls, model: list[Any], **lists: list[Any]) -> SampledRequests:
        """Sample what lists of the node's inputs mean."""
        by_request = {name: lists.pop(cls.SEED if name == "seed" else name) for name in REQUEST}
        value = {name: only(name, values) for name, values in lists.items()}
        return sampled_requests(only("model", model), cls.settings(value), by_request, cls.windows(value))

    @classmethod
    def execute(cls, **lists: list[Any]) -> io.NodeOutput:
        found = cls.sampled(**lists)
        report = f"{found.report}\n{_STOPPED}" if found.failed else found.report
        show_on_node(report)
        return io.NodeOutput(found.latents, ui=ui.PreviewText(report))

    @classmethod
    def execute_for_jobs(cls, **lists: list[Any]) -> JobResults:
        found = cls.sampled(**lists)
        left_out = {number - 1: str(error) for number, error in found.failed.items()}
        return JobResults((found.latents,), left_out, found.report)


def _model() -> Any:
    return io.Model.Input("model", tooltip="Any model that KSampler takes, of pictures or of videos.")


def _steps() -> Any:
    return io.Int.Input("steps", default=20, min=1, max=10000, tooltip="How often the model looks at the picture.")


def _cfg() -> Any:
    return io.Float.Input(
        "cfg",
        default=8.0,
        min=0.0,
        max=100.0,
        step=0.1,
        round=0.01,
        tooltip="How strictly to follow the prompt. Exactly 1 halves the work, and ignores the negative prompt.",
    )


def _seed(name: str) -> Any:
    return io.Int.Input(
        name,
        default=0,
        min=0,
        max=0xFFFFFFFFFFFFFFFF,
        control_after_generate=True,
        tooltip=f"Of the noise. {_MANY}",
    )


def _sampler() -> list[Any]:
    solver = comfy.samplers.KSampler
    return [
        io.Combo.Input("sampler_name", options=solver.SAMPLERS, tooltip="How to get from noise to picture."),
        io.Combo.Input("scheduler", options=solver.SCHEDULERS, tooltip="The noise levels."),
    ]


def _requests() -> list[Any]:
    return [
        io.Conditioning.Input("positive", tooltip=f"What the result should look like. {_MANY}"),
        io.Conditioning.Input("negative", tooltip=f"What it should not look like. {_MANY}"),
        io.Latent.Input("latent_image", tooltip=f"What to start from. {_MANY}"),
    ]


def _latents() -> Any:
    return io.Latent.Output(display_name="latents", is_output_list=True, tooltip="The sampled latents, in order.")


class FrugalBatchSampler(_BatchSampler):
    """Samples several requests in the same batches."""

    FORECAST = staticmethod(forecast.sample_requests)
    BATCHED = Batched(
        "FrugalJobsKSampler",
        by_job=frozenset({"positive", "negative", "latent_image", "seed"}),
        outputs=("The sampled latent of a job.",),
        called="samplers",
        stands_for=("KSampler",),
    )
    SEARCH_ALIASES = ("ksampler", "batch", "queue", "several prompts", "wan", "video", "long video", "windows", "cheap")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalBatchSampler",
            display_name="Batch Sampler",
            category="Frugal Motion/Sampling",
            description="KSampler for several requests at once, of pictures or videos. Lists of prompts, latents or "
            "seeds are requests: those of one shape share batches, as many as fit memory, and each comes out as from "
            "KSampler alone.",
            is_input_list=True,
            inputs=[
                _model(),
                _seed("seed"),
                _steps(),
                _cfg(),
                *_sampler(),
                *_requests(),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="1: from pure noise. Less: keep more of what the latents hold.",
                ),
                io.Int.Input(
                    "window",
                    default=0,
                    min=0,
                    max=4001,
                    optional=True,
                    tooltip="Frames that Wan's models take at once, 4n + 1, such as 81: longer clips are sampled in "
                    "windows. 0: the whole clip.",
                ),
                io.Int.Input(
                    "overlap",
                    default=16,
                    min=0,
                    max=4000,
                    step=4,
                    optional=True,
                    tooltip="Frames that a window has in common with the one before, at least. More: calmer joins, "
                    "more work.",
                ),
            ],
            outputs=[_latents()],
        )

    @classmethod
    def settings(cls, value: Mapping[str, Any]) -> StepSettings:
        return StepSettings(
            value["steps"], value["cfg"], value["sampler_name"], value["scheduler"], value.get("denoise", 1.0)
        )

    @classmethod
    def windows(cls, value: Mapping[str, Any]) -> Windows | None:
        length = value.get("window", 0)
        return Windows.of_frames(length, value.get("overlap", 16)) if length else None


class FrugalBatchSamplerAdvanced(_BatchSampler):
    """Samples some of the steps of several requests in the same batches."""

    SEED = "noise_seed"
    FORECAST = staticmethod(sample_steps)
    BATCHED = Batched(
        "FrugalJobsKSamplerAdvanced",
        by_job=frozenset({"positive", "negative", "latent_image", "noise_seed"}),
        outputs=("The sampled latent of a job.",),
        called="samplers",
        stands_for=("KSamplerAdvanced",),
    )
    SEARCH_ALIASES = ("ksampler advanced", "batch", "queue", "two experts", "wan 2.2", "video", "cheap")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalBatchSamplerAdvanced",
            display_name="Batch Sampler (Advanced)",
            category="Frugal Motion/Sampling",
            description="KSampler (Advanced) for several requests at once, of pictures or videos: some of the steps. "
            "Two in a row do the two experts of Wan 2.2, and each expert is loaded once for all requests.",
            is_input_list=True,
            inputs=[
                _model(),
                io.Combo.Input(
                    "add_noise",
                    options=["enable", "disable"],
                    tooltip="disable: go on with latents that have noise left.",
                ),
                _seed("noise_seed"),
                _steps(),
                _cfg(),
                *_sampler(),
                *_requests(),
                io.Int.Input("start_at_step", default=0, min=0, max=10000, tooltip="The step that is taken first."),
                io.Int.Input("end_at_step", default=10000, min=0, max=10000, tooltip="The step before which it ends."),
                io.Combo.Input(
                    "return_with_leftover_noise",
                    options=["disable", "enable"],
                    tooltip="enable: leave the noise of later steps in, for a sampler behind this one.",
                ),
            ],
            outputs=[_latents()],
        )

    @classmethod
    def settings(cls, value: Mapping[str, Any]) -> StepSettings:
        return StepSettings(
            value["steps"],
            value["cfg"],
            value["sampler_name"],
            value["scheduler"],
            adds_noise=value["add_noise"] == "enable",
            first=value["start_at_step"],
            last=value["end_at_step"],
            leaves_noise=value["return_with_leftover_noise"] == "enable",
        )
