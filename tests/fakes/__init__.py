"""Stand-ins for the APIs of DNS providers, over real HTTP."""
