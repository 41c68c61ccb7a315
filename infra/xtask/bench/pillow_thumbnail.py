"""pillow_thumbnail.py [SOURCE TARGET SIZE QUALITY]: a thumbnail as Pillow's own documentation makes it.

Without arguments it only starts, so that the start can be told from the work.
"""

import sys

from PIL import Image, ImageOps

if len(sys.argv) == 5:
    source, target = sys.argv[1:3]
    size, quality = int(sys.argv[3]), int(sys.argv[4])
    with Image.open(source) as image:
        # A JPEG is decoded at a fraction of its size, as ours is; other formats know no draft.
        image.draft("RGB", (2 * size, 2 * size))
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
        ImageOps.exif_transpose(image).convert("RGB").save(target, quality=quality)
