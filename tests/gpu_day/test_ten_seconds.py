"""What an edit of 10 seconds took, from the record of its run."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from frugal_motion.bench.gpu_day import idle_unload, machine, ten_seconds, working_ahead
from frugal_motion.bench.gpu_day.nets import CheckpointFiles
from frugal_motion.bench.gpu_day.serving import Film, Run, RunFailedError, edit, seconds_on_gpu
from frugal_motion.bench.gpu_day.ten_seconds import Runs, Size

FILES = CheckpointFiles(Path("some.safetensors"), Path("control.safetensors"))


def stage(title, kind, seconds, gpu=0.0, net=0.0, load=0.0, device="cuda"):
    return {
        "stage": title,
        "kind": kind,
        "device": device,
        "seconds": seconds,
        "gpu_seconds": gpu,
        "net_seconds": net,
        "load_seconds": load,
    }


RECORD = {
    "run": "7",
    "status": "success",
    "prompt": {},
    "card": "NVIDIA H200",
    "stages": [
        stage("Plan", "FrugalPlanKeyframes", 2.0, device="cpu"),
        stage("Draw", "FrugalDrawPose", 0.01, device="cpu"),
        stage("Sampler", "FrugalKeyframeSampler", 6.0, gpu=5.5, load=0.5),
        stage("Upscale", "FrugalUpscale", 0.02, gpu=0.01),
        stage("Interpolate", "FrugalInterpolate", 4.0, gpu=3.5, net=1.0),
    ],
    "peak_bytes": 4_000_000_000,
    "joules": 100.0,
    "video_seconds": 10.0,
}


def test_seconds_of_the_card_are_those_of_its_nets_without_their_loading():
    assert seconds_on_gpu(RECORD) == {"Sampler": 5.0, "Upscale": 0.01, "Interpolate": 1.0}


def test_stages_of_the_card_and_long_ones_are_told():
    told = dict(ten_seconds.told_stages(RECORD))
    assert told == {"plan": 2.0, "sampler": 6.0, "upscale": 0.02, "interpolate": 4.0}


def test_a_run_is_told_beside_its_forecast(monkeypatch):
    monkeypatch.setattr(machine, "cards", lambda *_: [["NVIDIA H200"]])
    monkeypatch.setattr(ten_seconds, "estimate_prompt", lambda prompt, options: {"seconds": 3.0, "stages": [options]})
    host = SimpleNamespace(run=lambda _: Run("7", 12.0), record=lambda _: RECORD)
    prompt = edit("motion_edit", FILES, Film("clip", 64, 64).values())
    with ThreadPoolExecutor(1) as pool:
        *found, facts = Runs(host, 5.0, pool).run("sparse", prompt)
    values = {one.name: one.value for one in found}
    price = 4.59 / 3600 * 2  # of the price table, for twice the clip
    assert values["sparse.seconds"] == 12.0
    assert values["sparse.gpu_seconds"] == pytest.approx(6.01)
    assert values["sparse.dollars"] == pytest.approx(12 * price)
    assert values["sparse.gpu_dollars"] == pytest.approx(6.01 * price)
    assert values["sparse.forecast_dollars"] == pytest.approx(3 * price)
    assert values["sparse.took_over_forecast"] == pytest.approx(6.01 / 3)
    assert facts["runs"]["sparse"]["forecast"] == [{"gpu": "H200"}]


@pytest.mark.parametrize(("by", "note"), [("table", "H200's data sheet"), ("measured", "cards took on earlier days")])
def test_a_forecast_says_what_it_knows_a_card_by(monkeypatch, by, note):
    monkeypatch.setattr(machine, "cards", lambda *_: [["NVIDIA H200"]])
    monkeypatch.setattr(ten_seconds, "estimate_prompt", lambda *_: {"seconds": 3.0, "stages": [{"by": by}]})
    host = SimpleNamespace(run=lambda _: Run("7", 12.0), record=lambda _: RECORD)
    with ThreadPoolExecutor(1) as pool:
        *found, _ = Runs(host, 5.0, pool).run("sparse", edit("motion_edit", FILES, {}))
    (told,) = (one for one in found if one.name == "sparse.forecast_seconds")
    assert note in told.note


def test_an_edit_that_leaves_stages_out_is_held_to_no_price(monkeypatch):
    monkeypatch.setattr(machine, "cards", lambda *_: [["NVIDIA H200"]])
    monkeypatch.setattr(ten_seconds, "estimate_prompt", lambda *_: {"seconds": None, "stages": []})
    host = SimpleNamespace(run=lambda _: Run("7", 12.0), record=lambda _: RECORD)
    with ThreadPoolExecutor(1) as pool:
        runs, prompt = Runs(host, 5.0, pool), edit("motion_edit", FILES, {})
        whole, part = (list(runs.run("a", prompt, is_whole=is_whole)) for is_whole in (True, False))
    (whole,), (part,) = ([one for one in found if getattr(one, "name", "") == "a.dollars"] for found in (whole, part))
    assert (whole.goal, part.goal) == (0.15, None)
    assert part.value == whole.value


def test_a_card_without_a_price_has_seconds_alone(monkeypatch):
    monkeypatch.setattr(machine, "cards", lambda *_: [["NVIDIA Nobody 1"]])
    monkeypatch.setattr(ten_seconds, "estimate_prompt", lambda *_: {"seconds": None, "stages": []})
    host = SimpleNamespace(run=lambda _: Run("7", 12.0), record=lambda _: RECORD)
    with ThreadPoolExecutor(1) as pool:
        *found, _ = Runs(host, 5.0, pool).run("sparse", edit("motion_edit", FILES, {}))
    assert not [one.name for one in found if "dollars" in one.name or "forecast" in one.name]


def test_the_naive_way_is_scaled_by_what_a_step_and_what_else_takes():
    """3 s for a batch whatever the steps, and 0.5 s for each of them."""
    asked = []

    def run(prompt):
        steps = prompt["sampled"]["inputs"]["steps"]
        asked.append((prompt["sampled"]["inputs"]["seed"], steps))
        return Run("7", 3.0 + 0.5 * steps)

    size = Size(seconds=2.0, naive_batch=10, naive_steps=(2, 8))
    film = Film("clip", 64, 64)
    edited = edit("motion_edit", FILES, film.values())
    took = ten_seconds.naive_seconds(SimpleNamespace(run=run), edited, film, size)
    assert took == pytest.approx((3.0 + 0.5 * 50) * 50 / 10)
    assert [steps for _, steps in asked] == [2, 2, 8]
    assert len({seed for seed, _ in asked}) == 3, "else ComfyUI has it from before"


def test_what_has_a_goal_comes_first():
    asked, films, larger = [], dict.fromkeys(("short", "clip", "short_sdxl", "clip_sdxl")), "SDXL"
    runs = SimpleNamespace(host=SimpleNamespace(checkpoint=asked.append))
    steps = ten_seconds._steps(runs, Size(), films, larger)
    first = [next(steps) for _ in range(4)]
    assert [step.func.__name__ for step in first] == ["_sparse", "_naive", "_mode", "_mode"]
    assert not asked, "the disk is idle while they are measured"
    assert [step.func.__name__ for step in steps] == ["_cached", "_guided", "_sdxl"]
    assert asked == [larger]


@pytest.mark.parametrize(("naive", "sampler", "ratio"), [(60.0, 4.0, [15.0]), (0.0, 4.0, []), (60.0, None, [])])
def test_ways_are_compared_where_both_are_known(naive, sampler, ratio):
    runs = SimpleNamespace(naive=naive, on_gpu={} if sampler is None else {"sparse": {"Sampler": sampler}})
    assert [one.value for one in ten_seconds._faster(runs, "sparse")] == ratio


def test_the_naive_way_has_controlnet_on_all_frames_and_every_wire_leads_somewhere():
    edited = edit("motion_edit", FILES, Film("clip", 64, 64).values())
    prompt = ten_seconds.naive(edited, Film("short", 64, 64), 25, 50, 1)
    wires = [value for node in prompt.values() for value in node["inputs"].values() if isinstance(value, list)]
    assert {node for node, _ in wires} <= prompt.keys()
    assert prompt["empty"]["inputs"]["batch_size"] == prompt["some"]["inputs"]["length"] == 25
    assert prompt["sampled"]["inputs"]["positive"] == ["control", 0]


def test_memory_is_read_of_the_card_or_else_of_the_server(monkeypatch):
    host = SimpleNamespace(ask=lambda _: {"models": [{"bytes": 5}, {"bytes": 7}]})
    for told, expected in (([["1000"]], 1000 * 2**20), ([["[N/A]"]], 12), ([], 12)):
        monkeypatch.setattr(machine, "cards", lambda *_, told=told: told)
        assert idle_unload.used_bytes(host) == expected


class TestWork:
    def host(self, states, records):
        asked = []

        def ask(path, body=None):
            asked.append(body)
            return {"job_id": f"{len(asked)}"} if body else {"state": states.pop(0), "error": "no paint"}

        return SimpleNamespace(
            ask=ask,
            newest=lambda: records.pop(0) if len(records) > 1 else records[0],
            until=lambda holds: [None for _ in iter(holds, True)],
            files=SimpleNamespace(result=lambda: FILES),
            asked=asked,
        )

    def test_the_records_of_its_own_runs_count_once_they_are_there(self):
        old, first, second = ({**RECORD, "run": name} for name in ("old", "first", "second"))
        host = self.host(["running", "done", "done"], [[old], [first, old], [second, first, old]])
        size = working_ahead.Size(jobs=2)
        _, on_gpu, waited = working_ahead.work(host, Film("clip", 64, 64), size, range(2))
        assert on_gpu == pytest.approx(2 * 6.01)
        assert waited == pytest.approx(2 * 2.0)
        prompts = [body["workflow"] for body in host.asked if body]
        starts = {prompt["1"]["inputs"]["start"] for prompt in prompts}
        assert len(starts) == 2, "clips of their own, else the cache has the second"

    def test_a_failed_job_ends_it(self):
        with pytest.raises(RunFailedError, match="no paint"):
            working_ahead.work(self.host(["failed"], [[]]), Film("clip", 64, 64), working_ahead.Size(), range(1))


def test_the_file_of_all_jobs_is_long_enough():
    size = working_ahead.Size()
    last = 2 * size.jobs
    assert last * working_ahead.APART + size.seconds <= size.file_seconds
