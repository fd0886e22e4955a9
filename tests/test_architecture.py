"""The rules of the house that linters cannot express; the others are in pyproject.toml, for ruff and import-linter."""

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

from core.common.extras import EXTRAS

ROOT = Path(__file__).parents[1]
ROOMS = ("core", "recommenders", "searchers", "studies")
MODULES = sorted(path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py"))
SOURCES = {module: (ROOT / module).read_text(encoding="utf-8") for module in MODULES}

#: room -> third-party packages that all of its modules may import.
ALLOWED = {
    "core": {"torch", "numpy"},
    "searchers": {"torch", "numpy"},
    "recommenders": {"torch", "numpy"},
    "studies": {"torch", "numpy", "mlflow", "cyclopts", "rich", "filelock"},
}
#: module -> what it alone may import beside that.
EXTRA = {
    "core/common/jit.py": {"numba"},
    "core/programs/sets/functions.py": {"llvmlite", "numba"},
    "core/export/latex.py": {"sympy"},
    "core/export/symbolic.py": {"sympy"},
    "core/export/symbols.py": {"sympy"},
    "recommenders/common/memory.py": {"psutil"},
    "recommenders/backends/ranking/compiled/instructions.py": {"llvmlite", "numba"},
    "recommenders/backends/ranking/compiled/team.py": {"llvmlite", "numba"},
    "core/search/surrogate.py": {"scipy"},
    "core/common/blas.py": {"scipy", "threadpoolctl"},
    "recommenders/tasks/ranking/anchors/ease.py": {"scipy"},
    "recommenders/tasks/crosses/rivals/boosted.py": {"catboost", "interpret", "lightgbm", "pandas"},
    "searchers/genetic.py": {"deap"},
    "searchers/bayesian.py": {"optuna"},
    "searchers/feature_search.py": {"optuna"},
    "searchers/samplers.py": {"optuna"},
    "studies/api/crossed.py": {"scipy", "sklearn"},
    "studies/api/crossed_base.py": {"pandas", "sklearn"},
    "studies/api/result.py": {"pandas"},
    "studies/storage/checkpoints.py": {"safetensors"},
    "studies/common/pages.py": {"jinja2", "matplotlib"},
    "studies/reporting/axes.py": {"matplotlib"},
    "studies/plotting/figure.py": {"matplotlib"},
    "studies/reporting/curves.py": {"matplotlib"},
    "studies/reporting/drawn.py": {"matplotlib"},
    "studies/reporting/loss_pictures.py": {"matplotlib"},
    "studies/reporting/pictures.py": {"matplotlib"},
    "studies/comparison/pictures.py": {"matplotlib", "scikit_posthocs", "pandas"},
    "studies/common/drawing.py": {"matplotlib"},
    "studies/evaluation/pictures.py": {"matplotlib"},
    "studies/evaluation/ranking/methods.py": {"optuna"},
    "studies/evaluation/ranking/tuner.py": {"optuna"},
    "studies/evaluation/tuner.py": {"optuna"},
    "studies/reproduction/pictures.py": {"matplotlib"},
    "studies/reproduction/raw.py": {"pandas"},
    "studies/reproduction/reproduction.py": {"matplotlib"},
    "recommenders/tasks/loss_table.py": {"pyarrow"},
    "studies/tabulation/pictures.py": {"matplotlib", "scipy"},
    "studies/tabulation/report.py": {"pyarrow"},
    "studies/execution/ray_cluster.py": {"ray"},
    "studies/execution/ray_connection.py": {"ray"},
    "studies/tuning/pictures.py": {"matplotlib"},
    "studies/tracking/databases.py": {"sqlalchemy"},
    "studies/tuning/claiming.py": {"optuna"},
    "core/common/paired.py": {"scipy"},
    "studies/tuning/storage.py": {"optuna"},
    "studies/tuning/trials.py": {"optuna"},
    "studies/comparison/statistics.py": {"scipy", "scikit_posthocs"},
    **{f"recommenders/data/{name}.py": {"pyarrow"} for name in ("amazon", "arrow_table")},
    **{
        f"recommenders/data/{name}.py": {"pandas", "pyarrow"}
        for name in ("columns", "frames", "text_table", "times", "timestamps")
    },
    "recommenders/data/fetch.py": {"pooch", "platformdirs"},
}
#: What contracts may import beside that: whoever holds something to them has a test suite.
CONTRACTS = {"hypothesis", "pytest", "scipy"}


@cache
def nodes_of(module):
    """Not where this is imported: every worker imports all tests."""
    return list(ast.walk(ast.parse(SOURCES[module])))


def is_contract(module):
    return module.split("/")[1] == "testing"


def imports(module):
    """(module, imported name or None) for every import; relative ones are refused by ruff."""
    for node in nodes_of(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def outside(module):
    """The third-party packages of a module."""
    return {name.split(".")[0] for name, _ in imports(module)} - set(ROOMS) - set(sys.stdlib_module_names)


def test_third_party_packages_are_imported_where_they_belong():
    extra = {m: CONTRACTS for m in MODULES if is_contract(m)} | EXTRA
    taken = {m: outside(m) - ALLOWED[m.split("/")[0]] - extra.get(m, set()) for m in MODULES}
    assert {module: names for module, names in taken.items() if names} == {}


def test_the_table_of_third_party_packages_says_what_is_so():
    assert {module: names - outside(module) for module, names in EXTRA.items() if names - outside(module)} == {}


def test_nothing_but_contracts_uses_contracts():
    others = [m for m in MODULES if not is_contract(m)]
    assert [(m, name) for m in others for name, _ in imports(m) if "testing" in (name or "").split(".")[1:2]] == []


def test_nobody_uses_what_another_module_keeps_to_itself():
    """Ruff's PLC2701 lets modules of one package do so."""
    taken = [(m, name, item) for m in MODULES for name, item in imports(m)]
    taken = [one for one in taken if one[1] != "__future__"]
    assert [one for one in taken if any(part.startswith("_") for part in [*one[1].split("."), one[2] or ""])] == []


def called(module):
    """The plain names that a module calls."""
    return {n.func.id for n in nodes_of(module) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


def test_nothing_is_executed_or_unpickled():
    """Modules that unpickle, and what is called by another name, are refused by ruff (TID251, S102, S307)."""
    assert [m for m in MODULES if called(m) & {"eval", "exec", "__import__"}] == []


def test_core_and_searchers_open_no_files():
    assert [m for m in MODULES if m.startswith(("core/", "searchers/")) and "open" in called(m)] == []


def test_files_and_functions_stay_small():
    assert {m: n for m, text in SOURCES.items() if (n := len(text.splitlines())) > 300} == {}
    functions = [(m, n) for m in MODULES for n in nodes_of(m) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [(m, n.name) for m, n in functions if n.end_lineno - n.lineno + 1 > 60] == []


def test_pyproject_lists_every_package():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    there = {Path(m).parent.as_posix().replace("/", ".") for m in MODULES}
    assert set(listed) == there


def test_every_dependency_of_the_sources_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[^\w-]", line)[0].replace("-", "_") for line in project["dependencies"]} | set(EXTRAS)
    assert set().union(*(outside(m) - CONTRACTS if is_contract(m) else outside(m) for m in MODULES)) <= declared
