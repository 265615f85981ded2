"""What is kept of an episode: a video, a report, a result, and what is shown while it runs."""
