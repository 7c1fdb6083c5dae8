"""The numbers that the paper prints: linear top-1 accuracy in % of a ResNet-50 on ImageNet, mean of three seeds, no spread."""

ALPHAS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)  # the ridge, columns of both tables

ROWS = {  # a closed form → its name in the tables
    "direct_copy": "DirectCopy",
    "neumann": "NE",
    "visser": "Visser",
    "newton_schulz": "NS",
    "newton_schulz_twice": "NS²",
    "stiefel": "Stiefel",
}

TABLE_2 = {  # 100 epochs
    "direct_copy": (20.9, 65.8, 67.3, 67.4, 67.5, 67.4, 67.4),
    "neumann": (61.2, 68.5, 68.3, 68.1, 67.7, 67.4, 67.0),
    "visser": (68.4, 68.3, 68.4, 68.4, 68.3, 68.4, 68.3),
    "newton_schulz": (66.4, 66.4, 66.7, 67.1, 67.6, 67.8, 68.0),
    "newton_schulz_twice": (66.8, 68.2, 68.6, 68.6, 68.7, 68.7, 68.8),
    "stiefel": (66.7, 67.7, 68.8, 68.7, 68.7, 68.7, 68.7),
}
LINEAR_2 = 67.6  # trained linear predictor, 100 epochs

TABLE_3 = {  # 300 epochs
    "direct_copy": (48.3, 71.1, 71.4, 71.3, 71.2, 71.5, 71.4),
    "neumann": (68.8, 71.8, 71.7, 71.5, 71.3, 70.9, 70.6),
    "visser": (71.6, 71.5, 71.6, 71.4, 71.5, 71.4, 71.6),
    "newton_schulz": (70.8, 71.7, 72.0, 72.0, 71.9, 72.0, 71.9),
    "newton_schulz_twice": (70.9, 72.0, 72.1, 72.0, 72.2, 72.1, 72.1),
    "stiefel": (71.4, 72.0, 72.1, 72.1, 72.0, 72.0, 72.1),
}
LINEAR_3 = 71.5  # trained linear predictor, 300 epochs
