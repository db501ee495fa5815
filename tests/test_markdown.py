"""The grammar: anchors as GitHub makes them, offsets that survive any text."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.playbook.markdown import FrontMatterError, Slugger, list_items, parse

# Left: the heading's plain text. Right: the fragment GitHub gives its link.
GITHUB = [
    ("Failure modes", "failure-modes"),
    ("What is `process.nextTick()`?".replace("`", ""), "what-is-processnexttick"),
    ("Event Loop – All Phases", "event-loop--all-phases"),
    ("Node.js Architecture (C++ + V8 + libuv)", "nodejs-architecture-c--v8--libuv"),
    ("Metrics and SLIs/SLOs", "metrics-and-slisslos"),
    ("CI/CD for Node.js", "cicd-for-nodejs"),
    ("Mutex & Semaphore Patterns", "mutex--semaphore-patterns"),
    ("UV_THREADPOOL_SIZE = 4", "uv_threadpool_size--4"),
    ("Überläufe und Ströme", "überläufe-und-ströme"),
    ("事件循环", "事件循环"),
    ("🚀 Launch", "-launch"),
    ('100% of p99\'s "tail"', "100-of-p99s-tail"),
    ("a - b", "a---b"),
]


@pytest.mark.parametrize(("heading", "anchor"), GITHUB)
def test_anchors_are_those_of_github(heading: str, anchor: str) -> None:
    assert Slugger().slug(heading) == anchor


def test_repeated_headings_are_numbered_and_never_collide() -> None:
    slugger = Slugger()
    assert [slugger.slug(h) for h in ["Foo", "Foo", "Foo-1", "Foo", "Foo 1"]] == [
        "foo",
        "foo-1",
        "foo-1-1",
        "foo-2",
        "foo-1-2",
    ]


def test_a_heading_without_letters_has_an_anchor_of_its_own() -> None:
    headings = parse("Before.\n\n### 🚀\n\nx\n\n### 🚀\n\n### -1\n").headings
    assert [heading.anchor for heading in headings] == ["-1", "-2", "-1-1"]


def test_headings_in_fences_are_not_headings() -> None:
    text = "# One\n\n```bash\n# not a heading\n```\n\n~~~\n## nor this\n~~~\n\n    # nor code\n\nTwo\n===\n"
    assert [(h.level, h.text) for h in parse(text).headings] == [(1, "One"), (1, "Two")]


def test_blocks_have_their_kinds_and_exact_offsets() -> None:
    text = "# T\n\nProse.\n\n- a\n- b\n\n| x |\n| - |\n| 1 |\n\n"
    text += "```js\nlet a;\n```\n\n```mermaid\ngraph TD\n```\n\n> quoted\n"
    found = [(block.kind, text[block.start : block.end]) for block in parse(text).blocks]
    assert found == [
        ("prose", "Prose."),
        ("list", "- a\n- b"),
        ("table", "| x |\n| - |\n| 1 |"),
        ("code", "```js\nlet a;\n```"),
        ("diagram", "```mermaid\ngraph TD\n```"),
        ("quote", "> quoted"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_offsets_hold_for_every_line_end(end: str) -> None:
    text = end.join(["\ufeff---", "number: 3", "---", "# Title", "", "One.\tTwo\u00a0x.", "", "- a", "  - b", ""])
    if end == "\r":
        text = text.replace("\ufeff---\rnumber: 3\r---\r", "\ufeff")
    document = parse(text)
    assert [h.text for h in document.headings] == ["Title"]
    assert [text[b.start : b.end] for b in document.blocks] == ["One.\tTwo\u00a0x.", f"- a{end}  - b"]


def test_list_items_are_whole_with_their_markers() -> None:
    text = "x\n\n1. one\n   more\n2. two\n   - inner\n"
    block = parse(text).blocks[1]
    assert [text[start:end] for start, end in list_items(text, block)] == ["1. one\n   more", "2. two\n   - inner"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\nnumber: 1\n# Never closed\n", 1),
        ("---\nnumber: 1\ntitle: a: b\n---\n", 3),
        ("---\n- a\n- b\n---\n", 2),
        ("---\ndate: 2024-13-45\n---\n", 2),
        ("---\nn: !!int abc\n---\n", 2),
        ("---\nn: !!timestamp abc\n---\n", 2),
        ("---\nn: " + "9" * 5_000 + "\n---\n", 2),
        ("---\nn: " + "[" * 3_000 + "\n---\n", 2),
    ],
    ids=["open", "colon", "list", "date", "int", "timestamp", "digits", "deep"],
)
def test_broken_front_matter_names_its_line(text: str, line: int) -> None:
    with pytest.raises(FrontMatterError) as caught:
        parse(text)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("  - a\n  - b\n", ["- a", "- b"]),
        ("  - \tfirst\n\n    more\n", ["- \tfirst\n\n    more"]),
        ("x\n\n   1. a\n\n      a2\n\n   2. b\n", ["1. a\n\n      a2", "2. b"]),
        ("\ufeff - a\r\n - b\r\n", ["- a", "- b"]),
    ],
)
def test_items_of_an_indented_list_are_whole(text: str, wanted: list[str]) -> None:
    block = parse(text).blocks[-1]
    assert [text[start:end] for start, end in list_items(text, block)] == wanted


WORDS = st.text(alphabet=st.sampled_from("ab.#`*_|-\t \u00a0é🚀<>&[]()\\"), min_size=1, max_size=20)
SMALL = st.one_of(
    WORDS,
    WORDS.map(lambda w: f"# {w}"),
    WORDS.map(lambda w: f"```py\n# {w}\n\n{w}\n```"),
    WORDS.map(lambda w: f"- {w}\n  - nested\n\n  more\n- b"),
    WORDS.map(lambda w: f"| a | b |\n| - | - |\n| {w.replace('|', '')} | 2 |"),
    WORDS.map(lambda w: f"> {w}\n> - x"),
)
# each larger than a chunk may be
BIG_LISTS = st.tuples(
    st.sampled_from(["", " ", "  ", "   "]),
    st.sampled_from(["- ", "-\t", "- \t", "* ", "1. ", "10)\t"]),
    WORDS,
    st.sampled_from(["", "\n\n    more", "\n\n\tmore", "\n    - inner", "\n\t1. inner\n\t   - deep", "\nlazy"]),
).map(lambda p: "\n".join(f"{p[0]}{p[1]}{p[2]} {n} {'important words ' * 7}{p[3]}" for n in range(12)))
BIG = st.one_of(
    BIG_LISTS,
    WORDS.map(lambda w: f"{w}. Then " * 120),
    WORDS.map(lambda w: "\n".join(f"> {w} quoted {n}" for n in range(90))),
)
BLOCKS = st.one_of(SMALL, BIG)
MARKDOWN = st.tuples(st.lists(BLOCKS, max_size=8), st.sampled_from(["\n", "\r\n", "\r"])).map(
    lambda parts: "\n\n".join(parts[0]).replace("\n", parts[1])
)


@given(MARKDOWN)
@settings(max_examples=300, deadline=None)
def test_blocks_of_any_text_are_ordered_disjoint_and_trimmed(text: str) -> None:
    try:
        document = parse(text)
    except FrontMatterError:
        return
    spans = sorted([(b.start, b.end) for b in document.blocks] + [(h.start, h.end) for h in document.headings])
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(end <= after for (_, end), (after, _) in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    anchors = [heading.anchor for heading in document.headings]
    assert len(anchors) == len(set(anchors))
