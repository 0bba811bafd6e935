"""`python -m assuage.cli` is the `assuage` command."""

from assuage.cli import main

main()
