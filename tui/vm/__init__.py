"""What a VM looks like at one moment: its disks, its jobs and what its events mean. Pure."""
