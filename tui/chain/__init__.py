"""Chains of backups: a full one and what was written since, kept whole and found again."""
