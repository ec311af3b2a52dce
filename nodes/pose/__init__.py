"""People's keypoints from frames, and drawings of them.

Beside its shells it imports ``video``, ``motion``, ``masks`` and ``keyframes``, and no ComfyUI.
"""
