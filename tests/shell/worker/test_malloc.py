"""Memory that is not needed goes back to the system."""

import subprocess
import sys

PROGRAM = """
from pathlib import Path
from detector.shell.worker.malloc import give_back

def resident():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line)

give_back()
for _ in range(3):  # the first buffers that are freed teach glibc where to take the next ones from
    buffers = [bytearray(1 << 20) for _ in range(200)]
    del buffers
before = resident()
buffers = [bytearray(1 << 20) for _ in range(200)]
kept = buffers[::10] + [bytearray(1 << 20)]
del buffers
print(resident() - before)
"""


def test_buffers_between_others_go_back_when_they_are_free():
    """Of 200 MiB of which a tenth is still in use, little more than that tenth stays resident."""
    kib = int(subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True).stdout)
    assert kib < 30 * 1024
