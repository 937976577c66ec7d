"""Why there is no demo VM."""


class DemoError(Exception):
    """The demo VM cannot be had; the text says why to the operator, with QEMU's own words."""
