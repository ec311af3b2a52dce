"""How values of ComfyUI and of the pack are stored."""

from __future__ import annotations

from ..keyframes.keyframes import Keyframes
from ..motion.motion import Motion
from .codecs import TreeCodec

VALUES = TreeCodec({"motion": Motion, "keyframes": Keyframes})
