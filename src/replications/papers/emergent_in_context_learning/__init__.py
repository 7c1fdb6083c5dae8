"""Data distributional properties drive emergent in-context learning in transformers (Chan et al. 2022)."""
