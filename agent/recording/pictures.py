"""Arrays made into pictures, and pictures into text that a page can hold."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Google AI, "Turbo, an improved rainbow colormap for visualization" (2019): its published polynomial.
_TURBO = np.array(
    [
        [0.13572138, 4.61539260, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
        [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
        [0.10667330, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
    ]
)
# A dark-to-light ramp of one hue family, for spectrograms: ink, indigo, rose, sand.
_RAMP = np.array([[13, 17, 28], [49, 46, 105], [140, 56, 120], [226, 106, 92], [250, 212, 140]], dtype=float)


QUIET, RANGE = 10.0, 55.0
"""Of a spectrogram [dB]: the least level that is brightest, so that mere noise stays dark; how far below is black."""


def turbo(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Colours (…, 3) uint8 for values (…) in [0, 1]."""
    powers = np.stack([np.clip(values, 0.0, 1.0) ** n for n in range(6)], axis=-1)
    return np.asarray(np.clip(powers @ _TURBO.T, 0.0, 1.0) * 255, dtype=np.uint8)


def depth_picture(depth: NDArray[Any], near: float = 0.25, far: float = 8.0) -> NDArray[np.uint8]:
    """A depth image (H, W) [m] in colours (H, W, 3): near is red, far is blue, nothing measured is dark grey."""
    valid = np.isfinite(depth)
    scaled = np.log(np.clip(np.where(valid, depth, far), near, far) / near) / np.log(far / near)
    return np.where(valid[..., None], turbo(1.0 - scaled), np.uint8(42)).astype(np.uint8)


def spectrogram(sound: NDArray[Any], rate: float, columns: int = 1000, rows: int = 160) -> NDArray[np.uint8]:
    """A picture (rows, columns, 3) of sound (T,) at `rate` [Hz]: time goes right, frequency up."""
    size = 512
    if len(sound) < size:
        sound = np.pad(sound, (0, size - len(sound)))
    starts = np.linspace(0, len(sound) - size, columns).astype(int)
    windows = sound[starts[:, None] + np.arange(size)] * np.hanning(size)
    level = 20 * np.log10(np.abs(np.fft.rfft(windows, axis=1)) + 1e-9)
    # Frequencies on a scale that hears low tones apart, from 100 Hz to half the rate.
    wanted = np.geomspace(100.0, rate / 2, rows)
    bins = np.fft.rfftfreq(size, 1 / rate)
    image = np.stack([np.interp(wanted, bins, column) for column in level], axis=1)[::-1]
    top = max(float(image.max()), QUIET)
    scaled = np.clip((image - (top - RANGE)) / RANGE, 0.0, 1.0) * (len(_RAMP) - 1)
    below = np.clip(scaled.astype(int), 0, len(_RAMP) - 2)
    share = (scaled - below)[..., None]
    return np.asarray(_RAMP[below] * (1 - share) + _RAMP[below + 1] * share, dtype=np.uint8)


def png(picture: NDArray[np.uint8]) -> str:
    """A data address holding a picture (H, W, 3) without loss."""
    return _address(picture, "PNG", "image/png", optimize=True)


def jpeg(picture: NDArray[np.uint8], width: int | None = None, quality: int = 82) -> str:
    """A data address holding a picture (H, W, 3), made smaller if it is wider than `width` [px]."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    if width is not None and image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    return _address(np.asarray(image), "JPEG", "image/jpeg", quality=quality, optimize=True)


def _address(picture: NDArray[np.uint8], form: str, media: str, **options: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, form, **options)
    return f"data:{media};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
