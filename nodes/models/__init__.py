"""The small weights this pack knows how to find, and how they are downloaded.

Imports no other room, and no ComfyUI.
"""
