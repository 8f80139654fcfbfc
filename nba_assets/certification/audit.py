"""The audit of rows against their contract, in one query: what breaks which rule, game by game.

What follows from the columns alone (NULLs, allowed values, bounds) is judged first. A game that
breaks any of it is set aside before anything computes with its values: no sum overflows for it, and
no other game suffers from it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from nba_assets.contracts.contract import Contract, RowRule, SetRule, Severity, Unit
from nba_assets.engines.engine import Create, Query, Step
from nba_assets.engines.googlesql import quoted

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = "missing"
"""Rule of a game with fewer records than expected."""

DIGESTIBLE = 1e12
"""Floats count to six decimals in a digest; from here on they would not fit an INT64."""


@dataclass(frozen=True)
class Violation:
    """One rule broken by one game of a date, or by the date as a whole (no game)."""

    check: str
    rule: str
    severity: Severity
    game_date: date
    game_id: str | None
    detail: str

    @property
    def finding(self) -> str:
        """What an operator accepts who accepts it: this, and no more."""
        return f"{self.rule}: {self.detail}"

    @property
    def text(self) -> str:
        """For messages: rule, game and detail."""
        return f"{self.rule}{f' in {self.game_id}' if self.game_id else ''}: {self.detail}"


@dataclass(frozen=True)
class Counts:
    """Records expected of a date and found in the stage."""

    expected: int
    actual: int


@dataclass(frozen=True)
class Audit:
    """What the audit of a range of dates found."""

    violations: tuple[Violation, ...]
    counts: Mapping[date, Counts]
    figures: Mapping[date, Mapping[str, float | None]]
    rows: Mapping[date, int]


def audit_steps(
    contract: Contract, relations: Mapping[str, str], *, has_stored: bool = False
) -> list[Step]:
    """The audit of the temporary table ``arrived``, of one round trip; ``audited`` reads it.

    Afterwards ``staged`` has the rows without the games whose values break what their columns
    declare. ``scheduled_games`` holds every game of the dates with its state, ``due_games`` the
    ready ones, ``required_games`` all but the waived; ``relations`` are what the rules read.
    ``has_stored`` says that rows of the dates may have passed before.
    """
    by_game = contract.unit is Unit.GAME
    same_game = "AND COALESCE(u.game_id = a.game_id, TRUE)" if by_game else ""
    rules = " UNION ALL ".join(
        f"SELECT {quoted(rule.name)} AS rule, game_date, game_id, detail "
        f"FROM ({_with_thresholds(contract, rule)}) AS broken"
        for rule in _set_rules(contract, has_stored=has_stored)
    )
    own = [rule for rule in contract.rules if isinstance(rule, RowRule)]
    violations = f"SELECT rule, game_date, game_id, detail FROM unsound UNION ALL {rules}"
    if own:
        violations += f" UNION ALL {_broken_by_rows(contract, own, 'staged')}"
    steps: list[Step] = [
        Create("unsound", _broken_by_rows(contract, list(column_rules(contract)), "arrived")),
        Create(
            "staged",
            "SELECT a.* FROM arrived AS a LEFT JOIN unsound AS u "
            f"ON u.game_date = a.game_date {same_game} WHERE u.game_date IS NULL",
        ),
        Query(violations, relations),
        Query("SELECT game_date, COUNT(*) AS found FROM arrived GROUP BY game_date"),
    ]
    if contract.records:
        steps.append(Query(contract.records.query, relations))
    if contract.figures:
        figures = ", ".join(
            f"CAST({figure.expression} AS FLOAT64) AS {figure.name}" for figure in contract.figures
        )
        steps.append(Query(f"SELECT game_date, {figures} FROM staged GROUP BY game_date"))
    return steps


def audited(
    contract: Contract, results: "Sequence[pa.Table]", due: Collection[tuple[date, str]]
) -> Audit:
    """What the audit found; ``due`` are the games of ``due_games``."""
    broken, arrived, *more = (result.to_pylist() for result in results)
    rules: dict[str, RowRule | SetRule] = {rule.name: rule for rule in column_rules(contract)}
    unsound_rules = set(rules)
    rules |= {rule.name: rule for rule in _set_rules(contract, has_stored=True)}
    rules |= {rule.name: rule for rule in contract.rules}
    violations = [
        Violation(
            rules[row["rule"]].check,
            row["rule"],
            rules[row["rule"]].severity,
            row["game_date"],
            row["game_id"],
            row["detail"],
        )
        for row in broken
    ]
    counts, missing = _counts(more.pop(0) if contract.records else [], due)
    aside = {(v.game_date, v.game_id) for v in violations if v.rule in unsound_rules}
    violations += (v for v in missing if (v.game_date, v.game_id) not in aside)
    found = sorted(violations, key=lambda v: (str(v.game_date), v.game_id or "", v.text))
    figures = {row.pop("game_date"): row for row in (more.pop(0) if contract.figures else [])}
    return Audit(tuple(found), counts, figures, {row["game_date"]: row["found"] for row in arrived})


def _set_rules(contract: Contract, *, has_stored: bool) -> list[SetRule]:
    """The rules across rows: those every table has, then the contract's own."""
    rules = [_grain_unique(contract)]
    if contract.unit is Unit.GAME:
        rules.append(_UNSCHEDULED)
    rules += (rule for rule in contract.rules if isinstance(rule, SetRule))
    if has_stored and contract.keeps_rows:
        rules.append(_nothing_vanishes(contract))
    return rules


def column_rules(contract: Contract) -> Iterator[RowRule]:
    """The rules that follow from the declared columns."""
    for column in contract.columns:
        value = column.name
        null = f"{value} IS NULL OR " if column.nullable else ""
        if not column.nullable:
            yield RowRule(f"{value}_not_null", f"{value} IS NOT NULL")
        if column.values:
            allowed = ", ".join(quoted(allowed) for allowed in column.values)
            yield RowRule(f"{value}_known", f"{null}{value} IN ({allowed})")
        if column.type == "FLOAT64" and None in (column.low, column.high):
            yield RowRule(f"{value}_finite", f"{null}ABS({value}) < {DIGESTIBLE:g}")
        limits = [
            f"{value} {sign} {limit:g}"
            for sign, limit in ((">=", column.low), ("<=", column.high))
            if limit is not None
        ]
        if limits:
            yield RowRule(f"{value}_within_bounds", f"{null}{' AND '.join(limits)}")


_UNSCHEDULED = SetRule(
    "unscheduled",
    "SELECT s.game_date, s.game_id, CONCAT(CAST(COUNT(*) AS STRING), "
    "' rows of a game the schedule does not have on this date') AS detail "
    "FROM staged AS s LEFT JOIN scheduled_games AS g "
    "ON g.game_date = s.game_date AND g.game_id = s.game_id "
    "WHERE g.game_id IS NULL GROUP BY s.game_date, s.game_id",
    check="row_counts",
)


def _nothing_vanishes(contract: Contract) -> SetRule:
    """What of a game once passed and is no longer delivered: rows, and values of columns.

    An inactive list may still shrink until tip-off; only a whole one may not vanish.
    """
    key = next(name for name in reversed(contract.grain) if name != "game_id")
    gone = "s.game_id IS NULL"
    counted = [column.name for column in contract.columns if column.nullable]
    if contract.empty_games:
        counted = []
        gone = (
            "s.game_id IS NULL AND o.game_id NOT IN "
            "(SELECT game_id FROM arrived WHERE game_id IS NOT NULL)"
        )
    lost = ", ".join(
        f"IF(COUNT(o.{name}) > COUNT(s.{name}), CONCAT('values of {name} (', "
        f"CAST(COUNT(o.{name}) AS STRING), ', now ', CAST(COUNT(s.{name}) AS STRING), ')'), NULL)"
        for name in counted
    )
    rows = (
        f"IF(COUNTIF({gone}) > 0, CONCAT(CAST(COUNTIF({gone}) AS STRING), ' of ', "
        f"CAST(COUNT(*) AS STRING), ' rows ({key} ', STRING_AGG(IF({gone}, "
        f"CAST(o.{key} AS STRING), NULL), ', ' ORDER BY o.{key}), ')'), NULL)"
    )
    listed = ", ".join(part for part in (rows, lost) if part)
    on = " AND ".join(f"s.{name} = o.{name}" for name in ("game_date", *contract.grain))
    return SetRule(
        "nothing_vanishes",
        "SELECT game_date, game_id, CONCAT('passed an audit and is no longer delivered: ', "
        "STRING_AGG(vanished, '; ' ORDER BY vanished)) AS detail FROM ("
        f"SELECT o.game_date, o.game_id, [{listed}] AS parts FROM stored AS o "
        "JOIN due_games AS d ON d.game_date = o.game_date AND d.game_id = o.game_id "
        f"LEFT JOIN arrived AS s ON {on} GROUP BY o.game_date, o.game_id"
        ") AS games CROSS JOIN UNNEST(parts) AS vanished WHERE vanished IS NOT NULL "
        "GROUP BY game_date, game_id",
        check="nothing_vanishes",
        severity=Severity.HOLD,
    )


def _grain_unique(contract: Contract) -> SetRule:
    grain = ", ".join(contract.grain)
    values = ", ', ', ".join(f"COALESCE(CAST({name} AS STRING), 'NULL')" for name in contract.grain)
    game = "game_id" if "game_id" in contract.grain else "CAST(NULL AS STRING)"
    keys = dict.fromkeys(("game_date", *contract.grain))
    return SetRule(
        "grain_unique",
        f"SELECT game_date, {game} AS game_id, CONCAT({values}, ' stands ', "
        f"CAST(COUNT(*) AS STRING), ' times; the grain is {grain}') AS detail "
        f"FROM staged GROUP BY {', '.join(keys)} HAVING COUNT(*) > 1",
        check="contract",
    )


def _broken_by_rows(contract: Contract, rules: Sequence[RowRule], rows: str) -> str:
    """A query for rule, date, game and detail of what rows break, one line a rule and game."""
    every = " AND ".join(f"COALESCE({rule.predicate}, FALSE)" for rule in rules)
    broken = ", ".join(
        f"IF(COALESCE({rule.predicate}, FALSE), NULL, {quoted(rule.name)})" for rule in rules
    )
    grain = ", ' ', ".join(f"COALESCE(CAST({c} AS STRING), 'NULL')" for c in contract.grain)
    game = "game_id" if "game_id" in contract.column_names else "CAST(NULL AS STRING)"
    return (
        "SELECT rule, game_date, game_id, CONCAT(CAST(COUNT(*) AS STRING), "
        "IF(COUNT(*) > 1, ' rows', ' row'), ', such as ', MIN(example)) AS detail FROM ("
        f"SELECT game_date, {game} AS game_id, CONCAT({grain}) AS example, [{broken}] AS rules "
        f"FROM {rows} WHERE NOT ({every})) AS broken CROSS JOIN UNNEST(rules) AS rule "
        "WHERE rule IS NOT NULL GROUP BY rule, game_date, game_id"
    )


def _with_thresholds(contract: Contract, rule: SetRule) -> str:
    query = rule.query
    for name, value in sorted(contract.thresholds, reverse=True):
        query = query.replace(f"@{name}", repr(value))
    return query


def _counts(
    records: Sequence[Mapping[str, Any]], due: Collection[tuple[date, str]]
) -> tuple[dict[date, Counts], list[Violation]]:
    totals: dict[date, Counts] = {}
    missing = []
    for row in records:
        day, game, expected, actual = (
            row[name] for name in ("game_date", "game_id", "expected", "actual")
        )
        so_far = totals.get(day, Counts(0, 0))
        totals[day] = Counts(so_far.expected + expected, so_far.actual + actual)
        if actual < expected and (game is None or (day, game) in due):
            missing.append(
                Violation(
                    "row_counts",
                    MISSING,
                    Severity.HOLD,
                    day,
                    game,
                    f"{actual} of {expected} expected records",
                )
            )
    return totals, missing
