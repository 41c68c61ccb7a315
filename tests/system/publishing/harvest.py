"""Harvests every record in one format with Sickle, and writes each as a line of JSON.

Usage: harvest.py ADDRESS FORMAT.
"""

import json
import sys

from sickle import Sickle

address, format = sys.argv[1:]
for record in Sickle(address).ListRecords(metadataPrefix=format):
    metadata = record.xml.find("{*}metadata")
    line = {
        "identifier": record.header.identifier,
        "deleted": record.deleted,
        "stamp": record.header.datestamp,
        "words": "" if metadata is None else " ".join(metadata.itertext()),
    }
    print(json.dumps(line))
