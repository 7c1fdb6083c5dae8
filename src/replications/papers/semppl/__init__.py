"""SemPPL: predicting pseudo-labels for better contrastive representations (Bošnjak et al. 2023)."""
