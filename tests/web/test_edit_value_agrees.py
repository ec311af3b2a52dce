"""The editor takes for edits what the server takes, and writes them as it does."""

from __future__ import annotations

import json
import random
import subprocess
from typing import Any, get_args

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.editing.by_hand.edits import Edit, parse, to_text

from .test_web import HERE, NODE

GOOD = {
    "frame": 3, "of": 2, "person": 1, "of_person": 0, "joint": "left_wrist", "by": [0.1, -0.25], "before": 2,
    "after": 4, "replace": True, "stretch": False, "slope": None, "place": True, "from": 2, "to": 5, "fade": 0,
    "with": 2, "frames": 4, "factor": 0.5,
}  # fmt: skip
OTHERS = [
    0, 1, 2, 5, -1, 1.5, "x", "left_hand_20", "left_hand_21", "pelvis", None, True, [0.1, 0.2], [1], [0.1, "2"],
    [11, 0], 0.05, 10, 11, 1000, 1001, 10_000, 10_001, 10_000_001, {},
]  # fmt: skip
WHOLE = [
    "", " ", "{", "{}", "[]", "3", "null", '{"edits":[]}', '{"version":1}', '{"version":1,"edits":[],"more":1}',
    '{"edits":{}}', '{"version":2,"edits":[{"do":"fly"}]}', '{"version":"1"}', '{"edits":null}',
    '{"version":1,"edits":[{}]}', '{"version":1,"edits":[NaN]}', '{"version":1,"edits":[null]}',
]  # fmt: skip


def _one(choose: random.Random) -> dict[str, Any]:
    """An edit of some kind, most often with a field that is missing, one too many or one that is unusual."""
    kind = choose.choice(get_args(Edit))
    fields = [field.alias or name for name, field in kind.model_fields.items() if name not in ("do", "off")]
    edit = {"do": kind.model_fields["do"].default, **{name: GOOD[name] for name in fields if choose.random() < 0.95}}
    if choose.random() < 0.75:
        edit[choose.choice(fields)] = choose.choice(OTHERS)
    if choose.random() < 0.05:
        edit[choose.choice(("off", "colour"))] = choose.choice((True, 1, None))
    return edit


def _by_server(text: str) -> str | None:
    try:
        edits = parse(text)
    except InputError:
        return None
    return to_text(edits)


def test_the_editor_and_the_server_take_the_same_edits() -> None:
    choose = random.Random(3)
    texts = [*WHOLE, *(json.dumps({"version": 1, "edits": [_one(choose)]}) for _ in range(3000))]
    script = HERE / "agree_on_value.mjs"
    done = subprocess.run([NODE, script], input=json.dumps(texts), capture_output=True, text=True, check=True)
    wanted = [_by_server(text) for text in texts]
    for text, found, server in zip(texts, json.loads(done.stdout), wanted, strict=True):
        assert (found is None) == (server is None), text
        if server is not None:
            assert json.loads(found or "0") == json.loads(server or "0"), text
    assert sum(text is not None for text in wanted) > 500
