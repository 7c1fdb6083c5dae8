"""Which learning rate each layout gets: the same trials for every arm, judged on held-out training images.

Run as a module it prints what the recorded trials select, to be written into `study.LEARNING_RATES`.
"""

from replications.papers.byol.tuning import Trials
from replications.papers.byol_without_batch_statistics.study import LEARNING_RATES, RATES, STUDY

TRIALS = Trials(STUDY, RATES, LEARNING_RATES, metric="knn")

if __name__ == "__main__":
    print(TRIALS.best(TRIALS.recorded()))
