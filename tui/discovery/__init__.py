"""Finds the VMs of this host and tells which of their monitors can be connected to."""
