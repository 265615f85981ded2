"""Teaching the ear: windows of simulated rooms with the truth about them, and training."""
