"""assuage.safety."""
