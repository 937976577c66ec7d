"""How to talk to a QEMU: addresses, sessions, models of replies and events, the schema.

This room knows nothing of backups nor of the screen.
"""

import logging

# Without any handler Python prints warnings to stderr, which is where the screen is drawn.
for _name in (__name__, "qemu.qmp"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
