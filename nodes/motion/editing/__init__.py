"""Changing how, when and by whom a motion is done."""
