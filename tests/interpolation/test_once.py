"""What several threads need and only one makes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep

import pytest

from frugal_motion.nodes.interpolation.guided.once import Once


def test_threads_that_ask_at_the_same_time_are_given_the_same() -> None:
    asked, made = Barrier(4), []

    def make(key: int) -> object:
        made.append(key)
        sleep(0.05)  # meanwhile the others ask
        return object()

    once = Once(make)

    def ask(key: int) -> object:
        asked.wait(10)
        return once(key)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, [1, 1, 1, 1]))
    assert len(set(map(id, found))) == 1
    assert made == [1]


def test_what_went_wrong_is_told_to_all() -> None:
    def make(key: int) -> int:
        raise ValueError(f"no {key}")

    once = Once(make)
    for _ in range(2):
        with pytest.raises(ValueError, match="no 3"):
            once(3)


def test_what_was_let_go_is_made_again() -> None:
    made: list[int] = []
    once = Once(made.append)
    for key in (1, 2):
        once(key)
    once.keep(lambda key: key > 1)
    for key in (1, 2):
        once(key)
    assert made == [1, 2, 1]
