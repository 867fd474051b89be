"""The laboratory: the rows of our own experiments, their runs, results, figures and pages; not installed."""
