"""Fetches public odd and broken files into a folder, for `shared/media/tests/corpus.rs`.

Usage: corpus.py [FOLDER], by default `.vitrine/corpus` beside the workspace. The files are the test data of well-known
parsers, taken from their source archives; pip fetches those from whatever index it is configured for, and refuses an
archive whose hash is not the one written here before anything in it runs. What is there already is kept.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

# Name as pip writes it, version, SHA-256 of the source archive.
ARCHIVES = [
    ("pillow", "11.3.0", "3828ee7586cd0b2091b6209e5ad53e20d0649bbe87164a459d0676e035e8f523"),
    ("pikepdf", "10.18.0", "cb555ebff93482e8a6eb55881488b469bbb2b5675161c1b93a0510a8642d98d0"),
    ("pypdf", "7.1.0", "ca3fa902369e98a6d2cb7b56396de902b72ef9bb3c1e8706c1bfc7d8bd0cf0d7"),
    ("mutagen", "1.48.1", "8f95637ab9f6f305cec6bd1294e197debe207998e3e068596563c74f86b0a173"),
    ("hachoir", "3.4.0", "7f88018d58ef42b5dcd8ff51f2a6191abf3ade38eee8da11acd93f5a7d9cf8f8"),
    ("python-docx", "1.2.0", "7bc9d7b7d8a69c9c02ca09216118c86552704edc23bac179283f2e38f86220ce"),
    ("python-pptx", "1.0.2", "479a8af0eaf0f0d76b6f00b0887732874ad2e3188230315290cd1f9dd9cc7095"),
]
# Programs and their documentation: text like any other, and most of each archive.
LEFT_OUT = set(".py .pyi .pyx .c .h .cpp .rst .md .toml .cfg .ini .in .yml .yaml .feature .po .js .css .lock".split())
MAX_FILE_BYTES = 64 << 20
MAX_TOTAL_BYTES = 1 << 30


def fetch(name: str, version: str, sha256: str, folder: Path) -> Path:
    """Downloads one source archive, verified by pip against `sha256`, and returns where it is."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{name}=={version} --hash=sha256:{sha256}\n")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "--no-binary", name, "--dest", str(folder), "-r", str(wanted)], check=True)
    for archive in folder.glob("*.tar.gz"):
        with archive.open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() == sha256:
                return archive
    raise SystemExit(f"corpus: {name} {version} did not arrive with its hash")


def unpack(archive: Path, folder: Path) -> int:
    """Takes regular files of sane size, nothing that could land outside `folder`; returns how many."""
    taken = total = 0
    with tarfile.open(archive) as opened:
        for member in opened:
            total += member.size
            if total > MAX_TOTAL_BYTES:
                raise SystemExit(f"corpus: {archive.name} holds more than {MAX_TOTAL_BYTES} bytes")
            if not member.isfile() or member.size > MAX_FILE_BYTES or Path(member.name).suffix in LEFT_OUT:
                continue
            opened.extract(member, folder, filter="data")
            taken += 1
    return taken


def main() -> None:
    default = Path(__file__).resolve().parents[2] / ".vitrine" / "corpus"
    corpus = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    complete = corpus / "complete.json"
    pins = json.dumps(ARCHIVES)
    if complete.exists() and complete.read_text() == pins:
        print(f"corpus: {corpus} is complete")
        return
    files = corpus / "files"
    shutil.rmtree(files, ignore_errors=True)
    files.mkdir(parents=True)
    for name, version, sha256 in ARCHIVES:
        with tempfile.TemporaryDirectory() as folder:
            taken = unpack(fetch(name, version, sha256, Path(folder)), files)
        print(f"corpus: {taken} files of {name} {version}", flush=True)
    # Written last: a corpus that was cut off is fetched anew.
    complete.write_text(pins)


if __name__ == "__main__":
    main()
