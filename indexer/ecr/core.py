"""botocore's session, without what it does for services that nobody here calls.

A session has 127 handlers for events, nearly all of them for one other service (S3, EC2, ...) or for documentation, and
each is inspected when it is registered. Those left out here are of services that neither the job nor the way to
credentials (STS, SSO and what may come) uses, so their events are never sent. A session takes 1 ms of CPU instead of 8.
"""

from __future__ import annotations

from typing import Any, Final

import botocore.session
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST, REGISTER_LAST

from indexer.ecr.models import models

_OTHERS: Final = frozenset(
    {"autoscaling", "cloudformation", "docdb", "ec2", "glacier", "neptune", "rds", "route53", "s3", "s3-control"}
)
"""Services with handlers of their own that no credentials come from: S3 alone has 40."""


def core_session(profile: str | None) -> botocore.session.Session:
    """Return a session for clients of ECR, and of what credentials come from. ProfileNotFound as botocore's own."""
    session = botocore.session.Session(profile=profile, include_builtin_handlers=False)
    events: Any = session.get_component("event_emitter")
    places = {REGISTER_FIRST: events.register_first, REGISTER_LAST: events.register_last}
    handlers: Any = BUILTIN_HANDLERS
    for event, handler, *place in handlers:
        if not is_for_others(event):
            register = places[place[0]] if place else events.register
            register(event, handler)
    session.register_component("data_loader", models(session.get_config_variable("data_path")))
    return session


def is_for_others(event: str) -> bool:
    """Whether no client here sends the event: its name is what happens, to which service, and in which operation."""
    what, *service = event.split(".")[:2]
    return what == "docs" or not _OTHERS.isdisjoint(service)
