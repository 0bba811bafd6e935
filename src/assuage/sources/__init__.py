"""assuage.sources."""
