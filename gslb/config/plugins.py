"""Plug-ins by name: those that come with gslb, and those that other distributions register as entry points."""

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import policies
import probes
import providers
from gslb.config.providers import ProviderSection
from gslb.errors import PluginError
from gslb.model.options import Options

_BUILTIN = {"probe": probes.BUILTIN, "policy": policies.BUILTIN, "provider": providers.BUILTIN}
_GROUPS = {"probe": "gslb.probes", "policy": "gslb.policies", "provider": "gslb.providers"}
_ATTEMPTS = ("attempt", "session")
"""methods of probes.base.AsyncProbe and probes.base.Probe"""
_PROVIDED = ("render", "problems", "open")
"""methods of providers.base.Provider"""


def load_plugin(kind: str, name: str) -> Any:
    """The class behind ``name``; its module is imported now, not before.

    Args:
        kind: ``probe``, ``policy`` or ``provider``.
        name: as written in TOML.

    Raises:
        PluginError: nothing of that name, or it cannot be used.
    """
    # What is installed takes milliseconds to look through, and there may be thousands of services.
    references = _BUILTIN[kind] if name in _BUILTIN[kind] else known_plugins(kind)
    if name not in references:
        raise PluginError(kind, name, tuple(sorted(references)))
    module, _, attribute = references[name].partition(":")
    try:
        plugin = getattr(import_module(module), attribute)
    except Exception as error:  # somebody else's module may raise anything
        reason = f"cannot be loaded: {type(error).__name__}: {error}"
        raise PluginError(kind, name, tuple(sorted(references)), reason) from error
    fault = _fault(kind, plugin)
    if fault is not None:
        raise PluginError(kind, name, tuple(sorted(references)), f"{references[name]} {fault}")
    return plugin


def _fault(kind: str, plugin: Any) -> str | None:
    """Why something cannot be a plug-in of this kind."""
    if not (isinstance(plugin, type) and issubclass(plugin, Options)):
        return "is no subclass of gslb.model.options.Options"
    if kind == "probe" and not any(callable(getattr(plugin, method, None)) for method in _ATTEMPTS):
        return f"has neither of the methods {' and '.join(_ATTEMPTS)}, one of which a probe needs (see probes.base)"
    if kind == "policy" and not any("__call__" in vars(base) for base in plugin.__mro__):
        return "has no method __call__, which a policy step needs (see gslb.model.branch.Step)"
    if kind == "policy" and not (hasattr(plugin, "name") or "name" in plugin.model_fields):
        return "has no name, which a policy step needs (see gslb.model.branch.Step)"
    return _provider_fault(plugin) if kind == "provider" else None


def _provider_fault(plugin: type[Options]) -> str | None:
    missing = [method for method in _PROVIDED if not callable(getattr(plugin, method, None))]
    if missing:
        return f"has no method {' and no '.join(missing)}, which a provider needs (see providers.base.Provider)"
    if not (hasattr(plugin, "capabilities") or "capabilities" in plugin.model_fields):
        return "has no capabilities, which a provider needs (see providers.base.Provider)"
    taken = [name for name in plugin.model_fields if name in ProviderSection.model_fields]
    return f"has an option {taken[0]} of its own, which every provider has already" if taken else None


def known_plugins(kind: str) -> dict[str, str]:
    """Names and ``module:Class`` references; a built-in name cannot be taken over."""
    added = {entry.name: entry.value for entry in entry_points(group=_GROUPS[kind])}
    return added | _BUILTIN[kind]
