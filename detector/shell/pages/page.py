"""Writes a page of the documentation that is made from code, or compares it with the committed one."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def write_or_check(page: Path, text: str, arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` only compare; 1 = it is out of date."""
    parser = argparse.ArgumentParser(description=f"Writes {page.name}.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it would change something")
    if not parser.parse_args(arguments).check:
        page.write_text(text, encoding="utf-8")
        return 0
    if page.is_file() and page.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{page} is out of date: run make docs and review the diff\n")
    return 1
