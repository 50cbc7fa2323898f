"""Settings: from flags, environment and file to the policies that the code obeys."""
