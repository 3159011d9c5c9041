"""Searching for settings: many trainings of one run file, judged on its validation rows alone."""
