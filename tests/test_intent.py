"""What a question's wording asks for."""

import pytest

from qa.intent import rewrite, sides, subject, wanted
from qa.types import BlockKind


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Draw me the phases of the event loop", "diagram"),
        ("flowchart of an outbox", "diagram"),
        ("show me a circuit breaker", "code"),
        ("code for a token bucket", "code"),
        ("How would you implement retries?", "code"),
        ("overview of isolation levels", "table"),
        ("Why was a thread pool chosen?", None),
        ("which error code does it give", None),
        ("can a table scan be faster", None),
        ("show me a table of the caching headers", "table"),
        ("retry with jitter example", "code"),
        ("can you show how to drain connections?", "code"),
        ("how to implement a circuit breaker", "code"),
        ("what is sharding for, for example", None),
        ("example middleware for rate limiting", "code"),
        ("explain backpressure with a code sample", "code"),
        ("typical examples of cpu heavy tasks", None),
        ("visualize the event loop", "diagram"),
        ("what conclusions can I draw from a flame graph", None),
        ("show me why the event loop blocks", None),  # as here
        ("profile picture saves fine, then 404", None),
        ("why does the naive implementation of a mutex fail, show me", None),  # a reason was asked for
    ],
)
def test_the_kind_of_block_that_is_asked_for(question: str, kind: BlockKind | None) -> None:
    assert wanted(question) == kind


def test_the_subject_is_what_the_block_is_to_show() -> None:
    assert subject("diagram of the outbox pattern").split() == ["of", "the", "outbox", "pattern"]
    assert subject("what is a saga") == "what is a saga"


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("difference between cursors and offsets", ({"cursor"}, {"offset"})),
        ("Redis vs Memcached for sessions", ({"redi"}, {"memcach"})),
        ("should I use JWTs or sessions?", ({"jwts"}, {"session"})),
        ("rolling deploy versus canary deploy", ({"roll"}, {"canari"})),  # what both have tells nothing apart
        ("how does Kafka differ from SQS", ({"kafka"}, {"sqs"})),
        ("Is Redis better than Memcached", ({"redi"}, {"memcach"})),
        ("difference of PUT and PATCH", ({"put"}, {"patch"})),
        ("distinguish 401 from 403", ({"401"}, {"403"})),
        ("polling instead of webhooks", ({"poll"}, {"webhook"})),
        ("is it slow or fast", ()),  # nothing is chosen
        ("polling or webhooks?", ({"poll"}, {"webhook"})),
        (
            "queueMicrotask or nextTick for application code",
            ({"queuemicrotask", "queue", "microtask"}, {"nexttick", "next", "tick"}),
        ),
        ("what is a saga", ()),
        ("redis vs redis", ()),
    ],
)
def test_the_sides_of_a_comparison(question: str, named: tuple[set[str], ...]) -> None:
    assert sides(question) == named


@pytest.mark.parametrize(
    ("question", "joined"),
    [
        ("and its default size?", True),  # opens as a continuation
        ("what about Kafka", True),
        ("on Windows?", True),
        ("default keepAliveTimeout in node", True),
        ("how do I rotate the keys of a whole fleet of services", True),
        ("how would one roll back a release that changed the schema of its database and its topics too", False),
    ],
)
def test_a_question_that_leans_on_the_one_before_is_joined_to_it(question: str, joined: bool) -> None:
    before = "what is the thread pool"
    searched = rewrite(question, before, lambda text: 0.9 if before in text else 0.5)
    assert searched == (f"{question} ({before})" if joined else question)


def test_what_opens_as_a_continuation_of_something_else_stays_alone() -> None:
    question = "ok what is a circuit breaker"
    assert rewrite(question, "what is the thread pool", lambda text: 0.5 if "pool" in text else 0.9) == question


@pytest.mark.parametrize("question", ["jwt revoke", "how is it measured", "so what is a circuit breaker"])
def test_a_question_that_says_as_much_alone_stays_alone(question: str) -> None:
    assert rewrite(question, "what is the thread pool", lambda _: 0.9) == question
