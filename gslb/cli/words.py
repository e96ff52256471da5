"""Words from outside, such as what an endpoint answered or a zone holds: they reach nobody as they came."""

import re

_MARKUP = re.compile(r"([\\`*_\[\]<>|~#&])")


def printable(text: str) -> str:
    """``text`` with what a terminal would not show, or would obey, in its place as a code."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def markdown(text: str) -> str:
    """``text`` for Markdown, in a cell of a table say: nothing in it is markup."""
    return _MARKUP.sub(r"\\\1", printable(text))
