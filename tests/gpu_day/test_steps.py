"""A step that fails takes none of the others with it, and is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from frugal_motion.bench.gpu_day.net_clock import clock_on
from frugal_motion.bench.gpu_day.steps import each


def finds(*values: int) -> Iterator[dict[str, int]]:
    for value in values:
        yield {"found": value}


def fails() -> Iterator[dict[str, int]]:
    yield {"found": 2}
    raise ValueError("no such layer")


def test_all_steps_are_taken_and_what_failed_is_told_at_the_end() -> None:
    found = each([lambda: finds(1), fails, lambda: finds(3, 4)])
    assert [next(found)["found"] for _ in range(4)] == [1, 2, 3, 4]  # type: ignore[index]
    with pytest.raises(RuntimeError, match=r"^1 of its steps failed, the first by ValueError: no such layer"):
        next(found)


def test_a_card_that_is_lost_does_not_hide_what_lost_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> None:
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr("frugal_motion.bench.gpu_day.steps.management.soft_empty_cache", lost)
    found = each([fails, lambda: finds(3)])
    assert next(found) == {"found": 2}
    with pytest.raises(RuntimeError, match="no such layer"):
        next(found)
    with pytest.raises(RuntimeError, match="unspecified launch failure"):
        list(each([lambda: finds(1), lambda: finds(2)]))


def test_steps_that_work_end_quietly() -> None:
    assert list(each([lambda: finds(1)])) == [{"found": 1}]


def test_the_clock_runs_while_a_net_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, outer = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    now = iter((1.0, 4.0, 10.0, 11.0))
    monkeypatch.setattr("frugal_motion.bench.gpu_day.net_clock.time.perf_counter", lambda: next(now))
    with clock_on(inner) as clock:
        inner(torch.zeros(1, 2))
        outer(torch.zeros(1, 2))
        inner(torch.zeros(1, 2))
    inner(torch.zeros(1, 2))  # the clock is off
    assert clock.seconds == 3.0 + 1.0
