"""The text that keeps edits, and what a report says of them."""

import json

import pytest
from hypothesis import given, settings

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.editing.by_hand.apply import edited
from frugal_motion.nodes.motion.editing.by_hand.edits import Edits, Hold, Move, Speed, Swap, parse, to_text
from frugal_motion.nodes.motion.editing.by_hand.told import told

from .synthetic import dance
from .test_by_hand import random_edits


def text(*edits, **more):
    return json.dumps({"version": 1, "edits": edits, **more})


MOVE = {"do": "move", "frame": 3, "person": 1, "joint": "left_wrist", "by": [0.1, 0.2]}


@pytest.mark.parametrize("nothing", ["", "  \n", '{"version":1,"edits":[]}', "{}"])
def test_nothing_means_no_edits(nothing):
    assert parse(nothing) == Edits() and to_text(parse(nothing)) == ""


def test_what_is_left_out_has_its_default():
    (move,) = parse(text(MOVE)).edits
    assert move == Move(frame=3, person=1, joint="left_wrist", by=(0.1, 0.2), before=4, after=4, replace=False)
    swap, speed = parse(text({"do": "swap", "person": 1, "with": 2, "from": 5},
                             {"do": "speed", "from": 3, "to": 9, "factor": 2})).edits  # fmt: skip
    assert swap == Swap(person=1, other=2, first=5, last=None)
    assert speed == Speed(first=3, last=9, factor=2.0)


@settings(max_examples=60)
@given(random_edits())
def test_the_text_gives_the_same_edits_rounded_and_each_is_short(each):
    edits = Edits(edits=tuple(each))
    written = to_text(edits)
    assert to_text(parse(written)) == written and "\n" not in written
    for edit, back in zip(each, parse(written).edits, strict=True):
        ones, others = edit.model_dump(), back.model_dump()
        assert ones.keys() == others.keys()
        for name, value in ones.items():
            assert others[name] == (pytest.approx(value, abs=5.1e-5) if name in ("by", "slope") and value else value)
        assert len(to_text(Edits(edits=(edit,))).encode()) <= 200 + len('{"version":1,"edits":[]}')


def test_the_longest_move_takes_200_bytes_at_most():
    move = Move(frame=19_999, person=12, joint="right_shoulder", by=(-0.123456, -0.123456), before=1234, after=1234,
                replace=True, stretch=True, slope=(-0.123456, -0.123456), off=True)  # fmt: skip
    assert len(to_text(Edits(edits=(move,))).encode()) <= 200 + len('{"version":1,"edits":[]}')


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ("{", "edits"),
        ("[]", "edits"),
        ("7", "edits"),
        ("[" * 100_000, "edits"),
        ('{"edits": 3}', "edits"),
        ('{"version": "1"}', "version"),
        (text(3), r"edits\[0\]"),
        (text({"do": "dance"}), r"edits\[0\]"),
        (text({"frame": 3}), r"edits\[0\]"),
        (text(MOVE, MOVE | {"frame": -1}), r"edits\[1\]\.frame"),
        (text(MOVE | {"frame": 1.5}), r"edits\[0\]\.frame"),
        (text(MOVE | {"frame": "3"}), r"edits\[0\]\.frame"),
        (text(MOVE | {"person": 0}), r"edits\[0\]\.person"),
        (text(MOVE | {"joint": "tail"}), r"edits\[0\]\.joint"),
        (text(MOVE | {"by": [0.1]}), r"edits\[0\]\.by\[1\]"),
        (text(MOVE | {"by": [0.1, float("nan")]}), r"edits\[0\]\.by\[1\]"),
        (text(MOVE | {"by": [0.1, float("inf")]}), r"edits\[0\]\.by\[1\]"),
        (text(MOVE | {"by": [0.1, 1e30]}), r"edits\[0\]\.by\[1\]"),
        (text(MOVE | {"before": 0}), r"edits\[0\]\.before"),
        (text(MOVE | {"stretch": 1}), r"edits\[0\]\.stretch"),
        (text(MOVE | {"colour": "red"}), r"edits\[0\]\.colour"),
        (text({"do": "move"}), r"edits\[0\]\.frame"),
        (text({"do": "speed", "from": 9, "to": 3, "factor": 2}), r"edits\[0\]\.to"),
        (text({"do": "swap", "person": 1, "with": 2, "from": 9, "to": 3}), r"edits\[0\]\.to"),
        (text({"do": "speed", "from": 3, "to": 9, "factor": 0}), r"edits\[0\]\.factor"),
        (text({"do": "hold", "frame": 3, "frames": 10**9}), r"edits\[0\]\.frames"),
        (text({"do": "hold", "frame": 10**30, "frames": 1}), r"edits\[0\]\.frame"),
    ],
)
def test_what_is_wrong_is_named(wrong, name):
    with pytest.raises(InputError, match=f"^{name}: found .*; allowed: "):
        parse(wrong)


def test_a_newer_version_is_not_guessed_at():
    with pytest.raises(InputError, match="newer Frugal Motion"):
        parse('{"version": 2, "edits": [{"do": "fly"}], "more": 3}')


def test_a_report_says_what_was_done_and_what_was_not_and_why():
    moves = [Move(frame=frame, person=1, joint="left_wrist", by=(0.1, 0.0)) for frame in (3, 5)]
    each = (*moves, Hold(frame=3, frames=2), Hold(frame=99, frames=2), Speed(first=1, last=3, factor=2.0, off=True))
    edits = Edits(edits=each)
    report = told(edits, edited(dance(1.6), edits).notes)
    assert report.splitlines() == [
        "Edits applied: 3",
        "  move: 2",
        "  hold: 1",
        "Switched off: 1",
        "Skipped: 1",
        "  hold, frame 99: there is no frame 99: the motion has 40, counted from 0",
    ]
    assert told(Edits(), ()) == "No edits"
