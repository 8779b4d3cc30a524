"""The command line: ``python -m bohb``."""

from bohb.cli import main

main()
