"""The node that spares everything in front of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from comfy_api.latest import Input, io
from safetensors import SafetensorError

from ..errors import InputError
from ..host.folders import user_folder
from ..host.node import Anything, FrugalNode, run_seconds
from ..host.progress import Progress
from ..host.prompt import declared, file_named
from ..host.video import StreamVideo, as_stream
from ..keyframes.keyframes import Keyframes
from ..motion.motion import Motion
from ..video.decode import DecodeSettings, FileStream
from ..video.encode import LOSSLESS, save
from .codecs import NotStorable, TreeCodec
from .digests import Digests
from .signature import Signer
from .store import Entry, Store

logger = logging.getLogger(__name__)

VALUES = TreeCodec({"motion": Motion, "keyframes": Keyframes})


class FrugalHashCache(FrugalNode):
    """Keeps what it is given on disk, by what made it; the next time nothing in front of it runs."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalHashCache",
            display_name="Hash Cache",
            category="Frugal Motion/Cache",
            description="Keeps a result on disk under the hash of everything that made it: the content of files and "
            "models, every parameter, the wiring. When the same result is asked for again, also after a restart, "
            "nothing in front of this node runs. Frames are kept exactly.",
            is_input_list=True,
            inputs=[
                Anything.Input("value", lazy=True, tooltip="Frames, video, motion, keyframes, latents, conditioning…"),
                io.String.Input("motion_style", default="", tooltip="Joins the key: another text is another entry."),
                io.Boolean.Input("enabled", default=True, tooltip="Off: the value passes through, nothing is kept."),
            ],
            outputs=[Anything.Output(display_name="value", is_output_list=True, tooltip="The same value.")],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def check_lazy_status(cls, value: Sequence[Any], motion_style: list[str], enabled: list[bool]) -> list[str]:
        if enabled[0] and _store().find(cls._key(motion_style)):
            return []
        return ["value"]

    @classmethod
    def execute(cls, value: Sequence[Any], motion_style: list[str], enabled: list[bool]) -> io.NodeOutput:
        if not enabled[0]:
            return io.NodeOutput(list(value))
        key = cls._key(motion_style)
        found = _store().find(key)
        if found:
            return cls._hit(found)
        return cls._miss(key, list(value))

    @classmethod
    def _key(cls, motion_style: list[str]) -> str:
        prompt, digests = cls.hidden.dynprompt, Digests(user_folder("cache") / "digests.json")

        def digest(text: str) -> str | None:
            path = file_named(text)
            return digests.of(path) if path else None

        wire = prompt.get_node(cls.hidden.unique_id)["inputs"]["value"]
        return Signer(lambda node_id: declared(prompt.get_node(node_id)), digest).sign(wire, motion_style)

    @classmethod
    def _hit(cls, entry: Entry) -> io.NodeOutput:
        with cls.stage().charged() as cost:
            cost.cached = True
        try:
            return io.NodeOutput(_load(entry, cls), ui=_shown("hit", entry))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            entry.path.unlink(missing_ok=True)  # a miss from now on
            raise InputError(
                "value", f"a damaged cache entry ({error})", "a whole one", "It has been dropped; run again."
            ) from error

    @classmethod
    def _miss(cls, key: str, values: list[Any]) -> io.NodeOutput:
        try:
            entry = _keep(key, values)
        except (NotStorable, OSError) as error:  # a cache that cannot keep something must not stop the run
            logger.warning("Hash Cache: %s; it passes through", error)
            return io.NodeOutput(values)
        # A video is read back from its file, so that the work that made it is not done again by whoever reads it.
        kept = _load(entry, cls) if entry.kind == "video" else values
        return io.NodeOutput(kept, ui=_shown("miss", entry))


def _store() -> Store:
    return Store(user_folder("cache"))


def _keep(key: str, values: list[Any]) -> Entry:
    if len(values) == 1 and isinstance(values[0], Input.Video):
        stream = as_stream(values[0])
        progress = Progress(stream.info.frame_count)

        def write(path: Path) -> None:
            save(stream, path, LOSSLESS, on_frames=progress.step)

        return _store().add(key, "video", LOSSLESS.suffix, write, run_seconds)
    return _store().add(key, "values", ".safetensors", lambda path: VALUES.save(values, path), run_seconds)


def _load(entry: Entry, node: type[FrugalHashCache]) -> list[Any]:
    if entry.kind == "video":
        return [StreamVideo(FileStream(entry.path, DecodeSettings()), node.stage())]
    return list(VALUES.load(entry.path))


def _shown(state: str, entry: Entry) -> dict[str, Any]:
    return {"frugal_cache": [{"state": state, "bytes": entry.size, "seconds": entry.seconds}]}
