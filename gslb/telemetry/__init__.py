"""Structured logs and metrics: set up here, written to everywhere."""
