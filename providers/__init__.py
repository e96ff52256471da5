"""Providers publish steering: each renders it into its own records and applies them.

The embedded nameserver is always there. ``BUILTIN`` names the types of the others that come with gslb; the values are
loaded only where a ``[providers.NAME]`` table has that type. Other distributions add to them through the entry point
group ``gslb.providers``.
"""

EMBEDDED = "embedded"
"""Name of the own nameserver among those of providers; it has no table."""

BUILTIN = {
    "clouddns": "providers.clouddns:CloudDns",
    "route53": "providers.route53:Route53",
}
