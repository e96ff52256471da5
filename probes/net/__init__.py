"""What probes stand on: an event loop for many short exchanges, sockets by vantage point, TCP and TLS connections."""
