"""User and capabilities of this process (credentials(7), capabilities(7)). Linux only.

The kernel keeps capabilities by thread: what gives some up comes before the first other thread. Who gives up which, and
when, is decided by those who call.
"""

import ctypes
import grp
import os
import pwd
from collections.abc import Iterable
from dataclasses import dataclass

CAP_NET_BIND_SERVICE = 10
"""the right to bind ports below 1024"""

_SET_KEEPCAPS, _SET_NO_NEW_PRIVS, _CAP_AMBIENT = 8, 38, 47
_AMBIENT_RAISE, _AMBIENT_LOWER, _AMBIENT_CLEAR_ALL = 2, 3, 4
_VERSION_3 = 0x20080522
_LOW = 0xFFFFFFFF
_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Word(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, and the groups that a process of that user is in."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def find_account(user: str, group: str | None = None) -> Account:
    """The account ``user``, with ``group`` in place of its own primary group.

    Raises:
        LookupError: this machine has no such user or group; says which.
    """
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise LookupError(f"this machine has no user {user!r}") from None
    try:
        gid = entry.pw_gid if group is None else grp.getgrnam(group).gr_gid
    except KeyError:
        raise LookupError(f"this machine has no group {group!r}") from None
    return Account(user, entry.pw_uid, gid, tuple(os.getgrouplist(user, gid)), entry.pw_dir)


def become(account: Account, keep: Iterable[int] = ()) -> None:
    """Go on as ``account`` for good, without any capability but those of ``keep`` that this process has.

    These are ambient: programs that are started from here have them too.

    Raises:
        OSError: this process may not change its user.
    """
    kept = sum(1 << number for number in keep) & _capabilities().permitted
    _prctl(_SET_KEEPCAPS, 1)
    os.setgroups(account.groups)
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    _set_capabilities(_Sets(kept, kept, kept))
    for number in keep:
        if kept >> number & 1:
            _prctl(_CAP_AMBIENT, _AMBIENT_RAISE, number)


def give_up_all() -> None:
    """From now on this thread, threads that it starts, and programs that it starts have no capability."""
    _prctl(_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
    _set_capabilities(_Sets(0, 0, 0))


def give_up(number: int) -> None:
    """The same for one capability."""
    withhold(number)
    had, others = _capabilities(), ~(1 << number)
    _set_capabilities(_Sets(had.effective & others, had.permitted & others, had.inheritable & others))


def withhold(number: int) -> None:
    """Programs that are started from here do not have this capability; this thread goes on to have it."""
    _prctl(_CAP_AMBIENT, _AMBIENT_LOWER, number)


def forbid_new_privileges() -> None:
    """No program that is started from here has more rights than this process (PR_SET_NO_NEW_PRIVS)."""
    _prctl(_SET_NO_NEW_PRIVS, 1)


@dataclass(frozen=True, slots=True)
class _Sets:
    """The capabilities of this thread, each set as bits."""

    effective: int
    permitted: int
    inheritable: int


def _capabilities() -> _Sets:
    words = (_Word * 2)()
    _checked(_libc.capget(ctypes.byref(_Header(_VERSION_3, 0)), words))
    low, high = words
    return _Sets(
        low.effective | high.effective << 32,
        low.permitted | high.permitted << 32,
        low.inheritable | high.inheritable << 32,
    )


def _set_capabilities(sets: _Sets) -> None:
    words = (_Word * 2)(
        *(
            _Word(sets.effective >> shift & _LOW, sets.permitted >> shift & _LOW, sets.inheritable >> shift & _LOW)
            for shift in (0, 32)
        )
    )
    _checked(_libc.capset(ctypes.byref(_Header(_VERSION_3, 0)), words))


def _prctl(option: int, *arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    _checked(_libc.prctl(option, *(ctypes.c_ulong(argument) for argument in padded)))


def _checked(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
