"""Write the generated reference pages from the contracts: ``python docs/generate.py``."""

from collections.abc import Iterator
from pathlib import Path

from nba_assets.assets.graph import dated_tables
from nba_assets.certification.audit import column_rules
from nba_assets.contracts.contract import Column, Contract, Due, Severity, Unit
from nba_assets.contracts.dated_table import DatedTable, FromSource, FromSQL, Scope
from nba_assets.seasons import WARMUP_DAYS
from nba_assets.settings import PREFIX, Settings

REFERENCE = Path(__file__).parent / "reference"
VALUES_SHOWN = 5
TABLES = dated_tables(Path("models"))

_SCOPES = {
    Scope.DATE: "the same date; an uncertified game is held here too",
    Scope.EITHER: "the same date; one certified input of these is enough",
    Scope.OPTIONAL: "the same date, where certified; holds nothing",
    Scope.WINDOW: "earlier dates of the season; a hole holds the later games of its two teams",
    Scope.CAREER: (
        "earlier dates of this and the two seasons before, as far as certified; a correction of "
        "one makes the date stale"
    ),
    Scope.TRAINING: (
        "earlier dates of this and the two seasons before, as far as certified; what was trained "
        "stays as it is when one is corrected"
    ),
}


def pages() -> dict[Path, str]:
    """The generated pages and their content."""
    return {
        REFERENCE / "tables.md": "\n".join(tables_page()) + "\n",
        REFERENCE / "graph.md": "\n".join(graph_page()) + "\n",
        REFERENCE / "settings.md": "\n".join(settings_page()) + "\n",
    }


def tables_page() -> Iterator[str]:
    """Every table: what a row is, what it reads, its columns and what must hold."""
    yield "# Tables"
    yield ""
    yield "Generated from the contracts by `python docs/generate.py`."
    for table in TABLES.values():
        yield from ("", *_table(table))


def _table(table: DatedTable) -> Iterator[str]:
    contract = table.contract
    yield f"## {table.name}"
    yield ""
    yield contract.description
    yield ""
    yield f"- **Group** {contract.group} · **grain** {', '.join(contract.grain)}"
    due = "every game not postponed" if contract.due is Due.SCHEDULED else "every final game"
    unit = "by date" if contract.unit is Unit.DATE else "game by game"
    yield f"- **Covers** {due} of the date · **certified** {unit}" + (
        f" · the first {WARMUP_DAYS} days of a season are warm-up" if contract.warmup else ""
    )
    yield f"- **Made** {_origin(table)}"
    if contract.kept_as_told:
        yield f"- **Told** what was published of a game before its tip-off: `{table.name}_as_told`"
    for read in table.reads:
        yield f"- **Reads** `{read.relation}`: {_SCOPES[read.scope]}"
    yield ""
    yield "| column | type | meaning | allowed | from |"
    yield "|---|---|---|---|---|"
    for column in contract.columns:
        lineage = ", ".join(f"`{origin}`" for origin in column.lineage)
        yield (
            f"| `{column.name}` | {column.type} | {_cell(column.description)} | "
            f"{_allowed(column)} | {lineage} |"
        )
    yield ""
    yield from _checks(contract)


def _checks(contract: Contract) -> Iterator[str]:
    declared = {rule.name for rule in contract.rules}
    implied = sum(rule.name not in declared for rule in column_rules(contract))
    yield f"| check | rules beside the {implied} that follow from the columns |"
    yield "|---|---|"
    for check in contract.checks:
        rules = [
            f"`{rule.name}`" + {Severity.WARN: " (warns)"}.get(rule.severity, "")
            for rule in contract.rules
            if rule.check == check
        ]
        if check == "contract":
            rules.insert(0, "`grain_unique`")
        if check == "row_counts":
            rules = ["`missing`"] * bool(contract.records) + ["`unscheduled`"] * (
                contract.unit is Unit.GAME
            ) + rules  # fmt: skip
        yield f"| {check} | {', '.join(rules)} |"


def _origin(table: DatedTable) -> str:
    if isinstance(table.produce, FromSource):
        return "from the configured source"
    if isinstance(table.produce, FromSQL):
        return f"by [one query](../../nba_assets/{_file(table)}.sql)"
    return f"in Python, [{_file(table)}.py](../../nba_assets/{_file(table)}.py)"


def _file(table: DatedTable) -> str:
    return f"assets/{table.contract.group}/{table.name}"


def _allowed(column: Column) -> str:
    parts = []
    if column.values:
        few = len(column.values) <= VALUES_SHOWN
        parts.append(", ".join(column.values) if few else f"{len(column.values)} values")
    if column.low is not None or column.high is not None:
        low = "" if column.low is None else f"{column.low:g}"
        high = "" if column.high is None else f"{column.high:g}"
        parts.append(f"{low} … {high}")
    if column.nullable:
        parts.append("NULL")
    return "; ".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def graph_page() -> Iterator[str]:
    """The graph as a diagram GitHub renders."""
    yield "# The graph"
    yield ""
    yield "Generated from the assets by `python docs/generate.py`. A solid arrow is read at the"
    yield "same date, a dotted one at earlier dates only."
    yield ""
    yield "```mermaid"
    yield "flowchart LR"
    groups = dict.fromkeys(table.contract.group for table in TABLES.values())
    for group in groups:
        yield f"  subgraph {group}"
        for table in TABLES.values():
            if table.contract.group == group:
                yield f"    {table.name}"
        yield "  end"
    for table in TABLES.values():
        scopes: dict[str, bool] = {}
        for read in table.reads:
            scopes[read.table] = scopes.get(read.table, False) or read.scope.same_date
        for name, same_date in scopes.items():
            yield f"  {name} {'-->' if same_date else '-.->'} {table.name}"
    yield "```"


def settings_page() -> Iterator[str]:
    """Every environment variable."""
    yield "# Settings"
    yield ""
    yield "Environment variables, read once at start; generated by `python docs/generate.py`. A"
    yield "variable that is not listed is refused by name."
    yield ""
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        yield f"| `{PREFIX}{name.upper()}` | {default} | {_cell(field.description or '')} |"


def main() -> None:
    """Write the pages."""
    for file, content in pages().items():
        file.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
