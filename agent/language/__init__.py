"""Teaching the language model what the senses mean: moments, questions about them, and the stages of training."""
