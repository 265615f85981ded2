"""From feature tokens to the language model's input tokens: one projector a file, all behind `projector.Projector`."""
