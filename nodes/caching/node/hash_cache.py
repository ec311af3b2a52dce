"""The node that spares everything in front of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ...economy.local_price import price_here
from ...graph import is_link, title, upstream
from ...host.frugal_node import Anything, FrugalNode, run_costs, run_id
from ...host.prompt import grown_prompt
from ...jobs.merged_runs import own_costs
from ..configured import WorkFailed, cache, never_fatal, value_key
from ..entry import Entry, Spent
from ..keeping import keep, load
from ..looks import Look, Looks, Place
from ..statistics import statistics

_looks = Looks()


class FrugalHashCache(FrugalNode):
    """Keeps what it is given on disk, by what made it; the next time nothing in front of it runs."""

    SEARCH_ALIASES = ("memo", "remember", "reuse", "skip", "store result", "disk cache", "cheap")

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
                io.Boolean.Input(
                    "refresh",
                    default=False,
                    optional=True,
                    tooltip="On: make the value anew, and keep it in place of the old one.",
                ),
            ],
            outputs=[Anything.Output(display_name="value", is_output_list=True, tooltip="The same value.")],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def check_lazy_status(
        cls, value: Sequence[Any], motion_style: list[str], enabled: list[bool], refresh: Sequence[bool] = (False,)
    ) -> list[str]:
        """Read the entry already here: only a value that is really at hand spares what is in front."""
        if not enabled[0]:
            return ["value"]
        place = cls._place()
        if place not in _looks:  # ComfyUI asks again when the value has been made
            _looks.put(place, cls._look(motion_style, refresh[0]))
        return [] if _looks.get(place).found else ["value"]

    @classmethod
    def execute(
        cls, value: Sequence[Any], motion_style: list[str], enabled: list[bool], refresh: Sequence[bool] = (False,)
    ) -> io.NodeOutput:
        if not enabled[0]:
            return io.NodeOutput(list(value), ui=_shown("off"))
        look = _looks.take(cls._place()) or cls._look(motion_style, refresh[0])
        if look.found:
            return cls._hit(*look.found)
        return cls._miss(look.key, list(value)) if look.key else io.NodeOutput(list(value), ui=_shown("not kept"))

    @classmethod
    def _place(cls) -> Place:
        return run_id(), str(cls.hidden.unique_id)

    @classmethod
    def _look(cls, motion_style: list[str], refresh: bool) -> Look:
        """Sign what is in front, before it runs: files may be replaced while it does."""
        key, found = cls._key(motion_style), None
        if key and not refresh:
            with never_fatal("Hash Cache", "it is made anew"):
                found = cache().read(key, lambda entry: load(entry, cls.stage))
        return Look(key, found)

    @classmethod
    def _key(cls, motion_style: list[str]) -> str | None:
        """``None`` if there is none that says what the value is."""
        key = None
        with never_fatal("Hash Cache", "it passes through"):  # a file that cannot be read stops the node that wants it
            prompt, node_id = grown_prompt(cls.hidden)
            key = value_key(prompt.__getitem__, prompt[node_id]["inputs"]["value"], motion_style)
        return key

    @classmethod
    def _spent(cls) -> Spent:
        """What the nodes in front have taken in this run so far; of a prompt of several jobs, for this job alone."""
        costs = own_costs(run_costs())
        prompt, own = grown_prompt(cls.hidden)
        in_front = [costs[node_id] for node_id in upstream(prompt, [own]) if node_id in costs and node_id != own]
        return Spent(sum(cost.seconds for cost in in_front), sum(cost.seconds_on_gpu for cost in in_front))

    @classmethod
    def _hit(cls, entry: Entry, values: list[Any]) -> io.NodeOutput:
        with cls.stage().charged() as cost:
            cost.hits += 1
        with never_fatal("Hash Cache", "its use is not noted"):
            cache().touch(entry)
        statistics.hit(entry.spent)
        return io.NodeOutput(values, ui=_shown("hit", entry))

    @classmethod
    def _miss(cls, key: str, values: list[Any]) -> io.NodeOutput:
        with cls.stage().charged() as cost:
            cost.misses += 1
        statistics.miss()
        kept, shown = values, _shown("not kept")  # of a video that is not kept, who reads it does the work again
        try:
            with never_fatal("Hash Cache", "it passes through"):
                entry = keep(key, values, cls._spent, cls._made_by())
                # A video is read back from its file, so that the work that made it is not done again by whoever reads
                # it; before room is made, in which the entry itself may go.
                kept = load(entry, cls.stage) if entry.kind == "video" else values
                cache().trim()
                if cache().find(key):
                    shown = _shown("miss", entry)
        except WorkFailed as failed:
            raise failed.error  # noqa: B904  it is the run's, and says itself where it comes from
        return io.NodeOutput(kept, ui=shown)

    @classmethod
    def _made_by(cls) -> str:
        """The node in front, as people call it."""
        wire = cls.hidden.dynprompt.get_node(cls.hidden.unique_id)["inputs"]["value"]
        return title({wire[0]: cls.hidden.dynprompt.get_node(wire[0])}, wire[0]) if is_link(wire) else ""


def _shown(state: str, entry: Entry | None = None) -> dict[str, Any]:
    """For the node's badge: what has become of the value, and what the entry takes and spares."""
    size, spent = (entry.size, entry.spent) if entry else (0, Spent())
    dollars = spent.gpu_seconds * price_here() / 3600
    return {"frugal_cache": [{"state": state, "bytes": size, "seconds": spent.seconds, "dollars": dollars}]}
