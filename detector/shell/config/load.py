"""Loads the settings: which place wins, where each value comes from, and what is wrong with it.

Only this module reads the environment. A flag wins over the environment (GHOSTING_*), the environment wins over the
TOML file that GHOSTING_CONFIG names, and the file wins over the default.
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
DATA_VARIABLE = f"{PREFIX}DATA"  # the folder of data sets for tests and `make accuracy`; it is no setting
MAPPING_SECRET_VARIABLE = f"{PREFIX}MAPPING_SECRET"  # the key of a mapping's HMAC; only mappings read it
MAP_TABLE = "map"  # of the settings file: what the firm says of itself, for mappings

SECRET_BYTES_MAX = 4096
SECRET_CHARACTERS_MIN = 8

# A Kubernetes service called `ghosting` sets these in every pod of its namespace; they are no typing errors.
_OF_KUBERNETES = re.compile(
    rf"{PREFIX}([A-Z0-9_]+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)

# Settings whose values are not repeated in messages, not even wrong ones.
_SECRET = frozenset({*connection.SECRETS, *forwarding.SECRETS})

Origin = Literal["default", "file", "environment", "flag"]


class Effective(NamedTuple):
    """One setting as it is in force."""

    name: str
    variable: str
    value: str
    origin: Origin
    description: str


class _Value(NamedTuple):
    """A value with the place that it comes from, and the name that it has there."""

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
        Values of flags on the command line, by the name of the setting; None = the flag was not used.
    sets
        Values that `--set` names. A flag wins over them.
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
    """List every setting with its value in force, as text that could be set again, and with the value's origin."""
    values = _gather(flags or {}, sets or {}, file)
    settings = _validated(values)
    return [
        Effective(
            name=name,
            variable=variable(name),
            value=_text(getattr(settings, name)),
            origin=values[name].origin if name in values else "default",
            description=field.description or "",
        )
        for name, field in fields()
    ]


def secret_of(reference: str) -> bytes:
    """Read a secret: `@FILE`, or the name of an environment variable.

    Raises
    ------
    SettingsError
        If there is none: one line that names the reference, and never the secret.
    """
    try:
        if reference.startswith("@"):
            secret = Path(reference[1:]).read_bytes()[:SECRET_BYTES_MAX].decode()
        else:
            secret = os.environ.get(reference, "")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise SettingsError(f"the secret file {reference[1:]} cannot be read ({why}); correct the path") from None
    secret = secret.strip()
    if len(secret) < SECRET_CHARACTERS_MIN:
        place = f"file {reference[1:]}" if reference.startswith("@") else f"environment variable {reference}"
        raise SettingsError(f"the {place} holds no secret of {SECRET_CHARACTERS_MIN} or more characters; write it")
    return secret.encode()


def settings_file(file: Path | None = None) -> Path | None:
    """Return the settings file: the one that is named, or that of GHOSTING_CONFIG; None = there is none."""
    named = os.environ.get(FILE_VARIABLE)
    return file or (Path(named) if named else None)


def mapping_secret() -> bytes | None:
    """Return the key of the HMAC by which a mapping replaces ids; None = ids stay plain."""
    secret = os.environ.get(MAPPING_SECRET_VARIABLE)
    return secret.encode() if secret else None


def _gather(flags: Mapping[str, object], sets: Mapping[str, str], file: Path | None) -> dict[str, _Value]:
    path = settings_file(file)
    in_file = _read_file(path) if path else {}
    in_file.pop(MAP_TABLE, None)  # whoever maps reads it
    if problems := [*_unknown_variables(), *_unknown_keys(in_file, path)]:
        raise SettingsError(*problems)
    values = {name: _Value("file", name, f" in {path}", value) for name, value in in_file.items()}
    for name, value in EnvSettingsSource(Settings)().items():
        values[name] = _Value("environment", variable(name), "", value)
    for name, value in sets.items():
        values[name] = _Value("flag", f"--set {name}", "", value)
    for name, value in flags.items():
        if value is not None:
            values[name] = _Value("flag", f"--{name.replace('_', '-')}", "", value)
    return values


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
    """List variables with our prefix that are no settings: most are typing errors, which must not go unnoticed."""
    known = (FILE_VARIABLE, *map(variable, Settings.model_fields))
    return [
        _unknown(name, name.upper(), known)
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX)
        and name not in (*known, DATA_VARIABLE, MAPPING_SECRET_VARIABLE)
        and not _OF_KUBERNETES.fullmatch(name)
    ]


def _unknown_keys(in_file: Mapping[str, object], path: Path | None) -> list[str]:
    return [
        _unknown(f"{key} in {path}", key, Settings.model_fields) for key in in_file if key not in Settings.model_fields
    ]


def _unknown(called: str, name: str, known: Iterable[str]) -> str:
    endings = {full.removeprefix(PREFIX): full for full in known}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), endings, n=1)
    advice = f"did you mean {endings[near[0]]}?" if near else "`ghosting settings` lists them all"
    return f"{called} is not a setting; {advice}"


def _validated(values: Mapping[str, _Value]) -> Settings:
    try:
        return Settings.model_validate({name: value.value for name, value in values.items()})
    except ValidationError as error:
        problems = (_problem(details, values) for details in error.errors(include_url=False))
        raise SettingsError(*problems) from None


def _problem(details: ErrorDetails, values: Mapping[str, _Value]) -> str:
    message = details["msg"].removeprefix("Value error, ")
    if not details["loc"]:
        return message
    message = re.sub(r"^\w+ should ", "should ", message)  # instead of "Input should be...": the name comes first
    name, *inner = map(str, details["loc"])
    origin = values.get(name) or _Value("default", variable(name), "", None)
    entry = "".join(f"[{key}]" for key in inner)
    if name in _SECRET:
        return f"{origin.called}{origin.where} {message}"
    return f"{origin.called}{entry}{origin.where} {message}, but is {_text(details['input'])[:80]!r}"


def _text(value: object) -> str:
    if value is None:
        return ""  # as in a variable that sets nothing
    if isinstance(value, Mapping):
        return ",".join(f"{key}={inner}" for key, inner in value.items())
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    return str(value)
