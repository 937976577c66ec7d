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
