"""`indexer --help` and its kin, answered without typer: quick, and never other than what typer knows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from support.commands import COMMAND, Cli, process, terminal

from indexer.cli import commands, front_page
from indexer.cli.app import app
from indexer.cli.signals import INTERRUPTED
from indexer.errors import EXIT_DONE, EXIT_FAILED, EXIT_USAGE

SLOW = ("typer", "click", "rich", "pydantic", "yaml", "boto3", "botocore", "pyarrow", "duckdb")
SPARED = (*SLOW, "typing", "re", "enum", "signal", "shutil", "textwrap", "pathlib")
"""What a bare Python does without is to be done without: any of these takes a tenth to a half of what it takes."""

ASKED = [["--help"], ["-h"], [], ["--version"], ["--debug", "--help"], ["--debug"], ["--debug", "--version"]]


def loaded(*words: str) -> set[str]:
    """The modules that a process of the command has loaded when it ends."""
    program = (
        f"import sys; sys.argv = ['indexer', *{list(words)!r}]\n"
        "from indexer.cli import main\ntry:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    # -S: what a development environment loads into every Python is not the command's.
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert done.stdout
    return set(done.stderr.splitlines()[-1].split())


def group() -> Any:
    return typer.main.get_command(app)


@pytest.mark.parametrize("words", ASKED, ids=" ".join)
def test_nothing_is_loaded_that_it_can_do_without(words: list[str]) -> None:
    assert sorted(loaded(*words) & set(SPARED)) == []


@pytest.mark.parametrize("words", [["run", "--help"], ["status", "-h"], ["prune", "--help"]], ids=" ".join)
def test_the_help_of_a_command_loads_typer_alone(words: list[str]) -> None:
    found = loaded(*words)
    assert "typer" in found
    assert sorted(found & set(SLOW)) == ["typer"]


@pytest.mark.parametrize("words", ASKED, ids=" ".join)
def test_typer_would_say_the_same(cli: Cli, words: list[str]) -> None:
    through_typer, without = cli(*words), process(*words)
    assert through_typer == without
    assert without.code == (EXIT_USAGE if not set(words) - {"--debug"} else EXIT_DONE)
    assert without.err == ""


def test_the_page_has_what_typer_knows() -> None:
    known = group()
    context = typer.Context(known, **known.context_settings)
    assert set(commands.SUMMARIES) == set(known.commands)
    options = {param.name: param for param in known.get_params(context)}
    assert {", ".join(sorted(param.opts, key=len)) for param in options.values()} == set(commands.OPTIONS)
    for param in options.values():
        assert commands.OPTIONS[", ".join(sorted(param.opts, key=len))] == param.help
    assert known.help == commands.ABOUT


def test_the_page_has_all_of_it() -> None:
    words = " ".join(process("--help", COLUMNS="200").out.split())
    for items in (commands.SUMMARIES, commands.OPTIONS):
        for name, text in items.items():
            assert f"{name} {' '.join(text.split())}" in words
    for each in (*commands.COMMANDS, commands.ABOUT, *commands.EXAMPLES):
        assert each in words


@pytest.mark.parametrize("name", commands.SUMMARIES)
def test_the_help_of_a_command_begins_with_what_the_page_says(cli: Cli, name: str) -> None:
    shown = cli(name, "--help").out
    told = " ".join(shown.split())
    assert told.startswith(f"Usage: indexer {name} ")
    assert told.index(commands.SUMMARIES[name]) < told.index("Options:")
    assert "Example" in shown[shown.index("Options:") :]
    assert "\b" not in shown


def test_examples_are_lines_to_copy(cli: Cli) -> None:
    assert (
        "\n    indexer prune --keep-days 30 --keep-weekly 52 --keep-monthly 120 --dry-run\n" in cli("prune", "-h").out
    )


@pytest.mark.parametrize("columns", [20, 30, 47, 52, 80, 99, 250])
def test_the_page_fits(columns: int) -> None:
    shown = terminal("--help", columns=columns, NO_COLOR="1").out.splitlines()
    limit = max(columns, 2 + len("--install-completion"), len("Usage: indexer [OPTIONS] COMMAND [ARGS]..."))
    assert max(map(len, shown)) <= min(limit, 100)
    assert process("--help", COLUMNS=str(columns)).out.splitlines() == shown


def test_headings_are_bold_where_that_shows() -> None:
    bold = "\x1b[1mAsk the store\x1b[0m"
    assert bold in terminal("--help").out
    assert "\x1b" not in terminal("--help", NO_COLOR="1").out
    assert "\x1b" not in terminal("--help", TERM="dumb").out
    assert "\x1b" not in process("--help").out


@pytest.mark.parametrize("words", [["--help", "--no-such"], ["--version", "run", "--no-such"], ["help"], ["stauts"]])
def test_what_it_does_not_know_is_typers(words: list[str]) -> None:
    with_it, without = process(*words), process(*words, _INDEXER_COMPLETE="")
    assert with_it == without
    assert (with_it.code, with_it.out.count("Usage")) in {(2, 0), (0, 0)}


def test_a_reader_that_is_gone() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with subprocess.Popen([*COMMAND, "--help"], stdout=theirs, stderr=subprocess.PIPE, text=True) as running:
        os.close(theirs)
        assert running.stderr is not None
        assert running.stderr.read() == ""
    assert running.returncode == EXIT_DONE


def test_no_stdout_at_all() -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (EXIT_DONE, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_a_disk_that_is_full() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run([*COMMAND, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: stdout cannot be written: No space left on device\n")


def test_the_codes_are_those_of_errors() -> None:
    assert (front_page._DONE, front_page._FAILED, front_page._USAGE) == (EXIT_DONE, EXIT_FAILED, EXIT_USAGE)
    assert front_page._INTERRUPTED == INTERRUPTED


def test_the_page_is_plain_letters() -> None:
    """So that it needs no look at what the terminal can spell."""
    assert front_page.page().isascii()
