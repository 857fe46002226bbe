"""The detector learns: eight systems by heart, without an error; and a killed run goes on as if it had not been."""
