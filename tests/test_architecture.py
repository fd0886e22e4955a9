"""The rules of the house, read from the sources themselves."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("core", "recommenders", "searchers", "studies")
MODULES = sorted(path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py"))

#: room -> what it may import beside the standard library and itself.
ALLOWED = {
    "core": {"torch", "numpy"},
    "searchers": {"torch", "numpy", "core"},
    "recommenders": {"torch", "numpy", "core"},
    "studies": {"torch", "numpy", "core", "searchers", "recommenders", "mlflow", "cyclopts", "rich", "filelock"},
}
#: module -> what it alone may import beside that.
EXTRA = {
    "core/jit.py": {"numba"},
    "core/export/latex.py": {"sympy"},
    "core/export/symbolic.py": {"sympy"},
    "core/export/symbols.py": {"sympy"},
    "recommenders/memory.py": {"psutil"},
    "recommenders/blas.py": {"scipy", "threadpoolctl"},
    "searchers/genetic.py": {"deap"},
    "searchers/bayesian.py": {"optuna"},
    "searchers/samplers.py": {"optuna"},
    "studies/api/bars.py": {"tqdm"},
    "studies/api/result.py": {"pandas"},
    "studies/api/searching.py": {"pandas"},
    "studies/keeping/packing.py": {"safetensors"},
    "studies/pages.py": {"jinja2"},
    "studies/reporting/axes.py": {"matplotlib"},
    "studies/plotting/figure.py": {"matplotlib"},
    "studies/reporting/curves.py": {"matplotlib"},
    "studies/reporting/drawn.py": {"matplotlib"},
    "studies/reporting/loss_pictures.py": {"matplotlib"},
    "studies/reporting/pictures.py": {"matplotlib"},
    "studies/reporting/svg.py": {"matplotlib"},
    "studies/contest/pictures.py": {"matplotlib", "scikit_posthocs", "pandas"},
    "studies/drawing.py": {"matplotlib"},
    "studies/evaluating/pictures.py": {"matplotlib"},
    "studies/evaluating/statistics.py": {"scipy", "statsmodels"},
    "studies/evaluating/tuner.py": {"optuna"},
    "studies/reproducing/pictures.py": {"matplotlib"},
    "studies/reproducing/raw.py": {"pandas"},
    "studies/reproducing/reproduction.py": {"matplotlib"},
    "studies/tuning/pictures.py": {"matplotlib"},
    "studies/tuning/result.py": {"scipy"},
    "studies/tuning/claiming.py": {"optuna"},
    "studies/tuning/storage.py": {"optuna"},
    "studies/tuning/trials.py": {"optuna"},
    "studies/contest/statistics.py": {"scipy", "scikit_posthocs", "statsmodels"},
    **{f"recommenders/data/{name}.py": {"pandas"} for name in ("reading", "sources", "table", "text_table", "times")},
    **{f"recommenders/data/{name}.py": {"pandas", "pyarrow"} for name in ("arrow_table", "columns")},
    "recommenders/data/fetch.py": {"pooch", "platformdirs"},
}


def tree(module):
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def imports(module):
    """(top-level package, imported name or None, whether when the module is loaded) for every import."""
    found = []
    syntax = tree(module)
    at_load = {id(node) for node in syntax.body}
    for node in ast.walk(syntax):
        if isinstance(node, ast.Import):
            found += [(alias.name, None, id(node) in at_load) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            found += [(node.module, alias.name, id(node) in at_load) for alias in node.names]
    return found


@pytest.mark.parametrize("module", MODULES)
def test_rooms_import_only_what_they_may(module):
    room = module.split("/")[0]
    allowed = ALLOWED[room] | EXTRA.get(module, set()) | {room} | set(sys.stdlib_module_names)
    taken = {name.split(".")[0] for name, _, _ in imports(module)}
    assert taken <= allowed, f"{module} may not import {', '.join(sorted(taken - allowed))}"


@pytest.mark.parametrize("module", MODULES)
def test_nobody_uses_what_another_module_keeps_to_itself(module):
    private = [f"{name}.{item}" for name, item, _ in imports(module) if item and item.startswith("_")]
    private += [
        name for name, _, _ in imports(module) if any(p.startswith("_") for p in name.split(".") if p != "__future__")
    ]
    assert private == []


@pytest.mark.parametrize("module", MODULES)
def test_mlflow_is_loaded_only_when_it_is_needed(module):
    """It takes seconds, which `--help` and a typing error should not."""
    assert [name for name, _, at_load in imports(module) if name.split(".")[0] == "mlflow" and at_load] == []


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_executed_or_unpickled(module):
    calls = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    names = {node.func.id for node in calls if isinstance(node.func, ast.Name)}
    assert names.isdisjoint({"eval", "exec", "__import__"})
    assert {name.split(".")[0] for name, _, _ in imports(module)}.isdisjoint({"pickle", "marshal", "shelve", "dill"})


@pytest.mark.parametrize("module", [m for m in MODULES if not m.startswith("studies/")])
def test_only_studies_print(module):
    calls = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    assert "print" not in {node.func.id for node in calls if isinstance(node.func, ast.Name)}


#: Keeps machine code on disk.
TOUCHES_FILES = {"core/jit.py"}


@pytest.mark.parametrize(
    "module", sorted({m for m in MODULES if m.startswith(("core/", "searchers/"))} - TOUCHES_FILES)
)
def test_core_and_searchers_touch_no_files(module):
    taken = {name.split(".")[0] for name, _, _ in imports(module)}
    assert taken.isdisjoint({"pathlib", "os", "shutil", "tempfile", "subprocess", "socket"})
    calls = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    assert "open" not in {node.func.id for node in calls if isinstance(node.func, ast.Name)}


@pytest.mark.parametrize("module", MODULES)
def test_files_and_functions_stay_small(module):
    assert len((ROOT / module).read_text(encoding="utf-8").splitlines()) <= 300
    functions = [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef)]
    long = [node.name for node in functions if node.end_lineno - node.lineno + 1 > 60]
    assert long == []


def test_pyproject_lists_every_package():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    there = {Path(m).parent.as_posix().replace("/", ".") for m in MODULES}
    assert set(listed) == there


def test_every_dependency_of_the_sources_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {line.split(">")[0].replace("-", "_") for line in project["dependencies"]}
    outside = {name.split(".")[0] for m in MODULES for name, _, _ in imports(m)} - set(sys.stdlib_module_names)
    assert outside - set(ROOMS) <= declared
