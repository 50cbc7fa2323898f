"""Memory brought near before it is needed.

The clients of a shard lie far apart in more memory than a processor's cache holds, and to wait for it takes as long as
all that is computed. Which clients come next is known, so kernels ask for them while they still work on others. Nothing
but time depends on it.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils as untyped
from numba.extending import intrinsic

Numba = Any  # a type or a value, as Numba hands it to what makes code for it

cgutils: Numba = untyped
_LINE_SIZE = 64  # bytes that memory hands over at once
_NUMBER = ir.IntType(32)
_ASK = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, _NUMBER, _NUMBER, _NUMBER])
_HOW = [_NUMBER(0), _NUMBER(3), _NUMBER(1)]  # to read; to be kept near; data, not code


def _asking(array: Numba, number: Numba) -> Numba:  # pragma: no cover - as below
    """Return the types of a compiled `prefetch` of such an array, and the function that makes its code."""

    def make(context: Numba, builder: Numba, signature: Numba, arguments: Numba) -> Numba:
        kind = signature.args[0]
        found = context.make_array(kind)(context, builder, arguments[0])
        first = cgutils.get_item_pointer(context, builder, kind, found, [arguments[1]])
        last = context.get_abi_sizeof(context.get_data_type(kind.dtype)) - 1
        call = builder.module.declare_intrinsic("llvm.prefetch", [cgutils.voidptr_t], _ASK)
        for offset in (*range(0, last, _LINE_SIZE), last):
            builder.call(call, [cgutils.pointer_add(builder, first, offset, cgutils.voidptr_t), *_HOW])
        return context.get_dummy_value()

    return types.void(array, number), make


def prefetch(array: "np.ndarray[Any, Any]", number: int) -> None:
    """Ask for an element of an array, and go on without waiting for it; plain Python has no way to."""


if not config.DISABLE_JIT:  # type: ignore[attr-defined]  # pragma: no cover - as coverage is measured in plain Python

    @intrinsic
    def prefetch(_: Numba, array: Numba, number: Numba) -> Numba:
        """Ask for an element of an array, and go on without waiting for it."""
        return _asking(array, number)
