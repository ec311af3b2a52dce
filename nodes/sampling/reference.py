"""Frames that look at a picture, so that they come out like it: "reference-only" control."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.utils
import torch
from comfy.patcher_extension import WrappersMP

from ..errors import InputError
from .latents import encode
from .looking import REFERENCES_RUN, Looking, Place, is_of_references, place_of
from .parts import Part
from .rows import SomeRows

_BEHIND_ALPHA = 0.5
LESS_NOISE = 0.1
"""Noise on references, of that on frames: what they are like is seen before frames have taken shape."""
TIMES = 2
"""How often a reference stands among the keys: it weighs so much more than the frame itself."""


@dataclass(frozen=True)
class ReferenceSettings:
    """How much frames look at their reference, 0..1, and from when to when, as in Apply ControlNet."""

    strength: float = 1.0
    start_percent: float = 0.0
    end_percent: float = 1.0


@dataclass(frozen=True, eq=False)
class Reference:
    """A picture that frames look at.

    Attributes:
        latent: as the VAE gives it ``(1, channels, h, w)``.
        seen: how much of each place is looked at, 0..1 ``(1, 1, h, w)``.
    """

    latent: torch.Tensor
    seen: torch.Tensor


def fitted(picture: torch.Tensor, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """A reference at the size of the frames: scaled, what is too long cut off on both sides.

    Args:
        picture: IMAGE ``(1, h, w, 1..4)`` in 0..1; of two or four channels the last is alpha.
        size: width and height, in pixels.

    Returns:
        ``(1, height, width, 3)`` in 0..1, over grey where it is transparent; and its alpha ``(1, height, width)``.

    Raises:
        InputError: it is not one picture.
    """
    if picture.ndim != 4 or len(picture) != 1:
        found = f"{len(picture)} pictures" if picture.ndim == 4 else f"an IMAGE of {picture.ndim} axes"
        raise InputError("reference", found, "1 picture", "For several clips give a list of pictures, one for each.")
    colours, alpha = picture.movedim(-1, 1).clamp(0, 1), torch.ones_like(picture[None, ..., 0])
    if colours.shape[1] in (2, 4):
        colours, alpha = colours[:, :-1], colours[:, -1:]
    colours = torch.lerp(torch.full_like(colours, _BEHIND_ALPHA), colours, alpha)
    both = torch.cat([plane.expand(-1, 3, -1, -1) for plane in (colours, alpha)])
    scaled: torch.Tensor = comfy.utils.common_upscale(both, *size, "lanczos", "center").clamp(0, 1)
    return scaled[:1].movedim(1, -1), scaled[1:, 0]


def encoded(vae: Any, picture: torch.Tensor, size: tuple[int, int]) -> Reference:
    """A picture as frames look at it; see ``fitted``.

    Args:
        vae: ComfyUI's VAE.
        picture: IMAGE of one picture.
        size: width and height of the frames, in pixels.
    """
    colours, alpha = fitted(picture, size)
    latent = encode(vae, colours)
    return Reference(latent, torch.nn.functional.interpolate(alpha[:, None], latent.shape[2:], mode="area"))


class ReferenceAttention(Looking):
    """Every frame also looks at its clip's reference, which is noised as much as the frames are.

    As the reference-only control of sd-webui-controlnet (L. Zhang, 2023): before each run of the net on frames it is
    run on their references, without ControlNet, and the inputs of its self-attention are kept for that run. Only the
    positive prompt's frames look, so that CFG strengthens what they see.

    Args:
        model: ComfyUI's MODEL.
        settings: strength and range.
    """

    def __init__(self, model: Any, settings: ReferenceSettings) -> None:
        super().__init__(settings.strength)
        self._sampling = model.get_model_object("model_sampling")
        self._first_level, self._last_level = map(
            self._sampling.percent_to_sigma, (settings.start_percent, settings.end_percent)
        )
        self._latents = self._noise = self._seen_places = torch.zeros(0, 0, 0, 0)
        self._owners: list[int] = []  # by row of the batch, the number of its reference
        self._features: dict[Place, torch.Tensor] = {}  # of the references, for one prompt after the other

    def patch(self, model: Any) -> None:
        """Let frames of a MODEL look at references."""
        model.set_model_attn1_patch(self)
        model.add_wrapper_with_key(WrappersMP.APPLY_MODEL, REFERENCES_RUN, self._run)

    def begin(self, parts: Sequence[Part], latents: torch.Tensor, noise: torch.Tensor, seen: torch.Tensor) -> None:
        """Prepare for a batch.

        Args:
            parts: of clips, each with a reference.
            latents: of the references, as the model takes them ``(parts, channels, h, w)``.
            noise: that is put on them, of the same shape.
            seen: how much of each place is looked at, 0..1 ``(parts, 1, h, w)``.
        """
        self._owners = [number for number, part in enumerate(parts) for _ in part.frames]
        self._latents, self._noise, self._seen_places = latents, noise, seen

    def __call__(
        self, n: torch.Tensor, context: torch.Tensor, value: torch.Tensor, options: dict[str, Any]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        if is_of_references(options):
            self._features[place_of(options)] = n
        return super().__call__(n, context, value, options)

    def _run(
        self,
        run: Callable[..., torch.Tensor],
        x: torch.Tensor,
        t: torch.Tensor,
        c_concat: Any = None,
        c_crossattn: Any = None,
        control: Any = None,
        transformer_options: dict[str, Any] | None = None,
        **conds: Any,
    ) -> torch.Tensor:
        """Stands around ComfyUI's run of the net on some frames, with one prompt or both."""
        options = transformer_options or {}
        rows = self._reference_rows(x, float(t[0]), options)
        try:
            if rows:
                some = SomeRows(rows, len(x))
                noisy, levels = self._noised(x, some.of(t))
                given, told = some.of_each(conds), _of_references(options)
                run(noisy, levels, some.of(c_concat), some.of(c_crossattn), None, told, **given)
            return run(x, t, c_concat, c_crossattn, control, options, **conds)
        finally:
            self._features = {}

    def _noised(self, like: torch.Tensor, levels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """References for each prompt that looks, and their noise levels."""
        levels = (levels * LESS_NOISE).clamp(min=float(self._sampling.sigma_min))
        repeats = len(levels) // len(self._latents)
        latents, noise = (value.to(like).repeat(repeats, 1, 1, 1) for value in (self._latents, self._noise))
        return self._sampling.noise_scaling(levels.view(-1, 1, 1, 1), noise, latents), levels

    def _reference_rows(self, x: torch.Tensor, level: float, options: dict[str, Any]) -> list[int]:
        """For each positive prompt and reference the first row that looks at it, whose prompt it shares."""
        kinds, rows = options["cond_or_uncond"], len(self._owners)
        is_whole = len(x) == rows * len(kinds) and x.shape[1:] == self._latents.shape[1:]
        if not is_whole or not self._last_level <= level <= self._first_level:
            return []
        firsts = [self._owners.index(number) for number in range(len(self._latents))]
        return [number * rows + first for number in _that_look(options) for first in firsts]

    def _applies(self, rows: int, options: dict[str, Any]) -> bool:
        whole = len(self._owners) * len(options["cond_or_uncond"])
        return rows == whole and place_of(options) in self._features and not is_of_references(options)

    def _seen(self, chunk: torch.Tensor, number: int, options: dict[str, Any]) -> Sequence[torch.Tensor]:
        looking = _that_look(options)
        if number not in looking:
            return [chunk] * TIMES
        features = self._features[place_of(options)].chunk(len(looking))[looking.index(number)]
        share = _of_tokens(self._seen_places, chunk.shape[1]).to(chunk)
        return [torch.lerp(chunk, features[self._owners], share[self._owners])] * TIMES


def _of_tokens(seen: torch.Tensor, tokens: int) -> torch.Tensor:
    """Shares ``(references, tokens, 1)`` of a UNet's tokens, from those of places in the latent.

    The UNet halves the sides from level to level, rounded up. Where other patches have left tokens out, all are seen.
    """
    height, width = seen.shape[2:]
    while height * width > max(tokens, 1):
        height, width = -(-height // 2), -(-width // 2)
    if height * width != tokens:
        return torch.ones(len(seen), tokens, 1)
    return torch.nn.functional.interpolate(seen, (height, width), mode="area").view(len(seen), tokens, 1)


def _that_look(options: dict[str, Any]) -> list[int]:
    """Which prompts of a batch are positive ones."""
    return [number for number, kind in enumerate(options["cond_or_uncond"]) if kind == 0]


def _of_references(options: dict[str, Any]) -> dict[str, Any]:
    """What ComfyUI tells the patches of the net when it is run on the references of the prompts that look."""
    looking = _that_look(options)
    names = [name for name in ("cond_or_uncond", "uuids") if name in options]
    each: dict[str, Any] = {name: [options[name][number] for number in looking] for name in names}
    return {**options, **each, REFERENCES_RUN: True}
