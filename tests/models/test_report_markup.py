"""Report markup: all that is not markup is escaped."""

from hypothesis import given
from hypothesis import strategies as st

from thrifty.models.report_markup import Markup, element, joined


@given(st.text())
def test_text_returns(text):
    """What a browser reads back from an element or an attribute is the text that was put in."""
    import html

    made = element("p", text, title=text)
    inside = made.removeprefix('<p title="').removesuffix("</p>")
    value, _, content = inside.partition('">')
    assert html.unescape(value) == html.unescape(content) == text
    assert not set("<>\"'") & set(value + content)


def test_markup_passes_and_none_vanishes():
    """Markup is not escaped twice, None is nothing, an empty element has no end."""
    assert joined([Markup("<b>"), None, 1, "<"]) == "<b>1&lt;"
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
    assert element("rect", class_="a", text_anchor=None) == '<rect class="a"></rect>'
