"""assuage.cli."""
