"""Which jobs run together, and when."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.jobs.gather import Choice, Gathering, batch_key, choose
from frugal_motion.nodes.jobs.job import Job

from .graphs import kinds, workflow

NOW = 1000.0


def key(*clips: str, **values) -> str:
    return batch_key(workflow(**values), kinds, clips)


@pytest.mark.parametrize("values", [{"file": "b.mp4"}, {"text": "x"}, {"seed": 2}, {"prefix": "jobs/2/x"}])
def test_clip_prompt_seed_and_file_name_may_differ(values: dict) -> None:
    assert key(**values) == key() != ""


@pytest.mark.parametrize("values", [{"steps": 5}, {"model": "two.ckpt"}, {"width": 128}])
def test_steps_weights_and_sizes_may_not(values: dict) -> None:
    assert key(**values) != key()
    assert key("64x64") != key("64x32")


def test_lists_and_workflows_without_a_sampler_run_alone() -> None:
    assert key(loader="FrugalLoadClips") == ""
    assert batch_key({"1": workflow()["1"]}, kinds) == ""


def job(number: int, client: str = "a", key: str = "k", **more) -> Job:
    return Job(str(number), {}, client, key, **{"created": NOW - 60, "number": number, **more})


def numbers(choice: Choice) -> list[int]:
    return [one.number for one in choice.batch]


def test_clients_take_turns() -> None:
    waiting = [*(job(n, "a") for n in range(6)), job(6, "b"), job(7, "c")]
    assert numbers(choose(waiting, {}, Gathering(4), NOW)) == [0, 6, 7, 1]
    assert numbers(choose(waiting, {"a": 9.0, "b": 3.0}, Gathering(2), NOW)) == [7, 6]


def test_a_job_that_runs_alone_keeps_no_others_from_a_batch() -> None:
    waiting = [job(0, "a"), job(1, "b", most=1), job(2, "b"), job(3, "c"), job(4, "d", most=3), job(5, "e")]
    assert numbers(choose(waiting, {}, Gathering(8), NOW)) == [0, 3, 4]
    assert numbers(choose(waiting[1:], {}, Gathering(8), NOW)) == [1]


def test_a_batch_waits_for_others_unless_it_is_full_or_late() -> None:
    fresh = [job(1, created=NOW - 0.25)]
    assert choose(fresh, {}, Gathering(8, 1.0), NOW) == Choice(wait=0.75)
    assert numbers(choose(fresh, {}, Gathering(1, 1.0), NOW)) == [1]
    assert numbers(choose([job(1, created=NOW, deadline=NOW + 0.9)], {}, Gathering(8, 1.0), NOW)) == [1]
    assert numbers(choose([job(1, key="", created=NOW)], {}, Gathering(8, 1.0), NOW)) == [1], "nobody can join"
    assert choose([], {}, Gathering(), NOW) == Choice()


def test_smaller_batches_after_a_failure() -> None:
    assert numbers(choose([job(1), job(2, most=2), job(3)], {}, Gathering(), NOW)) == [1, 2]
    assert numbers(choose([job(1, most=1), job(2)], {}, Gathering(), NOW)) == [1]


JOBS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["", "k", "l"]), st.integers(1, 8)), min_size=1, max_size=30
)


@given(JOBS, st.integers(1, 8))
def test_all_are_served_once_in_order_and_nobody_is_overtaken_for_ever(drawn: Sequence, most: int) -> None:
    waiting = [job(n, client, key, most=limit) for n, (client, key, limit) in enumerate(drawn)]
    turns: dict[str, float] = {}
    served: list[Job] = []
    while waiting:
        batch = choose(waiting, turns, Gathering(most), NOW).batch
        assert 0 < len(batch) <= min(most, *(one.most for one in batch))
        assert len({one.key for one in batch}) == 1 and (batch[0].key or len(batch) == 1)
        lead = next(one for one in waiting if one.client == batch[0].client)
        assert batch[0] is lead, "the first of its client"
        turns |= dict.fromkeys((one.client for one in batch), NOW + len(served))
        served += batch
        waiting = [one for one in waiting if one not in batch]
    assert sorted(one.number for one in served) == list(range(len(drawn)))
    for client in "abc":
        for name in ("", "k", "l"):
            alike = [one.number for one in served if (one.client, one.key) == (client, name)]
            assert alike == sorted(alike)


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    assert numbers(choose([job(0, created=NOW + 3600)], {}, Gathering(8, 1.0), NOW)) == [0]
