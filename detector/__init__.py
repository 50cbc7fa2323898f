"""Notices when a client goes quiet, and says so while there is still time to act."""

import hashlib
import os
import sys
from pathlib import Path


def _kernels_folder() -> Path:
    """Where compiled kernels are kept: apart for every state of the sources.

    Numba compiles a kernel anew when its own file has changed, but not when a kernel of another file that it calls
    has: after an upgrade in place a worker would compute with parts of the former version.
    """
    digest = hashlib.blake2b(digest_size=8)
    folder = Path(__file__).parent
    for path in sorted((folder / "core").rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return folder / "__pycache__" / f"kernels-{digest.hexdigest()}"


def has_kernels() -> bool:
    """Check whether the kernels of these sources were compiled before, without importing Numba."""
    return any(Path(os.environ["NUMBA_CACHE_DIR"]).glob("*/apply.apply-*.nbi"))


os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernels_folder()))
if "numba" in sys.modules:  # else it reads the environment when it is imported
    sys.modules["numba.core.config"].reload_config()
