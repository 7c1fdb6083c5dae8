"""BYOL works even without batch statistics (Richemond et al. 2020)."""
