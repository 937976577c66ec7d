"""Which VMs are only asked, whatever else may be done to others."""

from collections.abc import Collection


class Protection:
    """Tells whether a VM may be told to do something.

    Args:
        always: whether none may.
        names: names and UUIDs of those that may not.
    """

    def __init__(self, always: bool, names: Collection[str] = ()) -> None:
        self._always = always
        self._names = frozenset(name.lower() for name in names)

    def covers(self, name: str, uuid: str | None) -> bool:
        """Whether the VM that calls itself so is only asked; its case does not matter."""
        return self._always or name.lower() in self._names or (uuid or "").lower() in self._names
