"""What is told of an error."""

from tui.cli.explain import explain
from tui.qmp.errors import NotAnswering


def test_what_was_added_to_an_error_on_its_way_is_told_too() -> None:
    error = NotAnswering("transaction", 10)
    error.add_note("THE GUEST MAY STILL BE FROZEN: nobody answers.")
    told = explain(error)
    assert told is not None
    assert told.sentence == (
        "QEMU did not answer transaction within 10 s. It may still carry it out. "
        "THE GUEST MAY STILL BE FROZEN: nobody answers."
    )


def test_a_question_without_an_answer_leaves_nothing_to_be_carried_out() -> None:
    told = explain(NotAnswering("query-block", 10))
    assert told is not None
    assert told.sentence == "QEMU did not answer query-block within 10 s."
