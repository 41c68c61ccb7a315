"""Makes the metadata files of `cargo xtask bench`: the same titles as CSV, XLSX, binary MARC 21 and MARCXML."""

import csv
import random
import sys
from pathlib import Path

from openpyxl import Workbook
from pymarc import Field, Indicators, MARCWriter, Record, Subfield, XMLWriter

HEADER = [
    "group_id", "dc:title", "dc:creator", "dc:contributor", "dc:subject", "dc:description", "dc:publisher", "dc:date",
    "dc:identifier", "dc:language", "rep_label", "file_name_1", "file_label_1",
]
WORDS = "sea river map town Grüße harbour atlas 'quoted' \"said\" survey, coast; chart History Señor of the and".split()


def titles(count):
    lots = random.Random(7)
    for number in range(1, count + 1):
        text = lambda least, most: " ".join(lots.choices(WORDS, k=lots.randint(least, most)))
        yield [
            "", f"{text(3, 9)} {number}", text(2, 3), text(2, 3), text(1, 4), text(20, 60), text(2, 5),
            str(lots.randint(1700, 2020)), f"local:{number}", "eng", "Scans", f"scans/{number:06}.tif", f"Page of {number}",
        ]


def record(row):
    made = Record(force_utf8=True, leader="00000nam a2200000 a 4500")
    field = lambda tag, *parts: made.add_field(
        Field(tag=tag, indicators=Indicators(" ", " "), subfields=[Subfield(code, value) for code, value in parts])
    )
    made.add_field(Field(tag="001", data=row[8]))
    made.add_field(Field(tag="008", data="260101s2000    xx            000 0 eng d"))
    field("100", ("a", row[2]))
    field("245", ("a", row[1]), ("c", row[2]))
    field("264", ("b", row[6]), ("c", row[7]))
    field("520", ("a", row[5]))
    field("650", ("a", row[4]))
    field("700", ("a", row[3]))
    field("856", ("u", row[11]), ("z", row[12]))
    return made


def main(folder, count):
    folder = Path(folder)
    sheet = Workbook(write_only=True)
    page = sheet.create_sheet()
    page.append(HEADER)
    with (
        open(folder / "titles.csv", "w", newline="", encoding="utf-8") as table,
        open(folder / "titles.mrc", "wb") as binary,
        open(folder / "titles.xml", "wb") as markup,
    ):
        rows, records, collection = csv.writer(table), MARCWriter(binary), XMLWriter(markup)
        rows.writerow(HEADER)
        for row in titles(count):
            rows.writerow(row)
            page.append(row)
            records.write(record(row))
            collection.write(record(row))
        records.close()
        collection.close()
    sheet.save(folder / "titles.xlsx")


main(sys.argv[1], int(sys.argv[2]))
