"""Frugal Motion: edit people in video with diffusion for a tenth of the GPU money."""

from comfy_api.latest import ComfyExtension, io

from .nodes.host.folders import register_model_folders
from .nodes.server import routes
from .nodes.stages import pack_nodes

WEB_DIRECTORY = "./web"
"""The editor looks for help pages under the name of this folder; `[tool.comfy] web` would offer the project's."""


class FrugalMotion(ComfyExtension):
    """The pack, as ComfyUI asks for it."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return list(pack_nodes())


def comfy_entrypoint() -> FrugalMotion:
    """What ComfyUI calls when it loads the pack."""
    register_model_folders()  # before the nodes list what is in them
    routes.register()
    return FrugalMotion()
