"""The text of a transformation."""

from importlib.resources import files


def query(table: str) -> str:
    """The transformation of a table.

    Raises:
        FileNotFoundError: the table has none.
    """
    return (files(__package__) / f"{table}.sql").read_text(encoding="utf-8")
