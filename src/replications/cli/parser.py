"""The arguments of `replicate`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from replications.study.device import DEVICES
from replications.study.study import PROFILES


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; sub-commands inherit this."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"replicate: {message} (see '{self.prog} --help')\n")


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above zero")
    return number


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `command`."""
    parser = _Parser(
        prog="replicate", description="Replicate the papers of Pierre H. Richemond and co-authors, claim by claim."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser("list", help="papers, profiles, budgets, and what is recorded")
    _reading(command)

    command = commands.add_parser("run", help="make the records of one or more papers")
    command.add_argument("papers", nargs="+", metavar="PAPER", help="slug, as 'replicate list' shows it")
    command.add_argument(
        "--profile", default="smoke", metavar="P", help=f"one of {', '.join(PROFILES)} (default: smoke)"
    )
    command.add_argument("--seeds", type=_positive, metavar="N", help="seeds a condition (default: the profile's)")
    command.add_argument(
        "--only", action="append", default=[], metavar="CONDITION", help="only this condition (repeatable)"
    )
    command.add_argument("--device", default="auto", metavar="D", help=f"one of {', '.join(DEVICES)} (default: auto)")
    command.add_argument("--jobs", type=_positive, metavar="N", help="processes side by side (default: one a core)")
    command.add_argument("--out", type=Path, metavar="DIR", help="where records go (default: results/)")
    command.add_argument("--again", action="store_true", help="run again what has a fresh record")
    command.add_argument(
        "--dry-run", action="store_true", help="build the real model and take two steps on random input"
    )

    command = commands.add_parser("claims", help="the ledger: published and measured numbers, and the verdict")
    command.add_argument("papers", nargs="*", metavar="PAPER")
    command.add_argument("--profile", metavar="P", help="judge at this profile (default: the largest recorded)")
    _reading(command)

    command = commands.add_parser("book", help="execute what has changed and build the site")
    command.add_argument("papers", nargs="*", metavar="PAPER")
    command.add_argument("--profile", default="smoke", metavar="P", help="profile of the live runs (default: smoke)")
    command.add_argument("--jobs", type=_positive, metavar="N", help="chapters side by side (default: one a core)")

    command = commands.add_parser("data", help="fetch and verify data")
    command.add_argument("names", nargs="*", metavar="NAME", help="data set (default: what the chapters need)")
    _reading(command)

    command = commands.add_parser("check", help="re-execute the chapters and compare with the committed references")
    command.add_argument("papers", nargs="*", metavar="PAPER")
    command.add_argument("--update", action="store_true", help="make the references from the last book build instead")

    command = commands.add_parser("new-chapter", help="start a chapter: the four rooms, a page and tests")
    command.add_argument("slug", metavar="SLUG")
    return parser


def _reading(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="machine-readable output")
