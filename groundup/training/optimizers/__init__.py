"""What the gradients do to the weights: one small file for each optimizer, all of them in `table.py`."""
