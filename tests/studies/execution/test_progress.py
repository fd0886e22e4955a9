import io

from rich.console import Console

from studies.comparison.comparison import result_message
from studies.execution.experiment import TaskProgress
from studies.execution.task import Task

RUN, NOISE = Task("run", "gp seed 0", {}), Task("noise", "noise floor of BCE", {})
FOUND = {
    "funnel": {"trained": 6, "sampled": 100},
    "steps": [{"best": 0.71}],
    "seconds": {"searcher": 1.0, "training": 2.0, "other": 0.4},
}


def told(terminal, *, found=FOUND, times=(0.0,) * 20):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120, color_system=None)
    with TaskProgress(console, result_message("auc"), iter(times).__next__) as progress:
        progress.on_stage("Stage one", [NOISE, RUN, RUN], done=1)
        progress.on_part(NOISE, {})
        progress.on_progress(RUN, 0.5)
        progress.on_progress(RUN, 0.75)
        progress.on_part(RUN, found)
    return stream.getvalue()


def test_lines_in_a_file():
    lines = told(False).splitlines()
    assert lines == [
        "Stage one (1 of 3 parts are there from before)",
        "  2.0 of 3 parts; gp seed 0: best validation auc 0.7100, 6 trained of 100 sampled in 3 s",
    ]


def test_now_and_then_a_line_about_what_is_unfinished():
    lines = told(False, times=(0.0, 1.0, 31.0, 31.0, 31.0, 31.0)).splitlines()
    assert "  1.8 of 3 parts" in lines


def test_a_run_that_found_nothing_says_so():
    assert "nothing found, 6 trained" in told(False, found=FOUND | {"steps": [{"best": None}]})
    assert "nothing found" in told(False, found=FOUND | {"steps": []})


def test_bars_on_a_terminal():
    text = told(True)
    assert "Stage one" in text
    assert "gp seed 0: best validation auc 0.7100" in text


def test_of_tasks_that_train_together_a_line_now_and_then():
    stream = io.StringIO()
    clock = iter((0.0, 0.1, 0.2, 0.3, 0.4, 1.0, 31.0, 31.0, 32.0, 33.0, 33.0)).__next__
    tasks = [Task("training", f"loss {i}", {"loss": i}, at_once=4) for i in range(4)]
    with TaskProgress(Console(file=stream, width=120), clock=clock) as progress:
        progress.on_stage("Stage", tasks, done=0)
        for task in tasks:  # the last epoch of all is done before the first result is there
            progress.on_progress(task, 1.0)
        for task in tasks:
            progress.on_part(task, {})
    assert stream.getvalue().splitlines() == [
        "Stage",
        "  4.0 of 4 parts; loss 1: done",
        "  4.0 of 4 parts; loss 3: done",
    ]


def test_tasks_that_train_together_share_a_bar():
    stream = io.StringIO()
    tasks = [Task("training", f"loss {i}", {"loss": i}, at_once=4) for i in range(3)]
    with TaskProgress(Console(file=stream, force_terminal=True, width=120, color_system=None)) as progress:
        progress.on_stage("Stage", tasks, done=0)
        for task in tasks:
            progress.on_progress(task, 0.5)
        assert len(progress._progress.tasks) == 2
        for task in tasks:
            progress.on_part(task, {})
        assert len(progress._progress.tasks) == 1
    assert "loss 0" in stream.getvalue()


def test_a_command_that_tells_more_itself_gets_bars_alone():
    stream = io.StringIO()
    with TaskProgress(Console(file=stream, width=120), message=None) as progress:
        progress.on_stage("Trial 1", [RUN], done=0)
        progress.on_progress(RUN, 0.5)
        progress.on_part(RUN, FOUND)
    assert stream.getvalue() == ""
