"""How values of ComfyUI and of the pack are stored."""

from __future__ import annotations

from .tree_codec import TreeCodec

# What CONDITIONING may hold of pictures that a CLIP vision model has seen, and latents of video with sound.
_OF_COMFYUI = ("comfy.clip_vision.Output", "comfy.nested_tensor.NestedTensor")

VALUES = TreeCodec(_OF_COMFYUI)
