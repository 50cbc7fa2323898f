"""Data sets of real firms. They are not part of the repository: a test that needs an absent one is skipped."""

import os
from pathlib import Path

import pytest

# Read at import: the tests run without the GHOSTING_* variables of whoever starts them.
FOLDER = Path(os.environ.get("GHOSTING_DATA") or Path(__file__).parents[2] / "shared" / "data")


def dataset(name: str) -> Path:
    """Give the path of a data set, or skip the test that asks for it."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"data absent: {path}; GHOSTING_DATA names the folder that has it")
    return path
