"""A mapping file: TOML text in, a mapper out, or one line that says which line is wrong."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from detector.mapping.context import Context
from detector.mapping.errors import MappingError, PlaceError, Trail, check_keys
from detector.mapping.firm import Firm
from detector.mapping.lines import placed
from detector.mapping.mapper import SHAPE_KEYS, Mapper, Reshape, Shape
from detector.mapping.paths import parse as parse_path

Node = Any
TOP_KEYS: Final = ("tool", "about", "reshape", "columns", "tables", "exponents", "shape", *SHAPE_KEYS)
TABLE_KEYS: Final = ("file", "key", "value")
ReadTable = Callable[[str, str, str], Mapping[str, str]]


def _no_table(file: str, _: str, __: str) -> Mapping[str, str]:
    raise MappingError(f"{file} cannot be read from here")


@dataclass(frozen=True)
class Library:
    """What a mapping can refer to outside of itself.

    Parameters
    ----------
    preset
        Returns the text of a preset by its name; raises `KeyError` if there is none.
    reshapes
        Readers in Python by name.
    read_table
        Reads two columns of a CSV file: file, key, value.

    """

    preset: Callable[[str], str]
    reshapes: Mapping[str, Callable[[Firm], Reshape]]
    read_table: ReadTable = _no_table


def parse(text: str, name: str) -> dict[str, Node]:
    """Parse the TOML of a mapping.

    Raises
    ------
    MappingError
        If it is none, with the line.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MappingError(f"{name} is not TOML: {error}") from None


def compile_mapping(text: str, name: str, firm: Firm, library: Library, *, inside_of: tuple[str, ...] = ()) -> Mapper:
    """Compile a mapping file.

    Parameters
    ----------
    text
        The file.
    name
        Its name, for messages.
    firm
        Settings of the firm.
    library
        Presets, readers and tables that it can refer to.
    inside_of
        Names of the mappings that are being compiled around this one.

    Raises
    ------
    MappingError
        If the file cannot be used, with the line.
    """
    document = parse(text, name)
    try:
        return _compiled(document, name, firm, library, inside_of)
    except PlaceError as error:
        raise placed(error, text, name) from None


def _compiled(document: dict[str, Node], name: str, firm: Firm, library: Library, inside_of: tuple[str, ...]) -> Mapper:
    check_keys(document, TOP_KEYS, ())
    tool = document.get("tool")
    if not isinstance(tool, str) or not tool:
        raise PlaceError(("tool",), "write the name of the tool: tool = 'my-crm'")
    context = Context(firm, _lets(document), _tables(document, library), _exponents(document))

    def preset(inner: str, trail: Trail) -> Mapper:
        chain = (*inside_of, name, inner)
        if inner in chain[:-1]:
            raise PlaceError(trail, f"a mapping cannot be inside of itself: {' -> '.join(chain)}")
        try:
            inner_text = library.preset(inner)
        except KeyError:
            raise PlaceError(trail, f"{inner!r} is no preset; `ghosting map list` names them") from None
        return compile_mapping(inner_text, inner, firm, library, inside_of=(*inside_of, name))

    nodes = _shapes(document)
    shapes = tuple(Shape(node, tool, context, trail, preset) for node, trail in nodes)
    reshape = document.get("reshape")
    if reshape is not None and reshape not in library.reshapes:
        raise PlaceError(("reshape",), f"{reshape!r} should be {', '.join(sorted(library.reshapes))}")
    return Mapper(
        tool, shapes, library.reshapes[reshape](firm) if reshape else None, reads_headers="headers." in repr(nodes)
    )


def _shapes(document: dict[str, Node]) -> list[tuple[dict[str, Node], Trail]]:
    """Return the shapes of a mapping; one without [[shape]] is a shape itself."""
    if "shape" not in document:
        return [({key: node for key, node in document.items() if key in SHAPE_KEYS and key != "let"}, ())]
    if lonely := [key for key in SHAPE_KEYS if key in document and key != "let"]:
        raise PlaceError((lonely[0],), "stands beside [[shape]]; move it into a shape: [[shape.drop]] and the like")
    shapes = document["shape"]
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise PlaceError(("shape",), "should be written [[shape]]")
    for place, shape in enumerate(shapes):
        check_keys(shape, SHAPE_KEYS, ("shape", place))
    return [(shape, ("shape", place)) for place, shape in enumerate(shapes)]


def _lets(document: dict[str, Node]) -> dict[str, tuple[Trail, Node]]:
    lets = document.get("let", {})
    if not isinstance(lets, dict):
        raise PlaceError(("let",), "should be a table")
    return {name: (("let", name), node) for name, node in lets.items()}


def _tables(document: dict[str, Node], library: Library) -> dict[str, Mapping[str, str]]:
    tables = document.get("tables", {})
    if not isinstance(tables, dict):
        raise PlaceError(("tables",), "should be tables: [tables.NAME]")
    read = {}
    for name, node in tables.items():
        trail = ("tables", name)
        if not isinstance(node, dict):
            raise PlaceError(trail, "should be a table with file, key and value")
        check_keys(node, TABLE_KEYS, trail)
        given = [node.get(key) for key in TABLE_KEYS]
        if not all(isinstance(word, str) and word for word in given):
            raise PlaceError(trail, "needs file, key and value: the file and the names of two of its columns")
        file, key, value = (str(word) for word in given)
        read[name] = library.read_table(file, key, value)
    return read


def _exponents(document: dict[str, Node]) -> dict[str, Mapping[str, int]]:
    tables = document.get("exponents", {})
    if not isinstance(tables, dict):
        raise PlaceError(("exponents",), "should be tables: [exponents.NAME]")
    for name, table in tables.items():
        if not isinstance(table, dict) or not all(isinstance(digits, int) for digits in table.values()):
            raise PlaceError(("exponents", name), "should be a table of digits: JPY = 0")
    return tables


def wanted_of(document: Mapping[str, Node]) -> frozenset[str] | None:
    """Return the names at the top of all paths of a mapping, or None if that cannot be said."""
    if "reshape" in document:
        return None
    names: set[str] = set()
    for path in _paths(document):
        first = parse_path(path, ())[0]
        if not isinstance(first, str) or first.startswith("*"):
            return None
        names.add(first)
    return frozenset(names)


def _paths(node: Node) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _paths(item)
    elif isinstance(node, dict):
        for key, inner in node.items():
            if key in ("path", "has"):
                yield from [inner] if isinstance(inner, str) else inner
            else:
                yield from _paths(inner)


def columns_of(document: Mapping[str, Node]) -> list[str] | None:
    """Return the names of the columns of a CSV without a header, or None."""
    columns = document.get("columns")
    return columns if isinstance(columns, list) and all(isinstance(name, str) for name in columns) else None
