"""The words of the commands that list: VMs, disks, jobs, reports, leftovers."""

import asyncio
from typing import TYPE_CHECKING

import click

from tui.cli.options import JSON, MONITOR, READ_ONLY, Monitor
from tui.cli.output import prepare_streams

if TYPE_CHECKING:
    from tui.qmp.address import MonitorAddress


@click.command()
@click.argument("host", type=Monitor(), required=False, metavar="[HOST]")
@JSON
@click.option("--no-probe", is_flag=True, help="Connect to no monitor, not even for a moment.")
def discover(host: "MonitorAddress | None", as_json: bool, no_probe: bool) -> int:
    """List the VMs of this host, and which of their monitors can be connected to.

    HOST is another one: ssh://[user@]host[:port]. It is asked over SSH, and so are its monitors.

    A monitor that is free is asked for a moment how its VM is; one that another client holds, or
    that belongs to libvirt or Proxmox, is never connected to.
    """
    from tui.cli.discover import list_vms, list_vms_of

    prepare_streams()
    if host is not None:
        return asyncio.run(list_vms_of(host, as_json=as_json, asks=not no_probe))
    return asyncio.run(list_vms(as_json=as_json, asks=not no_probe))


@click.command()
@MONITOR
@JSON
@READ_ONLY
def devices(monitor: "MonitorAddress", as_json: bool, read_only: bool) -> int:
    """List every disk, with the reason where one cannot be backed up."""
    from tui.cli.devices import list_devices

    prepare_streams()
    return asyncio.run(list_devices(monitor, as_json=as_json, read_only=read_only))


@click.command()
@MONITOR
@JSON
@READ_ONLY
def jobs(monitor: "MonitorAddress", as_json: bool, read_only: bool) -> int:
    """List the block jobs that QEMU knows, also those that have ended."""
    from tui.cli.jobs import list_jobs

    prepare_streams()
    return asyncio.run(list_jobs(monitor, as_json=as_json, read_only=read_only))


@click.command()
@click.argument("report", required=False, metavar="[JOB | FILE]")
@JSON
@click.option("--most", type=click.IntRange(1, 500), default=50, help="List so many, the newest.")
def history(report: str | None, as_json: bool, most: int) -> int:
    """List the reports of the backups that have ended, or show those of one.

    JOB is a job id, FILE the name of a report's file. With --json a JSON object a line.
    """
    from tui.cli.history import list_history

    prepare_streams()
    return list_history(wanted=report, as_json=as_json, most=most)


@click.command()
@MONITOR
@JSON
@click.option(
    "--clean",
    "names",
    multiple=True,
    metavar="NAME",
    help="Clean this one up, and list nothing. Can be repeated: the first that fails is the last.",
)
@READ_ONLY
def leftovers(
    monitor: "MonitorAddress", as_json: bool, names: tuple[str, ...], read_only: bool
) -> int:
    """List the jobs, nodes, filters and bitmaps that nobody uses.

    Each with why it is judged so, the command that would clean it up, and what would be lost.
    Without --clean QEMU is sent nothing but questions.
    """
    from tui.cli.leftovers import clean_leftovers, list_leftovers

    prepare_streams()
    if names:
        if as_json:
            raise click.UsageError("--json is for the list, --clean prints none.")
        return asyncio.run(clean_leftovers(monitor, names, read_only=read_only))
    return asyncio.run(list_leftovers(monitor, as_json=as_json))
