"""Stand-ins for the APIs of DNS providers, over real HTTP, as strict as those are."""
