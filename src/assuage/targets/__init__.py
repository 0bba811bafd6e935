"""assuage.targets."""
