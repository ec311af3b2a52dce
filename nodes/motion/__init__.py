"""Keypoints over time: repair, smoothing, editing. Plain numpy; imports no ComfyUI."""
