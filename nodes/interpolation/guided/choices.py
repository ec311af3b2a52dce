"""What was chosen for the shots of a stream, and why, in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .gate import Likeness, mean_likeness

_FOLLOWS = {"motion": "figures follow the motion", "guide": "frames follow the guide"}


@dataclass(frozen=True)
class Choice:
    """The way that a shot is made, and how alike the ways are; ``None`` where they could not be compared."""

    way: str
    likeness: Likeness | None


def told_choices(choices: Sequence[Choice], shots: int, inputs: Collection[str]) -> str:
    """What was chosen for the shots so far, in a sentence.

    Args:
        choices: one or more.
        shots: in all.
        inputs: ``motion`` and ``guide``, as far as they are there.
    """
    known = [one.likeness for one in choices if one.likeness is not None]
    ways = [one.way for one in choices]
    if shots == 1:
        what = _FOLLOWS.get(ways[0]) or _net_alone(inputs, compared=bool(known))
    else:
        named = [name for name in _FOLLOWS if name in inputs]
        what = ", ".join(f"{_FOLLOWS[name]} in {ways.count(name)} of {len(ways)} shots" for name in named)
    return f"{what}; {mean_likeness(known) if known else 'too few keyframes to compare'}"


def _net_alone(inputs: Collection[str], compared: bool) -> str:
    if not compared:
        return "the net alone"
    if len(inputs) == 1:
        return f"the {next(iter(inputs))} does not fit the pictures: the net alone"
    return "neither motion nor guide fits the pictures: the net alone"
