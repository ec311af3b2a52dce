"""ComfyUI's own queue, its flags, and a clock of ours."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from typing import Any
from unittest.mock import Mock

import execution
import pytest

from frugal_motion.nodes.economy import idle_watch
from frugal_motion.nodes.economy.idle_timer import IdleDelays
from frugal_motion.nodes.economy.idle_watch import IdleWatch, look_at

DELAYS = IdleDelays(unload=10, free=25)


class Machine:
    """ComfyUI's queue, the steps of its thread one at a time, and the watch."""

    def __init__(self) -> None:
        self.now = 0.0
        self.queue = execution.PromptQueue(Mock())
        self.watch = IdleWatch(self.queue, lambda: DELAYS, clock=lambda: self.now)
        self.running: Any = None
        self.unloads: list[tuple[float, bool]] = []
        self._number = 0

    def put(self) -> None:
        self._number += 1
        self.queue.put((self._number, str(self._number), {}, {}, [], {}))

    def begin(self) -> None:
        if self.running is None and self.queue.queue:
            self.running = self.queue.get(timeout=0)

    def end(self) -> None:
        if self.running is not None:
            _, number = self.running
            self.queue.task_done(number, {"outputs": {}, "meta": {}}, None)
            self.running = None
            self.flags()

    def wake(self) -> None:
        """What the thread does when it is notified: work if there is some, and only then the flags."""
        if self.running is None:
            self.begin()
            if self.running is None:
                self.flags()

    def flags(self) -> None:
        # As ComfyUI's prompt_worker reads them.
        flags = self.queue.get_flags()
        free = flags.get("free_memory", False)
        if flags.get("unload_models", free):
            self.unloads.append((self.now, look_at(self.queue)[0]))


def test_nothing_is_unloaded_under_work() -> None:
    for seed in range(1000):
        _run_at_random(random.Random(seed))


def _run_at_random(chance: random.Random) -> None:
    machine = Machine()
    for _ in range(60):
        chance.choice([machine.put, machine.begin, machine.end, machine.wake, machine.watch.look])()
        machine.now += chance.choice([0, 0.5, 3, 11])
        if chance.random() < 0.3:
            machine.watch.look()
    assert not any(busy for _, busy in machine.unloads)
    times = [now for now, _ in machine.unloads]
    assert len(set(times)) == len(times)


def test_what_was_asked_while_the_thread_tidied_up_is_done() -> None:
    machine = Machine()
    machine.queue.set_flag("unload_models", True)  # nobody waits for it
    thread = threading.Thread(target=lambda: (machine.queue.get(timeout=1000), machine.flags()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while thread.is_alive() and time.monotonic() < deadline:
        machine.watch.look()
        thread.join(0.05)
    assert machine.unloads == [(0, False)]


def test_it_comes_once_within_two_seconds_of_its_time() -> None:
    machine = Machine()
    machine.put(), machine.begin(), machine.end()
    for _ in range(200):
        machine.watch.look()
        machine.wake()
        machine.now += 0.5
    unload, free = (now for now, _ in machine.unloads)
    assert DELAYS.unload <= unload <= DELAYS.unload + 2 and DELAYS.free <= free <= DELAYS.free + 2


def test_a_prompt_that_comes_after_the_flag_finds_its_models() -> None:
    machine = Machine()
    machine.now = 11
    assert machine.watch.look() == "unload"
    machine.put()
    machine.wake()  # takes the prompt
    machine.end()  # and reads the flag after it
    assert machine.unloads == []


def test_what_a_user_asks_for_is_not_made_conditional() -> None:
    machine = Machine()
    machine.queue.set_flag("unload_models", True)
    machine.now = 11
    machine.watch.look()
    machine.put()
    machine.wake(), machine.end()
    assert len(machine.unloads) == 1


def test_models_that_go_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_watch.management, "current_loaded_models", [object()])
    machine = Machine()
    machine.now = 11
    machine.watch.look(), machine.wake()
    assert machine.watch.unloaded == 1 and machine.watch.left() is None


def test_leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, now = execution.PromptQueue(Mock()), [0.0]
    watch = IdleWatch(queue, lambda: IdleDelays(exit=5), clock=lambda: now[0])
    now[0] = 6
    with pytest.raises(SystemExit) as left:
        asyncio.run(watch.run(lambda: 42))
    assert left.value.code == 42


def test_nobody_leaves_while_work_is_expected() -> None:
    queue, now, expected = execution.PromptQueue(Mock()), [0.0], [True]
    watch = IdleWatch(queue, lambda: IdleDelays(exit=5), lambda: bool(expected), lambda: now[0])
    for now[0] in (1, 6):
        assert watch.look() is None
    expected.clear()
    assert watch.look() is None
    now[0] = 12
    assert watch.look() == "exit"


def test_a_queue_that_is_not_as_expected_stops_the_watch_alone(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(IdleWatch(object(), lambda: DELAYS).run(lambda: 0))
    assert "not unloaded any more" in caplog.text
