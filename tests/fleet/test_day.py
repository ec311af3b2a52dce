"""All jobs end once, whatever happens to their machines: the runner with many workers, in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

pytest.importorskip("ray")  # the day is as Serve's own policy scales it

from frugal_motion.bench._fleet_day import POISON, Day, Seen, simulated
from frugal_motion.nodes.jobs.faults import MOST_WORKERS
from frugal_motion.nodes.jobs.job import Job

ROUGH = Day(
    jobs=150, length=1800.0, clients=20, checkpoints=4, target=4, kills=20.0, poison=0.02, broken=2, lacking=0.3
)


def is_poison(job: Job) -> bool:
    return job.prompt["2"]["inputs"]["file"] == POISON


def poisonous(seen: Seen) -> set[str]:
    return {job_id for job_id, job in seen.jobs.items() if is_poison(job)}


@settings(max_examples=6, phases=[Phase.generate])  # a smaller seed is no simpler
@given(st.integers(0, 2**32))
def test_jobs_end_once_and_none_fails_by_a_fault_of_its_machine(seed: int) -> None:
    seen = simulated(replace(ROUGH, seed=seed))
    assert len(seen.ends) == ROUGH.jobs
    assert not seen.never_ended
    assert not seen.doubled
    assert set(seen.failed) == poisonous(seen)
    assert set(seen.delivered) == seen.jobs.keys() - poisonous(seen)
    assert seen.kills > 5, "it was rough"


def test_a_job_that_kills_is_quarantined_after_three_workers_alone() -> None:
    seen = simulated(ROUGH)
    assert poisonous(seen)
    for job_id in poisonous(seen):
        job = seen.final[job_id]
        assert job.error.startswith("quarantined: ")
        alone = [trouble for trouble in job.troubles if trouble.kind == "killed" and trouble.alone]
        # The last one is not kept: the job has ended by it.
        assert len({trouble.worker for trouble in alone}) == MOST_WORKERS - 1


def test_batches_are_full_when_many_wait() -> None:
    """Ten seconds of arrivals, while the first machine starts."""
    seen = simulated(Day(jobs=320, length=10.0, checkpoints=4, clients=20, kills=0.0))
    assert seen.joinable == 0
    assert seen.mean_size > 7.5


def test_no_job_that_could_join_is_left_behind() -> None:
    seen = simulated(replace(ROUGH, poison=0.0, broken=0))
    assert seen.lost, "and some were run anew"
    assert seen.joinable == 0
    assert not [job for job in seen.final.values() if job.troubles or job.crashes], "for which they are not to blame"


def test_a_day_follows_from_its_seed() -> None:
    one, same, other = (simulated(replace(ROUGH, seed=seed)) for seed in (3, 3, 4))
    assert {job_id: replace(job, run="") for job_id, job in one.final.items()} == {
        job_id: replace(job, run="") for job_id, job in same.final.items()
    }
    assert (one.rented, one.sizes, one.loads) == (same.rented, same.sizes, same.loads)
    assert one.waits() != other.waits()


@pytest.mark.parametrize("machines", [1, 20])
def test_more_machines_than_work_or_less(machines: int) -> None:
    seen = simulated(Day(jobs=100, length=600.0, machines=machines, target=2))
    assert not seen.never_ended
    assert not seen.failed
