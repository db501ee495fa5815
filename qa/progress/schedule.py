"""When a question is due again: FSRS over the marks its answers got.

Owns what a mark means to FSRS. Stores nothing: a schedule is worked out anew from the answers, so it
cannot disagree with them, whatever order they came in.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from fsrs import Card, Rating, Scheduler

_HARD, _GOOD, _EASY = 40, 65, 85  # the lowest mark of each; below is Again
# A failed question comes back the same day, a good one after days: one step, where FSRS's default of
# two would make every good answer due again ten minutes later. No fuzz, so the same answers give the
# same day; nobody prepares for longer than a year.
_SCHEDULER = Scheduler(learning_steps=(timedelta(minutes=10),), maximum_interval=365, enable_fuzzing=False)


def rating(score: int) -> Rating:
    """What a mark of 0 to 100 says of how well an answer was remembered."""
    if score < _HARD:
        return Rating.Again
    if score < _GOOD:
        return Rating.Hard
    return Rating.Good if score < _EASY else Rating.Easy


def due_times(reviews: Iterable[tuple[str, datetime, int]]) -> dict[str, datetime]:
    """When each question is due.

    Args:
        reviews: A question's id, when it was answered (UTC), and the mark; oldest first.

    Returns:
        The due time of each question, in UTC, soonest first.
    """
    cards: dict[str, Card] = {}
    for question, at, score in reviews:
        card = cards.get(question) or Card(card_id=0)
        cards[question], _ = _SCHEDULER.review_card(card, rating(score), at)
    return dict(sorted(((question, card.due) for question, card in cards.items()), key=lambda pair: pair[::-1]))
