"""Machine: instructions that Numba has no word for and that more than one room needs."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["prefetch", "swap_bytes"]


@intrinsic
def prefetch(typing, array, index):
    """Ask for the cache line of an item before it is needed; changes nothing but the time."""

    def generate(context, builder, signature, arguments):
        place = builder.gep(
            context.make_array(signature.args[0])(context, builder, arguments[0]).data,
            [arguments[1]],
        )
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        call = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        builder.call(call, [builder.bitcast(place, byte), flag(1), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@intrinsic
def swap_bytes(typing, word):
    """A uint64 with its bytes in the opposite order."""

    def generate(context, builder, signature, arguments):
        return builder.bswap(arguments[0])

    return types.uint64(types.uint64), generate
