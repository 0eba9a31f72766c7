"""Report markup: elements of HTML and SVG in which every text is escaped unless it is markup."""

import html
from collections.abc import Iterable

__all__ = ["Markup", "element", "joined"]

EMPTY = {"br", "meta"}


class Markup(str):
    """Text that is markup already: `element` takes it as it is."""

    __slots__ = ()


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """Build an element; a child that is not `Markup` is text, and is escaped.

    Args:
        name: of the element; a fixed word of the code, never of the data.
        children: markup or anything with a text; None is left out.
        attributes: values are escaped; a "_" in a name is written "-", and one at its end is
            dropped (class_); None is left out.

    Example:
        >>> element("td", "<script>alert(1)</script>", class_='a"b')
        '<td class="a&quot;b">&lt;script&gt;alert(1)&lt;/script&gt;</td>'
        >>> element("p", element("b", "x"), " < y")
        '<p><b>x</b> &lt; y</p>'
    """
    pairs = [
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    start = f"<{name}{''.join(pairs)}>"
    return Markup(
        start if name in EMPTY and not children else f"{start}{joined(children)}</{name}>"
    )


def joined(children: Iterable[object]) -> Markup:
    """Markup and texts one after another, the texts escaped.

    Example:
        >>> joined([element("i", 1), "&", None])
        '<i>1</i>&amp;'
    """
    return Markup("".join(_markup(child) for child in children if child is not None))


def _markup(child: object) -> str:
    return child if isinstance(child, Markup) else html.escape(str(child))
