"""The names of the nodes that BlockDeck makes for a backup's target."""

import hashlib

TARGET_PREFIX = "blockdeck-to-"
"""Names of the nodes that BlockDeck makes for a backup's target begin with this."""


def target_nodes(job_id: str) -> tuple[str, str]:
    """The names of the format node and the file node of a job's target: at most 31 characters.

    They follow from the job's id, so that whoever finds the job finds its target.
    """
    mark = hashlib.sha256(job_id.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{TARGET_PREFIX}{mark}", f"{TARGET_PREFIX}{mark}-f"
