"""Results that come back from a device: none is read before it is there, none is overwritten before it was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comfy.model_management as management
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes import readback
from frugal_motion.nodes.host.models import compute_device, may_pin
from frugal_motion.nodes.readback import in_pieces, read_back


class Eager:
    """A card that has copied before anyone asks for it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def send(self, piece: torch.Tensor, buffer: torch.Tensor) -> Callable[[], None]:
        self.said.append("send")
        buffer.copy_(piece)
        return lambda: self.said.append("wait")


class Late(Eager):
    """A card that has copied only when somebody waits for it; until then there is rubbish."""

    def send(self, piece: torch.Tensor, buffer: torch.Tensor) -> Callable[[], None]:
        self.said.append("send")
        buffer.fill_(-1)

        def arrived() -> None:
            self.said.append("wait")
            buffer.copy_(piece)

        return arrived


def on_device(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(compute_device())


@pytest.mark.parametrize("card", [Eager, Late])
@given(st.integers(0, 40), st.integers(1, 9))
def test_all_pieces_arrive_however_fast_the_card_is(card: type[Eager], count: int, size: int) -> None:
    source, target = torch.arange(1.0, count + 1), torch.zeros(count)
    in_pieces(source, target, torch.zeros(2, size), card().send)
    assert torch.equal(source, target)


def test_a_piece_is_under_way_while_the_one_before_is_written() -> None:
    card = Eager()
    in_pieces(torch.arange(12.0), torch.zeros(12), torch.zeros(2, 4), card.send)
    assert card.said == ["send", "send", "wait", "send", "wait", "wait"]


@pytest.mark.parametrize("pins", [True, False])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (torch.float32, torch.float32),
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float16),
        (torch.uint8, torch.uint8),
    ],
)
def test_it_copies_what_any_copy_would(
    monkeypatch: pytest.MonkeyPatch, before: torch.dtype, after: torch.dtype, pins: bool
) -> None:
    monkeypatch.setattr(readback, "PIECE", 1000)  # many pieces, and a last one that is smaller
    planes = torch.rand(2, 3, 31, 17).mul(255).to(before)
    target = torch.empty(2, 31, 17, 3, dtype=after)
    read_back(on_device(planes).movedim(1, -1), target, pins=pins)
    assert torch.equal(target, planes.movedim(1, -1).to(after))


def test_nothing_and_targets_with_gaps() -> None:
    read_back(on_device(torch.empty(0, 4)), torch.empty(0, 4), pins=True)
    numbers, target = torch.rand(5, 7), torch.zeros(5, 9)
    read_back(on_device(numbers), target[:, 1:8], pins=True)
    assert torch.equal(target[:, 1:8], numbers)
    assert (target[:, [0, 8]] == 0).all()


def test_a_part_of_a_larger_result_is_all_that_is_written() -> None:
    numbers, target = torch.rand(2, 7), torch.zeros(5, 7)
    read_back(on_device(numbers), target[1:3], pins=True)
    assert torch.equal(target[1:3], numbers)
    assert (target[[0, 3, 4]] == 0).all()


def test_results_of_inference_mode() -> None:
    with torch.inference_mode():
        made = on_device(torch.rand(3, 5)) + 1
        expected = made.cpu()
    target = torch.empty(3, 5)
    read_back(made, target, pins=True)
    assert torch.equal(target, expected)


def test_where_page_locked_memory_is_refused_it_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = torch.empty

    def refuses(*shape: Any, pin_memory: bool = False, **more: Any) -> torch.Tensor:
        if pin_memory:
            raise RuntimeError("CUDA error: out of memory")
        return empty(*shape, **more)

    numbers, target = torch.rand(5, 7), empty(5, 7)
    monkeypatch.setattr(torch, "empty", refuses)
    read_back(on_device(numbers), target, pins=True)
    assert torch.equal(target, numbers)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
def test_behind_long_work_and_in_a_hurry() -> None:
    """What is read is what the work before has made, whatever is sent right behind it and wherever it lies."""
    card = torch.device("cuda")
    factor = torch.eye(4096, device=card)
    for number in range(8):
        made = torch.full((4096, 4096), float(number), device=card)  # 64 MB
        for _ in range(20):
            made = made @ factor
        made[-1, -1] += 1
        target = torch.empty(4096, 4096)
        read_back(made, target, pins=True)
        made.fill_(-1)
        assert target[-1, -1] == number + 1
        assert (target.view(-1)[:-1] == number).all()


def test_comfyui_is_asked_whether_memory_may_be_page_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management, "MAX_PINNED_MEMORY", -1)  # --disable-pinned-memory
    assert not may_pin()
    monkeypatch.setattr(management, "MAX_PINNED_MEMORY", 1e9)
    assert may_pin()
