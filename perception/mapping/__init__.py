"""Where the robot is in the map that it was given."""
