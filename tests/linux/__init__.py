"""A real Linux guest is backed up while it writes: Debian's cloud kernel and its guest agent."""
