"""Tells people and machines of what happens, by webhook and by mail, never in the way of what decides."""
