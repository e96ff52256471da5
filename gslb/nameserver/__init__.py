"""The embedded authoritative nameserver: a process of its own that answers from a compiled snapshot.

It knows nothing of TOML, probes or policies. A control process hands it snapshots over a Unix socket; when that process
is dead, and after a restart without it, it goes on with the last one.
"""
