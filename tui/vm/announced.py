"""Jobs of ours from before their command is sent until it is known whether they came to be.

Their events precede the reply to the command, and the reply may never come.
"""

from tui.vm.job import Job


class Announced:
    """Which jobs of ours may be about to begin, and which have begun unanswered, by their ids."""

    def __init__(self) -> None:
        self._expected: dict[str, Job] = {}
        # Those that appeared, by their key, and those in doubt, by when the doubt began.
        self._starting: dict[str, int] = {}
        self._unsure: dict[str, int] = {}

    def __bool__(self) -> bool:
        """Whether any may still appear."""
        return bool(self._expected)

    def expect(self, job: Job) -> None:
        """Its command is about to be sent; or QEMU has undone it, and the refusal is to come."""
        self._expected[job.id] = job

    def appeared(self, job_id: str, key: int) -> Job | None:
        """QEMU has a job of this id, which has this key from now on; returns what was announced."""
        self._unsure.pop(job_id, None)
        job = self._expected.pop(job_id, None)
        if job is not None:
            self._starting[job_id] = key
        return job

    def is_unanswered(self, job: Job) -> bool:
        """Whether it has appeared and QEMU has not answered the command that started it."""
        return self._starting.get(job.id) == job.key

    def refused(self, job_id: str) -> int | None:
        """QEMU refused the command; returns the key of the job if that had appeared already."""
        self._expected.pop(job_id, None)
        self._unsure.pop(job_id, None)
        return self._starting.pop(job_id, None)

    def doubt(self, job_id: str, mark: int) -> None:
        """Whether it came to be, a poll that is sent after `mark` must tell."""
        self._starting.pop(job_id, None)
        if job_id in self._expected:
            self._unsure[job_id] = mark

    def end_doubts(self, since: int) -> None:
        """A poll that was sent at `since` has been taken in: what is not there will not come."""
        for job_id in [job_id for job_id, mark in self._unsure.items() if mark <= since]:
            del self._unsure[job_id]
            self._expected.pop(job_id, None)

    def clear(self) -> None:
        """QEMU is gone: nothing of ours can start."""
        for record in (self._expected, self._starting, self._unsure):
            record.clear()
