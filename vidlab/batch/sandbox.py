"""A sandbox for one process and all that it starts: Linux namespaces, no privileges needed.

`enter` puts the calling process into a small world of its own, for good:

- *files*: a new root with the system's and Python's folders, read-only, and the folders that it may
  write; everything else, sockets of other programs included, is not there;
- *processes*: it sees and signals only its own; when its first process ends, all others end;
- *network*: none;
- *privileges*: none within it either; no core dumps, no endless files or processes, and none of the
  system calls that reach round a limit or deep into the kernel (`_DENIED`).

Time, memory, disk and the number of processes are the business of whoever watches it, too
(`vidlab.batch.watch`).
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_NEW_USER, _NEW_PID, _NEW_NET = 0x10000000, 0x20000000, 0x40000000
_NEW_IPC, _NEW_MOUNTS = 0x08000000, 0x00020000
_BIND, _BELOW, _PRIVATE, _NO_SUID_NO_DEV = 0x1000, 0x4000, 0x40000, 0x2 | 0x4
_DETACH = 2
_MOUNT_SETATTR, _PIVOT_ROOT = 442, {"x86_64": 155, "aarch64": 41}
_HERE, _RECURSIVE, _READ_ONLY = -100, 0x8000, 1
_DIE_WITH_PARENT, _DUMPABLE, _SECCOMP, _DROP_BOUNDING, _NO_NEW_PRIVILEGES = 1, 4, 22, 24, 38
_CAPABILITIES = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process

_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/sys/devices/system"),
    *(f"/etc/{name}" for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime")),
    *(f"/etc/{name}" for name in ("alternatives", "fonts", "mime.types", "nsswitch.conf")),
)
#: Numbers on x86-64 and ARM64: memory that no process seems to hold (memfd_create, memfd_secret,
#: shmget), the keys of whoever started us (add_key, request_key, keyctl), and what only opens
#: ways into the kernel (ptrace, bpf, userfaultfd, perf_event_open, io_uring_*).
_DENIED = {
    "x86_64": (319, 447, 29, 248, 249, 250, 101, 321, 323, 298, 425, 426, 427),
    "aarch64": (279, 447, 194, 217, 218, 219, 117, 280, 282, 241, 425, 426, 427),
}
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_DEVICES = ("null", "zero", "full", "random", "urandom")
#: What a sandboxed process gets to know of the environment; tokens and keys stay outside.
PASSED = ("PATH", "LANG", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class SandboxError(OSError):
    """This machine cannot make the sandbox; the message is one sentence."""


@dataclass(frozen=True)
class Sandbox:
    """What a process may touch.

    Attributes:
        read: files and folders, besides the system's and Python's own.
        write: folders; they exist.
        file_size: bytes of the largest file that it may write.
        disk: bytes that its folders may hold together; watched from outside.
        processes: at a time.
    """

    read: tuple[str, ...]
    write: tuple[str, ...]
    file_size: int = 1 << 28
    disk: int = 2 << 30
    processes: int = 512


def missing() -> str:
    """Why this machine cannot make the sandbox, in one sentence; empty where it can."""
    if not sys.platform.startswith("linux") or os.uname().machine not in _PIVOT_ROOT:
        return "the sandbox needs Linux on x86-64 or ARM64 (run it in a virtual machine)."
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if child == 0:  # it never returns into this program
            code = 1
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                enter(Sandbox((), (folder,)))
                code = 0
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return "" if code == 0 else (
        "this machine does not let you make namespaces, which the sandbox needs (user namespaces "
        "are switched off, or this is a container without the right to make them)."
    )  # fmt: skip


def python_folders() -> tuple[str, ...]:
    """Where Python, its packages, vidlab and its shipped data lie."""
    import vidlab

    package = Path(vidlab.__file__).parent
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, package, package.parent / "data"}
    places |= {entry for entry in sys.path if Path(entry).name.endswith("-packages")}
    return tuple(sorted({str(Path(place).resolve()) for place in places if Path(place).exists()}))


def enter(sandbox: Sandbox) -> None:
    """Go on in the sandbox, in a new process; the calling one waits for it and ends as it ends.

    To be called before there are threads.

    Raises:
        SandboxError: it cannot be made; nothing that is distrusted may run then.
    """
    import resource

    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    _check(libc.unshare(_NEW_USER | _NEW_PID | _NEW_NET | _NEW_IPC | _NEW_MOUNTS), "namespaces")
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError as error:
        raise SandboxError(error.errno, "the sandbox cannot be made here (user map)") from None
    # What runs later as the same user cannot get at our memory and files through /proc.
    _check(libc.prctl(_DUMPABLE, 0, 0, 0, 0), "being left alone")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (sandbox.file_size, sandbox.file_size))
    # The first process of the new world: when it ends, all that is left of that world ends.
    _fork_and_wait(lambda: None)
    libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    _new_root(libc, sandbox)
    # The second one does the work: a kernel whose parent has the number 1 takes itself for lost.
    _fork_and_wait(lambda: _give_up_privileges(libc))
    _give_up_privileges(libc)
    _deny_calls(libc)
    resource.setrlimit(resource.RLIMIT_NPROC, (sandbox.processes, sandbox.processes))


def _fork_and_wait(before_waiting: Callable[[], None]) -> None:
    """Return in the child only; the parent waits for it and ends as it ended."""
    child = os.fork()
    if child == 0:
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    before_waiting()
    while True:
        ended, status = os.wait()  # orphans of the world end here, too
        if ended == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _new_root(libc, sandbox: Sandbox) -> None:
    """Build a root of bind mounts in a fresh tmpfs and make it the only one."""
    # Where it is mounted stays behind as an empty folder: let it be one that somebody clears.
    root = tempfile.mkdtemp(prefix="root-", dir=sandbox.write[-1] if sandbox.write else None)
    _mount(libc, "none", "/", None, _PRIVATE | _BELOW)
    _mount(libc, "tmpfs", root, "tmpfs", _NO_SUID_NO_DEV, "size=64m,mode=755")
    there = [place for place in _SYSTEM if os.path.lexists(place)]
    for place in dict.fromkeys((*there, *python_folders(), *sandbox.read, *sandbox.write)):
        inside = root + place
        if os.path.islink(place) and place in _SYSTEM:  # /lib is usr/lib
            os.symlink(os.readlink(place), inside)
        elif not os.path.lexists(inside):
            _bind(libc, place, inside, 0 if place in sandbox.write else _BELOW)
        elif place in sandbox.write:  # below another place: a mount of its own
            _mount(libc, place, inside, None, _BIND)
    for device in _DEVICES:
        _bind(libc, f"/dev/{device}", f"{root}/dev/{device}", 0)
    for name in ("dev/shm", "proc", "tmp", "etc"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    user, group = os.getuid(), os.getgid()
    Path(f"{root}/etc/passwd").write_text(f"user:x:{user}:{group}::/tmp:/bin/sh\n")
    Path(f"{root}/etc/group").write_text(f"user:x:{group}:\n")
    here = os.getcwd()
    if libc.mount(b"proc", f"{root}/proc".encode(), b"proc", _NO_SUID_NO_DEV, None):
        _mount(libc, "/proc", f"{root}/proc", None, _BIND | _BELOW)  # a container hides parts of it
    os.chdir(root)
    number = _PIVOT_ROOT[os.uname().machine]
    _check(libc.syscall(number, b".", b"."), "a new root")
    _check(libc.umount2(b".", _DETACH), "leaving the old root")
    os.chdir("/")
    Path("/proc/sys/user/max_user_namespaces").write_text("0")  # no worlds within this one
    _set_rights(libc, "/", _READ_ONLY, 0, _RECURSIVE)
    for place in sandbox.write:
        _set_rights(libc, place, _NO_SUID_NO_DEV, _READ_ONLY, 0)
    _mount(libc, "tmpfs", "/dev/shm", "tmpfs", _NO_SUID_NO_DEV, "size=256m")
    os.chdir(here if os.path.isdir(here) else sandbox.write[0] if sandbox.write else "/")


def _bind(libc, place: str, inside: str, below: int) -> None:
    if os.path.isdir(place):
        os.makedirs(inside)
    else:
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        Path(inside).touch()
    _mount(libc, place, inside, None, _BIND | below)


def _mount(libc, what: str, where: str, kind: str | None, flags: int, data: str = "") -> None:
    coded = (os.fsencode(what), os.fsencode(where), kind.encode() if kind else None)
    _check(libc.mount(*coded, ctypes.c_ulong(flags), data.encode() or None), f"mount of {where}")


def _set_rights(libc, place: str, on: int, off: int, flags: int) -> None:
    change = (ctypes.c_uint64 * 4)(on, off, 0, 0)
    done = libc.syscall(_MOUNT_SETATTR, _HERE, os.fsencode(place), flags, change, 32)
    _check(done, f"rights of {place}")


def _give_up_privileges(libc) -> None:
    _check(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "giving up privileges")
    for capability in range(64):
        libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)
    _check(libc.capset(_CAPABILITIES, (ctypes.c_uint32 * 6)()), "giving up capabilities")


def _deny_calls(libc) -> None:
    """Let the calls of `_DENIED` fail with "not permitted", here and in all that comes of us."""
    machine = os.uname().machine
    load, equal, at_least, give_back = 0x20, 0x15, 0x35, 0x06
    allow, refuse, kill = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
    numbers = _DENIED[machine]
    code = [(load, 0, 0, 4), (equal, 1, 0, _ARCHITECTURE[machine]), (give_back, 0, 0, kill)]
    # 0x40000000 and more are the same calls by other numbers (x32).
    code += [(load, 0, 0, 0), (at_least, len(numbers) + 1, 0, 0x40000000)]
    code += [(equal, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    code += [(give_back, 0, 0, allow), (give_back, 0, 0, refuse)]
    packed = b"".join(struct.pack("HBBI", *instruction) for instruction in code)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(buffer))
    _check(libc.prctl(_SECCOMP, 2, program, 0, 0), "fewer system calls")


def _check(result: int, what: str) -> None:
    if result:
        error = ctypes.get_errno()
        raise SandboxError(error, f"the sandbox cannot be made here ({what}: {os.strerror(error)})")
