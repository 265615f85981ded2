"""From the frames of a clip of observations to the arrays that encoders read: one reader a file. numpy only."""
