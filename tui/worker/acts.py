"""Acts upon a job that runs: sent, and told to the tracker."""

from typing import TYPE_CHECKING

from tui.qmp.errors import CommandRefused
from tui.qmp.session import QmpSession
from tui.vm.job import Job
from tui.vm.verbs import Act, Verb, command_for
from tui.worker.state import VmState

if TYPE_CHECKING:
    from tui.qmp.schema import QmpSchema

_CANCELLING = frozenset({Verb.CANCEL, Verb.SOFT_CANCEL})


class Acts:
    """Does to a job what its operator wants.

    Args:
        state: whom it is told to.
        deadline: seconds for each command.
    """

    def __init__(self, state: VmState, deadline: float) -> None:
        self._state = state
        self._deadline = deadline

    async def do(
        self, session: QmpSession, schema: "QmpSchema", job_id: str, act: Act, why: str = ""
    ) -> None:
        """Act upon a job. Whether it may be done QEMU decides.

        Args:
            session: by which.
            schema: which commands there are.
            job_id: the job.
            act: what.
            why: why a job is cancelled that nobody asked to be cancelled just now.

        Raises:
            QmpError: as `VmWorker.act`.
        """
        tracker = self._state.tracker
        job = self._state.snapshot.job(job_id) or Job(id=job_id, type="")
        name, arguments = command_for(act, job, schema.has_command)
        if act.verb in _CANCELLING:
            tracker.cancel_requested(job_id, why)
        try:
            await session.execute(name, arguments, timeout=self._deadline)
        except CommandRefused:
            if act.verb in _CANCELLING:
                tracker.cancel_refused(job_id)
            raise
        if act.verb is Verb.SET_SPEED:
            tracker.speed_asked(job_id, act.speed)
