"""Slow, middling and quick movement, taken apart and weighted.

Bruderlin and Williams, "Motion signal processing", SIGGRAPH 1995, section 2: band-pass signals are the differences of
ever smoother copies; weighted and added up again they make another motion. Their pyramid halves the frame rate from
band to band; here the smoothness is in seconds, so that a band means the same at any frame rate.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.signal import bilinear, lfilter, lfilter_zi

Signals = npt.NDArray[np.float64]
"""``(frames, …)``, each column a signal over time."""

_SMOOTHNESS = (0.06, 0.22, 1.2)
"""Standard deviations in seconds: a wave of 2.2, 0.6 and 0.11 Hz keeps 70 % of its height."""

_SWING = 1.6  # Hz at which a follow-through swings
_DAMPING = 0.35  # of critical


class Bands(NamedTuple):
    """Signals that add up to the original.

    Attributes:
        rest: the posture around which things move.
        low: below about 0.6 Hz, weight shifts.
        mid: about 0.6 to 2.2 Hz, steps and gestures.
        high: above, flicks and shaking.
    """

    rest: Signals
    low: Signals
    mid: Signals
    high: Signals


def split(signals: Signals, frame_rate: Fraction) -> Bands:
    """Take signals apart by how quickly they move.

    Args:
        signals: without gaps.
        frame_rate: frames per second, above 0.
    """
    if len(signals) < 2:
        nothing = np.zeros_like(signals)
        return Bands(signals, nothing, nothing, nothing)
    fine, middle, rest = (
        gaussian_filter1d(signals, seconds * float(frame_rate), axis=0, mode="reflect", truncate=3.0)
        for seconds in _SMOOTHNESS
    )
    return Bands(rest, middle - rest, fine - middle, signals - fine)


def follow_through(signals: Signals, frame_rate: Fraction) -> Signals:
    """Let signals swing past where they stop, like a weight on a spring.

    A second-order system with the transfer function ``(2zws + w²) / (s² + 2zws + w²)``: the term in ``s`` of the
    numerator cancels its delay for slow movement, so nothing lags on average.

    Args:
        signals: without gaps.
        frame_rate: frames per second, above 0.
    """
    if len(signals) < 2:
        return signals
    rate = float(frame_rate)
    swing = 2 * np.pi * min(_SWING, rate / 5)
    numerator, denominator = bilinear([2 * _DAMPING * swing, swing**2], [1, 2 * _DAMPING * swing, swing**2], fs=rate)
    # A second of mirrored movement in front, so that a motion that is under way at its first frame starts under way.
    lead = min(len(signals) - 1, round(rate))
    padded = np.pad(signals, ((lead, 0), *((0, 0),) * (signals.ndim - 1)), mode="reflect", reflect_type="odd")
    state = lfilter_zi(numerator, denominator).reshape(-1, *(1,) * (signals.ndim - 1)) * padded[:1]
    return np.asarray(lfilter(numerator, denominator, padded, axis=0, zi=state)[0][lead:])
