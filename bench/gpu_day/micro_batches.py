"""Several short clips in one batch against one after another; and a batch that does not fit the card."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

import torch
from comfy.patcher_extension import WrappersMP

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.models import OutOfMemory
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.sampler import BatchSampler, Control, SampledClip, SamplerSettings

from .._edit import CFG, EVERY, RATE
from . import nets, timing
from .likeness import relative_l2
from .measurement import Finding, Measurement
from .setting import Setting

CLIPS, BATCH_GOAL = 8, 1.43
SAME = 0.02
"""Relative L2 up to which results in half precision are the same. Batches of other sizes are added up in another order,
which changes what the net gives by some 0.001 of its size; a CFG of 7 and the steps make more of that."""
MESSAGE = 300
"""Characters of an error that are kept."""
SMALL_CARD_CLIPS = 2
"""Clips that fit a card that has too little memory for all of them."""
HEADROOM = 1.3
"""Of the memory that a batch of these works in; one of twice as many then has too little."""


@dataclass(frozen=True)
class Work:
    """How much is measured.

    Attributes:
        size: of the frames, in pixels.
        frames: of a clip; five are the keyframes of some two seconds.
        steps: of sampling; an edit has 18.
        rounds: that count.
    """

    size: int
    frames: int
    steps: int
    rounds: int


FULL, SMALL = Work(512, 5, 4, 2), Work(32, 1, 1, 1)


class RowCounter:
    """Notes the rows of every call of a model.

    Attributes:
        rows: of each call, without those for the other prompt.
        most: more of them are out of memory, as they would be on a small card.
    """

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.most = math.inf

    def __call__(self, call: Any, model: Any, conditions: Any, x: torch.Tensor, *more: Any) -> Any:
        self.rows.append(len(x))
        if len(x) > self.most:
            raise OutOfMemory(f"{len(x)} rows")
        return call(model, conditions, x, *more)

    def calls(self) -> list[list[int]]:
        """Numbers of rows with how many calls in a row had so many, in order."""
        return [[rows, len(list(calls))] for rows, calls in groupby(self.rows)]


class ShortClips:
    """Clips of random poses and their sampler.

    Args:
        image_nets: to sample with.
        work: how large and how long.
    """

    def __init__(self, image_nets: nets.ImageNets, work: Work) -> None:
        self._nets, self.work, self.counter = image_nets, work, RowCounter()
        self.model = image_nets.model.clone()
        self.model.add_wrapper_with_key(WrappersMP.CALC_COND_BATCH, "count rows", self.counter)
        self.clips = [self._clip(seed) for seed in range(CLIPS)]

    def _clip(self, seed: int) -> SampledClip:
        one, size = self._nets, self.work.size
        plan = every_nth((self.work.frames - 1) * EVERY + 1, RATE, EVERY)
        hints = torch.rand(len(plan.frames), size, size, 3, generator=torch.Generator().manual_seed(seed))
        empty = torch.zeros(len(plan.frames), 4, size // 8, size // 8)
        return SampledClip(_own(one.positive, seed), _own(one.negative, seed), hints, plan, empty, seed)

    def sampled(self, together: int) -> list[torch.Tensor]:
        """The latents of every clip, ``together`` of them in a batch where they fit."""
        found: list[torch.Tensor] = []
        for first in range(0, CLIPS, together):
            found += self.in_one_batch(self.clips[first : first + together])
        return found

    def in_one_batch(self, clips: Sequence[SampledClip]) -> list[torch.Tensor]:
        """The latents of these clips."""
        settings = SamplerSettings("sparse", self.work.steps, CFG)
        sampler = BatchSampler(self.model, None, Control(self._nets.control_net), settings, clips, lambda *_: None)
        parts: list[list[torch.Tensor]] = [[] for _ in clips]
        for clip, latents in sampler.run():
            parts[clip].append(latents)
        return [torch.cat(of_clip) for of_clip in parts]


def _own(prompt: Any, seed: int) -> Any:
    """A prompt that no other clip has."""
    return [[tokens.roll(seed, dims=-1), more] for tokens, more in prompt]


class Batches:
    """Measures short clips in batches, and keeps what the last round has given.

    Args:
        clips: to sample.
    """

    def __init__(self, clips: ShortClips) -> None:
        self.clips = clips
        self.results: dict[int, list[torch.Tensor]] = {}
        self.calls: dict[int, list[list[int]]] = {}

    def timings(self, *together: int) -> dict[int, timing.Timing]:
        """All clips in batches of so many each, in turns."""
        works = {str(count): partial(self.sample, count) for count in together}
        found = timing.side_by_side(works, self.clips.work.rounds)
        return {int(count): one for count, one in found.items()}

    def sample(self, together: int) -> None:
        """All clips once."""
        self.clips.counter.rows.clear()
        self.results[together] = self.clips.sampled(together)
        self.calls[together] = self.clips.counter.calls()


def measure(setting: Setting) -> Iterator[Finding]:
    """Clips per second and memory of batches of 1 to 8 clips, whether they change the result, and out of memory."""
    with torch.inference_mode():
        work = SMALL if setting.rehearse else FULL
        batches = Batches(ShortClips(nets.sd15(setting.rehearse), work))
        idle = timing.memory_in_use()
        timings = yield from _batch_sizes(batches)
        yield {"rows_in_calls": {str(count): calls for count, calls in batches.calls.items()}}
        yield from _same_as_alone(batches)
        room = int(HEADROOM * (timings[SMALL_CARD_CLIPS].peak_bytes - idle))
        yield from out_of_memory(batches, room, SMALL_CARD_CLIPS * work.frames if setting.rehearse else math.inf)


def _batch_sizes(batches: Batches) -> Generator[Measurement, None, dict[int, timing.Timing]]:
    first = batches.timings(1, CLIPS)
    for count in (CLIPS, 1):
        yield from _figures(batches.clips.work, count, first[count])
    best = first[1].seconds / first[CLIPS].seconds
    yield Measurement(f"{CLIPS}_clips.over_1", best, "x", note="clips per second, against one after another")
    second = batches.timings(1, 2, 4)  # 1 once more: a card that has become warm is slower
    yield Measurement("1_clips.seconds_again", second[1].seconds, "s", note="beside 2 and 4 clips to a batch")
    for count in (2, 4):
        yield from _figures(batches.clips.work, count, second[count])
        best = max(best, second[1].seconds / second[count].seconds)
    note = "of the best batch, against one clip after another in the same turns"
    yield Measurement("clips_per_second_ratio", best, "x", BATCH_GOAL, "higher", note)
    return {**second, **first}


def _figures(work: Work, count: int, found: timing.Timing) -> Iterator[Measurement]:
    note = f"{CLIPS} clips of {work.frames} keyframes, {work.size} px, {work.steps} steps, {count} clips to a batch"
    yield Measurement(f"{count}_clips.seconds", found.seconds, "s", note=note)
    yield Measurement(f"{count}_clips.clips_per_second", CLIPS / found.seconds, "1/s")
    yield Measurement(f"{count}_clips.peak", found.peak_bytes / 1e9, "GB", note="weights and all")


def _same_as_alone(batches: Batches) -> Iterator[Measurement]:
    alone = batches.results[1]
    for count in (CLIPS, 4, 2):
        worst = max(map(relative_l2, batches.results[count], alone))
        note = "worst clip, against the clip alone"
        yield Measurement(f"{count}_clips.relative_l2", worst, "", SAME, "lower", note)
    first, second = batches.clips.clips[:2]
    for name in ("hints", "positive", "seed"):
        mixed_up = batches.clips.in_one_batch([replace(first, **{name: getattr(second, name)})])
        note = "what a clip would be that were given those of another"
        yield Measurement(f"other_{name}.relative_l2", relative_l2(mixed_up[0], alone[0]), "", note=note)


def out_of_memory(batches: Batches, room: int, most: float) -> Iterator[Finding]:
    """All clips in one batch that cannot be held.

    Args:
        batches: that have been sampled with memory enough.
        room: bytes beside the weights that there are meanwhile; the sampler is not told.
        most: more rows are out of memory also on the CPU, where ``room`` counts for nothing.
    """
    clips, before = batches.clips, batches.results[CLIPS]
    weights, ran_out = clips.model.loaded_size(), timing.times_out_of_memory()
    clips.counter.most, seconds, why = most, 0.0, ""
    try:
        with timing.little_memory(room):
            seconds = timing.timed(partial(batches.sample, CLIPS)).seconds
    except (RuntimeError, InputError) as error:  # none of them is to come
        why = str(error)[:MESSAGE]
    rows = clips.counter.rows or [0]
    yield {
        "out_of_memory": {
            "room_bytes": room,
            "rows_in_calls": clips.counter.calls(),
            "times": timing.times_out_of_memory() - ran_out,
            "weights_stayed": clips.model.loaded_size() == weights,
            "error": why,
        }
    }
    yield Measurement("out_of_memory.rows_before", rows[0], "", note="as planned by the memory that is free")
    yield Measurement("out_of_memory.rows_after", rows[-1], "", note=f"in {room / 1e9:.2f} GB beside the weights")
    went_on = not why and rows[-1] < rows[0]
    note = "with smaller batches" if went_on else why or "memory did not run out"
    yield Measurement("out_of_memory.went_on", float(went_on), "", 1.0, "higher", note)
    if went_on:
        worst = max(map(relative_l2, batches.results[CLIPS], before))
        yield Measurement("out_of_memory.seconds", seconds, "s", note="what was lost is in it")
        yield Measurement("out_of_memory.relative_l2", worst, "", SAME, "lower", "against enough memory")
