"""The regional gateway: a reverse proxy that says of itself how well it serves.

``run`` is the way in; ``proxy`` carries one request; what only decides (``admission``, ``headers``, ``meter``,
``pool``, ``state``) does no input or output. Nothing here knows DNS or the controller.
"""
