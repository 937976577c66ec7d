"""The `blockdeck` command as a shell would run it."""
