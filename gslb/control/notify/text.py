"""Text that came from elsewhere, made fit to be shown."""

SHOWN = 200
"""characters of a line"""


def first_line(*texts: str) -> str:
    """The first line of ``texts`` that says anything, as can be shown on a terminal."""
    lines = (line.strip() for text in texts for line in text.splitlines())
    return printable(next(filter(None, lines), "")[:SHOWN])


def printable(text: str) -> str:
    """``text`` with nothing in it that a terminal, or a line of a header, would take for something else."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
