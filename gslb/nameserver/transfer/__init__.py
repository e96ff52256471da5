"""Zone transfers out of the nameserver: AXFR and IXFR, TSIG, and NOTIFY to secondaries.

What a transfer contains is in ``gslb.nameserver.content``, which serial it has in ``gslb.nameserver.serials``.
"""
