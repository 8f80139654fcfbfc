"""The rival of a range run: the same transformations on the same rows, and nothing else.

No audit, no ledger, no read-back, no events, no lock: rows in, tables out, season by season.
"""

import sys
from datetime import date
from itertools import groupby

import duckdb

from nba_assets.contracts.dated_table import FromSource, FromSQL
from nba_assets.deployment import build_source, build_tables
from nba_assets.engines.googlesql import render_duckdb
from nba_assets.seasons import game_dates, season_start, season_year
from nba_assets.settings import Settings
from nba_assets.sources.source import RAW_TABLES


def main(first: str, last: str) -> None:
    """Compute every SQL table of the range into ``bare.duckdb``."""
    settings = Settings.from_environment()
    source, tables = build_source(settings), build_tables(settings)
    connection = duckdb.connect("bare.duckdb")
    days = list(game_dates(date.fromisoformat(first), date.fromisoformat(last)))
    for _, season in groupby(days, season_year):
        dates = list(season)
        begin, end = season_start(dates[0]), dates[-1]
        for name, table in tables.items():
            if isinstance(table.produce, FromSource):
                connection.register("delivered", source.read(name, dates[0], end).rows)
                insert(connection, name, "SELECT * FROM delivered")
            elif isinstance(table.produce, FromSQL) and table.contract.group != "models":
                relations = {
                    read.relation: f"SELECT * FROM {read.table} WHERE game_date BETWEEN "
                    f"DATE '{begin}' AND DATE '{end}'"
                    for read in table.reads
                } | {
                    "due_games": "SELECT * FROM schedule WHERE status <> 'POSTPONED' "
                    f"AND game_date BETWEEN DATE '{begin}' AND DATE '{end}'"
                }
                insert(connection, name, render_duckdb(table.produce.query, relations))
    rows = connection.execute("SELECT count(*) FROM player_features").fetchone()
    print(f"{len(RAW_TABLES)} raw tables, {rows} rows of player_features")


def insert(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    """Append the result of a query to a table, creating it the first time."""
    try:
        connection.execute(f"INSERT INTO {name} BY NAME {query}")
    except duckdb.CatalogException:
        connection.execute(f"CREATE TABLE {name} AS {query}")


if __name__ == "__main__":
    main(*sys.argv[1:])
