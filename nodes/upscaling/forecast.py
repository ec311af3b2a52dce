"""What upscaling will take."""

from __future__ import annotations

from dataclasses import replace

from ..forecast.edit_work import Edit, Nets
from ..forecast.facts import Clips, EditPlan, Forecast, Upscaler
from ..forecast.inputs import Inputs


def upscale(inputs: Inputs) -> Forecast:
    """An IMAGE is enlarged at once; a VIDEO when it is read, and so in the cheaper order with an interpolation."""
    net = inputs.needed("upscale_model", Upscaler, "UpscaleModelLoader")
    scale, longer_side = float(inputs.value("scale", 2.0)), int(inputs.value("longer_side", 0))
    frames = inputs.fact("frames", Clips)
    if frames is None:
        return Forecast()
    before = inputs.edit_of(frames)
    if before and before.edit.upscales:
        before = None
    old = before or EditPlan(Edit(frames.clips, mode=None), Nets(), {})
    edit = replace(
        old.edit,
        upscales=True,
        scale=scale,
        longer_side=longer_side,
        order="upscale first" if frames.is_image else "cheaper",
    )
    found = EditPlan(edit, replace(old.nets, upscale=net.work), {**old.nodes, "upscale": inputs.node_id}, before)
    larger = tuple(replace(clip, size=edit.enlarged(clip.size)) for clip in frames.clips)
    return Forecast((Clips(larger, found, frames.is_image),), edit=found)
