"""Report curves: line charts and stacked bars as inline SVG, without a library."""

import math
from collections.abc import Iterable, Mapping, Sequence

from thrifty.core import format_bytes
from thrifty.models.report_markup import Markup, element, joined

__all__ = ["line_chart", "memory_bar", "ticks"]

WIDTH, HEIGHT = 400, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 38
NUM_COLORS = 13


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers that cover low..high: the first is at most low, the last at least high.

    Args:
        low, high: finite, low <= high.
        count: about how many steps are wanted.

    Example:
        >>> ticks(0.13, 0.58)
        [0.0, 0.2, 0.4, 0.6]
        >>> ticks(3.0, 3.0)[0] <= 3 <= ticks(3.0, 3.0)[-1]
        True
    """
    size = max(abs(low), abs(high))
    span = high - low if high - low > 1e-9 * size else size
    span = span if span > 1e-100 else 1.0
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= span / count * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, max(last, first + 1) + 1)]


def line_chart(
    title: str, x_label: str, xs: Sequence[float], ys: Sequence[float], *, mark: int | None = None
) -> Markup:
    """Draw one curve with its points, grid, axis labels and a text for screen readers.

    Args:
        title: what the curve is; shown above and read aloud with its first and last value.
        x_label: under the axis.
        xs, ys: (n,) of the same length; points that are not finite are left out.
        mark: index of the point to stress, e.g. the best epoch.

    Returns:
        A figure; nothing but its title if no point is finite.

    Example:
        >>> chart = line_chart("Loss", "epoch", [1, 2, 3], [3.0, 2.0, 1.5])
        >>> chart.count("<circle"), "Loss: from 3 to 1.5" in chart
        (3, True)
    """
    points = [(x, y, i) for i, (x, y) in enumerate(zip(xs, ys, strict=True)) if math.isfinite(y)]
    caption = element("figcaption", title)
    if not points:
        return element("figure", caption)
    x_low, x_high = min(points)[0], max(points)[0]
    levels = ticks(min(y for _, y, _ in points), max(y for _, y, _ in points))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low) if x_high > x_low else 0.5
        up = (y - levels[0]) / (levels[-1] - levels[0])
        return (
            round(LEFT + across * (WIDTH - LEFT - RIGHT), 1),
            round(HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM), 1),
        )

    spots = [(*place(x, y), x, y, i) for x, y, i in points]
    path = " ".join(f"{left},{top}" for left, top, *_ in spots)
    told = f"{title}: from {points[0][1]:.4g} to {points[-1][1]:.4g} over {len(points)} points"
    drawn = [
        *(_level(level, place(x_low, level)[1]) for level in levels),
        *_x_axis(x_label, sorted({(left, x) for left, _, x, _, _ in (spots[0], spots[-1])})),
        element("polyline", points=path, class_="curve"),
        *(_spot(left, top, x, y, i == mark, x_label) for left, top, x, y, i in spots),
    ]
    svg = element(
        "svg", element("title", told), *drawn, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img"
    )
    return element("figure", caption, svg)


def memory_bar(parts: Mapping[str, float], whole: float, peak: float | None = None) -> Markup:
    """Draw how a budget is split, as one stacked bar and a list of its parts.

    Args:
        parts: bytes by part; parts of zero bytes are left out.
        whole: bytes of the budget.
        peak: bytes that were really used at most, marked on the bar; None if not known.

    Example:
        >>> bar = memory_bar({"table": 600, "output": 300}, whole=1000)
        >>> bar.count("<rect"), "table" in bar, "600 B" in bar
        (3, True, True)
    """
    shown = {name: size for name, size in parts.items() if size > 0}
    scale = WIDTH / max(whole, sum(shown.values()), peak or 0, 1)
    bars, items, left = [_box(0, WIDTH, "free")], [], 0.0
    for number, (name, size) in enumerate(shown.items()):
        color = f"part{number % NUM_COLORS}"
        tip = element("title", f"{name}: {format_bytes(size)}")
        bars.append(_box(left, size * scale, color, tip))
        items.append(_item(color, name, size))
        left += size * scale
    if peak is not None:
        at = round(min(peak * scale, WIDTH - 1), 2)
        bars.append(element("line", x1=at, x2=at, y1=0, y2=30, class_="peak"))
        items.append(_item("dashed", "peak of the process", peak))
    told = ", ".join(f"{name} {format_bytes(size)}" for name, size in shown.items())
    title = element("title", f"Of {format_bytes(whole)}: {told}")
    looks = {"viewBox": f"0 0 {WIDTH} 30", "preserveAspectRatio": "none", "class_": "bar"}
    svg = element("svg", title, *bars, role="img", **looks)
    return joined([svg, element("ul", *items, class_="legend")])


def _box(left: float, width: float, color: str, tip: Markup | None = None) -> Markup:
    place = {"x": round(left, 2), "width": round(width, 2), "y": 0, "height": 30}
    return element("rect", tip, **place, class_=color)


def _item(color: str, name: str, size: float) -> Markup:
    return element("li", element("i", class_=color), name, element("b", format_bytes(size)))


def _level(value: float, top: float) -> Markup:
    text = element("text", f"{value:g}", x=LEFT - 8, y=top + 4, text_anchor="end")
    line = element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=top, y2=top, class_="grid")
    return joined([line, text])


def _x_axis(label: str, ends: Iterable[tuple[float, float]]) -> list[Markup]:
    base = HEIGHT - BOTTOM + 18
    texts = [element("text", f"{x:g}", x=left, y=base, text_anchor="middle") for left, x in ends]
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [*texts, element("text", label, x=middle, y=base + 14, text_anchor="middle")]


def _spot(left: float, top: float, x: float, y: float, strong: bool, label: str) -> Markup:
    tip = element("title", f"{label} {x:g}: {y:.4g}")
    kind = "best" if strong else None
    return element("circle", tip, cx=left, cy=top, r=6 if strong else 3.5, class_=kind)
