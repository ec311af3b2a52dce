"""Clips longer than a video model was trained for: sampled in windows of their latents, which overlap, and joined.

Nothing goes through a VAE on the way, and what comes out is as long as what went in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import comfy.utils
import torch
from comfy.ldm.wan.model import WanModel

from ..errors import InputError
from .request_sampler import drawn_noise
from .requests import Request, latent_of
from .window_conditioning import check_conditioning, conditioning_of_window, references_in_front

FRAMES_OF_LATENT = 4
"""Frames for each latent but a clip's first, which holds one, in the VAEs of Wan."""
GAIN_LIMIT = 1.25
"""How much a window's contrast may be changed, either way, to be that of the window before."""
SHIFT_LIMIT = 0.5
"""How much its level may be changed, in standard deviations."""


@dataclass(frozen=True)
class Windows:
    """How long windows are, in latents.

    Attributes:
        length: of a window, without the latents of references in front of it.
        overlap: of a window with the one before it, at least.
    """

    length: int
    overlap: int

    @property
    def free(self) -> int:
        """How much of an overlap, at its end, is sampled anew, to be compared with the window before and faded to."""
        return self.overlap // 2

    @classmethod
    def of_frames(cls, length: int, overlap: int) -> Windows:
        """Windows of so many frames.

        Args:
            length: 4n + 1.
            overlap: 4n, in front of the last quarter of a window.

        Raises:
            InputError: a number is another one.
        """
        if length < 5 or length % FRAMES_OF_LATENT != 1:
            nearest = max(length - 1, FRAMES_OF_LATENT) // FRAMES_OF_LATENT * FRAMES_OF_LATENT + 1
            raise InputError("window", str(length), "4n + 1 frames, or 0 for the whole clip", f"{nearest} is one.")
        most = (length - 1) // FRAMES_OF_LATENT * FRAMES_OF_LATENT
        if overlap < 0 or overlap % FRAMES_OF_LATENT or overlap > most:
            raise InputError("overlap", str(overlap), f"0 to {most} frames, in steps of 4")
        return cls((length - 1) // FRAMES_OF_LATENT + 1, overlap // FRAMES_OF_LATENT)


Span = range
"""Latents of a clip, without those of references."""

Results = list[torch.Tensor | Exception]


def window_spans(total: int, windows: Windows) -> list[Span]:
    """As few windows as cover a clip, of one length, at equal distances: the last one ends where the clip does.

    Args:
        total: latents of the clip, without those of references.
    """
    length, overlap = windows.length, windows.overlap
    if total <= length:
        return [range(total)]
    steps = math.ceil((total - length) / (length - overlap))
    starts = [step * (total - length) // steps for step in range(steps + 1)]
    return [range(start, start + length) for start in starts]


def spans_of(request: Request, windows: Windows) -> list[Span]:
    """The windows of a request.

    Raises:
        InputError: it is for a picture, or holds what cannot be cut into windows.
    """
    latent = request.latent["samples"]
    if latent.is_nested or latent.ndim != 5:
        raise InputError("window", "the latent of a picture", "latents of videos", "Set it to 0.")
    references = references_in_front(request)
    spans = window_spans(latent.shape[2] - references, windows)
    if len(spans) > 1:
        for name, prompt in (("positive", request.positive), ("negative", request.negative)):
            check_conditioning(name, prompt, latent.shape[2], references)
    return spans


def sample_clips(
    model: Any, requests: Sequence[Request], windows: Windows, sample: Callable[[Sequence[Request]], Results]
) -> Results:
    """``sample_in_windows`` for a MODEL, from its own noise.

    Raises:
        InputError: the model is none of Wan's.
    """
    net = model.model.diffusion_model
    if not isinstance(net, WanModel):
        raise InputError("window", f"a model of {type(net).__name__}", "models of Wan", "Set it to 0 for others.")

    def blank(latent: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = model.model.process_latent_out(torch.zeros_like(latent))
        return found

    # An empty latent may still lack some of the model's channels.
    whole = [replace(one, latent={**one.latent, "samples": latent_of(model, one)}) for one in requests]
    return sample_in_windows(whole, windows, sample, lambda one: drawn_noise(one, one.latent["samples"]), blank)


def sample_in_windows(
    requests: Sequence[Request],
    windows: Windows,
    sample: Callable[[Sequence[Request]], Results],
    draw: Callable[[Request], torch.Tensor],
    blank: Callable[[torch.Tensor], torch.Tensor] = lambda latent: latent,
) -> Results:
    """Sample clips in windows that overlap, one after the other; windows of several clips share batches.

    What a window has in common with the one before is held to that, but for its last ``windows.free`` latents. These
    are sampled anew. By them the window's colours are brought to those of the window before (``matched``), and over
    them one is faded to the other. Clips of one window are sampled as they are.

    Args:
        requests: latents of ``(rows, channels, t, h, w)``, with those of references in front.
        sample: gives the latent of every request, or why there is none. It is called once for all first windows, once
            for all second ones and so on.
        draw: the noise of a whole request, as it is sampled in one.
        blank: how an empty latent is written down among others that are not.

    Returns:
        By request, its latent or why there is none: an ``InputError``, and nothing of it is sampled, where it holds
        what cannot be cut into windows.
    """
    clips = [_Clip(request, windows, draw, blank) for request in requests]
    for turn in range(max((len(clip.spans) for clip in clips), default=0)):
        waiting = [clip for clip in clips if turn < len(clip.spans) and clip.error is None]
        results = sample([clip.window(turn) for clip in waiting]) if waiting else []
        for clip, result in zip(waiting, results, strict=True):
            clip.join(turn, result)
    return [clip.result() for clip in clips]


class _Clip:
    """A request, and what there is of its result."""

    def __init__(
        self,
        request: Request,
        windows: Windows,
        draw: Callable[[Request], torch.Tensor],
        blank: Callable[[torch.Tensor], torch.Tensor],
    ) -> None:
        self.request, self.windows, self.draw, self.blank = request, windows, draw, blank
        self.error: Exception | None = None
        self.joined: torch.Tensor | None = None
        try:
            self.spans = spans_of(request, windows)
        except InputError as error:
            self.error, self.spans = error, []
        if len(self.spans) > 1:
            self.references = references_in_front(request)
            self._begin(request.latent["samples"])

    def _begin(self, latent: torch.Tensor) -> None:
        noise_mask = self.request.latent.get("noise_mask")
        self.noise = self.draw(self.request) if self.request.noise is None else self.request.noise
        self.mask = None if noise_mask is None else _whole_mask(noise_mask, latent)
        self.start = latent if torch.count_nonzero(latent) else self.blank(latent)

    def window(self, turn: int) -> Request:
        """What is to be sampled in a turn."""
        if len(self.spans) == 1:
            return self.request
        span, front = self.spans[turn], self.references
        latent = self._cut(self.request.latent["samples"], span)
        mask = None if self.mask is None else self._cut(self.mask, span)
        held = self._held(turn)
        known = None
        if held:
            assert self.joined is not None
            known = self.joined[:, :, front + span.start : front + span.start + held]
            latent = self._cut(self.start, span).clone()
            latent[:, :, front : front + held] = known
            mask = torch.ones_like(latent) if mask is None else mask.clone()
            mask[:, :, front : front + held] = 0
        kept = {name: value for name, value in self.request.latent.items() if name not in ("samples", "noise_mask")}
        return replace(
            self.request,
            positive=conditioning_of_window(self.request.positive, span, front, known),
            negative=conditioning_of_window(self.request.negative, span, front, known),
            latent={**kept, "samples": latent, **({} if mask is None else {"noise_mask": mask})},
            seed=(self.request.seed + turn) % 2**64,  # of the noise that samplers add on the way
            noise=self._cut(self.noise, span),
        )

    def join(self, turn: int, result: torch.Tensor | Exception) -> None:
        """Go on with what has come out in a turn."""
        if isinstance(result, Exception):
            self.error = result
            return
        if self.joined is None:
            self.joined = result
            return
        front, span = self.references, self.spans[turn]
        fresh, held = result[:, :, front:].to(self.joined), self._held(turn)
        before = self.joined[:, :, front + span.start :]
        overlap = before.shape[2]
        mask = None if self.mask is None else self._cut(self.mask, span)[:, :, front:].to(fresh)
        fresh = matched(fresh, before, slice(held, overlap), mask)
        faded = faded_over(before[:, :, held:], fresh[:, :, held:overlap])
        end = front + span.start + held
        self.joined = torch.cat([self.joined[:, :, :end], faded, fresh[:, :, overlap:]], dim=2)

    def result(self) -> torch.Tensor | Exception:
        """All windows in one, or why there is nothing."""
        if self.error is not None:
            return self.error
        assert self.joined is not None
        return self.joined

    def _held(self, turn: int) -> int:
        if turn == 0:
            return 0
        overlap = self.spans[turn - 1].stop - self.spans[turn].start
        return max(overlap - self.windows.free, 0)

    def _cut(self, whole: torch.Tensor, span: Span) -> torch.Tensor:
        front = self.references
        return torch.cat([whole[:, :, :front], whole[:, :, front + span.start : front + span.stop]], dim=2)


def _whole_mask(mask: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = comfy.utils.reshape_mask(mask, latent.shape)
    return found


def matched(fresh: torch.Tensor, before: torch.Tensor, where: slice, mask: torch.Tensor | None = None) -> torch.Tensor:
    """A window in the colours of the one before: level and contrast of every channel as they are where both are free.

    Both are changed within limits (``SHIFT_LIMIT``, ``GAIN_LIMIT``), and not at all where they are equal already.

    Args:
        fresh: ``(rows, channels, t, h, w)``.
        before: the same latents by the window before, from the first one of ``fresh`` on; fewer of them.
        where: latents that are compared; if there are none, nothing is changed.
        mask: what of ``fresh`` has been sampled, 0..1; the rest stays as it is, and is not looked at.
    """
    mine, others = fresh[:, :, where], before[:, :, where]
    weights = torch.ones_like(mine) if mask is None else mask[:, :, where].expand_as(mine)
    if not torch.count_nonzero(weights):
        return fresh
    (mean, deviation), (mean_before, deviation_before) = _moments(mine, weights), _moments(others, weights)
    gain = torch.where(deviation > 0, deviation_before / deviation, 1.0).clamp(1 / GAIN_LIMIT, GAIN_LIMIT)
    most = SHIFT_LIMIT * deviation_before
    # The level is what changes at the mean: contrast is turned around it.
    level = (mean_before - mean).clamp(-most, most)
    wanted = fresh * gain + (mean + level - gain * mean)
    return wanted if mask is None else torch.lerp(fresh, wanted, mask.expand_as(fresh))


def _moments(values: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    axes = (2, 3, 4)
    total = weights.sum(axes, keepdim=True).clamp_min(1e-6)
    mean = (values * weights).sum(axes, keepdim=True) / total
    variance = ((values - mean).square() * weights).sum(axes, keepdim=True) / total
    return mean, variance.sqrt()


def faded_over(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """From one to the other along axis 2, linearly, neither of them alone anywhere."""
    count = after.shape[2]
    weight = torch.arange(1, count + 1, dtype=after.dtype, device=after.device) / (count + 1)
    return torch.lerp(before, after, weight[:, None, None].expand_as(after))
