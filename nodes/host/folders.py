"""ComfyUI's folders: the only places this pack reads from or writes to."""

from __future__ import annotations

import filecmp
import glob
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import folder_paths

from ..errors import InputError
from ..models.catalogue import find_model
from ..video.stills import SUFFIXES as PICTURE_SUFFIXES
from ..video.stills import holds_pictures, is_animated, pictures_in

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
    ".3gp",
    ".3g2",
    ".asf",
    ".f4v",
    ".m2ts",
    ".m2v",
    ".mxf",
    ".ogv",
    ".qt",
    ".vob",
    ".webp",
    ".avif",
    ".apng",
)
SOUND_SUFFIXES = (".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma")


def register_model_folders() -> None:
    """Tell ComfyUI of the model folders that 0.3.75 does not know, so that extra_model_paths.yaml may name them."""
    suffixes = {"mediapipe": {".task"}, "frame_interpolation": {".pkl", *folder_paths.supported_pt_extensions}}
    for folder, extensions in suffixes.items():
        default = os.path.join(folder_paths.models_dir, folder)
        paths, known = folder_paths.folder_names_and_paths.get(folder, ([], set()))
        folder_paths.folder_names_and_paths[folder] = (paths or [default], known | extensions)


def list_videos() -> list[str]:
    """Names of the videos in ComfyUI's input folder."""
    folder = Path(folder_paths.get_input_directory())
    return sorted(path.name for path in folder.iterdir() if is_there(partial(_is_video, VIDEO_SUFFIXES), path))


def _is_video(suffixes: Collection[str], path: Path) -> bool:
    """Whether it is one by its ending; if that may be a picture's too, only if it moves."""
    suffix = path.suffix.lower()
    return path.is_file() and suffix in suffixes and (suffix not in PICTURE_SUFFIXES or is_animated(path))


def list_clips() -> list[str]:
    """Names of the videos in ComfyUI's input folder, then of the folders in it that hold pictures, as ``name/``."""
    folder = Path(folder_paths.get_input_directory())
    return [*list_videos(), *sorted(f"{path.name}/" for path in folder.iterdir() if is_there(holds_pictures, path))]


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


def input_path(name: str) -> Path:
    """A plain name in ComfyUI's input folder; it need not be there."""
    return Path(folder_paths.get_input_directory()) / name


def input_file(name: str, argument: str = "file") -> Path:
    """Resolve a file that the user chose, e.g. ``clip.mp4`` or ``clip.mp4 [output]``.

    A link leads where whoever has made it wants, as for ComfyUI itself.

    Raises:
        InputError: its name leads out of ComfyUI's input, output and temp folders, or it is not there.
    """
    return _resolved(name, argument, Path.is_file, "a file")


def input_clip(name: str, argument: str = "file") -> Path:
    """Resolve a clip that the user chose: a file as for ``input_file``, or a folder with pictures.

    Raises:
        InputError: its name leads out of ComfyUI's input, output and temp folders, or it is not there.
    """
    return _resolved(name, argument, _may_be_clip, "a file, or a folder of pictures,")


def _may_be_clip(path: Path) -> bool:
    return path.is_file() or holds_pictures(path)


def _resolved(name: str, argument: str, kind: Callable[[Path], bool], allowed: str) -> Path:
    if not name or "\0" in name:
        raise InputError(argument, repr(name) if name else "no name", f"{allowed} in ComfyUI's input folder")
    plain, base = folder_paths.annotated_filepath(name)
    root = Path(os.path.abspath(base or folder_paths.get_input_directory()))
    paths = [_inside(root, spelled, argument) for spelled in spellings_of(str(plain))]
    for path in paths:
        if is_there(kind, path):
            return path
    dead = ", a link that leads nowhere" if any(is_there(Path.is_symlink, path) for path in paths) else ""
    raise InputError(argument, f"no file {plain!r}{dead}", f"{allowed} in {root}", "Upload it, or copy it there.")


def is_there(kind: Callable[[Path], bool], path: Path) -> bool:
    """Whether there is something of a kind; under a name that the system does not take there is nothing."""
    try:
        return kind(path)
    except (OSError, ValueError):
        return False


def spellings_of(name: str) -> list[str]:
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
    return _why_not(input_file, name)


def is_input_clip(name: str) -> bool | str:
    """Whether ``input_clip`` finds it; if not, why, as ComfyUI's validation wants it."""
    return _why_not(input_clip, name)


def _why_not(find: Callable[[str], Path], name: str) -> bool | str:
    try:
        find(name)
    except InputError as error:
        return str(error)
    return True


def fingerprint(name: str) -> str:
    """Another text when the file has changed, for ComfyUI's ``fingerprint_inputs``."""
    return _stamp(input_file(name))


def clip_fingerprint(name: str) -> str:
    """Another text when the clip, or one of the pictures that it consists of, has changed."""
    path = input_clip(name)
    return "\n".join(map(_stamp, pictures_in(path))) if path.is_dir() else _stamp(path)


def clip_name(name: str) -> str:
    """The name of a file without its ending, or of a folder."""
    path = input_clip(name)
    return path.name if path.is_dir() else path.stem


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{path}:{status.st_mtime_ns}:{status.st_size}"


def input_files(lines: str, suffixes: Collection[str], argument: str = "files") -> list[str]:
    """Names, as ``input_clip`` takes them, of the clips that lines of names, folders and patterns mean.

    Args:
        lines: each a file, a folder or a pattern such as ``dance/*.mp4``, in ComfyUI's input folder. A folder stands
            for the videos in it, or if there are none for a clip of the pictures in it. A pattern stands for videos;
            for folders of pictures if it ends in ``/``.
        suffixes: of the videos that folders and patterns stand for (lower case, with the dot).

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
    spellings = spellings_of(line)
    if any(PurePath(spelled).is_absolute() or ".." in PurePath(spelled).parts for spelled in spellings):
        raise InputError(argument, repr(line), f"a name inside ComfyUI's {root.name} folder")
    nothing = InputError(argument, f"no video for {line!r}", f"files, folders or patterns in {root}")
    folder = next((spelled for spelled in spellings if is_there(Path.is_dir, root / spelled)), None)
    if folder is not None and (found := _meant(f"{glob.escape(folder)}/*", root, suffixes, argument)):
        return found
    try:
        path = input_clip(line, argument)  # whatever its name looks like: a pattern, or one with [output]
    except InputError:
        found = [name for spelled in spellings for name in _meant(spelled, root, suffixes, argument)]
        if not found and (folder is not None or any(map(glob.has_magic, spellings))):
            raise nothing from None
        if not found:
            raise
        return found
    return [line if "\\" in path.as_posix() else line.replace("\\", "/")]


def _meant(pattern: str, root: Path, suffixes: Collection[str], argument: str) -> list[str]:
    kind = holds_pictures if pattern.endswith("/") else partial(_is_video, suffixes)
    try:
        paths = {path for path in _matches(root, pattern.rstrip("/")) if is_there(kind, path)}
    except (ValueError, OSError, NotImplementedError) as error:  # a**b until Python 3.13, an endless name, a drive
        allowed = "files, folders or patterns such as dance/*.mp4"
        raise InputError(argument, f"{pattern!r} ({error})", allowed) from error
    return [path.relative_to(root).as_posix() for path in sorted(paths)]


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


def is_in_own_folder(path: Path) -> bool:
    """Whether a file is in the folders for input, output or temporary files, of which nodes see when they change."""
    folders = (
        folder_paths.get_input_directory(),
        folder_paths.get_output_directory(),
        folder_paths.get_temp_directory(),
    )
    return any(path.is_relative_to(folder) for folder in folders)


def output_folder(name: str) -> Path:
    """A folder in ComfyUI's output folder; it need not be there."""
    return Path(folder_paths.get_output_directory()) / name


def model_folder(folder: str) -> Path:
    """Where new models of a kind go."""
    return Path(folder_paths.get_folder_paths(folder)[0])


def found_model(folder: str, name: str) -> str | None:
    """The full path of a model; ``None`` if it is not there."""
    path: str | None = folder_paths.get_full_path(folder, name)
    return path


def list_models(folder: str) -> list[str]:
    """Names a user can choose from in one of ComfyUI's model folders."""
    return list(folder_paths.get_filename_list(folder))


def all_models() -> frozenset[str]:
    """Names, with ``/``, of the files in all of ComfyUI's model folders. Cheap as long as the folders do not change."""
    folders = [folder for folder in list(folder_paths.folder_names_and_paths) if folder != "custom_nodes"]
    return frozenset(name.replace("\\", "/") for folder in folders for name in list_models(folder))


def model_file(folder: str, name: str, argument: str) -> Path:
    """Resolve a model.

    Raises:
        InputError: it is not there; the message says which file goes where and the link to get it.
    """
    if path := found_model(folder, name):
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
        InputError: the prefix leads outside the output folder, for a newer ComfyUI also by a link.
    """
    root, prefix = Path(os.path.abspath(folder_paths.get_output_directory())), prefix.replace("\\", "/")
    if "\0" in prefix:
        raise InputError("filename_prefix", repr(prefix), f"a name inside {root}")
    _inside(root, prefix, "filename_prefix")
    try:
        folder, filename, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, str(root), *size)
    except OSError:
        raise
    except Exception as error:  # core has none of its own for what it refuses
        raise InputError("filename_prefix", repr(prefix), f"a name inside {root}, also behind links") from error
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


def shown_path(file: Any, suffix: str, argument: str) -> Path:
    """Where a file lies that ``temp_file`` has told the editor of; it need not be there any more.

    Args:
        file: ``filename``, ``subfolder`` and ``type``, as a request gives them back.
        suffix: that it must have, with the dot.
        argument: what a refusal names.

    Raises:
        InputError: it is no such file: of another kind, or by its name or behind links outside ComfyUI's temp folder.
    """
    allowed = InputError(argument, repr(file)[:200], f"a {suffix} file in ComfyUI's temp folder that a node has shown")
    names = ("filename", "subfolder", "type")
    if not isinstance(file, Mapping) or not all(isinstance(file.get(name), str) for name in names):
        raise allowed
    filename, subfolder, kind = (file[name] for name in names)
    if kind != "temp" or PurePath(filename).name != filename or PurePath(filename).suffix != suffix:
        raise allowed
    try:
        root = Path(folder_paths.get_temp_directory()).resolve()
        path = Path(root, subfolder, filename).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a name that the system does not take, links in a circle
        raise allowed from error
    if not path.is_relative_to(root) or path.suffix != suffix:
        raise allowed
    return path
