"""What the machine tells of itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

from frugal_motion.bench.gpu_day import machine
from frugal_motion.nodes.economy.prices import card_named

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script")


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Puts an ``nvidia-smi`` on the path that runs some Python."""

    def install(code: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return install


def test_cards_are_those_of_the_driver(driver) -> None:
    driver("print(sys.argv[1:]); print('NVIDIA H200, 580.65.06, 143771'); print('NVIDIA H200, 580.65.06, 143771')")
    assert machine.cards("name", "driver_version", "memory.total") == [["NVIDIA H200", "580.65.06", "143771"]] * 2
    driver("assert sys.argv[1:] == ['--query-gpu=name,memory.used', '--format=csv,noheader,nounits']; print('L4, 3')")
    assert machine.cards("name", "memory.used") == [["L4", "3"]]


@pytest.mark.parametrize("code", ["print(); print('NVIDIA H200')", "sys.exit(9)", "import time; time.sleep(600)"])
def test_a_driver_that_does_not_answer_is_none(code: str, driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PATIENCE", 1.0)
    driver(code)
    assert machine.cards("name", "driver_version") == []


def test_versions_are_those_that_run(comfyui: Path, driver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver("print('NVIDIA H200, 580.65.06, 143771')")
    found = machine.about(comfyui)
    assert found["card"] == "NVIDIA H200" and card_named(found["card"]).name == "H200"
    assert found["torch"] == torch.__version__ and found["comfyui"].count(".") == 2
    monkeypatch.setenv("PATH", "")
    assert machine.about(comfyui / "nothing") | {"card": "cpu", "comfyui": ""} == machine.about(comfyui / "nothing")


def test_results_are_called_like_their_card() -> None:
    assert machine.file_name("NVIDIA H200") == "nvidia-h200.json"
    assert machine.file_name("NVIDIA A100-SXM4-80GB") == "nvidia-a100-sxm4-80gb.json"
    assert machine.file_name("../x") == "x.json"
