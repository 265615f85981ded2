"""One language model with senses: configuration, processor, model, base models, what is saved."""
