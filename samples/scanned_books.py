"""Makes a folder of scanned books for an import: page images and one MARCXML file that names them.

Usage: scanned_books.py FOLDER. Eight books of 27 pages each, rendered from the openings of novels that are in the
public domain everywhere. Python's standard library is enough. What is there already is kept.
"""

import sys
from pathlib import Path
from xml.sax.saxutils import escape

from make import GLYPHS, png

WIDTH, HEIGHT, SCALE = 620, 880, 2
PAGES = 27

DIGITS = {
    "0": "0e11131519110e", "1": "040c040404040e", "2": "0e11010204081f", "3": "1f02040201110e", "4": "02060a121f0202",
    "5": "1f101e0101110e", "6": "0608101e11110e", "7": "1f010204080808", "8": "0e11110e11110e", "9": "0e11110f01020c",
    "'": "04040800000000", ":": "000c0c000c0c00", "!": "04040404000004",
}

BOOKS = [
    ("alice", "Alice's Adventures in Wonderland", "Carroll, Lewis", "1865",
     "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once or "
     "twice she had peeped into the book her sister was reading, but it had no pictures or conversations in it. So she "
     "was considering in her own mind, as well as she could, for the hot day made her feel very sleepy and stupid, "
     "whether the pleasure of making a daisy-chain would be worth the trouble of getting up and picking the daisies."),
    ("dracula", "Dracula", "Stoker, Bram", "1897",
     "Left Munich at 8:35 P.M., on 1st May, arriving at Vienna early next morning; should have arrived at 6:46, but "
     "train was an hour late. Buda-Pesth seems a wonderful place, from the glimpse which I got of it from the train "
     "and the little I could walk through the streets. I feared to go very far from the station, as we had arrived "
     "late and would start as near the correct time as possible."),
    ("expectations", "Great Expectations", "Dickens, Charles", "1861",
     "My father's family name being Pirrip, and my Christian name Philip, my infant tongue could make of both names "
     "nothing longer or more explicit than Pip. So, I called myself Pip, and came to be called Pip."),
    ("frankenstein", "Frankenstein", "Shelley, Mary Wollstonecraft", "1818",
     "You will rejoice to hear that no disaster has accompanied the commencement of an enterprise which you have "
     "regarded with such evil forebodings. I arrived here yesterday, and my first task is to assure my dear sister of "
     "my welfare and increasing confidence in the success of my undertaking."),
    ("pride", "Pride and Prejudice", "Austen, Jane", "1813",
     "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a "
     "wife. However little known the feelings or views of such a man may be on his first entering a neighbourhood, "
     "this truth is so well fixed in the minds of the surrounding families, that he is considered the rightful "
     "property of some one or other of their daughters."),
    ("time-machine", "The Time Machine", "Wells, H. G.", "1895",
     "The Time Traveller, for so it will be convenient to speak of him, was expounding a recondite matter to us. His "
     "grey eyes shone and twinkled, and his usually pale face was flushed and animated. The fire burned brightly, and "
     "the soft radiance of the incandescent lights in the lilies of silver caught the bubbles that flashed and passed "
     "in our glasses."),
    ("two-cities", "A Tale of Two Cities", "Dickens, Charles", "1859",
     "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it "
     "was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
     "Darkness, it was the spring of hope, it was the winter of despair."),
    ("whale", "Moby-Dick; or, The Whale", "Melville, Herman", "1851",
     "Call me Ishmael. Some years ago - never mind how long precisely - having little or no money in my purse, and "
     "nothing particular to interest me on shore, I thought I would sail about a little and see the watery part of "
     "the world. It is a way I have of driving off the spleen and regulating the circulation."),
]


def set_line(line, columns):
    """The seven rows of dots of a line, each as a list of marked columns."""
    rows = []
    for y in range(7):
        marks = []
        for column, letter in enumerate(line[:columns]):
            dots = int((GLYPHS | DIGITS).get(letter, GLYPHS[" "])[2 * y : 2 * y + 2], 16)
            marks.extend(column * 6 + x for x in range(5) if dots >> (4 - x) & 1)
        rows.append(marks)
    return rows


def page(title, text, number):
    """One page as rows of grey bytes: a running title, the text from a place of its own, the page number."""
    margin = 16 * SCALE
    columns = (WIDTH - 2 * margin) // (6 * SCALE)
    words = text.upper().split()
    start = number * 37 % len(words)
    lines, line = [title.upper()[:columns].center(columns), ""], ""
    at = start
    room = (HEIGHT - 4 * margin) // (12 * SCALE)
    while len(lines) < room:
        word = words[at % len(words)]
        at += 1
        if len(line) + len(word) + 1 > columns:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    lines += ["", f"- {number} -".center(columns)]
    blank = bytes([246]) * WIDTH
    rows = [blank] * margin
    for line in lines:
        for marks in set_line(line, columns):
            row = bytearray(blank)
            for mark in marks:
                left = margin + mark * SCALE
                row[left : left + SCALE] = bytes([36]) * SCALE
            rows.extend([bytes(row)] * SCALE)
        rows.extend([blank] * (5 * SCALE))
    rows.extend([blank] * HEIGHT)
    return rows[:HEIGHT]


def record(code, title, author, year, pages):
    """A MARC record with one 856 a page."""
    files = "".join(
        f'<datafield tag="856" ind1="4" ind2="1"><subfield code="u">{code}/{name}</subfield></datafield>\n' for name in pages
    )
    return (
        f'<record><leader>00000nam a2200000 a 4500</leader><controlfield tag="001">scan-{code}</controlfield>\n'
        f'<controlfield tag="008">261124s{year}    xx            000 1 eng d</controlfield>\n'
        f'<datafield tag="100" ind1="1" ind2=" "><subfield code="a">{escape(author)}</subfield></datafield>\n'
        f'<datafield tag="245" ind1="1" ind2="0"><subfield code="a">{escape(title)}</subfield></datafield>\n'
        f'<datafield tag="264" ind1=" " ind2="1"><subfield code="c">{year}</subfield></datafield>\n{files}</record>\n'
    )


def main():
    folder = Path(sys.argv[1])
    records = []
    for code, title, author, year, text in BOOKS:
        (folder / code).mkdir(parents=True, exist_ok=True)
        names = [f"{number:04}.png" for number in range(1, PAGES + 1)]
        for number, name in enumerate(names, 1):
            path = folder / code / name
            if not path.exists():
                half = path.with_suffix(".part")
                half.write_bytes(png(page(title, text, number), WIDTH, 0))
                half.rename(path)
        records.append(record(code, title, author, year, names))
    marc = folder / "marc.xml"
    if not marc.exists():
        head = '<?xml version="1.0" encoding="UTF-8"?>\n<collection xmlns="http://www.loc.gov/MARC21/slim">\n'
        marc.write_text(head + "".join(records) + "</collection>\n", encoding="utf-8")


main()
