"""The words, the syntax and the output of `aws ecr batch-get-image`, version 1 of the AWS CLI; no call is made here.

What the AWS CLI does was read in its source and is compared with the program itself (tests/aws_cli). Pure: files that
parameters name are read by a function that the caller gives, answers come from `indexer.ecr` or from a store.
"""

from __future__ import annotations

from indexer.aws_cli.arguments import Invocation, options, parse
from indexer.aws_cli.output import render
from indexer.aws_cli.parameters import request

__all__ = ["Invocation", "options", "parse", "render", "request"]
