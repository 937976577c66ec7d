"""BlockDeck: live backups of QEMU disks over QMP, from a terminal."""

__version__ = "0.1.0"
