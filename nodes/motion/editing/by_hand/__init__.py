"""Editing a motion by hand: single joints, poses, people and time, as a list of edits that is kept as text."""
