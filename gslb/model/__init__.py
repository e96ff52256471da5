"""Values and pure functions: what is observed, decided and answered.

Nothing here reads a clock, rolls dice, or does input or output; clocks and seeds come in as arguments.
Times are monotonic seconds (float) unless a name ends in ``_utc``.
"""
