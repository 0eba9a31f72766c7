"""Report memory: how a budget is split, as one stacked bar with a legend."""

from collections.abc import Mapping

from thrifty.core import format_bytes
from thrifty.models.report_markup import Markup, element, joined

__all__ = ["NUM_COLORS", "WIDTH", "memory_bar"]

WIDTH, NUM_COLORS = 400, 13


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
