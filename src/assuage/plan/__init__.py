"""assuage.plan."""
