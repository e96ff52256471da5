"""Plug-ins by name: those that come with gslb, and those that other distributions register as entry points."""

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import policies
import probes
from gslb.errors import PluginError
from gslb.model.options import Options

_BUILTIN = {"probe": probes.BUILTIN, "policy": policies.BUILTIN}
_GROUPS = {"probe": "gslb.probes", "policy": "gslb.policies"}


def load_plugin(kind: str, name: str) -> Any:
    """The class behind ``name``; its module is imported now, not before.

    Args:
        kind: ``probe`` or ``policy``.
        name: as written in TOML.

    Raises:
        PluginError: nothing of that name, or it cannot be used.
    """
    references = known_plugins(kind)
    if name not in references:
        raise PluginError(kind, name, tuple(sorted(references)))
    module, _, attribute = references[name].partition(":")
    try:
        plugin = getattr(import_module(module), attribute)
    except Exception as error:  # somebody else's module may raise anything
        reason = f"cannot be loaded: {type(error).__name__}: {error}"
        raise PluginError(kind, name, tuple(sorted(references)), reason) from error
    if not (isinstance(plugin, type) and issubclass(plugin, Options)):
        reason = f"{references[name]} is no subclass of gslb.model.options.Options"
        raise PluginError(kind, name, tuple(sorted(references)), reason)
    return plugin


def known_plugins(kind: str) -> dict[str, str]:
    """Names and ``module:Class`` references; a built-in name cannot be taken over."""
    added = {entry.name: entry.value for entry in entry_points(group=_GROUPS[kind])}
    return added | _BUILTIN[kind]
