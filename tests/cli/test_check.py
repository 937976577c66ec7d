"""`blockdeck check`: verdicts, one at a time and by the line."""

import json
from pathlib import Path

from tests.cli.running import blockdeck, finish, next_line, start
from tests.qemu import Vm


async def test_arguments_that_qemu_takes(vm: Vm, tmp_path: Path) -> None:
    target = tmp_path / "out.qcow2"
    done = await blockdeck(
        "check", vm.monitor, "device=drive0", "sync=full", f"target={target}", "speed=50M"
    )
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("accept: ")
    assert json.loads(lines[-1]) == {
        "execute": "drive-backup",
        "arguments": {
            "device": "drive0",
            "sync": "full",
            "target": str(target),
            "speed": 50 << 20,
        },
    }
    assert not target.exists()


async def test_each_finding_stands_after_its_field(vm: Vm) -> None:
    done = await blockdeck(
        *("check", vm.monitor, "device=dri\x1b[2Jve", "sync=full", "target=/x/y", "speed=fast")
    )
    assert done.status == 1
    assert done.out.startswith("reject: ")
    fields = [line.partition(": ")[0] for line in done.out.splitlines()]
    assert {"device", "speed"} <= set(fields)
    assert "dri\\x1b[2Jve" in done.out
    assert "\x1b" not in done.out


async def test_what_cannot_be_read_is_not_said_to_be_missing(vm: Vm) -> None:
    done = await blockdeck("check", vm.monitor, "--json", "compress=maybe", "nonsense=1")
    assert done.status == 1
    found = [(finding["field"], finding["rule"]) for finding in done.json["findings"]]
    assert ("compress", "S-TYPE") in found
    assert [field for field, _ in found].count("compress") == 1
    assert {"device", "target", "sync", "nonsense"} <= {field for field, _ in found}


async def test_json_has_the_shape_that_scripts_rely_on(vm: Vm, tmp_path: Path) -> None:
    done = await blockdeck(
        *("check", vm.monitor, "--json", "device=drive0", "sync=full", f"target={tmp_path}/o")
    )
    assert done.status == 0
    assert list(done.json) == ["verdict", "findings", "command"]
    assert done.json["verdict"] == "accept"
    for finding in done.json["findings"]:
        assert list(finding) == ["field", "severity", "rule", "message"]


async def test_what_only_qemu_can_tell_is_done_with_a_warning(vm: Vm) -> None:
    done = await blockdeck(
        *("check", vm.monitor, "device=drive0", "sync=full", "target=nbd://localhost/x")
    )
    assert (done.status, done.out.partition(":")[0]) == (0, "unknown")
    assert done.err == "blockdeck: the verdict is unknown; QEMU itself will tell\n"


async def test_a_batch_answers_every_line_in_order(vm: Vm, tmp_path: Path) -> None:
    good = {"device": "drive0", "sync": "full", "target": str(tmp_path / "out.qcow2")}
    given = [
        json.dumps(good).encode(),
        b"{broken",
        b"[1]",
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"device": "' + b"x" * (2 << 20) + b'"}',
        b'{"device": "\\ud800", "sync": "full", "target": "/x\\u0000y"}',
        json.dumps({**good, "sync": "sideways"}).encode(),
        json.dumps(good).encode(),
    ]
    done = await blockdeck("check", vm.monitor, "--batch", given=b"\n".join(given))
    assert (done.status, done.err) == (0, "")
    verdicts = [line["verdict"] for line in done.lines]
    assert verdicts == ["accept", *["reject"] * 8, "accept"]
    for line in done.lines[1:7]:
        assert [finding["rule"] for finding in line["findings"]] == ["JSON"]
        assert line["command"] is None
    assert done.lines[0] == done.lines[-1]


async def test_a_batch_of_nothing(vm: Vm) -> None:
    done = await blockdeck("check", vm.monitor, "--batch")
    assert (done.status, done.out) == (0, "")


async def test_who_waits_for_an_answer_is_judged_by_the_vm_as_it_is_then(
    vm: Vm, tmp_path: Path
) -> None:
    question = json.dumps(
        {
            "device": "drive0",
            "sync": "bitmap",
            "bitmap": "late",
            "bitmap-mode": "never",
            "target": str(tmp_path / "out.qcow2"),
        }
    ).encode()
    process = await start("check", vm.monitor, "--batch")
    assert process.stdin is not None
    process.stdin.write(question + b"\n")
    assert json.loads(await next_line(process))["verdict"] == "reject"
    await vm.qmp("block-dirty-bitmap-add", node="drive0", name="late")
    done = await finish(process, question)
    assert done.json["verdict"] == "accept"


async def test_a_batch_ends_when_qemu_does(vm: Vm) -> None:
    process = await start("check", vm.monitor, "--batch")
    assert process.stdin is not None
    process.stdin.write(b"{}\n")
    await next_line(process)
    await vm.kill()
    done = await finish(process, b"{}\n" * 500)
    assert done.status == 1
    assert done.err.startswith("blockdeck: ")
    assert "Traceback" not in done.err
