"""Frames between keyframes that follow a motion: each keyframe's figures are moved by their bones, then fused.

A keyframe's picture is split into figures and background (``cutout``, ``matte``, ``background``, ``camera``); for every
frame its figures are brought to the frame's pose (``bone_field``) and laid over the background (``composition``). It
imports ``motion`` and ``keyframes``, and no ComfyUI.
"""
