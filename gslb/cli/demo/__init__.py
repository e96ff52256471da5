"""gslb demo: Istanbul and Ankara on loopback, with gateways, backends and the daemon, in one command."""
