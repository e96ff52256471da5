"""Probes observe: each makes one attempt at one address and says what it saw.

``BUILTIN`` names the probes that come with gslb; the values are loaded only where they are used. Other distributions
add to them through the entry point group ``gslb.probes``.
"""

BUILTIN = {
    "http": "probes.http:Http",
    "https": "probes.http:Https",
    "tcp": "probes.tcp:Tcp",
    "tls": "probes.tls:Tls",
    "dns": "probes.dns:Dns",
    "icmp": "probes.icmp:Icmp",
    "grpc": "probes.grpc:Grpc",
    "exec": "probes.exec:Exec",
}
