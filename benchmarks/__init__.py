"""Benchmarks against what a user would run instead: ``make bench-probes`` and ``make bench-reaction``.

That of nameservers, ``make bench-dns``, is in ``tests/bench/dns``. No part of the product. They run as root on Linux,
with two CPUs and the Debian packages that ``tools.py`` names.
"""
