"""The demo, from its embedded broker to its summary."""

import subprocess
import sys


def test_demo_runs_to_its_summary():
    """A small firm's year goes through a real worker within a minute."""
    done = subprocess.run(
        [sys.executable, "-m", "detector", "demo", "--clients", "40", "--seed", "1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Silent now" in done.stdout
    for line in ("lost clients found: ", "median days from the last contact to the alert: ", "false alerts "):
        assert line in done.stdout
