"""VMs that are open together: no two of them are called alike."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.qmp.address import MonitorAddress, parse_address
from tui.text import plain
from tui.vm.labels import LABEL, labels


@pytest.mark.parametrize(
    ("vms", "told"),
    [
        ([("web", "/run/a"), ("db", "/run/b")], ["web", "db"]),
        ([("", "/run/a"), ("", "/run/b")], ["/run/a", "/run/b"]),
        ([("web", "/run/a.qmp"), ("web", "/run/b.qmp")], ["web@a.qmp", "web@b.qmp"]),
        ([("web", "/run/vm1/qmp"), ("web", "/run/vm2/qmp")], ["web@vm1", "web@vm2"]),
        ([("web", "ssh://hv1/run/web"), ("web", "ssh://hv2/run/web")], ["web@hv1", "web@hv2"]),
        (
            [("web", "ssh://hv1.dc.example/run/a"), ("web", "ssh://hv2.dc.example/run/a")],
            ["web@hv1", "web@hv2"],
        ),
        (
            [("web", "ssh://hv.a.example/run/a"), ("web", "ssh://hv.b.example/run/a")],
            ["web@hv.a.example", "web@hv.b.example"],
        ),
        ([("web", "ssh://hv1/run/a"), ("web", "ssh://hv1/run/b")], ["web@a", "web@b"]),
        ([("web", "/run/web"), ("web", "ssh://hv1/run/web")], ["web@web", "web@hv1"]),
        ([("web", "10.0.0.1:44"), ("web", "10.0.0.2:44")], ["web@10.0.0.1", "web@10.0.0.2"]),
        (
            [("web", "localhost:44"), ("web", "localhost:45")],
            ["web@localhost:44", "web@localhost:45"],
        ),
        ([("web", "tls://hv1:44"), ("web", "tls://hv2:44")], ["web@hv1", "web@hv2"]),
        (
            [
                ("web", "qemu:///system?domain=web"),
                ("web", "qemu+ssh://root@hv1/system?domain=web"),
            ],
            ["web@libvirt", "web@hv1"],
        ),
        # Three of a name, and one that is called as another would have to be.
        (
            [("web", "/run/a"), ("web", "/run/b"), ("web@b", "/run/c"), ("db", "/run/d")],
            ["web@a", "web@run", "web@b@c", "db"],
        ),
    ],
)
def test_a_name_is_followed_by_what_tells_it_apart(
    vms: list[tuple[str, str]], told: list[str]
) -> None:
    assert labels([(name, parse_address(where)) for name, where in vms]) == told


_NAMES = st.text(string.ascii_lowercase[:3] + "@#", max_size=40)
_PART = st.text("ab", min_size=1, max_size=30)
_WHERE = st.one_of(
    st.lists(_PART, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts)),
    st.tuples(_PART, _PART).map(lambda two: f"ssh://{two[0]}/{two[1]}"),
    st.integers(1, 65535).map(lambda port: f"localhost:{port}"),
).map(parse_address)


@given(st.lists(st.tuples(_NAMES, _WHERE), max_size=12, unique_by=lambda vm: vm[1]))
def test_no_two_are_called_alike_also_where_there_is_little_room(
    vms: list[tuple[str, MonitorAddress]],
) -> None:
    told = labels(vms)
    assert len({plain(text, LABEL) for text in told}) == len(vms)
    assert all(text.startswith(name) for text, (name, _) in zip(told, vms, strict=True))
