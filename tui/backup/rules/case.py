"""The case a rule judges: the arguments, the VM, and what follows from both."""

from collections.abc import Mapping
from functools import cached_property

from tui.backup.arguments import BLOCKDEV_BACKUP, DRIVE_BACKUP, Json
from tui.backup.source import Source, find_source
from tui.backup.target import TargetFacts, TargetName
from tui.backup.target_io import TargetIo
from tui.qmp.schema import QmpSchema
from tui.vm.snapshot import VmSnapshot


class Case:
    """One set of arguments for one VM.

    The readers give a value only where it has the type QEMU wants, and None else, so that a rule
    never trips over malformed JSON.

    `by_nodes`: the arguments are those of `drive-backup`, but BlockDeck makes the target's nodes
    itself and sends a `blockdev-backup`. `fleece`: what the guest overwrites is saved to this image
    first; None is no fleecing. `target_io`: how the target is written to; only by nodes.
    """

    def __init__(
        self,
        arguments: Mapping[str, Json],
        vm: VmSnapshot,
        schema: QmpSchema,
        target: TargetFacts | None,
        command: str,
        *,
        by_nodes: bool = False,
        fleece: TargetFacts | None = None,
        target_io: TargetIo = TargetIo.WRITEBACK,
    ) -> None:
        self.arguments = arguments
        self.vm = vm
        self.schema = schema
        self.command = command
        self.is_drive_backup = command == DRIVE_BACKUP
        self.is_blockdev_backup = command == BLOCKDEV_BACKUP
        self.by_nodes = by_nodes
        self.fleece = fleece
        self.target_io = target_io
        self._facts = target

    # --- reading arguments -----------------------------------------------------------------------

    def value(self, name: str) -> Json:
        """The value of an argument; `x-perf.max-chunk` is one inside an object."""
        outer, _, inner = name.partition(".")
        value = self.arguments.get(outer)
        if not inner:
            return value
        return value.get(inner) if isinstance(value, dict) else None

    def text(self, name: str) -> str | None:
        """An argument that is a text."""
        value = self.value(name)
        return value if isinstance(value, str) else None

    def integer(self, name: str) -> int | None:
        """An argument that is a whole number; true and false are none."""
        value = self.value(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def is_on(self, name: str) -> bool:
        """Whether an argument is true."""
        return self.value(name) is True

    # --- what follows ----------------------------------------------------------------------------

    @property
    def is_old(self) -> bool:
        """Whether this is a QEMU of the 5.x kind: its traps and messages differ."""
        return 0 < self.vm.major < 6

    @cached_property
    def sync(self) -> str | None:
        """The sync mode."""
        return self.text("sync")

    @property
    def sync_uses_bitmap(self) -> bool:
        """Whether a bitmap says what is copied."""
        return self.sync in ("incremental", "bitmap")

    @cached_property
    def mode(self) -> str:
        """`absolute-paths` unless another is given."""
        return self.text("mode") or "absolute-paths"

    @property
    def creates(self) -> bool:
        """Whether QEMU makes the target file."""
        return self.is_drive_backup and self.mode != "existing"

    @property
    def opens_existing(self) -> bool:
        """Whether QEMU opens an image that is there already."""
        return self.is_drive_backup and self.mode == "existing"

    @cached_property
    def source(self) -> Source:
        """What QEMU finds by `device`."""
        return find_source(self.vm, self.text("device"))

    @cached_property
    def target_node(self) -> Source:
        """What QEMU finds by the `target` of `blockdev-backup`."""
        return find_source(self.vm, self.text("target"))

    @cached_property
    def name(self) -> TargetName:
        """The target of `drive-backup` taken apart."""
        return TargetName.of(self.text("target") or "")

    @cached_property
    def facts(self) -> TargetFacts | None:
        """What the file system says of the target; None where it cannot be seen."""
        facts = self._facts
        seen = facts is not None and facts.visible and facts.path == self.text("target")
        return facts if seen else None

    @cached_property
    def format(self) -> str | None:
        """The driver of the target: given, else the source's, else what the file looks like.

        None is "cannot be told".
        """
        if self.is_blockdev_backup:
            return self.target_node.driver
        if "format" in self.arguments:
            return self.text("format")
        if self.creates:
            return self.source.driver
        facts = self.facts
        if facts is None or not facts.exists or facts.image_format is None:
            return "raw" if facts is not None and facts.exists else None
        return facts.image_format

    @property
    def backs_target(self) -> bool | None:
        """Whether the new target gets a backing file; None is "cannot be told"."""
        if self.sync == "none":
            return True
        return self.source.has_backing if self.sync == "top" else False
