"""Which fields of the form apply, given what is filled in."""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tui.backup.fields import Choice, FormField
from tui.backup.formats import WITH_BACKING, WITH_COMPRESSION
from tui.vm.snapshot import Device, VmSnapshot


class Applicability(BaseModel):
    """How a field stands: `reason` says why it is disabled or why choices are missing."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    state: Literal["hidden", "disabled", "enabled"] = "enabled"
    reason: str = ""
    choices: tuple[Choice, ...] = ()


def applicability(
    texts: Mapping[str, str],
    device: Device | None,
    vm: VmSnapshot,
    fields: Iterable[FormField],
) -> dict[str, Applicability]:
    """How each field stands. A field that is filled in is never hidden or disabled.

    Args:
        texts: what is filled in, by field.
        device: the disk of the form.
        vm: the VM as it is now.
        fields: the form's fields.
    """
    form = _Form(texts, device, vm)
    return {field.name: form.state_of(field) for field in fields}


class _Form:
    def __init__(self, texts: Mapping[str, str], device: Device | None, vm: VmSnapshot) -> None:
        self._texts = texts
        self._device = device
        self._medium = device.medium if device else None
        self._vm = vm

    def _text(self, name: str) -> str:
        return self._texts.get(name, "")

    def state_of(self, field: FormField) -> Applicability:
        match field.name:
            case "bitmap":
                return self._bitmap(field)
            case "bitmap-mode":
                return self._bitmap_mode(field)
            case "compress":
                return self._compress(field)
            case "sync":
                return self._sync(field)
            case "format":
                return self._format(field)
            case "on-source-error" | "on-target-error":
                return self._on_error(field)
        return Applicability(choices=field.choices)

    def _bitmap(self, field: FormField) -> Applicability:
        bitmaps = self._medium.bitmaps if self._medium else ()
        choices = tuple(Choice(value=b.name, help=f"{b.count} bytes marked") for b in bitmaps)
        wanted = self._text("sync") in ("incremental", "bitmap") or self._text("bitmap")
        if not wanted:
            return Applicability(state="hidden", choices=choices)
        names = ", ".join(b.name for b in bitmaps)
        reason = f"The disk's bitmaps: {names}." if names else "The disk has no bitmap."
        return Applicability(reason=reason, choices=choices)

    def _bitmap_mode(self, field: FormField) -> Applicability:
        if self._text("bitmap-mode"):
            return Applicability(choices=field.choices)
        if not self._text("bitmap") and self._text("sync") != "bitmap":
            return Applicability(state="hidden", choices=field.choices)
        return Applicability(choices=field.choices)

    def _compress(self, field: FormField) -> Applicability:
        own = self._medium.driver if self._medium else ""
        image_format = self._text("format") or ("" if self._existing else own)
        if not image_format or image_format in WITH_COMPRESSION or self._text("compress"):
            return Applicability()
        reason = f"Format {image_format} cannot be compressed; qcow2 can."
        return Applicability(state="disabled", reason=reason)

    @property
    def _existing(self) -> bool:
        return self._text("mode") == "existing"

    def _sync(self, field: FormField) -> Applicability:
        """Without a backing file `top` means `full`; without a bitmap nothing is marked."""
        gone: dict[str, str] = {}
        medium = self._medium
        if medium is not None and medium.backing_file is None and medium.backing_depth == 0:
            gone["top"] = "top needs a backing file"
        if medium is not None and not medium.bitmaps:
            gone["incremental"] = gone["bitmap"] = "incremental and bitmap need a dirty bitmap"
        return self._without(field, gone)

    def _format(self, field: FormField) -> Applicability:
        gone: dict[str, str] = {}
        if self._text("sync") == "none" and not self._existing:
            words = "sync=none needs a format with a backing file"
            gone = {c.value: words for c in field.choices if c.value not in WITH_BACKING}
        return self._without(field, gone)

    def _on_error(self, field: FormField) -> Applicability:
        if self._device is None or self._device.io_status is not None:
            return Applicability(choices=field.choices)
        words = "stop and enospc need a disk with io-status"
        return self._without(field, {"stop": words, "enospc": words})

    def _without(self, field: FormField, gone: Mapping[str, str]) -> Applicability:
        """The choices that are left; what is chosen stays, for the rules to speak about."""
        chosen = self._text(field.name)
        left = tuple(c for c in field.choices if c.value not in gone or c.value == chosen)
        missing = {choice.value for choice in field.choices} - {choice.value for choice in left}
        reasons = dict.fromkeys(gone[value] for value in gone if value in missing)
        words = "; ".join(reasons)
        return Applicability(
            reason=f"{words[:1].upper()}{words[1:]}." if words else "", choices=left
        )
