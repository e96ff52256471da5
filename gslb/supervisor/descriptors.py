"""How many file descriptors a process may have. What each of them uses them for is its own affair."""

import resource

_ENOUGH = 65536
"""What is asked for where there is no limit."""


def raise_limit() -> int:
    """Raise the soft limit of open files to the hard one; returns what is then allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return wanted if soft == resource.RLIM_INFINITY else soft
