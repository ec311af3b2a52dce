"""A CONTROL_NET that runs on keyframes and interpolates its residuals for the frames between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comfy.controlnet
import torch
from comfy.controlnet import ControlBase

from ..errors import InputError
from ..keyframes.keyframes import Keyframes
from .layout import Layout
from .rows import SomeRows

Control = dict[str, list[torch.Tensor | None]]

# What ComfyUI's apply nodes and samplers read from a control.
_MIRRORED = (
    "concat_mask",
    "latent_format",
    "compression_ratio",
    "upscale_algorithm",
    "extra_args",
    "extra_conds",
    "preprocess_image",
    "strength_type",
)


class KeyframeControl(ControlBase):
    """Wraps any ControlNet, by composition, so that any loader and any sampler can use it.

    ControlNet residuals vary smoothly from frame to frame where the hints do and the noise is shared, so those of the
    keyframes stand for the frames between them. The wrapped net sees the keyframe rows of the batch only.

    Args:
        inner: the control to run; its strength, range and hint are set through this wrapper.
        layout: the frames of the latent batch.
        reuse: noise levels that share one run of the net: 2 runs it at every other one.
    """

    def __init__(self, inner: ControlBase, layout: Layout, reuse: int = 1) -> None:
        super().__init__()
        self.inner, self.layout, self.reuse = inner, layout, reuse
        self._recent = _Recent(reuse)
        for name in _MIRRORED:
            setattr(self, name, getattr(inner, name))

    def copy(self) -> KeyframeControl:
        clone = KeyframeControl(self.inner.copy(), self.layout, self.reuse)
        self.copy_to(clone)
        for name in _MIRRORED:
            setattr(clone, name, getattr(clone.inner, name))
        return clone

    def deepclone_multigpu(self, load_device: torch.device, autoregister: bool = False) -> KeyframeControl:
        """A copy whose net is on another device, for newer ComfyUI's work on several GPUs."""
        clone = self.copy()
        clone.inner = self.inner.deepclone_multigpu(load_device)
        if autoregister:
            self.multigpu_clones[load_device] = clone
        return clone

    def set_extra_arg(self, argument: str, value: Any = None) -> None:
        self.inner.set_extra_arg(argument, value)

    def set_cond_hint(
        self,
        cond_hint: torch.Tensor,
        strength: float = 1.0,
        timestep_percent_range: tuple[float, float] = (0.0, 1.0),
        vae: Any = None,
        extra_concat: list[torch.Tensor] | None = None,
    ) -> KeyframeControl:
        """Set the hints ``(n, 3, h, w)``: one for all frames, one per frame, or one per keyframe.

        Raises:
            InputError: their number is none of these.
        """
        hint = self._of_keyframes(cond_hint)
        concat = [self._of_keyframes(mask) for mask in extra_concat or []]
        super().set_cond_hint(hint, 1.0, timestep_percent_range, vae, concat)
        self.inner.set_cond_hint(hint, strength, timestep_percent_range, vae, concat)
        return self

    def _of_keyframes(self, hint: torch.Tensor) -> torch.Tensor:
        count, keyframes = hint.shape[0], self.layout.keyframes
        if count in (1, len(keyframes)):
            return hint
        if count == self.layout.frames:
            return hint[list(keyframes)]
        allowed = f"1, {len(keyframes)} (one per keyframe) or {self.layout.frames} (one per frame)"
        raise InputError("control images", str(count), allowed)

    def pre_run(self, model: Any, percent_to_timestep_function: Callable[[float], float]) -> None:
        super().pre_run(model, percent_to_timestep_function)
        self._recent = _Recent(self.reuse)
        self.inner.pre_run(model, percent_to_timestep_function)

    def cleanup(self) -> None:
        super().cleanup()
        self._recent = _Recent(self.reuse)
        self.inner.cleanup()

    def get_models(self) -> list[Any]:
        return [*super().get_models(), *self.inner.get_models()]

    def get_extra_hooks(self) -> list[Any]:
        return [*super().get_extra_hooks(), *self.inner.get_extra_hooks()]

    def inference_memory_requirements(self, dtype: torch.dtype) -> float:
        own = float(self.inner.inference_memory_requirements(dtype))
        return own + float(super().inference_memory_requirements(dtype))

    def get_control(
        self,
        x_noisy: torch.Tensor,
        t: torch.Tensor,
        cond: dict[str, Any],
        batched_number: int,
        transformer_options: dict[str, Any],
    ) -> Control | None:
        previous: Control | None = None
        if self.previous_controlnet is not None:
            previous = self.previous_controlnet.get_control(x_noisy, t, cond, batched_number, transformer_options)
        self._check_batch(x_noisy, batched_number)
        control = self._of_all_rows(x_noisy, t, cond, batched_number, transformer_options)
        if control is None:
            return previous
        # The strength is the inner control's; ours is 1 and merging leaves the residuals as they are. It also makes
        # new lists, which the UNet empties.
        return self.control_merge(control, previous, output_dtype=None)  # type: ignore[no-any-return]

    def _of_all_rows(
        self,
        x_noisy: torch.Tensor,
        t: torch.Tensor,
        cond: dict[str, Any],
        batched_number: int,
        transformer_options: dict[str, Any],
    ) -> Control | None:
        """The residuals of this control alone, interpolated from those of its keyframes."""
        level = float(t[0])
        if not self._is_on(level):
            return None
        rows = self.layout.keyframe_rows(batched_number)
        part = SomeRows(rows, x_noisy.shape[0])
        prompts = tuple(map(str, transformer_options.get("uuids") or transformer_options.get("cond_or_uncond", ())))
        control = self._recent.find(level, prompts)
        if control is None:
            control = self.inner.get_control(
                part.of(x_noisy), part.of(t), part.of_each(cond), batched_number, transformer_options
            )
            if control is None:
                return None
            self._recent.keep(prompts, control)
        return self._spread(control, len(rows), batched_number) if part.some else control

    def _is_on(self, level: float) -> bool:
        """Whether the noise level lies in the range that the user chose."""
        span = self.inner.timestep_range
        return span is None or span[1] <= level <= span[0]

    def _spread(self, control: Control, rows: int, chunks: int) -> Control:
        done: dict[int, torch.Tensor] = {}  # SDXL-style nets repeat one tensor in several places

        def spread(residual: torch.Tensor | None) -> torch.Tensor | None:
            if residual is None or residual.shape[0] != rows:
                return residual
            if id(residual) not in done:
                done[id(residual)] = self.layout.spread(residual, chunks)
            return done[id(residual)]

        return {place: [spread(residual) for residual in residuals] for place, residuals in control.items()}

    def _check_batch(self, x_noisy: torch.Tensor, chunks: int) -> None:
        if x_noisy.ndim == 5 and x_noisy.shape[2] > 1:
            raise InputError("control_net", "a video model's latent", "an image model, where frames are batch rows")
        frames = x_noisy.shape[0] // chunks
        if frames != self.layout.frames:
            allowed = f"{self.layout.frames}, the frames of the keyframe plan"
            raise InputError("latent batch", f"{frames} frames", allowed, "Plan keyframes for this clip.")


class _Recent:
    """Residuals of the last run of the net, for the noise levels that share it."""

    def __init__(self, levels: int) -> None:
        self._levels, self._seen = levels, -1
        self._level: float | None = None
        self._kept: dict[tuple[str, ...], Control] = {}

    def find(self, level: float, prompts: tuple[str, ...]) -> Control | None:
        """What the net gave for these prompts at a noise level that shares its run; a copy that may be emptied."""
        if level != self._level:
            self._level, self._seen = level, self._seen + 1
            if self._seen % self._levels == 0:
                self._kept.clear()
        kept = self._kept.get(prompts)
        return None if kept is None else {place: list(residuals) for place, residuals in kept.items()}

    def keep(self, prompts: tuple[str, ...], control: Control) -> None:
        """Remember what the net gave at this noise level."""
        if self._levels > 1:
            self._kept[prompts] = {place: list(residuals) for place, residuals in control.items()}


def not_interpolated(control: ControlBase) -> str | None:
    """The class of a control whose residuals may not be interpolated from some rows; ``None`` for ComfyUI's own.

    Those of other packs may mix the frames, keep a state per frame or patch the model.
    """
    kind = type(control.inner if isinstance(control, KeyframeControl) else control)
    return None if kind.__module__ == comfy.controlnet.__name__ else f"{kind.__module__}.{kind.__qualname__}"


def on_every_frame(control: str) -> str:
    """What to tell people of a control that ``not_interpolated`` has named."""
    return f"{control} cannot be interpolated between keyframes; it runs on every frame."


def keyframed(control: ControlBase, keyframes: Keyframes, reuse: int = 1) -> KeyframeControl:
    """Make a control run on the keyframes of a clip only. Wrapping twice re-plans.

    Raises:
        InputError: ``reuse`` is below 1.
    """
    if reuse < 1:
        raise InputError("reuse_steps", str(reuse), "1 or more")
    inner = control.inner if isinstance(control, KeyframeControl) else control
    return KeyframeControl(inner.copy(), Layout.of(keyframes), reuse)


def rearranged(control: ControlBase, layout: Layout) -> ControlBase:
    """The control for other rows: without a wrapper where that would do nothing."""
    inner, reuse = (control.inner, control.reuse) if isinstance(control, KeyframeControl) else (control, 1)
    does_nothing = reuse == 1 and len(layout.keyframes) == layout.frames
    return inner if does_nothing else KeyframeControl(inner.copy(), layout, reuse)
