"""How log lines look and where they go: our own (structlog) and those of Faust and aiokafka (logging) come out alike.

To standard error, because standard output belongs to results. What may be said is left to those who say it.
"""

import logging
import logging.config
import sys
from typing import Any, Literal

import structlog

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Format = Literal["auto", "json", "text"]

# They tell the story of every rebalance and fetch at INFO, and it is not ours.
_CHATTY = ("aiokafka", "asyncio", "faust", "mode")

# What every line passes through, whoever wrote it.
_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def configure(level: Level, log_format: Format) -> None:
    """Set up logging of this process, once, before anything is logged."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.config.dictConfig(logging_config(level, log_format))
    logging.captureWarnings(capture=True)  # else they break into the JSON lines


def logging_config(level: Level, log_format: Format) -> dict[str, Any]:
    """Describe the set-up for `logging.config.dictConfig`, and for Faust, which would install its own otherwise."""
    quiet = level if level in ("DEBUG", "ERROR") else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(log_format)],
                "foreign_pre_chain": list(_SHARED),
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "lines"}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {
            **{name: {"level": quiet} for name in _CHATTY},
            # At DEBUG it prints requests as they are: passwords and tokens are among them.
            "aiokafka.conn": {"level": "WARNING" if level != "ERROR" else level},
        },
    }


def _renderers(log_format: Format) -> list[structlog.typing.Processor]:
    terminal = sys.stderr.isatty()
    if log_format == "text" or (log_format == "auto" and terminal):
        # Plain tracebacks: structlog's own choice prints local variables, and clients are among them.
        return [structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
