"""Keyframed ControlNet and the sampler that spends GPU on keyframes only.

It extends ComfyUI's own sampler, so it is the one stage that knows ComfyUI's insides. It imports ``host`` and the plain
files of ``video``, ``keyframes`` and ``interpolation``.
"""
