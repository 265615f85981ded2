"""Words that are spoken: from microphones or a WAV to text, under a grammar of what can be asked for."""
