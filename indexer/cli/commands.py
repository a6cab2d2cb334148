"""The commands: under which heading the help has each, and what it does in a sentence.

`indexer.cli.app` registers the commands with these words, and `indexer.cli.front_page` prints them without typer.
"""

from __future__ import annotations

ABOUT = "Index the image manifests in Amazon ECR, and answer questions about their layers and bytes."

COMMANDS = {
    "Index registries": {
        "init": "Write a config.yaml that explains itself. On a terminal it asks for what is not given.",
        "check": "Try what a run does, without doing it: credentials, permissions, the store; say what is missing.",
        "run": "List what the registries hold and fetch the manifests that the store does not have.",
        "status": "Show the newest runs, how fresh the store is, and what failed.",
        "demo": ("Run the job on a made-up estate in a local registry, and show some answers. Needs no AWS account."),
    },
    "Ask the store": {
        "query": "Answer a question by its name; without a name, list the questions.",
        "sql": "Run SQL over the views; without a statement, list the views and their columns.",
        "find": "Show everything known about a layer, a config, a manifest, an image or a repository.",
        "report": (
            "Write one page about the store for people to look at: totals, growth, sharing, what could go, what failed."
        ),
        "export-views": (
            "Write a DuckDB file with the views, and a table macro for each query, for other programs to open."
        ),
    },
    "Look after the store": {
        "verify": (
            "Check the store: every text against its digest, every row against its text, every file against its commit."
        ),
        "compact": (
            "Merge the small segments that many runs leave, so that questions open fewer files. Readers may go on."
        ),
        "prune": "Let go of old snapshots; history becomes coarser, the current state stays exactly what it is.",
        "reflatten": (
            "Make all rows anew that an older version made, from the manifests in the store, without a call to ECR."
        ),
    },
    "Fetch as the AWS CLI does": {
        "batch-get-image": (
            "Do what `aws ecr batch-get-image` does: same options, output and exit codes; or answer from the store."
        ),
    },
}
"""Heading -> command -> what it does."""

OPTIONS = {
    "--version": "Show the version and exit.",
    "--debug": "Show where in the program an unexpected error happened.",
    "--install-completion": "Install completion for the current shell.",
    "--show-completion": "Show completion for the current shell, to copy it or customize the installation.",
    "-h, --help": "Show this message and exit.",
}
"""Those of `indexer` itself; the last three are typer's."""

EXAMPLES = (
    "indexer demo",
    "indexer run",
    "indexer query registry-totals",
    "indexer find team/app:latest",
)

SUMMARIES = {name: summary for commands in COMMANDS.values() for name, summary in commands.items()}
