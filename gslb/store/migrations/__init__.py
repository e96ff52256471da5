"""Alembic's environment and revisions; run by :mod:`gslb.store.migrate`, never from a command line."""
