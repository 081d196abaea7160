"""A sandbox for one process and all that it starts: Linux's own means, no privileges needed.

`enter` takes rights away from the calling process, for good. Afterwards it

- reads only below the folders that it was given, and writes only below those it may write,
- has no network (a network namespace of its own, or at least no TCP),
- sees every other folder mounted read-only, where the machine lets it make such mounts: then it
  cannot change a file's mode or times either,
- cannot signal processes outside of the sandbox,
- cannot write a file larger than a limit, nor leave a core dump.

Time and memory are the business of whoever watches it (`vidlab.batch.watch`). The means are
Landlock (Linux 5.13) and namespaces; the calls are those of the kernel's user-space interface.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # system calls, on every architecture
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_NO_NEW_PRIVS = 38
_NEW_USER, _NEW_NET, _NEW_MOUNTS = 0x10000000, 0x40000000, 0x00020000
_BIND, _PRIVATE_BELOW = 0x1000, 0x44000
_MOUNT_SETATTR, _HERE, _RECURSIVE, _READ_ONLY = 442, -100, 0x8000, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE = 1 << 14
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_BITS = {1: 13, 2: 14, 3: 15}  # rights that a version of Landlock knows
_TCP, _SCOPES = 0b11, 0b11  # bind and connect; abstract sockets and signals

SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/proc", "/sys", "/dev")


class SandboxError(OSError):
    """This machine cannot make the sandbox; the message is one sentence."""


@dataclass(frozen=True)
class Sandbox:
    """What a process may touch.

    Attributes:
        read: files and folders, besides the system's and Python's own.
        write: folders.
        file_size: bytes of the largest file that it may write.
    """

    read: tuple[str, ...]
    write: tuple[str, ...]
    file_size: int = 1 << 28


def missing() -> str:
    """Why this machine cannot make the sandbox, in one sentence; empty where it can."""
    if not sys.platform.startswith("linux"):
        return "the sandbox needs Linux (run it in a container)."
    if _version() < 1:
        return "the sandbox needs a Linux kernel with Landlock (5.13 or newer, switched on)."
    return ""


def python_folders() -> tuple[str, ...]:
    """Where Python, its packages, vidlab and its shipped data lie."""
    import vidlab

    package = Path(vidlab.__file__).parent
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, package, package.parent / "data"}
    return tuple(sorted({str(Path(place).resolve()) for place in places if Path(place).exists()}))


def enter(sandbox: Sandbox) -> None:
    """Put this process into the sandbox. There is no way out.

    Raises:
        SandboxError: it cannot be made; the process must then not run what it distrusts.
    """
    import resource

    why = missing()
    if why:
        raise SandboxError(why)
    libc = ctypes.CDLL(None, use_errno=True)
    alone = _own_namespaces(libc, sandbox.write)
    version = _version()
    if not alone and version < 4:
        raise SandboxError("the sandbox cannot shut off the network on this machine.")
    resource.setrlimit(resource.RLIMIT_FSIZE, (sandbox.file_size, sandbox.file_size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    handled = (1 << _BITS.get(version, 15)) - 1
    words = [handled] + [_TCP] * (version >= 4) + [_SCOPES] * (version >= 6)
    attributes = (ctypes.c_uint64 * len(words))(*words)
    rules = _call(libc, _CREATE_RULESET, attributes, ctypes.sizeof(attributes), 0)
    try:
        _allow(libc, rules, (*SYSTEM, *python_folders(), *sandbox.read), _READ & handled, handled)
        # To import from a folder one has to list it; what else lies there is not to be read.
        _allow(libc, rules, sys.path, _READ_DIR, handled)
        _allow(libc, rules, ("/dev/null", "/dev/shm"), handled, handled)
        _allow(libc, rules, sandbox.write, handled, handled)
        if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise SandboxError("the sandbox cannot give up privileges on this machine.")
        _call(libc, _RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _own_namespaces(libc, write: Sequence[str]) -> bool:
    """No network, and all mounts but ``write`` read-only; False where this is not permitted."""
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_USER | _NEW_NET | _NEW_MOUNTS):
        return libc.unshare(_NEW_NET) == 0 or libc.unshare(_NEW_USER | _NEW_NET) == 0
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", name).write_text(text)
    writable = [os.fsencode(os.path.realpath(path)) for path in write]
    attributes = (ctypes.c_uint64 * 4)(_READ_ONLY, 0, 0, 0)
    libc.mount(b"none", b"/", None, _PRIVATE_BELOW, None)
    for path in writable:
        libc.mount(path, path, None, _BIND, None)
    if libc.syscall(_MOUNT_SETATTR, _HERE, b"/", _RECURSIVE, attributes, 32):
        return True  # an older kernel: Landlock alone guards the files
    attributes[:] = (0, _READ_ONLY, 0, 0)
    for path in (*writable, b"/dev/shm"):
        libc.syscall(_MOUNT_SETATTR, _HERE, path, 0, attributes, 32)
    os.chdir(os.getcwd())  # onto the mount of its own
    return True


def _allow(libc, rules: int, paths: Iterable[str], rights: int, handled: int):
    for path in paths:
        if not os.path.exists(path):
            continue
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            here = rights if os.path.isdir(path) else rights & _OF_FILES & handled
            if not here:
                continue
            rule = here.to_bytes(8, sys.byteorder) + handle.to_bytes(4, sys.byteorder)
            _call(libc, _ADD_RULE, rules, _PATH_BENEATH, ctypes.create_string_buffer(rule, 12), 0)
        finally:
            os.close(handle)


def _version() -> int:
    """Landlock's version, 0 where there is none."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syscall"):
        return 0
    found = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)
    return max(0, found)


def _call(libc, number: int, *arguments) -> int:
    result = libc.syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise SandboxError(error, f"the sandbox cannot be made here ({os.strerror(error)})")
    return result
