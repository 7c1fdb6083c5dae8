"""Which learning rate each of the four losses gets: the same trials for all, judged on held-out training images.

Run as a module it prints what the recorded trials select, to be written into `study.LEARNING_RATES`.
"""

from replications.papers.byol.tuning import Trials
from replications.papers.semppl.study import LEARNING_RATES, RATES, STUDY

TRIALS = Trials(STUDY, RATES, LEARNING_RATES, metric="linear_1")

if __name__ == "__main__":
    print(TRIALS.best(TRIALS.recorded()))
