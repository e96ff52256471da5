"""The log: one event a line on standard error, for people or as JSON."""

import contextlib
import logging
import sys
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict


class _Lossy:
    """A stream that loses a line rather than raise: whoever read it may be gone, and the work goes on."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream  # None where the process was started without standard error

    def write(self, text: str) -> None:
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.write(text)

    def flush(self) -> None:
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()


class _Forward(logging.Handler):
    """Takes what libraries log into the same lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log ``record`` as an event of the library it comes from."""
        event = structlog.get_logger(record.name)
        event.log(record.levelno, record.getMessage(), library=record.name, exc_info=record.exc_info or None)


def configure_log(form: Literal["human", "json"], level: str, process: str) -> None:
    """Set up the log of this process.

    Args:
        form: lines for people, or one JSON object per line.
        level: least severity that is shown: debug, info, warning or error.
        process: name of this process in every line, as in ``nameserver-0``.
    """
    stream = _Lossy(sys.stderr)

    def name_process(_logger: object, _method: str, event: EventDict) -> EventDict:
        event["process"] = process  # not a context variable: threads would start without it
        return event

    shared: list[structlog.typing.Processor] = [
        name_process,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if form == "json"
        # Not its default, rich: that takes a second to draw a traceback and shows the values of all variables.
        else [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)]
    )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)
    structlog.configure(
        processors=shared + final,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(stream),  # type: ignore[arg-type]  # write and flush suffice
        cache_logger_on_first_use=True,
    )
