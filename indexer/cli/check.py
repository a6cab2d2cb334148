"""`indexer check`: what stands in the way of a run, and the IAM policy for what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from indexer.check import Finding, Findings, Verdict, check
from indexer.cli import output
from indexer.cli.cells import counted
from indexer.cli.exact import csv_lines, json_lines
from indexer.cli.options import Format
from indexer.cli.page import Page
from indexer.cli.places import CONFIG, cache_folder, read_config, refuse_demo
from indexer.cli.tables import markdown_lines
from indexer.errors import EXIT_DONE, EXIT_FAILED

_COLUMNS = ("target", "subject", "verdict", "text", "advice", "action", "resource")


def show_check(config: str | None, store: str | None, format_: Format) -> int:
    """Check and print what was found; return the exit code."""
    loaded = read_config(config)
    if store:
        loaded = loaded.model_copy(update={"store": store})
    refuse_demo(Path(config or CONFIG), loaded.store)
    findings = check(loaded, cache=cache_folder())
    if format_ is Format.TABLE:
        _print(findings)
    else:
        for line in _lines(findings, format_):
            output.emit(line)
    return EXIT_DONE if findings.good else EXIT_FAILED


def _lines(findings: Findings, format_: Format) -> Iterator[str]:
    """Yield the findings as rows; of what is missing, `action` and `resource` are what IAM calls it."""
    rows = [_row(finding) for finding in findings.all]
    if format_ is Format.JSON:
        return json_lines(rows, _COLUMNS)
    if format_ is Format.CSV:
        return csv_lines(rows, _COLUMNS, safe=output.on_terminal())
    return markdown_lines([(name, False) for name in _COLUMNS], [[cell or "" for cell in row] for row in rows])


def _row(finding: Finding) -> tuple[str | None, ...]:
    missing = finding.missing or (None, None)
    return (finding.target, finding.subject, finding.verdict.value, finding.text, finding.advice, *missing)


def _print(findings: Findings) -> None:
    page = Page()
    width = max(len(finding.subject) for finding in findings.all)
    for target, group in groupby(findings.all, key=lambda finding: finding.target):
        page.title(target or "This machine")
        page.facts(_fact(finding, width) for finding in group)
    policy = findings.policy()
    if policy is not None:
        page.title("An IAM policy for what is missing")
        output.emit(json.dumps(policy, indent=2) + "\n")
    page.title(_verdict(findings))


def _fact(finding: Finding, width: int) -> tuple[str, str]:
    advice = f". {finding.advice[0].upper()}{finding.advice[1:]}" if finding.advice else ""
    if finding.advice is not None and finding.advice.startswith("aws "):
        advice = f". To change that: {finding.advice}"
    return f"{finding.verdict:<7}  {finding.subject:<{width}}", f"{finding.text.rstrip('.')}{advice}"


def _verdict(findings: Findings) -> str:
    problems, warnings = findings.count(Verdict.PROBLEM), findings.count(Verdict.WARNING)
    if problems:
        return f"{counted(problems, 'problem')} would fail a run, or part of it; {counted(warnings, 'warning')}"
    return f"nothing would fail a run; {counted(warnings, 'warning')}"
