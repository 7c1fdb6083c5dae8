"""The command line `replicate`: parses, calls, prints. Heavy imports wait until a command needs them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from replications.cli.parser import build_parser
from replications.study.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 1 when a check said no, 2 for a user's mistake."""
    options = build_parser().parse_args(arguments)
    from replications.cli import commands

    try:
        return commands.COMMANDS[options.command](options)
    except UserError as error:
        print(f"replicate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nreplicate: stopped; finished runs are kept, the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe (head, less) went away
        sys.stderr.close()
        return 0
