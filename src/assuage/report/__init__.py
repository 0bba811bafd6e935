"""assuage.report."""
