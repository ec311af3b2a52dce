"""What the demo says of a repeated run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from frugal_motion.tools import demo


def result(seconds: float, *, cached: bool) -> dict[str, Any]:
    stage = {"stage": "Sampler", "cached": cached}
    return {"seconds": seconds, "ui": [{"data": {"frugal_report": [{"stages": [stage]}]}}]}


def test_a_repeated_run_stands_beside_the_time_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "TIMES", tmp_path / "seconds.json")
    for seconds, cached, edit in ((3.0, True, "a"), (80.0, False, "a"), (2.0, True, "a"), (5.0, True, "b")):
        demo._print_time(result(seconds, cached=cached), edit)
    assert capsys.readouterr().out.split("\n\n") == [
        "\n3.0 s",
        "80.0 s",
        "2.0 s; from nothing it took 80.0 s: 2.5% of that",
        "5.0 s\n",
    ]
