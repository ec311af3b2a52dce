"""What half precision is measured by, and that nothing that goes wrong hides what goes right."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from frugal_motion.bench.gpu_day import card_tests, precision
from frugal_motion.bench.gpu_day.card_tests import Tally, tally
from frugal_motion.bench.gpu_day.likeness import EQUAL_DB
from frugal_motion.bench.gpu_day.measurement import Measurement
from frugal_motion.bench.gpu_day.precision_works import COMPARISONS, Comparison, Works, difference
from frugal_motion.bench.gpu_day.setting import Setting

ROOT = Path(__file__).resolve().parents[2]
LATENTS = Comparison(Works.sparse, "L2", 2e-2)
PICTURES = Comparison(Works.rife, "dB", 45.0)


def test_latents_are_measured_by_their_relative_l2() -> None:
    expected = {"a": torch.full((4, 4), 2.0), "b": torch.ones(3)}
    assert difference(LATENTS, expected, expected) == 0
    found = {"a": expected["a"] * 1.5, "b": expected["b"] * 1.25}
    assert difference(LATENTS, found, expected) == pytest.approx(0.5), "the worst counts"


def test_pictures_are_measured_by_their_psnr() -> None:
    black = {"a": torch.zeros(1, 4, 4, 3), "b": torch.zeros(1, 4, 4, 3)}
    off = {"a": torch.full((1, 4, 4, 3), 0.01), "b": torch.full((1, 4, 4, 3), 0.1)}
    assert difference(PICTURES, off, black) == pytest.approx(20), "the worst counts"
    assert difference(PICTURES, black, black) == EQUAL_DB


def test_other_shapes_are_no_difference_but_an_error() -> None:
    for other in ({"a": torch.zeros(2)}, {"b": torch.zeros(3)}, {}):
        with pytest.raises(ValueError, match="sparse"):
            difference(LATENTS, other, {"a": torch.zeros(3)})


@pytest.mark.parametrize("one", [LATENTS, PICTURES])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_nan_is_a_missed_goal(one: Comparison, number: float, place: int) -> None:
    spoiled, good = torch.rand(2, 3, 3, 3), {"a": torch.rand(2, 3, 3, 3), "b": torch.rand(2, 3, 3, 3)}
    spoiled[0, 0, 0, 0] = number
    for name in good:
        sides = [good | {name: spoiled}, good]
        found = precision._measurement(one, (sides[place], sides[1 - place]))
        assert found.is_reached is False and "NaN" in found.note


def test_equal_pictures_reach_the_goal() -> None:
    picture = {"a": torch.rand(1, 3, 3, 3)}
    found = precision._measurement(PICTURES, (picture, picture))
    assert found.is_reached and "Equal" in found.note


def test_comparisons_are_told_apart() -> None:
    names = [one.name for one in COMPARISONS]
    assert len(set(names)) == len(names) and all(one.note for one in COMPARISONS)


class Slow:
    """The CPU, which has made some of it."""

    def __init__(self, setting: Setting) -> None:
        self.is_closed = False

    def result(self, name: str, seconds: float) -> Any:
        if name == "dense":
            raise RuntimeError("on the CPU: no")
        return None if name == "masks" else {"a": torch.ones(2)}

    def close(self) -> None:
        self.is_closed = True


class NoTests(Slow):
    def finished(self, seconds: float) -> Tally:
        return Tally(passed=3, failed={"tests/a.py::test_b": "assert 1 == 2"}, ended=False, last_lines="...")


def test_what_raises_hides_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def done(works: Any, one: Comparison) -> dict[str, torch.Tensor]:
        if one.name in ("vace", "tiles"):
            raise RuntimeError("expected all tensors on one device")
        value = torch.full((2,), 1.001)
        return {"found": value, "expected": value} if one.alone else {"a": value}

    given = {"chosen": lambda assets: list(COMPARISONS), "done": done, "Works": lambda side: None}
    for name, value in {**given, "Reference": Slow, "CardTests": NoTests}.items():
        monkeypatch.setattr(precision, name, value)
    setting = Setting(True, 9.0, tmp_path, tmp_path, tmp_path, tmp_path)
    found: list[Measurement] = []
    facts: dict[str, Any] = {}

    def take() -> None:
        for one in precision.measure(setting):
            found.append(one) if isinstance(one, Measurement) else facts.update(one)

    with pytest.raises(RuntimeError, match=r"3 of \d+ comparisons raised: vace, tiles, dense"):
        take()
    measured = {one.name: one for one in found}
    without = {"vace", "tiles", "dense", "masks"}
    assert set(measured) >= {one.name for one in COMPARISONS} - without
    assert not without & set(measured)
    assert all("one device" in facts[f"{name}.raised"] for name in ("vace", "tiles"))
    assert "on the CPU: no" in facts["dense.raised"] and "masks.left_out" in facts
    assert measured["sparse"].value == pytest.approx(1e-3, rel=1e-3)
    assert measured["tests.passed"].value == 3 and measured["tests.failed"].is_reached is False
    assert facts["tests.failed"] == {"tests/a.py::test_b": "assert 1 == 2"}


def test_what_pytest_prints_is_understood(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_all.py").write_text(
        "import pytest, os, signal\n"
        "def test_good(): pass\n"
        "@pytest.mark.parametrize('what', ['a b', 'c'])\n"
        "def test_each(what): pass\n"
        "def test_bad(): assert 1 == 2\n"
        "def test_skipped(): pytest.skip()\n"
        "@pytest.fixture\n"
        "def broken(): raise OSError('no card')\n"
        "def test_error(broken): pass\n"
        "def test_cut(): os.kill(os.getpid(), signal.SIGINT) if os.environ.get('CUT') else None\n"
        "def test_behind(): pass\n"
    )

    def printed(environment: dict[str, str]) -> tuple[str, int]:
        command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--rootdir", ".", "tests"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.stdout, done.returncode

    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it, and pass that on
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"} | {"COLUMNS": "1000"}
    text, status = printed(environment)
    found = tally([text], [status])
    assert (found.passed, found.skipped, found.ended) == (5, 1, True)
    assert found.failed == {
        "tests/test_all.py::test_bad": "assert 1 == 2",
        "tests/test_all.py::test_error": "OSError: no card",
    }
    cut = tally([text, *printed(environment | {"CUT": "1"})[:1]], [status, 2])
    assert not cut.ended and cut.passed == 5 and "KeyboardInterrupt" in cut.last_lines


def test_a_process_that_died_is_told() -> None:
    found = tally(["tests/a.py::test_a PASSED  [ 1%]\nFatal Python error: Aborted"], [-6])
    assert found.passed == 1 and not found.ended and "Aborted" in found.last_lines


def test_without_pytest_there_are_no_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(card_tests, "find_spec", lambda name: None)
    tests = card_tests.CardTests(Setting(True, 9.0, tmp_path, tmp_path, tmp_path, tmp_path))
    try:
        (facts,) = precision._of_tests(tests.finished(1.0))
    finally:
        tests.close()
    assert facts == {"tests.left_out": "without pytest, hypothesis there are no tests"}


def names(groups: Sequence[Sequence[str]]) -> list[str]:
    return [name.split("::")[0] for group in groups for name in group]


def test_the_tests_that_are_run_are_there() -> None:
    run = names([*card_tests.TESTS, card_tests.REHEARSED])
    assert all((ROOT / name).exists() for name in [*run, *names([card_tests.LEFT_OUT])])
    assert len(set(names(card_tests.TESTS))) == len(names(card_tests.TESTS)), "each once"


def test_weights_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    from frugal_motion.bench.gpu_day.precision_works import chosen

    assert [one.name for one in chosen(tmp_path)] == [one.name for one in COMPARISONS if not one.needs]
