"""Motions for other packs and for other days: POSE_KEYPOINT and files."""
