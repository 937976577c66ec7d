"""Authorities, servers' and clients' certificates, in directories as QEMU wants them."""

import datetime
from pathlib import Path

import trustme

_PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


class Authority:
    """A CA that issues what it is asked for."""

    def __init__(self) -> None:
        self.ca = trustme.CA(organization_name="BlockDeck tests")

    def server(self, directory: Path, *names: str, expired: bool = False) -> Path:
        """Credentials of a QEMU with these names."""
        return self._issue(directory, "server", names, expired=expired)

    def client(self, directory: Path, *, expired: bool = False) -> Path:
        """Credentials of an operator."""
        return self._issue(directory, "client", ("operator.test",), expired=expired)

    def alone(self, directory: Path) -> Path:
        """What an operator without a certificate has: the CA."""
        directory.mkdir(parents=True, exist_ok=True)
        self.ca.cert_pem.write_to_path(directory / "ca-cert.pem")
        return directory

    def _issue(self, directory: Path, role: str, names: tuple[str, ...], expired: bool) -> Path:
        self.alone(directory)
        issued = (
            self.ca.issue_cert(*names, not_before=_PAST, not_after=_PAST.replace(year=2021))
            if expired
            else self.ca.issue_cert(*names)
        )
        issued.cert_chain_pems[0].write_to_path(directory / f"{role}-cert.pem")
        key = directory / f"{role}-key.pem"
        key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(key)
        assert key.stat().st_mode & 0o077 == 0
        return directory
