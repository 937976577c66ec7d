"""What stays on disk of what BlockDeck did: an audit log of commands, a report of each backup."""
