"""What becomes of jobs whose webhooks cannot be told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from unittest.mock import Mock

import aiohttp
import pytest

from frugal_motion.nodes.jobs.job import Job
from frugal_motion.nodes.server.webhooks import MOST_CALLS, Webhooks


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
