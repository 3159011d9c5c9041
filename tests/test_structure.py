"""The shape of the code: which way imports point, where foreign libraries live, what looks ahead."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "cryptonn"
FILES = sorted(PACKAGE.rglob("*.py"))

STAGES = (
    *(
        "errors",
        "units",
        "garbage",
        "versions",
        "output",
        "progress",
        "market.timerange",
        "settings",
        "config",
    ),
    *("market", "learning", "trading", "evaluation"),
    *(
        "published",
        "heldout",
        "facts",
        "records",
        "runs",
        "catalog",
        "latest",
        "reporting",
        "judging",
    ),
    *("pipeline", "tuning", "local_exchange", "paper", "cli"),
)
"""A module imports only from its own stage and from stages to the left."""

HOMES = {
    "ccxt": ("market/exchange/", "paper/venue/"),
    "backtrader": ("trading/",),
    "pyfolio": ("reporting/tearsheet.py",),
    "plotly": ("reporting/",),
    "sklearn": ("evaluation/",),
    "arch": ("evaluation/significance.py",),
    "tensorflow": ("learning/",),
    "keras": ("learning/",),
    "ta": ("learning/features.py", "learning/indicators.py"),
    "optuna": ("tuning/advisor.py",),
    "joblib": ("tuning/cluster.py",),
    "dask": ("tuning/cluster.py",),
    "distributed": ("tuning/cluster.py",),
    "ray": ("tuning/cluster.py",),
    "typer": ("cli/",),
    "rich": ("cli/", "paper/view/terminal.py"),
    "strategies": (),
}
"""Where a foreign library may be imported."""


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def stage_of(module: str) -> int:
    name = module.removeprefix("cryptonn.")
    fits = [
        place for place, stage in enumerate(STAGES) if name == stage or name.startswith(f"{stage}.")
    ]
    return max(fits, key=lambda place: len(STAGES[place]), default=-1)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@pytest.mark.parametrize(
    "path", [path for path in FILES if path != PACKAGE / "__init__.py"], ids=module_of
)
def test_imports_point_left(path: Path) -> None:
    own = stage_of(module_of(path))
    assert own >= 0, f"{module_of(path)} belongs to no stage: name it in STAGES"
    inner = {name for name in imports_of(path) if name.startswith("cryptonn.")}
    assert {name for name in inner if stage_of(name) > own} == set()


@pytest.mark.parametrize("path", sorted((PACKAGE / "paper").rglob("*.py")), ids=module_of)
def test_paper_trading_knows_nothing_of_the_local_exchange(path: Path) -> None:
    assert not any(name.startswith("cryptonn.local_exchange") for name in imports_of(path))


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_foreign_libraries_live_in_one_place(path: Path) -> None:
    place = path.relative_to(PACKAGE).as_posix()
    roots = {name.split(".")[0] for name in imports_of(path)}
    assert {
        root
        for root in roots & set(HOMES)
        if not any(place.startswith(home) for home in HOMES[root])
    } == set()


def test_a_file_says_its_job_in_its_first_line() -> None:
    assert [
        module_of(path) for path in FILES if not ast.get_docstring(ast.parse(path.read_text()))
    ] == []


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_only_labels_look_ahead(path: Path) -> None:
    if path.relative_to(PACKAGE).as_posix() != "learning/labels.py":
        assert "shift(-" not in path.read_text()


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name != "__init__.py"], ids=module_of
)
def test_all_is_exact(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    ]
    assert names, f"{module_of(path)} has no __all__"
    listed = set(ast.literal_eval(names[0]))
    defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    imported = {
        alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert listed <= defined | assigned | imported, "a name in __all__ is not defined"
    assert {name for name in defined if not name.startswith("_")} == listed & defined, (
        "public names stand in __all__"
    )
