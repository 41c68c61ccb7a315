"""likeness.py SOURCE THUMBNAIL...: the mean structural similarity of each thumbnail to the picture itself, a line each.

The picture is decoded whole and brought to the thumbnail's size by Pillow's Lanczos filter. Luma only; windows of 7 x 7
pixels, constants of Wang et al. 2004.
"""

import sys

import numpy
from PIL import Image, ImageOps

WINDOW = 7
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def means(values: numpy.ndarray) -> numpy.ndarray:
    """The mean of every window, by sums of sums."""
    sums = numpy.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    corners = sums[WINDOW:, WINDOW:] - sums[:-WINDOW, WINDOW:] - sums[WINDOW:, :-WINDOW] + sums[:-WINDOW, :-WINDOW]
    return corners / WINDOW**2


def likeness(one: Image.Image, other: Image.Image) -> float:
    a, b = (numpy.asarray(image.convert("L"), dtype=float) for image in (one, other))
    mean_a, mean_b = means(a), means(b)
    spread_a, spread_b = means(a * a) - mean_a**2, means(b * b) - mean_b**2
    together = means(a * b) - mean_a * mean_b
    same = (2 * mean_a * mean_b + C1) * (2 * together + C2)
    return float((same / ((mean_a**2 + mean_b**2 + C1) * (spread_a + spread_b + C2))).mean())


Image.MAX_IMAGE_PIXELS = None
with Image.open(sys.argv[1]) as source:
    whole = ImageOps.exif_transpose(source).convert("RGB")
for path in sys.argv[2:]:
    with Image.open(path) as thumbnail:
        print(f"{likeness(whole.resize(thumbnail.size, Image.Resampling.LANCZOS), thumbnail):.4f}")
