"""Time and memory of work, on a card that only counts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from frugal_motion.bench.gpu_day import timing

GB = 10**9


class Card:
    """A card of 100 GB of which 20 are reserved, with a clock that work moves on."""

    def __init__(self) -> None:
        self.now, self.pending, self.peak, self.share = 0.0, 0.0, 0, 1.0
        self.shares: list[float] = []

    def work(self, seconds: float, gigabytes: int = 0) -> None:
        """Begun, and done when the card is waited for."""
        self.pending += seconds
        self.peak = max(self.peak, gigabytes * GB)

    def synchronize(self) -> None:
        self.now, self.pending = self.now + self.pending, 0.0

    def reset(self) -> None:
        self.peak = 0

    def set_share(self, share: float) -> None:
        self.share = share
        self.shares.append(share)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    one = Card()
    replaced: dict[str, Any] = {
        "is_initialized": lambda: True,
        "synchronize": one.synchronize,
        "reset_peak_memory_stats": one.reset,
        "max_memory_allocated": lambda: one.peak,
        "memory_allocated": lambda: 18 * GB,
        "memory_reserved": lambda: 20 * GB,
        "mem_get_info": lambda: (70 * GB, 100 * GB),
        "memory_stats": lambda: {"num_ooms": 3},
        "empty_cache": lambda: None,
        "set_per_process_memory_fraction": one.set_share,
    }
    for name, value in replaced.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: one.now)
    return one


def test_waits_for_what_was_begun_before_and_in_the_work(card: Card) -> None:
    card.work(5, 60)
    assert timing.timed(lambda: card.work(2, 30)) == timing.Timing(2, 30 * GB)


def test_a_first_round_does_not_count_and_the_others_are_in_turns(card: Card) -> None:
    order: list[str] = []
    seconds = {"a": [100.0, 1.0, 3.0, 2.0], "b": [100.0, 9.0, 9.0, 40.0]}

    def one(name: str) -> None:
        order.append(name)
        card.work(seconds[name].pop(0), 10 if name == "a" else 20)

    found = timing.side_by_side({"a": lambda: one("a"), "b": lambda: one("b")}, 3)
    assert order == ["a", "b"] * 4
    assert found == {"a": timing.Timing(2, 10 * GB), "b": timing.Timing(9, 20 * GB)}


def test_at_least_one_round_counts() -> None:
    with pytest.raises(ValueError, match="rounds"):
        timing.side_by_side({}, 0)


def test_little_memory_is_what_is_reserved_and_the_room_and_ends(card: Card) -> None:
    with timing.little_memory(30 * GB):
        assert card.share == pytest.approx(0.5)
    assert card.share == 1
    with pytest.raises(KeyError), timing.little_memory(500 * GB):
        assert card.share == 1
        raise KeyError
    assert card.shares[-1] == 1


def test_asks_the_card(card: Card) -> None:
    assert (timing.memory_in_use(), timing.times_out_of_memory()) == (18 * GB, 3)


def test_leaves_an_unused_card_alone(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    with timing.little_memory(0):
        assert timing.timed(lambda: card.work(2, 30)) == timing.Timing(0, 0)
    assert (timing.memory_in_use(), timing.times_out_of_memory(), card.shares) == (0, 0, [])
