"""The settings as they were given: which place wins, where each value comes from, and what is wrong with it.

The only reader of the environment. A flag wins over the environment (GHOSTING_*), which wins over the TOML file that
GHOSTING_CONFIG names, which wins over the default.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from detector.shell.config import connection, forwarding
from detector.shell.config.settings import PREFIX, Settings, SettingsError, fields, variable

FILE_VARIABLE = f"{PREFIX}CONFIG"
DATA_VARIABLE = f"{PREFIX}DATA"  # the folder of data sets, which tests and `make accuracy` read; no setting

# A Kubernetes service called `ghosting` puts these into every pod beside it; they are nobody's typing error.
_OF_KUBERNETES = re.compile(
    rf"{PREFIX}([A-Z0-9_]+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)

# Settings whose values are not repeated, not even the wrong ones.
_SECRET = frozenset({*connection.SECRETS, *forwarding.SECRETS})

Origin = Literal["default", "file", "environment", "flag"]


class Effective(NamedTuple):
    """One setting as it is in force."""

    name: str
    variable: str
    value: str
    origin: Origin
    description: str


class _Given(NamedTuple):
    origin: Origin
    called: str
    where: str
    value: object


def load(
    flags: Mapping[str, object] | None = None, *, sets: Mapping[str, str] | None = None, file: Path | None = None
) -> Settings:
    """Gather the settings in force.

    Parameters
    ----------
    flags
        Values by setting name, of flags of their own on the command line; None means not given.
    sets
        Values that were given by `--set`. A flag of its own wins.
    file
        TOML file to read instead of the one that GHOSTING_CONFIG names.

    Raises
    ------
    SettingsError
        With one line per problem.
    """
    return _validated(_gather(flags or {}, sets or {}, file))


def effective(
    flags: Mapping[str, object] | None = None, *, sets: Mapping[str, str] | None = None, file: Path | None = None
) -> list[Effective]:
    """List every setting with its value in force, as text that could be set again, and where it comes from."""
    given = _gather(flags or {}, sets or {}, file)
    settings = _validated(given)
    return [
        Effective(
            name=name,
            variable=variable(name),
            value=_text(getattr(settings, name)),
            origin=given[name].origin if name in given else "default",
            description=field.description or "",
        )
        for name, field in fields()
    ]


def _gather(flags: Mapping[str, object], sets: Mapping[str, str], file: Path | None) -> dict[str, _Given]:
    named = os.environ.get(FILE_VARIABLE)
    path = file or (Path(named) if named else None)
    found = _read_file(path) if path else {}
    if problems := [*_unknown_variables(), *_unknown_keys(found, path)]:
        raise SettingsError(*problems)
    given = {name: _Given("file", name, f" in {path}", value) for name, value in found.items()}
    for name, value in EnvSettingsSource(Settings)().items():
        given[name] = _Given("environment", variable(name), "", value)
    for name, value in sets.items():
        given[name] = _Given("flag", f"--set {name}", "", value)
    for name, value in flags.items():
        if value is not None:
            given[name] = _Given("flag", f"--{name.replace('_', '-')}", "", value)
    return given


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problem = "does not exist; correct the path or create the file"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "is not UTF-8 text; save it as such"
    except tomllib.TOMLDecodeError as error:
        problem = f'is not TOML: {error}; a line looks like app_id = "ghosting"'
    raise SettingsError(f"{path} (settings file, {FILE_VARIABLE}) {problem}")


def _unknown_variables() -> list[str]:
    """Complain of variables with our prefix that set nothing: most are typing errors, and silence would hide them."""
    known = (FILE_VARIABLE, *map(variable, Settings.model_fields))
    return [
        _unknown(name, name.upper(), known)
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX)
        and name not in (*known, DATA_VARIABLE)
        and not _OF_KUBERNETES.fullmatch(name)
    ]


def _unknown_keys(found: Mapping[str, object], path: Path | None) -> list[str]:
    return [
        _unknown(f"{key} in {path}", key, Settings.model_fields) for key in found if key not in Settings.model_fields
    ]


def _unknown(called: str, name: str, known: Iterable[str]) -> str:
    endings = {full.removeprefix(PREFIX): full for full in known}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), endings, n=1)
    advice = f"did you mean {endings[near[0]]}?" if near else "`ghosting settings` lists them all"
    return f"{called} is not a setting; {advice}"


def _validated(given: Mapping[str, _Given]) -> Settings:
    try:
        return Settings.model_validate({name: value.value for name, value in given.items()})
    except ValidationError as error:
        problems = (_problem(details, given) for details in error.errors(include_url=False))
        raise SettingsError(*problems) from None


def _problem(details: ErrorDetails, given: Mapping[str, _Given]) -> str:
    said = details["msg"].removeprefix("Value error, ")
    if not details["loc"]:
        return said
    said = re.sub(r"^\w+ should ", "should ", said)  # not "Input should be...": it has a name
    name, *inner = map(str, details["loc"])
    origin = given.get(name) or _Given("default", variable(name), "", None)
    entry = "".join(f"[{key}]" for key in inner)
    if name in _SECRET:
        return f"{origin.called}{origin.where} {said}"
    return f"{origin.called}{entry}{origin.where} {said}, but is {_text(details['input'])[:80]!r}"


def _text(value: object) -> str:
    if value is None:
        return ""  # as a variable says that it is not set
    if isinstance(value, Mapping):
        return ",".join(f"{key}={inner}" for key, inner in value.items())
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    return str(value)
