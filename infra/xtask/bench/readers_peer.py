"""Reads a metadata file with the reader that its format usually has in Python, and says how many rows it has.

A third argument has each record of MARCXML written as MARCXML again.
"""

import sys


def csv(path):
    import csv

    with open(path, newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.DictReader(file))


def xlsx(path):
    import openpyxl

    sheet = openpyxl.load_workbook(path, read_only=True).active
    return sum(1 for _ in sheet.iter_rows(values_only=True)) - 1


def marc(path):
    from pymarc import MARCReader

    with open(path, "rb") as file:
        return sum(1 for record in MARCReader(file) if record is not None)


def marcxml(path):
    from pymarc import map_xml, record_to_xml

    count, writes = 0, len(sys.argv) > 3

    def take(record):
        nonlocal count
        count += 1
        if writes:
            record_to_xml(record, namespace=True)

    map_xml(take, path)
    return count


readers = {"CSV": csv, "XLSX": xlsx, "MARC": marc, "MARCXML": marcxml}
print(readers[sys.argv[1]](sys.argv[2]), "rows, 0 errors")
