"""Makes the sample set into a folder: pages of a public-domain book in every kind of file that Vitrine draws.

Usage: make.py FOLDER. Python's standard library does most; video and JPEG are made by ffmpeg where it is there.
What is there already is kept, so that checksums stay the same from run to run.
"""

import math
import shutil
import struct
import subprocess
import sys
import wave
import zipfile
import zlib
from pathlib import Path

TITLE = "MOBY-DICK; OR, THE WHALE"
# Herman Melville, 1851: in the public domain everywhere.
TEXT = (
    "CALL ME ISHMAEL. SOME YEARS AGO - NEVER MIND HOW LONG PRECISELY - HAVING LITTLE OR NO MONEY IN MY PURSE, "
    "AND NOTHING PARTICULAR TO INTEREST ME ON SHORE, I THOUGHT I WOULD SAIL ABOUT A LITTLE AND SEE THE WATERY "
    "PART OF THE WORLD. IT IS A WAY I HAVE OF DRIVING OFF THE SPLEEN AND REGULATING THE CIRCULATION. WHENEVER "
    "I FIND MYSELF GROWING GRIM ABOUT THE MOUTH; WHENEVER IT IS A DAMP, DRIZZLY NOVEMBER IN MY SOUL; WHENEVER "
    "I FIND MYSELF INVOLUNTARILY PAUSING BEFORE COFFIN WAREHOUSES, THEN, I ACCOUNT IT HIGH TIME TO GET TO SEA "
    "AS SOON AS I CAN. THIS IS MY SUBSTITUTE FOR PISTOL AND BALL. "
)

# A letter is seven rows of five dots, one hexadecimal pair a row.
GLYPHS = {
    "A": "0e11111f111111", "B": "1e11111e11111e", "C": "0e11101010110e", "D": "1e11111111111e",
    "E": "1f10101e10101f", "F": "1f10101e101010", "G": "0e11101713110f", "H": "1111111f111111",
    "I": "0e04040404040e", "J": "0702020202120c", "K": "11121418141211", "L": "1010101010101f",
    "M": "111b1515111111", "N": "11191513111111", "O": "0e11111111110e", "P": "1e11111e101010",
    "Q": "0e11111115120d", "R": "1e11111e141211", "S": "0f10100e01011e", "T": "1f040404040404",
    "U": "1111111111110e", "V": "11111111110a04", "W": "1111111515150a", "X": "11110a040a1111",
    "Y": "11110a04040404", "Z": "1f01020408101f", ".": "0000000000000c", ",": "00000000000c08",
    "-": "0000000e000000", ";": "000c000000000c", " ": "00000000000000",
}


def page(width, height, scale, paper=244, ink=40):
    """A page of the book as rows of grey bytes."""
    margin = 10 * scale
    columns = (width - 2 * margin) // (6 * scale)
    words, lines, line = (TEXT * 6).split(), [TITLE.center(columns), ""], ""
    for word in words:
        if len(line) + len(word) + 1 > columns:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    blank, rows = bytes([paper]) * width, []
    rows.extend([blank] * (margin * 2))
    for line in lines:
        for y in range(7):
            row = bytearray(blank)
            for column, letter in enumerate(line[:columns]):
                dots = int(GLYPHS.get(letter, GLYPHS[" "])[2 * y : 2 * y + 2], 16)
                for x in range(5):
                    if dots >> (4 - x) & 1:
                        at = margin + (column * 6 + x) * scale
                        row[at : at + scale] = bytes([ink]) * scale
            rows.extend([bytes(row)] * scale)
        rows.extend([blank] * (5 * scale))
        if len(rows) > height - 3 * margin:
            break
    rows.extend([blank] * height)
    return rows[:height]


def picture(width, height):
    """The sea at sunset as rows of RGB bytes."""
    rows = []
    for y in range(height):
        row = bytearray()
        for x in range(width):
            dx, dy = x - width * 0.62, y - height * 0.42
            if y < height * 0.55:
                glow = max(0.0, 1 - math.hypot(dx, dy) / (width * 0.55))
                sun = math.hypot(dx, dy) < height * 0.12
                row += bytes((255, 236, 170)) if sun else bytes((int(90 + 160 * glow), int(70 + 110 * glow), int(120 + 30 * glow)))
            else:
                wave_ = math.sin(x / 17.0 + y / 5.0) + math.sin(x / 7.0 - y / 3.0)
                row += bytes((int(20 + 12 * wave_ + 24), int(60 + 14 * wave_ + 24), int(110 + 16 * wave_ + 30)))
        rows.append(bytes(row))
    return rows


def png(rows, width, colour):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    raw = b"".join(b"\0" + row for row in rows)
    head = struct.pack(">IIBBBBB", width, len(rows), 8, 2 if colour else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw, 6)) + chunk(b"IEND", b"")


def tiff(rows, width):
    """An uncompressed grey TIFF of one strip for every 64 rows."""
    height, per_strip = len(rows), 64
    strips = [b"".join(rows[y : y + per_strip]) for y in range(0, height, per_strip)]
    data_at, offsets = 8, []
    for strip in strips:
        offsets.append(data_at)
        data_at += len(strip)
    counts = [len(strip) for strip in strips]
    tables_at = data_at
    directory_at = tables_at + 8 * len(strips) + 16
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, len(strips), tables_at), (277, 3, 1, 1), (278, 4, 1, per_strip),
        (279, 4, len(strips), tables_at + 4 * len(strips)),
        (282, 5, 1, tables_at + 8 * len(strips)), (283, 5, 1, tables_at + 8 * len(strips) + 8), (296, 3, 1, 2),
    ]
    tables = struct.pack(f"<{2 * len(strips)}I", *offsets, *counts) + struct.pack("<4I", 600, 1, 600, 1)
    directory = struct.pack("<H", len(entries))
    for tag, kind, count, value in entries:
        directory += struct.pack("<HHI", tag, kind, count) + struct.pack("<I", value)
    return b"II*\0" + struct.pack("<I", directory_at) + b"".join(strips) + tables + directory + b"\0\0\0\0"


def pdf():
    """Two pages of text, set in a standard font."""
    lines = [TEXT[i : i + 76].capitalize() for i in range(0, len(TEXT), 76)]
    body = "BT /F1 20 Tf 72 760 Td (Moby-Dick; or, The Whale) Tj /F1 11 Tf 0 -40 Td 16 TL "
    body += " ".join(f"({line}) Tj T*" for line in lines) + " ET 0.2 0.4 0.7 rg 72 120 451 180 re f"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R/Resources<</Font<</F1 6 0 R>>>>>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R/Resources<</Font<</F1 6 0 R>>>>>>",
        f"<</Length {len(body)}>>\nstream\n{body}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{text}\nendobj\n".encode()
    at = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    return out + f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n".encode()


def zipped(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in members:
            method = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = method
            archive.writestr(info, body)


def docx(path, preview):
    types = (
        '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    thumb = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
    relations = f'<Relationship Id="r1" Type="{office}" Target="word/document.xml"/>'
    if preview:
        relations += f'<Relationship Id="r2" Type="{thumb}" Target="docProps/thumbnail.png"/>'
    paragraphs = "".join(f"<w:p><w:r><w:t>{line.capitalize()}</w:t></w:r></w:p>" for line in TEXT.split(". "))
    body = (
        '<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
        f"<w:p><w:r><w:rPr><w:b/><w:sz w:val=\"40\"/></w:rPr><w:t>Moby-Dick; or, The Whale</w:t></w:r></w:p>{paragraphs}</w:body></w:document>"
    )
    members = [
        ("[Content_Types].xml", types),
        ("_rels/.rels", f'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relations}</Relationships>'),
        ("word/document.xml", body),
    ]
    if preview:
        members.append(("docProps/thumbnail.png", png(page(520, 740, 2), 520, False)))
    zipped(path, members)


def epub(path):
    opf = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">urn:vitrine:sample:whale</dc:identifier>'
        "<dc:title>Moby-Dick; or, The Whale</dc:title><dc:language>en</dc:language></metadata><manifest>"
        '<item id="cover" href="cover.png" media-type="image/png" properties="cover-image"/>'
        '<item id="text" href="text.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="text"/></spine></package>'
    )
    container = (
        '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="book/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    text = f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>Loomings</title></head><body><p>{TEXT}</p></body></html>'
    zipped(path, [
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", container),
        ("book/book.opf", opf),
        ("book/cover.png", png(picture(400, 600), 400, True)),
        ("book/text.xhtml", text),
    ])


def sound(path):
    """Three seconds of a bell, struck three times."""
    rate, frames = 22050, bytearray()
    for n in range(rate * 3):
        t = n / rate
        since = t % 1.0
        value = math.exp(-4 * since) * (math.sin(2 * math.pi * 440 * t) + 0.5 * math.sin(2 * math.pi * 1108 * t))
        frames += struct.pack("<h", int(16000 * value / 1.5))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(bytes(frames))


def svg():
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300"><rect width="400" height="300" fill="#bcd7e8"/>'
        '<rect y="190" width="400" height="110" fill="#2d5d7b"/><path d="M60 200 q70 -90 190 -60 q90 15 110 60 z" fill="#3a4148"/>'
        '<circle cx="110" cy="182" r="6" fill="#fff"/><path d="M340 180 l45 -50 l-5 55 z" fill="#3a4148"/></svg>'
    )


def ffmpeg(*words):
    program = shutil.which("ffmpeg")
    if program is None:
        return
    command = [program, "-nostdin", "-loglevel", "error", "-y", *words]
    subprocess.run(command, check=True)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    makers = {
        "page-scan-600dpi.tif": lambda path: path.write_bytes(tiff(page(5200, 7800, 16), 5200)),
        "page.png": lambda path: path.write_bytes(png(page(1300, 1950, 4), 1300, False)),
        "sea.png": lambda path: path.write_bytes(png(picture(900, 600), 900, True)),
        "sea.jpg": lambda path: ffmpeg("-i", str(folder / "sea.png"), "-q:v", "3", str(path)),
        "sea.gif": lambda path: ffmpeg("-i", str(folder / "sea.png"), "-vf", "scale=450:-1", str(path)),
        "whale.svg": lambda path: path.write_text(svg()),
        "whale.pdf": lambda path: path.write_bytes(pdf()),
        "whale.docx": lambda path: docx(path, False),
        "whale-with-preview.docx": lambda path: docx(path, True),
        "whale.epub": epub,
        "bell.wav": sound,
        "bell.mp3": lambda path: ffmpeg("-i", str(folder / "bell.wav"), "-b:a", "96k", str(path)),
        "sea.mp4": lambda path: ffmpeg(
            "-f", "lavfi", "-i", "color=black:s=640x360:d=1:r=25", "-loop", "1", "-t", "5", "-i", str(folder / "sea.png"),
            "-i", str(folder / "bell.wav"), "-filter_complex",
            "[1:v]scale=800:450,crop=640:360:x='min(160,20*t)':y=40,setsar=1,fps=25[sea];[0:v]setsar=1[dark];[dark][sea]concat=n=2:v=1:a=0[v]",
            "-map", "[v]", "-map", "2:a", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)),
    }
    for name, make in makers.items():
        path = folder / name
        if not path.exists():
            unfinished = folder / f"unfinished-{name}"
            make(unfinished)
            if unfinished.exists():
                unfinished.rename(path)


if __name__ == "__main__":
    main()
