"""Names of what lies in the run folder beside the state."""

from pathlib import Path

from gslb.supervisor.lockfile import lock_file as lock_file  # noqa: PLC0414  a place like those here

API_SOCKET = "api.sock"
TOKEN = "token"  # noqa: S105  a file name
TIMELINE = "timeline"
CONTROL = "control"
SUPERVISOR = "supervisor"


def worker_names(workers: int) -> tuple[str, ...]:
    """Names of the nameserver's processes."""
    return tuple(f"nameserver-{index}" for index in range(workers))


def worker_socket(run_folder: Path, worker: str) -> Path:
    """Where a nameserver process takes its snapshots."""
    return run_folder / f"{worker}.sock"


def worker_snapshot(run_folder: Path, worker: str) -> Path:
    """What a nameserver process starts from."""
    return run_folder / f"{worker}.snapshot"
