"""The edits of a motion, and the text that keeps them.

The text is one line of JSON, ``{"version": 1, "edits": [...]}``; an empty one means no edits. The help page of Edit
Motion describes every field. The order of the list has no meaning, but for two edits of one key: the later counts.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic_core import from_json

from ....errors import InputError
from .joints import JOINTS

VERSION = 1
DIGITS = 4
"""Of a number's fraction, in the text."""

LONGEST_HOLD = 10_000
"""Frames."""

_MOST_FRAMES = 10_000_000


def _known(joint: str) -> str:
    if joint not in JOINTS:
        raise ValueError('the name of a joint such as "left_wrist" or "right_hand_8", "pelvis", "body"')
    return joint


def _not_before(last: int | None, info: ValidationInfo) -> int | None:
    if last is not None and last < info.data.get("first", 0):
        raise ValueError(f'no less than "from", {info.data["first"]}')
    return last


_Frame: TypeAlias = Annotated[int, Field(ge=0, le=_MOST_FRAMES)]
_First: TypeAlias = Annotated[int, Field(ge=0, le=_MOST_FRAMES, alias="from")]
_Last: TypeAlias = Annotated[int, Field(ge=0, le=_MOST_FRAMES, alias="to"), AfterValidator(_not_before)]
_Fade: TypeAlias = Annotated[int, Field(ge=1, le=_MOST_FRAMES)]
_Person: TypeAlias = Annotated[int, Field(ge=1, le=1000)]
_Count: TypeAlias = Annotated[int, Field(ge=0, le=_MOST_FRAMES)]
_Anyone: TypeAlias = Annotated[int, Field(ge=0, le=1000)]
_Shift: TypeAlias = Annotated[float, Field(ge=-10, le=10)]
_Joint: TypeAlias = Annotated[str, AfterValidator(_known)]


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True)

    off: bool = False
    """Kept, and not applied."""


class Move(_Edit):
    """A key of the track of one person's joint: how far it is moved at ``frame``, in frame widths and heights."""

    do: Literal["move"] = "move"
    frame: _Frame
    person: _Person
    joint: _Joint
    by: tuple[_Shift, _Shift]
    before: _Fade = 4
    after: _Fade = 4
    replace: bool = False
    stretch: bool = False
    slope: tuple[_Shift, _Shift] | None = None


class Pose(_Edit):
    """The pose of frame ``of`` at ``frame``."""

    do: Literal["pose"] = "pose"
    frame: _Frame
    of: _Frame
    person: _Person
    of_person: _Anyone = 0
    before: _Fade = 4
    after: _Fade = 4
    place: bool = False


class Show(_Edit):
    """A missing joint is there in these frames."""

    do: Literal["show"] = "show"
    person: _Person
    joint: _Joint
    first: _First
    last: _Last


class Hide(_Edit):
    """A joint is missing in these frames."""

    do: Literal["hide"] = "hide"
    person: _Person
    joint: _Joint
    first: _First
    last: _Last


class Repair(_Edit):
    """These frames as Smooth Motion repairs them, or one joint as the frames around tell; person 0 is everyone."""

    do: Literal["repair"] = "repair"
    person: _Anyone = 0
    joint: _Joint | None = None
    first: _First
    last: _Last


class Mirror(_Edit):
    """Left and right exchanged about the person's pelvis; person 0 is everyone."""

    do: Literal["mirror"] = "mirror"
    person: _Anyone = 0
    first: _First
    last: _Last
    fade: _Count = 3


class Swap(_Edit):
    """Two people exchange their places in the list, from frame ``first`` on."""

    do: Literal["swap"] = "swap"
    person: _Person
    other: Annotated[int, Field(ge=1, le=1000, alias="with")]
    first: _First
    last: Annotated[int | None, Field(ge=0, le=_MOST_FRAMES), AfterValidator(_not_before)] = Field(None, alias="to")


class Drop(_Edit):
    """A person is taken out."""

    do: Literal["drop"] = "drop"
    person: _Person


class Keep(_Edit):
    """Of all people only those that are kept stay."""

    do: Literal["keep"] = "keep"
    person: _Person


class Hold(_Edit):
    """The pose of ``frame`` is held for ``frames`` more."""

    do: Literal["hold"] = "hold"
    frame: _Frame
    frames: Annotated[int, Field(ge=1, le=LONGEST_HOLD)]


class Speed(_Edit):
    """These frames are played ``factor`` times as fast."""

    do: Literal["speed"] = "speed"
    first: _First
    last: _Last
    factor: Annotated[float, Field(ge=0.1, le=10)]


class Delete(_Edit):
    """These frames are cut out; the jump is spread over ``fade`` frames on each side."""

    do: Literal["delete"] = "delete"
    first: _First
    last: _Last
    fade: _Count = 3


Edit: TypeAlias = (
    Move | Pose | Show | Hide | Repair | Mirror | Swap | Drop | Keep | Hold | Speed | Delete
)  # fmt: skip


class Edits(BaseModel):
    """All edits of a motion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = 1
    edits: tuple[Annotated[Edit, Field(discriminator="do")], ...] = ()


def parse(text: str) -> Edits:
    """The edits that a text describes.

    Raises:
        InputError: it is no JSON, made by a newer version, or a field of an edit is wrong; names the edit, counted
            from 0, and the field.
    """
    if not text.strip():
        return Edits()
    try:
        value = from_json(text)
    except ValueError as error:
        raise InputError("edits", f"no JSON ({error})", "edits as JSON, or nothing") from error
    version = value.get("version") if isinstance(value, dict) else None
    if isinstance(version, int) and version > VERSION:
        remedy = "They were made by a newer Frugal Motion: update it, or edit this motion anew."
        raise InputError("edits", f"version {version}", f"version {VERSION}", remedy)
    try:
        return Edits.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(_name(first["loc"]), repr(first["input"])[:200], _allowed(first)) from error


def _name(place: tuple[int | str, ...]) -> str:
    """Such as ``edits[3].by[0]``; the kind of an edit, which pydantic puts behind its number, is left out."""
    if len(place) < 2:
        return str(place[0]) if place else "edits"
    inner = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place[3:])
    return f"edits[{place[1]}]{inner}"


def _allowed(error: Any) -> str:
    """What would have been right, in pydantic's words."""
    if error["type"] == "union_tag_invalid":
        return f'for "do": {error["ctx"]["expected_tags"]}'
    if error["type"] == "union_tag_not_found":
        return 'an edit that says what to "do"'
    if error["type"] == "missing":
        return "a value for every field that has no default"
    if error["type"] == "extra_forbidden":
        return "the fields of this edit only"
    return re.sub("^(Value error, |Input should be )", "", str(error["msg"]))


def to_text(edits: Edits) -> str:
    """The text that ``parse`` reads: one line, numbers rounded to four decimals, defaults left out."""
    if not edits.edits:
        return ""
    each = [{"do": edit.do, **edit.model_dump(by_alias=True, exclude_defaults=True)} for edit in edits.edits]
    return json.dumps({"version": edits.version, "edits": _rounded(each)}, separators=(",", ":"), allow_nan=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, (list, tuple)) else value
