"""Write results: a file appears when it is complete, and what goes wrong is one line."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from detector.files.problem import InputError

STANDARD: Final = "-"
"""Standard input, or output."""


class _Output(io.FileIO):
    """A file whose errors are one line each; behind a buffer they show when the buffer is emptied."""

    def __init__(self, path: str, file: Path | int) -> None:
        self._path = path
        try:
            super().__init__(file, "wb", closefd=isinstance(file, Path))
        except OSError as error:
            raise self._problem(error) from None

    def write(self, data: Any) -> int:  # noqa: ANN401 (a buffer, which has no type in 3.11)
        try:
            return super().write(data)
        except BrokenPipeError:  # whoever read it has seen enough: the command line ends quietly
            raise
        except OSError as error:
            raise self._problem(error) from None

    def _problem(self, error: OSError) -> InputError:
        return InputError(f"{self._path} cannot be written: {error.strerror}")


@contextmanager
def writing(path: str) -> Iterator[IO[bytes]]:
    """Write a file that appears when it is complete, so that a failure leaves what was there; `-` is standard output.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    target = Path(path)
    if path == STANDARD or (target.exists() and not target.is_file()):
        # Standard output, a pipe or /dev/null is written to, not replaced.
        with io.BufferedWriter(_Output(path, sys.stdout.fileno() if path == STANDARD else target)) as out:
            yield out
        return
    part = target.with_name(f"{target.name}.part")
    try:
        with io.BufferedWriter(_Output(path, part)) as out:
            yield out
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
