"""Benchmarks, no part of the product: ``make bench-decide``, ``-publish``, ``-probes`` and ``-reaction``.

The latter two, and that of nameservers (``make bench-dns``, in ``tests/bench/dns``), are against what a user would run
instead. They take root on Linux, two CPUs and the Debian packages that ``tools.py`` names.
"""
