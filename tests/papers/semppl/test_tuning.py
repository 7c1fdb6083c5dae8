"""The selected learning rates are those of the records."""

import runpy

from replications.papers.semppl import tuning
from replications.papers.semppl.study import LEARNING_RATES, LOSSES
from replications.papers.semppl.tuning import TRIALS


def test_the_declared_rates_are_those_that_the_records_select():
    assert TRIALS.best(TRIALS.recorded()) == LEARNING_RATES
    assert set(LEARNING_RATES) == set(LOSSES)


def test_run_as_a_module_it_prints_the_selection(capsys):
    runpy.run_path(tuning.__file__, run_name="__main__")
    assert capsys.readouterr().out == f"{TRIALS.best(TRIALS.recorded())}\n"
