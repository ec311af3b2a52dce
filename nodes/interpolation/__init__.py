"""Frames between frames, at any rate.

Beside its shells it imports ``video``, ``keyframes`` and ``motion``, and no ComfyUI. The shell of Interpolate Frames
also looks for an upscaling in front of it.
"""
