"""Charts: drawn by matplotlib as SVG that takes the colours of the page, light or dark."""

import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from thrifty.models.report_markup import Markup, element

__all__ = ["bar_chart", "histogram", "interval_chart", "line_chart"]

INK = {"#010101": "var(--ink)", "#020202": "var(--soft)", "#030303": "var(--line)",
       "#040404": "var(--accent)", "#050505": "var(--warm)"}  # fmt: skip
TEXT, LINE, ACCENT, WARM = "#020202", "#030303", "#040404", "#050505"
WIDTH, HEIGHT, A_BAR = 5.0, 2.1, 0.3
LONGEST = 28
HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
NEEDLESS = re.compile(
    r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>| xmlns(:xlink)?=\"[^\"]*\""
    r"|font-family: [^;]*; | id=\"[a-z.]*[a-z\d]*_\d+\"",
    re.DOTALL,
)
STYLE = {
    "svg.fonttype": "none", "font.size": 11, "text.color": TEXT, "axes.edgecolor": LINE,
    "axes.labelcolor": TEXT, "xtick.color": TEXT, "ytick.color": TEXT, "axes.spines.top": False,
    "axes.spines.right": False, "grid.color": LINE, "grid.linewidth": 0.6,
    "axes.titlesize": 11, "axes.axisbelow": True, "axes.formatter.limits": (-5, 6),
    "axes.formatter.useoffset": False,
}  # fmt: skip


def histogram(
    title: str, edges: Sequence[float], counts: Sequence[float], *, dates: bool = False
) -> Markup:
    """Draw how often values fall between edges.

    Args:
        title: what is counted, read aloud by screen readers.
        edges: (n + 1,) growing.
        counts: (n,) values in each bin, 0 or more.
        dates: edges are seconds since 1970, shown as dates.

    Example:
        >>> chart = histogram("age", [0, 10, 20], [3, 4])
        >>> chart.startswith("<figure"), "<script" in chart, "var(--accent)" in chart
        (True, False, True)
    """

    def draw(axes: Any) -> None:
        places = _moments(edges) if dates else np.asarray(edges, float)
        axes.stairs(counts, places, fill=True, color=ACCENT)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        axes.grid(visible=True, axis="y")

    return _figure(title, draw, HEIGHT, dates)


def bar_chart(
    title: str,
    names: Sequence[str],
    values: Sequence[float],
    ends: Sequence[tuple[float, float]] | None = None,
) -> Markup:
    """Draw a bar for each name, the first on top, with the ends of its interval.

    Args:
        title: what the bars are.
        names: (n,) cut to 28 characters.
        values: (n,) lengths of the bars.
        ends: (n,) low and high of each; None draws none.

    Example:
        >>> bar_chart("city", ["Rome", "<b>"], [3, 2]).count("&lt;b&gt;")
        1
    """  # fmt: skip

    def draw(axes: Any) -> None:
        places = np.arange(len(names))[::-1]
        errors = (
            None if ends is None else np.abs(np.array(ends, float).T - np.asarray(values, float))
        )
        looks = {"ecolor": TEXT, "capsize": 2, "elinewidth": 1}
        axes.barh(places, values, 0.72, color=ACCENT, xerr=errors, error_kw=looks)
        axes.set_yticks(places, [_cut(name) for name in names])
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(left=0)
        axes.grid(visible=True, axis="x")

    return _figure(title, draw, max(HEIGHT, 0.6 + A_BAR * len(names)))


def interval_chart(
    title: str,
    seconds: Sequence[float],
    values: Sequence[float],
    ends: Sequence[tuple[float, float]],
) -> Markup:
    """Draw a value over time, with the band between the ends of its intervals.

    Args:
        title: what the value is.
        seconds: (n,) since 1970, growing.
        values: (n,) the line.
        ends: (n,) low and high of the band.
    """

    def draw(axes: Any) -> None:
        low, high = np.array(ends, float).T
        places = _moments(seconds)
        axes.fill_between(places, low, high, color=ACCENT, alpha=0.25, linewidth=0)
        axes.plot(places, values, color=ACCENT, linewidth=1.8)
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, axis="y")

    return _figure(title, draw, HEIGHT, True)


def line_chart(
    title: str, x_label: str, xs: Sequence[float], ys: Sequence[float], *, mark: int | None = None
) -> Markup:
    """Draw a curve through its points.

    Args:
        title: what the curve is.
        x_label: under the axis.
        xs, ys: (n,) points; those that are not finite are left out.
        mark: index of the point to stress, such as the best epoch.

    Returns:
        A figure; nothing but its title if no point is finite.

    Example:
        >>> line_chart("loss", "epoch", [1], [float("nan")])
        '<figure><figcaption>loss</figcaption></figure>'
    """
    values = np.asarray(ys, float)
    if not np.isfinite(values).any():
        return element("figure", element("figcaption", title))

    def draw(axes: Any) -> None:
        axes.plot(xs, values, color=ACCENT, linewidth=1.8, marker="o", markersize=4)
        if mark is not None:
            axes.plot(xs[mark], values[mark], color=WARM, marker="o", markersize=8)
        axes.set_xlabel(x_label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(visible=True, axis="y")

    return _figure(title, draw, HEIGHT)


def _figure(title: str, draw: Any, height: float, dates: bool = False) -> Markup:
    """One chart as inline SVG with a caption; text stays text."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({**STYLE, "svg.hashsalt": title}):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        if dates:
            _date_axis(axes)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return element("figure", element("figcaption", title), _inline(file.getvalue(), title))


def _inline(svg: str, title: str) -> Markup:
    """The drawing alone, in the page's colours, named for screen readers."""
    svg = NEEDLESS.sub("", HEAD.sub("", svg)).replace("xlink:href", "href")
    for code, variable in INK.items():
        svg = svg.replace(code, variable)
    start, _, rest = svg.partition(">")
    start = re.sub(r' (width|height)="[^"]*"', "", start)
    return Markup(f'{start} role="img">{element("title", title)}{rest}')


def _date_axis(axes: Any) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _moments(seconds: Sequence[float]) -> np.ndarray:
    return (np.asarray(seconds, float) * 1e6).astype("datetime64[us]")


def _cut(name: str) -> str:
    text = " ".join(name.split()) or "(empty)"
    return (text if len(text) <= LONGEST else text[: LONGEST - 1] + "...").replace("$", r"\$")
