"""What a human should hear of: a line each that says what is wrong, where, and what to do.

A finding has a place, a date and a game for each of its facts, by which it is known again: the same
is never told twice, whatever the words. Not among them is what is as it should be (empty, in
warm-up, waived, still to be played), what waits for something that is told itself, and what a
watcher will mend when it is due.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from nba_assets.certification.certified import NOT_FINAL
from nba_assets.certification.decide import BAD_INPUT, FAILED
from nba_assets.certification.ledger import Cause, Status
from nba_assets.operations.gates import Gate
from nba_assets.operations.plan import Need, Reason, Standing, spans
from nba_assets.operations.report import VANISHING_RULES, PredictionError
from nba_assets.seasons import EASTERN, season_label

LINES = 20
"""of a message"""
DETAILS = 3
"""of a line"""
LATE = "late"
"""Rule of a date that nobody built although it is over."""
GIVEN_UP = "given_up"
"""Rule of a date that was tried to the limit."""

Fact = tuple[date | None, str | None]
"""the date and the game it is about, where there are such"""
Told = Mapping[str, tuple[str, frozenset[Fact]]]
"""by key of a finding its title, and the facts that were told"""


@dataclass(frozen=True)
class Finding:
    """Something wrong with a table, or with what looks after the tables."""

    title: str
    """what is wrong, such as a table and its state"""
    rule: str
    facts: Mapping[Fact, str]
    """what it is in each place, with figures"""
    remedy: str = ""
    """what to do; ``{first}``, ``{last}`` and ``{game}`` stand for what the line is about"""
    one_cause: bool = False
    """whether further dates are no news: they have the same cause, not one of their own"""

    @property
    def key(self) -> str:
        """What it is known by."""
        return f"{self.title}, {self.rule}"

    def lines(self, facts: Iterable[Fact]) -> list[str]:
        """Some of its facts: a line for all dates of which the same is told."""
        of_day: dict[date | None, list[Fact]] = defaultdict(list)
        for fact in sorted(facts, key=lambda one: (one[0] or date.min, one[1] or "")):
            of_day[fact[0]].append(fact)
        alike: dict[tuple[str, ...], list[date | None]] = defaultdict(list)
        for day, listed in of_day.items():
            alike[tuple(dict.fromkeys(self.facts[fact] for fact in listed))].append(day)
        return [
            self._line(details, [day for day in days if day], of_day[days[0]][0][1])
            for details, days in alike.items()
        ]

    def _line(self, details: Sequence[str], days: Sequence[date], game: str | None) -> str:
        told = "; ".join(details[:DETAILS])
        if len(details) > DETAILS:
            told += f"; and {len(details) - DETAILS} more"
        if not days:
            return f"{self.title}: {told}. {self.remedy}".rstrip()
        remedy = self.remedy.format(first=min(days), last=max(days), game=game)
        return f"{self.title} {_spans(days)}: {told}. {remedy}".rstrip()


def _spans(days: Iterable[date]) -> str:
    return ", ".join(f"{a}" if a == b else f"{a} … {b}" for a, b in spans(days))


def of_dates(
    now: Standing, exhausted: Iterable[Need], expected_after: timedelta, moment: datetime
) -> list[Finding]:
    """What is wrong with past dates: each cause once, not what waits for it.

    That rows are missing is told when they are late, some time after the end of the date; that they
    are wrong, or gone, at once. ``exhausted`` is what no further try follows for.
    """
    facts: dict[tuple[str, str, str, bool], dict[Fact, str]] = defaultdict(dict)
    missing: dict[date, list[str]] = defaultdict(list)
    for (name, day), need in now.needs.items():
        midnight = datetime.combine(day + timedelta(days=1), time(), EASTERN)
        is_late = moment >= midnight + expected_after
        if need.reason is Reason.MISSING:
            if is_late:
                missing[day].append(name)
            continue
        if need.waits or need.changed:
            continue
        for cause in [c for c in need.causes if c.is_of(name, day)] or need.causes:
            if is_late or _at_once(now, need, cause):
                title = f"{name} {now.statuses.get((name, day), Status.HELD)}"
                key = (title, cause.rule, _remedy(cause), cause.rule in (FAILED, BAD_INPUT))
                facts[key][day, cause.game_id] = cause.detail
    for day, names in missing.items():
        every = len(names) == len(now.tables)
        told = f"all {len(names)} tables" if every else ", ".join(names)
        facts["never built", LATE, _REPAIR, False][day, None] = told
    for need in exhausted:
        told = "every further try has failed, and none follows"
        facts[f"{need.table_name} given up", GIVEN_UP, _REPAIR, False][need.game_date, None] = told
    return [
        Finding(title, rule, of_key, remedy, one_cause)
        for (title, rule, remedy, one_cause), of_key in facts.items()
    ]


def of_gates(gates: Iterable[Gate]) -> list[Finding]:
    """The gates that do not let anything pass."""
    return [
        Finding(f"gate {gate.name}", "gate", {(None, None): gate.told}, "`nba-assets certify`")
        for gate in gates
        if not gate.passed
    ]


def of_drift(errors: Iterable[PredictionError]) -> list[Finding]:
    """The seasons in which the model is no better than the best of its baselines."""
    by_season: dict[int, dict[str, PredictionError]] = defaultdict(dict)
    for one in errors:
        if one.population == "all":
            by_season[one.season_year][one.predictor] = one
    found = []
    for year, predictors in by_season.items():
        model = predictors.pop("xgboost", None)
        best = min(predictors.values(), key=lambda one: one.mae, default=None)
        if model and best and model.player_games >= _ENOUGH and model.mae >= best.mae:
            told = (
                f"mean error {model.mae:.3f} points, {best.predictor} {best.mae:.3f}, on "
                f"{model.player_games:,} player-games"
            )
            title = f"the model of {season_label(year)} is no better than its baselines"
            found.append(Finding(title, "drift", {(None, None): told}, "See `nba-assets status`"))
    return found


_ENOUGH = 2000
"""player-games before two errors can be told apart"""
_REPAIR = "`nba-assets repair --from {first} --to {last}`"


def _at_once(now: Standing, need: Need, cause: Cause) -> bool:
    """Whether waiting would not help."""
    return (
        cause.rule in (BAD_INPUT, *VANISHING_RULES)
        or now.statuses.get((need.table_name, need.game_date)) is Status.QUARANTINED
    )


def _remedy(cause: Cause) -> str:
    table = cause.table_name
    if cause.rule == FAILED:
        return _REPAIR
    if cause.rule == BAD_INPUT:
        return "Mend what the source delivers; it is then run by itself"
    if cause.rule == NOT_FINAL:
        return f"`nba-assets history {table} {{first}}`"
    if cause.rule in VANISHING_RULES:
        return (
            "The certified version stays until it is back, or "
            f"`nba-assets accept {table} {{game}} --reason …`"
        )
    waive = f", or `nba-assets waive {table} {{game}} --reason …`" if cause.game_id else ""
    show = f"`nba-assets quarantine show {table} {{first}}`"
    return f"Run by itself when other rows arrive; {show}{waive}"


def news(findings: Sequence[Finding], told: Told) -> tuple[str, Told]:
    """A message about what was not told yet and what is over, empty where nothing is; and what will
    have been told with it.
    """
    lines: list[str] = []
    known: dict[str, tuple[str, frozenset[Fact]]] = {}
    for finding in findings:
        _, before = told.get(finding.key, ("", frozenset()))
        if not (finding.one_cause and before):
            lines += finding.lines(finding.facts.keys() - before)
        known[finding.key] = (finding.title, frozenset(finding.facts))
    for key, (title, facts) in told.items():
        over = facts - known.get(key, ("", frozenset()))[1]
        if over:
            days = _spans(day for day, _ in over if day)
            lines.append(f"over: {title} {days}".rstrip())
    if len(lines) > LINES:
        lines[LINES:] = [f"… and {len(lines) - LINES} more; `nba-assets status` lists them all"]
    return "\n".join(lines), known
