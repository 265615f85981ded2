"""Skills: closed-loop policies for what the robot can do, and the scripted experts among them."""
