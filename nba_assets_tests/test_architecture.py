"""The shape of the package: which module may import which, and where an asset lives.

Read from the source text; nothing is imported for it.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nba_assets"
GROUPS = ("raw", "analytics", "precompute", "models")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
INITS = [path for path in FILES.values() if path.name == "__init__.py"]

# Who may import whom, from the bottom to the top: every folder and module has its place here.
BASE = ("errors", "seasons", "contracts")
LAYERS: Mapping[str, tuple[str, ...]] = {
    "errors": (),
    "seasons": (),
    "settings": ("errors", "seasons"),
    "contracts": BASE,
    "engines": ("errors", "engines"),
    "modeling": ("errors", "seasons", "modeling"),
    "assets.raw": ("contracts",),
    "assets.analytics": ("contracts", "assets.raw"),
    "assets.precompute": ("contracts", "assets.raw", "assets.precompute", "modeling"),
    "assets.models": ("contracts", "assets.precompute", "assets.models", "modeling"),
    "assets.graph": ("contracts", "assets"),
    "sources": (*BASE, "assets.raw", "sources"),
    "certification": (*BASE, "engines", "sources.source", "certification"),
    "operations": (*BASE, "engines", "sources.source", "certification", "modeling", "operations"),
    "deployment": (*BASE, "settings", "engines", "assets", "sources", "certification",
                   "operations"),
    "orchestration": (*BASE, "settings", "engines.engine", "certification", "operations",
                      "modeling.information", "orchestration", "deployment", "definitions"),
    "definitions": (*BASE, "settings", "engines", "sources.source", "certification",
                    "operations", "deployment", "orchestration"),
    "rehearsal": (*BASE, "settings", "assets.raw", "sources", "certification", "operations",
                  "deployment", "definitions", "orchestration", "rehearsal"),
    "cli": (*BASE, "settings", "engines", "sources.source", "certification", "operations",
            "modeling.information", "deployment", "orchestration", "rehearsal", "cli"),
}  # fmt: skip
DAGSTER = ("definitions", "orchestration", "rehearsal.daemon", "rehearsal.incident",
           "rehearsal.season")  # fmt: skip
DAGSTER_ON_DEMAND = ("cli",)
"""commands that start runs; they load it when they do"""
ENGINE_FREE = ("assets", "contracts", "modeling", "operations", "orchestration", "cli")


def _below(module: str, parents: tuple[str, ...]) -> bool:
    return any(module == parent or module.startswith(f"{parent}.") for parent in parents)


def _imports(path: Path, *, only_at_import: bool = False) -> Iterator[str]:
    """The modules a file imports, also lazily and for type checking; names they are taken from."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = _at_import(tree) if only_at_import else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: not the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _at_import(child)


def _inside(path: Path) -> list[str]:
    """The modules of the package a file imports, without the package's name."""
    prefix = "nba_assets."
    found = (name for name in _imports(path) if name.startswith(prefix))
    modules = (name if name in FILES else name.rpartition(".")[0] for name in found)
    return [name.removeprefix(prefix) for name in modules if name in FILES and name != "nba_assets"]


MODULES = {name.removeprefix("nba_assets."): path for name, path in FILES.items()}


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_one_way(layer: str) -> None:
    modules = {name: path for name, path in MODULES.items() if _below(name, (layer,))}

    assert modules
    for module, path in modules.items():
        wrong = [name for name in _inside(path) if not _below(name, LAYERS[layer])]
        assert not wrong, f"{module} imports {wrong}"


def test_every_folder_and_module_has_its_place() -> None:
    packages = {"nba_assets", *LAYERS, "assets"}
    assert [name for name in MODULES if name not in packages and not _below(name, (*LAYERS,))] == []


def test_dagster_is_known_only_to_what_hands_the_package_to_it() -> None:
    for module, path in MODULES.items():
        known = _below(module, DAGSTER)
        at_once, ever = _imports(path, only_at_import=True), _imports(path)
        if not known:
            assert not any(name.startswith("dagster") for name in at_once), module
        if not known and not _below(module, DAGSTER_ON_DEMAND):
            assert not any(name.startswith("dagster") for name in ever), module


def test_private_names_of_dagster_are_known_to_one_module() -> None:
    for module, path in MODULES.items():
        private = [name for name in _imports(path) if name.startswith("dagster._")]
        assert not private or module == "orchestration.dagster_private", f"{module}: {private}"


@pytest.mark.parametrize("heavy", ["dagster", "pandas", "xgboost", "duckdb", "pyarrow", "sqlglot"])
def test_the_command_line_loads_heavy_packages_only_when_used(heavy: str) -> None:
    """What a module imports at its top is loaded with it, step by step from the entry point."""
    reached, todo = set[str](), [name for name in ("nba_assets.cli.main",) if name in FILES]
    if not todo:
        pytest.skip("there is no command line")
    while todo:
        module = todo.pop()
        reached.add(module)
        for name in _imports(FILES[module], only_at_import=True):
            assert name.partition(".")[0] != heavy, f"{module} imports {heavy}"
            if name in FILES and name not in reached:
                todo.append(name)


def test_engines_are_chosen_in_one_place() -> None:
    for module, path in MODULES.items():
        if _below(module, ENGINE_FREE):
            assert not any("duckdb" in name or "bigquery" in name for name in _imports(path)), (
                module
            )


@pytest.mark.parametrize("path", INITS, ids=[str(p.relative_to(ROOT)) for p in INITS])
def test_an_init_file_is_a_docstring_at_most(path: Path) -> None:
    body = ast.parse(path.read_text(encoding="utf-8")).body

    assert all(isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in body)
    assert len(body) <= 1


def test_every_module_says_what_it_is() -> None:
    silent = [
        name
        for name, path in FILES.items()
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def _declared(path: Path) -> dict[str, str]:
    """The literal arguments of the contract a file declares."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            given = {k.arg: k.value for k in node.keywords if k.arg}
            if node.func.id == "Contract" and {"table", "group"} <= set(given):
                texts = {k: v.value for k, v in given.items() if isinstance(v, ast.Constant)}
                return {name: str(value) for name, value in texts.items()}
    return {}


ASSETS = {
    path.stem: path
    for group in GROUPS
    for path in sorted((PACKAGE / "assets" / group).glob("*.py"))
    if path.name != "__init__.py"
}
CONTRACTS = {name: _declared(path) for name, path in ASSETS.items()}


def test_every_asset_has_a_contract() -> None:
    assert len(CONTRACTS) == 19
    assert all(CONTRACTS.values())


@pytest.mark.parametrize("name", ASSETS)
def test_asset_table_and_file_have_one_name_and_the_folder_is_the_group(name: str) -> None:
    path = ASSETS[name]
    source = path.read_text(encoding="utf-8")

    assert CONTRACTS[name]["table"] == name
    assert CONTRACTS[name]["group"] == path.parent.name
    assert source.count("Contract(") == source.count("DatedTable(") == 1
    assert (ast.get_docstring(ast.parse(source)) or "").startswith(f"``{name}``")


def test_every_transformation_belongs_to_an_asset_that_uses_it() -> None:
    assert set(PACKAGE.rglob("*.sql")) == {
        path.with_suffix(".sql")
        for path in ASSETS.values()
        if "FromSQL.beside(__file__)" in path.read_text("utf-8")
    }
