from pathlib import Path

import pytest

from replications.cli.parser import build_parser


def test_run_takes_every_option():
    arguments = "run a b --profile gpu --seeds 3 --only x --only y --device cpu --jobs 2 --out here --again --dry-run"
    found = build_parser().parse_args(arguments.split())
    assert (found.command, found.papers, found.profile, found.seeds) == ("run", ["a", "b"], "gpu", 3)
    assert (found.only, found.device, found.jobs, found.out) == (["x", "y"], "cpu", 2, Path("here"))
    assert found.again
    assert found.dry_run


def test_defaults_are_the_smallest_profile_and_nothing_else():
    found = build_parser().parse_args(["run", "a"])
    assert (found.profile, found.seeds, found.only, found.device, found.jobs, found.out) == (
        "smoke", None, [], "auto", None, None,
    )  # fmt: skip
    assert build_parser().parse_args(["claims"]).profile is None
    assert build_parser().parse_args(["book"]).profile == "smoke"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "COMMAND"),
        (["fly"], "'fly'"),
        (["run"], "PAPER"),
        (["run", "a", "--seeds", "0"], "'0' is not a whole number above zero"),
        (["run", "a", "--jobs", "two"], "'two' is not a whole number above zero"),
        (["run", "a", "--profile"], "--profile"),
        (["list", "--yaml"], "--yaml"),
        (["new-chapter"], "SLUG"),
    ],
)
def test_a_wrong_argument_is_one_line(capsys, arguments, complaint):
    with pytest.raises(SystemExit) as stopped:
        build_parser().parse_args(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("replicate: ")
    assert complaint in line
    assert "--help" in line


@pytest.mark.parametrize("command", ["list", "run", "claims", "book", "data", "check", "new-chapter"])
def test_every_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as stopped:
        build_parser().parse_args([command, "--help"])
    assert stopped.value.code == 0
    assert f"usage: replicate {command}" in capsys.readouterr().out
