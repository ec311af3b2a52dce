"""Whoever reads what the pack writes need not be Python: there is no NaN in JSON."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from comfy_api.latest import io

from frugal_motion.nodes.economy.run_book import RunBook
from frugal_motion.nodes.host.frugal_node import FrugalNode
from frugal_motion.nodes.host.metadata import workflow_metadata
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.server.answers import answering, json_answer
from frugal_motion.nodes.strict_json import strict, to_json
from frugal_motion.nodes.video.codecs import CODECS
from frugal_motion.nodes.video.encode import EncodeSettings, save
from frugal_motion.nodes.video.stream import ArrayStream

NAN, INFINITY = float("nan"), float("inf")
# As ComfyUI 0.3.75 hands it over where a node always wants to run again.
PROMPT = {"1": {"class_type": "AlwaysNew", "inputs": {"x": 1.5}, "is_changed": [NAN, -INFINITY, object()]}}
WANTED = {"1": {"class_type": "AlwaysNew", "inputs": {"x": 1.5}, "is_changed": [None, None, None]}}


def parsed(text: str) -> Any:
    """As a browser reads it."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def metadata() -> dict[str, str]:
    return workflow_metadata(SimpleNamespace(prompt=PROMPT, extra_pnginfo={"workflow": {"zoom": NAN}}, unique_id="1"))


def clip() -> ArrayStream:
    return ArrayStream(np.zeros((3, 48, 64, 3), np.uint8), Fraction(12))


def tags_of(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        return {name.lower(): value for name, value in container.metadata.items()}


def test_what_json_has_numbers_for_is_written_as_ever() -> None:
    value = {"a": [1, 2.5, "NaN", None, True, "ü"], "b": {"1": 1e300}}
    assert to_json(value) == json.dumps(value) and strict(value) is value
    assert to_json(value, indent=1) == json.dumps(value, indent=1)


def test_what_it_has_no_numbers_for_is_null() -> None:
    value = {"a": [NAN, (INFINITY, 1)], "b": {"c": -INFINITY}}
    assert parsed(to_json(value)) == strict(value) == {"a": [None, [None, 1]], "b": {"c": None}}
    with pytest.raises(TypeError):
        to_json(object())


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "png sequence"])
def test_the_prompt_in_a_file(tmp_path: Path, codec: str) -> None:
    settings = EncodeSettings(codec)
    path = tmp_path / f"out{settings.suffix}"
    save(clip(), path, settings, metadata=metadata())
    if codec == "gif":  # has no place for it
        return
    tags = tags_of(path)
    assert parsed(tags["prompt"]) == WANTED and parsed(tags["workflow"]) == {"zoom": None}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".mov"])
def test_the_prompt_in_a_file_of_core_s_save_video(tmp_path: Path, suffix: str) -> None:
    StreamVideo(clip()).save_to(str(tmp_path / f"out{suffix}"), metadata={"prompt": PROMPT, "title": "as it is"})
    tags = tags_of(tmp_path / f"out{suffix}")
    assert parsed(tags["prompt"]) == WANTED and tags["title"] == "as it is"


def test_answers() -> None:
    async def handler(_: Any) -> Any:
        return json_answer({"seconds": NAN})

    answer = asyncio.run(answering(handler)(SimpleNamespace()))  # type: ignore[arg-type]
    assert parsed(answer.text) == {"seconds": None} and answer.content_type == "application/json"


def test_what_nodes_show() -> None:
    """ComfyUI sends it to the editor, and keeps it for /history."""

    class Shows(FrugalNode):
        @classmethod
        def define_schema(cls) -> io.Schema:
            return io.Schema("TestShows", "Shows")

        @classmethod
        def execute(cls) -> io.NodeOutput:
            return io.NodeOutput(ui={"frugal_test": [{"dollars": INFINITY}]})

    assert Shows.execute().ui == {"frugal_test": [{"dollars": None}]}


def test_records_of_runs(tmp_path: Path) -> None:
    RunBook(tmp_path).add("a", 1, {"prompt": {"1": {"is_changed": [NAN]}}, "dollars": INFINITY})
    (path,) = tmp_path.iterdir()
    assert parsed(path.read_text()) == {
        "run": "a",
        "ended": 0.001,
        "prompt": {"1": {"is_changed": [None]}},
        "dollars": None,
    }
