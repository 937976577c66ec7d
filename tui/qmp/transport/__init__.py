"""The ways to a monitor: each turns its kind of address into a line."""
