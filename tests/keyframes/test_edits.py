"""Keyframes added and removed by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.keyframes.edits import edited
from frugal_motion.nodes.keyframes.uniform import every_nth

PLAN = every_nth(40, Fraction(12), 8, (20,))


def test_frames_are_added_and_removed() -> None:
    assert PLAN.frames == (0, 8, 16, 19, 20, 28, 36, 39)
    assert edited(PLAN, "+12, -28 -8").frames == (0, 12, 16, 19, 20, 36, 39)
    assert edited(PLAN, " ") == PLAN


def test_what_the_plan_does_anyway_changes_nothing() -> None:
    assert edited(PLAN, "+8 -9 +0") == PLAN


@given(st.dictionaries(st.integers(1, 38).filter(lambda frame: frame not in (19, 20)), st.booleans()))
def test_every_edit_is_done_and_nothing_else(wanted: dict[int, bool]) -> None:
    text = " ".join(f"{'+' if add else '-'}{frame}" for frame, add in wanted.items())
    frames = edited(PLAN, text).frames
    for frame in range(40):
        assert (frame in frames) == wanted.get(frame, frame in PLAN.frames)


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ("12", "found '12'; allowed: frames to add and to remove, such as"),
        ("+3.5", "found '\\+3.5'"),
        ("+ 12", "found '\\+'"),
        ("+12 -12", "found \\+12 and -12"),
        ("+40", "found frame 40; allowed: frames 0 to 39. They were made for another clip"),
        ("-400", "found frame 400"),
        ("-0", "found -0; allowed: any frame but the first and last of a shot"),
        ("-19", "found -19"),
        ("-20", "found -20"),
        ("-39", "found -39"),
    ],
)
def test_bad_edits_say_what_to_do(edits: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^edits: {message}"):
        edited(PLAN, edits)
