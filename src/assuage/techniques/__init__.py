"""assuage.techniques."""
