"""assuage.head."""
