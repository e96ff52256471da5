"""The HTTP API: what the daemon knows, as JSON, and the few things it can be told."""
