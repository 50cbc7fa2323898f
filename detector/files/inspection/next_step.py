"""Decide what to do next with files that were inspected: a command, ready to paste, or what the files still need.

Files that are not of the contract need a mapping; whoever calls `next_step` says which one fits.
"""

import shlex
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

from detector.files.table import OBLIGATORY

NAMES: Final = {
    # Column of the contract: how exports call it, in small letters and without blanks and the like.
    "client_id": (
        "clientid", "client", "customerid", "customer", "customeremail", "email", "contactid", "contact", "userid",
        "user", "accountid", "account", "kundennummer", "kunde", "kundennr",
    ),
    "at": (
        "at", "createdat", "created", "date", "datetime", "timestamp", "time", "orderdate", "invoicedate", "paidat",
        "processedat", "occurredat", "datum", "eventtime",
    ),
    "kind": ("kind", "type", "eventtype", "activitytype", "channel"),
    "direction": ("direction", "inout", "richtung"),
    "amount": ("amount", "total", "totalprice", "price", "value", "betrag", "summe"),
    "currency": ("currency", "currencycode", "waehrung", "wahrung"),
}  # fmt: skip


class NextStep(NamedTuple):
    """What to do next.

    Parameters
    ----------
    command
        Ready to paste; None = the files have to be changed first.
    why
        What stands in the way, or what the options of the command are for.
    """

    command: str | None
    why: list[str]


def next_step(
    paths: Sequence[str],
    columns: Sequence[Collection[str]],
    options: dict[str, str],
    *,
    preset_of: Callable[[str], str | None],
    is_recent: bool,
    mapped_with: str = "",
) -> NextStep:
    """Decide what to do next.

    Parameters
    ----------
    paths, columns
        The files, and the columns that each has.
    options
        What has to be declared, with the reason of each.
    preset_of
        Returns the mapping that fits a file which is not of the contract, if there is one.
    is_recent
        Whether the last row is so new that silences can be watched up to now.
    mapped_with
        The options by which the files were mapped, if they were.
    """
    why = [f"{option}: {reason}" for option, reason in options.items()]
    until = ["--until now"] if is_recent else []
    if mapped_with:
        return NextStep(_replay(paths, mapped_with, *until), why)
    other_tools = {}
    for path, names in zip(paths, columns, strict=True):
        missing = [name for name in OBLIGATORY if name not in names]
        if missing and (preset := preset_of(path)):
            other_tools[path] = preset
        elif missing:
            return NextStep(None, [*why, *_renamings(path, missing, sorted(names))])
    if other_tools:
        return _mapped(other_tools, until)
    return NextStep(_replay(paths, *until, *options), why)


def _mapped(presets: dict[str, str], until: list[str]) -> NextStep:
    """Decide what to do with files of other tools, each with the preset that fits it."""
    why = [f"{path} reads like one of {preset}" for path, preset in presets.items()]
    path, preset = next(iter(presets.items()))
    why.append(f"`ghosting map {preset} --try {shlex.quote(path)}` shows what becomes of each record")
    why.append("--config FILE holds the zone, domains, numbers and known clients of your firm (docs/mapping.md)")
    with_all = preset if len(set(presets.values())) == 1 else "auto"
    return NextStep(_replay(list(presets), f"--map {with_all}", *until), why)


def _replay(paths: Sequence[str], *options: str) -> str:
    return " ".join(["ghosting replay", *map(shlex.quote, paths), "--alerts alerts.jsonl", *options])


def _renamings(path: str, missing: Sequence[str], names: Sequence[str]) -> list[str]:
    lines = []
    for field in missing:
        alike = [name for name in names if _letters(name) in NAMES[field]]
        if alike:
            lines.append(f"{path}: rename the column {alike[0]!r} to {field!r}")
        else:
            lines.append(f"{path}: add a column {field!r}")
    return lines


def _letters(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
