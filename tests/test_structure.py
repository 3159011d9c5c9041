"""The shape of the code: which way imports point, where foreign libraries live, what looks ahead."""

import ast
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "cryptonn"
FILES = sorted(PACKAGE.rglob("*.py"))

STAGES = (
    *(
        "errors",
        "units",
        "garbage",
        "versions",
        "locks",
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
        "preflight",
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
    "typer": ("cli/",),
    "rich": ("cli/", "paper/view/terminal.py"),
    "strategies": (),
}
"""Where a foreign library may be imported."""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports_of(path: Path) -> frozenset[str]:
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return frozenset(found)


@cache
def stage_of(module: str) -> int:
    name = module.removeprefix("cryptonn.")
    fits = [
        place for place, stage in enumerate(STAGES) if name == stage or name.startswith(f"{stage}.")
    ]
    return max(fits, key=lambda place: len(STAGES[place]), default=-1)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def test_imports_point_left() -> None:
    offenders = []
    for path in FILES:
        if path == PACKAGE / "__init__.py":
            continue
        own = stage_of(module_of(path))
        if own < 0:
            offenders.append(f"{module_of(path)} belongs to no stage: name it in STAGES")
        offenders += [
            f"{module_of(path)} imports {name}, which stands to its right"
            for name in sorted(imports_of(path))
            if name.startswith("cryptonn.") and stage_of(name) > own
        ]
    assert offenders == []


def test_paper_trading_knows_nothing_of_the_local_exchange() -> None:
    assert [
        f"{module_of(path)} imports {name}"
        for path in sorted((PACKAGE / "paper").rglob("*.py"))
        for name in sorted(imports_of(path))
        if name.startswith("cryptonn.local_exchange")
    ] == []


def test_foreign_libraries_live_in_one_place() -> None:
    offenders = []
    for path in FILES:
        place = path.relative_to(PACKAGE).as_posix()
        roots = {name.split(".")[0] for name in imports_of(path)} & set(HOMES)
        offenders += [
            f"{module_of(path)} imports {root}"
            for root in sorted(roots)
            if not any(place.startswith(home) for home in HOMES[root])
        ]
    assert offenders == []


def test_a_file_says_its_job_in_its_first_line() -> None:
    assert [module_of(path) for path in FILES if not ast.get_docstring(tree_of(path))] == []


def test_only_labels_look_ahead() -> None:
    assert [
        module_of(path)
        for path in FILES
        if "shift(-" in path.read_text() and path != PACKAGE / "learning" / "labels.py"
    ] == []


def test_all_is_exact() -> None:
    assert [
        f"{module_of(path)}: {fault}"
        for path in FILES
        if path.name != "__init__.py"
        for fault in faults_of_all(tree_of(path))
    ] == []


def faults_of_all(tree: ast.Module) -> list[str]:
    """Say what is wrong with a module's ``__all__``: the names it lists, and its public names."""
    values = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    ]
    if not values:
        return ["has no __all__"]
    listed = set(ast.literal_eval(values[0]))
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
    public = {name for name in defined if not name.startswith("_")}
    unknown = sorted(listed - defined - assigned - imported)
    unlisted = sorted(public - listed)
    hidden = sorted((listed & defined) - public)
    return [
        *(f"lists {name}, which is not defined" for name in unknown),
        *(f"does not list {name}, which is public" for name in unlisted),
        *(f"lists {name}, which is private" for name in hidden),
    ]


def test_the_rule_of_all_bites() -> None:
    text = "__all__ = ['a', 'b', '_c']\ndef a(): ...\ndef _c(): ...\ndef d(): ..."
    assert faults_of_all(ast.parse(text)) == [
        "lists b, which is not defined",
        "does not list d, which is public",
        "lists _c, which is private",
    ]
    assert faults_of_all(ast.parse("x = 1")) == ["has no __all__"]
