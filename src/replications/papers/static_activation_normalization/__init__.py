"""Static activation function normalization (Richemond and Guo, 2019, arXiv:1905.01369)."""
