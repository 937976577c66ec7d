"""A throwaway QEMU with disks worth looking at and guest-like writes going on."""
