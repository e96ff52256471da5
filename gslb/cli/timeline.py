"""gslb timeline: what happened, incident by incident, and whether that is still as it was written.

Reads the files themselves, so it works with the daemon dead.
"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from gslb.cli.client import demo_folders, run_folder_of
from gslb.cli.places import TIMELINE
from gslb.errors import GslbError
from gslb.model.duration import parse_duration
from gslb.model.incident import Incident
from gslb.store.timeline_line import Head
from gslb.store.timeline_verify import Broken, Verified

app = typer.Typer(help="Show incidents from the first failed probe to the end of exposure; verify the record of them.")

ConfigOption = Annotated[Path | None, typer.Option("--config", help="the timeline of this configuration's daemon")]
FolderOption = Annotated[Path | None, typer.Option("--folder", help="the timeline in this folder")]
BEFORE = timedelta(days=1)
"""How far back is read for the beginning of what was going on at ``--since``."""
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_ANCHOR = re.compile(r"([0-9]{1,16}):([0-9a-f]{64})")


@app.callback(invoke_without_command=True)
def timeline(
    context: typer.Context,
    since: Annotated[str, typer.Option(help="incidents that were not over so long ago, as in 10m or 2h")] = "1h",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="print Markdown, for a ticket")] = False,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Show incidents: evidence, votes, decision, publication, first answer, end of exposure, recovery."""
    if context.invoked_subcommand is not None:
        return
    from gslb.cli import show
    from gslb.cli.timeline_report import json_view, markdown_report, text_report

    if as_json and as_markdown:
        raise GslbError("--json and --markdown: choose one of them")
    found = _incidents(_folder(config, folder), since)
    if as_json:
        print(json.dumps(json_view(found), indent=2))
    elif as_markdown:
        print(markdown_report(found))
    else:
        show.console().print(text_report(found))


@app.command()
def verify(
    config: ConfigOption = None,
    folder: FolderOption = None,
    anchor: Annotated[
        str | None,
        typer.Option(metavar="SEQUENCE:HASH", help="an entry that must be in it, as gslb timeline head says"),
    ] = None,
) -> None:
    """Check that no entry is changed, missing, inserted or moved; exit code 1 where one is."""
    known = None if anchor is None else _anchor(anchor)
    whole = _must_hold(_folder(config, folder), known)
    print(_whole(whole))
    if known is not None and known.sequence < whole.first:
        raise GslbError(f"entry {known.sequence} is removed, so nothing can be said of it")


@app.command()
def head(config: ConfigOption = None, folder: FolderOption = None) -> None:
    """Print the last entry's SEQUENCE:HASH, to keep where nobody who can write the timeline can."""
    whole = _must_hold(_folder(config, folder), None)
    print(f"{whole.head.sequence}:{whole.head.hash}")


def _folder(config: Path | None, folder: Path | None) -> Path:
    """The folder of the timeline that is asked for.

    Raises:
        GslbError: there is none.
    """
    looked = [folder] if folder else list(_folders(config))
    for path in looked:
        if path.is_dir():
            return path
    raise GslbError(
        f"no timeline found at {', '.join(map(str, looked))}\n    name one with --config FILE or --folder FOLDER"
    )


def _folders(config: Path | None) -> Iterator[Path]:
    yield run_folder_of(config or Path("gslb.toml")) / TIMELINE
    if config is None:
        yield from (found / TIMELINE for found in demo_folders())


def _incidents(folder: Path, since: str) -> list[Incident]:
    """The incidents that were not over at ``since``; what is wrong with the files is said on standard error."""
    from gslb.model.incident import incidents
    from gslb.store.timeline import read

    try:
        back = timedelta(seconds=parse_duration(since))
    except (ValueError, OverflowError) as error:
        raise GslbError(f"--since: {error}") from None
    now = datetime.now(UTC)
    begin = now - min(back, now - _EARLIEST)
    found = _verified(folder, None)
    if isinstance(found, Broken):
        print(f"{_place(found)}\n    entries that are damaged are left out", file=sys.stderr)
    entries = read(folder, max(begin - BEFORE, _EARLIEST))
    return [each for each in incidents(entries, now) if each.ended_utc is None or each.ended_utc >= begin]


def _verified(folder: Path, anchor: Head | None) -> Verified | Broken:
    from gslb.store.timeline_verify import verify as check

    try:
        return check(folder, anchor)
    except OSError as error:
        raise GslbError(f"{error.filename or folder}: {error.strerror}\n    run this as the daemon's user") from None


def _must_hold(folder: Path, anchor: Head | None) -> Verified:
    """What verification says; raises GslbError with the place where the chain is broken."""
    found = _verified(folder, anchor)
    if isinstance(found, Broken):
        raise GslbError(_place(found))
    return found


def _anchor(text: str) -> Head:
    found = _ANCHOR.fullmatch(text)
    if found is None:
        raise GslbError(f"--anchor: {text!r} is not SEQUENCE:HASH\n    write what gslb timeline head printed")
    return Head(int(found[1]), found[2])


def _place(broken: Broken) -> str:
    line = f":{broken.line}" if broken.line else ""
    return f"timeline is broken: {broken.file}{line}: entry {broken.sequence} {broken.what}"


def _whole(whole: Verified) -> str:
    count = whole.head.sequence - whole.first + 1
    before = f"; entries before {whole.first} are removed" if whole.first > 1 else ""
    torn = "; an unfinished line follows, as a crash leaves it" if whole.torn else ""
    last = f"{whole.head.sequence}:{whole.head.hash}"
    return f"{count} entries are as they were written, the last one is {last}{before}{torn}"
