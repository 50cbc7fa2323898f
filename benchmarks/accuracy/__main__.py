"""Measure everything, print it, and write it to benchmarks/ACCURACY.md: `make accuracy`."""

from collections.abc import Callable, Iterator

from benchmarks.accuracy import (
    cdnow,
    decline,
    messages_false_alerts,
    missed_contacts,
    outlook,
    reference,
    retail_false_alerts,
    simulated_false_alerts,
    speed,
)
from benchmarks.accuracy.logs import ROOT, Row

TABLE = ROOT / "benchmarks" / "ACCURACY.md"
PARTS: tuple[Callable[[], Iterator[Row]], ...] = (
    retail_false_alerts.rows,
    messages_false_alerts.rows,
    simulated_false_alerts.rows,
    missed_contacts.rows,
    cdnow.rows,
    outlook.rows,
    decline.rows,
    speed.rows,
    reference.rows,
)
HEAD = """\
# Accuracy

Made by `make accuracy`, with the data folder in `GHOSTING_DATA`. What each figure means, and on which data it rests, is
said at the top of the file in `benchmarks/accuracy` that makes it. F = false silence alerts promised per client-year.

| what | to reach | measured | |
|---|---|---|---|
"""


def main() -> None:
    """Run the parts in the order of the table."""
    lines = []
    words = {True: "reached", False: "missed", None: ""}
    for part in PARTS:
        for row in part():
            lines.append(f"| {row.what} | {row.goal} | {row.measured} | {words[row.reached]} |\n")
            print(lines[-1], end="", flush=True)
    TABLE.write_text(HEAD + "".join(lines), encoding="utf-8")


main()
