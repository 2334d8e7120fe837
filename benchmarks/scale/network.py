"""A small network of slow machines inside this one: a bridge, and hosts with an address each. Needs Linux and root.

A host is a network namespace whose processes lie in control groups of their own. Every name begins with `veriset-`; what a killed
run has left under these names is removed before anything is made, and everything at the end. Nothing else is touched.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface
from pathlib import Path

from config.embedded.folders import FolderInUseError, take_lock
from config.embedded.process import Command, StartError

INTERFACE = IPv4Interface("10.231.7.1/24")
MOST_HOSTS = 99
BRIDGE, HOST = "veriset-bridge", "veriset-host-"
LOCK = Path("/run/veriset-network.lock")
NAMESPACES, LINKS, GROUPS = Path("/run/netns"), Path("/sys/class/net"), Path("/sys/fs/cgroup")
# Short: a host that has used up its share stands still for milliseconds, not for a tenth of a second.
PERIOD_MICROSECONDS = 20_000
REMOVAL_SECONDS = 10.0


@dataclass(frozen=True)
class Host:
    """A machine on the bridge. `groups` are its control groups: one, or one each for the limit and the account."""

    name: str
    address: str
    groups: tuple[Path, ...]

    def place(self, command: Command) -> Command:
        """The command as this host runs it; it reaches this machine by the bridge's address alone."""
        joins = "".join(f"echo $$ > {group}/cgroup.procs && " for group in self.groups)
        script = f'{joins}exec nsenter --net={NAMESPACES / self.name} -- "$@"'
        return replace(command, arguments=("sh", "-c", script, "sh", *command.arguments))

    def limit(self, share: float | None) -> None:
        """All its processes together get this share of one core; None: as much as there is."""
        quota = None if share is None else int(share * PERIOD_MICROSECONDS)
        for group in self.groups:
            if (group / "cpu.cfs_quota_us").exists():
                (group / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
                (group / "cpu.cfs_quota_us").write_text(str(-1 if quota is None else quota))
            elif (group / "cpu.max").exists():
                (group / "cpu.max").write_text(f"{'max' if quota is None else quota} {PERIOD_MICROSECONDS}")

    def read_processor_seconds(self) -> float:
        """What its processes have taken since it was made, those that have ended among them."""
        for group in self.groups:
            if (group / "cpuacct.usage").exists():
                return int((group / "cpuacct.usage").read_text()) / 1e9
        figures = dict(line.split() for line in (self.groups[0] / "cpu.stat").read_text().splitlines())
        return int(figures["usage_usec"]) / 1e6


@contextmanager
def slow_down(hosts: Sequence[Host], *, share: float) -> Iterator[None]:
    """Slow machines while the block runs; what they start before, they start at full speed."""
    for host in hosts:
        host.limit(share)
    try:
        yield
    finally:
        for host in hosts:
            host.limit(None)


def find_obstacle() -> str:
    """Why there can be no such network here; empty when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if missing := [name for name in ("ip", "nsenter", "unshare") if shutil.which(name) is None]:
        return f"{missing[0]} is not installed (iproute2, util-linux)"
    if subprocess.run(("unshare", "--net", "true"), capture_output=True, check=False).returncode:
        return "network namespaces are refused here"
    if not (parents := _find_group_parents()):
        return f"no cpu controller of control groups under {GROUPS}"
    if not all(os.access(parent, os.W_OK) for parent in parents):
        return f"control groups cannot be made under {parents[0]}"
    return ""


@contextmanager
def lay_network(*, hosts: int) -> Iterator[list[Host]]:
    """The hosts, on a bridge that has the address `INTERFACE` on this machine. StartError where it cannot be laid."""
    if obstacle := find_obstacle():
        raise StartError(obstacle)
    if not 1 <= hosts <= MOST_HOSTS:
        raise StartError(f"there can be from 1 to {MOST_HOSTS} hosts")
    try:
        lock = take_lock(LOCK)
    except FolderInUseError as error:
        raise StartError(f"another run has laid its network; {LOCK} is locked") from error
    try:
        _remove_network()
        try:
            _run("ip", "link", "add", BRIDGE, "type", "bridge")
            _run("ip", "address", "add", str(INTERFACE), "dev", BRIDGE)
            _run("ip", "link", "set", BRIDGE, "up")
            yield [_add_host(number) for number in range(1, hosts + 1)]
        finally:
            _remove_network()
    finally:
        os.close(lock)


def list_traces() -> list[str]:
    """Everything on this machine that has one of the names."""
    found = [*NAMESPACES.glob(f"{HOST}*"), *LINKS.glob(f"{HOST}*"), *LINKS.glob(BRIDGE), *_list_groups()]
    return sorted(map(str, found))


def _add_host(number: int) -> Host:
    name = f"{HOST}{number}"
    own = IPv4Interface((INTERFACE.ip + number, INTERFACE.network.prefixlen))
    _run("ip", "netns", "add", name)
    _run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
    _run("ip", "link", "set", name, "master", BRIDGE, "up")
    _run("ip", "-netns", name, "address", "add", str(own), "dev", "eth0")
    for link in ("lo", "eth0"):
        _run("ip", "-netns", name, "link", "set", link, "up")
    groups = tuple(parent / name for parent in _find_group_parents())
    for group in groups:
        group.mkdir()
    return Host(name, str(own.ip), groups)


def _remove_network() -> None:
    """Processes first: those in the hosts' groups are the hosts' own, whoever their parents were."""
    for group in _list_groups():
        _empty_group(group)
        group.rmdir()
    for link in [*LINKS.glob(f"{HOST}*"), *LINKS.glob(BRIDGE)]:
        _run("ip", "link", "delete", link.name)
    for namespace in NAMESPACES.glob(f"{HOST}*"):
        _run("ip", "netns", "delete", namespace.name)


def _empty_group(group: Path) -> None:
    deadline = time.monotonic() + REMOVAL_SECONDS
    while pids := (group / "cgroup.procs").read_text().split():
        if time.monotonic() > deadline:
            raise StartError(f"processes {', '.join(pids)} in {group} cannot be ended")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.05)


def _find_group_parents() -> tuple[Path, ...]:
    """Where control groups limit and count processor time: two folders or one of version 1, the root of version 2."""
    if (GROUPS / "cpu" / "cgroup.procs").exists():
        return tuple(dict.fromkeys((GROUPS / name).resolve() for name in ("cpu", "cpuacct")))
    with suppress(OSError):
        if "cpu" in (GROUPS / "cgroup.subtree_control").read_text().split():
            return (GROUPS,)
    return ()


def _list_groups() -> list[Path]:
    return [group for parent in _find_group_parents() for group in parent.glob(f"{HOST}*")]


def _run(*arguments: str) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StartError(f"{' '.join(arguments)}: {done.stderr.strip()}")
