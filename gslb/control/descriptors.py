"""How many attempts may be under way: each holds a file descriptor, and so does every connection that is kept open."""

import resource

MAX_IN_FLIGHT = 8000
LEAST = 16
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


def most_attempts(descriptors: int) -> int:
    """Attempts that may be under way with so many descriptors: half are left to kept connections, files and clients."""
    return max(LEAST, min(MAX_IN_FLIGHT, descriptors // 2))
