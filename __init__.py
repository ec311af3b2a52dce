"""Frugal Motion: edit people in video with diffusion for a tenth of the GPU money."""

from comfy_api.latest import ComfyExtension, io

from .nodes.caching.node import FrugalHashCache
from .nodes.economy.node import FrugalCostReport, FrugalPrewarm
from .nodes.forecast.node import FrugalCostEstimate
from .nodes.host.folders import register_model_folders
from .nodes.interchange.node import (
    FrugalKeypointsToMotion,
    FrugalLoadMotion,
    FrugalMotionToKeypoints,
    FrugalSaveMotion,
)
from .nodes.interpolation.node import FrugalInterpolate, FrugalLoadInterpolator
from .nodes.jobs.node import FrugalJobsList, FrugalJobsSampler
from .nodes.keyframes.node import FrugalPlanKeyframes
from .nodes.motion.node import (
    FrugalBlendMotions,
    FrugalFitMotion,
    FrugalMotionReport,
    FrugalMotionStyle,
    FrugalRetargetMotion,
    FrugalSmoothMotion,
)
from .nodes.pose.node import FrugalDrawPose, FrugalExtractPose
from .nodes.sampling.node import FrugalKeyframeControlNet, FrugalKeyframeSampler, FrugalTextLines
from .nodes.server import routes
from .nodes.upscaling.node import FrugalUpscale
from .nodes.video.node import FrugalLoadClips, FrugalLoadVideo, FrugalSaveVideo

WEB_DIRECTORY = "./web"
"""The editor looks for help pages under the name of this folder; `[tool.comfy] web` would offer the project's."""


class FrugalMotion(ComfyExtension):
    """The pack, as ComfyUI asks for it."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            FrugalLoadVideo,
            FrugalLoadClips,
            FrugalExtractPose,
            FrugalSmoothMotion,
            FrugalMotionReport,
            FrugalMotionStyle,
            FrugalBlendMotions,
            FrugalRetargetMotion,
            FrugalFitMotion,
            FrugalMotionToKeypoints,
            FrugalKeypointsToMotion,
            FrugalSaveMotion,
            FrugalLoadMotion,
            FrugalPlanKeyframes,
            FrugalDrawPose,
            FrugalKeyframeControlNet,
            FrugalKeyframeSampler,
            FrugalTextLines,
            FrugalUpscale,
            FrugalLoadInterpolator,
            FrugalInterpolate,
            FrugalHashCache,
            FrugalSaveVideo,
            FrugalCostEstimate,
            FrugalCostReport,
            FrugalPrewarm,
            FrugalJobsList,
            FrugalJobsSampler,
        ]


def comfy_entrypoint() -> FrugalMotion:
    """What ComfyUI calls when it loads the pack."""
    register_model_folders()  # before the nodes list what is in them
    routes.register()
    return FrugalMotion()
