"""Threads that end with what they are for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def thread_pool(count: int, name: str) -> Iterator[Executor]:
    """A pool that drops what it has not begun when it is left, and waits for what it has.

    ``ThreadPoolExecutor`` as a context manager does all that it was given, also after an error.

    Args:
        count: of threads, 1 or more.
        name: what the names of its threads begin with.
    """
    pool = ThreadPoolExecutor(count, name)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
