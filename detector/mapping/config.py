"""The file in which a firm says once what its mappings need: TOML or JSON, and the CSV with its known clients."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from detector.mapping import records
from detector.mapping.errors import MappingError
from detector.mapping.firm import Firm, Known, address
from detector.mapping.text import id_of

TEXTS: Final = ("time_zone", "country_code", "trunk_prefix", "own_extension", "debezium_table", "clients")
LISTS: Final = ("own_domains", "own_numbers", "inbound_contexts")
KEYS: Final = (*TEXTS, *LISTS)
WORDS: Final = ("inbound_contexts", "debezium_table")
BYTES_MAX: Final = 1024 * 1024
COUNTRY_CODE: Final = re.compile(r"\+?[1-9]\d{0,3}")


def load(path: Path, *, secret: bytes | None = None, table: str | None = None) -> Firm:
    """Read the settings of a firm.

    Parameters
    ----------
    path
        TOML or JSON; `clients` in it is relative to its folder.
    secret
        Key of the HMAC that replaces ids; from the environment, never from the file.
    table
        The table of the file that holds the settings; None = they are the whole file.

    Raises
    ------
    MappingError
        If it cannot be used, with the line.
    """
    try:
        text = path.read_bytes()[:BYTES_MAX].decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    given = _parsed(text, path)
    above = 0
    if table is not None:
        given, above = _table(given, table, path), max(text.find(f"[{table}]"), 0)

    def line(key: str) -> int:
        """Find a key of the table, and not one of the same name above it."""
        return text.count("\n", 0, above) + _line(text[above:], key)

    def wrong(key: str, message: str) -> MappingError:
        return MappingError(f"{path}, line {line(key)}: {key} {message}")

    for key, value in given.items():
        if key not in KEYS:
            raise MappingError(f"{path}, line {line(key)}: unknown key {key!r}; known are {', '.join(KEYS)}")
        if value is None:  # in JSON: not said
            continue
        if key in TEXTS and not isinstance(value, str):
            raise wrong(key, "should be a text")
        if key in LISTS and not (isinstance(value, list) and all(isinstance(word, str) for word in value)):
            raise wrong(key, "should be a list of texts")
    return _firm({key: value for key, value in given.items() if value is not None}, path, wrong, secret)


def _firm(given: Mapping[str, Any], path: Path, wrong: Any, secret: bytes | None) -> Firm:  # noqa: ANN401 (a function)
    try:
        zone = ZoneInfo(given.get("time_zone") or "UTC")
    except (ValueError, OSError, KeyError):
        raise wrong("time_zone", "should be a name such as Europe/Berlin") from None
    code = given.get("country_code") or ""
    if code and not COUNTRY_CODE.fullmatch(code):
        raise wrong("country_code", "should be the digits of a country, such as 49")
    try:
        extension = re.compile(given["own_extension"]) if given.get("own_extension") else None
    except re.error as error:
        raise wrong("own_extension", f"is no regular expression: {error}") from None
    words = {
        name: frozenset([given[name]] if isinstance(given[name], str) else given[name])
        for name in WORDS
        if given.get(name)
    }
    plain = Firm(zone=zone, country_code=code.removeprefix("+"), trunk_prefix=given.get("trunk_prefix") or "")
    numbers = frozenset(number for number in map(plain.number, given.get("own_numbers", ())) if number)
    clients = known_clients(path.parent / given["clients"], plain) if given.get("clients") else {}
    return Firm(
        zone=zone,
        own_domains=frozenset(domain.strip().lower().removeprefix("@") for domain in given.get("own_domains", ())),
        own_numbers=numbers,
        country_code=plain.country_code,
        trunk_prefix=plain.trunk_prefix,
        own_extension=extension,
        words=words,
        clients=clients,
        secret=secret,
    )


def _parsed(text: str, path: Path) -> dict[str, Any]:
    """Parse TOML, or JSON if it begins with a brace."""
    try:
        given = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except json.JSONDecodeError as error:
        raise MappingError(f"{path}, line {error.lineno} is not JSON: {error.msg}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MappingError(f"{path} is not TOML: {error}") from None
    if not isinstance(given, dict):
        raise MappingError(f"{path} should be an object")
    return given


def _table(given: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = given.get(name, {})
    if not isinstance(table, dict):
        raise MappingError(f"{path}: {name} should be a table: [{name}]")
    return table


def _line(text: str, key: str) -> int:
    wanted = re.compile(rf"""(?<!\w)["']?{re.escape(key)}["']?\s*[=:]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if wanted.search(line)), 1)


def known_clients(path: Path, firm: Firm) -> dict[str, Known]:
    """Read the CSV of known clients: columns `address`, `client_id` and perhaps `account_id`.

    Raises
    ------
    MappingError
        If it cannot be read or lacks a column.
    """
    known: dict[str, Known] = {}
    for row in _rows(path, ("address", "client_id")):
        client_id = id_of(row.get("client_id"))
        given = row.get("address")
        normal = address(given) if isinstance(given, str) and "@" in given else firm.number(given)
        if client_id and normal:
            known[normal] = Known(client_id, id_of(row.get("account_id")))
    return known


def read_table(path: Path, key: str, value: str) -> dict[str, str]:
    """Read two columns of a CSV as a lookup table.

    Raises
    ------
    MappingError
        If it cannot be read or lacks a column.
    """
    pairs = ((id_of(row.get(key)), id_of(row.get(value))) for row in _rows(path, (key, value)))
    return {name: to for name, to in pairs if name and to}


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    rows = [record.value for record in records.read(path) if isinstance(record.value, dict)]
    if rows and (missing := [column for column in columns if column not in rows[0]]):
        raise MappingError(f"{path} has no column {', '.join(missing)}")
    return rows
