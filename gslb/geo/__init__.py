"""Who and where a client is: the only place that knows MaxMind's database format.

Use :mod:`gslb.geo.locator` to locate clients for long, and :mod:`gslb.geo.database` to look into one file.
"""
