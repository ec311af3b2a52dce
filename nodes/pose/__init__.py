"""People's keypoints from frames, and drawings of them. Only ``node.py`` imports ComfyUI."""
