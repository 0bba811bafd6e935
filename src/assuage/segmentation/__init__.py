"""From a person's T1 to their head."""
