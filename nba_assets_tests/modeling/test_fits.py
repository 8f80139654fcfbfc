"""What was fitted is kept by what it was fitted on, and trusted only if it is whole."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from nba_assets.modeling.fits import Fits

AS_OF = date(2024, 2, 1)


def _fits(folder: Path, mark: str = "a", recipe: str = "recipe", table: str = "table") -> Fits:
    return Fits(folder, table, lambda *_: mark, timedelta(days=10), (recipe,))


def _fit() -> bytes:
    return bytes(range(200))


def _never() -> bytes:
    raise AssertionError("it is kept")


def test_a_fit_is_made_once(tmp_path: Path) -> None:
    kept = _fits(tmp_path / "models")
    assert kept.get("kind", AS_OF, _fit) == _fit()
    assert _fits(tmp_path / "models").get("kind", AS_OF, _never) == _fit()


@pytest.mark.parametrize("other", ["mark", "recipe", "table"])
def test_another_mark_recipe_or_table_is_another_fit(tmp_path: Path, other: str) -> None:
    _fits(tmp_path).get("kind", AS_OF, _fit)
    assert _fits(tmp_path).has("kind", AS_OF)
    assert not _fits(tmp_path, **{other: "b"}).has("kind", AS_OF)
    assert not _fits(tmp_path).has("kind", AS_OF + timedelta(days=1))
    assert not _fits(tmp_path).has("other kind", AS_OF)


def test_a_mark_is_of_the_days_a_fit_reaches_back(tmp_path: Path) -> None:
    asked: list[tuple[date, date]] = []

    def mark(first: date, before: date) -> str:
        asked.append((first, before))
        return ""

    Fits(tmp_path, "table", mark, timedelta(days=10), ()).has("kind", AS_OF)
    assert asked == [(date(2024, 1, 22), AS_OF)]


def test_no_fit_is_kept_too(tmp_path: Path) -> None:
    kept = _fits(tmp_path)
    assert kept.get("kind", AS_OF, bytes) == b""
    assert kept.has("kind", AS_OF)
    assert kept.get("kind", AS_OF, _never) == b""


@pytest.mark.parametrize("fault", ["lost", "altered", "cut short", "emptied"])
def test_a_damaged_fit_is_made_again(tmp_path: Path, fault: str) -> None:
    kept = _fits(tmp_path)
    kept.get("kind", AS_OF, _fit)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    if fault == "lost":
        file.unlink()
    else:
        file.write_bytes(
            {"altered": content[:-1] + b"?", "cut short": content[:50]}.get(fault, b"")
        )
    assert not kept.has("kind", AS_OF)
    assert kept.get("kind", AS_OF, _fit) == content
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [content]
