"""Efficiently applying attention to sequential data with the Recurrent Discounted Attention unit (Maginnis, Richemond 2017)."""
