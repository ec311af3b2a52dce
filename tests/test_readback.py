"""Results that come back from a device: none is read before it is there, none is overwritten before it was read."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import comfy.model_management as management
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from frugal_motion.nodes import readback
from frugal_motion.nodes.host.models import compute_device, may_pin
from frugal_motion.nodes.readback import PIECE, Lane, in_pieces, lane_from, read_back
from frugal_motion.tests import pretend_card

CUDA = torch.device("cuda")
TYPES = [
    (torch.float32, torch.float32),
    (torch.float16, torch.float32),
    (torch.bfloat16, torch.float32),
    (torch.float32, torch.float16),
    (torch.uint8, torch.uint8),
]
"""Of results, and of what they are wanted in."""
PLANES = torch.rand(2, 3, 31, 17).mul(255)


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
        buffer.zero_()

        def arrived() -> None:
            self.said.append("wait")
            buffer.copy_(piece)

        return arrived


class Driver:
    """What is asked of CUDA, on any machine: page-locked memory, and whether the current stream has come so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[str] = []
        self.refuses = False
        self._empty = torch.empty
        monkeypatch.setattr(torch, "empty", self._ordinary)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: self)
        monkeypatch.setattr(readback, "lane_from", lambda device: lane_from(CUDA))

    def _ordinary(self, *shape: Any, pin_memory: bool = False, **more: Any) -> torch.Tensor:
        if pin_memory:
            self.said.append("page-locked")
            if self.refuses:
                raise RuntimeError("CUDA error: out of memory")
        return self._empty(*shape, **more)

    def record_event(self) -> Driver:
        self.said.append("recorded")
        return self

    def synchronize(self) -> None:
        self.said.append("waited")


class Copies(TorchDispatchMode):
    """Takes down what is copied, from where and to where, and says in between whether that is waited for."""

    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self.said = said
        self.seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.copy_.default:
            self.said.append("sent" if any(args[2:]) else "copied")
            self.seen.append((args[1], args[0]))
        elif func is torch.ops.aten._to_copy.default:
            self.seen.append((args[0], made))
        return made


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    return Driver(monkeypatch)


@pytest.fixture(params=[Eager, Late])
def card(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Eager:
    """Where results lie, whatever there is; they are sent in many pieces, and a last one that is smaller."""
    made: Eager = request.param()
    monkeypatch.setattr(readback, "lane_from", lambda device: Lane(torch.empty(2, 1000, dtype=torch.uint8), made.send))
    return made


def on_device(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(compute_device())


@pytest.mark.parametrize("kind", [Eager, Late])
@given(st.integers(0, 40), st.integers(1, 9))
def test_all_pieces_arrive_however_fast_the_card_is(kind: type[Eager], count: int, size: int) -> None:
    source, target = torch.arange(1.0, count + 1), torch.zeros(count)
    in_pieces(source, target, torch.zeros(2, size), kind().send)
    assert torch.equal(source, target)


def test_a_piece_is_under_way_while_the_one_before_is_written() -> None:
    card = Eager()
    in_pieces(torch.arange(12.0), torch.zeros(12), torch.zeros(2, 4), card.send)
    assert card.said == ["send", "send", "wait", "send", "wait", "wait"]


@pytest.mark.parametrize("pins", [True, False])
@pytest.mark.parametrize(("before", "after"), TYPES)
def test_it_copies_what_any_copy_would(before: torch.dtype, after: torch.dtype, pins: bool) -> None:
    planes = PLANES.to(before)
    target = torch.empty(2, 31, 17, 3, dtype=after)
    read_back(on_device(planes).movedim(1, -1), target, pins=pins)
    assert torch.equal(target, planes.movedim(1, -1).to(after))


@pytest.mark.parametrize(("before", "after"), TYPES)
def test_so_it_does_in_pieces(card: Eager, before: torch.dtype, after: torch.dtype) -> None:
    planes = PLANES.to(before)
    target = torch.empty(2, 31, 17, 3, dtype=after)
    read_back(on_device(planes).movedim(1, -1), target, pins=True)
    assert torch.equal(target, planes.movedim(1, -1).to(after))
    assert card.said.count("send") == ceil(planes.nbytes / 1000)


def test_no_piece_is_sent_where_memory_may_not_be_page_locked(card: Eager) -> None:
    target = torch.empty(PLANES.shape)
    read_back(on_device(PLANES), target, pins=False)
    assert torch.equal(target, PLANES) and card.said == []


@pytest.mark.parametrize(("before", "after"), TYPES)
def test_numbers_change_their_type_where_they_arrive(
    monkeypatch: pytest.MonkeyPatch, before: torch.dtype, after: torch.dtype
) -> None:
    """On a device that is neither a CPU nor CUDA's; their layout changes there."""
    monkeypatch.setattr(pretend_card, "CARD", torch.device("meta"))
    planes = PLANES.to(before)
    target = torch.empty(2, 31, 17, 3, dtype=after)
    with Copies([]) as copies:
        read_back(pretend_card.OnCard(planes).movedim(1, -1), target, pins=True)
    assert torch.equal(target, planes.movedim(1, -1).to(after))
    changed = [(source, made) for source, made in copies.seen if source.dtype != made.dtype]
    assert [(source.device.type, made.device.type) for source, made in changed] == [("cpu", "cpu")] * (before != after)
    assert all(source.is_contiguous() for source, _ in changed)


def test_nothing_and_targets_with_gaps(card: Eager) -> None:
    read_back(on_device(torch.empty(0, 4)), torch.empty(0, 4), pins=True)
    numbers, target = torch.rand(5, 7), torch.zeros(5, 9)
    read_back(on_device(numbers), target[:, 1:8], pins=True)
    assert torch.equal(target[:, 1:8], numbers)
    assert (target[:, [0, 8]] == 0).all()
    assert card.said == []


def test_a_part_of_a_larger_result_is_all_that_is_written(card: Eager) -> None:
    numbers, target = torch.rand(2, 700), torch.zeros(5, 700)
    read_back(on_device(numbers), target[1:3], pins=True)
    assert torch.equal(target[1:3], numbers)
    assert (target[[0, 3, 4]] == 0).all()
    assert card.said.count("send") == 6


def test_results_of_inference_mode_are_read_in_it_and_outside(driver: Driver) -> None:
    """What is made in it may not be written outside of it: no buffer is kept."""
    with torch.inference_mode():
        made = on_device(torch.rand(3, 5)) + 1
        expected = made.cpu()
    targets = torch.empty(3, 5), torch.empty(3, 5)
    with torch.inference_mode():
        read_back(made, targets[0], pins=True)
    read_back(made, targets[1], pins=True)
    assert torch.equal(targets[0], expected) and torch.equal(targets[1], expected)
    assert driver.said == ["page-locked", "recorded", "waited"] * 2


def test_where_page_locked_memory_is_refused_it_is_done_without(driver: Driver) -> None:
    driver.refuses = True
    numbers, target = torch.rand(5, 7), torch.zeros(5, 7)
    read_back(on_device(numbers), target, pins=True)
    assert torch.equal(target, numbers)
    assert driver.said == ["page-locked"]


def test_cuda_is_not_waited_for_before_it_must_be(driver: Driver) -> None:
    """The event is behind the copy."""
    lane = lane_from(CUDA)
    assert lane and lane.buffers.shape == (2, PIECE) and lane.buffers.dtype == torch.uint8
    piece, buffer = torch.rand(7), lane.buffers.view(torch.float32)[0, :7]
    with Copies(driver.said):
        arrived = lane.send(piece, buffer)
    assert torch.equal(buffer, piece)
    assert driver.said == ["page-locked", "sent", "recorded"]
    arrived()
    assert driver.said[3:] == ["waited"]


@pytest.mark.parametrize("device", ["cpu", "mps", "xpu", "privateuseone", "meta"])
def test_other_devices_have_no_use_for_page_locked_memory(driver: Driver, device: str) -> None:
    assert lane_from(torch.device(device)) is None
    assert driver.said == []


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
