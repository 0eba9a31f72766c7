"""Pages in a browser: a person types and sees answers, by keyboard, on a phone, in the dark."""

import json
import shutil
from pathlib import Path

import pytest

from tests.serve.running import running
from thrifty.models import index_documents
from thrifty.serve.shelf import open_thing

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

SIZES = {"desk": (1280, 900), "phone": (390, 844)}
ROWS = [
    {"_id": "a", "title": "Wings in a stream", "text": "The wing of a plane.", "year": 1950},
    {"_id": "b", "title": "Heat", "text": "A wing is hot, <b>x</b> & so is a body.", "year": 1960},
    {"_id": "c", "title": "Shells", "text": "Shells under pressure buckle.", "year": 1970},
    {"_id": "d", "title": "", "text": "Beams bend under loads.", "year": 1980},
]  # fmt: skip
TOKEN = "a-token-that-nobody-guesses"

CHECK = Path(__file__).with_name("check.js").read_text()
FOCUS = """() => {
  const at = document.activeElement;
  const drawn = [at, at.nextElementSibling, at.parentElement].filter(Boolean).some((one) => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  });
  return [at.id || at.textContent.trim() || at.tagName, drawn];
}"""


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """A real index of four documents."""
    folder = tmp_path_factory.mktemp("books")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    index_documents([str(folder / "rows.jsonl")], folder / "books")
    return folder / "books"


@pytest.fixture(scope="module")
def served(books, model):
    """A client of a server of both."""
    with running(books, model, opener=open_thing) as client:
        yield client


@pytest.fixture(scope="module")
def browser():
    """Debian's browser."""
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Opens pages of a size and colours; at the end nothing may have failed in them."""
    contexts, failed = [], []

    def open(client, size="desk", scheme="light", path="/"):
        width, height = SIZES[size]
        how = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
        contexts.append(browser.new_context(**how, reduced_motion="reduce"))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("console", lambda said: failed.append(said.text) if "Policy" in said.text else None)
        page.on(
            "request", lambda one: failed.append(one.url) if "127.0.0.1" not in one.url else None
        )
        page.goto(f"{client.server.url}{path}")
        return page

    yield open
    for context in contexts:
        context.close()
    assert failed == []


def search(page, text):
    """Type a query and wait for its results."""
    page.get_by_label("Search books").fill(text)
    page.locator(".hit, .empty b").first.wait_for()


@pytest.mark.parametrize("size", SIZES)
def test_type_and_see_results(served, open_page, size):
    """Titles, marked words, how many there are; markup in a document stays text."""
    page = open_page(served, size)
    search(page, "wings")
    page.get_by_text("2 results in").wait_for()
    assert page.locator(".hit h2").all_inner_texts()[0] == "Wings in a stream"
    assert set(page.locator("mark").all_inner_texts()) == {"Wings", "wing"}
    assert "<b>x</b> & so" in page.locator(".snippet").nth(1).inner_text()
    page.reload()
    page.locator(".hit").first.wait_for()
    assert page.get_by_label("Search books").input_value() == "wings"


def test_a_document_without_a_title(served, open_page):
    """Its id stands for it, and its text is shown all the same."""
    page = open_page(served)
    search(page, "beams")
    assert page.locator(".hit h2").all_inner_texts() == ["d"]
    assert page.locator(".snippet").all_inner_texts() == ["Beams bend under loads."]
    assert page.locator(".snippet mark").all_inner_texts() == ["Beams"]


def test_filters(served, open_page):
    """A condition is added and taken away again; a wrong one is told in words."""
    page = open_page(served)
    search(page, "wing")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Column").select_option("year")
    page.get_by_label("Rule").select_option(label="above")
    page.get_by_label("Value").fill("1955")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("1 result in").wait_for()
    assert page.locator(".hit h2").all_inner_texts() == ["Heat"]
    page.get_by_role("button", name="Remove year > 1955").click()
    page.get_by_text("2 results in").wait_for()
    page.get_by_label("Expression").fill("colour == 3")
    page.get_by_label("Expression").press("Enter")
    page.get_by_role("alert").get_by_text("colour").wait_for()


def test_explain(served, open_page):
    """Each result says what its score is made of; the parts add up."""
    page = open_page(served)
    search(page, "wing stream")
    page.get_by_label("Explain").check()
    page.get_by_text("Why this result").first.wait_for()
    table = page.locator(".why table").first
    heads = table.locator("thead th").all_inner_texts()
    assert {"term", "field", "tf", "idf", "score"} <= set(heads)
    at = heads.index("score")
    rows = [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]
    score = float(page.locator(".score").first.inner_text().split()[-1])
    assert sum(float(row[at]) for row in rows) == pytest.approx(score, rel=0.01)


def test_nothing_found(served, open_page):
    """It is said, and said to who listens."""
    page = open_page(served)
    search(page, "zebra")
    assert page.get_by_role("status").inner_text() == "No results"


@pytest.mark.parametrize("size", SIZES)
def test_predict(served, open_page, size):
    """A form of the model's columns; an answer, its chances, and what moved it."""
    page = open_page(served, size)
    page.get_by_role("link", name="animals").click()
    page.get_by_label("says", exact=True).fill("purr meow purr")
    page.get_by_role("button", name="Predict").click()
    page.locator(".said").wait_for()
    assert page.locator(".said").inner_text() == "cat"
    assert page.locator(".chances li").count() == 3
    assert "purr" in page.locator(".pulls").inner_text()
    page.get_by_label("age", exact=True).fill("old")
    page.get_by_role("button", name="Predict").click()
    page.get_by_text("must be a number").wait_for()
    assert page.evaluate("document.activeElement.getAttribute('aria-invalid')") == "true"


def test_the_report(served, open_page):
    """It is shown in a frame, whole, and in its own looks."""
    page = open_page(served)
    page.get_by_role("link", name="animals").click()
    page.get_by_role("link", name="Report").click()
    frame = page.frame_locator("iframe")
    frame.get_by_text("Predicting kind").wait_for()
    assert frame.locator(".tiles").evaluate("e => getComputedStyle(e).display") == "grid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_everyone_can_use_it(served, open_page, size, scheme):
    """Labels, names, one heading, contrast of 4.5 and no sideways scrolling, on every view."""
    page = open_page(served, size, scheme)
    page.get_by_label("Search books").wait_for()
    assert page.evaluate(CHECK) == []
    page.get_by_role("button", name="Filters").click()
    search(page, "wing")
    page.get_by_label("Explain").check()
    page.locator(".why").first.wait_for()
    assert page.evaluate(CHECK) == []
    page.get_by_role("link", name="animals").click()
    page.get_by_role("button", name="Predict").click()
    page.locator(".said").wait_for()
    assert page.evaluate(CHECK) == []


def test_the_keyboard_is_enough(served, open_page):
    """Tab goes through everything in the order in which it stands, and one sees where one is."""
    page = open_page(served)
    page.get_by_label("Search books").wait_for()
    page.keyboard.type("wing")
    page.locator(".hit").first.wait_for()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    assert page.evaluate(FOCUS) == ["q", True]
    found = []
    for _ in range(4):
        page.keyboard.press("Tab")
        found.append(page.evaluate(FOCUS))
    assert found == [["Search", True], ["Filters", True], ["why", True], ["k", True]]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    page.locator(".why").first.wait_for()


def test_a_token_is_asked_for(model, open_page):
    """A wrong one is told, the right one opens the page; it is kept out of the address."""
    with running(model, token=TOKEN) as client:
        page = open_page(client)
        page.get_by_label("Token", exact=True).fill("wrong")
        page.get_by_role("button", name="Use it").click()
        page.get_by_text("That token is wrong.").wait_for()
        assert page.evaluate(CHECK.replace('"not one h1"', '"h1"')) in ([], ["h1"])
        page.get_by_label("Token", exact=True).fill(TOKEN)
        page.get_by_role("button", name="Use it").click()
        page.get_by_role("heading", name="animals").wait_for()
        assert TOKEN not in page.url
        page.reload()
        page.get_by_role("heading", name="animals").wait_for()


def test_a_server_that_is_gone_is_told(model, open_page):
    """The page says so instead of waiting."""
    with running(model) as client:
        page = open_page(client)
        page.get_by_role("heading", name="animals").wait_for()
    page.get_by_role("button", name="Predict").click()
    page.get_by_role("alert").get_by_text("The server does not answer").wait_for()
