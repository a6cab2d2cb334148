"""The part of AWS STS that says who one is: GetCallerIdentity. AssumeRole is known, and always refused.

The query protocol: a form in, XML out. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

CONTENT_TYPE = "text/xml"
_FORM = b"Action="
_SPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_ASSUMED = re.compile(r"arn:([\w-]+):sts::([0-9]{12}):assumed-role/([^/]+)/.+")


class Answer(NamedTuple):
    """An answer of STS: the HTTP status and the XML."""

    status: int
    body: bytes


def is_form(body: bytes) -> bool:
    """Whether a request speaks STS's protocol and not ECR's."""
    return body.startswith(_FORM)


def respond(body: bytes, caller: str) -> Answer:
    """Answer a form, for the caller with that ARN."""
    form = {name: values[0] for name, values in parse_qs(body.decode("ascii", "replace")).items()}
    action = form["Action"]
    if action == "GetCallerIdentity":
        account = caller.split(":")[4]
        inner = f"<Arn>{escape(caller)}</Arn><UserId>AIDALOCAL</UserId><Account>{account}</Account>"
        return Answer(HTTPStatus.OK, _wrapped(action, f"<{action}Result>{inner}</{action}Result>"))
    if action == "AssumeRole":
        text = f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {form.get('RoleArn')}"
        return Answer(HTTPStatus.FORBIDDEN, _error("AccessDenied", text))
    return Answer(HTTPStatus.BAD_REQUEST, _error("InvalidAction", f"the local registry has no action {action}"))


def principal(caller: str) -> str:
    """Return the principal behind a caller's ARN: the role of an assumed role, without its path, else the caller."""
    match = _ASSUMED.fullmatch(caller)
    return f"arn:{match[1]}:iam::{match[2]}:role/{match[3]}" if match else caller


def _wrapped(action: str, inner: str) -> bytes:
    metadata = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
    return f'<{action}Response xmlns="{_SPACE}">{inner}{metadata}</{action}Response>'.encode()


def _error(code: str, message: str) -> bytes:
    inner = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
    return f'<ErrorResponse xmlns="{_SPACE}"><Error>{inner}</Error><RequestId>1</RequestId></ErrorResponse>'.encode()
