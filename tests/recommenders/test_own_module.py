# ruff: noqa: E501  (code that is tried stays on a line)
"""Classes of one's own by name: what is found, what is refused and how, whatever the code in them does."""

import itertools
import logging
import random
import sys
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from recommenders import make_recommender, recommender_source
from recommenders.models.mf import MF
from recommenders.models.recommender import Recommender
from recommenders.modules.module import ModuleRecommender
from recommenders.tasks.losses import make_loss
from tests.recommenders.problems import make_task

HEAD = """
import torch, random, numpy
from torch import nn
from torch.nn import functional as F

class Base(nn.Module):
    def __init__(self, n_users, n_items, size=3):
        super().__init__()
        self.n_users, self.n_items = n_users, n_items
        self.user, self.item = nn.Embedding(n_users, size), nn.Embedding(n_items, size)

    def forward(self, user, item):
        return (self.user(user) * self.item(item)).sum(-1)
"""
NUMBERS = itertools.count()


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Writes a module into the working folder; what names its class Own."""
    monkeypatch.chdir(tmp_path)

    def write(code, head=HEAD):
        name = f"own_module_{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(head + code, encoding="utf-8")
        return f"{name}:Own"

    return write


def trained(text, **settings):
    """A task in which two losses were trained for an epoch, and the scores."""
    task = make_task(make_recommender(text, **settings))
    losses = task.trainer.prepare([make_loss(name, OperatorSpace()) for name in ("BCE", "MSE")])
    return task, task.train_and_score(task.model_copies(task.initial(0), 2, 0.01), losses, 0, 0)


def test_a_class_of_the_working_folder_is_trained(own):
    task, scores = trained(own("class Own(Base): pass\n"))
    assert isinstance(task.recommender, ModuleRecommender)
    assert len(set(scores)) == 2
    assert all(0.3 < score < 1 for score in scores)


SETTINGS = """
class Own(Base):
    def __init__(self, n_users, n_items, size: int = 3, rate: float = 0.5, loud: bool = False, sizes: tuple[int, ...] = (1,),
                 other=None, name="x", either: int | None = 4):
        super().__init__(n_users, n_items, size)
        self.got = [size, rate, loud, sizes, other, name, either]
"""


def test_settings_are_read_by_annotation_and_default(own):
    line = own(SETTINGS) + ":size=5:rate=2:loud=yes:sizes=4,2:other=7:name=a/b.npy:either=none"
    assert make_recommender(line).plan.template.got == [5, 2.0, True, (4, 2), 7, "a/b.npy", None]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (":sise=3", r"unknown setting of .*'sise'.*expected one of either, loud, name.*Did you mean 'size'"),
        (":size=3.5", "size: expected a whole number, got '3.5'"),
        (":either=x", "either: expected a whole number or none"),
        (":sizes=1,x", "sizes: expected values with commas between them, each a whole number"),
        (":n_users=3", "unknown setting"),
        (":size", "expected a name such as mf or package.module:Class"),
        (":size=1:size=2", "once"),
    ],
)
def test_settings_that_cannot_be_are_refused(own, more, message):
    with pytest.raises(UserError, match=message):
        make_recommender(own(SETTINGS) + more)


def test_settings_of_ours_are_read_too():
    assert make_recommender("mf:embedding_size=5", {"init_std": 0.2}) == MF(5, 0.2)
    assert make_recommender("mlp:hidden_sizes=8,4:dropout=0").hidden_sizes == (8, 4)
    assert make_recommender("mf:init-std=0.3", {"init_std": 0.2}).init_std == 0.3
    with pytest.raises(UserError, match=r"expected init_std once, got 0\.3 and 0\.1"):
        make_recommender("mf:init_std=0.3", init_std=0.1)
    for bad, message in (("mf:size=3", "expected one of embedding_size"), ("mf:embedding_size=0", "at least 1")):
        with pytest.raises(UserError, match=message):
            make_recommender(bad)


def test_what_the_presets_say_is_given_to_classes_that_take_it(own):
    takes = "class Own(Base):\n    def __init__(self, n_users, n_items, init_std=1.0):\n        super().__init__(n_users, n_items)\n"
    assert dict(make_recommender(own(takes), {"init_std": 0.1}).settings) == {"init_std": 0.1}
    assert dict(make_recommender(own("class Own(Base): pass"), {"init_std": 0.1}).settings) == {}
    with pytest.raises(UserError, match=r"unknown setting of .*init_std"):
        make_recommender(own("class Own(Base): pass"), init_std=0.1)


def test_a_recommender_of_ones_own_may_be_batched_by_hand(own):
    code = "from recommenders.models.mf import MF\nclass Own(MF): pass\n"
    assert make_recommender(own(code, head="") + ":embedding_size=7").embedding_size == 7


NOT_FOUND = [
    ("no_such_module:Own", "there is no module no_such_module; expected no_such_module.py in the working folder"),
    ("core.nothing:Own", "there is no module core.nothing"),
    ("core.common.errors:Own", "there is no Own in module core.common.errors; its recommenders: none"),
    ("core.common.errors:UserError", "expected a class derived from torch.nn.Module, got UserError"),
    ("core.common.errors:format_value", "expected a class derived from torch.nn.Module, got <function"),
    ("torch.nn:Module", "expected a class derived from torch.nn.Module, got Module"),
    ("torch.nn:Linear", "its forward raised"),
    ("torch.nn:Sequential", "its constructor raised TypeError"),
    ("torch.nn:ReLU", "expected a constructor that takes n_users and n_items"),
    ("a b:Own", "expected a name such as mf"),
    (":Own", "expected a name such as mf"),
    ("..x:Own", "importing ..x raised"),
    ("own:", "expected a name such as mf"),
    ("mff", "Did you mean 'mf'"),
]


@pytest.mark.parametrize(("text", "message"), NOT_FOUND)
def test_what_is_not_there_is_said(text, message):
    with pytest.raises(UserError) as caught:
        trained(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


#: What a class may do wrong -> what is said.
WRONG = {
    "raise ValueError('at import')": "importing own_module_",
    "import sys; sys.exit(3)": "raised SystemExit: 3",
    "import no_such_thing": "raised ModuleNotFoundError: No module named 'no_such_thing'",
    "class Own(": "raised SyntaxError",
    "class Other(Base): pass": "there is no Own in module own_module_",
    "def Own(n_users, n_items): return Base(n_users, n_items)": "expected a class derived from torch.nn.Module",
    "class Own(nn.Module):\n    def __init__(self): super().__init__()": "expected a constructor that takes n_users and n_items",
    "class Own(Base):\n    def __init__(self, n_users, n_items, size): super().__init__(n_users, n_items)": "write own_module_",
    "class Own(Base):\n    def __init__(self, n_users, n_items): raise OSError('no file\\nhere')": "raised OSError: no file",
    "class Own(Base):\n    def __init__(self, n_users, n_items): raise SystemExit": "raised SystemExit",
    "class Own(Base):\n    def __init__(self, n_users, n_items): self.__init__(n_users, n_items)": "raised RecursionError",
    "class Own(Base):\n    def __init__(self, n_users, n_items): nn.Module.__init__(self)": "expected parameters to train",
    "class Own(Base):\n    def forward(self, user, item): return super().forward(user, item), 1": "got tuple",
    "class Own(Base):\n    def forward(self, user, item): return None": "got NoneType",
    "class Own(Base):\n    def forward(self, user, item): return self.user(user)": "got [37, 3] of float32",
    "class Own(Base):\n    def forward(self, user, item): return super().forward(user, item).sum()": "got [] of float32",
    "class Own(Base):\n    def forward(self, user, item): return super().forward(user, item)[None]": "got [1, 37] of float32",
    "class Own(Base):\n    def forward(self, user, item): return user + item": "got [37] of int64",
    "class Own(Base):\n    def forward(self, user, item): return super().forward(user, item) > 0": "got [37] of bool",
    "class Own(Base):\n    def forward(self, user, item): return super().forward(user, item) / 0": "among them",
    "class Own(Base):\n    def forward(self, user, item): return super().forward(user, item) * torch.nan": "got nan among them",
    "class Own(Base):\n    def forward(self, user): return self.user(user).sum(-1)": "its forward raised TypeError",
    "class Own(Base):\n    def forward(self, user, item): return self.forward(user, item)": "raised RecursionError",
    "class Own(Base):\n    def forward(self, user, item): return self.user(user + self.n_users).sum(-1)": "raised IndexError",
    "class Own(Base):\n    @torch.no_grad()\n    def forward(self, user, item): return super().forward(user, item)": "no gradient",
    "class Own(Base):\n    def forward(self, user, item): return super().forward(user, item) * 0": "gradients of zero",
    "class Own(Base):\n    output = 'odds'": "output: expected 'logit' or 'probability', got 'odds'",
    "class Own(Base):\n    output = 'probability'": "not all from 0 to 1",
    "class Own(Base):\n    def forward(self, user, item):\n        self.user.weight.data.mul_(2)\n        return super().forward(user, item)":
        "changes the parameter user.weight",
    "class Odd(Exception):\n    def __str__(self): raise ValueError\nclass Own(Base):\n    def forward(self, user, item): raise Odd":
        "its forward raised Odd",
}  # fmt: skip


@pytest.mark.parametrize("code", WRONG, ids=lambda code: code.split("\n")[-1].strip()[:50])
def test_whatever_a_class_does_wrong_is_one_line(own, code):
    with pytest.raises(UserError) as caught:
        trained(own(code))
    assert WRONG[code] in str(caught.value)
    assert "\n" not in str(caught.value)


#: What a class may do as it likes; whether its copies still train together.
STRANGE = {
    "class Own(Base):\n    def forward(self, user, item):\n        print('here', end='')\n        return super().forward(user, item)":
        True,
    "class Own(Base):\n    def forward(self, user, item): return super().forward(user, item) * torch.rand(())": True,
    "class Own(Base):\n    def forward(self, user, item): return super().forward(user, item) * random.random()": True,
    "class Own(Base):\n    def forward(self, user, item): return super().forward(user, item) * numpy.random.rand()": True,
    "class Own(Base):\n    def forward(self, user, item):\n        torch.manual_seed(0)\n        return super().forward(user, item)":
        True,
    "class Own(Base):\n    def forward(self, user, item): return super().forward(user, item).squeeze()": True,
    "class Own(Base):\n    def forward(self, user, item): return self.item(item.long()[:, None])[:, 0].sum(-1, keepdim=True)":
        True,
    "class Own(Base):\n    def __init__(self, n_users, n_items):\n        super().__init__(n_users, n_items)\n        self.double()":
        True,
    "class Own(Base):\n    def __init__(self, n_users, n_items):\n        super().__init__(n_users, n_items)\n        self.half()":
        True,
    "class Own(Base):\n    def __init__(self, n_users, n_items):\n        super().__init__(n_users, n_items)\n"
    "        self.fixed = torch.eye(3)\n    def forward(self, user, item): return (self.user(user) @ self.fixed * self.item(item)).sum(-1)":
        True,
    "class Own(Base):\n    def __init__(self, n_users, n_items):\n        super().__init__(n_users, n_items)\n"
    "        self.item.weight.requires_grad_(False)": True,
    "class Own(Base):\n    def __init__(self, n_users, n_items):\n        super().__init__(n_users, n_items)\n"
    "        self.item.sparse = True": True,
    "class Own(Base):\n    def __init__(self, n_users, n_items):\n        super().__init__(n_users, n_items)\n"
    "        self.again = self.item\n    def forward(self, user, item): return (self.user(user) * self.again(item)).sum(-1)": True,
    "class Own(Base):\n    def __init__(self, n_users, n_items):\n        super().__init__(n_users, n_items)\n"
    "        self.all = nn.EmbeddingBag(n_users, 3)\n"
    "    def forward(self, user, item): return super().forward(user, item) + self.all(user[:, None]).sum(-1)": None,
    "class Own(Base):\n    def __init__(self, n_users, n_items):\n        super().__init__(n_users, n_items)\n"
    "        self.lazy = nn.LazyLinear(1)\n    def forward(self, user, item): return self.lazy(self.user(user) * self.item(item))":
        True,
    "class Own(Base):\n    def forward(self, user, item):\n        known = [int(i) for i in self.item.weight[:, 0] > 0]\n"
    "        return super().forward(user, item) + sum(known)": False,
    "class Own(Base):\n    def __init__(self, n_users, n_items):\n        super().__init__(n_users, n_items)\n"
    "        self.register_buffer('hashes', torch.full((n_items,), 2**40))\n"
    "    def forward(self, user, item): return self.item(self.hashes[item] % 5).sum(-1) + super().forward(user, item)": True,
    "class Own(Base):\n    def __init__(self, n_users, n_items):\n        super().__init__(n_users, n_items)\n"
    "        self.register_buffer('graph', torch.eye(n_items).to_sparse())\n"
    "    def forward(self, user, item): return (self.user(user) * torch.sparse.mm(self.graph, self.item.weight)[item]).sum(-1)": None,
    "class Own(Base):\n    def __init__(self, *sizes, **more): super().__init__(*sizes)": True,
    "class Own(Base):\n    def __init__(self, n_items, n_users): super().__init__(n_users, n_items)": True,
}  # fmt: skip


@pytest.mark.parametrize("code", STRANGE, ids=lambda code: code.split("\n")[-1].strip()[:50])
def test_whatever_a_class_does_that_can_be_trained_is(own, code):
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    task, scores = trained(own(code))
    assert np.isfinite(scores).all()
    assert scores == trained(own(code))[1]
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert STRANGE[code] in (None, task.recommender.plan.together)


@pytest.mark.parametrize("size", ["1000000000", "100000000000000000", "9" * 30])
@pytest.mark.parametrize("of", ["mf:embedding_size", "own"])
def test_parameters_that_no_memory_takes_are_refused(own, of, size):
    text = own("class Own(Base): pass\n") + ":size" if of == "own" else of
    with pytest.raises(UserError) as caught:
        trained(f"{text}={size}")
    assert len(str(caught.value)) < 400


def test_what_is_slow_is_said_once(own, caplog):
    slow = own("class Own(Base):\n    def forward(self, user, item): return (self.user.weight[user] @ self.item.weight.T)"
               ".gather(1, item[:, None])")  # fmt: skip
    with caplog.at_level(logging.INFO):
        trained(slow)
        trained(slow)
    (line,) = [record.getMessage() for record in caplog.records]
    assert "item.weight: trained whole in every step" in line


def test_probabilities_without_a_word_are_pointed_out(own, caplog):
    code = "class Own(Base):\n    {}\n    def forward(self, user, item): return super().forward(user, item).sigmoid()"
    for said, n in (("pass", 1), ("output = 'logit'", 0), ("output = 'probability'", 0)):
        caplog.clear()
        trained(own(code.format(said)))
        assert sum("taken as logits" in record.getMessage() for record in caplog.records) == n


def test_small_logits_are_not_taken_for_probabilities(own, caplog):
    trained(own("class Own(Base):\n    def __init__(self, *sizes):\n        super().__init__(*sizes)\n"
                "        nn.init.normal_(self.user.weight, std=0.01)\n        self.bias = nn.Parameter(torch.tensor(0.5))\n"
                "    def forward(self, user, item): return super().forward(user, item) + self.bias"))  # fmt: skip
    assert caplog.records == []


@given(st.one_of(st.text(max_size=30), st.from_regex(r"mf(:[a-z_]{1,9}=[0-9a-z.,-]{1,5}){1,3}", fullmatch=True)))
def test_any_text_is_a_recommender_or_one_line(text):
    with suppress(UserError):
        assert isinstance(make_recommender(text), Recommender)


def test_made_for_other_numbers_is_refused_where_it_matters(own):
    joint = own("class Own(nn.Module):\n    def __init__(self, n_users, n_items):\n        super().__init__()\n"
                "        self.n, self.all = n_users, nn.Embedding(n_users + n_items, 2)\n"
                "    def forward(self, user, item): return (self.all(user) * self.all(item + self.n)).sum(-1)")  # fmt: skip
    recommender = make_recommender(joint)
    with pytest.raises(UserError, match=r"made for 13 users and 17 items, asked for 5 and 6: use sized\(5, 6\)"):
        recommender.initial(5, 6, 0)
    assert recommender.sized(5, 6).initial(5, 6, 0)["all.weight"].shape == (11, 2)


def test_a_table_that_is_read_otherwise_later_is_noticed(own):
    turning = own("class Own(Base):\n    turned = False\n    def forward(self, user, item):\n"
                  "        more = self.user.weight.mean() if Own.turned else 0\n"
                  "        return super().forward(user, item) + more")  # fmt: skip
    task, _ = trained(turning)
    assert "user.weight" in task.recommender.tables
    task.recommender.source.kind.turned = True
    with pytest.raises(UserError, match="its forward uses a table in another way than in its trial call"):
        task.scores(task.model_copies(task.initial(0), 1, 0.0).weights)


def test_the_source_of_a_class_is_known(own, tmp_path):
    text = own("class Own(Base): pass\n")
    first = recommender_source(text)
    assert first == recommender_source(text)
    path = tmp_path / f"{text.partition(':')[0]}.py"
    path.write_text(path.read_text() + "# changed\n")
    assert recommender_source(text) != first
    assert recommender_source("mf:embedding_size=3") is None


def test_the_search_path_stays_as_it_was(own):
    before = list(sys.path)
    make_recommender(own("class Own(Base): pass\n"))
    assert sys.path == before
