"""Combining learning rate decay and weight decay with complexity gradient descent (Richemond and Guo 2019)."""
