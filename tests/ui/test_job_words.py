"""What a job's detail says of the guest is to be understood without reckoning."""

import pytest

from tui.widgets.job_rows import flow_words

MIB = float(1 << 20)


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (None, MIB, ""),
        (MIB, None, "; it writes 1.0 MiB/s"),
        (0.0, None, "; it writes nothing now"),
        (0.0, 12 * MIB, "; it writes nothing now, down from 12.0 MiB/s"),
        (0.0, 0.0, "; it writes nothing now"),
        (MIB, 0.0, "; it writes 1.0 MiB/s"),
        (11 * MIB, 12 * MIB, "; it writes 11.0 MiB/s, as before"),
        (1.5 * MIB, 12 * MIB, "; it writes 1.5 MiB/s, down from 12.0 MiB/s"),
        (24 * MIB, 12 * MIB, "; it writes 24.0 MiB/s, up from 12.0 MiB/s"),
    ],
)
def test_how_much_a_guest_writes_is_told_beside_what_it_wrote(
    now: float | None, before: float | None, told: str
) -> None:
    assert flow_words("write", now, before) == told
