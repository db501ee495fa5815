"""The metrics, against values worked out by hand."""

import math

import pytest

from qa import evaluation
from qa.assistant import Assistant
from qa.types import Answer, Citation, Link


def test_ranks_become_figures() -> None:
    assert [evaluation.within(rank, 3) for rank in (1, 3, 4, None)] == [1, 1, 0, 0]
    assert [evaluation.reciprocal(rank) for rank in (1, 4, None)] == [1, 0.25, 0]
    assert evaluation.discounted(1) == 1
    assert evaluation.discounted(3) == pytest.approx(0.5)
    assert evaluation.discounted(11) == evaluation.discounted(None) == 0


def test_auroc_counts_pairs_and_halves_ties() -> None:
    assert evaluation.auroc([0.9, 0.8], [0.1, 0.2]) == 1
    assert evaluation.auroc([0.5], [0.5]) == 0.5
    assert evaluation.auroc([0.9, 0.1], [0.5, 0.0]) == 0.75
    assert math.isnan(evaluation.auroc([], [0.5]))


def test_refusals_are_counted_at_the_threshold_that_answers_a_share_of_the_covered() -> None:
    covered = [0.1, *[0.9] * 19]
    assert evaluation.refused_at(0.95, covered, [0.2, 0.8, 0.95, 0.05]) == 0.25
    assert evaluation.refused_at(0.90, covered, [0.2, 0.8, 0.95, 0.05]) == 0.75


def test_the_interval_holds_the_mean_and_narrows_with_the_sample() -> None:
    few, many = evaluation.bootstrap([0, 1] * 10), evaluation.bootstrap([0, 1] * 1_000)
    assert few.mean == many.mean == 0.5
    assert few.low < many.low < 0.5 < many.high < few.high
    assert evaluation.bootstrap([1] * 5) == evaluation.Interval(1, 1, 1)


def test_a_parent_section_counts_for_its_child(edition: Assistant) -> None:
    parents = evaluation.ancestors(edition.playbook)
    chapter = edition.read(2)
    assert chapter is not None
    child = next(s for s in chapter.sections if s.heading_path[:1] == ("Failure modes",) and len(s.heading_path) == 2)
    assert parents[child.id] == {child.id, "2#failure-modes"}


def citation(edition: Assistant, start: int, quote: str, anchor: str) -> Answer:
    chapter = edition.read(1)
    assert chapter is not None
    link = Link(1, chapter.title, (), anchor, chapter.path)
    given = Citation(1, link, start, start + len(quote), 1, 1, quote, "prose")
    return Answer("q", True, 1.0, quote, (given,), (), "q")


def test_the_three_ways_a_quote_can_lie_are_told_apart(edition: Assistant) -> None:
    chapter = edition.read(1)
    assert chapter is not None
    block = chapter.sections[0].blocks[0]
    quote = chapter.text[block.start : block.end]
    anchor = chapter.sections[0].anchor
    words = quote.split()

    def said(start: int, text: str, where: str = anchor) -> list[str]:
        return list(evaluation.faults(citation(edition, start, text, where), edition.playbook))

    assert said(block.start, quote) == []
    assert said(block.start + 1, quote) == ["misattributed"]
    assert said(block.start, quote, "key-takeaways") == ["misattributed"]
    assert said(block.start, " ".join(reversed(words))) == ["frankenquote"]
    assert said(block.start, "Wombats wrote libuv.") == ["fabricated"]


def test_an_outcome_records_rank_and_evidence(edition: Assistant) -> None:
    row = {
        "id": "x",
        "type": "plain",
        "question": "how many threads does the libuv pool have",
        "chapter": 5,
        "anchor": "how-big-the-pool-is-and-when-it-starts",
        "also": [],
        "evidence": ["no such words"],
    }
    golden = evaluation.Golden.from_row(row)
    (outcome,) = evaluation.run([golden], lambda text: edition.search(text, 60), edition.ask, edition.playbook)
    assert outcome.chapter_rank == 1
    assert outcome.section_rank is not None
    assert not outcome.evidence_shown
    assert outcome.faults == ()


def test_rows_of_chapters_and_rows_not_covered_are_read() -> None:
    read = evaluation.Golden.from_row
    assert read({"question": "q", "covered": True, "chapters": [3, 5], "also": [9]}).chapters == (3, 5, 9)
    assert read({"question": "q", "chapter": 3, "anchor": "a", "also": ["9#b"]}).sections == {"3#a", "9#b"}
    assert read({"question": "q", "covered": False, "chapters": [3]}).chapters == ()
    with pytest.raises(KeyError, match="chapter"):
        read({"question": "q"})
    with pytest.raises(ValueError, match="invalid literal"):
        read({"question": "q", "chapter": 3, "anchor": "a", "also": ["failure-modes"]})
    with pytest.raises(ValueError, match="blank"):
        read({"question": " ", "covered": False})
