"""What names, and lines of names, folders and patterns mean, and where results go."""

from __future__ import annotations

import os
import time
from pathlib import Path

import comfyui_version
import folder_paths
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.folders import (
    VIDEO_SUFFIXES,
    input_file,
    input_files,
    is_input_file,
    list_videos,
    output_file,
)

BRACKETS = "clip [dQw4w9WgXcQ].mp4"

CORE_FOLLOWS_LINKS = tuple(map(int, comfyui_version.__version__.split(".")[:2])) < (0, 33)
"""Later ones refuse links out of their folders; the pack goes on following what the machine's owner has linked."""


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


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """Links in the input folder to what lies elsewhere; to another folder inside; to nothing; to themselves."""
    (tmp_path / "nas" / "deep").mkdir(parents=True)
    for name in ("nas/0.mp4", "nas/deep/1.mp4", "secret.mp4"):
        (tmp_path / name).write_bytes(b"")
    folder = tmp_path / "input"
    try:
        (folder / "clip.mp4").symlink_to(tmp_path / "nas" / "0.mp4")
        (folder / "nas").symlink_to(tmp_path / "nas", target_is_directory=True)
        (tmp_path / "nas" / "up").symlink_to(folder, target_is_directory=True)
        (folder / "dead.mp4").symlink_to(tmp_path / "gone.mp4")
        (folder / "loop.mp4").symlink_to(folder / "loop.mp4")
    except OSError:  # Windows, without the right to make links
        pytest.skip("no links here")
    return folder


def test_a_link_is_taken_as_it_is_listed(linked: Path) -> None:
    assert list_videos() == ["b.mp4", BRACKETS, "clip.mp4"]
    for name in list_videos():
        assert is_input_file(name) is True
        assert folder_paths.exists_annotated_filepath(name) or not CORE_FOLLOWS_LINKS, "as core's"
    assert input_file("nas/deep/1.mp4") == linked / "nas" / "deep" / "1.mp4"
    assert input_files("clip.mp4\nnas", VIDEO_SUFFIXES) == ["clip.mp4", "nas/0.mp4"]


def test_patterns_follow_links_and_loops_end(linked: Path) -> None:
    assert input_files("nas/*.mp4", VIDEO_SUFFIXES) == ["nas/0.mp4"]
    everything = input_files("**/*.mp4", VIDEO_SUFFIXES)
    assert everything == ["b.mp4", BRACKETS, "clip.mp4", "nas/0.mp4", "nas/deep/1.mp4", "set [1]/c.mp4"]
    assert input_files("**", VIDEO_SUFFIXES) == everything
    assert input_files("nas/**/1.mp4", VIDEO_SUFFIXES) == ["nas/deep/1.mp4"]


@pytest.mark.parametrize(("name", "reason"), [("dead.mp4", "leads nowhere"), ("loop.mp4", "leads nowhere")])
def test_a_link_to_nothing_is_refused_in_words(linked: Path, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=rf"file: found no file '{name}', a link that {reason}"):
        input_file(name)


@pytest.mark.parametrize(
    "name", ["../secret.mp4", "nas/../../secret.mp4", "nas/../../nas/0.mp4", "..\\secret.mp4", "{tmp}/secret.mp4"]
)
def test_a_name_that_leads_out_is_refused(linked: Path, tmp_path: Path, name: str) -> None:
    name = name.format(tmp=tmp_path)
    with pytest.raises(InputError, match="inside ComfyUI's input folder"):
        input_file(name)
    with pytest.raises(InputError, match="inside ComfyUI's input folder"):
        input_files(name, VIDEO_SUFFIXES)


def test_two_dots_behind_a_link_stay_in_the_folder(linked: Path) -> None:
    """To the system ``nas/..`` is what the link's target lies in, and ``secret.mp4`` is there."""
    assert os.path.exists(linked / "nas" / ".." / "secret.mp4")
    with pytest.raises(InputError, match="no file"):
        input_file("nas/../secret.mp4")


@pytest.mark.parametrize("name", ["x" * 5000, "x" * 300 + ".mp4", "x" * 300 + "*.mp4", "\ud800.mp4"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        input_file(name)
    with pytest.raises(InputError):
        input_files(name, VIDEO_SUFFIXES)


def test_a_name_from_windows_is_found(tmp_path: Path) -> None:
    assert input_file("set [1]\\c.mp4") == tmp_path / "input" / "set [1]" / "c.mp4"
    assert input_files("set [1]\\c.mp4\nset [1]/c.mp4", VIDEO_SUFFIXES) == ["set [1]/c.mp4"]
    assert input_files("set*\\*.mp4", VIDEO_SUFFIXES) == ["set [1]/c.mp4"]


@pytest.mark.skipif(os.name == "nt", reason="no name holds a backslash there")
def test_a_backslash_may_be_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "input" / "a\\b.mp4").write_bytes(b"")
    assert input_file("a\\b.mp4").name == "a\\b.mp4"
    assert input_files("a\\b.mp4", VIDEO_SUFFIXES) == ["a\\b.mp4"]


def test_variables_in_a_prefix_are_filled_in_as_core_does(tmp_path: Path) -> None:
    prefix = "%width%x%height%/%year%-%month% at %width%"
    folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, str(tmp_path / "output"), 640, 360)
    path, shown, shown_in = output_file(prefix, ".mp4", (640, 360))
    assert (shown, shown_in) == (f"{name}_{counter:05}_.mp4", subfolder) == (f"{name}_00001_.mp4", "640x360")
    assert path == Path(folder) / shown
    assert name.startswith(str(time.localtime().tm_year)) and name.endswith(" at 640")
    path.write_bytes(b"")
    assert output_file(prefix, ".mp4", (640, 360))[1] == f"{name}_00002_.mp4"


def test_a_prefix_from_windows_means_the_same_folder(tmp_path: Path) -> None:
    path, name, subfolder = output_file("video\\tests\\x", ".mp4")
    assert (path, name, subfolder) == (
        tmp_path / "output" / "video" / "tests" / "x_00001_.mp4",
        "x_00001_.mp4",
        "video/tests",
    )


@pytest.mark.parametrize("prefix", ["../x", "..\\x", "a/../../x", "{tmp}/x", "a\0b", "..", "%width%/../../x"])
def test_a_prefix_that_leads_out_is_refused(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(InputError, match="filename_prefix"):
        output_file(prefix.format(tmp=tmp_path), ".mp4")


def test_results_go_through_a_link_where_core_does(linked: Path, tmp_path: Path) -> None:
    (tmp_path / "output" / "nas").symlink_to(tmp_path / "nas", target_is_directory=True)
    if not CORE_FOLLOWS_LINKS:
        with pytest.raises(InputError, match="behind links"):
            output_file("nas/x", ".mp4")
        return
    path, _, subfolder = output_file("nas/x", ".mp4")
    path.write_bytes(b"")
    assert subfolder == "nas" and (tmp_path / "nas" / "x_00001_.mp4").is_file()
