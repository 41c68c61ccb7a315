// sharp_thumbnail.mjs [SOURCE TARGET SIZE QUALITY]: a thumbnail as sharp's own documentation makes it.
// Without arguments it only starts, so that the start can be told from the work.
import sharp from "sharp";

const [source, target, size, quality] = process.argv.slice(2);
if (source) {
  await sharp(source)
    .rotate()
    .resize(Number(size), Number(size), { fit: "inside", withoutEnlargement: true })
    .flatten({ background: "#fff" })
    .jpeg({ quality: Number(quality) })
    .toFile(target);
}
