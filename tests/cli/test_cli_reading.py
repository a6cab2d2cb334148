"""query, sql, status and find over a real store: wrong input first, then what they print."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from support.commands import Cli
from support.shop import BASE, MIB, NASTY, TWINS, Shop
from support.world import START

from indexer.store import Store

NUMBERS = "select i from range(2500) as numbers(i)"


def test_no_store_named(cli: Cli) -> None:
    for command in (["query", "registry-totals"], ["sql", "from runs"], ["status"], ["find", "app"]):
        done = cli(*command)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: which store? Name it with --store, or in INDEXER_STORE")


def test_no_store_there(cli: Cli) -> None:
    done = cli("status", "--store", "nowhere")
    assert done.code == 2
    assert done.err == "error: there is no store at nowhere; indexer run makes one\n"


def test_a_folder_that_is_no_store(cli: Cli) -> None:
    (cli.folder / "x").mkdir()
    (cli.folder / "x" / "letter.txt").write_text("dear store")
    assert cli("status", "--store", "x").code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["qurey"], "No such command 'qurey'. Did you mean 'query'?"),
        (["query", "most-shared-layer"], "did you mean most-shared-layers?"),
        (["query", "storag"], "did you mean storage-by-prefix or storage-by-repository? indexer query lists them all"),
        (["query", "most-shared-layers", "-p", "limt=3"], "did you mean limit?"),
        (["query", "most-shared-layers", "-p", "limit=few"], "limit=few: expected a whole number"),
        (["query", "most-shared-layers", "-p", "limit"], "-p limit: expected KEY=VALUE"),
        (["query", "most-shared-layers", "-p", "limit=1", "-p", "limit=2"], "-p limit is given twice"),
        (["query", "images-with-layer"], "-p digest=..."),
        (["query", "images-with-layer", "-p", "digest=abc"], "digest=abc is too short for a digest"),
        (["query", "images-with-layer", "-p", "digest=latest"], "a whole digest"),
        (["query", "failures", "--format", "yaml"], "yaml"),
        (["query", "failures", "--formt", "csv"], "--format"),
        (["query", "failures", "--limit", "-1"], "--limit"),
        (["sql", "selec 1"], "syntax error"),
        (["sql", "from imagse"], "did you mean images?"),
        (["sql", "select tag from images"], "there is no column tag"),
        (["sql", "select 1; select 2"], "2 SQL statements"),
        (["sql", "drop view images"], "the store is only read"),
        (["sql", ""], "there is no SQL statement"),
        (["sql", "select $x"], "x"),
        (["find"], "DIGEST|REPOSITORY[:TAG]"),
        (["find", "abcabc"], "is the beginning of several digests"),
        (["status", "--limit", "0"], "--limit"),
    ],
)
def test_wrong_input_is_one_error_and_exit_code_2(
    cli: Cli, shop: Shop, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.setenv("INDEXER_STORE", str(shop.folder))
    done = cli(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("what", ["sha256:" + "0" * 64, "000000", "team/ap", "team/app:9"])
def test_what_is_not_found_is_exit_code_1(cli: Cli, shop: Shop, what: str) -> None:
    done = cli("find", what, "--store", shop.folder)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")


def test_the_store_comes_from_the_flag_then_the_environment_then_the_config(
    cli: Cli, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cli.folder / "config.yaml").write_text(f"store: {shop.folder}\nregistries: [{{regions: [eu-west-1]}}]\n")
    assert json.loads(cli("sql", "select count(*) as n from runs", "--format", "json").out) == [{"n": 2}]
    monkeypatch.setenv("INDEXER_STORE", "from-the-environment")
    assert "no store at from-the-environment" in cli("status").err
    assert "no store at from-the-flag" in cli("status", "--store", "from-the-flag").err


def test_a_config_that_is_wrong_matters_where_it_is_needed(cli: Cli, shop: Shop) -> None:
    (cli.folder / "config.yaml").write_text("stoer: x\n")
    needed = cli("status")
    assert needed.code == 2
    assert "did you mean store?" in needed.err
    named = cli("status", "--config", "config.yaml", "--store", shop.folder)
    assert named.code == 2
    by_chance = cli("status", "--store", shop.folder)
    assert by_chance.code == 0
    assert by_chance.err.startswith("warning: the queries of this configuration are not used: config.yaml")


def test_own_queries_come_from_the_config(cli: Cli, shop: Shop) -> None:
    (cli.folder / "own").mkdir()
    (cli.folder / "own" / "runs-made.sql").write_text(
        "-- question: How many runs?\n-- empty: None.\nselect count(*) as runs\nfrom runs\n"
    )
    (cli.folder / "config.yaml").write_text(
        f"store: {shop.folder}\nregistries: [{{regions: [eu-west-1]}}]\nqueries: own\n"
    )
    assert "How many runs?" in cli("query").out
    assert json.loads(cli("query", "runs-made", "--format", "json").out) == [{"runs": 2}]


def test_queries_are_listed_without_a_store(cli: Cli) -> None:
    done = cli("query", "--format", "json")
    listed = json.loads(done.out)
    assert {"failures", "registry-totals"} <= {row["query"] for row in listed}
    assert all(row["question"].endswith("?") for row in listed)
    assert cli("query").out.startswith("query")
    assert cli("query", "--format", "csv").out.startswith("query,question\r\n")
    assert cli("query", "--format", "markdown").out.startswith("| query | question |\n")


def test_a_question_about_time_describes_what_a_single_run_cannot_tell(cli: Cli) -> None:
    text = " ".join(cli("query", "tag-churn", "--help").out.split())
    assert "- A note below the answer may say: The store has a single run, and a move takes two to show" in text
    assert "single run" not in cli("query", "failures", "--help").out


def test_the_total_is_named_in_tables_and_null_to_programs(cli: Cli, shop: Shop) -> None:
    words = ("query", "registry-totals", "--store", shop.folder, "--limit", "1", "--format")
    assert cli(*words, "table").out.splitlines()[1].split()[:2] == ["(all)", "(all)"]
    assert cli(*words, "markdown").out.splitlines()[2].startswith("| (all) | (all) |")
    (row,) = json.loads(cli(*words, "json").out)
    assert (row["registry_id"], row["region"]) == (None, None)
    assert cli(*words, "csv").out.splitlines()[1].startswith(",,")


@pytest.mark.parametrize("flag", ["--help", "--describe"])
def test_a_query_describes_itself(cli: Cli, flag: str) -> None:
    done = cli("query", "images-with-layer", flag)
    assert done.code == 0
    assert done.out.startswith("Which images have a given layer?\n- ")
    assert "digest     digest  required  the layer" in done.out
    assert done.out.endswith("Example: indexer query images-with-layer -p digest=...\n")
    assert cli("query", "images-wit-layer", flag).code == 2


def test_a_query_shows_its_sql(cli: Cli, shop: Shop) -> None:
    done = cli("query", "layer-reuse-histogram", "--sql")
    assert done.out.startswith("-- question: ")
    assert done.code == 0


def test_query_help_without_a_name_is_the_commands(cli: Cli) -> None:
    assert "Usage: indexer query" in cli("query", "--help").out


def test_formats_agree(cli: Cli, shop: Shop) -> None:
    words = ["query", "most-shared-layers", "--store", str(shop.folder), "--format"]
    rows = json.loads(cli(*words, "json").out)
    assert rows[0]["layer_digest"] == BASE
    assert rows[0]["size"] == 30 * MIB
    read = list(csv.DictReader(io.StringIO(cli(*words, "csv").out, newline="")))
    assert [{name: str(value) for name, value in row.items()} for row in rows] == read
    table = cli(*words, "table").out.splitlines()
    assert table[0].split() == list(rows[0])
    assert table[1].split()[:3] == [BASE[:19], "30.0", "MiB"]
    markdown = cli(*words, "markdown").out.splitlines()
    assert markdown[0] == "| " + " | ".join(rows[0]) + " |"
    assert markdown[2].startswith(f"| {BASE[:19]} | 30.0 MiB | ")
    assert len(markdown) == len(table) + 1 == len(rows) + 2


def test_no_rows_are_said_and_the_data_stays_valid(cli: Cli, shop: Shop) -> None:
    words = ["query", "images-with-layer", "-p", "digest=sha256:" + "0" * 64, "--store", str(shop.folder), "--format"]
    for format_, out in (("json", "[]\n"), ("table", "")):
        done = cli(*words, format_)
        assert (done.code, done.out) == (0, out)
        assert done.err.strip()
        assert "error" not in done.err
    assert cli(*words, "csv").out.count("\r\n") == 1


def test_columns_is_the_width_of_a_table_in_a_pipe(cli: Cli, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("query", "storage-by-repository", "--store", shop.folder)
    assert max(map(len, cli(*words).out.splitlines())) > 80
    monkeypatch.setenv("COLUMNS", "80")
    done = cli(*words)
    assert max(map(len, done.out.splitlines())) <= 80
    assert "not shown, for lack of room: " in done.out
    monkeypatch.setenv("COLUMNS", "60")
    assert cli("sql", NUMBERS, "--store", shop.folder).out.splitlines()[-1] == "2,499"


def test_long_plain_tables_are_whole(cli: Cli, shop: Shop) -> None:
    done = cli("sql", "select i from range(3500) as numbers(i)", "--store", shop.folder)
    assert len(done.out.splitlines()) == 3501
    assert done.out.endswith("3,499\n")


def test_sql_from_stdin_and_with_parameters(cli: Cli, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("select count(*) as n from images\nwhere repository = $name"))
    done = cli("sql", "-", "-p", "name=team/app", "--store", shop.folder, "--format", "json")
    assert json.loads(done.out) == [{"n": 6}]


def test_sql_without_a_statement_lists_views_and_columns(cli: Cli, shop: Shop) -> None:
    page = cli("sql", "--store", shop.folder).out
    assert "\ntags\nThe tags each repository holds: one row per tag.\n" in page
    rows = json.loads(cli("sql", "--store", shop.folder, "--format", "json").out)
    assert {"view": "images", "column": "tags", "type": "varchar[]"}.items() <= next(
        row for row in rows if row["view"] == "images" and row["column"] == "tags"
    ).items()


def test_explain_is_readable(cli: Cli, shop: Shop) -> None:
    done = cli("sql", "explain select count(*) from layers", "--store", shop.folder)
    assert done.code == 0
    assert len(done.out.splitlines()) > 5
    assert "\\n" not in done.out


@pytest.mark.parametrize("format_", ["table", "markdown"])
def test_names_cannot_drive_the_terminal(cli: Cli, shop: Shop, format_: str) -> None:
    statement = "select tag from tags where repository = 'odd/names'"
    done = cli("sql", statement, "--store", shop.folder, "--format", format_)
    assert "\x1b" not in done.out
    assert "\\x1b[31mred" in done.out.replace("\\\\", "\\").replace("\\[", "[")


def test_names_are_exact_in_data(cli: Cli, shop: Shop) -> None:
    words = ["sql", "select tag from tags where repository = 'odd/names' and tag <> 'broken'", "--store"]
    rows = json.loads(cli(*words, shop.folder, "--format", "json").out)
    assert {row["tag"] for row in rows} == set(NASTY)
    read = csv.DictReader(io.StringIO(cli(*words, shop.folder, "--format", "csv").out, newline=""))
    assert {row["tag"] for row in read} == set(NASTY)


def test_status_tells_freshness_targets_failures_and_runs(cli: Cli, shop: Shop) -> None:
    done = cli("status", "--store", shop.folder)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == f"store         {shop.folder}"
    assert lines[1].startswith("newest run    2026-01-03 02:00:00, ")
    assert lines[1].endswith(", 1 failure")
    assert lines[2] == "complete run  none yet"
    assert "InvalidManifest" in done.out
    assert "us-east-1" in done.out
    assert done.out.index("2026-01-03 02:00:00  no") < done.out.index("2026-01-02 02:00:00  no")


def test_status_as_data_is_the_runs(cli: Cli, shop: Shop) -> None:
    rows = json.loads(cli("status", "--store", shop.folder, "--format", "json", "--limit", "1").out)
    assert len(rows) == 1
    assert rows[0]["started_at"] == "2026-01-03T02:00:00Z"
    assert rows[0]["targets"][1] == {"registry_id": "210987654321", "region": "us-east-1"}


def test_status_of_a_store_without_a_run(cli: Cli, tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "new").writer(now=lambda: START, version="1"):
        pass
    done = cli("status", "--store", "new")
    assert (done.code, done.out) == (0, "")
    assert done.err == "no run is committed yet in new; indexer run makes the first\n"
    assert cli("status", "--store", "new", "--format", "json").out == "[]\n"


def test_find_shows_an_image_as_a_page(cli: Cli, shop: Shop) -> None:
    page = cli("find", "team/app:1.0", "--store", shop.folder).out
    assert page.startswith(f"{shop.one}\nimage\nmedia type  application/vnd.oci.image.manifest.v1+json\n")
    assert "annotation  made.by = \\x1b[2J[b]x\n" in page
    order = [page.index(f"\n{title}\n") for title in ("Listed as an image", "Layers, base first", "What refers to it")]
    assert order == sorted(order)
    assert "\x1b" not in page


def test_find_shows_a_layer_with_its_images(cli: Cli, shop: Shop) -> None:
    page = cli("find", BASE[7:19], "--store", shop.folder, "--limit", "2").out
    assert page.startswith(f"{BASE}\nlayer\n\nBlob of 30.0 MiB, in 5 manifests, ")
    assert f"more: indexer query images-with-layer -p digest={BASE}\n" in page


def test_find_shows_an_index_and_says_which_children_are_missing(cli: Cli, shop: Shop) -> None:
    page = cli("find", "team/multi:3.0", "--store", shop.folder).out
    platforms = [line.split()[2] for line in page.splitlines() if "linux/" in line]
    assert platforms == ["linux/amd64", "linux/arm64", "linux/s390x"]
    assert "not in the store" in page


def test_find_shows_an_archived_image(cli: Cli, shop: Shop) -> None:
    page = cli("find", "cold/store:old", "--store", shop.folder).out
    assert "not in the store: ECR does not give the manifests of archived images" in page


def test_find_shows_repositories(cli: Cli, shop: Shop) -> None:
    page = cli("find", "team/app", "--store", shop.folder).out
    assert page.startswith("123456789012/eu-west-1 team/app\n")
    assert "\n210987654321/us-east-1 team/app\n" in page
    assert "images      5, 4 of them with 5 tags\n" in page
    assert (
        "deleted  gone when the run of 2026-01-03 02:00:00 looked\n"
        in cli("find", "team/gone", "--store", shop.folder).out
    )


def test_find_as_json_is_one_exact_object(cli: Cli, shop: Shop) -> None:
    found = json.loads(cli("find", shop.one, "--store", shop.folder, "--format", "json").out)
    assert found["digest"] == shop.one
    assert found["manifest"]["annotations"] == {"made.by": "\x1b[2J[b]x"}
    assert found["images"][0]["pushed_at"] == "2025-12-02T12:00:00Z"


def test_find_lists_what_an_ambiguous_beginning_may_be(cli: Cli, shop: Shop) -> None:
    done = cli("find", "abcabc", "--store", shop.folder)
    assert done.err.count("\n") == 3
    assert all(digest in done.err for digest in TWINS)
