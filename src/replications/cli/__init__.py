"""The command line `replicate`: parses, calls, prints. Heavy imports wait until a command needs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from replications.cli.parser import build_parser
from replications.study.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 1 when a check said no, 2 for a user's mistake."""
    options = build_parser().parse_args(arguments)
    try:
        from replications.cli import commands

        code = commands.COMMANDS[options.command](options)
        sys.stdout.flush()  # a pipe that was closed is noticed here, not while Python ends
        return code
    except UserError as error:
        print(f"replicate: {' '.join(str(error).split())}", file=sys.stderr)  # one line, whatever it quotes
        return 2
    except KeyboardInterrupt:
        print("\nreplicate: stopped; finished runs are kept, the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe (head, less) went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to write goes nowhere
        return 0
