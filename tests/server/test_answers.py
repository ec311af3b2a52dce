"""From requests to answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from unittest.mock import Mock

import comfy.model_management as management
import pytest
from aiohttp import web

from frugal_motion.nodes.host.background import check_cancelled
from frugal_motion.nodes.server.answers import answering


@pytest.fixture
def cancelled() -> Iterator[None]:
    """As if the user had just cancelled a run."""
    management.interrupt_current_processing(True)
    yield
    management.interrupt_current_processing(False)


@pytest.mark.usefixtures("cancelled")
def test_a_request_does_not_take_the_wish_to_cancel_from_the_run() -> None:
    async def hashes_a_file(_: web.Request) -> web.Response:
        await asyncio.to_thread(check_cancelled)
        return web.json_response({})

    assert asyncio.run(answering(hashes_a_file)(Mock())).status == 200
    with pytest.raises(management.InterruptProcessingException):
        check_cancelled()
