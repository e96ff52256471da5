"""Hypothesis, for slow and shared machines: fewer examples, and no limit on the time of a single one."""

from hypothesis import settings

settings.register_profile("gslb", max_examples=50, deadline=None)
settings.load_profile("gslb")
