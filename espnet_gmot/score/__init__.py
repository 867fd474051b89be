"""Error rates, files of results, and pages that compare systems."""
