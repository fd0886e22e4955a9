import dataclasses
import json

import pytest

from core.common.errors import UserError
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.trial import Candidate, Trial, Verdict, read_genome

SPACE, PROGRAM = OperatorSpace(), LossProgram.parse("y_hat + -y")
CANDIDATE = Candidate(3, SPACE.encode(PROGRAM), PROGRAM)


def test_verdicts_are_stored_by_name_and_read_back():
    assert {verdict: str(verdict) for verdict in Verdict} == {
        Verdict.ACCEPTED: "accepted",
        Verdict.REJECTED: "rejected",
        Verdict.ZERO_GRADIENT: "zero_gradient",
        Verdict.DUPLICATE: "duplicate",
        Verdict.NON_FINITE: "non_finite",
        Verdict.WRONG_DIRECTION: "wrong_direction",
    }
    assert [Verdict(str(verdict)) for verdict in Verdict] == list(Verdict)


def test_a_trial_says_nothing_that_was_not_measured():
    trial = Trial(0, CANDIDATE, Verdict.ZERO_GRADIENT)
    assert (trial.reward, trial.score, trial.original) == (None, None, None)
    assert (trial.trained, trial.adopted) == (False, False)


@pytest.mark.parametrize(("thing", "name"), [(CANDIDATE, "number"), (Trial(0, CANDIDATE, Verdict.ACCEPTED), "reward")])
def test_outcomes_are_values_that_cannot_be_changed(thing, name):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, name, 1)


@pytest.mark.parametrize(
    "trial",
    [
        Trial(2, CANDIDATE, Verdict.ZERO_GRADIENT),
        Trial(2, CANDIDATE, Verdict.ACCEPTED, 0.25, 0.75, trained=True, adopted=True, cost=3, seconds=1.5, seed=2**62),
        Trial(2, CANDIDATE, Verdict.DUPLICATE, original=1),
    ],
)
def test_a_trial_is_stored_as_plain_data_and_read_back(trial):
    stored = json.loads(json.dumps(trial.to_dict()))
    again = Trial.from_dict(stored, SPACE)
    assert again.to_dict() == trial.to_dict() == stored
    assert dataclasses.replace(again, candidate=CANDIDATE) == trial
    assert again.candidate.solution.key == PROGRAM.key
    assert stored["verdict"] == trial.verdict.value


@pytest.mark.parametrize("genome", [[0] * 20, [9] * 21, [-1] * 21])
def test_a_stored_genome_of_another_space_is_refused(genome):
    stored = Trial(2, CANDIDATE, Verdict.ACCEPTED).to_dict()
    with pytest.raises(UserError, match="genome"):
        Trial.from_dict({**stored, "candidate": {"number": 3, "genome": genome}}, SPACE)


@pytest.mark.parametrize("genome", [None, 3, "21", [0.5], [True], [[0]], [2**70], {0: 1}])
def test_a_stored_genome_that_is_none_is_refused(genome):
    with pytest.raises((TypeError, OverflowError)):
        read_genome(genome)
