"""Page to score: the room of the fifth issue; nothing is here yet."""
