"""What must be true of the mini graph, worked out in plain dictionaries: no SQL, no digests.

``Book.build`` does to dictionaries what a publisher must do to a warehouse. It knows the promises,
not the product: which games a date must have, what passes, what stays when something does not, and
whether a date that passed would still pass, told by comparing the inputs themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from nba_assets_tests.harness.mini_graph import DATES, ENOUGH, RAW, TOO_MANY, MiniLeague, Row

Rows = tuple[tuple[tuple[str, Any], ...], ...]
CERTIFIED, HELD, WAIVED, PENDING = "certified", "held", "waived", "pending"
WHOLE = "*"
COVERS = {
    "box": {"box"},
    "second_box": {"second_box"},
    "absences": {"absences"},
    "summary": {"summary"},
    "form": {"form"},
    "trained": {"trained"},
    "forecast": {"forecast", "form", "trained"},
}
"""by table, the tables whose waivers waive a game of it"""
HIDDEN = ("source",)


def frozen(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """Rows that can be compared, in one order."""
    return tuple(
        sorted(
            (tuple((k, v) for k, v in sorted(row.items()) if k not in HIDDEN) for row in rows),
            key=repr,
        )
    )


@dataclass
class Entry:
    """What is known of a date of a table."""

    complete: bool = False
    warmup: bool = False
    verdicts: dict[str, str] = field(default_factory=dict)
    stored: dict[str, Rows] = field(default_factory=dict)
    passed: bool = False
    """whether what is stored passed as a whole, so that readers see it"""
    inputs: Any = None
    standard: tuple[int, float] = (0, 0.0)
    wrong: set[str] = field(default_factory=set)
    """the games that are wrong here, not upstream"""
    vanished: dict[str, str] = field(default_factory=dict)
    """what is gone of which game"""
    history: Any = None
    """what a model was trained on"""


@dataclass
class Judgement:
    """What a date comes to."""

    good: dict[str, Rows] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    """the games that do not pass: held, pending or waived"""
    warmup: bool = False
    whole: bool = False
    """whether not even the games are known"""
    broken: bool = False
    """whether rows arrived that belong to no game of the date"""
    wrong: set[str] = field(default_factory=set)
    vanished: dict[str, str] = field(default_factory=dict)


@dataclass
class Book:
    """The dictionaries."""

    entries: dict[tuple[str, date], Entry] = field(default_factory=dict)
    waived: set[tuple[str, str]] = field(default_factory=set)
    accepted: dict[tuple[str, date, str], str] = field(default_factory=dict)
    """what was found to be gone, as the product put it"""
    teams: dict[str, tuple[str, str]] = field(default_factory=dict)
    version: int = 1
    scoring: float = 0.0
    damaged: set[tuple[str, date]] = field(default_factory=set)
    """what was deleted behind the ledger and not built since"""
    recording: bool = False
    """whether inputs are taken down as a build reads them"""

    def entry(self, table: str, day: date) -> Entry | None:
        """What is known, where it passed what is demanded now or did not pass."""
        return self.entries.get((table, day))

    def visible(self, table: str, day: date) -> Rows:
        """What readers see of a date."""
        found = self.entries.get((table, day))
        if found is None or not found.passed:
            return ()
        return frozen(dict(row) for rows in found.stored.values() for row in rows)

    def is_current(self, table: str, day: date) -> bool:
        """Whether a date passed, by what is demanded now, from what its inputs are now."""
        found = self.entries.get((table, day))
        return (
            found is not None
            and found.complete
            and self._meets(table, found)
            and found.inputs == self._inputs(table, day, warmup=found.warmup)
        )

    def outlived(self, day: date) -> bool:
        """Whether the model of a date was trained on other rows than it would be now: it stays."""
        found = self.entries.get(("trained", day))
        return found is not None and found.history not in (None, self._history(day))

    def build(self, league: MiniLeague, table: str, days: Sequence[date]) -> None:
        """What a build of the dates must do."""
        if table == "schedule":
            days = sorted({*days, *self._moved(league, days)})
        elif table in RAW:
            days = list(days)
        results = [(day, self._judge(league, table, day)) for day in days]
        for day, result in results:
            self._settle(table, day, result)

    # What the inputs are.

    def _meets(self, table: str, found: Entry) -> bool:
        version, scoring = found.standard
        return table != "summary" or (version == self.version and scoring >= self.scoring)

    def _state(self, table: str, day: date) -> Any:
        found = self.entries.get((table, day))
        if found is None:
            return None
        if self.recording and (table, day) in self.damaged:
            return "damaged"
        if not self._meets(table, found):
            return "outdated"
        # Where no game has a verdict, the date as a whole has one.
        whole = None if found.verdicts else found.complete
        return (found.verdicts, found.stored, found.warmup, whole)

    def _inputs(self, table: str, day: date, *, warmup: bool = False) -> Any:
        earlier = [other for other in DATES if other < day]
        waived = {game for name, game in self.waived if name in COVERS.get(table, ())}
        ruled = {game for game in waived if day in self._days_of(game)}
        taken = {k: v for k, v in self.accepted.items() if k[:2] == (table, day)}
        same, before = {
            "schedule": ((), ()),
            "summary": (("schedule", "box", "second_box"), ()),
            "form": (("schedule", "absences"), ("schedule", "summary")),
            "trained": (("schedule",), ("form", "summary") if warmup else ()),
            "forecast": (("schedule", "form", "trained"), ()),
        }.get(table, (("schedule",), ()))
        return (
            [self._copy(name, day) for name in same],
            [[self._copy(name, other) for other in earlier] for name in before],
            ruled,
            taken,
        )

    def _copy(self, table: str, day: date) -> Any:
        state = self._state(table, day)
        return (dict(state[0]), dict(state[1]), *state[2:]) if isinstance(state, tuple) else state

    def _days_of(self, game: str) -> set[date]:
        return {
            day
            for (_, day), found in self.entries.items()
            if game in found.verdicts or game in found.stored
        }

    def _known(self, day: date) -> bool:
        found = self.entries.get(("schedule", day))
        if ("schedule", day) in self.damaged:
            return False
        return found is not None and WHOLE not in found.verdicts

    def _listed(self, day: date) -> dict[str, Row]:
        """The certified games of a date, not postponed."""
        found = self.entries.get(("schedule", day))
        if found is None:
            return {}
        rows = {
            game: dict(rows[0])
            for game, rows in found.stored.items()
            if found.verdicts.get(game) == CERTIFIED
        }
        return {game: row for game, row in rows.items() if row["status"] != "POSTPONED"}

    def _held(self, table: str, day: date) -> set[str]:
        """The games a table holds which the certified schedule does not list there."""
        found = self.entries.get((table, day))
        verdicts = found.verdicts if found else {}
        return {g for g, v in verdicts.items() if v == HELD and g != WHOLE} - set(self._listed(day))

    def _passes(self, table: str, day: date, game: str) -> bool:
        found = self.entries.get((table, day))
        if found is None or not self._meets(table, found) or (table, day) in self.damaged:
            return False
        verdict = found.verdicts.get(game)
        if verdict is None:
            return False
        return verdict != HELD

    def _rows(self, table: str, day: date, game: str) -> list[Row]:
        found = self.entries.get((table, day))
        if found is None or not self._meets(table, found):
            return []
        if found.verdicts.get(game) != CERTIFIED or (table, day) in self.damaged:
            return []
        return [dict(row) for row in found.stored.get(game, ())]

    def _hole(self, table: str, team: str, day: date) -> bool:
        """Whether a window of a team has a hole before a date."""
        for other in DATES:
            if other >= day:
                return False
            found = self.entries.get((table, other))
            if found and found.warmup and self._meets(table, found):
                continue
            for game, row in self._listed(other).items():
                if team in (row["home_team"], row["away_team"]) and not self._passes(
                    table, other, game
                ):
                    return True
            for game in self._held("schedule", other) | self._held(table, other):
                if team in self.teams.get(game, (team,)):
                    return True
        return False

    # What becomes of a date.

    def _settle(self, table: str, day: date, found: Judgement) -> None:
        before = self.entries.get((table, day), Entry())
        good, bad = dict(found.good), dict(found.bad)
        whole = found.whole
        complete = not whole and not found.broken and all(v == WAIVED for v in bad.values())
        warmup = found.warmup and complete
        if whole or warmup:
            if whole:
                bad |= dict.fromkeys(good, HELD)
            good = {}
        if complete:
            stored, passed = good, True
        elif before.passed:
            stored, passed = before.stored, True
            if table not in ("absences", "trained"):
                late = {game for game in good if game not in stored}
                bad |= dict.fromkeys(late, HELD)
                good = {game: rows for game, rows in good.items() if game not in late}
        else:
            kept = {
                game: rows
                for game, rows in before.stored.items()
                if game in bad and bad[game] != WAIVED
            }
            stored, passed = {**kept, **good}, False
        verdicts = dict.fromkeys(good, CERTIFIED) | {
            game: WAIVED if verdict == WAIVED else HELD for game, verdict in bad.items()
        }
        if whole:
            verdicts[WHOLE] = HELD
        self.recording = True
        inputs = self._inputs(table, day, warmup=warmup)
        self.recording = False
        if complete or not before.passed:
            self.damaged.discard((table, day))
        self.entries[table, day] = Entry(
            complete,
            warmup,
            verdicts,
            {game: rows for game, rows in stored.items() if rows},
            passed,
            inputs,
            (self.version, self.scoring),
            set() if whole else found.wrong,
            found.vanished,
            self._history(day) if table == "trained" and complete else before.history,
        )

    def _moved(self, league: MiniLeague, days: Sequence[date]) -> set[date]:
        now: dict[str, set[date]] = {}
        for row in league.tables["schedule"]:
            if row["status"] != "POSTPONED":
                now.setdefault(row["game_id"], set()).add(row["game_date"])
        moved: set[date] = set()
        for (table, old), found in self.entries.items():
            if table != "schedule":
                continue
            for game, rows in found.stored.items():
                if dict(rows[0])["status"] == "POSTPONED":
                    continue
                for new in now.get(game, set()) - {old}:
                    if old in days or new in days:
                        moved |= {old, new}
        return {day for day in moved if ("schedule", day) in self.entries}

    def _judge(self, league: MiniLeague, table: str, day: date) -> Judgement:
        if table == "schedule":
            return self._judge_schedule(league, day)
        if not self._known(day):
            return Judgement(whole=True)
        if table == "form" and not all(self._known(other) for other in DATES if other < day):
            return Judgement(whole=True)
        listed = self._listed(day)
        waived = {game for name, game in self.waived if name in COVERS[table]}
        found = Judgement()
        if table == "trained":
            return self._judge_trained(day, listed)
        strays = {
            "summary": ("schedule", "box", "second_box"),
            "forecast": ("schedule", "form", "trained"),
        }.get(table, ("schedule",))
        for name in strays:
            for game in self._held(name, day):
                found.bad[game] = WAIVED if game in waived else HELD
        found.warmup = table == "forecast" and self._warm("trained", day)
        for game, row in listed.items():
            if game in waived:
                found.bad[game] = WAIVED
            elif table in ("box", "second_box", "summary") and row["status"] != "FINAL":
                found.bad[game] = PENDING
            else:
                self._judge_game(league, table, day, game, found)
        if table in RAW:
            delivered = {r["game_id"] for r in league.tables[table] if r["game_date"] == day}
            for game in delivered - set(listed) - set(found.bad) - waived:
                found.broken = True
                found.wrong.add(game)
                before = self.entries.get((table, day))
                if before and game in before.stored:
                    found.bad[game] = HELD
        if found.warmup:
            for name in ("form", "trained"):
                entry = self.entries.get((name, day))
                if entry is None or not self._meets(name, entry):
                    found.whole = True
        return found

    def _warm(self, table: str, day: date) -> bool:
        found = self.entries.get((table, day))
        return found is not None and found.warmup

    def _judge_game(
        self, league: MiniLeague, table: str, day: date, game: str, found: Judgement
    ) -> None:
        rows: list[Row]
        if table in RAW:
            rows = [
                row
                for row in league.tables[table]
                if row["game_id"] == game and row["game_date"] == day
            ]
            verdict = self._judge_rows(table, day, game, rows)
            if verdict:
                found.bad[game] = HELD
                found.wrong.add(game)
                if verdict.startswith("gone"):
                    found.vanished[game] = verdict
                return
        elif table == "summary":
            if not (self._passes("box", day, game) or self._passes("second_box", day, game)):
                found.bad[game] = HELD
                return
            first, second = (self._rows(name, day, game) for name in ("box", "second_box"))
            origin = "box" if first else "second_box"
            rows = [
                {
                    "game_id": game,
                    "game_date": day,
                    "team": row["team"],
                    "pts": row["pts"],
                    "origin": origin,
                }
                for row in first or second
            ]
            if len(rows) < 2 or min(row["pts"] for row in rows) < self.scoring * 100:
                found.bad[game] = HELD
                found.wrong.add(game)
                return
        elif table == "form":
            if any(self._hole("summary", team, day) for team in self.teams[game]):
                found.bad[game] = HELD
                return
            rows = [self._form(day, game, team) for team in self.teams[game]]
        else:
            if not self._passes("form", day, game) or not (
                found.warmup or self._passes("trained", day, WHOLE)
            ):
                found.bad[game] = HELD
                return
            seen = [row["seen"] for row in self._rows("trained", day, WHOLE)]
            rows = [
                {
                    "game_id": game,
                    "game_date": day,
                    "team": row["team"],
                    "points": row["points"],
                    "seen": number,
                }
                for row in self._rows("form", day, game)
                for number in seen
            ]
            if not found.warmup and len(rows) < 2:
                found.bad[game] = HELD
                found.wrong.add(game)
                return
        found.good[game] = frozen(rows)

    def _judge_rows(self, table: str, day: date, game: str, rows: list[Row]) -> str:
        """What is wrong with the delivered rows of a game; empty if nothing is."""
        key = "player_id" if table == "absences" else "team"
        keys = [row[key] for row in rows]
        before = self.entries.get((table, day), Entry()).stored.get(game, ())
        stored = [dict(row) for row in before]
        lost = sorted(str(row[key]) for row in stored if row[key] not in keys)
        if table == "absences":
            if len(set(keys)) < len(keys):
                return "twice"
            gone = f"gone {lost}" if stored and not rows else ""
            return "" if self.accepted.get((table, day, game)) == gone else gone
        home, away = self.teams[game]
        if len(set(keys)) < len(keys):
            return "twice"
        if any(not 0 <= row["pts"] <= TOO_MANY for row in rows):
            return "absurd"
        if not {*keys} <= {home, away}:
            return "another team"
        values = {row[key]: row["extra"] for row in rows}
        then = sum(row["extra"] is not None for row in stored)
        now = sum(values.get(row[key]) is not None for row in stored)
        gone = f"gone {lost} {then} {now}" if lost or now < then else ""
        if gone and self.accepted.get((table, day, game)) != gone:
            return gone
        return "missing" if len(keys) < 2 else ""

    def _form(self, day: date, game: str, team: str) -> Row:
        history = [
            dict(row)
            for other in DATES
            if other < day
            for one, rows in self._certified("summary", other).items()
            for row in rows
            if dict(row)["team"] == team
        ]
        absent = [row for row in self._rows("absences", day, game) if row["team"] == team]
        return {
            "game_id": game,
            "game_date": day,
            "team": team,
            "games": len(history),
            "points": sum(row["pts"] for row in history),
            "out": len(absent),
        }

    def _certified(self, table: str, day: date) -> dict[str, Rows]:
        found = self.entries.get((table, day))
        if found is None or not self._meets(table, found) or (table, day) in self.damaged:
            return {}
        return {
            game: rows
            for game, rows in found.stored.items()
            if found.verdicts.get(game) == CERTIFIED
        }

    def _history(self, day: date) -> list[int]:
        """The points a model of a date is trained on."""
        history: list[int] = []
        for other in (other for other in DATES if other < day):
            form = {
                (dict(row)["game_id"], dict(row)["team"])
                for rows in self._certified("form", other).values()
                for row in rows
            }
            history += [
                dict(row)["pts"]
                for rows in self._certified("summary", other).values()
                for row in rows
                if (dict(row)["game_id"], dict(row)["team"]) in form
            ]
        return history

    def _judge_trained(self, day: date, listed: Mapping[str, Row]) -> Judgement:
        if self._held("schedule", day):
            return Judgement(bad={WHOLE: HELD})
        if not listed:
            return Judgement(good={WHOLE: ()})
        history = self._history(day)
        if len(history) >= ENOUGH:
            row = {"game_date": day, "seen": len(history), "points": sum(history)}
            return Judgement(good={WHOLE: frozen([row])})
        for name in ("form", "summary"):
            for other in (other for other in DATES if other < day):
                found = self.entries.get((name, other))
                lost = (name, other) in self.damaged
                if found is None or lost or not self._meets(name, found) or not found.complete:
                    return Judgement(bad={WHOLE: HELD})
        return Judgement(good={WHOLE: ()}, warmup=True)

    def _judge_schedule(self, league: MiniLeague, day: date) -> Judgement:
        rows = league.tables["schedule"]
        now: dict[str, list[Row]] = {}
        for row in rows:
            if row["game_date"] == day:
                now.setdefault(row["game_id"], []).append(row)
        elsewhere = {
            row["game_id"]
            for row in rows
            if row["game_date"] != day and row["status"] != "POSTPONED"
        }
        found = Judgement(whole=day > league.through)
        playing: dict[str, set[str]] = {}
        for game, mine in now.items():
            for row in mine:
                if row["status"] != "POSTPONED":
                    for team in (row["home_team"], row["away_team"]):
                        playing.setdefault(team, set()).add(game)
        before = self.entries.get(("schedule", day), Entry()).stored
        for game, mine in now.items():
            row = mine[0]
            self.teams[game] = (row["home_team"], row["away_team"])
            was = dict(before[game][0]) if game in before else None
            gone = ""
            if was and was["status"] == "FINAL" and row["status"] != "FINAL":
                gone = "" if game in elsewhere else f"gone {row['status']}"
            scores = (row["home_points"], row["away_points"])
            if (
                len(mine) > 1
                or any(score is not None and not 0 <= score <= 250 for score in scores)
                or (row["status"] != "POSTPONED" and game in elsewhere)
                or any(
                    len(playing.get(team, ())) > 1 and game in playing.get(team, ())
                    for team in self.teams[game]
                )
                or (gone and self.accepted.get(("schedule", day, game)) != gone)
            ):
                found.bad[game] = HELD
                found.wrong.add(game)
                if gone:
                    found.vanished[game] = gone
            else:
                found.good[game] = frozen([row])
        for game, old in before.items():
            if game in now or game in elsewhere or dict(old[0])["status"] == "POSTPONED":
                continue
            if self.accepted.get(("schedule", day, game)) != "gone":
                found.bad[game] = HELD
                found.wrong.add(game)
                found.vanished[game] = "gone"
        return found
