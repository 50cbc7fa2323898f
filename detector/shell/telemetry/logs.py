"""The format of log lines, the same for our own (structlog) and those of Faust and aiokafka (logging).

Log lines go to standard error, because standard output is for results.
"""

import logging
import logging.config
import sys
from typing import Any, Literal

import structlog

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Format = Literal["auto", "json", "text"]

# At INFO they log every rebalance and fetch, which is of no use to an operator.
_CHATTY = ("aiokafka", "asyncio", "faust", "mode")

# Every line passes through these, whichever library wrote it.
_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def configure(level: Level, log_format: Format) -> None:
    """Set up the logging of this process; called once, before the first line."""
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
    logging.captureWarnings(capture=True)  # else they would stand between the JSON lines as plain text


def logging_config(level: Level, log_format: Format) -> dict[str, Any]:
    """Return the configuration for `logging.config.dictConfig`."""
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
            # At DEBUG it prints whole requests, with passwords and tokens.
            "aiokafka.conn": {"level": "WARNING" if level != "ERROR" else level},
        },
    }


def _renderers(log_format: Format) -> list[structlog.typing.Processor]:
    terminal = sys.stderr.isatty()
    if log_format == "text" or (log_format == "auto" and terminal):
        # Plain tracebacks: structlog's default prints local variables, which contain client data.
        return [structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
