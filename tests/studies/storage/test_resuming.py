import json

from studies.storage.checkpoints import Checkpoints, code_digest, finished_result
from studies.storage.output import OutputFolder
from tests.recommenders.problems import small_data


def test_without_resume_an_unfinished_study_is_set_aside_and_not_lost(tmp_path, caplog):
    folder = OutputFolder(tmp_path)
    Checkpoints(tmp_path / "checkpoints", {}).set_aside(folder)
    assert caplog.text == ""
    for number in (1, 2):
        Checkpoints(tmp_path / "checkpoints", {}).write({"number": number})
        Checkpoints(tmp_path / "checkpoints", {}).set_aside(folder)
        assert "--resume would go on" in caplog.text
        assert Checkpoints(tmp_path / "checkpoints.before", {}).load() == {"number": number}
        assert not (tmp_path / "checkpoints").exists()


def test_with_resume_the_state_comes_back(tmp_path, caplog):
    kept = Checkpoints(tmp_path / "checkpoints", {})
    assert kept.load() is None
    assert caplog.text == ""
    kept.write({"number": 1})
    assert kept.load() == {"number": 1}
    (tmp_path / "checkpoints" / "checkpoint-000001").write_bytes(b"")
    assert kept.load() is None
    assert "is whole; the study begins anew" in caplog.text


def test_a_finished_study_is_known_by_its_settings(tmp_path):
    path = tmp_path / "result.json"
    assert finished_result(path, {"seed": 1}) is None
    for text in ("", "[]", "{", "null", '{"settings": {"seed": 2}}', "[" * 100_000):
        path.write_text(text)
        assert finished_result(path, {"seed": 1}) is None
    path.write_text(json.dumps({"settings": {"seed": 1, "epsilon": [0.1]}, "best": 3}))
    assert finished_result(path, {"seed": 1, "epsilon": (0.1,)})["best"] == 3


def test_digests_see_every_change_and_nothing_else():
    data, same = small_data(), small_data()
    assert data.digest() == same.digest()
    for part in ("train", "validation", "test"):
        changed = small_data()
        getattr(changed, part).label[0] = 1 - getattr(changed, part).label[0]
        assert changed.digest() != data.digest()
    assert code_digest("core") == code_digest("core") != code_digest("core", "searchers")
