"""What parts of the GPU day ask a real server for: clips, motions, an upscaler and edits."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from spandrel import ModelLoader

from frugal_motion.bench.gpu_day import serving
from frugal_motion.bench.gpu_day.drawn_clip import DrawnClip, dancing
from frugal_motion.bench.gpu_day.nets import CheckpointFiles
from frugal_motion.bench.gpu_day.serving import RunFailedError
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.interchange.files import load_motion
from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.nodes.video.decode_settings import DecodeSettings
from frugal_motion.tools.server import Server, free_port

FILES = CheckpointFiles(Path("some.safetensors"), Path("control.safetensors"))


def test_a_clip_and_its_motion_are_of_one_grid(tmp_path):
    film = serving.film(tmp_path, "clip", 1.5, 96, 64)
    clip = FileStream(tmp_path / "input" / "clip.mp4", DecodeSettings(frame_rate=12))
    motion = load_motion(tmp_path / "input" / film.motion())
    assert clip.info.frame_count == motion.frame_count == 18
    assert load_motion(tmp_path / "input" / film.motion(Fraction(25))).frame_count == 38


def test_the_motion_is_that_of_the_square_in_the_middle(tmp_path):
    film = serving.film(tmp_path, "wide", 0.5, 256, 128, of_motion=0.25)
    motion = load_motion(tmp_path / "input" / film.motion())
    shown = dancing(0.25, Fraction(12), 256, 128)
    assert (motion.width, motion.height, motion.frame_count) == (128, 128, 3)
    in_clip, in_square = (one.keypoints[..., :2] * (one.width, one.height) for one in (shown, motion))
    np.testing.assert_allclose(in_clip - (64, 0), in_square, atol=1e-3)


def test_a_clip_moves_and_is_the_same_twice():
    clip = DrawnClip(dancing(0.4, Fraction(25), 64, 64))
    first, again = (np.concatenate(list(clip.chunks(3))) for _ in range(2))
    assert len(first) == 10
    assert (first == again).all()
    assert all((one != other).any() for one, other in pairwise(first))


@pytest.mark.parametrize("is_small", [True, False])
def test_what_the_random_upscaler_enlarges_is_still_to_be_seen(tmp_path, is_small):
    path = tmp_path / "x4.safetensors"
    serving.upscaler(path, is_small=is_small)
    net = ModelLoader().load_from_file(str(path))
    picture = torch.rand(1, 3, 12, 16)
    with torch.inference_mode():
        enlarged = net(picture)
    torch.testing.assert_close(enlarged, torch.nn.functional.interpolate(picture, scale_factor=4))
    assert net.scale == 4
    if not is_small:  # as Real-ESRGAN x4plus, from its paper's repository
        assert sum(value.numel() for value in net.model.parameters()) == 16_697_987


def test_an_edit_has_its_motion_from_a_file_and_random_nets():
    film = serving.Film("clip", 128, 64)
    prompt = serving.edit("motion_edit", FILES, film.values(32) | {"Sampler.steps": 3})
    inputs = {node["_meta"]["title"]: node["inputs"] for node in prompt.values()}
    assert not [node for node in prompt.values() if node["class_type"] == "FrugalExtractPose"]
    assert inputs["Extract Pose"]["file"] == "clip_12.safetensors"
    assert inputs["Load Video"]["width"] == inputs["Draw Pose"]["height"] == 32
    assert inputs["Checkpoint"]["ckpt_name"] == "some.safetensors"
    assert inputs["ControlNet"]["control_net_name"] == "control.safetensors"
    assert inputs["Sampler"]["steps"] == 3


def test_a_value_that_belongs_nowhere_is_refused():
    with pytest.raises(InputError, match="no such node"):
        serving.edit("motion_edit", FILES, {"Nobody.steps": 3})


class TestHost:
    def host(self, answers):
        made = serving.Host(None, None, None)
        object.__setattr__(made, "ask", lambda path, body=None: answers(path))
        return made

    def test_the_seconds_of_a_run_are_between_its_first_and_last_message(self):
        messages = [["execution_start", {"timestamp": 1000}], ["execution_success", {"timestamp": 3500}]]
        looks = iter([{}, {"7": {"status": {"status_str": "success", "messages": messages}}}])
        host = self.host(lambda path: {"prompt_id": "7"} if path == "/prompt" else next(looks))
        assert host.run({}) == serving.Run("7", 2.5)

    def test_what_fails_is_told(self):
        error = {"node_type": "Paint", "exception_type": "ValueError", "exception_message": "out of paint\n"}
        messages = [["execution_error", {"timestamp": 1, **error, "traceback": ["  File a", "  File b"]}]]
        failed = {"7": {"status": {"status_str": "error", "messages": messages}}}
        with pytest.raises(RunFailedError, match="^Paint: ValueError: out of paint\n  File a\n  File b$"):
            self.host(lambda _: failed).ended("7")

    def test_a_run_that_was_ended_without_a_word_has_failed_too(self):
        failed = {"7": {"status": {"status_str": "error", "messages": []}}}
        with pytest.raises(RunFailedError):
            self.host(lambda _: failed).ended("7")

    def test_a_prompt_of_which_a_part_was_refused_is_not_waited_for(self):
        answer = {"prompt_id": "7", "node_errors": {"3": {"errors": ["no such file"]}}}
        with pytest.raises(RunFailedError, match="no such file"):
            self.host(lambda _: answer).run({})

    def test_a_server_that_has_gone_is_told_with_the_end_of_its_log(self, tmp_path):
        log = tmp_path / "server.log"
        log.write_text("CUDA error: the card has fallen off the bus")
        host = serving.Host(Server(f"http://127.0.0.1:{free_port()}", tmp_path, log, None), None, None)
        for work in (
            lambda: host.run({}),
            lambda: host.ended("7"),
            lambda: host.first_step({"1": {"_meta": {"title": "Sampler"}}}, "Sampler"),
        ):
            with pytest.raises(RunFailedError, match="fallen off the bus"):
                work()

    def test_settings_are_added_to_those_of_before(self, tmp_path):
        host = serving.Host(type("Server", (), {"base": tmp_path}), None, None)
        host.set(jobs_ahead="off", idle_minutes=0)
        host.set(jobs_ahead="on")
        written = (tmp_path / "user" / "frugal-motion" / "settings.json").read_text()
        assert written == '{"jobs_ahead": "on", "idle_minutes": 0}'


def test_whole_files_of_an_earlier_part_are_taken(tmp_path, monkeypatch):
    made = []

    def checkpoint_files(folder, rehearse, family):
        made.append((rehearse, family))
        return CheckpointFiles(folder / f"{family}.safetensors", folder / "control.safetensors")

    monkeypatch.setattr(serving.nets, "checkpoint_files", checkpoint_files)
    setting = type("Setting", (), {"rehearse": True})
    first, again = (serving.checkpoint(tmp_path, setting, "SD 1.5") for _ in range(2))
    assert first == again == CheckpointFiles(tmp_path / "SD 1.5.safetensors", tmp_path / "control.safetensors")
    assert made == [(True, "SD 1.5")]
