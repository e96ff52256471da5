"""What is written down and read back: the state database and the journal of raw results.

The rest of gslb sees model values only; rows, connections and files never leave this package.
Use :mod:`gslb.store.store` for the state and :mod:`gslb.store.journal` for the journal.
"""
