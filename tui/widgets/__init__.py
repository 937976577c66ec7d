"""How things look and which intent a key means. No sockets, no QMP JSON."""
