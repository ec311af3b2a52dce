"""Motions for other packs and for other days: POSE_KEYPOINT and files.

Beside its shells it imports ``video`` and ``motion``, and no ComfyUI.
"""
