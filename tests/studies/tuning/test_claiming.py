"""What somebody else made in a storage is left to the last byte as it was."""

import sqlite3
from pathlib import Path

import optuna
import pytest
from optuna.trial import create_trial

from core.common.errors import UserError
from studies.tuning import claiming
from studies.tuning.claiming import Claim, check_all_ours
from studies.tuning.storage import open_storage
from studies.tuning.trials import Trials
from studies.tuning.tunables import Tunable
from studies.tuning.tuning import Tuning
from tests.studies.tuning.small import small_tuning, varied

TUNABLES = (Tunable("epsilon", 1e-6, 1.0, log=True),)
RANGE = optuna.distributions.FloatDistribution(1e-6, 1.0, log=True)
IDENTITY = {"loss": "MaxR"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Nobody is making a study here while another one looks."""
    monkeypatch.setattr(claiming, "_NAMING", 0.2)


def journal(folder):
    return open_storage(None, folder / "optuna-journal.log")


def trials(storage, name="mine", note=None, identity=IDENTITY):
    return Trials(storage, "here", name, identity, varied(*TUNABLES), note)


def make(storage, direction="maximize", attributes=(), some=()):
    directions = {"directions": ["maximize", "minimize"]} if direction == "both" else {"direction": direction}
    made = optuna.create_study(storage=storage, study_name="mine", **directions)
    for name, value in dict(attributes).items():
        made.set_user_attr(name, value)
    made.add_trials(some)


OURS = {"id": "0", "tuning": IDENTITY}
X = optuna.distributions.FloatDistribution(0.0, 1.0)
FOREIGN = {
    "with trials": {"some": [create_trial(value=0.5, params={"x": 0.1}, distributions={"x": X})]},
    "empty": {},
    "empty, of the other direction": {"direction": "minimize"},
    "of two objectives": {"direction": "both"},
    "with attributes": {"attributes": {"who": "me"}},
    "with attributes that are called the same": {"attributes": {"id": 3, "tuning": "forks"}},
    "of another tuning": {"attributes": OURS | {"tuning": {"loss": "BCE"}}},
    "ours, but of the other direction": {"direction": "minimize", "attributes": OURS},
    "ours, but for its trials": {
        "attributes": OURS,
        "some": [create_trial(value=0.5, params={"x": 0.1}, distributions={"x": X}, intermediate_values={0: 0.5})],
    },
    "ours, but for a trial without params": {"attributes": OURS, "some": [create_trial(value=0.5)]},
    "ours, but for a trial without seeds": {
        "attributes": OURS,
        "some": [create_trial(value=0.5, params={"epsilon": 0.1}, distributions={"epsilon": RANGE})],
    },
}


@pytest.mark.parametrize("what", FOREIGN)
def test_somebody_elses_study_is_refused_and_untouched(what, tmp_path):
    path = tmp_path / "optuna-journal.log"
    make(journal(tmp_path), **FOREIGN[what])
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"another (--out or )?--study-name"):
        trials(journal(tmp_path), note=tmp_path / ".note")
    assert path.read_bytes() == before


def test_a_name_that_differs_in_case_is_another_one(tmp_path):
    make(journal(tmp_path), **FOREIGN["with trials"])
    ours = trials(journal(tmp_path), "Mine")
    assert not ours.finished
    assert len(optuna.load_study(storage=journal(tmp_path), study_name="mine").trials) == 1


def test_a_study_that_a_kill_left_unnamed_is_ours_by_its_note(tmp_path, monkeypatch):
    note = tmp_path / ".note"
    storage = journal(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(type(storage), "set_study_user_attr", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            trials(storage, note=note)
    assert note.exists()
    for elsewhere in (None, tmp_path / ".other"):
        with pytest.raises(UserError, match="somebody else's"):
            trials(journal(tmp_path), note=elsewhere)
    made = trials(journal(tmp_path), note=note)
    assert not note.exists()
    assert trials(journal(tmp_path)).id == made.id


def test_a_note_does_not_make_somebody_elses_trials_ours(tmp_path):
    note = tmp_path / ".note"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Claim, "_forget_note", lambda self: None)
        trials(open_storage(None, tmp_path / "other.log"), note=note)
    make(journal(tmp_path), **FOREIGN["with trials"])
    with pytest.raises(UserError, match="somebody else's"):
        trials(journal(tmp_path), note=note)


def test_a_journal_with_somebody_elses_studies_is_refused(tmp_path):
    trials(journal(tmp_path), "ours")
    check_all_ours(journal(tmp_path), tmp_path)
    make(journal(tmp_path), **FOREIGN["with trials"])
    with pytest.raises(UserError, match="'mine', which somebody else made"):
        check_all_ours(journal(tmp_path), tmp_path)


@pytest.mark.parametrize(
    "content", [b"my own log", b"one\ntwo", b'{"a": 1}\n', b"[1]\n", b"\xff\xfe\n\0", b"[" * 9999 + b"\n"]
)
def test_a_file_of_ones_own_is_no_journal(tmp_path, content):
    path = tmp_path / "optuna-journal.log"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"optuna-journal\.log: expected Optuna's journal"):
        open_storage(None, path)
    assert path.read_bytes() == content
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["j.log.lock", ".j.log.flock"])
def test_what_lies_where_a_lock_is_to_lie_is_refused_but_for_what_a_kill_left(tmp_path, name):
    lock, path = tmp_path / name, tmp_path / "j.log"
    for make in (lambda: lock.write_text("mine"), lambda: lock.symlink_to("elsewhere"), lock.mkdir):
        make()
        with pytest.raises(UserError, match="expected no such file: a lock is to lie there; move it away"):
            open_storage(None, path)
        assert list(tmp_path.iterdir()) == [lock]
        lock.rmdir() if lock.is_dir() else lock.unlink()
    lock.touch() if name.startswith(".") else lock.symlink_to(path)
    open_storage(None, path)


@pytest.mark.parametrize("what", ["tables", "text", "tables of MLflow's"])
def test_a_database_of_ones_own_gets_no_tables(tmp_path, what, migrated):
    path = tmp_path / "app.db"
    if what == "tables":
        with sqlite3.connect(path) as made:
            made.execute("CREATE TABLE mine (a)")
        made.close()
    else:
        path.write_bytes(b"user,item\n" * 999 if what == "text" else Path(migrated).read_bytes())
    before = path.read_bytes()
    for url in (f"sqlite:///{path}", f"sqlite+pysqlite:///{path}?timeout=5"):
        with pytest.raises(UserError, match="--storage: expected a database of Optuna's"):
            open_storage(url, tmp_path / "journal")
    assert path.read_bytes() == before


def test_a_database_of_optunas_and_one_that_is_not_there_are_taken(tmp_path):
    url = f"sqlite:///{tmp_path}/o.db"
    first = trials(open_storage(url, tmp_path))
    assert trials(open_storage(url, tmp_path)).id == first.id


def test_a_tuning_whose_trials_are_all_at_work_elsewhere_says_so(tmp_path):
    tuning = Tuning(small_tuning(), trials(journal(tmp_path)), None, None)
    with pytest.raises(UserError, match="no trial is finished yet"):
        tuning._result()
