"""Teaching the eye: pictures drawn from the tasks' worlds with the truth about them, training, and scores."""
