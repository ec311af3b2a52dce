"""Opening MediaPipe's landmarkers, and saying what is missing where that fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..installing import install_command


def opened(kind: str, model: Path, mode: str, **options: Any) -> Any:
    """A landmarker on the CPU.

    Args:
        kind: ``"PoseLandmarker"`` or ``"HandLandmarker"``.
        model: its ``.task`` bundle.
        mode: ``"VIDEO"`` (follows from frame to frame) or ``"IMAGE"``.
        options: of ``mediapipe.tasks.python.vision.<kind>Options``.

    Raises:
        ImportError: mediapipe, or a system library it needs, is not installed.
        InputError: ``model`` is no such bundle.
    """
    try:
        from mediapipe.tasks.python import BaseOptions, vision
    except ImportError as error:
        raise ImportError(
            f"Extract Pose needs mediapipe, which cannot be imported ({error}). Install it into ComfyUI's Python: "
            f"{install_command()}, which does pip install mediapipe==0.10.33 without adding a second OpenCV"
        ) from error
    # The bytes, not the path: MediaPipe's own file access does not take every path on Windows.
    base = BaseOptions(model_asset_buffer=model.read_bytes(), delegate=BaseOptions.Delegate.CPU)
    settings = getattr(vision, f"{kind}Options")(base_options=base, running_mode=vision.RunningMode[mode], **options)
    try:
        return getattr(vision, kind).create_from_options(settings)
    except OSError as error:
        raise ImportError(
            f"mediapipe needs a system library that is missing ({error}). "
            "On Debian and Ubuntu: apt-get install libegl1 libgles2"
        ) from error
    except (RuntimeError, ValueError) as error:
        found = f"{model.name}, which MediaPipe cannot open ({error})"
        allowed = "a pose_landmarker_*.task bundle" if kind == "PoseLandmarker" else "hand_landmarker.task"
        raise InputError("model", found, allowed, "Download it again.") from error


def to_image(frame: npt.NDArray[np.uint8]) -> Any:
    """An RGB picture ``(height, width, 3)`` as MediaPipe takes it."""
    import mediapipe

    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame))
