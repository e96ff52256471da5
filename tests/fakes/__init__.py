"""Stand-ins for services of others, over real HTTP, as strict as those are."""
