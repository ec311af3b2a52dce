"""Several clips, as lists of a sampler's inputs, edited together."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.samplers
import torch
from comfy_execution.graph_utils import ExecutionBlocker

from ..errors import InputError
from ..host.frugal_node import note_shares, note_spared
from ..host.lists import broadcast, only
from ..host.video import as_stream, is_video
from ..keyframes.keyframes import Keyframes as Plan
from ..motion.motion import Motion
from .editor import EDIT_MODES, CheckedClip, ClipInput, Editor, EditSettings, Models
from .keyframe_control import on_every_frame
from .parts import Mode
from .reference import ReferenceSettings
from .sampler import Control, SamplerSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Samples:
    """What has become of several clips.

    Attributes:
        frames, keyframes: by clip; those of one that is left out block what is behind them.
        failed: by number (from 1), why a clip is left out.
        report: for people.
    """

    frames: list[Any]
    keyframes: list[Any]
    failed: dict[int, InputError]
    report: str


def sampled(
    model: list[Any],
    control_net: list[Any],
    vae: list[Any],
    positive: list[Any],
    negative: list[Any],
    control_images: list[torch.Tensor],
    keyframes: list[Plan],
    seed: list[int],
    source_video: list[Any] | None = None,
    motion: list[Motion | None] | None = None,
    mask: list[Any] | None = None,
    reference: list[torch.Tensor | None] | None = None,
    **shared: list[Any],
) -> Samples:
    """Sample the clips that lists of the sampler's inputs mean, together.

    Raises:
        InputError: an input does not fit the others, or none of the clips can be sampled.
    """
    inputs = broadcast(
        {
            "positive": positive,
            "negative": negative,
            "control_images": control_images,
            "keyframes": keyframes,
            "seed": seed,
            "source_video": source_video or [None],
            "motion": motion or [None],
            "mask": mask or [None],
            "reference": reference or [None],
        }
    )
    editor = _editor(
        only("model", model),
        only("vae", vae),
        only("control_net", control_net),
        **{name: only(name, values) for name, values in shared.items()},
    )
    clips, failed = _prepared(editor, inputs)
    edited = editor.edit(clips)
    note_shares(_shares(editor, clips, failed))
    note_spared(sum(len(one.keyframes.frames) for one in edited), sum(len(clip.unchanged) for clip in clips))
    made = iter(edited)
    results = [None if number in failed else next(made) for number in range(1, len(inputs) + 1)]
    told = {number: result.note for number, result in enumerate(results, 1) if result and result.note}
    # Blocks what is behind it for this clip alone, so that lists keep their order.
    blocked = ExecutionBlocker(None)
    return Samples(
        [result.frames if result else blocked for result in results],
        [result.keyframes if result else blocked for result in results],
        failed,
        _report(editor, clips, told, failed),
    )


def _editor(
    model: Any,
    vae: Any,
    control_net: Any,
    *,
    mode: Any,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    denoise: float,
    control_strength: float,
    control_start: float,
    control_end: float,
    interp_model: Any = None,
    refine_steps: int = 4,
    refine_denoise: float = 0.3,
    anchor: float = 0.0,
    steady_colours: float = 0.0,
    reference_strength: float = 1.0,
    reference_start: float = 0.0,
    reference_end: float = 1.0,
) -> Editor:
    _check_choice("mode", mode, EDIT_MODES)
    _check_choice("sampler_name", sampler_name, comfy.samplers.KSampler.SAMPLERS)
    _check_choice("scheduler", scheduler, comfy.samplers.KSampler.SCHEDULERS)
    rows: Mode = "dense" if mode == "dense" else "sparse"
    control = Control(control_net, control_strength, control_start, control_end)
    reference = ReferenceSettings(reference_strength, reference_start, reference_end)
    sampling = SamplerSettings(rows, steps, cfg, sampler_name, scheduler, denoise, anchor, reference)
    settings = EditSettings(mode, sampling, refine_steps, refine_denoise, steady_colours)
    return Editor(Models(model, vae, control, interp_model), settings)


def _prepared(editor: Editor, inputs: list[dict[str, Any]]) -> tuple[list[CheckedClip], dict[int, InputError]]:
    """The clips that can be sampled, and by number (from 1) what is wrong with the others.

    Raises:
        InputError: all are wrong; says what is wrong with the first.
    """
    clips: list[CheckedClip] = []
    failed: dict[int, InputError] = {}
    for number, given in enumerate(inputs, 1):
        try:
            streams = {name: as_stream(given[name]) for name in ("source_video", "mask") if is_video(given[name])}
            clips.append(editor.prepare(ClipInput(**{**given, **streams})))
        except InputError as error:
            failed[number] = error
            logger.warning("Keyframe Sampler: clip %d is left out: %s", number, error)
    if not clips:
        raise next(iter(failed.values()))
    return clips, failed


def _shares(editor: Editor, clips: list[CheckedClip], failed: Collection[int]) -> dict[int, float]:
    """Sampled frames by place in the list, where a clip that has failed has none."""
    frames = iter(clips)
    count = len(clips) + len(failed)
    return {n - 1: 0.0 if n in failed else float(editor.frames_sampled(next(frames))) for n in range(1, count + 1)}


def _report(editor: Editor, clips: list[CheckedClip], told: Mapping[int, str], failed: Mapping[int, InputError]) -> str:
    frames = sum(map(editor.frames_sampled, clips))
    precision = str(editor.models.model.model_dtype()).removeprefix("torch.")
    lines = [f"{frames} frames of {len(clips)} clip{'s' * (len(clips) != 1)} in {precision}"]
    unknown = editor.not_interpolated()
    if unknown:
        lines.append(on_every_frame(unknown))
    lines += [f"clip {number}: {note}" for number, note in told.items()]
    return "\n".join([*lines, *(f"clip {number} is left out: {error}" for number, error in failed.items())])


def _check_choice(name: str, value: str, options: Sequence[str]) -> None:
    # ComfyUI 0.3.75 does not validate the combos of V3 nodes.
    if value not in options:
        raise InputError(name, repr(value), ", ".join(options))
