"""Scores at 100,000 steps as published, which stand in the chapter's table as they were printed.

From Cetin et al. 2022 (A-LIX, arXiv 2207.00986), Table 5; random, human and DER columns agree with Schwarzer et al. 2021.
The table of Richemond et al. could not be read.
"""

from __future__ import annotations

import numpy as np

AGENTS = ("Random", "Human", "SimPLe", "DER", "OTRainbow", "CURL", "DrQ", "SPR")

_ROWS = """
alien 18 227.8 7127.7 616.9 739.9 824.7 558.2 771.2 801.5
amidar 10 5.8 1719.5 88.0 188.6 82.8 142.1 102.8 176.3
assault 7 222.4 742.0 527.2 431.2 351.9 600.6 452.4 571.0
asterix 9 210.0 8503.3 1128.3 470.8 628.5 734.5 603.5 977.8
bank_heist 18 14.2 753.1 34.2 51.0 182.1 131.6 168.9 380.9
battle_zone 18 2360.0 37187.5 5184.4 10124.6 4060.6 14870.0 12954.0 16651.0
boxing 18 0.1 12.1 9.1 0.2 2.5 1.2 6.0 35.8
breakout 4 1.7 30.5 16.4 1.9 9.8 4.9 16.1 17.1
chopper_command 18 811.0 7387.8 1246.9 861.8 1033.3 1058.5 780.3 974.8
crazy_climber 9 10780.5 35829.4 62583.6 16185.3 21327.8 12146.5 20516.5 42923.6
demon_attack 6 152.1 1971.0 208.1 508.0 711.8 817.6 1113.4 545.2
freeway 3 0.0 29.6 20.3 27.9 25.0 26.7 9.8 24.4
frostbite 18 65.2 4334.7 254.7 866.8 231.6 1181.3 331.1 1821.5
gopher 8 257.6 2412.5 771.0 349.5 778.0 669.3 636.3 715.2
hero 18 1027.0 30826.4 2656.6 6857.0 6458.8 6279.3 3736.3 7019.2
jamesbond 18 29.0 302.8 125.3 301.6 112.3 471.0 236.0 365.4
kangaroo 18 52.0 3035.0 323.1 779.3 605.4 872.5 940.6 3276.4
krull 18 1598.0 2665.5 4539.9 2851.5 3277.9 4229.6 4018.1 3688.9
kung_fu_master 14 258.5 22736.3 17257.2 14346.1 5722.2 14307.8 9111.0 13192.7
ms_pacman 9 307.3 6951.6 1480.0 1204.1 941.9 1465.5 960.5 1313.2
pong 6 -20.7 14.6 12.8 -19.3 1.3 -16.5 -8.5 -5.9
private_eye 18 24.9 69571.3 58.3 97.8 100.0 218.4 -13.6 124.0
qbert 6 163.9 13455.0 1288.8 1152.9 509.3 1042.4 854.4 669.1
road_runner 18 11.5 7845.0 5640.6 9600.0 2696.7 5661.0 8895.1 14220.5
seaquest 18 68.4 42054.7 683.3 354.1 286.9 384.5 301.2 583.1
up_n_down 6 533.4 11693.2 3350.3 2877.4 2847.6 2955.2 3180.8 28138.5
"""

_SPLIT = [row.split() for row in _ROWS.strip().splitlines()]
ACTIONS = {row[0]: int(row[1]) for row in _SPLIT}  # of each game's minimal set
SCORES = {row[0]: dict(zip(AGENTS, map(float, row[2:]))) for row in _SPLIT}
MEANS = {"SimPLe": 0.443, "DER": 0.285, "OTRainbow": 0.264, "CURL": 0.381, "DrQ": 0.357, "SPR": 0.704}  # as printed
MEDIANS = {"SimPLe": 0.144, "DER": 0.161, "OTRainbow": 0.204, "CURL": 0.175, "DrQ": 0.268, "SPR": 0.415}


def human_normalised(game: str, score: float | np.ndarray) -> float | np.ndarray:
    """(score - random) / (human - random)."""
    low, high = SCORES[game]["Random"], SCORES[game]["Human"]
    return (score - low) / (high - low)


def normalised(agent: str) -> np.ndarray:
    """Human-normalised published scores of an agent. (26,)."""
    return np.array([human_normalised(game, scores[agent]) for game, scores in SCORES.items()])
