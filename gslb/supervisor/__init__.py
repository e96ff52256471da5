"""The supervisor of ``gslb run``: keeps a fixed list of processes alive, and decides nothing else.

It knows neither configuration nor DNS, and is plain code around one poll, so there is little in it that could fail. Its
death changes nothing for the processes; the next supervisor adopts them.
"""
