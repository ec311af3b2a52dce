from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from frugal_motion.nodes.thread_pool import thread_pool


def test_a_pool_that_is_left_ends_what_it_has_begun_and_drops_the_rest() -> None:
    begun, dropped = threading.Event(), threading.Event()
    found: list[Future[bool]] = []

    def work() -> bool:
        begun.set()
        return dropped.wait(5)

    with pytest.raises(KeyboardInterrupt), thread_pool(1, "named") as pool:
        found = [pool.submit(work), pool.submit(bool)]
        found[1].add_done_callback(lambda _: dropped.set())
        assert begun.wait(20)
        assert named()
        raise KeyboardInterrupt
    assert found[0].result()
    assert found[1].cancelled()
    assert not named()


def named() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("named")]
