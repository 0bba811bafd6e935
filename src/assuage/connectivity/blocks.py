"""How long a block of the bootstrap is, and how many independent frames a recording is worth.

Block length of the circular block bootstrap (Politis and White 2004, 10.1081/ETC-120028836, corrected by Patton,
Politis and White 2009, 10.1080/07474930802459016), for a series with autocovariances R(k) and the flat-top window l:

    G = sum_k l(k/M) |k| R(k),   g = sum_k l(k/M) R(k),   D = 4/3 g^2,   b = (2 G^2 / D)^(1/3) n^(1/3)

M is twice the lag after which all autocorrelations are within 2 sqrt(log10(n)/n). It is applied to the products
s_t x_t, because the correlation is a mean of those. Effective frames (Bartlett 1946): n / sum_k rho_s(k) rho_x(k).
"""

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

BLOCKS_MIN = 12
"""Fewer blocks cannot be drawn in enough ways; the block is then shorter than the rule asks for."""
BLOCK_MIN_S = 10.0
"""The band starts at 0.01 Hz and ends at 0.1 Hz: a block holds at least one period of the fastest component."""


def block_frames(products: Float, *, tr_s: float) -> int:
    """Return the block length in frames for products (T, V) of reference and series: the median over the V columns."""
    count = len(products)
    rule = float(np.median([_rule(column) for column in products.T]))
    longest = max(1, count // BLOCKS_MIN)
    return int(np.clip(round(max(rule, BLOCK_MIN_S / tr_s)), 1, longest))


def effective_frames(reference: Float, series: Float) -> float:
    """Return how many independent frames a correlation of reference (T,) with series (T, V) rests on (median)."""
    count = len(reference)
    lags = _lags(count)
    ours = autocorrelation(reference, lags)
    values = []
    for column in series.T:
        product = ours[1:] * autocorrelation(column, lags)[1:] * (1 - np.arange(1, lags + 1) / count)
        values.append(count / max(1.0, 1 + 2 * float(product.sum())))
    return float(np.median(values))


def autocorrelation(series: Float, lags: int) -> Float:
    """Return the autocorrelation (lags + 1,) of a series (T,), biased estimate."""
    centred = series - series.mean()
    size = 1 << (2 * len(series) - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size)) ** 2
    found = np.fft.irfft(spectrum, size)[: lags + 1]
    return np.asarray(found / found[0]) if found[0] > 0 else np.eye(1, lags + 1)[0]


def _lags(count: int) -> int:
    return int(np.ceil(np.sqrt(count)) + max(5, np.ceil(np.log10(count))))


def _rule(series: Float) -> float:
    count = len(series)
    lags = _lags(count)
    run = int(max(5, np.ceil(np.log10(count))))
    rho = autocorrelation(series, lags)
    small = np.abs(rho[1:]) < 2 * np.sqrt(np.log10(count) / count)
    quiet = [k for k in range(len(small) - run + 1) if small[k : k + run].all()]
    last = quiet[0] if quiet else int(np.flatnonzero(~small)[-1]) + 1
    bandwidth = max(1, min(2 * last, lags))
    lag = np.arange(1, bandwidth + 1)
    window = np.clip(2 * (1 - lag / bandwidth), 0, 1)
    slope = 2 * float((window * lag * rho[lag]).sum())
    level = 1 + 2 * float((window * rho[lag]).sum())
    if level <= 0:
        return 1.0
    return float((2 * slope**2 / (4 / 3 * level**2)) ** (1 / 3) * count ** (1 / 3))
