"""The page in a real browser: ask, follow a citation, look up, read, on every size of screen."""

import html
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from qa.assistant import Assistant
from tests.conftest import BREAD, CONTENT, write_small

EVIL = """# Evil chapter

<script>window.hacked = 1</script>

Wombats burrow. <img src=x onerror="window.hacked = 2"> They are <b onmouseover="window.hacked=3">marsupials</b>.

## Lists and code

Wombat care in order:

- Dig a *deep* burrow
- Fill it with `hay`

```js
const wombat = "</code></pre><script>window.hacked = 4</script>";

feed(wombat, { times: 3 });
```

| Food | Grams |
| --- | --- |
| grass | 500 |
| roots | 120 |

```mermaid
flowchart LR
  A["burrow"] --> B["meadow"]
```

[tides](01-sea/01-tides.md#spring-and-neap-tides) [bad](javascript:window.hacked=5)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serving(*arguments: str | Path) -> Iterator[str]:
    """Runs app.py until the test is over; gives its address."""
    port = free_port()
    command = [sys.executable, "app.py", "--port", str(port), *map(str, arguments)]
    with subprocess.Popen(command, cwd=CONTENT.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, server.stdout and server.stdout.read().decode()
                time.sleep(0.2)
        yield address
        server.terminate()


def launched(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs app.py with arguments that it must refuse."""
    command = [sys.executable, "app.py", *arguments]
    return subprocess.run(command, cwd=CONTENT.parent, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def app(edition: Assistant) -> Iterator[str]:
    """The shipped edition, served; its index is current first."""
    assert edition.playbook.chapters
    yield from serving()


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory, module_index: Path) -> Iterator[str]:
    """A small playbook with a hostile chapter, served."""
    root = write_small(tmp_path_factory.mktemp("zoo"))
    (root / "03-evil.md").write_text(EVIL, encoding="utf-8")
    yield from serving("--content", root, "--index", module_index)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, module_index: Path) -> Iterator[str]:
    """One chapter without a section or questions, served."""
    root = tmp_path_factory.mktemp("plain")
    (root / "01-bread.md").write_text("# Bread\n\nBread is flour, water and salt.\n", encoding="utf-8")
    folder = tmp_path_factory.mktemp("plain-index")
    shutil.copytree(module_index / "models", folder / "models")
    yield from serving("--content", root, "--index", folder)


def ask(page: Page, address: str, question: str) -> None:
    if not page.url.startswith(address):
        page.goto(address)
    before = page.locator("#chat .bot").count()
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#chat .bot")).to_have_count(before + 1, timeout=30_000)  # the machine may be busy


def marked(page: Page) -> str:
    page.locator("#reader-page mark").first.wait_for()
    return " ".join("".join(page.locator("#reader-page mark").all_text_contents()).split())


def bare(markdown: str) -> str:
    """What is left of a quote when its Markdown marks are gone."""
    text = re.sub(r"\]\([^)]*\)|^```\w*$|^\| ?---.*$|^[-*] |[`*|\[\]]", "", markdown, flags=re.MULTILINE)
    return "".join(html.unescape(text).split())


def test_a_question_is_answered_and_its_citation_opens_with_the_quote_marked(app: str, page: Page) -> None:
    ask(page, app, "How many threads does libuv's pool have, and how do I change it?")
    shown = "".join(page.locator("#chat .bot p:not(.trust)").all_inner_texts()).split("[1]")[0]
    page.locator("#chat a.cite", has_text="[1]").first.click()
    assert marked(page).replace(" ", "") == "".join(shown.split())
    expect(page.locator("#reader-page mark").first).to_be_in_viewport()
    assert re.search(r"\?view=read&chapter=\d+&span=\d+-\d+$", page.url)


@pytest.mark.parametrize(
    ("quote", "kind"),
    [
        ("- Dig a *deep* burrow\n- Fill it with `hay`", "list"),
        ("| Food | Grams |\n| --- | --- |\n| grass | 500 |\n| roots | 120 |", "table"),
        ('const wombat = "</code></pre><script>window.hacked = 4</script>";\n\nfeed(wombat, { times: 3 });', "code"),
        ("Feed the starter with equal weights of flour and water, then wait until it has doubled.", "prose"),
        ("Wombats burrow.", "part of a paragraph"),
    ],
)
def test_a_quote_of_every_kind_is_marked_inside_the_rendered_chapter(
    zoo: str, page: Page, quote: str, kind: str
) -> None:
    chapter, source = (3, EVIL) if quote in EVIL else (2, BREAD)
    start = source.index(quote)
    page.goto(f"{zoo}?view=read&chapter={chapter}&span={start}-{start + len(quote)}")
    assert marked(page).replace(" ", "") == bare(quote), kind


def test_scripts_in_a_chapter_or_a_question_never_run(zoo: str, page: Page) -> None:
    page.goto(f"{zoo}?view=read&chapter=3")
    expect(page.locator("#reader-page")).to_contain_text("<script>window.hacked = 1</script>")
    page.locator("#reader-page img").count()
    ask(page, zoo, "<img src=x onerror='window.hacked=6'> <script>window.hacked=7</script> wombat food?")
    expect(page.locator("#chat .user").last).to_contain_text("<img src=x onerror='window.hacked=6'>")
    ask(page, zoo, "how do wombats burrow")
    for link in page.locator("#reader-page a", has_text="bad").all():
        link.click()
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None


def test_an_address_opens_straight_at_its_section(app: str, page: Page) -> None:
    page.goto(f"{app}?view=read&chapter=2&section=failure-modes")
    heading = page.locator("#s-failure-modes")
    expect(heading).to_be_in_viewport()
    expect(page.locator("#reader-title")).to_contain_text("2. Event Loop – All Phases › Failure modes")


@pytest.mark.parametrize(
    "query", ["chapter=999", "chapter=x", "chapter=1&section=gone", "chapter=1&span=5-999999999", "chapter=1&span=9-2"]
)
def test_an_address_that_leads_nowhere_is_said_or_opens_the_chapter(app: str, page: Page, query: str) -> None:
    page.goto(f"{app}?view=read&{query}")
    missing = {
        "chapter=999": "There is no chapter 999 in this playbook.",
        "chapter=x": "There is no such place in this playbook.",
    }
    expect(page.locator("#reader-page")).to_contain_text(missing.get(query, "Node.js Architecture"))


def test_a_link_between_chapters_and_the_back_button_stay_in_the_page(zoo: str, page: Page) -> None:
    page.goto(f"{zoo}?view=read&chapter=3")
    page.locator("#reader-page a", has_text="tides").click()
    expect(page.locator("#reader-page h1")).to_have_text("Tides")
    assert page.url.endswith("?view=read&chapter=1&section=spring-and-neap-tides")
    page.go_back()
    expect(page.locator("#reader-page h1")).to_have_text("Evil chapter")


def test_mermaid_is_drawn(zoo: str, page: Page) -> None:
    page.goto(f"{zoo}?view=read&chapter=3")
    expect(page.locator("#reader-page svg", has_text="burrow")).to_be_visible()


def test_look_up_finds_as_one_types_and_works_with_the_keyboard(app: str, page: Page) -> None:
    page.goto(app)
    page.get_by_role("tab", name="Look up").click()
    box = page.locator("#lookup textarea, #lookup input").first
    box.press_sequentially("thread pool size", delay=15)
    results = page.locator("#results a.result")
    expect(results.first).to_contain_text("libuv Thread Pool")
    assert page.locator("#results mark").count() > 0
    box.press("ArrowDown")
    expect(results.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(results.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(box).to_be_focused()
    box.press("ArrowDown")
    page.keyboard.press("Enter")
    assert marked(page)
    page.keyboard.press("Escape")
    expect(page.locator("#reader")).to_be_hidden()


def test_the_conversation_goes_on_and_follow_ups_say_what_was_searched(app: str, page: Page) -> None:
    ask(page, app, "what is the libuv thread pool?")
    ask(page, app, "and what is its default size?")
    expect(page.locator("#chat .user")).to_have_count(2)
    expect(page.locator("#chat .bot").last).to_contain_text(
        "Searched for: and what is its default size? (what is the libuv thread pool?)"
    )


def test_an_example_question_is_asked_with_one_click(app: str, page: Page) -> None:
    page.goto(app)
    page.locator("#chat button", has_text="?").first.click()
    expect(page.locator("#chat .bot a").first).to_be_visible()


def test_a_playbook_without_questions_or_sections_shows_neither(plain: str, page: Page) -> None:
    page.goto(plain)
    expect(page.locator("#question textarea")).to_be_visible()
    expect(page.locator("#chat button", has_text="?")).to_have_count(0)
    expect(page.get_by_text("Keep to one section of the playbook")).to_have_count(0)


def test_a_users_words_are_shown_as_typed(zoo: str, page: Page) -> None:
    question = "Wombat food\n===\n\n    indented *x* https://a.b/c_d\n- one\n1. two"
    ask(page, zoo, question)
    assert page.locator("#chat .user .typed").last.inner_text() == question


@pytest.mark.parametrize("how", [{"modifiers": ["Control"]}, {"modifiers": ["Meta"]}, {"button": "middle"}])
def test_a_link_opens_in_a_new_tab(zoo: str, page: Page, how: Any) -> None:
    page.goto(f"{zoo}?view=read&chapter=3")
    with page.context.expect_page() as opened:
        page.locator("#reader-page a", has_text="tides").click(**how)
    expect(opened.value.locator("#reader-page h1")).to_have_text("Tides")
    assert opened.value.url.endswith("?view=read&chapter=1&section=spring-and-neap-tides")
    expect(page.locator("#reader-page h1")).to_have_text("Evil chapter")


def test_the_section_filter_keeps_answers_inside(app: str, page: Page) -> None:
    page.goto(app)
    page.get_by_text("Keep to one section of the playbook").click()
    page.locator("#part").get_by_text("Node.js Internals").click()
    ask(page, app, "How do I find a memory leak?")  # of other sections first, without the filter
    links = page.locator("#chat .bot :is(a.cite, a.read)").all()  # a link inside a quote leads where it leads
    chapters = {int(re.sub(r"#(cite|read)-(\d+)-.*", r"\2", link.get_attribute("href") or "")) for link in links}
    assert chapters
    assert chapters <= set(range(1, 11))


def test_a_filtered_question_that_another_section_covers_names_its_sections(app: str, page: Page) -> None:
    page.goto(app)
    page.get_by_text("Keep to one section of the playbook").click()
    page.locator("#part").get_by_text("Node.js Internals").click()
    ask(page, app, "How do I keep secrets out of memory dumps?")
    answer = page.locator("#chat .bot").last
    expect(answer).to_contain_text("another one does")
    assert answer.locator("a.cite").count() == 0
    assert answer.locator("a.read[href^='#read-58-']").count() >= 1


def test_a_question_not_covered_says_so_and_names_the_nearest(app: str, page: Page) -> None:
    ask(page, app, "What is the best pizza in Naples?")
    answer = page.locator("#chat .bot").last
    expect(answer).to_contain_text("The playbook does not cover this.")
    assert answer.locator("a.read").count() >= 1
    assert answer.locator("a.cite").count() == 0


def test_a_blank_or_overlong_question_is_told_and_kept(app: str, page: Page) -> None:
    page.goto(app)
    box = page.locator("#question textarea")
    box.fill("   ")
    page.locator("#send").click()
    expect(page.get_by_role("alert")).to_contain_text("type a few words")
    box.fill("x" * 2_001)
    page.locator("#send").click()
    expect(page.get_by_role("alert")).to_contain_text("2,000 are the most")
    assert len(box.input_value()) == 2_001
    assert page.locator("#chat .bot").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_everything_without_scrolling_sideways(app: str, browser: Browser, theme: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.goto(f"{app}?__theme={theme}")
    ask(page, app, "How many threads does libuv's pool have, and how do I change it?")
    wide = "document.documentElement.scrollWidth <= window.innerWidth"
    assert page.evaluate(wide)
    page.locator("#chat a.cite", has_text="[1]").first.tap()
    assert marked(page)
    expect(page.locator("#reader-page mark").first).to_be_in_viewport()
    box = page.locator("#reader").bounding_box()
    assert box is not None
    assert box["width"] == 390
    assert box["height"] >= 844
    assert page.evaluate(wide)
    page.locator("#close-reader").tap()
    expect(page.locator("#reader")).to_be_hidden()
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marked_and_plain_text_are_legible(app: str, page: Page, theme: str) -> None:
    """WCAG's contrast of at least 4.5 between text and what lies behind it."""
    page.goto(f"{app}?view=read&chapter=1&span=700-900&__theme={theme}")
    page.locator("#reader-page mark").first.wait_for()
    contrast = """(selector) => {
      const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
        .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
      const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
      const element = document.querySelector(selector);
      let behind = element;
      while (behind && (rgb(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
      const a = light(rgb(getComputedStyle(element).color));
      const b = light(rgb(behind ? getComputedStyle(behind).backgroundColor : "rgb(255,255,255)"));
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }"""
    for selector in ("#reader-page mark", "#reader-page p", "#reader-page a"):
        assert page.evaluate(contrast, selector) >= 4.5, selector


def test_the_theme_button_switches_and_is_remembered(app: str, page: Page) -> None:
    page.goto(app)
    before = page.evaluate("document.body.classList.contains('dark')")
    page.locator("#theme").click()
    assert page.evaluate("document.body.classList.contains('dark')") is not before
    page.reload()
    page.locator("#question textarea").wait_for()
    page.wait_for_function(f"document.body.classList.contains('dark') === {str(not before).lower()}")


def test_a_foreign_host_header_is_refused(app: str) -> None:
    request = urllib.request.Request(app, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)


def test_nothing_is_a_public_api(app: str) -> None:
    with urllib.request.urlopen(f"{app}/gradio_api/info") as response:
        assert b'"named_endpoints":{},"unnamed_endpoints":{}' in response.read().replace(b" ", b"")


@pytest.mark.usefixtures("edition")
def test_a_port_in_use_and_an_open_host_are_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = launched("--port", port)
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
    assert "Traceback" not in result.stderr
    result = launched("--host", "0.0.0.0")
    assert result.returncode == 1
    assert "add --insecure-no-auth" in result.stderr
