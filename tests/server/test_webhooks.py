"""What becomes of jobs whose webhooks cannot be told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from unittest.mock import Mock

import aiohttp
import pytest

from frugal_motion.nodes.jobs.job import Job
from frugal_motion.nodes.server.webhooks import MOST_AT_ONCE, MOST_CALLS, Webhooks


@pytest.mark.parametrize("error", [aiohttp.ClientError(), TimeoutError(), UnicodeError("no such host")])
def test_one_that_is_never_told_is_given_up_and_forgotten(error: Exception) -> None:
    called = Mock(side_effect=range(1, MOST_CALLS + 1))
    hooks = Webhooks(SimpleNamespace(called=called), lambda: frozenset({"host"}), lambda job: {})
    session = Mock(post=Mock(side_effect=error))
    job = Job("1", {}, webhook="http://host/")
    for call in range(MOST_CALLS):
        asyncio.run(hooks._call(session, job))
        assert (job.id in hooks._next) == (call < MOST_CALLS - 1), "it grows no list for ever"
    assert [call.args for call in called.call_args_list] == [("1", 1)] * MOST_CALLS


def test_no_more_jobs_are_read_than_are_told_at_once() -> None:
    find = Mock(side_effect=lambda job_id: Job(job_id, {}))
    ended = [str(number) for number in range(3 * MOST_AT_ONCE)]
    store = SimpleNamespace(find=find, to_call=lambda calls, before: ended)
    hooks = Webhooks(store, lambda: frozenset({"host"}), lambda job: {})
    hooks._next = {job_id: float("inf") for job_id in ended[:MOST_AT_ONCE]}
    assert [job.id for job in hooks._due()] == ended[MOST_AT_ONCE : 2 * MOST_AT_ONCE]
    assert find.call_count == MOST_AT_ONCE
