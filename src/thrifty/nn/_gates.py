"""Gates: sums over the rest of the channels, made for the outputs that gates leave open."""

import numpy as np
import torch
from torch import Tensor

from thrifty.core.kernels import njit

__all__ = ["gated_sums"]

Line = tuple[Tensor, Tensor]


def gated_sums(
    x: Tensor, weight: Tensor, first: Tensor, gate: Tensor, closed: Line, opened: Line
) -> Tensor:
    """First sums times a slope and plus a start; where gates are open, sums over all channels.

    Args:
        x: (n, groups, in / groups, height, width) float32, on the CPU as all others.
        weight: (out, groups, in / groups, kernel, kernel); for each output the groups begin at
            its own, which `first` is made of.
        first: (n, out, height, width). gate: of that shape, bool.
        closed, opened: slopes and starts (out,) of both.

    Returns:
        (n, out, height, width).
    """
    kernel, out = weight.shape[-1], len(weight)
    padded = torch.nn.functional.pad(x, [kernel // 2] * 4).permute(0, 3, 4, 1, 2)
    rows = weight[:, 1:].permute(0, 1, 3, 4, 2).reshape(out, -1)
    lines, found = torch.stack([*closed, *opened]), torch.empty_like(first)
    given = (part.contiguous().numpy() for part in (padded, rows, first, gate, lines))
    _gated_sums(*given, found.numpy())
    return found


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _dot(one, two):
    total = np.float32(0)
    for i in range(one.size):
        total += one[i] * two[i]
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _close(first, gate, slope, start, asked, into):
    """One plane of closed outputs; which of its pixels are open is marked at every pixel."""
    for i in range(first.size):
        into[i] = first[i] * slope + start
        asked[i] = gate[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _patch(image, row, column, kernel, into):
    """What one pixel sees, group by group, and all groups once more."""
    groups, channels = image.shape[2:]
    at = 0
    for group in range(groups):
        for i in range(kernel):
            for j in range(kernel):
                into[at : at + channels] = image[row + i, column + j, group]
                at += channels
    into[at:] = into[:at]


@njit(nogil=True, cache=True, error_model="numpy")
def _open(patch, weight, asked, first, lines, each, into):
    """The open outputs of one pixel."""
    size = weight.shape[1]
    part = patch.size // 2 - size
    for k in range(asked.size):
        if asked[k]:
            begin = (k // each + 1) * part
            total = first[k] + _dot(weight[k], patch[begin : begin + size])
            into[k] = total * lines[2, k] + lines[3, k]


@njit(nogil=True, cache=True, error_model="numpy")
def _gated_sums(images, weight, first, gate, lines, found):
    n, out, height, width = found.shape
    groups, kernel = images.shape[3], images.shape[1] - height + 1
    patch = np.empty(2 * weight.shape[1] // (groups - 1) * groups, np.float32)
    asked = np.empty((height * width, out), np.bool_)
    for image in range(n):
        whole, into = first[image].reshape(out, -1), found[image].reshape(out, -1)
        opened = gate[image].reshape(out, -1)
        for k in range(out):
            _close(whole[k], opened[k], lines[0, k], lines[1, k], asked[:, k], into[k])
        for pixel in range(height * width):
            if asked[pixel].any():
                _patch(images[image], pixel // width, pixel % width, kernel, patch)
                to = into[:, pixel]
                _open(patch, weight, asked[pixel], whole[:, pixel], lines, out // groups, to)
