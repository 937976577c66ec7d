"""An address is read as people type it, and a bad one is told in one sentence."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.qmp.address import (
    MAX_SOCKET_PATH,
    AddressError,
    LibvirtAddress,
    MonitorAddress,
    SshAddress,
    TcpAddress,
    TlsAddress,
    UnixAddress,
    parse_address,
)

PORT = TcpAddress(host="localhost", port=4444)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/run/vm.sock", "/run/vm.sock"),
        ("  /run/vm.sock\n", "/run/vm.sock"),
        ("vm.sock", "vm.sock"),
        ("./vm:1", "vm:1"),
        ("/run/vm:4444", "/run/vm:4444"),
        ("unix:/run/vm.sock", "/run/vm.sock"),
        ("unix:/run/vm.sock,server=on,wait=off", "/run/vm.sock"),
        ("unix:/run/a,,b.sock,server", "/run/a,b.sock"),
        ("/run/a,b.sock", "/run/a,b.sock"),
        ("unix:localhost:4444", "localhost:4444"),
        ("/run/[/red].sock", "/run/[/red].sock"),
    ],
)
def test_a_path_is_a_unix_socket(text: str, path: str) -> None:
    assert parse_address(text) == UnixAddress(path=Path(path))


def test_a_tilde_is_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/op")
    assert parse_address("~/vm.sock") == UnixAddress(path=Path("/home/op/vm.sock"))


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost:4444", "localhost", 4444),
        ("10.0.0.7:1", "10.0.0.7", 1),
        ("[::1]:4444", "::1", 4444),
        ("tcp:localhost:4444,server=on,wait=off", "localhost", 4444),
        ("tcp:[fe80::1%eth0]:65535", "fe80::1%eth0", 65535),
        ("tcp::4444", "localhost", 4444),
        (":4444", "localhost", 4444),
        ("vm-host.example:04444", "vm-host.example", 4444),
    ],
)
def test_a_host_and_a_port_are_tcp(text: str, host: str, port: int) -> None:
    assert parse_address(text) == TcpAddress(host=host, port=port)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Enter the path"),
        (" \t", "Enter the path"),
        ("unix:", "after unix:"),
        ("unix:,server=on", "after unix:"),
        ("/run/a\0b", "NUL"),
        ("/run/\ud83d", "characters that no file name can have"),
        ("/" + "x" * MAX_SOCKET_PATH, "has 108 bytes"),
        ("/" + "é" * 60, "has 121 bytes"),
        ("localhost:", "port is missing"),
        ("[::1]", "port is missing"),
        ("[::1]:", "port is missing"),
        ("[]:4444", "host before the port"),
        ("a host:4444", "host before the port"),
        ("localhost:qmp", "must be a number, not 'qmp'"),
        ("localhost:-1", "must be a number"),
        ("localhost:٤٤", "must be a number"),
        ("localhost:0", "between 1 and 65535"),
        ("localhost:65536", "between 1 and 65535"),
        ("localhost:" + "9" * 5000, "between 1 and 65535"),
        ("::1:4444", "in brackets"),
        ("tcp:localhost", "port is missing"),
        ("[::1", "in brackets"),
    ],
)
def test_a_bad_address_is_told_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(AddressError) as told:
        parse_address(text)
    assert says in str(told.value)
    assert len(str(told.value)) < 200


def test_the_longest_path_is_accepted() -> None:
    path = "/" + "x" * (MAX_SOCKET_PATH - 1)
    assert str(parse_address(path)) == path


# --- URLs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ssh://op@host/run/vm.sock", SshAddress(user="op", host="host", path="/run/vm.sock")),
        ("ssh://host:2222/run/a%20b", SshAddress(host="host", port=2222, path="/run/a b")),
        ("ssh://host", SshAddress(host="host")),
        ("ssh://op@host:1/", SshAddress(user="op", host="host", port=1)),
        ("ssh://[::1]:22/run/vm", SshAddress(host="::1", port=22, path="/run/vm")),
        ("ssh://op@host/localhost:4444", SshAddress(user="op", host="host", tcp=PORT)),
        ("ssh://host/:4444", SshAddress(host="host", tcp=PORT)),
        (
            "ssh://host:22/[fe80::1%25eth0]:1",
            SshAddress(host="host", port=22, tcp=TcpAddress(host="fe80::1%eth0", port=1)),
        ),
        # What is a path is written so that it can be nothing else.
        ("ssh://host/localhost%3A4444", SshAddress(host="host", path="/localhost:4444")),
        ("ssh://host/run/vm:1", SshAddress(host="host", path="/run/vm:1")),
        ("tls://host:4444", TlsAddress(host="host", port=4444)),
        (
            "tls://[::1]:4444?dir=/etc/pki/qemu&tls-hostname=vm.example",
            TlsAddress(host="::1", port=4444, dir=Path("/etc/pki/qemu"), tls_hostname="vm.example"),
        ),
        (
            "tls://host:1/?ca=/a.pem&cert=/b%26.pem&key=/c.pem",
            TlsAddress(
                host="host", port=1, ca=Path("/a.pem"), cert=Path("/b&.pem"), key=Path("/c.pem")
            ),
        ),
        ("qemu:///system", LibvirtAddress(uri="qemu:///system")),
        ("qemu:///system?domain=vm%201", LibvirtAddress(uri="qemu:///system", domain="vm 1")),
        (
            "qemu+ssh://root@host:22/session?domain=a&socket=/x",
            LibvirtAddress(uri="qemu+ssh://root@host:22/session?socket=/x", domain="a"),
        ),
    ],
)
def test_a_url_is_read(text: str, address: MonitorAddress) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://host/x", "http:// is not known"),
        ("ssh:///run/vm.sock", "host is missing"),
        ("ssh://op:secret@host/run/vm.sock", "a password has no place"),
        ("ssh://$(reboot)/run/vm.sock", "no host's name"),
        ("ssh://-oProxyCommand=x/run/vm.sock", "no host's name"),
        ("ssh://a b@host/run/vm.sock", "no user's name"),
        ("ssh://host:x/run/vm.sock", "must be a number"),
        ("ssh://host/run/vm?x=1", "takes no options"),
        ("ssh://host/" + "x" * 107, "107 bytes"),
        ("ssh://host/%00", "NUL"),
        ("ssh://host/vm:one", "In a path, write a colon as %3A"),
        ("ssh://host/localhost:", "The port is missing"),
        ("ssh://host/localhost:70000", "between 1 and 65535"),
        ("ssh://host/::1:4444", "IPv6 address in brackets"),
        ("ssh://host/a%20b:4444", "contains spaces"),
        ("ssh://host/%ff", "characters that no name can have"),
        ("tls://host", "port is missing"),
        ("tls://host:0", "between 1 and 65535"),
        ("tls://host:1/x", "nothing but ?options"),
        ("tls://host:1?insecure=1", "does not know ?insecure="),
        ("tls://host:1?ca=", "value is missing after ca="),
        ("tls://op@host:1", "no tls:// address"),
        ("qemu:///system?domain=a&domain=b", "which one domain"),
        ("qemu:///elsewhere?domain=x", "/system or /session"),
    ],
)
def test_a_bad_url_is_told_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(AddressError) as told:
        parse_address(text)
    assert says in str(told.value)
    assert "secret" not in str(told.value)
    assert len(str(told.value)) < 200


SCHEMES = (
    "ssh://",
    "ssh://h/",
    "ssh://h/[",
    "ssh://h/a:",
    "tls://",
    "tls://h:1?ca=",
    "qemu:///system?domain=",
    "x://",
)

names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8
)
paths = st.builds(
    lambda root, parts: Path(root + "/".join(parts)),
    st.sampled_from(["", "/", "unix:", "tcp:", "~", "localhost:44", "["]),
    st.lists(names, min_size=1, max_size=3),
)
hosts = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True) | st.ip_addresses().map(str)
addresses = st.builds(UnixAddress, path=paths.filter(lambda p: str(p) == str(p).strip())) | (
    st.builds(TcpAddress, host=hosts, port=st.integers(1, 65535))
)
words = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8
)
files = st.none() | words.map(lambda word: Path("/" + word))
urls = (
    st.builds(
        TlsAddress,
        host=hosts,
        port=st.integers(1, 65535),
        dir=files,
        ca=files,
        cert=files,
        key=files,
        tls_hostname=st.none() | words,
    )
    | st.builds(
        SshAddress,
        host=hosts,
        tcp=st.builds(TcpAddress, host=hosts | st.just("fe80::1%eth0"), port=st.integers(1, 65535)),
    )
    | st.builds(
        SshAddress,
        host=hosts,
        path=st.just("") | words.map("/{}".format),
        user=st.none() | st.from_regex(r"[a-z_.][a-z0-9_.@\\-]{0,8}", fullmatch=True),
        port=st.none() | st.integers(1, 65535),
    )
    | st.builds(
        LibvirtAddress,
        uri=st.sampled_from(["qemu:///system", "qemu+tls://host/session?no_verify=0"]),
        domain=st.just("") | words,
    )
)


@given(addresses | urls)
def test_an_address_reads_back_from_its_own_text(address: MonitorAddress) -> None:
    assert parse_address(str(address)) == address


@given(st.text() | st.builds("{}{}".format, st.sampled_from(SCHEMES), st.text()))
def test_any_text_is_an_address_or_a_reason(text: str) -> None:
    address: MonitorAddress | None = None
    with contextlib.suppress(AddressError):
        address = parse_address(text)
    assert address is None or parse_address(str(address)) == address
