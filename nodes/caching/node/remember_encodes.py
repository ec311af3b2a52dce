"""Remember Encodes."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ...host.frugal_node import FrugalNode
from ...host.prompt import grown_prompt
from ..configured import never_fatal, value_key
from ..encodes import Encodes, Tally, remembering

_WHAT = {"vae": "VAE", "clip": "text", "clip_vision": "vision"}


class FrugalRememberEncodes(FrugalNode):
    """Gives models that look on disk before they encode something."""

    FRAME_OUTPUTS = slice(0)
    SEARCH_ALIASES = ("vae encode cache", "text encoder cache", "clip cache", "latent cache", "reuse", "skip", "wan")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalRememberEncodes",
            display_name="Remember Encodes",
            category="Frugal Motion/Cache",
            description="Keeps on disk what a VAE, a text encoder and a vision encoder encode, by the content of the "
            "frames or the text and by their weights. The same frames, the same prompt or the same picture are "
            "not encoded again, in any graph, also after a restart.",
            inputs=[
                io.Vae.Input("vae", optional=True, tooltip="Straight from its loader."),
                io.Clip.Input("clip", optional=True, tooltip="From its loader, or from behind its LoRAs."),
                io.ClipVision.Input("clip_vision", optional=True, tooltip="Straight from its loader."),
            ],
            outputs=[
                io.Vae.Output(display_name="vae", tooltip="The same VAE. Decoding is as ever."),
                io.Clip.Output(display_name="clip", tooltip="The same text encoder."),
                io.ClipVision.Output(display_name="clip_vision", tooltip="The same vision encoder."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def execute(cls, vae: Any = None, clip: Any = None, clip_vision: Any = None) -> io.NodeOutput:
        tally, models = Tally(), {"vae": vae, "clip": clip, "clip_vision": clip_vision}
        return io.NodeOutput(*(cls._remembering(name, model, tally) for name, model in models.items()))

    @classmethod
    def _remembering(cls, name: str, model: Any, tally: Tally) -> Any:
        """The model itself where nothing says which weights it has."""
        if model is None:
            return None
        made = None
        with never_fatal("Remember Encodes", f"it does not remember what the {name} encodes"):
            prompt, node_id = grown_prompt(cls.hidden)
            weights = value_key(prompt.__getitem__, prompt[node_id]["inputs"][name], ())
            made = remembering(model, Encodes(_WHAT[name], weights, model, cls.stage(), tally))
        if made is None:
            tally.add(_WHAT[name], "not remembered, see the log")
        return made or model
