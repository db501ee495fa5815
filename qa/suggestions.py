"""An answer and what the conversation has shown → questions to ask next.

Owns which sections come next and how a question to them reads. Does not answer or remember.
"""

import re
from collections.abc import Collection, Iterator, Sequence

from qa.types import Answer, Link, Playbook, Question

_MOST = 3
_LONGEST = 90
_OPENS = re.compile(
    r"(?:what|which|who|when|where|why|how|is|are|was|does|do|did|can|could|should|would|will|must|has|have)\b",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r"[.:;!?]\s")  # a question that comes with its story
_SPEAKER = re.compile(r"\bi\b(?![.-])")


def suggest(
    answer: Answer, playbook: Playbook, questions: Sequence[Question], *, seen: Collection[str], said: Collection[str]
) -> tuple[str, ...]:
    """Up to three questions to ask after an answer, each about another section.

    Args:
        answer: The answer; one that quotes nothing is followed by none.
        playbook: Where its sections stand.
        questions: How people ask for sections; without any, sections are asked for by their headings.
        seen: The ids of sections that the conversation has cited.
        said: What was asked or suggested in it.

    Returns:
        Questions about the sections related to the answer, nearest first, then about those
        around its quotes, each written as a question.
    """
    told = {text.casefold() for text in (answer.question, answer.searched_for, *said)}
    shown = {*seen, *(citation.source.id for citation in answer.citations)}
    nearby = {link.id: link for link in _nearby(answer, playbook) if link.id not in shown}
    asked: dict[str, list[str]] = {section: [] for section in nearby}
    for question in questions:
        if question.section_id in asked:
            asked[question.section_id].append(_written(question.question))
    found: list[str] = []
    for section, link in nearby.items():
        texts = asked[section] if questions else [_heading(link)]
        new = [text for text in texts if text and text.casefold() not in told]
        if new and new[0] not in found:
            found.append(new[0])
    return tuple(found[:_MOST])


def _nearby(answer: Answer, playbook: Playbook) -> Iterator[Link]:
    """The sections related to an answer, then those of each quote's chapter from there on."""
    if answer.citations:
        yield from answer.related
    for source in (citation.source for citation in answer.citations):
        chapter = playbook.chapter(source.chapter)
        sections = [section for section in chapter.sections if section.blocks] if chapter else []
        here = next((at for at, section in enumerate(sections) if section.anchor == source.anchor), 0)
        for section in sections[here:] + sections[:here]:
            yield Link(source.chapter, source.title, section.heading_path, section.anchor, source.path)


def _written(question: str) -> str:
    """What someone typed as a question one would write; '' where it is too long or more than one question."""
    text = question.strip().removesuffix("?").rstrip()
    if len(text) >= _LONGEST or not _OPENS.match(text) or _SEVERAL.search(text):
        return ""
    return _SPEAKER.sub("I", text[0].upper() + text[1:]) + "?"


def _heading(link: Link) -> str:
    heading = link.heading_path[-1] if link.heading_path else ""
    return heading if heading.endswith("?") else " › ".join(filter(None, (link.title, heading)))
