"""assuage.circuits."""
