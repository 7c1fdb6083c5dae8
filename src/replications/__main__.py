"""`python -m replications`: the command line, where the `replicate` script is not installed."""

from replications.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
