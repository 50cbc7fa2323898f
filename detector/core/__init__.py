"""The detector's decisions: bytes in, effects out. It touches no broker, file or clock.

For notebooks: `from detector.core import Policy, Shard`. Both are loaded when they are asked for, because their kernels
take a second.
"""

from importlib import import_module
from typing import Any

__all__ = ["Policy", "Shard"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute
    if name in __all__:
        return getattr(import_module("detector.core.engine.shard"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
