"""Searches as tasks: interrupted anywhere they come to the same; what they depend on is in their names."""

import pytest

from studies.execution.resources import Checkpointer, LocalStorage, Resources
from studies.execution.searches import learned, sampled, whole_study
from studies.execution.task import TaskFactory, Training
from studies.execution.work import compute
from studies.study.history import thinned
from studies.study.settings import StudySettings
from studies.study.study import Study
from tests.studies.small import small_settings

MAKE = TaskFactory(None)


def silent(share):
    assert 0 <= share <= 1


def interrupted(compute, settings, after):
    """What comes of it where a process dies at its `after`-th offer and another one goes on."""
    offers = []

    class Died(Exception):
        pass

    def on_checkpoint(state):
        offers.append(None)
        if len(offers) == after:
            offers.append(state())
            raise Died

    with pytest.raises(Died):
        compute(Study(settings), silent, Checkpointer(None, on_checkpoint))
    return compute(Study(settings), silent, Checkpointer(offers[-1]))


def test_a_whole_study_is_its_result_and_what_it_trained():
    settings = small_settings(trainings=8)
    part = whole_study(Study(settings), silent, Checkpointer())
    assert part["result"]["funnel"]["trained"] == len(part["candidates"]) == 8
    assert set(part["result"]["baselines"]) == {"BCE", "MaxR"}


@pytest.mark.parametrize("after", [1, 3])
def test_a_whole_study_goes_on(after):
    settings = small_settings(trainings=8)
    whole, again = whole_study(Study(settings), silent, Checkpointer()), interrupted(whole_study, settings, after)
    for part in (whole, again):
        part["result"].pop("seconds")
        part["steps"] = [{name: value for name, value in one.items() if name != "seconds"} for one in part["steps"]]
    assert again == whole


class Dies(LocalStorage):
    """Ends a worker right after the checkpoint of this number."""

    def checkpointer(self, tasks):
        checkpointer, offers = super().checkpointer(tasks), []

        def on_checkpoint(state):
            checkpointer.on_checkpoint(state)
            offers.append(None)
            if len(offers) == 2:
                raise Died

        return Checkpointer(checkpointer.stored, on_checkpoint)


class Died(Exception):
    pass


def test_trainings_of_a_group_go_on_together_from_their_checkpoint(tmp_path):
    settings = small_settings()
    tasks = [MAKE.training(settings, Training(name, None), 0, at_once=2) for name in ("BCE", "MSE")]
    here = Resources(device="cpu").here(0, 1)
    whole = compute(tasks, here, LocalStorage(), silent)
    with pytest.raises(Died):
        compute(tasks, here, Dies(keep=tmp_path, every=0.0), silent)
    storage, shares = LocalStorage(keep=tmp_path, every=0.0), []
    assert storage.checkpointer(tasks).stored is not None
    assert storage.checkpointer(tasks[:1]).stored is None, "another group begins anew"
    assert compute(tasks, here, storage, shares.append) == whole
    assert len(shares) < whole[0]["epochs"], "what was done is not done again"
    storage.forget(tasks)
    assert storage.checkpointer(tasks).stored is None


def test_a_loss_comes_to_the_same_whoever_trains_beside_it():
    settings, here = small_settings(), Resources(device="cpu").here(0, 1)
    tasks = [MAKE.training(settings, Training(name, None), 0, at_once=8) for name in ("BCE", "MSE", "hinge", "focal")]
    together = compute(tasks, here, LocalStorage(), silent)
    assert together == [compute([task], here, LocalStorage(), silent)[0] for task in tasks]
    assert together[::-1] == compute(tasks[::-1], here, LocalStorage(), silent)


def learning_settings(**changes):
    return small_settings(**{"candidates_per_step": 1, "check": "after", "trainings": 6} | changes)


def test_the_recommender_is_scored_after_every_step_without_changing_the_search():
    settings = learning_settings()
    part, study = learned(Study(settings), silent, Checkpointer()), Study(settings)
    assert [point["trained"] for point in part["points"]] == sorted(point["trained"] for point in part["points"])
    assert part["points"][0] == part["points"][0] | {"trained": 0, "validation": study.start, "restarts": 0}
    assert part["points"][-1]["trained"] == 6
    assert all(0 <= point["train"] <= 1 for point in part["points"])
    found = study.search([])
    assert found.tally.funnel() == part["funnel"]
    assert study.losses.score_on(study.losses.task.validation) == part["points"][-1]["validation"]


def test_without_the_filter_the_recommender_changes_with_every_training():
    part = learned(Study(learning_settings(eta=1.0)), silent, Checkpointer())
    assert part["funnel"]["rejected"] == 0
    assert len({point["validation"] for point in part["points"]}) >= 4


def test_scores_go_on():
    settings = learning_settings()
    assert interrupted(learned, settings, 3) == learned(Study(settings), silent, Checkpointer())


def test_counts_go_on_with_their_time():
    settings = small_settings(minutes=10.0)
    whole, again = sampled(Study(settings), silent, Checkpointer()), interrupted(sampled, settings, 1)
    counts = [[(point["sampled"], point["trained"]) for point in part["points"]] for part in (whole, again)]
    assert counts[0] == counts[1]
    assert counts[0][-1] == (whole["funnel"]["sampled"], whole["funnel"]["trained"])
    seconds = [point["seconds"] for point in again["points"]]
    assert seconds[0] == 0
    assert seconds == sorted(seconds)


def test_time_ends_what_is_counted():
    part = sampled(Study(small_settings(minutes=1e-6, trainings=10**9)), silent, Checkpointer())
    assert part["stop"] == "the time is used up"


def test_curves_are_thinned_to_their_ends_and_what_is_kept():
    points = [{"x": i} for i in range(1000)]
    some = [point["x"] for point in thinned(points, 10, keep=[123])]
    assert (some[0], some[-1], len(some)) == (0, 999, 11)
    assert 123 in some
    assert some == sorted(some)
    assert thinned(points, 1000) == points
    assert thinned([], 5) == []


@pytest.mark.parametrize("kind", ["study", "sampling", "learning"])
def test_tasks_depend_on_all_that_decides(kind):
    def part(**changes):
        return getattr(MAKE, kind)(StudySettings.from_dict(changes), "label").file

    changes = [{"seed": 1}, {"eta": 0.1}, {"clamp": "paper"}, {"task": "regression"}, {"searcher": "gp"}]
    changes += [{"searcher": "gp:population_size=7"}, {"trainings": 3}, {"minutes": 1.0}, {"recommender": "mlp"}]
    changes += [{"check": "after"}, {"candidates_per_step": 1}, {"preset": "paper"}, {"dataset": "synthetic"}, {}]
    assert len({part(**one) for one in changes}) == len(changes)
    assert getattr(TaskFactory("other file"), kind)(StudySettings(), "label").file != part()
    finals = {part(**one) for one in ({}, {"baseline": ("BCE",)}, {"repeats": 1}, {"epsilon": (0.1,)})}
    assert len(finals) == (4 if kind == "study" else 1)
