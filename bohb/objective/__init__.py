"""The objective: a trial, its legs, and the three styles of the function that trains it."""
