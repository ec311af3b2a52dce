"""What stages take: seconds, memory, energy.

Imports no other room, for every other one is measured, and no ComfyUI.
"""
