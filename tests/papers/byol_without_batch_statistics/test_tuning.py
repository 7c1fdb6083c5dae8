"""The selected learning rates are those of the records."""

import runpy

from replications.papers.byol_without_batch_statistics import tuning
from replications.papers.byol_without_batch_statistics.study import ARMS, LEARNING_RATES
from replications.papers.byol_without_batch_statistics.tuning import TRIALS


def test_the_declared_rates_are_those_that_the_records_select():
    assert TRIALS.best(TRIALS.recorded()) == LEARNING_RATES
    assert set(LEARNING_RATES) == set(ARMS)


def test_run_as_a_module_it_prints_the_selection(capsys):
    runpy.run_path(tuning.__file__, run_name="__main__")
    assert capsys.readouterr().out == f"{TRIALS.best(TRIALS.recorded())}\n"
