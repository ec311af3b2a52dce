"""Saying how good a motion is."""
