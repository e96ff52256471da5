"""Signals as bytes in a pipe, so that one poll waits for signals and processes alike."""

import contextlib
import os
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def signal_pipe(*numbers: signal.Signals) -> Iterator[int]:
    """A descriptor that becomes readable when one of the signals arrives; ``read_signals`` says which.

    For the main thread. The handlers of before are back in place afterwards.
    """
    # These may have been kept waiting while this program replaced itself: without a handler, they would have ended it.
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    # a full pipe holds 65,536 unread signals: another one would say nothing new
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, _only_wake_up) for number in numbers}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    try:
        yield reading
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        os.close(writing)
        os.close(reading)


def read_signals(descriptor: int) -> list[signal.Signals]:
    """The signals that have arrived, in order."""
    with contextlib.suppress(BlockingIOError):
        return [signal.Signals(number) for number in os.read(descriptor, 1 << 16)]
    return []


def _only_wake_up(_number: int, _frame: object) -> None:
    """Python writes the signal to the pipe by itself, as long as there is a handler."""
