"""Providers publish steering: each renders it into its own records and applies them.

``BUILTIN`` names the providers that come with gslb; the values are loaded only where they are used, so that no SDK is
imported without need.
"""

BUILTIN = {
    "embedded": "providers.embedded:Embedded",
}
