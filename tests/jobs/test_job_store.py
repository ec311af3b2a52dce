"""Jobs in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.jobs.job import Job, Trouble
from frugal_motion.nodes.jobs.job_store import MOST_CRASHES, Full, JobStore, Taken

NOW = 1000.0


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite")


def add(store: JobStore, job_id: str, client: str = "a", *, waiting: int = 9, of_client: int = 9, **more) -> Job:
    return store.add(Job(job_id, {"1": {"class_type": "X", "inputs": {}}}, client, **more), waiting, of_client)


def test_a_job_comes_back_as_it_was(store: JobStore, tmp_path: Path) -> None:
    job = add(store, "x", key="k", created=NOW, deadline=NOW + 5, webhook="http://h/")
    store.close()
    assert JobStore(tmp_path / "jobs.sqlite").find("x") == job


def test_only_one_process_works_with_the_file(store: JobStore, tmp_path: Path) -> None:
    with pytest.raises(Taken):
        JobStore(tmp_path / "jobs.sqlite")
    store.close()
    JobStore(tmp_path / "jobs.sqlite")


def test_limits(store: JobStore) -> None:
    add(store, "1", of_client=1)
    with pytest.raises(Full, match="this client"):
        add(store, "2", of_client=1)
    add(store, "3", "b", of_client=1)
    with pytest.raises(Full, match="all clients"):
        add(store, "4", "c", waiting=2)
    assert [job.id for job in store.waiting()] == ["1", "3"]
    store.begin(["1"], NOW)
    add(store, "5", of_client=1)


def test_an_end_counts_once(store: JobStore) -> None:
    add(store, "x")
    store.begin(["x"], NOW)
    assert store.end("x", "done", NOW, outputs=[{"node": "1"}])
    assert not store.end("x", "failed", NOW, "late news")
    store.again("x", NOW)
    job = store.find("x")
    assert (job.state, job.error, job.outputs) == ("done", "", [{"node": "1"}])


def test_what_has_been_cancelled_does_not_begin(store: JobStore) -> None:
    add(store, "x"), add(store, "y")
    store.end("x", "cancelled", NOW)
    assert [job.id for job in store.begin(["x", "y"], NOW)] == ["y"]
    assert store.begin(["y"], NOW) == [store.find("y")], "begun already, by the same process"


def test_jobs_of_a_process_that_died_wait_again_alone_and_not_for_ever(store: JobStore) -> None:
    add(store, "x", created=NOW), add(store, "y")
    for crash in range(1, MOST_CRASHES + 1):
        store.begin(["x"], NOW)
        assert [job.id for job in store.running()] == ["x"]
        store.again("x", NOW, crashed=True)
        job = store.find("x")
        if crash < MOST_CRASHES:
            assert (job.state, job.crashes, job.most == 1) == ("queued", crash, crash > 1)
            assert store.waiting()[crash > 1].id == "x", "in its old place once, and then behind the others"
    assert job.state == "failed" and "without an outcome" in job.error
    assert store.find("y").crashes == 0


def test_costs_of_all_runs_of_a_job_add_up(store: JobStore) -> None:
    add(store, "x")
    store.charge("x", {"seconds": 1.5}), store.charge("x", {"seconds": 2.0, "dollars": 0.1})
    assert store.find("x").cost == {"seconds": 3.5, "dollars": 0.1}


def test_webhooks_are_told_until_they_have_heard(store: JobStore) -> None:
    add(store, "x", webhook="http://h/"), add(store, "y")
    assert store.to_call(4, NOW + 1) == []
    store.end("x", "failed", NOW), store.end("y", "failed", NOW)
    assert store.to_call(4, NOW + 1) == ["x"]
    assert store.to_call(4, NOW) == []
    assert store.called("x", 1) == 1 and store.to_call(4, NOW + 1)
    assert store.called("x", 4) == 5 and not store.to_call(4, NOW + 1)


def test_old_jobs_are_forgotten(store: JobStore) -> None:
    add(store, "old"), add(store, "new"), add(store, "waits")
    store.end("old", "done", NOW), store.end("new", "done", NOW + 10)
    assert store.forget(NOW + 5) == 1
    assert [job.id for job in store.newest(9)] == ["waits", "new"]
    assert [job.id for job in store.newest(9, "nobody")] == []


def test_no_question_reads_all_that_has_ever_been(store: JobStore) -> None:
    asked: list[str] = []
    store._file.set_trace_callback(asked.append)
    add(store, "x", webhook="http://h/")
    for _ in range(2):
        store.begin(["x"], NOW), store.again("x", NOW, crashed=True)
    store.charge("x", {"seconds": 1.0})
    store.end("x", "done", NOW), store.called("x", 1), store.to_call(4, NOW + 1)
    store.waiting(), store.running(), store.newest(9), store.newest(9, "nobody"), store.ahead(store.find("x"))
    store.forget(NOW)
    store._file.set_trace_callback(None)
    asked = [words for words in asked if words.lstrip().startswith(("select", "update", "delete"))]
    assert len(asked) > 12
    for words in asked:
        plan = [row["detail"] for row in store._file.execute(f"explain query plan {words}")]
        assert "where" not in words or "SCAN jobs" not in plan, (words, plan)


STEPS = ("add", "begin", "end", "again", "crash", "elsewhere", "charge", "forget")


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from("abcd")), max_size=30))
def test_what_waits_is_what_the_file_says(steps: list[tuple[str, str]]) -> None:
    store = JobStore(Path(":memory:"))
    for step, job_id in steps:
        if step == "add" and not store.find(job_id):
            add(store, job_id)
        elif step == "begin" and store.find(job_id):
            store.begin([job_id], NOW, "run")
        elif step == "end":
            store.end(job_id, "cancelled", NOW)
        elif step in ("again", "crash"):
            store.again(job_id, NOW, crashed=step == "crash")
        elif step == "elsewhere":
            store.elsewhere(job_id, NOW, Trouble("w", "killed", "", alone=False))
        elif step == "charge":
            store.charge(job_id, {"dollars": 1.0})
        elif step == "forget":
            store.forget(NOW + 1)
        there = [job for job in store.newest(9) if job.state == "queued"]
        assert store.waiting() == sorted(there, key=lambda job: job.number)
