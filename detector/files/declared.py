"""What the user declares about files, because the files themselves do not say it."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

TimeUnit = Literal["s", "ms", "us", "excel-days"]
TIME_UNITS: Final = get_args(TimeUnit)
_EXCEL_EPOCH_DAYS = 25_569  # Excel's day 0 is 1899-12-30; 1970-01-01 is this day
_DAY_S = 86_400


@dataclass(frozen=True)
class Declared:
    """How files are to be read.

    Parameters
    ----------
    in_order
        Keep the order of each file, as a stream has it; else all rows are sorted by their own times.
    encoding
        Of files that are not UTF-8; None = found by the bytes.
    decimal_comma
        Whether numbers in cells of CSV are written `1.013,50`.
    times_in
        Unit of times that are numbers; `excel-days` are taken as UTC.
    keep_far
        Keep rows that lie far from all others in time; else they are refused as mistyped.
    """

    in_order: bool = False
    encoding: str | None = None
    decimal_comma: bool = False
    times_in: TimeUnit = "s"
    keep_far: bool = False

    def seconds(self, number: float) -> float:
        """Convert a time that is a number to seconds since 1970.

        >>> Declared(times_in="excel-days").seconds(45720)
        1741046400.0
        >>> Declared(times_in="ms").seconds(1741082400000)
        1741082400.0
        """
        if self.times_in == "excel-days":
            return round(float(number - _EXCEL_EPOCH_DAYS) * _DAY_S, 3)
        return number / {"s": 1, "ms": 1_000, "us": 1_000_000}[self.times_in]
