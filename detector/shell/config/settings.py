"""All settings that an operator can set, and the values that are allowed.

`Settings(...)` reads nothing but its arguments; `load.load` gathers the values in force. So tests and tools can build
settings without an environment. The core never sees this object; it gets small policies that are built from it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from detector.shell.config.connection import ConnectionSettings
from detector.shell.config.detection import DetectionSettings, SegmentName
from detector.shell.config.forwarding import ForwardSettings
from detector.shell.config.installation import InstallationSettings
from detector.shell.config.limits import LimitSettings
from detector.shell.config.receiving import ReceiveSettings
from detector.shell.config.text import listed, pairs

PREFIX = "GHOSTING_"
METRICS_SEGMENTS_MAX = 100
OWNERS_MAX = 100_000

_HOST = re.compile(r"[a-zA-Z0-9._:-]{1,253}")


class SettingsError(Exception):
    """The settings are wrong. The message has one line for each problem, with the setting and the remedy."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


OwnedName = Annotated[str, Field(min_length=1, max_length=200)]
OwnerName = Annotated[str, Field(min_length=1, max_length=100)]


class Settings(
    ReceiveSettings, ForwardSettings, LimitSettings, DetectionSettings, InstallationSettings, ConnectionSettings
):
    """All settings, validated and frozen. The descriptions are the documentation."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        validate_default=True,
    )

    http_host: str = Field(
        "127.0.0.1",
        description="Address that /metrics, /health and /ready are served on. 0.0.0.0 makes them visible to other"
        " machines.",
    )
    http_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port that /metrics, /health and /ready are served on, such as 9464. 0 = they are not served.",
    )
    metrics_segments: Annotated[tuple[SegmentName, ...], NoDecode, BeforeValidator(listed)] = Field(
        (),
        max_length=METRICS_SEGMENTS_MAX,
        description="Segments with metrics of their own, besides those of GHOSTING_SEGMENT_BUDGETS. All others are"
        " counted together as `other`, so that no text of a record becomes a label.",
    )
    owners: Annotated[Mapping[OwnedName, OwnerName], NoDecode, BeforeValidator(pairs)] = Field(
        default_factory=dict,
        max_length=OWNERS_MAX,
        description="Owners who look after clients, by account id, or by segment for accounts that are not named:"
        " account-17=anna,vip=key-accounts, or a table in the file.",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        "INFO", description="Lowest level of log lines that are written. Client ids appear at DEBUG only."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto",
        description="Format of log lines: json = one object per line, text = for people, auto = text on a terminal,"
        " else json.",
    )
    data_dir: Path = Field(
        Path(".ghosting"), description="Folder for temporary files of a process. Nothing in it needs a backup."
    )

    @field_validator("http_host")
    @classmethod
    def _is_host(cls, value: str) -> str:
        if not _HOST.fullmatch(value):
            raise ValueError("should be an address or a host name, such as 127.0.0.1")
        return value

    @classmethod
    def settings_customise_sources(  # pydantic passes these; `load` calls the ones that we use
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use the arguments only: `load.load` has gathered them, and knows where each came from."""
        return (init_settings,)


def variable(name: str) -> str:
    """Return the environment variable of a setting.

    Examples
    --------
    >>> variable("app_id")
    'GHOSTING_APP_ID'
    """
    return PREFIX + name.upper()


def fields() -> list[tuple[str, FieldInfo]]:
    """Return all settings with their fields, those of `ghosting receive` and `forward` last, because few need them."""
    last = [*ReceiveSettings.model_fields, *ForwardSettings.model_fields]
    return sorted(Settings.model_fields.items(), key=lambda item: last.index(item[0]) if item[0] in last else -1)
