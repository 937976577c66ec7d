"""Advice beside QEMU's errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.vm.remedies import remedy, with_advice

TOLD = [
    ("No space left on device", "Make room"),
    ("Input/output error", "kernel log"),
    ("Could not create '/b/x': Permission denied", "The user that runs QEMU"),
    ('Failed to get "write" lock', "Another process"),
    ('Failed to get shared "write" lock', "Another process"),
    ("Could not create '/b/x': No such file or directory", "as QEMU sees it"),
    ("Node 'd0' is busy: block device is in use by block job: backup", "Wait for its end"),
    ("Job ID 'j' already in use", "Choose another job id"),
    ("Bitmap 'b' is inconsistent and cannot be used", "Remove it"),
    ("Bitmap 'b' is currently in use by another operation and cannot be used", "Wait"),
    ("Source and target image have different sizes", "exactly as large"),
    ("The block job for device 'd0' is currently paused", "resume it first"),
    ("Job not found", "r asks QEMU again"),
    ("Job 'j' not found", "r asks QEMU again"),
    ("Block job 'j' not found", "r asks QEMU again"),
    ("No active block job on device 'd0'", "r asks QEMU again"),
    ("Could not create node: Block node is read-only", "Choose another"),
]


@pytest.mark.parametrize(("error", "advice"), TOLD)
def test_what_to_do_is_told(error: str, advice: str) -> None:
    assert advice in (remedy(error) or "")


@pytest.mark.parametrize("error", [None, "", "all is well", "Invalid argument"])
def test_of_what_is_not_known_nothing_is_said(error: str | None) -> None:
    assert remedy(error) is None


def test_the_words_of_an_error_stay_as_they_are_before_the_advice() -> None:
    assert with_advice("all is well") == "all is well"
    told = with_advice(OSError("No space left on device."))
    assert told.startswith("No space left on device. The target's file system is full. ")


@given(st.text())
def test_no_error_is_too_odd(error: str) -> None:
    advice = remedy(error)
    assert advice is None or advice
