"""Giving up root for good, once the port is bound.

become("nearboot")          # or "nearboot:tftp"
"""

from __future__ import annotations

import ctypes
import grp
import os
import pwd

from nearboot.errors import ConfigError

PR_SET_NO_NEW_PRIVS = 38
"""linux/prctl.h: no program that is started from here on gains rights by its set-user-ID bit or capabilities."""


def become(user: str) -> None:
    """Be ``user``, given as NAME or NAME:GROUP, from here on; ConfigError where that cannot be.

    To be called before any thread is started. Only root can become another user; whoever already is that user stays it.
    """
    name, _, group = user.partition(":")
    account = _account(name)
    gid = _group(group) if group else account.pw_gid
    if os.geteuid() == 0 and account.pw_uid != 0:
        os.initgroups(name, gid)
        os.setresgid(gid, gid, gid)
        os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    if os.getresuid() != (account.pw_uid,) * 3 or os.getresgid() != (gid,) * 3:
        raise ConfigError(f"cannot become user {user!r}: only root can, and this runs as {_me()!r}")
    if _is_root_again():
        raise ConfigError(f"user {user!r} gives up nothing: it is root, or can be again")
    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.environ.update(HOME=account.pw_dir, USER=name, LOGNAME=name)  # PostgreSQL's client reads files of HOME


def unreadable(path: str, *, writable: bool = False) -> str:
    """Why this process's user cannot use a file or folder, for people; empty: it can."""
    wanted = os.R_OK | (os.W_OK if writable else 0)
    try:
        status = os.stat(path)  # noqa: PTH116  # os.access below takes no Path either
    except OSError as error:
        return f"{path}: {error.strerror}, for user {_me()!r}"
    if os.access(path, wanted | (os.X_OK if os.path.isdir(path) else 0)):  # noqa: PTH112  # as above
        return ""
    verb = "written" if writable else "read"
    return (
        f"{path} cannot be {verb} by user {_me()!r}: it is {_name(status.st_uid)}'s, mode {status.st_mode & 0o7777:04o}"
    )


def _is_root_again() -> bool:
    try:
        os.setresuid(0, 0, 0)
    except PermissionError:
        return False
    return True


def _account(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError as error:
        raise ConfigError(f"no user named {name!r} on this machine") from error


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise ConfigError(f"no group named {name!r} on this machine") from error


def _me() -> str:
    return _name(os.geteuid())


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
