"""Every contract, as a declaration: it refers only to what exists."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from nba_assets.assets.graph import dated_tables
from nba_assets.certification.audit import column_rules
from nba_assets.contracts.contract import Contract, Due, RowRule, SetRule, Unit
from nba_assets.contracts.dated_table import DatedTable, Scope
from nba_assets.contracts.teams import ALIASES, TEAMS, tricode
from nba_assets.errors import BadInput
from nba_assets.settings import Settings

TABLES: Mapping[str, DatedTable] = dated_tables(Path("models"))
CONTRACTS = {name: table.contract for name, table in TABLES.items()}

every_contract = pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


@every_contract
def test_columns_are_named_once_and_described(contract: Contract) -> None:
    names = contract.column_names

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert all(column.description for column in contract.columns)
    assert all(contract.column(name).name == name for name in names)
    with pytest.raises(KeyError, match=f"{contract.table} has no column nothing"):
        contract.column("nothing")


@every_contract
def test_the_grain_is_made_of_columns_without_null(contract: Contract) -> None:
    assert contract.grain
    assert len(set(contract.grain)) == len(contract.grain)
    assert not any(contract.column(name).nullable for name in contract.grain)


@every_contract
def test_a_row_belongs_to_a_date_and_to_a_game_where_games_are_certified(
    contract: Contract,
) -> None:
    assert contract.column("game_date").type == "DATE"
    assert not contract.column("game_date").nullable
    if contract.unit is Unit.GAME:
        assert contract.column("game_id").type == "STRING"
        assert not contract.column("game_id").nullable


@every_contract
def test_bounds_and_values_fit_the_type(contract: Contract) -> None:
    for column in contract.columns:
        if column.low is not None or column.high is not None:
            assert column.type in ("INT64", "FLOAT64"), column.name
        if column.low is not None and column.high is not None:
            assert column.low < column.high, column.name
        if column.values:
            assert column.type == "STRING", column.name
            assert len(set(column.values)) == len(column.values), column.name


@every_contract
def test_rules_and_figures_have_names_of_their_own(contract: Contract) -> None:
    rules = [rule.name for rule in column_rules(contract)]
    rules += [rule.name for rule in contract.rules]
    figures = [figure.name for figure in contract.figures]

    assert len(set(rules)) == len(rules)
    assert len(set(figures)) == len(figures)
    assert not {"missing", "unscheduled", "grain_unique", "refused"} & set(rules)


@every_contract
def test_every_rule_and_figure_is_reported_by_a_listed_check(contract: Contract) -> None:
    assert len(set(contract.checks)) == len(contract.checks)
    assert contract.checks[:2] == ("row_counts", "contract")
    assert {rule.check for rule in contract.rules} <= set(contract.checks)
    assert {figure.check for figure in contract.figures} <= set(contract.checks)


@every_table
def test_lineage_names_columns_of_what_the_table_reads(table: DatedTable) -> None:
    for column in table.contract.columns:
        assert len(set(column.lineage)) == len(column.lineage), column.name
        for origin in column.lineage:
            upstream, _, name = origin.partition(".")
            assert upstream in table.upstream_tables(), f"{column.name}: {origin}"
            assert name in CONTRACTS[upstream].column_names, f"{column.name}: {origin}"


@every_table
def test_rules_read_only_tables_the_table_depends_on(table: DatedTable) -> None:
    """Otherwise a rule could find the other table not built yet."""
    same_date = {read.table for read in table.reads if read.scope.same_date}
    reads = {
        name for rule in table.contract.rules if isinstance(rule, SetRule) for name in rule.reads
    }
    if table.contract.records:
        reads |= set(table.contract.records.reads)

    assert reads <= same_date


@every_table
def test_a_table_comes_after_what_it_reads(table: DatedTable) -> None:
    order = list(TABLES)

    for read in table.reads:
        assert order.index(read.table) < order.index(table.name)
        assert table.name == "schedule" or table.upstream_tables()[0] == "schedule"


@every_table
def test_what_is_due_before_the_game_reads_no_outcome_of_the_date(table: DatedTable) -> None:
    if table.contract.due is Due.SCHEDULED:
        same_date = [read.table for read in table.reads if read.scope is Scope.DATE]
        assert all(CONTRACTS[name].due is Due.SCHEDULED for name in same_date)


@every_contract
def test_thresholds_named_by_rules_are_settings(contract: Contract) -> None:
    text = " ".join(
        rule.predicate if isinstance(rule, RowRule) else rule.query for rule in contract.rules
    )

    assert set(re.findall(r"@(\w+)", text)) <= set(Settings().thresholds)


@every_contract
def test_a_table_is_complete_by_something_other_than_itself(contract: Contract) -> None:
    """The schedule is the authority; lists and lines may be empty."""
    may_be_empty = ("player_availability", "starting_lineups", "player_points_lines")
    if contract.table in ("schedule", *may_be_empty):
        assert contract.records is None
    else:
        assert contract.records is not None
        assert "required_games" in contract.records.query or "due_games" in contract.records.query


def test_thirty_teams_and_no_alias_among_them() -> None:
    assert len(TEAMS) == 30
    assert not TEAMS & set(ALIASES)
    assert set(ALIASES.values()) <= TEAMS


@pytest.mark.parametrize(("name", "code"), [*ALIASES.items(), ("MIA", "MIA")])
def test_a_team_has_one_code_however_it_is_spelled(name: str, code: str) -> None:
    assert tricode(name) == code


@pytest.mark.parametrize("name", ["EST", "WST", "", "mia", "Miami", "LEB", "XXX"])
def test_any_other_team_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=repr(name)):
        tricode(name)
