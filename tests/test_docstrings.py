"""Docstrings of core, searchers and recommenders: what ruff's rules of google style do not check."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("core", "searchers", "recommenders")
MODULES = sorted(path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py"))
#: With what a docstring of a function may begin. A new one is added here, if it is the imperative of a verb.
VERBS = frozenset(
    re.findall(
        r"[\w-]+",
        """
        Add Adjust Advance Append Apply Ask Assert Build Call Check Choose Clamp Clip Compare Compile Compute Convert
        Copy Count Create Cut Decode Define Delete Derive Divide Draw Drop Encode Evaluate Examine Export Fill Filter
        Find Forget Format Gather Generate Guess Import Initialise Insert Iterate Join Keep Label Learn Let Limit List
        Load Log Make Map Mark Mask Measure Merge Move Multiply Normalise Offer Open Overwrite Parse Pick Predict
        Prepare Print Propose Query Raise Rank Re-raise Read Record Redraw Refuse Register Release Remember Remove
        Rename Repeat Replace Reset Reshape Restart Restore Resume Return Reuse Round Run Sample Save Say Scale Scan
        Score Search Seed Select Send Set Show Shuffle Simplify Solve Sort Split Start Stay Stop Store Sum Swap Take
        Tell Test Train Transform Update Use Validate Wrap Write Yield
        """,
    )
)
#: With what one of a class or a property may not begin: it names the thing.
RIDDLES = {
    "How",
    "It",
    "Of",
    "That",
    "These",
    "They",
    "Those",
    "What",
    "When",
    "Where",
    "Which",
    "Who",
    "Whoever",
    "Why",
}
#: Arrays, which have shapes; dicts and lists of them say so where they are defined.
ARRAYS = re.compile(r"\b(Tensor|ndarray)\b")
CONTAINERS = re.compile(r"\b(Mapping|dict|Callable|Iterator)\[.*")


def documented(module):
    """(class or None, class or function) of all that is public; the contract tests say it with their names."""
    if any(part.startswith("_") for part in Path(module).with_suffix("").parts if part != "__init__"):
        return
    pending = [(None, node) for node in ast.parse((ROOT / module).read_text(encoding="utf-8")).body]
    for owner, node in pending:
        is_test = "/testing/" in module and getattr(node, "name", "").startswith("test_")
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_") or is_test:
            continue
        yield owner, node
        if isinstance(node, ast.ClassDef):
            pending += [(node, inner) for inner in node.body]


NODES = [(f"{module}: {node.name}", owner, node) for module in MODULES for owner, node in documented(module)]
TEXTS = {id(node): ast.get_docstring(node) or "" for _, _, node in NODES}
#: name of a class -> names of the methods, properties and attributes that it documents itself.
CLASSES = {
    node.name: {n.name for _, owner, n in NODES if owner is node and not TEXTS[id(n)].startswith("See ")}
    | {n.target.id for n in node.body if isinstance(n, ast.AnnAssign)}
    for _, _, node in NODES
    if isinstance(node, ast.ClassDef)
}


def decorators(node):
    return {ast.unparse(one).split("(")[0] for one in node.decorator_list}


def is_function(node):
    """Whether it is called, as properties are not."""
    return isinstance(node, ast.FunctionDef) and not any("property" in one for one in decorators(node))


def parameters(owner, function):
    found = function.args
    names = [*found.posonlyargs, *found.args, *filter(None, [found.vararg]), *found.kwonlyargs]
    names = [one.arg for one in (*names, *filter(None, [found.kwarg]))]
    return names[1:] if owner is not None and "staticmethod" not in decorators(function) else names


def section(text, title):
    """The indented lines under a title such as Args; "" without it."""
    found = re.search(rf"^{title}:\n((?: +.*\n|\n)*)", text + "\n", re.MULTILINE)
    return found[1] if found else ""


def own(kind):
    """The functions, properties or classes that do not refer to the docstring of another."""
    return [
        (where, owner, node) for where, owner, node in NODES if kind(node) and not TEXTS[id(node)].startswith("See ")
    ]


FUNCTIONS = own(is_function)
#: (place, docstring, parameters) of all that is called: the docstring of a class describes its constructor.
CALLED = [(where, TEXTS[id(function)], parameters(owner, function)) for where, owner, function in FUNCTIONS] + [
    (where, TEXTS[id(node)], parameters(node, init))
    for where, _, node in own(lambda node: isinstance(node, ast.ClassDef))
    for init in node.body
    if isinstance(init, ast.FunctionDef) and init.name == "__init__"
]


@pytest.mark.parametrize("title", ["Args", "Raises", "Returns", "Yields"])
def test_sections_are_found_where_they_are(title):
    assert section(f"Do it.\n\n{title}:\n    one: a text,\n        in two lines.\n", title).split()[0] == "one:"
    assert section(f"Do it, see {title}: no section.\n", title) == ""


def test_there_is_something_to_check():
    assert len(FUNCTIONS) > 300
    assert len(CALLED) - len(FUNCTIONS) > 30
    assert len(CLASSES) > 100


def test_args_name_every_parameter_where_there_are_two_or_more_and_nothing_else():
    wrong = {}
    for where, text, expected in CALLED:
        named = re.findall(r"^ {4}\*{0,2}(\w+): \S", section(text, "Args"), re.MULTILINE)
        if named != expected and (named or len(expected) > 1):
            wrong[where] = (named, expected)
    assert wrong == {}


def raised(function):
    """The exceptions that a function raises itself."""
    inner = [n for n in ast.walk(function) if isinstance(n, ast.FunctionDef | ast.Lambda) and n is not function]
    within = {id(n) for one in inner for n in ast.walk(one)}
    raises = [n.exc for n in ast.walk(function) if isinstance(n, ast.Raise) and id(n) not in within]
    return {
        n.func.id for n in raises if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id[0].isupper()
    }


def test_what_a_function_raises_is_documented():
    found = {where: raised(function) for where, _, function in FUNCTIONS if not section(TEXTS[id(function)], "Raises")}
    assert {where: names for where, names in found.items() if names} == {}


def arrays(function):
    """Whether a parameter or the result is an array."""
    found = function.args
    every = (*found.posonlyargs, *found.args, *filter(None, [found.vararg]), *found.kwonlyargs)
    hints = [one.annotation for one in every] + [function.returns]
    return any(ARRAYS.search(CONTAINERS.sub("", ast.unparse(hint))) for hint in hints if hint is not None)


def test_arrays_have_shapes():
    shaped = re.compile(r"\[[\w., *+]*\]|\bshape\b")
    assert [w for w, _, function in FUNCTIONS if arrays(function) and not shaped.search(TEXTS[id(function)])] == []


def test_docstrings_of_functions_begin_with_an_imperative():
    first = {where: re.split(r"\W*\s", TEXTS[id(function)] + " ")[0] for where, _, function in FUNCTIONS}
    assert {where: word for where, word in first.items() if word not in VERBS} == {}


def test_docstrings_of_classes_and_properties_name_the_thing():
    first = {where: TEXTS[id(thing)].split()[0] for where, _, thing in own(lambda node: not is_function(node))}
    assert {where: word for where, word in first.items() if word in RIDDLES} == {}


def test_who_refers_to_a_docstring_refers_to_one_that_is_there():
    wrong = []
    for where, owner, node in NODES:
        name = re.match(r"See `?(\w+(?:\.\w+)*)", TEXTS[id(node)])
        if name is None or name[1].startswith("sympy."):
            continue
        if name[1] not in CLASSES or (owner is not None and node.name not in CLASSES[name[1]]):
            wrong.append((where, TEXTS[id(node)].splitlines()[0]))
    assert wrong == []
