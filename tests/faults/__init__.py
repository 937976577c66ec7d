"""Faults in the middle of a backup: what becomes of guest, nodes, outcome and screen."""
