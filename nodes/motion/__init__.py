"""Keypoints over time: repair, smoothing, editing.

Plain numpy. Beside its shells it imports ``video``, and no ComfyUI.
"""
