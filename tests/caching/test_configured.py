"""What a key says of a file."""

from __future__ import annotations

from pathlib import Path

import folder_paths

from frugal_motion.nodes.caching.configured import Loaded


def test_what_is_made_with_a_replaced_model_is_for_this_process_alone() -> None:
    path, here, there = Path("/models/net.safetensors"), Loaded(), Loaded()
    assert here.told(path, "old") == there.told(path, "old") == "old"
    assert here.told(path, "new") == here.told(path, "new") != there.told(path, "new") != "new"
    assert here.told(path, "old") != "old", "who knows which one ComfyUI has loaded"
    assert Loaded().told(path, "new") == "new", "a new process loads what is there"


def test_input_files_are_read_anew() -> None:
    path, loaded = Path(folder_paths.get_input_directory()) / "clip.mp4", Loaded()
    assert [loaded.told(path, digest) for digest in ("old", "new")] == ["old", "new"]
