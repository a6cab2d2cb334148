"""Why an answer has no rows, where the question itself is the reason: then the query's own sentence would mislead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from indexer.catalog import Query
from indexer.catalog.parameters import Parameter, Value
from indexer.errors import UsageError, did_you_mean
from indexer.front.asking import Asking
from indexer.front.beginnings import with_whole_digests
from indexer.front.errors import Ambiguous, NotFound
from indexer.front.find import find
from indexer.front.references import Reference


class _Asked(NamedTuple):
    """A query as it was asked: a value for each of its parameters."""

    asking: Asking
    query: Query
    values: Mapping[str, Value]

    def each(self, is_such: Callable[[Parameter], bool]) -> Iterator[tuple[str, str]]:
        """Name and text of the parameters that are such, and have a value."""
        for parameter in filter(is_such, self.query.parameters):
            if (value := self.values[parameter.name]) is not None:
                yield parameter.name, str(value)


def why_empty(asking: Asking, query: Query, given: Mapping[str, object]) -> str:
    """Return the sentence to show with an answer without rows: the query's own, or what is wrong with `given`.

    Raises what the query itself raises for values that it does not take.
    """
    asked = _Asked(asking, query, query.bind(with_whole_digests(asking, query, given)))
    reasons = (_no_rows_wanted, _no_repository, _no_match, _nothing_held, _no_tag, _no_image, _no_digest, _no_run)
    return next((said for reason in reasons if (said := reason(asked)) is not None), query.empty)


def single_run(asking: Asking, query: Query) -> str | None:
    """Return what is to be said about the answers of a query about time where the store has a single run, or None."""
    if query.single is None or len(asking.rows("run_ids")) != 1:
        return None
    return query.single


def _no_rows_wanted(asked: _Asked) -> str | None:
    return "limit=0 asks for no rows." if asked.values.get("limit") == 0 else None


def _no_repository(asked: _Asked) -> str | None:
    if asked.asking.rows("known_repositories", pattern="*"):
        return None
    nothing = f"{asked.asking.place} holds no repository yet"
    if not asked.asking.rows("run_ids"):
        return f"{nothing}: no run is committed; indexer run makes the first."
    if asked.query.name == "failures":
        return None
    (row,) = asked.asking.rows("failure_count")
    if row["failures"]:
        return f"{nothing}: no run has listed any; indexer query failures says why."
    return f"{nothing}: no run found any that include and exclude of config.yaml let through."


def _no_match(asked: _Asked) -> str | None:
    for name, pattern in asked.each(_names_repositories):
        rows = asked.asking.rows("known_repositories", pattern=pattern)
        if rows and not any(row["is_match"] for row in rows):
            names = [row["repository"] for row in rows]
            hint = did_you_mean(pattern, names, f"; there is {names[0]}, for one.")
            return f"No repository matches {name}={pattern}{hint}"
    return None


def _no_tag(asked: _Asked) -> str | None:
    within = str(asked.values.get("repository", "*"))
    for name, pattern in asked.each(lambda parameter: parameter.name == "tag" and parameter.type == "glob"):
        (row,) = asked.asking.rows("nearest_tag", pattern=pattern, repository=within)
        if row["nearest"] is None:
            return _unlisted(asked, within) or f"No image in a repository that matches repository={within} has a tag."
        if not row["is_match"]:
            where = "" if within == "*" else f" in a repository that matches repository={within}"
            return f"No tag{where} matches {name}={pattern}, did you mean {row['nearest']}?"
    return None


def _no_image(asked: _Asked) -> str | None:
    """An image named as `find` takes it."""
    for name, text in asked.each(lambda parameter: parameter.name == "image" and parameter.type == "text"):
        try:
            page = find(asked.asking, text)
        except Ambiguous:  # queries take all of them
            continue
        except (NotFound, UsageError) as error:
            return f"{name}={text}: {error}."
        if "digest" not in page:
            return f"{name}={text} is a repository; give an image in it, as {text}:TAG, or its digest."
        reference = Reference.parse(text)
        taken = f"{reference.repository}:{reference.tag}" if "tag" in page else page["digest"]
        if text != taken:
            return f"{name} is taken as REPOSITORY:TAG or as a whole digest; give {name}={taken}"
    return None


def _no_digest(asked: _Asked) -> str | None:
    for name, digest in asked.each(lambda parameter: parameter.type == "digest"):
        rows = asked.asking.rows("digests", beginning=digest, most=1)
        if not rows:
            place = asked.asking.place
            return (
                f"{name}={digest} is not in {place}: no manifest, layer, config or index entry there has this digest."
            )
        return f"{asked.query.empty} The store knows {name}={digest} as: {rows[0]['what']}."
    return None


def _no_run(asked: _Asked) -> str | None:
    """Runs that do not exist, or where there is a single one."""
    if said := single_run(asked.asking, asked.query):
        return said
    ids = [row["run_id"] for row in asked.asking.rows("run_ids")]
    found: dict[str, str] = {}
    for name, beginning in asked.each(lambda parameter: parameter.description.startswith("id of ")):
        matching = [run_id for run_id in ids if run_id.startswith(beginning)]
        if not matching:
            return f"No run has an id that begins as {name}={beginning}; there are {len(ids):,}, {ids[0]} to {ids[-1]}."
        # One before the later run is taken; if any of them is, the oldest is.
        found[name] = matching[0] if name == "earlier" else matching[-1]
    if "earlier" in found and found["earlier"] >= found.get("later", ids[-1]):
        return f"earlier={found['earlier']} is not before later={found.get('later', ids[-1])}."
    if found.get("later") == ids[0]:
        return f"later={ids[0]} is the oldest run in the store: there is none before it to compare with."
    return None


def _nothing_held(asked: _Asked) -> str | None:
    """Repositories that have no images now, for queries about those that there are."""
    if asked.query.single is not None or "images" not in asked.asking.catalog.reads(asked.query.name):
        return None
    for name, pattern in [*asked.each(_names_repositories), ("repository", "*")]:
        (row,) = asked.asking.rows("repository_state", pattern=pattern)
        which = "The store" if pattern == "*" else f"What matches {name}={pattern}"
        if not row["repositories"]:
            return f"{which} has no repository any longer: what there was is deleted."
        if not row["listed"]:
            return f"{which} was never listed whole, so its images are not known; indexer query failures says why."
        if not row["images"]:
            return _unlisted(asked, pattern) or f"{which} holds no image."
    return None


def _unlisted(asked: _Asked, pattern: str) -> str | None:
    """What cannot be known of repositories that match, as some were never listed whole."""
    (row,) = asked.asking.rows("repository_state", pattern=pattern)
    if row["listed"] == row["repositories"]:
        return None
    unlisted = row["repositories"] - row["listed"]
    if unlisted == row["repositories"]:
        return (
            f"No repository that matches {pattern} was ever listed whole, so their images are not known; indexer query "
            "failures says why."
        )
    were = "was" if unlisted == 1 else "were"
    return (
        f"Of the {row['repositories']:,} repositories that match {pattern}, {unlisted:,} {were} never listed whole, "
        "so their images are not known; indexer query failures says why. The others have none such."
    )


def _names_repositories(parameter: Parameter) -> bool:
    of_repositories = parameter.name == "repository" or "repositor" in parameter.description
    return parameter.type == "glob" and of_repositories
