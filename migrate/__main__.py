"""`python -m migrate`: the same command line."""

from migrate.cli import main

main(prog_name="migrate")
