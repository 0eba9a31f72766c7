"""Machine: what the processor can do that kernels are compiled for.

The room's `__init__` leaves this file out, so that errors and budgets load without Numba.
"""

import llvmlite.binding as llvm
import numba

__all__ = ["has_instructions"]


def has_instructions(*names: str) -> bool:
    """Whether what is compiled here may use instructions of x86: an unknown one ends the process.

    Args:
        names: of LLVM's features, as "avx2" or "avx512vnni".

    Example:
        >>> has_instructions("no such thing")
        False
    """
    if numba.config.CPU_NAME or not llvm.get_process_triple().startswith("x86_64"):
        return False
    features = llvm.get_host_cpu_features()
    return all(features.get(name, False) for name in names)
