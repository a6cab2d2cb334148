"""The command as a process: pipes, terminals, start-up, completion, and what happens when all goes wrong."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.commands import COMMAND, Cli, process, terminal
from support.shop import BASE, Shop

import indexer
from indexer.catalog import load_queries, shipped_queries

COMMANDS = ("run", "status", "query", "sql", "find", "demo")
_MODULES = (
    "import sys; from indexer.cli import execute; execute(sys.argv[1:]); print(sorted(sys.modules), file=sys.stderr)"
)
_ESCAPE = re.compile(r"\x1b\[([0-9;?]*)([a-zA-Z])")


def test_version_and_help() -> None:
    assert process("--version") == (0, f"manifest-indexer {indexer.__version__}\n", "")
    done = process("--help")
    assert (done.code, done.err) == (0, "")
    assert [name for name in COMMANDS if f" {name} " not in done.out] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(cli: Cli, command: str) -> None:
    done = cli(command, "--help")
    assert done.code == 0
    assert f"Usage: indexer {command}" in done.out
    assert f"indexer {command} " in done.out[done.out.index("Example") :]


def test_nothing_asked_is_help_and_wrong_usage() -> None:
    done = process()
    assert (done.code, done.err) == (2, "")
    assert "Usage: indexer" in done.out


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["run", "--help"], ["stauts"]])
def test_start_up_imports_nothing_slow(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", _MODULES, *words], capture_output=True, text=True, check=True)
    slow = {"boto3", "botocore", "pyarrow", "duckdb", "yaml", "indexer.catalog", "indexer.config", "indexer.store"}
    if len(words) == 1 and words[0].startswith("-"):
        slow.add("pydantic")  # typer itself takes it to read the words of a command
    assert [name for name in sorted(slow) if f"'{name}'" in done.stderr] == []


def test_the_end_waits_for_no_thread_whose_call_hangs() -> None:
    program = (
        "import sys, threading, time; threading.Thread(target=time.sleep, args=[600]).start(); "
        "from indexer.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", program, "status", "--store", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "there is no store" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_statement_that_goes_on_and_on_is_ended(shop: Shop, number: signal.Signals, code: int) -> None:
    """DuckDB does not look for signals in such a one: a join without its condition."""
    endless = "select sum(a.range * b.range % 7) from range(3000000) a, range(3000000) b"
    command = [*COMMAND, "sql", endless, "--store", str(shop.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        time.sleep(5)
        assert running.poll() is None
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
    assert (running.returncode, "interrupted" in said, "Traceback" in said) == (code, True, False)


def test_status_imports_no_boto3(shop: Shop) -> None:
    words = [sys.executable, "-c", _MODULES, "status", "--store", str(shop.folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "'duckdb'" in done.stderr
    assert "'boto3'" not in done.stderr


def _completed(words: str, **env: str) -> list[str]:
    """What the shell offers for `words`, the last of which is being typed; items without their descriptions."""
    asked = {"_INDEXER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    return process(**asked, **env).out.split()


def test_all_query_names_complete() -> None:
    assert set(_completed("indexer query ")) == set(load_queries([shipped_queries()]))


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("indexer st", ["status"]),
        ("indexer query most-", ["most-shared-layers"]),
        ("indexer query xyz", []),
        ("indexer run --q", ["--quiet"]),
        ("indexer query growth -p by", ["by_repository="]),
        ("indexer query largest-layers -p ", ["limit="]),
        ("indexer query no-such -p ", []),
        ("indexer sql x -p ", []),
    ],
)
def test_the_shell_completes(words: str, offered: list[str]) -> None:
    assert _completed(words) == offered


def test_the_shell_completes_repositories_of_the_store(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = str(shop.folder)
    assert _completed("indexer find team/", INDEXER_STORE=store) == ["team/app", "team/base", "team/multi"]
    assert _completed(f"indexer find --store {store} od") == ["odd/names"]
    assert _completed("indexer find team/") == []  # no store, and no word about it


def test_the_shell_completes_the_configurations_own_queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "odd-ones.sql").write_text(
        "-- question: Which?\n-- parameter: least integer = 1 : at least\n-- empty: None.\nselect 1 as n\norder by n\n"
    )
    config = "store: ./store\nqueries: ./mine\nregistries:\n  - regions: [eu-west-1]\n"
    (tmp_path / "config.yaml").write_text(config)
    assert _completed("indexer query odd") == ["odd-ones"]
    assert _completed("indexer query odd-ones -p l") == ["least="]
    (tmp_path / "config.yaml").write_text("no: [config")
    assert _completed("indexer query odd") == []


def test_the_script_for_completion_names_the_command() -> None:
    done = process(_INDEXER_COMPLETE="source_bash")
    assert done.code == 0
    assert "complete" in done.out
    assert done.out.rstrip().endswith("indexer")


@pytest.mark.parametrize("format_", ["table", "csv", "json", "markdown"])
def test_a_reader_that_has_enough_ends_it_in_silence(shop: Shop, format_: str) -> None:
    words = ["sql", "select i, repeat('x', 100) as x from range(100000) as numbers(i)", "--store", str(shop.folder)]
    with subprocess.Popen(
        [*COMMAND, *words, "--format", format_], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read()
    assert (running.returncode, said) == (0, "")


@pytest.mark.parametrize("columns", ["", "80"])
def test_a_reader_that_never_reads(shop: Shop, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    """Tables that fit a width are rich's, which has an answer of its own."""
    monkeypatch.setenv("COLUMNS", columns)
    ours, theirs = os.pipe()
    os.close(ours)
    words = [*COMMAND, "find", "team/app", "--store", str(shop.folder)]
    with subprocess.Popen(words, stdout=theirs, stderr=subprocess.PIPE, text=True) as running:
        os.close(theirs)
        assert running.stderr is not None
        said = running.stderr.read()
    assert (running.returncode, said) == (0, "")


@pytest.mark.parametrize(
    ("words", "columns"),
    [
        (["query", "registry-totals"], 60),
        (["query", "storage-by-repository"], 80),
        (["query", "storage-by-repository"], 200),
        (["status"], 60),
        (["find", "team/app:1.0"], 60),
        (["query"], 80),
    ],
)
def test_everything_fits_the_terminal(shop: Shop, words: list[str], columns: int) -> None:
    done = terminal(*words, columns=columns, INDEXER_STORE=str(shop.folder))
    assert done.code == 0
    lines = _ESCAPE.sub("", done.out).splitlines()
    assert max(map(len, lines)) <= columns


def test_a_terminal_gets_bold_headers_and_a_pipe_does_not(shop: Shop) -> None:
    words = ["query", "largest-layers", "--store", str(shop.folder)]
    assert "\x1b[1m" in terminal(*words).out
    assert "\x1b" not in process(*words).out


@pytest.mark.parametrize("words", [["find", BASE], ["query", "registry-totals"], ["--help"]])
def test_no_color_is_honoured(shop: Shop, words: list[str]) -> None:
    done = terminal(*words, NO_COLOR="1", INDEXER_STORE=str(shop.folder))
    colours = [
        code
        for codes, kind in _ESCAPE.findall(done.out)
        if kind == "m"
        for code in codes.split(";")
        if code.isdigit() and int(code) >= 30
    ]
    assert colours == []


def test_names_cannot_drive_a_real_terminal(shop: Shop) -> None:
    words = ["sql", "select tag from tags where repository = 'odd/names'", "--store", str(shop.folder)]
    for format_ in ("table", "csv", "markdown"):
        shown = terminal(*words, "--format", format_).out
        assert "\x1b[31m" not in shown
        assert "red]stop" in shown


def test_long_tables_in_a_terminal_say_that_there_is_more(shop: Shop) -> None:
    words = ["sql", "select i from range(1500) as numbers(i)", "--store", str(shop.folder)]
    shown = terminal(*words).out
    said = "the first 1,000 of 1,500 rows (a terminal is shown no more; --format csv gives all)"
    assert " ".join(shown.split()).endswith(f" 998 999 {said}")


def test_output_that_the_terminal_cannot_spell_is_escaped(shop: Shop) -> None:
    words = ["sql", "select null as x, '漢' as y", "--store", str(shop.folder)]
    done = process(*words, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.code == 0
    assert "\\u6f22" in done.out


@pytest.mark.parametrize(
    ("words", "env", "debug"),
    [
        (["sql", "-"], {}, False),
        (["--debug", "sql", "-"], {}, True),
        (["sql", "-"], {"INDEXER_DEBUG": "1"}, True),
        (["sql", "-"], {"INDEXER_DEBUG": "0"}, False),
    ],
)
def test_what_should_not_happen_is_one_sentence(words: list[str], env: dict[str, str], debug: bool) -> None:
    # Nothing can be read from such a stdin.
    program = "import sys; sys.stdin = object(); from indexer.cli import main; sys.exit(main())"
    broken = [sys.executable, "-c", program, *words]
    done = subprocess.run(broken, capture_output=True, text=True, check=False, env=os.environ | env)
    assert (done.returncode, done.stdout) == (1, "")
    assert ("Traceback" in done.stderr) is debug
    if not debug:
        assert done.stderr.startswith("error: this should not have happened: AttributeError: ")
        assert "INDEXER_DEBUG=1" in done.stderr


def test_python_dash_m_is_the_command() -> None:
    installed = shutil.which("indexer", path=os.path.dirname(sys.executable))  # noqa: PTH120 - which takes text
    if installed is None:
        pytest.skip("the command is not installed beside this Python")
    done = subprocess.run([installed, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == process("--version").out


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_while_the_command_is_loaded_ends_it_without_a_traceback(
    tmp_path: Path, number: str, code: int
) -> None:
    (tmp_path / "typer.py").write_text(f"import os, signal\nos.kill(os.getpid(), signal.{number})\nprint('went on')\n")
    done = process("status", PYTHONPATH=str(tmp_path))
    assert done == (code, "", "error: interrupted before anything was done\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["run", "shop.yaml"], "; did you mean --config shop.yaml?"),
        (["run", "shop.yaml", "other.yml"], ""),
        (["run", "now"], ""),
        (["query", "media-types", "limit=3"], "; did you mean -p limit=3?"),
        (["query", "media-types", "three"], ""),
    ],
)
def test_what_stands_without_its_option_is_told(cli: Cli, words: list[str], hint: str) -> None:
    done = cli(*words)
    assert done.code == 2
    given = 2 if words[0] == "query" else 1
    first, then = done.err.splitlines()
    assert first == f"error: Got unexpected extra argument(s) ({' '.join(words[given:])}){hint}"
    assert then == f"indexer {words[0]} --help shows what there is"
