"""Models, predictions and their evaluation."""
