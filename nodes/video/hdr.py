"""High dynamic range to the range of ordinary screens.

Light is computed as it leaves an HDR screen (ITU-R BT.2100), compressed by the curve of BT.2390 so that highlights keep
some shape, and encoded for an SDR screen whose white is the reference white of BT.2408.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.float64]

WHITE = 203.0
"""Candela per square metre of HDR reference white (BT.2408), which counts as SDR's white."""

PEAK = 1000.0
"""What is brighter becomes white: the nominal peak of HLG, and of most that is mastered in PQ."""

_SIZE = 33  # colours on each side of a table of them, which is then within two levels of 255 of the formula
_SDR_GAMMA = 2.4  # BT.1886
_LUMINANCE = np.array((0.2627, 0.6780, 0.0593))  # BT.2020
_TO_BT709 = np.array(((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)))  # BT.2087


def pq_light(signal: Values) -> Values:
    """Candela per square metre of PQ signals 0..1 (BT.2100, table 4)."""
    power = np.asarray(signal) ** (1 / 78.84375)
    ratio = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return np.asarray(10000 * ratio ** (1 / 0.1593017578125))


def pq_signal(light: Values) -> Values:
    """The inverse of :func:`pq_light`."""
    power = (np.asarray(light) / 10000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def hlg_light(signal: Values) -> Values:
    """Candela per square metre of HLG colours ``(..., 3)`` 0..1, on a screen of ``PEAK`` (BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ _LUMINANCE
    return np.asarray(PEAK * luminance[..., None] ** 0.2 * scene)


def compressed(light: Values) -> Values:
    """0..``PEAK`` brought to 0..``WHITE``; what is below a certain brightness stays (BT.2390-8, 5.4.1)."""
    peak = pq_signal(np.array(PEAK))
    at, most = np.minimum(pq_signal(light) / peak, 1), pq_signal(np.array(WHITE)) / peak
    knee = 1.5 * most - 0.5
    t = np.maximum((at - knee) / (1 - knee), 0)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return pq_light(np.where(at < knee, at, spline) * peak)


_LIGHT: dict[str, Callable[[Values], Values]] = {"smpte2084": pq_light, "arib-std-b67": hlg_light}


def to_sdr(colours: Values, transfer: str) -> Values:
    """Tone-map colours.

    Args:
        colours: ``(..., 3)`` non-linear BT.2020 R'G'B', 0..1.
        transfer: ``"smpte2084"`` (PQ) or ``"arib-std-b67"`` (HLG).

    Returns:
        Non-linear BT.709 R'G'B', 0..1. Hues stay: all of a colour is dimmed as much as the strongest part of it.
    """
    light = _LIGHT[transfer](colours)
    strongest = np.maximum(light.max(-1, keepdims=True), 1e-9)
    linear = light * (compressed(strongest) / strongest) / WHITE @ _TO_BT709.T
    return np.asarray(linear.clip(0, 1) ** (1 / _SDR_GAMMA))


def write_table(transfer: str, path: Path) -> None:
    """Write :func:`to_sdr` as a .cube file, which FFmpeg's ``lut3d`` reads."""
    steps = np.linspace(0, 1, _SIZE)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red is the fastest
    rows = to_sdr(np.stack((red, green, blue), -1), transfer).reshape(-1, 3)
    np.savetxt(path, rows, "%.5f", header=f"LUT_3D_SIZE {_SIZE}", comments="")
