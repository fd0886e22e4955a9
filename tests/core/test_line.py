from core.programs.line import EPSILON, INPUTS, KNOWN_INPUTS, Line


def test_the_paper_starts_from_the_prediction_the_label_and_one():
    assert INPUTS == ("y_hat", "y", "1")


def test_epsilon_comes_after_the_papers_inputs_so_that_their_slots_stay():
    assert [KNOWN_INPUTS.index(name) for name in (*INPUTS, EPSILON)] == [0, 1, 2, 3]


def test_a_line_is_a_value():
    assert Line("add", (0, 1)) == ("add", (0, 1))
    assert len({Line("add", (0, 1)), Line("add", (0, 1)), Line("add", (1, 0))}) == 2
