"""The beats of a sound file, for keyframes to lie on."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from explorer.animation.film import LONGEST, Sound
from explorer.errors import SoundError
from explorer.files import digest

__all__ = ["find_beats", "read_sound"]

Floats = npt.NDArray[np.float32]

RATE: Final = 22_050  # samples a second that sounds are brought to
HOP: Final = 256  # samples from one measure of loudness to the next: 11.6 ms
WINDOW: Final = 1024  # samples
LATE: Final = 3 * WINDOW // 4  # samples after the start of a window: what begins there changes its loudness most
BANDS: Final = 40
PEAKS: Final = 2000  # of the waveform
USUAL_TEMPO: Final = 120.0  # beats per minute that are preferred where several fit (Ellis 2007)
SPREAD: Final = 0.9  # octaves around it
SLOWEST, FASTEST = 40.0, 240.0  # beats per minute
TIGHTNESS: Final = 100.0  # how much the distance of beats counts beside how strong they are (alpha of Ellis 2007)
QUIET: Final = 1e-4  # a sound without a louder moment is silence


def read_sound(path: Path) -> tuple[Sound, Floats]:
    """A sound file of at most an hour with its beats, and its waveform: float32 (2000,) peaks from 0 to 1.

    Raises:
        SoundError: it is gone, damaged, no sound, too long or silent.
    """
    samples = _decode(path)
    if not len(samples) or float(np.abs(samples).max()) < QUIET:
        raise SoundError(f"{path.name} is silent.", "Choose a sound file with something to hear.")
    edges = np.linspace(0, len(samples), PEAKS + 1).astype(np.int64)
    peaks = np.maximum.reduceat(np.abs(samples), np.minimum(edges[:-1], len(samples) - 1)).astype(np.float32)
    beats = tuple(float(beat) for beat in find_beats(samples))
    return Sound(str(path.absolute()), digest(path), beats, len(samples) / RATE), peaks / peaks.max()


def find_beats(samples: Floats) -> npt.NDArray[np.float64]:
    """The beats of mono samples (n,) at 22,050 a second, in seconds, rising; none where nothing begins anywhere.

    Where sound begins is told by the rise of loudness in bands (spectral flux), the tempo by its autocorrelation, and
    the beats are those that are strong and evenly spaced, found by dynamic programming (Ellis 2007, eq. 1-3).
    """
    strength = _onsets(samples)
    if len(strength) < 8 or float(strength.max()) <= 0.0:
        return np.empty(0)
    strength = strength / strength.std()
    period = _period(strength)
    if period < 1.0:
        return np.empty(0)
    return (_track(strength, period) * HOP + LATE) / RATE


def _onsets(samples: Floats) -> npt.NDArray[np.float64]:
    """How much louder it becomes at every hop, summed over bands of like width to the ear."""
    if len(samples) < WINDOW:
        return np.empty(0)
    count = 1 + (len(samples) - WINDOW) // HOP
    taper = np.hanning(WINDOW).astype(np.float32)
    edges = np.unique(np.round(np.geomspace(2, WINDOW // 2, BANDS + 1)).astype(np.int64))
    loudness = np.empty((count, len(edges) - 1))
    for start in range(0, count, 2048):  # pieces keep memory small
        places = np.arange(start, min(start + 2048, count))[:, None] * HOP + np.arange(WINDOW)
        power = np.abs(np.fft.rfft(samples[places] * taper, axis=1)) ** 2
        loudness[start : start + len(places)] = np.add.reduceat(power[:, : WINDOW // 2], edges[:-1], axis=1)
    decibels = 10.0 * np.log10(np.maximum(loudness, loudness.max() * 1e-8 + 1e-20))
    rises = np.maximum(np.diff(decibels, axis=0), 0.0).mean(axis=1)
    flux: npt.NDArray[np.float64] = np.concatenate([[0.0], rises])
    slow = np.convolve(flux, np.ones(87) / 87, "same")  # a second
    return np.maximum(flux - slow, 0.0)


def _period(strength: npt.NDArray[np.float64]) -> float:
    """Hops from beat to beat; 0 where the sound is too short to tell."""
    shortest, longest = (round(60.0 / tempo * RATE / HOP) for tempo in (FASTEST, SLOWEST))
    longest = min(longest, len(strength) // 2)
    if longest <= shortest + 2:
        return 0.0
    size = 1 << (2 * len(strength) - 1).bit_length()
    spectrum = np.fft.rfft(strength, size)
    likeness = np.fft.irfft(spectrum * spectrum.conj(), size)[: longest + 1]
    lags = np.arange(shortest, longest + 1)
    octaves = np.log2(60.0 * RATE / HOP / lags / USUAL_TEMPO)
    weighted = likeness[shortest:] * np.exp(-0.5 * (octaves / SPREAD) ** 2)
    best = int(weighted.argmax())
    if 0 < best < len(weighted) - 1:  # between hops: the top of the parabola through three of them
        left, top, right = weighted[best - 1 : best + 2]
        bend = left - 2 * top + right
        return float(lags[best] + (0.5 * (left - right) / bend if bend < 0 else 0.0))
    return float(lags[best])


def _track(strength: npt.NDArray[np.float64], period: float) -> npt.NDArray[np.float64]:
    """The hops of the beats: the chain with the greatest strength, less what its distances are off."""
    reach = np.arange(-round(2 * period), -round(period / 2) + 1)
    cost = -TIGHTNESS * np.log(-reach / period) ** 2
    best, before = strength.copy(), np.full(len(strength), -1)
    weak = 0.01 * strength.max()
    begun = False
    for hop in range(len(strength)):
        places = hop + reach
        scores = np.where(places >= 0, best[np.maximum(places, 0)], 0.0) + cost
        winner = int(scores.argmax())
        best[hop] += scores[winner]
        if begun or strength[hop] >= weak:
            begun = True
            before[hop] = places[winner] if places[winner] >= 0 else -1
    tail = np.arange(max(len(strength) - round(period), 0), len(strength))
    hop = int(tail[best[tail].argmax()])
    beats = []
    while hop >= 0:
        beats.append(hop)
        hop = int(before[hop])
    chain = np.array(beats[::-1], np.float64)
    loud = strength[chain.astype(np.int64)] > 0.05 * strength.max()
    return chain[np.argmax(loud) : len(chain) - int(np.argmax(loud[::-1]))] if loud.any() else np.empty(0)


def _decode(path: Path) -> Floats:
    """The samples of a sound file, mono, as float32 (n,) from -1 to 1."""
    import av

    pieces: list[Floats] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise SoundError(f"{path.name} has no sound in it.", "Choose a WAV, MP3, FLAC, OGG or M4A file.")
            resampler, count = av.AudioResampler("fltp", "mono", RATE), 0
            for frame in itertools.chain(container.decode(audio=0), [None]):  # none lets the last samples out
                for resampled in resampler.resample(frame):
                    piece = resampled.to_ndarray()[0].astype(np.float32)
                    pieces.append(piece)
                    count += len(piece)
                if count > LONGEST * RATE:
                    raise SoundError(f"{path.name} is longer than an hour.", "Cut it first.")
    except av.FFmpegError as error:
        if isinstance(error, FileNotFoundError):
            raise SoundError(f"{path} does not exist.", "It may have been moved or renamed.") from error
        raise SoundError(f"{path.name} is not a sound file, or it is damaged.", "Choose a WAV, MP3 or FLAC.") from error
    return np.nan_to_num(np.concatenate(pieces)) if pieces else np.empty(0, np.float32)
