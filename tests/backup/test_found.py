"""Cases in which a real QEMU once said otherwise than the rules."""

from dataclasses import replace
from typing import Any

import pytest

from tests.backup.vms import VM, file, judged, make_vm, seen
from tui.backup.verdict import Finding
from tui.qmp.models import JobInfo, XDbgBlockGraph
from tui.vm.graph import Graph
from tui.vm.job import Job
from tui.vm.snapshot import VmSnapshot

# A mirror works on d0, a backup on busy; both hold their targets, and the first its source, too.
_NODES = (
    *(("block-backend", "d0"), ("block-backend", "busy"), ("block-backend", "loose")),
    *(("block-driver", "#mirror"), ("block-driver", "n-d0"), ("block-driver", "f-d0")),
    *(("block-driver", "#cbw"), ("block-driver", "n-busy"), ("block-driver", "#target")),
    *(("block-driver", "n-loose"), ("block-job", "m1"), ("block-job", "j1")),
)
_EDGES = (
    *(("d0", "#mirror", "root"), ("#mirror", "n-d0", "file"), ("n-d0", "f-d0", "file")),
    *(("busy", "#cbw", "root"), ("#cbw", "n-busy", "file"), ("loose", "n-loose", "root")),
    *(("m1", "#mirror", "main node"), ("m1", "n-d0", "source")),
    *(("j1", "#cbw", "main node"), ("j1", "#target", "target")),
)


def crowded(**changes: Any) -> VmSnapshot:
    """The VM with the graph that its jobs make."""
    ids = {name: number for number, (_, name) in enumerate(_NODES)}
    graph = XDbgBlockGraph.model_validate(
        {
            "nodes": [{"id": ids[name], "type": kind, "name": name} for kind, name in _NODES],
            "edges": [{"parent": ids[a], "child": ids[b], "name": role} for a, b, role in _EDGES],
        }
    )
    jobs = (*VM.jobs, Job(id="m1", type="mirror", status="running"))
    return replace(VM, jobs=jobs, graph=Graph(graph), **changes)


@pytest.mark.parametrize(
    ("device", "job"),
    [("d0", "mirror"), ("n-d0", "mirror"), ("busy", "backup"), ("#cbw", "backup")],
)
def test_what_a_job_holds_is_busy(device: str, job: str) -> None:
    told = f"Node '{device}' is busy: block device is in use by block job: {job}"
    assert judged(vm=crowded(), device=device).findings[0].foretells == told


@pytest.mark.parametrize("device", ["n-busy", "f-d0", "loose"])
def test_what_no_job_holds_is_free(device: str) -> None:
    assert judged(vm=crowded(), device=device).verdict == "accept"


def test_a_node_under_a_filter_lends_no_name_to_a_job() -> None:
    assert judged("job-id", vm=crowded(), device="n-busy").findings[0].rule == "J-ID"
    assert judged("job-id", vm=crowded(), device="n-loose").verdict == "accept"


def test_a_target_of_a_job_that_was_never_listed_is_busy_or_open() -> None:
    assert judged(vm=crowded(), device="#target").findings[0].rule == "D-BUSY"
    free = judged(vm=crowded(), device="#mirror")
    assert free.findings[0].rule == "D-BUSY"


def test_a_node_that_went_since_it_was_listed_is_not_found() -> None:
    assert judged(vm=crowded(), device="base").findings[0].rule == "D-NODEV"


def test_the_name_of_an_unlisted_node_is_taken() -> None:
    finding = judged(vm=crowded(), device="loose", filter_node_name="n-busy").findings[0]
    assert finding.rule == "J-FILTER"


def test_the_id_of_a_job_of_no_disk_is_taken() -> None:
    vm = replace(VM, job_infos=(JobInfo(id="create-1", type="create", status="concluded"),))
    told = judged(vm=vm, job_id="create-1").findings[0].foretells
    assert told == "Job ID 'create-1' already in use"


@pytest.mark.parametrize("image_format", ["qcow2", "vmdk", "qed"])
def test_a_drive_with_copy_on_read_backs_no_target(image_format: str) -> None:
    vm = replace(VM, copy_on_read=frozenset({"chain"}))
    found = judged(vm=vm, device="chain", sync="top", format=image_format).findings[0]
    assert found.foretells == "Can't use copy-on-read on read-only device"
    assert judged(vm=vm, device="chain", sync="full").verdict == "accept"
    assert judged(vm=vm, device="chain", sync="none").verdict == "accept"


@pytest.mark.parametrize("arguments", [{}, {"mode": "existing", "facts": file()}])
def test_qemu_5_may_lack_the_parallels_it_names(arguments: dict[str, Any]) -> None:
    verdict = judged(vm=make_vm(5), format="parallels", **arguments)
    assert "C-FORMAT" in [finding.rule for finding in verdict.findings]
    assert verdict.verdict != "accept"


@pytest.mark.parametrize("value", [{}, 1.0, "x", True, None, 2**64])
def test_a_size_of_the_wrong_type_is_told_in_words_of_its_own(value: Any) -> None:
    told = judged(x_perf={"min-cluster-size": value}).findings[0].foretells
    assert told == "Parameter 'x-perf.min-cluster-size' expects uint64"


def test_a_target_that_cannot_be_made_comes_before_its_secret() -> None:
    gone = seen(parent_exists=False)
    rules = [finding.rule for finding in judged(format="luks", facts=gone).findings[:2]]
    assert rules == ["FS", "C-KEYSECRET"]


def by_node(vm: VmSnapshot, device: str, target: str, **more: Any) -> Finding:
    """The first finding about a `blockdev-backup` onto a node."""
    verdict = judged(
        *("format", "mode"),
        vm=vm,
        unseen=True,
        command="blockdev-backup",
        device=device,
        target=target,
        **more,
    )
    assert verdict.verdict == "reject"
    return verdict.findings[0]


def test_a_target_that_a_job_holds_is_busy() -> None:
    found = by_node(crowded(), "loose", "busy")
    told = "Node 'busy' is busy: block device is in use by block job: backup"
    assert (found.field, found.foretells) == ("target", told)


def test_of_a_busy_disk_blockdev_backup_looks_for_the_bitmap_first() -> None:
    more: dict[str, Any] = {"sync": "bitmap", "bitmap": "nosuch", "bitmap_mode": "never"}
    assert by_node(crowded(), "d0", "n-loose", **more).rule == "B-NOTFOUND"
    assert judged(vm=crowded(), device="d0", **more).findings[0].rule == "D-BUSY"


def test_a_target_that_the_guest_uses_is_refused() -> None:
    found = by_node(VM, "loose", "d0")
    assert (found.rule, found.field) == ("J-PERM", "target")


def test_a_part_of_the_disk_is_no_target_for_it() -> None:
    nodes = [("block-backend", "loose"), ("block-driver", "n-loose"), ("block-driver", "base")]
    graph = XDbgBlockGraph.model_validate(
        {
            "nodes": [
                {"id": number, "type": kind, "name": name}
                for number, (kind, name) in enumerate(nodes)
            ],
            "edges": [
                {"parent": 0, "child": 1, "name": "root"},
                {"parent": 1, "child": 2, "name": "file"},
            ],
        }
    )
    found = by_node(replace(VM, graph=Graph(graph)), "loose", "base")
    assert (found.rule, found.field) == ("J-PERM", "target")
    assert "a part of the disk itself" in found.message


def test_compressed_data_cannot_replace_what_the_target_has() -> None:
    filled = judged(mode="existing", compress=True, facts=file(size=64 << 20))
    assert (filled.verdict, filled.findings[0].rule) == ("unknown", "J-FILLED")
    fresh = judged(mode="existing", compress=True, facts=file(size=196_624))
    assert "J-FILLED" not in [finding.rule for finding in fresh.findings]
    new = judged(compress=True)
    assert "J-FILLED" not in [finding.rule for finding in new.findings]


def test_how_a_directory_is_refused_depends_on_how_the_disk_was_opened() -> None:
    directory = seen(exists=True, kind="directory")
    of_drive = judged(mode="existing", facts=directory).findings[0].foretells
    assert of_drive == "'file' driver requires '/backup/new.qcow2' to be a regular file"
    of_node = judged(mode="existing", facts=directory, device="n-node").findings[0].foretells
    assert of_node == "Could not open '/backup/new.qcow2': Is a directory"


def test_a_vmdk_that_cannot_be_made_comes_before_what_backs_it() -> None:
    vm = make_vm(driver="vmdk")
    gone = seen(parent_exists=False)
    found = judged(vm=vm, format="vmdk", sync="none", facts=gone).findings[:2]
    assert [finding.rule for finding in found] == ["FS", "C-VMDK"]


def test_under_a_jobs_filter_the_disk_and_its_node_are_not_the_same() -> None:
    found = by_node(crowded(), "busy", "n-busy")
    assert (found.rule, found.field) == ("D-BUSY", "device")


def standing(role: str) -> VmSnapshot:
    """The node of `loose` has another on top."""
    names = [("block-backend", "loose"), ("block-driver", "n-loose"), ("block-driver", "base")]
    nodes = [{"id": place, "type": kind, "name": name} for place, (kind, name) in enumerate(names)]
    edges = [{"parent": 0, "child": 1, "name": "root"}, {"parent": 2, "child": 1, "name": role}]
    graph = XDbgBlockGraph.model_validate({"nodes": nodes, "edges": edges})
    return replace(VM, graph=Graph(graph))


def test_what_is_written_to_a_node_on_top_of_the_disk_is_written_to_the_disk() -> None:
    found = by_node(standing("file"), "loose", "base")
    assert (found.rule, found.field) == ("J-PERM", "target")
    # Its own overlay is what a fleecing backup writes to.
    overlay: dict[str, Any] = {"device": "loose", "target": "base", "command": "blockdev-backup"}
    verdict = judged("format", "mode", vm=standing("backing"), unseen=True, **overlay)
    assert "J-PERM" not in [finding.rule for finding in verdict.findings]


def test_what_a_hidden_node_of_qemu_5_has_to_do_with_a_job_is_unknown() -> None:
    held = make_vm(5)
    devices = tuple(
        d._replace(busy_with="backup-top" if d.device == "d0" else d.busy_with)
        for d in held.devices
    )
    more: dict[str, Any] = {"device": "n-d0", "sync": "incremental", "bitmap": "b0"}
    verdict = judged(vm=replace(held, devices=devices), **more)
    assert verdict.verdict == "unknown"
    assert "B-BUSY" in [finding.rule for finding in verdict.findings]
    assert judged(vm=held, **more).verdict == "accept"
