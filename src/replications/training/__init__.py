"""Training parts that two or more papers share: optimiser, schedules, averages of weights, evaluation, collapse."""
