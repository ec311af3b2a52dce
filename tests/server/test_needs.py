"""Which models a job needs of a worker, and which names of files are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import folder_paths
import pytest

from frugal_motion.nodes.server.needs import models_needed


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def test_models_are_what_nodes_choose_from_lists_and_inversions_in_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: list[Any]
) -> None:
    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path))
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "embeddings", ([str(tmp_path / "e")], {".pt"}))
    (tmp_path / "e/styles").mkdir(parents=True)
    (tmp_path / "e/styles/mine.pt").write_text("an inversion")
    (tmp_path / "walk.safetensors").write_text("a motion")
    prompt = {
        "1": node("CheckpointLoaderSimple", ckpt_name="sd15\\one.ckpt"),
        "2": node("LoraLoader", lora_name="fine/two.safetensors", model=["1", 0]),
        "3": node("CLIPTextEncode", text="a robot that saves to model.pt", clip=["1", 1]),
        "6": node("CLIPTextEncode", text="(embedding:styles/mine:1.2), embedding:unheard", clip=["1", 1]),
        "4": node("FrugalLoadMotion", file="walk.safetensors"),
        "5": node("FrugalSaveMotion", motion=["4", 0], filename_prefix="jobs/x/weights.bin", format="safetensors"),
    }
    assert models_needed(prompt) == {"sd15/one.ckpt", "fine/two.safetensors", "styles/mine.pt"}
