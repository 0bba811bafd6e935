"""assuage.field."""
