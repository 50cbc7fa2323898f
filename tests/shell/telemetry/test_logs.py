"""What a log line looks like, run in a process of its own because logging is global."""

import json
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

WRITE = """
import logging, warnings, structlog
from detector.shell.telemetry.logs import configure, logging_config
configure({level!r}, {log_format!r})
"""

FAULT = """
def fail():
    client_id = "jane@example.org"
    raise ValueError("a fault")
try:
    fail()
except ValueError:
    structlog.get_logger("ours").exception("failed")
    logging.getLogger("theirs").exception("failed")
"""


def lines(code, level="INFO", log_format="json"):
    """Run the code with logging configured and give the lines that it wrote to standard error."""
    process = subprocess.run(
        [sys.executable, "-c", WRITE.format(level=level, log_format=log_format) + code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout == "", "standard output belongs to results"
    return process.stderr.splitlines()


def test_both_kinds_of_loggers_write_the_same_json():
    """A line of ours and one of a library have the same fields, and the time is UTC."""
    written = lines("""
structlog.get_logger("ours").info("restored", partition=3, name="Đặng")
logging.getLogger("theirs").warning("lost %s", "it", extra={"partition": 4})
""")
    ours, theirs = map(json.loads, written)
    for line, expected in (
        (ours, {"event": "restored", "level": "info", "logger": "ours", "partition": 3, "name": "Đặng"}),
        (theirs, {"event": "lost it", "level": "warning", "logger": "theirs", "partition": 4}),
    ):
        assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() == timedelta(0)
        assert line == expected


def test_automatic_is_json_when_nobody_watches():
    """Standard error that is no terminal gets JSON lines."""
    assert json.loads(lines("structlog.get_logger('ours').info('ready')", log_format="auto")[0])["event"] == "ready"


def test_text_is_for_people():
    """The text format shows level, event and values in one line without colours when piped."""
    (line,) = lines("structlog.get_logger('ours').info('ready', partition=3)", log_format="text")
    assert "info" in line
    assert "ready" in line
    assert "partition=3" in line
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("DEBUG", ["ours-debug", "ours-info", "faust-debug", "faust-info", "faust-warning", "faust-error"]),
        ("INFO", ["ours-info", "faust-warning", "faust-error"]),
        ("WARNING", ["faust-warning", "faust-error"]),
        ("ERROR", ["faust-error"]),
    ],
)
def test_libraries_are_quieter_than_we(level, expected):
    """Faust is heard from WARNING on, at any level only if we debug, and never below the level asked for."""
    written = lines(
        """
for level in ("debug", "info"):
    getattr(structlog.get_logger("ours"), level)(f"ours-{level}")
for level in ("debug", "info", "warning", "error"):
    getattr(logging.getLogger("faust.app"), level)(f"faust-{level}")
""",
        level=level,
    )
    assert [json.loads(line)["event"] for line in written] == expected


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_traceback_shows_no_local_variables(log_format):
    """A fault is logged with its traceback, without the values around it: clients' names are among them."""
    text = "\n".join(lines(FAULT, log_format=log_format))
    assert text.count("ValueError: a fault") == 2
    assert "Traceback" in text
    assert text.count("line 8, in fail") == 2
    assert "jane" not in text


def test_a_warning_is_a_line_too():
    """A Python warning comes out as a log line, not as loose text among the JSON."""
    (line,) = lines("warnings.warn('careful', stacklevel=1)")
    assert json.loads(line)["logger"] == "py.warnings"


def test_faust_can_apply_it_again():
    """The set-up that Faust applies at its own start leaves one handler and the same lines."""
    (line,) = lines("""
from mode.utils.logging import setup_logging
setup_logging(loglevel="INFO", logging_config=logging_config("INFO", "json"))
structlog.get_logger("ours").info("once")
""")
    assert json.loads(line)["event"] == "once"
