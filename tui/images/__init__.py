"""What is done with images that no VM uses: verify, restore, prune. `qemu-img` does the work."""
