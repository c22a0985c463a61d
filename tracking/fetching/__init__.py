"""Requests to Japan Post, and how their answers are stored: gate, look-up, schedule, alarms, health."""
