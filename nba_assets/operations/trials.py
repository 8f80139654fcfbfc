"""Trials: the only way by which another configuration of the model takes the place of the champion.

What it should improve, and on which dates, is recorded before anything is scored. It is promoted
where the whole 90 % interval of the difference to the champion is below zero on the dates it was
declared for, and nothing is made worse elsewhere.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

from nba_assets.certification import ledger
from nba_assets.certification.certified import certified_rows, history_start
from nba_assets.certification.ledger import WHOLE_DATE, Event, Kind, Recorded, Ruling, Rulings
from nba_assets.contracts.dated_table import DatedTable, FromPython, Scope
from nba_assets.engines.engine import Engine
from nba_assets.errors import BadInput
from nba_assets.modeling import points_model
from nba_assets.modeling.configuration import Configuration
from nba_assets.modeling.evidence import Interval, Score, scores
from nba_assets.modeling.information import MARKET, InformationSet
from nba_assets.operations.evaluation import MODEL, REGULAR_SEASON, judged
from nba_assets.operations.explanation import PREDICTIONS
from nba_assets.operations.plan import span, spanned
from nba_assets.seasons import game_dates

if TYPE_CHECKING:
    import pandas as pd

TABLE = "player_points_model"
CHALLENGER = "challenger"
JUDGED_BY = (PREDICTIONS, "player_game_summary")
"""the tables whose dates must be complete"""
KEY = ["game_id", "player_id", "information_set"]
MINIMUM_DATES = 14
"""with games, of those a challenger must be better on, and of those elsewhere: resamples of a few
dates tell nothing
"""
NO_HARM = 0.01
"""points: what an interval may reach above zero where a challenger need not be better"""

Window = tuple[date, date]


@dataclass(frozen=True)
class Declaration:
    """What is said of a trial before it is scored."""

    name: str
    why: str
    challenger: str
    """text of its configuration"""
    champion: str
    """digest of the one in force when it was declared"""
    improves: tuple[InformationSet, ...]
    choosing: tuple[Window, ...]
    """the dates it must be better on"""
    elsewhere: tuple[Window, ...]
    """the dates it must do no harm on"""
    takes_effect: date
    """a Monday after all of them"""

    @property
    def text(self) -> str:
        """As it is recorded."""
        return ledger.as_json(asdict(self))

    @classmethod
    def of(cls, text: str) -> "Declaration":
        """One that was recorded."""
        values = json.loads(text)
        for name in ("choosing", "elsewhere"):
            values[name] = tuple(
                (date.fromisoformat(first), date.fromisoformat(last))
                for first, last in values[name]
            )
        values["improves"] = tuple(map(InformationSet, values["improves"]))
        values["takes_effect"] = date.fromisoformat(values["takes_effect"])
        return cls(**values)


@dataclass(frozen=True)
class Finding:
    """Champion and challenger on the same player-games."""

    information_set: InformationSet
    choosing: bool
    """whether on the dates it must be better on; elsewhere it must do no harm"""
    n: int
    champion: float
    """mean absolute error, points"""
    challenger: float
    difference: Interval
    """challenger minus champion, 90 % of resamples of days"""
    must_improve: bool

    @property
    def passed(self) -> bool:
        """Whether the interval is below what is allowed."""
        return self.difference.high < (0 if self.must_improve else NO_HARM)


@dataclass(frozen=True)
class Outcome:
    """What came of a trial."""

    findings: Sequence[Finding]
    looks: int
    """how often its dates had been looked at before"""

    @property
    def promoted(self) -> bool:
        """Whether the challenger is better where it said so, and harms nowhere."""
        return all(finding.passed for finding in self.findings)

    @property
    def text(self) -> str:
        """As it is recorded."""
        findings = [asdict(one) | {"passed": one.passed} for one in self.findings]
        return ledger.as_json(
            {"promoted": self.promoted, "looks": self.looks, "findings": findings}
        )


@dataclass(frozen=True)
class Trial:
    """One that was declared, with what came of it."""

    declaration: Declaration
    declared: Recorded
    ended: Recorded | None = None
    """by its score, or because it was withdrawn"""

    @property
    def promoted(self) -> bool | None:
        """Whether its challenger was promoted; None of one that is not scored."""
        if self.ended is None or self.ended.event is Event.WITHDRAWN:
            return None
        found: bool = json.loads(self.ended.content)["promoted"]
        return found

    def record(self) -> dict[str, Any]:
        """For programs."""
        return {
            **asdict(self.declaration),
            "declared_by": self.declared.recorded_by,
            "declared_at": self.declared.recorded_at,
            "ended": self.ended.event if self.ended else None,
            "ended_at": self.ended.recorded_at if self.ended else None,
            "outcome": json.loads(self.ended.content) if self.ended else None,
        }


def trials(engine: Engine) -> list[Trial]:
    """Every trial there ever was, oldest first."""
    found: dict[str, Trial] = {}
    for one in ledger.trials(engine):
        if one.event is Event.DECLARED:
            found[one.name] = Trial(Declaration.of(one.content), one)
        else:
            found[one.name] = replace(found[one.name], ended=one)
    return list(found.values())


def champion(engine: Engine | None, tables: Mapping[str, DatedTable], day: date) -> "Configuration":
    """The configuration in force on a date."""
    rulings = ledger.rulings(engine) if engine else ledger.Rulings()
    return _in_force(rulings, tables, day)


def _in_force(rulings: Rulings, tables: Mapping[str, DatedTable], day: date) -> Configuration:
    promoted = rulings.promoted(TABLE, day)
    return Configuration.read(promoted.finding or "") if promoted else of_release(tables)


def of_release(tables: Mapping[str, DatedTable]) -> Configuration:
    """The configuration this release of the code would begin a new warehouse with."""
    return Configuration.read(_produce(tables).configuration)


def declare(
    engine: Engine, tables: Mapping[str, DatedTable], declaration: Declaration, by: str
) -> Trial:
    """Record what a trial is about; ``champion`` and its Monday are filled in.

    Raises:
        BadInput: it says what cannot be tried; nothing was recorded.
    """
    known = trials(engine)
    if any(one.declaration.name == declaration.name for one in known):
        raise BadInput(
            f"there is a trial {declaration.name} already: what was declared does not change; "
            "give this one another name"
        )
    if open_ones := [one.declaration.name for one in known if one.ended is None]:
        raise BadInput(
            f"trial {open_ones[0]} is not scored yet: one at a time, "
            f"`nba-assets trial score {open_ones[0]}` ends it, or `nba-assets trial withdraw`"
        )
    windows = sorted((*declaration.choosing, *declaration.elsewhere))
    if not declaration.choosing or not declaration.elsewhere or not declaration.improves:
        raise BadInput("a trial names what it improves, on which dates, and others without harm")
    for (first, last), (then, _) in zip(windows, (*windows[1:], (date.max, date.max)), strict=True):
        if last < first or then <= last:
            raise BadInput(f"{span(first, last)} is no range of dates, or another one shares some")
    after = max(declaration.takes_effect, windows[-1][1] + timedelta(days=1))
    week = [after + timedelta(days=number) for number in range(7)]
    monday = next(day for day in week if points_model.refit_date(day) == day)
    now = champion(engine, tables, monday)
    available = of_release(tables).features
    wanted = Configuration.read(declaration.challenger).among(available)
    points_model.refuse_unfit(wanted)
    if wanted == now:
        raise BadInput(f"this is the configuration in force, {now.digest}: there is nothing to try")
    _told(engine, tables, declaration)
    declared = replace(
        declaration, challenger=wanted.text, champion=now.digest, takes_effect=monday
    )
    ledger.record_trial(engine, declared.name, Event.DECLARED, declared.text, by, datetime.now(UTC))
    return next(one for one in trials(engine) if one.declaration.name == declared.name)


def withdraw(engine: Engine, name: str, why: str, by: str) -> None:
    """Record that a trial will not be scored.

    Raises:
        BadInput: there is no such trial, or it is over.
    """
    _not_over(engine, name)
    reason = ledger.as_json({"reason": why})
    ledger.record_trial(engine, name, Event.WITHDRAWN, reason, by, datetime.now(UTC))


def _told(
    engine: Engine, tables: Mapping[str, DatedTable], said: Declaration
) -> "dict[Window, pd.DataFrame]":
    """The player-games a trial is about, by window, with what was predicted of them.

    Raises:
        BadInput: a date is not certified, or too few of a side were predicted and played.
    """
    found = {}
    for windows in (said.choosing, said.elsewhere):
        for window in windows:
            _refuse_incomplete(engine, *window)
            rows, _ = judged(engine, tables, *window)
            found[window] = rows[
                (rows["season_type"] == REGULAR_SEASON) & (rows["information_set"] != MARKET)
            ]
        _refuse_few([found[window] for window in windows], windows, said.improves)
    return found


def _refuse_incomplete(engine: Engine, first: date, last: date) -> None:
    """Raise unless every date of a window is certified: of some, somebody would have chosen."""
    latest = ledger.latest(engine, JUDGED_BY, first, last, checks=False)
    for name, day in product(JUDGED_BY, game_dates(first, last)):
        attempt = latest.get((name, day))
        if attempt is None or not attempt.status.certified:
            status = attempt.status if attempt else "MISSING"
            raise BadInput(
                f"{name} {day} is {status}: a trial is judged on complete dates; "
                "`nba-assets status` says what it waits for"
            )


def _refuse_few(
    told: "Sequence[pd.DataFrame]", windows: Sequence[Window], improves: Sequence[InformationSet]
) -> None:
    """Raise if the dates of a set are too few on a side, or none of one that should improve."""
    for known in InformationSet:
        dates = {day for of in told for day in of[of["information_set"] == known]["game_date"]}
        if (dates or known in improves) and len(dates) < MINIMUM_DATES:
            raise BadInput(
                f"only {len(dates)} dates of {spanned(windows)} were predicted and played by the "
                f"set {known}: a trial of them tells nothing, {MINIMUM_DATES} are the least"
            )


def score(
    reading: Callable[[], AbstractContextManager[Engine]],
    tables: Mapping[str, DatedTable],
    name: str,
) -> tuple[Trial, Outcome]:
    """What a trial found; it is recorded by ``conclude``. Some three seconds a week and set.

    ``reading`` opens a session; none is open while models are trained.

    Raises:
        BadInput: there is no such trial to score, or too little of its dates was predicted.
    """
    with reading() as engine:
        trial = _open(engine, tables, name)
        said = trial.declaration
        told = _told(engine, tables, said)
        looks = sum(len(ledger.looks(engine, *window)) for window in told)
    findings = []
    for choosing, windows in ((True, said.choosing), (False, said.elsewhere)):
        rows = _both(reading, tables, {window: told[window] for window in windows}, said)
        for known in InformationSet:
            mine = rows[rows["information_set"] == known]
            if len(mine):
                must = choosing and known in said.improves
                of_both = scores(mine, (CHALLENGER, MODEL))
                findings.append(_finding(known, of_both, choosing=choosing, must_improve=must))
    return trial, Outcome(findings, looks)


def conclude(
    engine: Engine, tables: Mapping[str, DatedTable], trial: Trial, outcome: Outcome, by: str
) -> None:
    """Record what came of a trial, and promote the challenger if that is what came of it.

    Raises:
        BadInput: it was concluded, or another configuration promoted, since it was scored.
    """
    said = _open(engine, tables, trial.declaration.name).declaration
    at = datetime.now(UTC)
    why, effect = f"trial {said.name}: {said.why}", said.takes_effect
    promotion = Ruling(Kind.PROMOTE, TABLE, WHOLE_DATE, why, by, at, effect, said.challenger)
    digest = Configuration.read(said.challenger).digest
    ledger.conclude_trial(
        engine,
        said.name,
        outcome.text,
        [(first, last, digest) for first, last in (*said.choosing, *said.elsewhere)],
        promotion if outcome.promoted else None,
        by,
        at,
    )


def _not_over(engine: Engine, name: str) -> Trial:
    found = {one.declaration.name: one for one in trials(engine)}
    if name not in found:
        raise BadInput(f"there is no trial {name}; `nba-assets trial list` names those there are")
    trial = found[name]
    if trial.ended:
        raise BadInput(
            f"trial {name} was {trial.ended.event} on {trial.ended.recorded_at:%Y-%m-%d} and is "
            "over; a second look is another trial"
        )
    return trial


def _open(engine: Engine, tables: Mapping[str, DatedTable], name: str) -> Trial:
    trial = _not_over(engine, name)
    now = champion(engine, tables, trial.declaration.takes_effect)
    if now.digest != trial.declaration.champion:
        raise BadInput(
            f"trial {name} was declared against {trial.declaration.champion}, in force is now "
            f"{now.digest}: withdraw it and declare another"
        )
    return trial


def _produce(tables: Mapping[str, DatedTable]) -> FromPython:
    produce = tables[TABLE].produce
    if not isinstance(produce, FromPython):
        raise TypeError(f"{TABLE} is not computed from queries")
    return produce


def _finding(
    known: InformationSet, of_both: Sequence[Score], *, choosing: bool, must_improve: bool
) -> Finding:
    challenger, model = of_both
    return Finding(
        known,
        choosing,
        challenger.n,
        model.mae,
        challenger.mae,
        challenger.against[MODEL],
        must_improve,
    )


def _both(
    reading: Callable[[], AbstractContextManager[Engine]],
    tables: Mapping[str, DatedTable],
    told: "Mapping[Window, pd.DataFrame]",
    said: Declaration,
) -> "pd.DataFrame":
    """The player-games of some windows that both predicted, with what they said."""
    import pandas as pd

    parts = []
    for (first, last), rows in told.items():
        if rows.empty:  # nothing of it was predicted, and there is nothing to train for
            continue
        with reading() as engine:
            history = _history(engine, tables, first, last)
            rulings = ledger.rulings(engine)
        # What stands there may be by a configuration of before the champion.
        mondays = {points_model.refit_date(day) for day in set(rows["game_date"])}
        in_force = {_in_force(rulings, tables, monday).digest for monday in mondays}
        by_both = rows.merge(
            _predicted(history, first, Configuration.read(said.challenger)), on=KEY
        )
        if in_force != {said.champion}:
            now = _in_force(rulings, tables, said.takes_effect)
            by_now = _predicted(history, first, now).rename(columns={CHALLENGER: MODEL})
            by_both = by_both.drop(columns=MODEL).merge(by_now, on=KEY)
        parts.append(by_both)
    return pd.concat(parts)


def _history(
    engine: Engine, tables: Mapping[str, DatedTable], first: date, last: date
) -> "pd.DataFrame":
    """The player-games models of a window are trained on, and its own."""
    start = history_start(Scope.TRAINING, first)
    relations = {
        read.relation: certified_rows(tables[read.table].contract, start, last)
        for read in tables[TABLE].reads
        if read.scope is Scope.TRAINING
    }
    return engine.query(_produce(tables).queries["training"], relations).to_pandas()


def _predicted(history: "pd.DataFrame", first: date, by: Configuration) -> "pd.DataFrame":
    """What a configuration says of the player-games from a date on, set by set."""
    import pandas as pd

    parts = []
    for known in InformationSet:
        rows = history[history["information_set"] == known].reset_index(drop=True)
        told = points_model.walk_forward(rows, first, known, by)
        parts.append(rows.loc[told.index, KEY].assign(**{CHALLENGER: told}))
    return pd.concat(parts)
