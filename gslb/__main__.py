"""``python -m gslb`` is the command line."""

from gslb.cli.main import main

main()
