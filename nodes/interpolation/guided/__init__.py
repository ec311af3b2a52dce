"""Ways of making frames between keyframes from what is known of how their subject moves.

Each brings both keyframes to the moment of a frame, for the net to fuse (``pair_maker``); ``gate`` tells which does
best.

With a motion (``motion_way``), a keyframe's picture is split into figures and background (``cutout``, ``matte``,
``plate``, ``camera``); for every frame its figures are brought to the frame's pose (``bone_field``) and laid over the
background (``composition``). With the clip that was edited (``guide_way``), keyframes are bent by its optical flow
(``source_flow``). It imports ``motion``, ``keyframes`` and ``video``, and no ComfyUI.
"""
