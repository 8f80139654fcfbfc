"""What a human should hear of: a line each that says what is wrong, where, and what to do.

A finding has a place, a date and a game for each of its facts, by which it is known again: the same
is never told twice, whatever the words. Not among them is what is as it should be (empty, in
warm-up, waived, still to be played), what waits for something that is told itself, and what a
watcher will mend when it is due.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
"""Kind of a date that nobody built although it is over."""
GIVEN_UP = "given_up"
"""Kind of a date that was tried to the limit."""
GONE = "gone"
"""Kind of what was certified and is no longer delivered."""
INCOMPLETE = "incomplete"
"""Kind of what is missing or wrong, and may come or be mended."""

Fact = tuple[date | None, str | None]
"""the date and the game it is about, where there are such"""
Told = Mapping[str, tuple[str, frozenset[Fact]]]
"""by key of a finding its title, and the facts that were told"""


@dataclass(frozen=True)
class Finding:
    """Something wrong with a table, or with what looks after the tables."""

    title: str
    """what is wrong, such as a table and its state"""
    kind: str
    facts: Mapping[Fact, str]
    """what it is in each place, with figures"""
    remedy: str = ""
    """what to do; ``{table}``, ``{first}``, ``{last}`` and ``{game}`` are what the line is about"""
    one_cause: bool = False
    """whether further dates are no news: they have the same cause, not one of their own"""

    @property
    def key(self) -> str:
        """What it is known by."""
        return f"{self.title}, {self.kind}"

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
        remedy = self.remedy.format(
            table=self.title.partition(" ")[0],
            first=min(days),
            last=max(days),
            game=game or "GAME",
        )
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
    late = {
        day
        for _, day in now.needs
        if moment >= datetime.combine(day + timedelta(days=1), time(), EASTERN) + expected_after
    }
    facts: dict[tuple[str, str], dict[Fact, str]] = defaultdict(dict)
    for cause, state in _causes(now, late):
        of_place = facts[f"{cause.table_name} {state}", _kind(cause)]
        fact, told = (cause.game_date, cause.game_id), _told(cause)
        if told not in of_place.get(fact, ""):
            of_place[fact] = f"{of_place[fact]}; {told}" if fact in of_place else told
    for day, names in _never_built(now, late).items():
        every = len(names) == len(now.tables)
        told = f"all {len(names)} tables" if every else ", ".join(names)
        facts["never built", LATE][day, None] = told
    for need in exhausted:
        told = "every further try has failed, and none follows"
        facts[f"{need.table_name} given up", GIVEN_UP][need.game_date, None] = told
    for (title, kind), gone in list(facts.items()):
        if kind == GONE:  # which says as well that it is not there
            rest = facts[title, INCOMPLETE]
            facts[title, INCOMPLETE] = {one: told for one, told in rest.items() if one not in gone}
    return [
        Finding(title, kind, of_kind, _REMEDIES[kind], kind in (FAILED, BAD_INPUT))
        for (title, kind), of_kind in facts.items()
        if of_kind
    ]


def _never_built(now: Standing, late: Collection[date]) -> dict[date, list[str]]:
    missing: dict[date, list[str]] = defaultdict(list)
    for (name, day), need in now.needs.items():
        if need.reason is Reason.MISSING and day in late:
            missing[day].append(name)
    return missing


def _causes(now: Standing, late: Collection[date]) -> Iterator[tuple[Cause, Status]]:
    """The causes a human should hear of, each with the state it has brought about."""
    for (name, day), need in now.needs.items():
        if need.reason is Reason.MISSING or need.waits or need.changed:
            continue
        state = now.statuses.get((name, day), Status.HELD)
        for cause in [c for c in need.causes if c.is_of(name, day)] or need.causes:
            at_once = state is Status.QUARANTINED or _kind(cause) in (BAD_INPUT, GONE)
            if day in late or at_once:
                yield cause, state


def _kind(cause: Cause) -> str:
    """What a cause is to a human: causes of one kind on one game are one trouble."""
    if cause.rule in (FAILED, BAD_INPUT, NOT_FINAL):
        return cause.rule
    return GONE if cause.rule in VANISHING_RULES else INCOMPLETE


def _told(cause: Cause) -> str:
    if cause.game_id and cause.game_id not in cause.detail:
        return f"{cause.game_id}: {cause.detail}"
    return cause.detail


def of_gates(gates: Iterable[Gate]) -> list[Finding]:
    """The gates that do not let anything pass."""
    return [
        Finding(f"gate {gate.name}", "gate", {(None, None): gate.told}, "`nba-assets certify`")
        for gate in gates
        if not gate.passed
    ]


def of_drift(
    errors: Iterable[PredictionError], recent: Iterable[PredictionError] = ()
) -> list[Finding]:
    """Where the model is no better than the best of its baselines, or its intervals do not hold.

    By season, and of the last four weeks' errors.
    """
    return [*_drifted(errors, season_label), *_drifted(recent, _recently)]


def _recently(_: int) -> str:
    return "the last four weeks"


def _drifted(errors: Iterable[PredictionError], named: Callable[[int], str]) -> Iterator[Finding]:
    by_season: dict[int, dict[str, PredictionError]] = defaultdict(dict)
    for one in errors:
        if one.population == "all":
            by_season[one.season_year][one.predictor] = one
    for year, predictors in by_season.items():
        model = predictors.pop("xgboost", None)
        if model is None or model.player_games < _ENOUGH:
            continue
        on = f"on {model.player_games:,} player-games"
        best = min(predictors.values(), key=lambda one: one.mae, default=None)
        if best and model.mae >= best.mae:
            told = f"mean error {model.mae:.3f} points, {best.predictor} {best.mae:.3f}, {on}"
            title = f"the model of {named(year)} is no better than its baselines"
            yield Finding(title, "drift", {(None, None): told}, "See `nba-assets status`")
        if model.within_80 is not None and abs(model.within_80 - 0.8) > _OFF:
            told = f"{100 * model.within_80:.1f} % inside the 80 % interval, {on}"
            title = f"the intervals of {named(year)} do not hold"
            yield Finding(title, "drift", {(None, None): told}, "See `nba-assets report`")


_ENOUGH = 2000
"""player-games before two errors can be told apart"""
_OFF = 0.04
"""of a share that should be 0.8: four times what chance does to that many"""
_REPAIR = "`nba-assets repair --from {first} --to {last}`"


_REMEDIES = {
    LATE: _REPAIR,
    GIVEN_UP: _REPAIR,
    FAILED: _REPAIR,
    BAD_INPUT: "Mend what the source delivers; it is then run by itself",
    NOT_FINAL: "`nba-assets history {table} {first}`",
    GONE: (
        "The certified version stays until it is back, or "
        "`nba-assets accept {table} {game} --reason …`"
    ),
    INCOMPLETE: (
        "Run by itself when other rows arrive; `nba-assets quarantine show {table} {first}`, or "
        "`nba-assets waive {table} {game} --reason …`"
    ),
}


def news(findings: Sequence[Finding], told: Told, *, blind: bool = False) -> tuple[str, Told]:
    """A message about what was not told yet and what is over, empty where nothing is; and what will
    have been told with it. ``blind`` says that not everything could be looked at: nothing is over.
    """
    lines: list[str] = []
    known: dict[str, tuple[str, frozenset[Fact]]] = {}
    for finding in findings:
        _, before = told.get(finding.key, ("", frozenset()))
        if not (finding.one_cause and before):
            lines += finding.lines(finding.facts.keys() - before)
        known[finding.key] = (finding.title, frozenset(finding.facts))
    if blind:
        return _shortened(lines), {**told, **known}
    for key, (title, facts) in told.items():
        over = facts - known.get(key, ("", frozenset()))[1]
        if over:
            days = _spans(day for day, _ in over if day)
            lines.append(f"over: {title} {days}".rstrip())
    return _shortened(lines), known


def _shortened(lines: Sequence[str]) -> str:
    shown = list(lines[:LINES])
    if len(shown) < len(lines):
        shown.append(f"… and {len(lines) - LINES} more; `nba-assets status` lists them all")
    return "\n".join(shown)
