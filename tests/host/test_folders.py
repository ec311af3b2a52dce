"""What lines of names, folders and patterns mean."""

from __future__ import annotations

from pathlib import Path

import folder_paths
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.folders import VIDEO_SUFFIXES, input_files

BRACKETS = "clip [dQw4w9WgXcQ].mp4"


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("input", "output"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))
    (tmp_path / "input" / "set [1]").mkdir()
    for name in (f"input/{BRACKETS}", "input/b.mp4", "input/set [1]/c.mp4", "input/note.txt", "output/d.mp4"):
        (tmp_path / name).write_bytes(b"")


@pytest.mark.parametrize(
    ("line", "files"),
    [
        (BRACKETS, [BRACKETS]),
        ("d.mp4 [output]", ["d.mp4 [output]"]),
        ("set [1]", ["set [1]/c.mp4"]),
        ("*.mp4", ["b.mp4", BRACKETS]),
        ("[ab].mp4", ["b.mp4"]),
        ("**/c.mp4", ["set [1]/c.mp4"]),
    ],
)
def test_a_file_or_folder_of_that_name_goes_before_the_pattern(line: str, files: list[str]) -> None:
    assert input_files(line, VIDEO_SUFFIXES) == files


@pytest.mark.parametrize("line", ["a**b.mp4", "none.mp4", "none/*.mp4", "[x.mp4", "e.mp4 [output]", "../*", "a\0b"])
def test_what_means_nothing_is_refused(line: str) -> None:
    with pytest.raises(InputError, match="files"):
        input_files(line, VIDEO_SUFFIXES)
