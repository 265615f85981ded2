"""Evaluation that cannot fool itself: paired runs, intervals, audits."""
