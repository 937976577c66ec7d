"""What can go wrong between BlockDeck and a guest's agent."""

from tui.qmp.errors import QmpError


class AgentError(QmpError):
    """Base of everything that is raised about the agent on purpose."""


class NoAgent(AgentError):
    """There is no way to an agent: no socket, nobody listens, or no permission."""


class AgentSilent(AgentError):
    """The agent did not answer in time, or hung up."""


class AgentGarbage(AgentError):
    """What answers is no guest agent."""


class AgentRefused(AgentError):
    """The agent answered with an error."""


class FrozenAlready(AgentError):
    """Somebody else has frozen the guest, and will thaw it; nothing was done."""


class FreezeLapsed(AgentError):
    """The guest was thawed before what it was frozen for was over."""


class NotThawed(AgentError):
    """The guest may still be frozen; the watchdog goes on trying to thaw it."""
