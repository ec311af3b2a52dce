"""ComfyUI's folders: the only places this pack reads from or writes to."""

from __future__ import annotations

import filecmp
import glob
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path, PurePath

import folder_paths

from ..errors import InputError
from ..models.catalogue import find_model

VIDEO_SUFFIXES = (
    ".mp4",
    ".mov",
    ".mkv",
    ".webm",
    ".avi",
    ".m4v",
    ".gif",
    ".mpg",
    ".mpeg",
    ".ts",
    ".mts",
    ".wmv",
    ".flv",
)


def register_model_folders() -> None:
    """Tell ComfyUI of the model folders that 0.3.75 does not know, so that extra_model_paths.yaml may name them."""
    suffixes = {"mediapipe": {".task"}, "frame_interpolation": {".pkl", *folder_paths.supported_pt_extensions}}
    for folder, extensions in suffixes.items():
        default = os.path.join(folder_paths.models_dir, folder)
        paths, known = folder_paths.folder_names_and_paths.get(folder, ([], set()))
        folder_paths.folder_names_and_paths[folder] = (paths or [default], known | extensions)


def list_videos() -> list[str]:
    """Names of the videos in ComfyUI's input folder."""
    return list_inputs(VIDEO_SUFFIXES)


def list_inputs(suffixes: Collection[str]) -> list[str]:
    """Names of the files in ComfyUI's input folder that end in one of ``suffixes`` (lower case, with the dot)."""
    folder = Path(folder_paths.get_input_directory())
    return sorted(f.name for f in folder.iterdir() if f.is_file() and f.suffix.lower() in suffixes)


def list_outputs(subfolder: str, suffixes: Collection[str]) -> list[str]:
    """Such files in a folder of ComfyUI's output folder, newest first, as ``input_file`` takes them."""
    folder = Path(folder_paths.get_output_directory()) / subfolder
    if not folder.is_dir():
        return []
    files = [f for f in folder.iterdir() if f.is_file() and f.suffix.lower() in suffixes]
    files.sort(key=lambda f: (-f.stat().st_mtime_ns, f.name))
    return [f"{subfolder}/{f.name} [output]" for f in files]


def input_file(name: str, argument: str = "file") -> Path:
    """Resolve a file that the user chose, e.g. ``clip.mp4`` or ``clip.mp4 [output]``.

    A link leads where whoever has made it wants, as for ComfyUI itself.

    Raises:
        InputError: its name leads out of ComfyUI's input, output and temp folders, or it is not there.
    """
    if not name or "\0" in name:
        raise InputError(argument, repr(name) if name else "no name", "a file in ComfyUI's input folder")
    plain, base = folder_paths.annotated_filepath(name)
    root = Path(os.path.abspath(base or folder_paths.get_input_directory()))
    paths = [_inside(root, spelled, argument) for spelled in _spellings(str(plain))]
    for path in paths:
        if _is(Path.is_file, path):
            return path
    dead = ", a link that leads nowhere" if any(_is(Path.is_symlink, path) for path in paths) else ""
    raise InputError(argument, f"no file {plain!r}{dead}", f"a file in {root}", "Upload it, or copy it there.")


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    """Whether there is something of a kind; under a name that the system does not take there is nothing."""
    try:
        return kind(path)
    except (OSError, ValueError):
        return False


def _spellings(name: str) -> list[str]:
    r"""A name as it is and, if that is another, as Windows means it: workflows travel; elsewhere \\ is a letter."""
    return list(dict.fromkeys([name, name.replace("\\", "/")]))


def _inside(root: Path, name: str, argument: str) -> Path:
    """A name below a folder, by its letters: ``..`` is undone before any link is followed.

    Raises:
        InputError: it leads out of the folder.
    """
    path = Path(os.path.normpath(root / name))
    if not path.is_relative_to(root):
        raise InputError(argument, repr(name), f"a name inside ComfyUI's {root.name} folder")
    return path


def is_input_file(name: str) -> bool | str:
    """Whether ``input_file`` finds it; if not, why, as ComfyUI's validation wants it."""
    try:
        input_file(name)
    except InputError as error:
        return str(error)
    return True


def fingerprint(name: str) -> str:
    """Another text when the file has changed, for ComfyUI's ``fingerprint_inputs``."""
    path = input_file(name)
    return f"{path}:{path.stat().st_mtime_ns}:{path.stat().st_size}"


def input_files(lines: str, suffixes: Collection[str], argument: str = "files") -> list[str]:
    """Names, as ``input_file`` takes them, of the files that lines of names, folders and patterns mean.

    Args:
        lines: each a file, a folder or a pattern such as ``dance/*.mp4``, in ComfyUI's input folder.
        suffixes: of the files that folders and patterns stand for (lower case, with the dot).

    Raises:
        InputError: a line leads outside the folder or means nothing, or there are no lines.
    """
    root = Path(os.path.abspath(folder_paths.get_input_directory()))
    names: list[str] = []
    for line in filter(None, map(str.strip, lines.splitlines())):
        names += _expanded(line, root, suffixes, argument)
    if not names:
        raise InputError(argument, "no names", "one file, folder or pattern per line")
    return list(dict.fromkeys(names))


def _expanded(line: str, root: Path, suffixes: Collection[str], argument: str) -> list[str]:
    spellings = _spellings(line)
    if any(PurePath(spelled).is_absolute() or ".." in PurePath(spelled).parts for spelled in spellings):
        raise InputError(argument, repr(line), f"a name inside ComfyUI's {root.name} folder")
    try:
        path = input_file(line, argument)  # whatever its name looks like: a pattern, or a file with [output]
    except InputError:
        patterns = [f"{glob.escape(name)}/*" if _is(Path.is_dir, root / name) else name for name in spellings]
        if not any(map(glob.has_magic, patterns)):
            raise
    else:
        return [line if "\\" in path.as_posix() else line.replace("\\", "/")]
    try:
        paths = [path for pattern in patterns for path in _matches(root, pattern)]
    except (ValueError, OSError, NotImplementedError) as error:  # a**b until Python 3.13, an endless name, a drive
        raise InputError(argument, f"{line!r} ({error})", "files, folders or patterns such as dance/*.mp4") from error
    found = sorted({path for path in paths if _is(Path.is_file, path) and path.suffix.lower() in suffixes})
    if not found:
        raise InputError(argument, f"no video for {line!r}", f"files, folders or patterns in {root}")
    return [path.relative_to(root).as_posix() for path in found]


def _matches(root: Path, pattern: str) -> Iterator[Path]:
    """What ``Path.glob`` finds, which follows links in all places but ``**``, and what lies behind those there."""
    *before, last = re.split(r"(?:^|(?<=/))\*\*(?:/|$)", pattern)
    places = [root]
    for piece in before:
        tops = [path for place in places for path in _globbed(place, piece)]
        places = [folder for top in dict.fromkeys(tops) for folder in _folders_from(top)]
    for place in dict.fromkeys(places):
        yield from _globbed(place, last or "*")


def _globbed(place: Path, pattern: str) -> Iterable[Path]:
    return place.glob(pattern.rstrip("/")) if pattern else [place]


def _folders_from(top: Path) -> Iterator[Path]:
    """A folder and all below it; one to which several links lead comes once, so that loops end."""
    seen: set[str] = set()
    for name, folders, _ in os.walk(top, followlinks=True):
        real = os.path.realpath(name)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield Path(name)


def list_models(folder: str) -> list[str]:
    """Names a user can choose from in one of ComfyUI's model folders."""
    return list(folder_paths.get_filename_list(folder))


def model_file(folder: str, name: str, argument: str) -> Path:
    """Resolve a model.

    Raises:
        InputError: it is not there; the message says which file goes where and the link to get it.
    """
    path: str | None = folder_paths.get_full_path(folder, name)
    if path is not None:
        return Path(path)
    places = ", ".join(folder_paths.get_folder_paths(folder))
    known = find_model(name)
    remedy = f"Download {known.url} to {places}" if known and known.url else f"Put the file into {places}"
    have = ", ".join(list_models(folder)) or f"nothing is in {places} yet"
    raise InputError(argument, f"no model {name!r}", f"a file in ComfyUI's models/{folder} ({have})", remedy + ".")


def output_file(prefix: str, suffix: str, size: tuple[int, int] = (0, 0)) -> tuple[Path, str, str]:
    """Choose the next free name ``prefix_00001_.suffix`` in ComfyUI's output folder.

    Args:
        size: width and height, for ``%width%`` and ``%height%`` in the prefix; ComfyUI also knows ``%year%`` and so on.

    Returns:
        The path, and the file name and subfolder by which the editor asks for it.

    Raises:
        InputError: the prefix leads outside the output folder.
    """
    root, prefix = Path(os.path.abspath(folder_paths.get_output_directory())), prefix.replace("\\", "/")
    if "\0" in prefix:
        raise InputError("filename_prefix", repr(prefix), f"a name inside {root}")
    _inside(root, prefix, "filename_prefix")
    folder, filename, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, str(root), *size)
    name = f"{filename}_{counter:05}_{suffix}"
    return Path(folder) / name, name, PurePath(subfolder).as_posix() if subfolder else ""


def user_path(name: str) -> Path:
    """A file or folder of this pack in ComfyUI's user directory (kept across restarts); it need not be there."""
    return Path(folder_paths.get_user_directory()) / "frugal-motion" / name


def user_folder(name: str) -> Path:
    """A folder of this pack in ComfyUI's user directory, made if need be."""
    folder = user_path(name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def lent_file(path: Path) -> Path:
    """The same file in ComfyUI's temp folder (a hard link, else a copy): it outlives the one that it is made of.

    Raises:
        OSError: the file is not there, or the folder cannot be written.
    """
    folder = Path(folder_paths.get_temp_directory()) / "frugal-motion"
    folder.mkdir(parents=True, exist_ok=True)
    lent = folder / path.name
    if lent.exists() and filecmp.cmp(path, lent):
        return lent
    aside = folder / f"{uuid.uuid4().hex}.part"
    try:
        try:
            os.link(path, aside)
        except OSError:  # another drive, or a file system without links
            shutil.copy2(path, aside)  # with the time of change, by which it is known again
        os.replace(aside, lent)
    finally:
        aside.unlink(missing_ok=True)
    return lent


def temp_file(content: bytes, suffix: str) -> dict[str, str]:
    """Keep something for the editor in ComfyUI's temp folder, under a name of its content.

    Returns:
        ``filename``, ``subfolder`` and ``type`` as ``/view`` takes them.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = Path(folder_paths.get_temp_directory()) / "frugal-motion"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(content).hexdigest()[:32]}{suffix}"
    if not path.exists():
        aside = path.with_name(f"{uuid.uuid4().hex}.part")
        try:
            aside.write_bytes(content)
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
    return {"filename": path.name, "subfolder": folder.name, "type": "temp"}
