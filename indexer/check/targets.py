"""What one account and region says to each of the job's calls."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator
from itertools import chain

from indexer.check.estimate import Sample, estimate, sampled
from indexer.check.findings import Finding, Missing, Verdict
from indexer.check.oddities import odd_region
from indexer.config import FetchConfig, RegistryConfig
from indexer.ecr import (
    Account,
    Ecr,
    Identity,
    ListedRepository,
    Pace,
    Target,
    advice,
    connect,
    in_short,
    likely_elsewhere,
    partition_of,
)
from indexer.errors import RegistryError, RegistryRefused
from indexer.model import Digest

_NOBODY = Digest(f"sha256:{'0' * 64}")
_NOWHERE = "manifest-indexer/check"
"""A repository to ask about where none is known: who may not ask is told so before ECR looks for it."""
_DENIED = frozenset({"AccessDeniedException", "AccessDenied"})
_EXAMPLES = 3
_RATE = 20.0
_ATTEMPTS = 3


class Trial:
    """The trial of one target: `run` makes the calls, some 50 for a large registry, and gives the findings.

    Afterwards `wants_any` says whether the configuration lets any repository through, `is_shut_out` whether there are
    some and it does not.
    """

    def __init__(self, target: Target, registry: RegistryConfig, fetch: FetchConfig) -> None:
        self._target = target
        self._registry = registry
        self._fetch = fetch
        self._identity: Identity | None = None
        self._label = str(target)
        self._answers = True
        self.wants_any = self.is_shut_out = False

    def run(self) -> list[Finding]:
        """Try everything; ConfigError for a profile that does not exist."""
        try:
            account = Account(self._target)
            client = connect(self._target, connections=1)
        except RegistryRefused as error:
            return [*self._region(), self._problem("credentials", error)]
        known = [*self._region(), *self._identify(account)]
        if any(finding.verdict is Verdict.PROBLEM for finding in known):
            return known
        ecr = Ecr(client, self._target, Pace(_RATE), max_attempts=_ATTEMPTS)
        return [
            finding._replace(target=self._label) for finding in chain(known, self._calls(ecr), self._settings(account))
        ]

    def _identify(self, account: Account) -> Iterator[Finding]:
        if account.is_of_this_machine:
            told = "not asked for: this registry is on this machine, and AWS's STS would not know who we are to it"
            yield self._found("identity", Verdict.NOTE, told)
            return
        try:
            self._identity = account.identity()
        except RegistryError as error:
            if error.operation == "AssumeRole":
                missing = Missing("sts:AssumeRole", str(self._target.role_arn))
                yield self._problem("sts:AssumeRole", error, missing=missing)
            else:
                told = f"not known, which a run does not mind: {error}"
                yield self._found("identity", Verdict.WARNING, told)
            return
        self._label = f"{self._registry.registry_id or self._identity.account}/{self._target.region}"
        yield self._found("identity", Verdict.OK, self._identity.arn)

    def _region(self) -> Iterator[Finding]:
        odd = odd_region(self._registry, self._target.region)
        if odd is not None:
            yield self._found("region", Verdict.WARNING, odd)

    def _calls(self, ecr: Ecr) -> Iterator[Finding]:
        try:
            repositories = [each for page in ecr.repositories() for each in page]
        except RegistryError as error:
            yield self._refused("DescribeRepositories", error)
            self._answers = error.code in _DENIED and self._elsewhere() is None
            if self._answers:
                yield from self._tried(ecr, [], [_NOWHERE])
            return
        yield self._found("ecr:DescribeRepositories", Verdict.OK, "allowed")
        wanted = [each for each in repositories if self._registry.wants(each.name)]
        samples: list[Sample] = []
        names = [each.name for each in sampled(wanted)] or [_NOWHERE]
        yield from self._tried(ecr, samples, names)
        yield from self._globs(repositories, wanted)
        if samples:
            text = estimate(samples, len(repositories), len(wanted), self._fetch)
            yield self._found("first run", Verdict.NOTE, f"{text}; later ones list as much, and fetch what is new")

    def _tried(self, ecr: Ecr, samples: list[Sample], names: list[str]) -> Iterator[Finding]:
        """Try the calls that are about a repository on each of `names`; what was listed goes to `samples`."""

        def list_images(name: str) -> None:
            samples.append(Sample.of(ecr.images(name)))

        def fetch_nothing(name: str) -> None:
            failure = ecr.batch_get_image(name, [_NOBODY]).failures[0]
            if not failure.gone:
                raise RegistryRefused("BatchGetImage", failure.code, failure.reason)

        yield self._each("DescribeImages", list_images, names)
        yield self._each("BatchGetImage", fetch_nothing, names)

    def _each(self, operation: str, ask: Callable[[str], None], names: list[str]) -> Finding:
        refused: list[tuple[str, RegistryError]] = []
        for name in names:
            try:
                ask(name)
            except RegistryError as error:
                if error.code == "RepositoryNotFoundException":  # deleted a moment ago, or never there: not denied
                    continue
                refused.append((name, error))
                if not isinstance(error, RegistryRefused):
                    break
        if not refused:
            where = "" if names == [_NOWHERE] else f", in {_counted(len(names))} tried"
            return self._found(f"ecr:{operation}", Verdict.OK, f"allowed{where}")
        name, first = refused[0]
        finding = self._refused(operation, first)
        if len(refused) == len(names):
            return finding
        text = f"refused in {len(refused)} of {_counted(len(names))} tried, such as {name}: {finding.text}"
        return finding._replace(text=text, advice="look at the repository's own policy")

    def _refused(self, operation: str, error: RegistryError) -> Finding:
        if error.code not in _DENIED:
            return self._problem(f"ecr:{operation}", error)
        elsewhere = self._elsewhere()
        if elsewhere is not None:  # likelier than a permission, and no policy helps
            return self._problem(f"ecr:{operation}", error)._replace(advice=f"look at the region first: {elsewhere}")
        return self._problem(f"ecr:{operation}", error, missing=Missing(f"ecr:{operation}", self._repositories_arn()))

    def _elsewhere(self) -> str | None:
        """Return why the registry at the configuration's own address may be of another region; None for no reason."""
        url = self._target.endpoint_url
        return None if url is None else likely_elsewhere(self._target.region, url)

    def _globs(self, repositories: list[ListedRepository], wanted: list[ListedRepository]) -> Iterator[Finding]:
        self.is_shut_out, self.wants_any = bool(repositories) and not wanted, bool(wanted)
        text = f"{len(wanted):,} of {len(repositories):,} are to be indexed" if repositories else "there are none"
        if self.is_shut_out:
            text += f"; include and exclude do not let through any, such as {repositories[0].name}"
        yield self._found("repositories", Verdict.OK if wanted else Verdict.WARNING, text)
        for key, globs in (("include", self._registry.include), ("exclude", self._registry.exclude)):
            for glob in globs if repositories else ():
                if not any(fnmatch.fnmatchcase(each.name, glob) for each in repositories):
                    yield self._found(key, Verdict.WARNING, f"{glob!r} matches no repository")

    def _settings(self, account: Account) -> Iterator[Finding]:
        """Ask for what is good to know: a run needs neither. Where nothing answers, that has been said."""
        if not self._answers:
            return
        theirs = self._registry.registry_id
        if self._identity is not None and theirs not in {None, self._identity.account}:
            told = f"not known: {theirs} is not the account of the credentials, and ECR tells only the account itself"
            yield self._found("pull times", Verdict.NOTE, told, "see that the role is left out of pull times there")
            return
        yield self._asked("blob mounting", lambda: self._mounting(account))
        yield self._asked("pull times", lambda: self._pull_times(account))

    def _asked(self, subject: str, ask: Callable[[], Finding]) -> Finding:
        try:
            return ask()
        except RegistryError as error:
            missing = Missing(f"ecr:{error.operation}", "*") if error.code in _DENIED else None
            told = f"not known, which a run does not mind: {error}"
            return self._found(subject, Verdict.WARNING, told)._replace(missing=missing)

    def _mounting(self, account: Account) -> Finding:
        if account.blob_mounting():
            told = "on: what is stored lies between both ends of the interval that queries give"
        else:
            told = "off: each repository stores its own copy, unless it was on before"
        return self._found("blob mounting", Verdict.NOTE, told)

    def _pull_times(self, account: Account) -> Finding:
        listed = account.pull_time_exclusions()
        if self._identity is not None and self._identity.is_among(listed):
            return self._found("pull times", Verdict.OK, f"{self._identity.principal} is left out of them")
        if self._identity is None and listed:
            more = f" and {len(listed) - _EXAMPLES:,} more" if len(listed) > _EXAMPLES else ""
            told = f"not known, as who we are is not; left out of them are {', '.join(listed[:_EXAMPLES])}{more}"
            return self._found("pull times", Verdict.WARNING, told, "see that the role of the run is among these")
        principal = "ARN" if self._identity is None else self._identity.principal
        whose = "nobody is" if self._identity is None else f"{principal} is not"
        return self._found(
            "pull times",
            Verdict.WARNING,
            f"{whose} left out of them: each manifest's one fetch will count as a pull of its image",
            f"aws ecr register-pull-time-update-exclusion --region {self._target.region} --principal-arn {principal}"
            + (" (with the role's path, if it has one)" if ":role/" in principal else ""),
        )

    def _repositories_arn(self) -> str:
        account = self._registry.registry_id or (self._identity.account if self._identity else "*")
        return f"arn:{partition_of(self._target.region)}:ecr:{self._target.region}:{account}:repository/*"

    def _problem(self, subject: str, error: RegistryError, missing: Missing | None = None) -> Finding:
        told = f"{error.code}: {in_short(error.reason)}"
        return self._found(subject, Verdict.PROBLEM, told, advice(error.code))._replace(missing=missing)

    def _found(self, subject: str, verdict: Verdict, text: str, what_to_do: str | None = None) -> Finding:
        return Finding(self._label, subject, verdict, text, what_to_do)


def _counted(repositories: int) -> str:
    return f"{repositories:,} {'repository' if repositories == 1 else 'repositories'}"
