"""The presets that come with the product, and how a preset or a mapping file of one's own becomes a mapper."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from detector.mapping import config
from detector.mapping.errors import MappingError
from detector.mapping.firm import Firm
from detector.mapping.mapper import Mapper
from detector.mapping.mapping_file import Library, columns_of, compile_mapping, wanted_of
from detector.mapping.presets import RESHAPES

HOME = resources.files("detector.mapping.presets")
SUFFIX = ".toml"


class Preset(NamedTuple):
    """A mapping, compiled, and what a reader of files has to know for it."""

    name: str
    mapper: Mapper
    columns: list[str] | None
    wanted: frozenset[str] | None


@cache
def names() -> tuple[str, ...]:
    """Return the names of all presets."""
    found = (entry.name for entry in HOME.iterdir())
    return tuple(sorted(name.removesuffix(SUFFIX) for name in found if name.endswith(SUFFIX)))


def text_of(name: str) -> str:
    """Return the text of a preset.

    Raises
    ------
    KeyError
        If there is none of this name.
    """
    if name not in names():
        raise KeyError(name)
    return HOME.joinpath(name + SUFFIX).read_text(encoding="utf-8")


def about(name: str) -> str:
    """Return the one line that says what a preset reads."""
    return str(tomllib.loads(text_of(name)).get("about", ""))


def load(name: str, firm: Firm) -> Preset:
    """Compile a preset, or the mapping file of a path.

    Parameters
    ----------
    name
        Name of a preset; else the path of a file.
    firm
        Settings of the firm.

    Raises
    ------
    MappingError
        If there is neither, or it cannot be used.
    """
    if name in names():
        text, folder = text_of(name), Path()
    else:
        path = Path(name)
        try:
            text, folder = path.read_text(encoding="utf-8"), path.parent
        except (OSError, UnicodeDecodeError) as error:
            what = getattr(error, "strerror", None) or "not UTF-8"
            raise MappingError(
                f"{name} is no preset ({', '.join(names())}), and as a file it cannot be read: {what}"
            ) from None

    def read_table(file: str, key: str, value: str) -> Mapping[str, str]:
        return config.read_table(folder / file, key, value)

    mapper = compile_mapping(text, name, firm, Library(text_of, RESHAPES, read_table))
    document = tomllib.loads(text)
    return Preset(name, mapper, columns_of(document), wanted_of(document))
