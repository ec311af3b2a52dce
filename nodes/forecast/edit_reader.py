"""What a workflow is going to do, read from its prompt; files are probed, nothing is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from comfy_api.latest import InputImpl

from ..caching.configured import cache, value_key
from ..caching.signature import Unsignable
from ..errors import InputError
from ..host.folders import input_file, model_file
from ..host.video import as_stream, uncharged
from ..keyframes.keyframes import Keyframes
from ..keyframes.uniform import every_nth
from ..pose.render import resolve_size
from ..sampling.calls import model_calls
from ..sampling.edit import EDIT_MODES
from ..sampling.node import FrugalTextLines
from ..sampling.sampler import BY_THE_PICTURE
from ..video.grid import ClipStream
from ..video.node import FrugalLoadClips, FrugalLoadVideo
from ..video.rates import usual_rate
from .edit import Calls, Edit, EditedClip, Nets, Work
from .model_work import checkpoint_work, control_work, interpolation_work, upscale_work, vae_work
from .workflow import Workflow

SAMPLER, INTERPOLATE, UPSCALE = "FrugalKeyframeSampler", "FrugalInterpolate", "FrugalUpscale"
LOADERS = ("FrugalLoadVideo", "FrugalLoadClips", "LoadVideo")
CHECKPOINTS = {"CheckpointLoaderSimple": ("checkpoints", "ckpt_name"), "UNETLoader": ("diffusion_models", "unet_name")}
VAES = {"CheckpointLoaderSimple": ("checkpoints", "ckpt_name"), "VAELoader": ("vae", "vae_name")}
CONTROLS = {
    "ControlNetLoader": ("controlnet", "control_net_name"),
    "DiffControlNetLoader": ("controlnet", "model"),
}
UPSCALERS = {"UpscaleModelLoader": ("upscale_models", "model_name")}
INTERPOLATORS = {
    "FrugalLoadInterpolator": ("frame_interpolation", "model_name"),
    "FrameInterpolationModelLoader": ("frame_interpolation", "model_name"),
}
STAGES = {
    **dict.fromkeys(LOADERS, "load"),
    "FrugalExtractPose": "pose",
    "FrugalPlanKeyframes": "plan",
    "FrugalDrawPose": "draw",
    "FrugalSaveVideo": "save",
    "SaveVideo": "save",
}
UNCOUNTED = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced", "VAEDecode", "VAEEncode")


@dataclass(frozen=True)
class Planned:
    """A job, the work of the nets that it names, and what was left out."""

    job: Edit
    nets: Nets
    notes: tuple[str, ...] = ()


def planned(prompt: Any, keyframes: Keyframes | None = None) -> Planned:
    """Read a prompt.

    Args:
        prompt: as posted to ``/prompt``.
        keyframes: the exact plan of the clip, if it is known.

    Raises:
        InputError: something that is needed is missing or known only during the run; it names the node.
    """
    return _Reader(Workflow(prompt), keyframes).read()


class _Reader:
    def __init__(self, workflow: Workflow, keyframes: Keyframes | None) -> None:
        self.workflow, self.keyframes = workflow, keyframes
        self.sampler = self._only(SAMPLER)
        self.interpolate = self._only(INTERPOLATE)
        self.upscale = self._only(UPSCALE)
        self.notes: list[str] = []

    def read(self) -> Planned:
        flow = self.workflow
        for node_id in flow.ids(*UNCOUNTED):
            self.notes.append(f"{flow.title(node_id)} is not part of the estimate.")
        clips = self._clips()
        options: dict[str, Any] = {"clips": clips, "mode": None, "cpu": self._on_cpu(), "cached": self._cached()}
        nets: dict[str, Any] = {}
        for read in (self._sampling, self._interpolation, self._upscaling):
            found = read()
            options |= found[0]
            nets |= found[1]
        return Planned(Edit(**options), Nets(**nets), tuple(self.notes))

    def _only(self, kind: str) -> str | None:
        found = self.workflow.ids(kind)
        if len(found) > 1:
            names = " and ".join(self.workflow.title(node_id) for node_id in found)
            raise InputError("prompt", f"{names}, both {kind}", "one of them", "Estimate each part by itself.")
        return found[0] if found else None

    def _clips(self) -> tuple[EditedClip, ...]:
        flow = self.workflow
        start = self.sampler or self.interpolate or self.upscale
        end = [start] if start else [*flow.ids("FrugalSaveVideo", "SaveVideo"), *flow.prompt]
        if self.sampler:
            loader = flow.nearest(self.sampler, "keyframes", LOADERS) or flow.nearest(self.sampler, None, LOADERS)
        else:
            loader = next(filter(None, (flow.nearest(node_id, None, LOADERS) for node_id in end)), None)
        if loader is None:
            where = flow.title(start) if start else "prompt"
            raise InputError(where, "no video", "a Load Video or Load Clips node in front of it")
        with flow.naming(loader):
            clips = [self._clip(stream) for stream in self._streams(loader)]
        return tuple(clips * self._prompts(len(clips)))

    def _streams(self, loader: str) -> list[ClipStream]:
        kind, inputs = self.workflow.kind(loader), self.workflow.inputs(loader)
        if kind == "FrugalLoadVideo":
            videos = [FrugalLoadVideo.execute(**inputs).args[0]]
        elif kind == "FrugalLoadClips":
            videos = FrugalLoadClips.execute(**inputs).args[0]
        else:
            videos = [InputImpl.VideoFromFile(str(input_file(inputs["file"])))]
        streams = [uncharged(as_stream(video))[0] for video in videos]
        return [stream for stream in streams if isinstance(stream, ClipStream)]

    def _clip(self, stream: ClipStream) -> EditedClip:
        info = stream.info
        plan, size = self.keyframes or self._plan(info.frame_count, info.frame_rate), (info.width, info.height)
        if plan.frame_count != info.frame_count:
            allowed = f"a plan for the clip's {info.frame_count} frames"
            raise InputError("keyframes", f"a plan for {plan.frame_count} frames", allowed)
        if self.sampler:
            draw = self.workflow.nearest(self.sampler, "control_images", ["FrugalDrawPose"])
            if draw:
                size = resolve_size(info, *(int(self.workflow.value(draw, side, 0)) for side in ("width", "height")))
            size = max(size[0] // 8, 1) * 8, max(size[1] // 8, 1) * 8
        return EditedClip(plan, size, stream.source_size)

    def _plan(self, frame_count: int, frame_rate: Fraction) -> Keyframes:
        if self.sampler is None:
            return Keyframes.all_frames(frame_count, frame_rate)
        node = self.workflow.nearest(self.sampler, "keyframes", ["FrugalPlanKeyframes"])
        if node is None:
            found = "no Plan Keyframes in front of it"
            raise self.workflow.error(self.sampler, "keyframes", found, "a plan that is known before the run")
        with self.workflow.naming(node):  # an adaptive plan has as many; cuts that may be found add some
            return every_nth(frame_count, frame_rate, int(self.workflow.value(node, "every", 4)))

    def _prompts(self, clips: int) -> int:
        """How often each clip is edited: once for every line of prompts, if there is one clip."""
        node = self.workflow.nearest(self.sampler, "positive", ["FrugalTextLines"]) if self.sampler else None
        if node is None:
            return 1
        with self.workflow.naming(node):
            lines = len(FrugalTextLines.execute(str(self.workflow.value(node, "text"))).args[0])
            if clips > 1 and lines not in (1, clips):
                raise InputError("text", f"{lines} lines", f"1 for all, or {clips}, as there are clips")
        return lines if clips == 1 else 1

    def _sampling(self) -> tuple[dict[str, Any], dict[str, Any]]:
        node, flow = self.sampler, self.workflow
        if node is None:
            return {}, {}
        value = partial(flow.value, node)
        model = self._file(node, "model", CHECKPOINTS)
        with flow.naming(node):
            found = checkpoint_work(model)
            vae = self._file(node, "vae", VAES)
            encode, decode = (found.encode, found.decode) if vae == model else vae_work(vae)
            control, control_bytes = control_work(self._file(node, "control_net", CONTROLS))
        denoise, sampler = float(value("denoise", 1.0)), str(value("sampler_name", "dpmpp_2m"))
        calls = partial(_calls, found.model_sampling, sampler, str(value("scheduler", "karras")))
        control_range = float(value("control_start", 0.0)), float(value("control_end", 1.0))
        counts: Calls = partial(calls, denoise, control_range if value("control_strength", 1.0) else None)
        refine_denoise = float(value("refine_denoise", 0.3))
        if sampler == BY_THE_PICTURE:
            self.notes.append(f"{sampler} chooses its steps by the picture: the estimate is a guess.")
        if float(value("anchor", 0.0)) > 0:
            self.notes.append("The anchor's attention is left out.")
        mode = value("mode", "sparse")
        if mode not in EDIT_MODES:
            raise flow.error(node, "mode", repr(mode), ", ".join(EDIT_MODES))
        options = {
            "mode": mode,
            "steps": int(value("steps", 18)),
            "refine_steps": int(value("refine_steps", 4)),
            "cfg": float(value("cfg", 7.0)) != 1 or "cfg_pp" in sampler,
            "encodes": denoise < 1,
            "refines": refine_denoise > 0,
            "calls": counts,
            "refine_calls": partial(calls, refine_denoise, None),
        }
        nets = {
            "unet": found.unet,
            "control": self._counted(control, "ControlNet"),
            "encode": self._counted(encode, "VAE"),
            "decode": self._counted(decode, "VAE"),
            "weights": found.weights + control_bytes,
            "row_memory": found.row_memory,
        }
        if mode == "hybrid":
            nets |= self._interpolator(node)
        return options, nets

    def _interpolation(self) -> tuple[dict[str, Any], dict[str, Any]]:
        node = self.interpolate
        if node is None:
            return {}, {}
        rate = usual_rate(float(self.workflow.value(node, "frame_rate", 25.0)))
        if rate <= 0:
            raise self.workflow.error(node, "frame_rate", str(rate), "more than 0")
        return {"frame_rate": rate}, self._interpolator(node)

    def _interpolator(self, node: str) -> dict[str, Any]:
        path = self._file(node, "interp_model", INTERPOLATORS)
        try:
            prepare, interpolate = interpolation_work(path)
        except InputError:  # FILM
            self.notes.append(f"The work of {path.name} cannot be counted; it is left out.")
            return {}
        return {"prepare": prepare, "interpolate": interpolate}

    def _upscaling(self) -> tuple[dict[str, Any], dict[str, Any]]:
        node, flow = self.upscale, self.workflow
        if node is None:
            return {}, {}
        path = self._file(node, "upscale_model", UPSCALERS)
        behind = flow.nearest(node, "frames", (SAMPLER, INTERPOLATE, *LOADERS))
        is_image = behind is not None and flow.kind(behind) == SAMPLER
        with flow.naming(node):
            work = self._counted(upscale_work(path), path.name)
        return {
            "upscales": True,
            "scale": float(flow.value(node, "scale", 2.0)),
            "longer_side": int(flow.value(node, "longer_side", 0)),
            "order": "upscale first"
            if is_image
            else "cheaper",  # an IMAGE is enlarged at once, a VIDEO when it is read
        }, {"upscale": work}

    def _file(self, node: str, name: str, loaders: dict[str, tuple[str, str]]) -> Path:
        """The file that the loader behind an input names."""
        loader = self.workflow.nearest(node, name, loaders)
        if loader is None:
            raise self.workflow.error(node, name, "no known loader", f"one of {', '.join(loaders)}")
        folder, argument = loaders[self.workflow.kind(loader)]
        with self.workflow.naming(loader):
            return model_file(folder, str(self.workflow.value(loader, argument)), argument)

    def _counted(self, work: Work, name: str) -> Work:
        """The work, or none with a note where it cannot be counted."""
        if work(64, 64) is not None:
            return work
        self.notes.append(f"The work of the {name} cannot be counted; it is left out.")
        return lambda width, height: 0.0

    def _on_cpu(self) -> tuple[str, ...]:
        kinds = map(self.workflow.kind, self.workflow.prompt)
        return tuple(dict.fromkeys(STAGES[kind] for kind in kinds if kind in STAGES))

    def _cached(self) -> frozenset[str]:
        """Stages all of whose nodes a Hash Cache spares."""
        flow, hit = self.workflow, self._hits()
        needed = flow.needed(hit.__contains__) if hit else set(flow.prompt)
        stages = {node_id: self._stages(node_id) for node_id in flow.prompt}
        running = {stage for node_id in needed for stage in stages[node_id]}
        return frozenset(stage for found in stages.values() for stage in found if stage not in running)

    def _stages(self, node_id: str) -> Sequence[str]:
        kind = self.workflow.kind(node_id)
        if kind == SAMPLER:
            return "encode", "sample", "decode"
        other = {INTERPOLATE: "interpolate", UPSCALE: "upscale", **STAGES}.get(kind)
        return (other,) if other else ()

    def _hits(self) -> set[str]:
        """Hash Caches that have their value, asked as they ask themselves."""
        flow, store = self.workflow, cache()
        nodes = [node_id for node_id in flow.ids("FrugalHashCache") if self._is_read(node_id)]

        def is_kept(node_id: str) -> bool:
            inputs = flow.prompt[node_id]["inputs"]
            try:
                key = value_key(flow.prompt.__getitem__, inputs.get("value"), [inputs.get("motion_style", "")])
            except (Unsignable, OSError, LookupError, RecursionError):  # a wire from nowhere, a chain of thousands
                return False
            return store.find(key) is not None

        return set(filter(is_kept, nodes))

    def _is_read(self, node_id: str) -> bool:
        value = self.workflow.value
        return bool(value(node_id, "enabled", True)) and not value(node_id, "refresh", False)


def _calls(
    model_sampling: Any,
    sampler: str,
    scheduler: str,
    denoise: float,
    control_range: tuple[float, float] | None,
    steps: int,
) -> tuple[int, int]:
    net, control = model_calls(model_sampling, sampler, scheduler, steps, denoise, control_range or (0.0, 1.0))
    return net, control if control_range else 0
