"""Instructions that numba has no function for.

Rows in random order are mostly waited for, so a processor is asked for them before they are needed. And the largest of
several numbers is found on several at once only where they are whole: comparing floats, it would have to keep to an
order for the sake of NaN. The bits of magnitudes are ordered as these are, with NaN above infinity.

Numbers below the least normal one, 1e-38 in float32, take an x86 processor a hundred times as long as others. Gradients
of saturated losses, such as softplus of large scores, are made of them, and an epoch took thirty times as long then.
So a thread may treat them as 0, also in the products of matrices that it asks for, too.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

#: So many rows before they are needed.
AHEAD = 8
#: Bytes that memory moves at a time.
_LINE = 64
_INT32, _BYTES = ir.IntType(32), ir.IntType(8).as_pointer()
#: For reading, and to be kept in all caches.
_HOW = (_INT32(0), _INT32(3), _INT32(1))


def _asking(_: Any, rows: Any, row: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, (base, at) = signature.args[0], args
        array = context.make_array(kind)(context, builder, base)
        line, first = at.type(_LINE), [at, *[at.type(0)] * (kind.ndim - 1)]
        start = builder.bitcast(cgutils.get_item_pointer(context, builder, kind, array, first), _BYTES)
        width = cgutils.unpack_tuple(builder, array.strides)[0]
        takes = ir.FunctionType(ir.VoidType(), [_BYTES, *(one.type for one in _HOW)])
        ask = cgutils.get_or_insert_function(builder.module, takes, "llvm.prefetch.p0i8")
        lines = builder.udiv(builder.add(width, at.type(_LINE - 1)), line)
        with cgutils.for_range(builder, lines) as loop:
            builder.call(ask, [builder.gep(start, [builder.mul(loop.index, line)]), *_HOW])
        return context.get_dummy_value()

    return types.void(rows, types.intp), generate


#: prefetch(rows, row) asks for a row of a contiguous array [n, ...], of those from 0 to n - 1; in compiled code alone.
prefetch: Any = intrinsic(_asking)


def _converted(_: Any, x: Any) -> Any:
    into = types.Integer.from_bitwidth(x.bitwidth, signed=True)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.IntType(x.bitwidth)
        return builder.and_(builder.bitcast(args[0], wide), wide((1 << (x.bitwidth - 1)) - 1))

    return into(x), generate


def _restored(_: Any, bits: Any, like: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(like))

    return like(bits, like), generate


#: magnitude(x) returns the bits of |x| as a whole number as wide as x; from_magnitude(bits, like) is |x| again, in the
#: type of `like`; in compiled code alone.
magnitude: Any = intrinsic(_converted)
from_magnitude: Any = intrinsic(_restored)

#: Bits of the control register of x86: results below the least normal number are 0, and operands count as 0.
_AS_ZERO = 0x8040
_IS_X86 = platform.machine() in ("x86_64", "AMD64")


def _switched(_: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if not _IS_X86:
            return _INT32(0)
        place = cgutils.alloca_once_value(builder, _INT32(0))
        _control(builder, "st", place)
        before = builder.load(place)
        builder.store(builder.or_(before, _INT32(_AS_ZERO)), place)
        _control(builder, "ld", place)
        return before

    return types.int32(), generate


def _switched_back(_: Any, before: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if _IS_X86:
            _control(builder, "ld", cgutils.alloca_once_value(builder, args[0]))
        return context.get_dummy_value()

    return types.void(types.int32), generate


def _control(builder: Any, way: str, place: Any) -> None:
    """Store the control register of this thread, or load it."""
    takes = ir.FunctionType(ir.VoidType(), [_BYTES])
    function = cgutils.get_or_insert_function(builder.module, takes, f"llvm.x86.sse.{way}mxcsr")
    builder.call(function, [builder.bitcast(place, _BYTES)])


#: least_as_zero() lets this thread treat numbers below the least normal one as 0, and returns what restore(before)
#: takes to end that; nothing happens where the processor is no x86; in compiled code alone.
least_as_zero: Any = intrinsic(_switched)
restore: Any = intrinsic(_switched_back)
