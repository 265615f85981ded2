"""What the robot senses, and what it makes of it."""
